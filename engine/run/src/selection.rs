//! Which frames are sifted: by time, network, filter and number.

use crate::filter::{Facts, Filter};
use serde::Serialize;
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::Network;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift_capture::FrameBatch;

/// The choices, and what they left out so far.
pub struct Selection {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    only: Vec<Network>,
    exclude: Vec<Network>,
    filter: Option<Filter>,
    /// Frames that may still come.
    wanted: u64,
    decoder: Decoder,
    counts: SelectionCounts,
}

/// What is wanted; the default is every frame.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only frames from this time on.
    pub since: Option<Timestamp>,
    /// Only frames before this time.
    pub until: Option<Timestamp>,
    /// Only packets from or to one of these networks, where there are any.
    pub only_net: Vec<Network>,
    /// No packets from or to one of these networks.
    pub exclude_net: Vec<Network>,
    /// Only packets for which it holds.
    pub filter: Option<Filter>,
    /// At most so many frames, counted after the other choices.
    pub count: Option<u64>,
}

/// A list of frames that some can be taken from.
pub trait Frames {
    /// How many there are.
    fn count(&self) -> u64;
    /// Drops those for which `wanted` is false.
    fn keep(&mut self, wanted: impl FnMut(&Frame<'_>) -> bool);
}

impl Frames for FrameBatch {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn keep(&mut self, wanted: impl FnMut(&Frame<'_>) -> bool) {
        self.retain(wanted);
    }
}

/// Frames by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "selection")
)]
pub struct SelectionCounts {
    /// Sifted.
    pub selected: u64,
    /// Before `--since`.
    pub before_since: u64,
    /// At `--until` or after.
    pub after_until: u64,
    /// Neither from nor to a network of `--only-net`.
    pub not_only_net: u64,
    /// From or to a network of `--exclude-net`.
    pub excluded: u64,
    /// Refused by `--filter`.
    pub filtered: u64,
    /// Not decoded, so that networks and the filter could not be asked: given to the
    /// engine, which counts them by reason.
    pub undecoded: u64,
}

wormsift_capture::as_numbers!(SelectionCounts {
    selected,
    before_since,
    after_until,
    not_only_net,
    excluded,
    filtered,
    undecoded,
});

impl Selection {
    /// A selection of frames as sensors of these settings decode them.
    pub fn new(choice: Choice, config: &Config) -> Self {
        Self {
            since: choice.since,
            until: choice.until,
            only: choice.only_net,
            exclude: choice.exclude_net,
            filter: choice.filter,
            wanted: choice.count.unwrap_or(u64::MAX),
            decoder: wormsift::pipeline::decoder(config),
            counts: SelectionCounts::default(),
        }
    }

