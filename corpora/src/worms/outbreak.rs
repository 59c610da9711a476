//! Scenario `outbreak`: a random-scanning worm on a two-way tap.
//!
//! One host outside is infected and scans addresses at random, inside and outside; what it
//! infects does the same ([`crate::epidemic`]). The body is 376 inert bytes: 320 that every
//! copy shares, in 56 that are random in every packet. It goes to one port, in whatever
//! [`Carriage`] is asked for.

use super::scanning::{CarriedBody, Scanning};
use super::setup::WormSetup;
use crate::address_space::{AddressSpace, Prefix};
use crate::body::Body;
use crate::carriage::Carriage;
use crate::cut_off::CutOff;
use crate::error::CorpusError;
use crate::frame_stream::{FrameStream, Trace};
use crate::profile::{FIRES, Profile};
use crate::scenario::{Entry, GenerateOptions, Request};

pub(crate) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "outbreak",
        "a random-scanning worm spreads to and from a site, by one 376-byte UDP packet",
        "counting repetition without dispersion; hashes of whole packets",
        FIRES,
    ),
    open,
};

/// The attacked port, which no common service uses.
pub(crate) const PORT: u16 = 48_879;

/// 600 vulnerable hosts, a sixth of them inside, each scanning four addresses a second of
/// 10.20.0.0/16 with a /20 behind the tap: the number of infected doubles in some 20 s.
fn open(request: Request<'_>) -> Result<FrameStream, CorpusError> {
    start(request, INSIDE_SHARE, CutOff::default())
}

/// Which share of the vulnerable hosts is inside.
const INSIDE_SHARE: f64 = 1.0 / 6.0;

fn start(
    request: Request<'_>,
    inside_share: f64,
    cut_off: CutOff,
) -> Result<FrameStream, CorpusError> {
    request.options.check_start()?;
    let default = AddressSpace::default();
    let inside = request.options.inside.unwrap_or(default.inside);
    let space = AddressSpace { inside, ..default };
    let setup = WormSetup { cut_off, ..WormSetup::of(request, space) };
    let scanning = Scanning {
        vulnerable: 600,
        inside_share,
        rate: 4.0,
        stream: "carriage",
        parameters: &[
            "scan_rate",
            "latency_seconds",
            "vulnerable_inside",
            "vulnerable_outside",
        ],
        ..Scanning::default()
    };
    scanning.start(setup, |setup| {
        let own = Body::wrapped(24, 320, 32, &mut setup.rng("body"));
        CarriedBody::new(setup, own, PORT)
    })
}

/// The scenario `outbreak` under a seed, to be set up and run.
#[derive(Clone, Debug)]
pub struct Outbreak {
    seed: u64,
    options: GenerateOptions,
}

impl Outbreak {
    /// With default options. Twenty inside hosts have background traffic; it ends ten
    /// seconds after the 120th infection.
    pub fn new(seed: u64) -> Self {
        Self { seed, options: GenerateOptions::default() }
    }

    /// Replaces all options.
    #[must_use]
    pub fn options(self, options: GenerateOptions) -> Self {
        Self { options, ..self }
    }

    /// How the body is carried.
    #[must_use]
    pub fn carriage(mut self, carriage: Carriage) -> Self {
        self.options.carriage = carriage;
        self
    }

    /// Ends ten seconds after this many hosts are infected.
    #[must_use]
    pub fn infected(mut self, hosts: u32) -> Self {
        self.options.until_infected = Some(hosts);
        self
    }

    /// Ends after so many packets.
    #[must_use]
    pub fn packets(mut self, packets: u64) -> Self {
        self.options.packets = Some(packets);
        self
    }

    /// How many inside hosts have background traffic; 0 for none at all.
    #[must_use]
    pub fn background_hosts(mut self, hosts: u32) -> Self {
        self.options.background_hosts = Some(hosts);
        self
    }

    /// How many hosts can be infected.
    #[must_use]
    pub fn vulnerable_hosts(mut self, hosts: u32) -> Self {
        self.options.vulnerable_hosts = Some(hosts);
        self
    }

    /// Mean scans a second of an infected host.
    #[must_use]
    pub fn scan_rate(mut self, scans: f64) -> Self {
        self.options.scan_rate = Some(scans);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn stream(&self) -> Result<FrameStream, CorpusError> {
        self.at_border(CutOff::default())
    }

    /// The whole capture in memory.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn trace(&self) -> Result<Trace, CorpusError> {
        Ok(self.stream()?.into_trace())
    }

