//! Scenarios that several taps see.
//!
//! The packets are those of `outbreak`; each tap sees some of them, in a capture of its own. The
//! truth is that of all packets together, numbered as one tap would that sees each once.

mod files;

pub use files::TapFiles;

use crate::frame_stream::FrameInfo;
use crate::profile::{FIRES, Profile};
use crate::scenario::{Entry, GenerateOptions, Request};
use crate::worms::outbreak;
use std::net::Ipv4Addr;

pub(crate) const SCENARIOS: &[Entry] = &[TWO_TAPS, TWO_SITES];

/// How a scenario's packets come to several taps.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    scenario: &'static str,
    taps: &'static [CutTap],
    /// By tap, how many nanoseconds later than its own time a frame is seen; `None` where it is not.
    see: fn(FrameInfo, &[u8]) -> [Option<u64>; 2],
}

/// A tap of a [`Cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutTap {
    /// Its name.
    pub name: &'static str,
    /// The site whose addresses it sees, where there are several.
    pub site: Option<&'static str>,
}

impl Cut {
    /// That of a scenario, if several taps see it.
    pub(crate) fn of(scenario: &str) -> Option<Self> {
        CUTS.iter().find(|cut| cut.scenario == scenario).copied()
    }

    /// The taps.
    pub fn taps(&self) -> &'static [CutTap] {
        self.taps
    }

    /// Which taps see a frame, by their places, and how many nanoseconds after its own time.
    pub fn seen(
        &self,
        info: FrameInfo,
        frame: &[u8],
    ) -> impl Iterator<Item = (usize, u64)> {
        let delays = (self.see)(info, frame);
        delays.into_iter().enumerate().filter_map(|(tap, later)| Some((tap, later?)))
    }
}

const CUTS: [Cut; 2] = [
    Cut {
        scenario: "two-taps",
        taps: &[CutTap { name: "edge", site: None }, CutTap { name: "core", site: None }],
        see: at_edge_and_core,
    },
    Cut {
        scenario: "two-sites",
        taps: &[
            CutTap { name: "a", site: Some("berlin") },
            CutTap { name: "b", site: Some("paris") },
        ],
        see: at_its_site,
    },
];

const TWO_TAPS: Entry = Entry {
    profile: Profile::worm(
        "two-taps",
        "the worm of `outbreak` seen at the border of a site and in it: half of the hosts are \
         behind a second tap, which sees the same packets 50 us later",
        "counting copies of a packet; parts of a network each by itself",
        FIRES,
    )
    .of_several_taps(),
    open: |request| {
        let options = GenerateOptions { sees_all: true, ..request.options.clone() };
        outbreak::ENTRY.start(Request { options: &options, ..request })
    },
};

const TWO_SITES: Entry = Entry {
    profile: Profile::worm(
        "two-sites",
        "the worm of `outbreak` at one of two sites whose hosts have the same private addresses",
        "taking equal addresses of two networks for one host",
        FIRES,
    )
    .of_several_taps(),
    open: |request| {
        let here = outbreak::ENTRY.start(request)?;
        // Hosts with the same addresses, and what they ordinarily do, some seconds later.
        let start_ns = request.options.start_ns.saturating_add(LATER_NS);
        let options =
            GenerateOptions { worm: false, start_ns, ..request.options.clone() };
        let there = outbreak::ENTRY.start(Request { options: &options, ..request })?;
        Ok(here.join(there))
    },
};

const LATER_NS: u64 = 7_000_000_000;

/// The way from the border to the hosts behind the second tap.
const WAY_NS: u64 = 50_000;

/// The border shows what crosses it; the second tap what goes to and from the upper half of the
/// site's addresses, and nobody what the lower half keeps to itself. Both ends of a conversation
/// inside are seen once, or not at all.
fn at_edge_and_core(_: FrameInfo, frame: &[u8]) -> [Option<u64>; 2] {
    let Some([source, destination]) = ends(frame) else { return [Some(0), None] };
    let is_inside =
        |it: Ipv4Addr| it.octets()[..2] == [10, 20] && it.octets()[2] >> 4 == 1;
    let is_behind = |it: Ipv4Addr| is_inside(it) && it.octets()[2] & 8 != 0;
    let crosses = is_inside(source) != is_inside(destination);
    let passes = is_behind(source) || is_behind(destination);
    [crosses.then_some(0), passes.then_some(WAY_NS)]
}

/// The first site's packets are those of the worm's own stream.
fn at_its_site(info: FrameInfo, _: &[u8]) -> [Option<u64>; 2] {
    [(info.part == 0).then_some(0), (info.part == 1).then_some(0)]
}

/// Source and destination of an IPv4 packet on Ethernet.
fn ends(frame: &[u8]) -> Option<[Ipv4Addr; 2]> {
    let ip = frame.get(12..)?.strip_prefix(&[8, 0])?;
    let address = |at: usize| Some(Ipv4Addr::from(*ip.get(at..)?.first_chunk()?));
    Some([address(12)?, address(16)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tap sees, each frame with its time.
    type Seen = Vec<(u64, Vec<u8>)>;

    /// What each tap sees, and how many packets there are.
    fn seen(scenario: &str) -> ([Seen; 2], u64) {
        let cut = Cut::of(scenario).unwrap();
        let scenario = crate::Scenario::named(scenario, 1).unwrap();
        let options = GenerateOptions { until_infected: Some(30), ..Default::default() };
        let mut stream = scenario.options(options).stream().unwrap();
        let (mut taps, mut frame) = ([const { Vec::new() }; 2], Vec::new());
        let mut packets = 0;
        while let Some(info) = stream.next_frame(&mut frame) {
            packets += 1;
            for (tap, later) in cut.seen(info, &frame) {
                taps[tap].push((info.time_ns + later, frame.clone()));
            }
        }
        (taps, packets)
    }

    #[test]
    fn both_taps_see_much_and_some_of_it_twice() {
        let ([edge, core], packets) = seen("two-taps");
        let copies = core.iter().filter(|(time, frame)| {
            let before = (time - WAY_NS, frame.clone());
            edge.binary_search(&before).is_ok() || edge.contains(&before)
        });
        let copies = copies.count();
        assert!(
            copies > edge.len() / 4 && copies < core.len(),
            "{copies} of {}",
            core.len()
        );
        let once = edge.len() + core.len() - copies;
        assert!(
            once as u64 <= packets && once as u64 > packets / 2,
            "{once} of {packets}"
        );
    }

    #[test]
    fn the_sites_share_addresses_and_no_packet() {
        let ([berlin, paris], packets) = seen("two-sites");
        assert_eq!((berlin.len() + paris.len()) as u64, packets);
        let sources =
            |frames: &[(u64, Vec<u8>)]| -> std::collections::BTreeSet<Ipv4Addr> {
                let ends = frames.iter().filter_map(|(_, frame)| ends(frame));
                ends.map(|[source, _]| source).filter(|it| it.octets()[0] == 10).collect()
            };
        let (here, there) = (sources(&berlin), sources(&paris));
        let both = here.intersection(&there).count();
        assert!(both >= 10, "{both} of {} and {}", here.len(), there.len());
    }
}