    /// Drops the frames that are not wanted. Whether more may be.
    pub fn apply(&mut self, batch: &mut impl Frames) -> bool {
        if self.is_everything() {
            self.counts.selected += batch.count();
        } else {
            batch.keep(|frame| self.takes(frame));
        }
        self.wanted > 0
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> SelectionCounts {
        self.counts
    }

    fn is_everything(&self) -> bool {
        self.since.is_none()
            && self.until.is_none()
            && self.only.is_empty()
            && self.exclude.is_empty()
            && self.filter.is_none()
            && self.wanted == u64::MAX
    }

    fn takes(&mut self, frame: &Frame<'_>) -> bool {
        if self.wanted == 0 {
            return false;
        }
        let verdict = self.verdict(frame);
        *self.counts.of(verdict) += 1;
        self.wanted -= u64::from(verdict == Verdict::Taken);
        matches!(verdict, Verdict::Taken | Verdict::Undecoded)
    }

    /// Of what cannot be decoded only the time is asked: the engine counts it under its
    /// reason.
    fn verdict(&self, frame: &Frame<'_>) -> Verdict {
        if self.since.is_some_and(|since| frame.time < since) {
            return Verdict::BeforeSince;
        }
        if self.until.is_some_and(|until| frame.time >= until) {
            return Verdict::AfterUntil;
        }
        if self.only.is_empty() && self.exclude.is_empty() && self.filter.is_none() {
            return Verdict::Taken;
        }
        let (source, destination, protocol, ports) = match self.decoder.frame(frame) {
            Decoded::Packet(packet) => (
                packet.source,
                packet.destination,
                packet.protocol,
                Some((packet.source_port, packet.destination_port)),
            ),
            Decoded::Fragment(part) => {
                (part.source, part.destination, part.protocol, None)
            }
            Decoded::Drop(_) => return Verdict::Undecoded,
        };
        let touches = |networks: &[Network]| {
            let holds = |network: &Network, address: IpAddr| network.contains(address);
            networks.iter().any(|net| holds(net, source) || holds(net, destination))
        };
        if !self.only.is_empty() && !touches(&self.only) {
            return Verdict::NotOnlyNet;
        }
        if touches(&self.exclude) {
            return Verdict::Excluded;
        }
        let (vlans, len) = vlans(frame);
        let facts = Facts { source, destination, protocol, ports, vlans: &vlans[..len] };
        match &self.filter {
            Some(filter) if !filter.admits(&facts) => Verdict::Filtered,
            _ => Verdict::Taken,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    BeforeSince,
    AfterUntil,
    NotOnlyNet,
    Excluded,
    Filtered,
    Undecoded,
}

impl SelectionCounts {
    fn of(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Taken => &mut self.selected,
            Verdict::BeforeSince => &mut self.before_since,
            Verdict::AfterUntil => &mut self.after_until,
            Verdict::NotOnlyNet => &mut self.not_only_net,
            Verdict::Excluded => &mut self.excluded,
            Verdict::Filtered => &mut self.filtered,
            Verdict::Undecoded => &mut self.undecoded,
        }
    }
}

/// The ids of a frame's outer VLAN tags, and how many there are; of more than eight, the
/// first eight. The decoder folds them into one number, so they are read again here.
fn vlans(frame: &Frame<'_>) -> ([u16; 8], usize) {
    let mut ids = [0; 8];
    // Where the header names the protocol, and where it ends.
    let (mut at, mut end) = match frame.link {
        LinkType::ETHERNET => (12, 14),
        LinkType::LINUX_SLL => (14, 16),
        LinkType::LINUX_SLL2 => (0, 20),
        _ => return (ids, 0),
    };
    let field = |at: usize| {
        let bytes = frame.data.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    };
    let mut len = 0;
    while let (Some(0x8100 | 0x88a8 | 0x9100), Some(tag)) = (field(at), field(end)) {
        let Some(id) = ids.get_mut(len) else { break };
        *id = tag & 0x0fff;
        len += 1;
        (at, end) = (end + 2, end + 4);
    }
    (ids, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
        Frame {
            number: 1,
            time: Timestamp::default(),
            link,
            original_len: data.len() as u32,
            tap: 0,
            data,
        }
    }

    fn ids(link: LinkType, data: &[u8]) -> Vec<u16> {
        let (ids, len) = vlans(&frame(link, data));
        ids[..len].to_vec()
    }

    #[test]
    fn what_cannot_be_decoded_is_passed_on_and_not_counted_as_selected() {
        let exclude_net = vec!["192.0.2.0/24".parse().unwrap()];
        let choice = Choice { exclude_net, ..Choice::default() };
        let mut selection = Selection::new(choice, &Config::default());
        let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
        assert!(selection.takes(&frame(LinkType::ETHERNET, &arp)));
        let mut ip =
            [&[0x45, 0, 0, 28], &[0; 5][..], &[17, 0, 0], &[9; 8], &[0; 8]].concat();
        assert!(selection.takes(&frame(LinkType::RAW, &ip)));
        ip[12..16].copy_from_slice(&[192, 0, 2, 1]);
        assert!(!selection.takes(&frame(LinkType::RAW, &ip)));
        let counts = selection.counts();
        assert_eq!((counts.selected, counts.excluded, counts.undecoded), (1, 1, 1));
    }

    #[test]
    fn vlan_ids_are_read_in_the_order_of_their_tags() {
        let tags = [0x88, 0xa8, 0x30, 0x64, 0x81, 0x00, 0x00, 0x07, 0x08, 0x00, 0x45];
        let ethernet = [&[0; 12][..], &tags].concat();
        assert_eq!(ids(LinkType::ETHERNET, &ethernet), [0x64, 7]);
        let cooked = [&[0; 14][..], &tags].concat();
        assert_eq!(ids(LinkType::LINUX_SLL, &cooked), [0x64, 7]);
        let cooked_2 = [&tags[..2], &[0; 18], &tags[2..]].concat();
        assert_eq!(ids(LinkType::LINUX_SLL2, &cooked_2), [0x64, 7]);
        assert!(ids(LinkType::RAW, &ethernet).is_empty());
        for cut in 0..ethernet.len() {
            assert!(ids(LinkType::ETHERNET, &ethernet[..cut]).len() <= 2);
        }
        let endless = [0x81, 0x00].repeat(40);
        assert_eq!(ids(LinkType::ETHERNET, &endless).len(), 8);
    }
}
