//! Candidates, signatures, and whether they are new.
//!
//! The sketches say only that some window of a few dozen bytes is widespread.
//! This module turns that into a [`Signature`] that a person can check:
//!
//! 1. [`Candidates`], one table per content shard, watches the windows that
//!    repeat. It remembers who was involved and says which pieces of stream should be kept as samples.
//! 2. [`grow()`] lays the samples of one alarmed window side by side and widens
//!    the window while they agree: the whole invariant, not its first 40 bytes.
//! 3. [`coalesce()`] joins the grown pieces of many alarmed windows where they are
//!    parts of one content.
//! 4. [`tokens::tokens()`] looks for what else all samples of a content hold: a
//!    polymorphic body repeats in several strings.
//! 5. The [`Ledger`] knows what was reported before. It turns the alarms of one
//!    tick into findings: a new signature, an update of a known one, or nothing.
//! 6. Signatures that belong together are one [`Incident`], which has a [`Kind`].
//!
//! Every step is a function of its input alone: no clock, no random choice, and
//! alarms in any order give the same findings.

mod baseline;
mod coalesce;
mod confidence;
mod evidence;
mod grow;
mod growth;
mod incidents;
mod kind;
mod ledger;
mod passing;
mod population;
mod rank;
mod sample;
#[doc(hidden)]
pub mod strength;
#[doc(hidden)]
pub mod tokens;
mod wave;

pub use crate::detect::alarms::Alarm;
#[doc(hidden)]
pub use crate::detect::candidates::{
    Candidate, CandidateCounters, Candidates, Missing, SampleReference, SampleRequest,
    Seen, Side, Slot,
};
pub use crate::detect::count::{Count, FirstSighting, MOST_HOSTS, Precision};
pub use crate::detect::decoys::{DecoyReport, Suspect};
pub use crate::detect::handshakes::Handshakes;
pub(crate) use crate::detect::population::Hour;
pub use crate::detect::ports::{PortCounts, Roles};
pub use crate::detect::propagation::Relay;
pub use baseline::Suppressed;
#[doc(hidden)]
pub use baseline::{Binding, Boilerplate, Covered, LearnedKeys, LiteralFile};
#[doc(hidden)]
pub use coalesce::{Joined, Occurrence, Piece, coalesce};
pub use confidence::Confidence;
pub use evidence::{Evidence, Load, Nearest, View};
#[doc(hidden)]
pub use grow::{Grown, Support, grow};
pub use growth::Growth;
pub use incidents::{Incident, IncidentHost};
pub use kind::Kind;
pub use ledger::Finding;
#[doc(hidden)]
pub use ledger::{AlarmedCandidate, Ledger, LedgerSettings, SignatureCounters, Snapshot};
pub use passing::PassingOn;
pub use population::{HostRange, HostRangeMethod, Population};
#[doc(hidden)]
pub use sample::Sample;
pub use wave::{Wave, WaveRule};

use crate::packet::{AddressPlan, Host, Timestamp};
use crate::state::persist;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_128;

/// One place where a signature's content was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureSample {
    /// Number of the packet that the sample was taken from.
    pub packet: u64,
    /// That packet's time.
    pub time: Timestamp,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// Port of the sender, 0 without ports.
    pub source_port: u16,
    /// Port of the receiver; for ICMP type x 256 + code.
    pub destination_port: u16,
    /// Where the content begins in the sampled piece of stream, in bytes.
    /// Negative when it begins before the piece.
    pub offset: i64,
    /// Payload bytes of that packet, where it was a whole datagram: not TCP, and not cut
    /// by the capture.
    pub payload_length: Option<u32>,
}

/// Content that spreads, grown to its full length, with the evidence for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Name of the content, from [`signature_id`]; never changes.
    pub id: String,
    /// The alarm that fired first.
    pub alarm: Alarm,
    /// How much to trust it; `evidence.reasons` says why.
    pub confidence: Confidence,
    /// What it is likely to be, together with the signatures of its incident.
    pub kind: Kind,
    /// The id of the incident that it belongs to.
    pub incident: Option<String>,
    /// IP protocol number.
    pub protocol: u8,
    /// Port under the port rule; `None` under rule `none`.
    pub port: Option<u16>,
    /// Which port that is: `destination`, `source`, `service` or `none`.
    pub port_rule: String,
    /// The id of the older signature that this one was found to be a part of, in its last
    /// word: the other carries on both.
    pub part_of: Option<String>,
    /// The bytes that repeat.
    pub content: Vec<u8>,
    /// The strings that must all occur for a match: the content, and what else every
    /// sample holds (see [`tokens::tokens()`]).
    pub tokens: Vec<Vec<u8>>,
    /// Whether the tokens followed each other in this order, none overlapping another, in
    /// every sample.
    pub tokens_ordered: bool,
    /// Packets with one of its windows, at most, since that window was watched.
    pub packets: u64,
    /// Number of sources since it was first seen. Where a content grew beyond what all of them
    /// sent, those that sent a window of it count as well; so with destinations.
    pub sources: u32,
    /// How much that says.
    pub sources_precision: Precision,
    /// Number of destinations since it was first seen.
    pub destinations: u32,
    /// How much that says.
    pub destinations_precision: Precision,
    /// Up to 64 exact sources in numeric order.
    pub source_list: Vec<Host>,
    /// Up to 64 exact destinations in numeric order.
    pub destination_list: Vec<Host>,
    /// Its packets by the role of their sender, as far as they are counted.
    pub roles: Roles,
    /// The same by service port.
    pub ports: PortCounts,
    /// Its packets by the tap that saw them, where taps have names; a packet that two saw is one of
    /// both.
    pub taps: BTreeMap<String, u32>,
    /// Taps of a fleet that were blind between its first and last sighting, their seconds
    /// included, with in how many of these seconds: a tap had not come so far when the merger
    /// went on, its parcels are lost, or it was not running. What passed there then is not
    /// counted here.
    pub blind: BTreeMap<String, u64>,
    /// Taps of a fleet that saw it and send no payload: the content and the samples are of other
    /// taps.
    pub withheld: BTreeSet<String>,
    /// Sum of the relays' fan-outs.
    pub spread: u32,
    /// Hosts that passed the content on, as propagation lists them.
    pub relays: Vec<Relay>,
    /// How many addresses sent it, and what that says of hosts; `None` where there was no
    /// memory to count them.
    pub population: Option<Population>,
    /// Time of the first packet with it that is known.
    pub first_seen: Timestamp,
    /// That packet, and whether there may have been earlier ones. `None` in what an earlier
    /// version wrote.
    pub first_sighting: Option<FirstSighting>,
    /// Latest recorded sighting.
    pub last_seen: Timestamp,
    /// The tick at which it was first reported.
    pub detected_at: Timestamp,
    /// What the confidence rests on.
    pub evidence: Evidence,
    /// Where it was seen: a few places, in packet order.
    pub samples: Vec<SignatureSample>,
    /// What the sensor's settings say of these hosts.
    pub addresses: AddressPlan,
}

