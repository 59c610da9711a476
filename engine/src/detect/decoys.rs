//! Decoys that start conversations: which are told, and what each had received before.
//!
//! A decoy is a planted host, which should never start a conversation. Where one does, that
//! is a [`DecoyReport`], with the contents that it had received: the suspects.
//!
//! Guarantees: the answer depends on the order of packets alone. Of one decoy, protocol and
//! port there is one report in a time window, and of one decoy at most [`MOST_TOLD`] reports;
//! the others are counted. A decoy remembers the latest [`MOST_SUSPECTS`] contents, each once.
//! Memory is bounded when it is built: at most [`DECOY_BYTES`] for each decoy that is
//! remembered. Where more are active than that, the longest unused makes room, those that
//! started nothing first.

mod report;

pub use report::{DecoyReport, Suspect};

use crate::counters::counters;
use crate::packet::{Host, Timestamp};
use crate::state::persist;
use crate::time::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that are kept of a payload.
pub const CONTENT: usize = 256;
/// Contents that a decoy remembers.
pub const MOST_SUSPECTS: usize = 8;
/// Reports of one decoy in a window.
pub const MOST_TOLD: usize = 16;

/// What one decoy takes at most, its places in the two trees at their emptiest included.
pub const DECOY_BYTES: usize = 2 * (size_of::<Host>() + size_of::<Decoy>())
    + 2 * size_of::<Place>()
    + MOST_SUSPECTS * (size_of::<Suspect>() + CONTENT)
    + MOST_TOLD * size_of::<Told>();

counters! {
    /// What decoys received and started.
    pub struct DecoyCounters {
        /// Packets with payload that decoys received in conversations of others.
        pub received: u64,
        /// Conversations that decoys started.
        pub started: u64,
        /// Of these, those that `decoys_may` allows.
        pub allowed: u64,
        /// Of these, those that were reported.
        pub reported: u64,
        /// Of these, those at a protocol and port that was reported in this window.
        pub repeated: u64,
        /// Of these, those beyond what is reported of one decoy in a window.
        pub unreported: u64,
        /// Decoys that made room for others, with what they had received.
        pub forgotten: u64,
    }
}

/// A packet with payload that a decoy received in a conversation that another began, or of
/// which it is not known who did.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The decoy.
    pub decoy: Host,
    /// Who sent it.
    pub sender: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the decoy; `None` without ports.
    pub port: Option<u16>,
    /// When.
    pub time: Timestamp,
    /// Its number.
    pub packet: u64,
    /// Its payload, or the beginning of it.
    pub payload: &'a [u8],
}

/// The first packet of a conversation that a decoy started and must not.
#[derive(Clone, Copy, Debug)]
pub struct Started<'a> {
    /// The decoy.
    pub decoy: Host,
    /// To whom.
    pub destination: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the other side; `None` without ports.
    pub port: Option<u16>,
    /// When.
    pub time: Timestamp,
    /// Its number.
    pub packet: u64,
    /// Its payload, or the beginning of it.
    pub payload: &'a [u8],
}

/// What is known of the decoys that are active. See the [module](self).
#[derive(Debug)]
pub struct Decoys {
    known: BTreeMap<Host, Decoy>,
    /// The same, who makes room first before the others.
    order: BTreeSet<Place>,
    /// Packets so far.
    packets: u64,
    capacity: usize,
    window: Span,
    counters: DecoyCounters,
}

/// Whether it started something, when it was last used, and who it is.
type Place = ((bool, u64), Host);

#[derive(Debug, Default)]
struct Decoy {
    place: (bool, u64),
    /// The latest last.
    suspects: Vec<Suspect>,
    /// What was reported in this window.
    told: Vec<Told>,
}

#[derive(Debug, Default)]
struct Told {
    service: (u8, Option<u16>),
    at: Timestamp,
}

impl Decoys {
    /// Room for as many decoys as take `bytes` at most, and never for less than one; and the
    /// window in which a report is not repeated.
    pub fn new(bytes: usize, window: Span) -> Self {
        Self {
            known: BTreeMap::new(),
            order: BTreeSet::new(),
            packets: 0,
            capacity: bytes / DECOY_BYTES,
            window,
            counters: DecoyCounters::default(),
        }
    }

    /// Decoys that can be remembered.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes that it takes at most.
    pub fn memory_bytes(&self) -> usize {
        self.capacity * DECOY_BYTES
    }

    /// What happened so far.
    pub fn counters(&self) -> DecoyCounters {
        self.counters
    }

    /// Takes what a decoy started and may.
    pub fn allow(&mut self) {
        self.counters.started += 1;
        self.counters.allowed += 1;
    }

    /// Remembers what a decoy received, in place of the same content, or of the oldest.
    pub fn receive(&mut self, it: Received<'_>) {
        self.counters.received += 1;
        let content = &it.payload[..it.payload.len().min(CONTENT)];
        let decoy = self.decoy(it.decoy, false);
        let is_same = |known: &Suspect| {
            (known.protocol, known.port) == (it.protocol, it.port)
                && known.content == content
        };
        let same = decoy.suspects.iter().position(is_same);
        let content = match same {
            Some(place) => decoy.suspects.remove(place).content,
            None => content.to_vec(),
        };
        if decoy.suspects.len() == MOST_SUSPECTS {
            decoy.suspects.remove(0);
        }
        decoy.suspects.push(Suspect {
            content,
            sender: it.sender,
            protocol: it.protocol,
            port: it.port,
            time: it.time,
            packet: it.packet,
        });
    }

    /// Takes what a decoy started; a report unless there was one.
    pub fn start(&mut self, it: Started<'_>) -> Option<DecoyReport> {
        self.counters.started += 1;
        let window = self.window;
        let is_first = self.known.get(&it.decoy).is_none_or(|decoy| !decoy.place.0);
        let decoy = self.decoy(it.decoy, true);
        decoy.told.retain(|told| it.time.since(told.at) < window);
        let service = (it.protocol, it.port);
        if decoy.told.iter().any(|told| told.service == service) {
            self.counters.repeated += 1;
            return None;
        }
        if decoy.told.len() == MOST_TOLD {
            self.counters.unreported += 1;
            return None;
        }
        decoy.told.push(Told { service, at: it.time });
        let suspects = decoy.suspects.iter().rev().cloned().collect();
        self.counters.reported += 1;
        Some(DecoyReport {
            decoy: it.decoy,
            destination: it.destination,
            protocol: it.protocol,
            port: it.port,
            time: it.time,
            packet: it.packet,
            payload: it.payload[..it.payload.len().min(CONTENT)].to_vec(),
            is_first,
            suspects,
        })
    }

    /// A decoy that is used now, in place of another where there is no room.
    fn decoy(&mut self, host: Host, starts: bool) -> &mut Decoy {
        self.packets += 1;
        let place = match self.known.get(&host) {
            Some(known) => {
                self.order.remove(&(known.place, host));
                (known.place.0 || starts, self.packets)
            }
            None => {
                if self.known.len() >= self.capacity.max(1)
                    && let Some((_, longest_unused)) = self.order.pop_first()
                {
                    self.known.remove(&longest_unused);
                    self.counters.forgotten += 1;
                }
                (starts, self.packets)
            }
        };
        self.order.insert((place, host));
        let decoy = self.known.entry(host).or_default();
        decoy.place = place;
        decoy
    }
}

persist!(Decoys { known, order, packets, counters; capacity, window });
persist!(Decoy { place, suspects, told });
persist!(Told { service, at });

#[cfg(test)]
mod tests;
