//! What is told of dark addresses.

use super::rate::Interval;
use super::{DarkClass, Tool};
use crate::detect::count::Precision;
use crate::packet::Host;
use crate::time::Timestamp;
use xxhash_rust::xxh3::xxh3_128;

/// A scan, or the victim of a flood: told when it has ended, each hour while it goes on, and
/// at the end of the trace.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DarkEvent {
    /// A host looks through addresses.
    Scan(ScanEvent),
    /// A host answers what was sent to it under forged addresses.
    Victim(VictimEvent),
}

/// One source that sent to at least ten dark addresses at one port, in scans or in probes, at
/// ten packets a second or more over all of IPv4 (Durumeric et al. 2014, section 3).
#[derive(Clone, Debug, PartialEq)]
pub struct ScanEvent {
    /// The same for all that is told of one scan.
    pub id: String,
    /// Who scans; an IPv6 address cut to `v6_prefix`.
    pub source: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// The port asked for; `None` for protocols without.
    pub port: Option<u16>,
    /// Scan or probe.
    pub class: DarkClass,
    /// Its packets at dark addresses.
    pub packets: u64,
    /// Distinct dark addresses reached.
    pub destinations: u64,
    /// What that number is.
    pub precision: Precision,
    /// Packets a second over all of IPv4; `None` for IPv6.
    pub rate: Option<Interval>,
    /// The share of IPv4 reached so far; `None` for IPv6, and where destinations were not counted
    /// to their end.
    pub coverage: Option<Interval>,
    /// The mark of at least half of its packets.
    pub tool: Option<Tool>,
    /// The first of its packets.
    pub first_seen: Timestamp,
    /// The last of them.
    pub last_seen: Timestamp,
    /// Whether it has been silent for so long that it is over.
    pub ended: bool,
}

/// One service whose answers came to at least ten dark addresses, 25 packets in a minute or
/// more of time, at 128 packets a second or more over all of IPv4: somebody sends to it under
/// forged addresses. The rates are CAIDA's 30 packets a minute on a /8.
#[derive(Clone, Debug, PartialEq)]
pub struct VictimEvent {
    /// The same for all that is told of one flood.
    pub id: String,
    /// Who is flooded; an IPv6 address cut to `v6_prefix`.
    pub victim: Host,
    /// IP protocol number of the flood.
    pub protocol: u8,
    /// The port of the service; `None` for protocols without.
    pub port: Option<u16>,
    /// Its packets at dark addresses.
    pub packets: u64,
    /// Distinct dark addresses that got answers.
    pub destinations: u64,
    /// What that number is.
    pub precision: Precision,
    /// Answers a second over all of IPv4; `None` for IPv6.
    pub rate: Option<Interval>,
    /// The same in the busiest minute.
    pub peak_rate: Option<f64>,
    /// The first of its packets.
    pub first_seen: Timestamp,
    /// The last of them.
    pub last_seen: Timestamp,
    /// Whether it has been silent for so long that it is over.
    pub ended: bool,
}

impl DarkEvent {
    /// The name used in output.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scan(_) => "scan",
            Self::Victim(_) => "victim",
        }
    }

    pub(super) fn order(&self) -> (Timestamp, &str) {
        match self {
            Self::Scan(it) => (it.first_seen, &it.id),
            Self::Victim(it) => (it.first_seen, &it.id),
        }
    }

    /// Its first and last times.
    pub(crate) fn times_mut(&mut self) -> [&mut Timestamp; 2] {
        match self {
            Self::Scan(it) => [&mut it.first_seen, &mut it.last_seen],
            Self::Victim(it) => [&mut it.first_seen, &mut it.last_seen],
        }
    }
}

/// Whom an activity is of, and of which service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) host: Host,
    pub(super) protocol: u8,
    pub(super) port: Option<u16>,
    pub(super) probes: bool,
}

impl Subject {
    fn bytes(&self) -> [u8; 21] {
        let mut bytes = [0; 21];
        bytes[..16].copy_from_slice(&self.host.0.to_be_bytes());
        bytes[16] = self.protocol;
        bytes[17] = u8::from(self.port.is_some());
        bytes[18..20].copy_from_slice(&self.port.unwrap_or_default().to_be_bytes());
        bytes[20] = u8::from(self.probes);
        bytes
    }

    pub(super) fn hash(&self, seed: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(&self.bytes(), seed)
    }

    /// An id as those of signatures: unkeyed.
    pub(super) fn id(&self, name: &str, first_seen: Timestamp) -> String {
        let mut bytes = Vec::from(name);
        bytes.extend(self.bytes());
        bytes.extend(first_seen.as_nanos().to_be_bytes());
        format!("{:032x}", xxh3_128(&bytes))
    }
}

crate::state::persist!(Subject { host, protocol, port, probes });