impl Signature {
    /// The number of sources with what it says, to be written in a sentence.
    pub fn source_count(&self) -> Count {
        Count { number: self.sources, precision: self.sources_precision }
    }

    /// The same of destinations.
    pub fn destination_count(&self) -> Count {
        Count { number: self.destinations, precision: self.destinations_precision }
    }

    /// The same of the spread: a fan-out above 16 is an estimate.
    pub fn spread_count(&self) -> Count {
        match self.relays.iter().all(Relay::is_exact) {
            true => Count::exact(self.spread),
            false => Count::about(self.spread),
        }
    }

    /// Whether a packet before the first known one may have held the content.
    pub fn may_be_earlier(&self) -> bool {
        !self.first_sighting.is_some_and(|first| first.certain)
    }
}

/// The name of a content: 32 hex digits of the unkeyed 128-bit XXH3 of
///
/// | bytes | what |
/// |---|---|
/// | 1 | IP protocol |
/// | 1 | length of the port rule's name |
/// | n | the port rule's name |
/// | 1 | 1 with a port, 0 without |
/// | 2 | the port, big-endian; 0 without |
/// | rest | the content as first reported |
///
/// Unkeyed, so that two sensors give one content one name.
pub fn signature_id(
    protocol: u8,
    port_rule: &str,
    port: Option<u16>,
    content: &[u8],
) -> String {
    let rule = &port_rule.as_bytes()[..port_rule.len().min(255)];
    let mut bytes = Vec::with_capacity(5 + rule.len() + content.len());
    bytes.extend([protocol, rule.len() as u8]);
    bytes.extend(rule);
    bytes.push(u8::from(port.is_some()));
    bytes.extend(port.unwrap_or(0).to_be_bytes());
    bytes.extend(content);
    format!("{:032x}", xxh3_128(&bytes))
}

persist!(SignatureSample {
    packet,
    time,
    source,
    destination,
    source_port,
    destination_port,
    offset,
    payload_length
});

#[cfg(test)]
mod tests {
    use super::*;

    /// One with these relays and sources, and nothing else.
    pub(super) fn signature_of(relays: Vec<Relay>, source_list: Vec<Host>) -> Signature {
        Signature {
            id: String::new(),
            alarm: Alarm::Propagation,
            confidence: Confidence::Medium,
            kind: Kind::Unclear,
            incident: None,
            protocol: 6,
            port: Some(80),
            port_rule: String::new(),
            part_of: None,
            content: Vec::new(),
            tokens: Vec::new(),
            tokens_ordered: false,
            packets: 0,
            sources: 0,
            sources_precision: Precision::Exact,
            destinations: 0,
            destinations_precision: Precision::Exact,
            source_list,
            destination_list: Vec::new(),
            roles: Roles::default(),
            ports: PortCounts::default(),
            taps: BTreeMap::new(),
            blind: BTreeMap::new(),
            withheld: BTreeSet::new(),
            spread: 0,
            relays,
            population: None,
            first_seen: Timestamp::default(),
            first_sighting: None,
            last_seen: Timestamp::default(),
            detected_at: Timestamp::default(),
            evidence: Evidence::default(),
            samples: Vec::new(),
            addresses: AddressPlan::default(),
        }
    }

    #[test]
    fn the_id_depends_on_every_part_and_never_changes() {
        let id = signature_id(6, "destination", Some(445), b"content");
        assert_eq!(id.len(), 32);
        assert_eq!(id, "8837b24a0d40868b7f27dd32b05d64d4");
        let layout = b"\x06\x0bdestination\x01\x01\xbdcontent";
        assert_eq!(id, format!("{:032x}", xxh3_128(layout)));
        let others = [
            signature_id(17, "destination", Some(445), b"content"),
            signature_id(6, "source", Some(445), b"content"),
            signature_id(6, "destination", Some(446), b"content"),
            signature_id(6, "destination", Some(445), b"Content"),
            signature_id(6, "none", None, b"content"),
            signature_id(6, "none", Some(0), b"content"),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(*other, id);
            assert!(!others[..i].contains(other));
        }
    }
}
