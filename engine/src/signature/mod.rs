//! What exactly repeats, and is it news?
//!
//! [`Candidates`] keep what an alarm must show; [`grow`](grow::grow) finds how far
//! the content reaches around a window; the [`Ledger`] joins the windows of one
//! content and remembers what has been said.

pub mod candidate;
pub mod grow;
pub mod ledger;
mod piece;

pub use crate::propagation::Relay;
pub use candidate::{Candidate, Candidates, SampleRequest, Seen, Slot};
pub use ledger::{AlarmSample, AlarmedCandidate, Finding, Ledger};

use crate::packet::{Host, Timestamp};
use serde::Serialize;
use std::net::IpAddr;

/// Which threshold was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alarm {
    /// Many sources and many destinations (EarlyBird, section 4).
    Dispersion,
    /// Hosts that received the content sent it on.
    Propagation,
}

impl Alarm {
    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispersion => "dispersion",
            Self::Propagation => "propagation",
        }
    }
}

/// How much the evidence carries.
///
/// Low: fewer than 8 distinct byte values over the whole content, or bytes from
/// fewer than two sources. High: two or more relays, or both alarms. Else medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Look before you believe it.
    Low,
    /// One alarm, no further sign.
    Medium,
    /// Passed on more than once, or both alarms.
    High,
}

impl Confidence {
    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Content past its thresholds, grown to its full length, with the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// 32 hex digits: see [`signature_id`].
    pub id: String,
    /// The alarm that fired.
    pub alarm: Alarm,
    /// How much the evidence carries; the reasons are in `evidence`.
    pub confidence: Confidence,
    /// IP protocol number.
    pub protocol: u8,
    /// The port in its key; `None` under the rule `none`.
    pub port: Option<u16>,
    /// Which port that is: destination, source, service, none.
    pub port_rule: &'static str,
    /// The bytes that repeat.
    pub content: Vec<u8>,
    /// Invariant pieces of it, in order: for now the content alone.
    pub tokens: Vec<Vec<u8>>,
    /// Sightings of its most seen window since that is watched.
    pub packets: u64,
    /// Estimated distinct sources.
    pub sources: u32,
    /// Estimated distinct destinations.
    pub destinations: u32,
    /// Up to 64 exact sources, in numeric order.
    pub source_list: Vec<IpAddr>,
    /// Up to 64 exact destinations, in numeric order.
    pub destination_list: Vec<IpAddr>,
    /// Hosts that relays passed it on to.
    pub spread: u32,
    /// Who passed it on, by time.
    pub relays: Vec<Relay>,
    /// The earliest recorded sighting.
    pub first_seen: Timestamp,
    /// The latest.
    pub last_seen: Timestamp,
    /// The tick at which it was found.
    pub detected_at: Timestamp,
    /// What speaks for it.
    pub evidence: Evidence,
    /// The packets that it was grown from.
    pub samples: Vec<SampleInfo>,
}

/// What speaks for a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// All alarms that fired for it.
    pub alarms: Vec<Alarm>,
    /// Windows (content keys) of it that alarmed.
    pub windows: u64,
    /// Distinct sources among the samples it was grown from.
    pub sample_sources: u32,
    /// Distinct byte values over the whole content.
    pub distinct_bytes: u32,
    /// Why the confidence is what it is.
    pub reasons: Vec<String>,
}

/// A packet that a signature was grown from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleInfo {
    /// The packet's number.
    pub packet: u64,
    /// When it counted.
    pub time: Timestamp,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Where the content starts in the sampled piece of stream, bytes.
    pub offset: u64,
}

/// The lasting name of a content: unkeyed 128-bit XXH3 over protocol (1 byte), the
/// port rule's name, a zero byte, the port (2 bytes, little-endian; 0 for none), and
/// the content as first emitted; as 32 hex digits.
pub fn signature_id(
    protocol: u8,
    port_rule: &str,
    port: Option<u16>,
    content: &[u8],
) -> String {
    let mut text = vec![protocol];
    text.extend_from_slice(port_rule.as_bytes());
    text.push(0);
    text.extend_from_slice(&port.unwrap_or(0).to_le_bytes());
    text.extend_from_slice(content);
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_tell_port_and_protocol_apart() {
        let id = signature_id(17, "destination", Some(1_434), b"content");
        assert_eq!(id, signature_id(17, "destination", Some(1_434), b"content"));
        assert_eq!(id.len(), 32);
        for other in [
            signature_id(6, "destination", Some(1_434), b"content"),
            signature_id(17, "source", Some(1_434), b"content"),
            signature_id(17, "destination", Some(1_435), b"content"),
            signature_id(17, "destination", Some(1_434), b"contents"),
        ] {
            assert_ne!(id, other);
        }
    }
}