    /// Starts it at the border of a site, where hosts of the site may be cut off: these send
    /// nothing across the tap any more.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn at_border(&self, cut_off: CutOff) -> Result<FrameStream, CorpusError> {
        let Self { seed, options } = self;
        let request = Request { name: ENTRY.profile.name, seed: *seed, options };
        start(request, INSIDE_SHARE, cut_off)
    }

    /// Starts it within a site, half of the scanned addresses: all vulnerable hosts but the
    /// first infected are there, the tap sees what they send each other, and those that are
    /// cut off send nothing any more.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn within_site(&self, cut_off: CutOff) -> Result<FrameStream, CorpusError> {
        let vulnerable = self.options.vulnerable_hosts.unwrap_or(600);
        let scanned = AddressSpace::default().scanned;
        let options = GenerateOptions {
            inside: Some(Prefix::new(scanned.network, scanned.bits + 1)),
            sees_all: true,
            ..self.options.clone()
        };
        let request =
            Request { name: ENTRY.profile.name, seed: self.seed, options: &options };
        let inside_share = 1.0 - 1.0 / f64::from(vulnerable.max(2));
        start(request, inside_share, cut_off)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn quiet(seed: u64) -> Outbreak {
        Outbreak::new(seed).background_hosts(0)
    }

    #[test]
    fn it_ends_when_enough_hosts_are_infected() {
        let trace = Outbreak::new(3).infected(40).trace().unwrap();
        let truth = &trace.truth;
        assert!(truth.infections.len() >= 40);
        let fortieth = truth.infections[39].time_ns;
        assert!(truth.last_packet_ns > fortieth);
        assert!(truth.last_packet_ns <= fortieth + 10_000_000_000);
        assert_eq!(trace.frames.len() as u64, truth.packets);
    }

    #[test]
    fn every_udp_packet_is_named_as_a_carrier_and_is_one() {
        let trace = quiet(4).infected(30).trace().unwrap();
        let content = &trace.truth.contents[0];
        let invariant = &content.invariant_pieces()[0];
        assert_eq!(invariant.len(), 320);
        assert_eq!(content.carriers.count, trace.truth.packets);
        for (index, (_, frame)) in trace.frames.iter().enumerate() {
            assert!(content.carriers.contains(index as u64 + 1));
            assert_eq!(frame.len(), 14 + 20 + 8 + 376);
            assert_eq!(frame[42 + 24..42 + 344], invariant[..]);
        }
    }

    #[test]
    fn an_infecting_packet_goes_from_the_one_to_the_other() {
        let trace = quiet(5).infected(60).trace().unwrap();
        let seen = trace.truth.infections.iter().filter(|one| one.packet.is_some());
        assert!(seen.clone().count() > 10);
        for infection in seen {
            let number = infection.packet.unwrap();
            let (time_ns, frame) = &trace.frames[number as usize - 1];
            assert_eq!(*time_ns, infection.time_ns);
            let address = |at: usize| {
                IpAddr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap())
            };
            assert_eq!(Some(address(26)), infection.by);
            assert_eq!(address(30), infection.host);
        }
    }

    fn frames(mut stream: FrameStream) -> (Vec<(u64, Vec<u8>)>, usize) {
        let (mut frames, mut frame) = (Vec::new(), Vec::new());
        while let Some(info) = stream.next_frame(&mut frame) {
            frames.push((info.time_ns, frame.clone()));
        }
        (frames, stream.into_truth().infections.len())
    }

    #[test]
    fn with_an_empty_list_it_is_the_scenario_byte_for_byte() {
        let outbreak = Outbreak::new(6).infected(60);
        let trace = outbreak.trace().unwrap();
        let (sent, infected) = frames(outbreak.at_border(CutOff::default()).unwrap());
        assert_eq!(sent, trace.frames);
        assert_eq!(infected, trace.truth.infections.len());
        let late = CutOff::default();
        trace.truth.infections.iter().for_each(|one| {
            let IpAddr::V4(host) = one.host else { panic!("{one:?}") };
            late.add(host, u64::MAX);
        });
        assert_eq!(frames(outbreak.at_border(late).unwrap()).0, trace.frames);
    }

    #[test]
    fn who_is_cut_off_sends_nothing_and_infects_nobody() {
        let minutes = std::time::Duration::from_secs(260);
        let outbreak = Outbreak::new(7).options(GenerateOptions {
            duration: Some(minutes),
            background_hosts: Some(0),
            ..GenerateOptions::default()
        });
        let (whole, infected) = frames(outbreak.within_site(CutOff::default()).unwrap());
        assert!(infected > 100, "{infected}");
        // Each host that has sent anything is cut off a second after its first packet.
        let cut_off = CutOff::default();
        let mut stream = outbreak.within_site(cut_off.clone()).unwrap();
        let (mut first, mut frame) = (std::collections::BTreeMap::new(), Vec::new());
        while let Some(info) = stream.next_frame(&mut frame) {
            let source = <[u8; 4]>::try_from(&frame[26..30]).unwrap();
            let since = *first.entry(source).or_insert(info.time_ns);
            // One scan may have been made before it was listed.
            let ended = since + 1_000_000_000;
            assert!(info.time_ns <= ended + 1_000_000_000, "{source:?}");
            cut_off.add(source.into(), ended);
        }
        let truth = stream.into_truth();
        assert!(truth.packets < whole.len() as u64 / 20, "{}", truth.packets);
        assert!(truth.infections.len() * 10 < infected, "{}", truth.infections.len());
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(quiet(1).infected(601).stream().is_err());
        assert!(quiet(1).scan_rate(-1.0).stream().is_err());
        let body = Some(Body::new(Vec::new()));
        let empty = GenerateOptions { body, ..GenerateOptions::default() };
        assert!(quiet(1).options(empty).stream().is_err());
    }
}
