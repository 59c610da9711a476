//! An exact count of who sends and receives one window, with no sampling and no estimate.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::Parsed;

pub(crate) const WINDOW: usize = 40;

/// Who was seen with one window, in order. Its first two packets come before it is
/// prevalent.
#[derive(Default)]
pub(crate) struct Seen {
    packets: usize,
    sources: BTreeSet<IpAddr>,
    destinations: BTreeSet<IpAddr>,
    /// By source that had received it before it first sent it: the destinations that had
    /// not sent it.
    relays: HashMap<IpAddr, BTreeSet<IpAddr>>,
}

impl Seen {
    /// Adds one packet; the source of an exempt one is no relay.
    pub(crate) fn add(&mut self, packet: &Parsed<'_>, exempt: bool) {
        let (source, destination) = (packet.source, packet.destination);
        self.packets += 1;
        if self.packets <= 2 {
            return;
        }
        let first = !self.sources.contains(&source);
        if first && !exempt && self.destinations.contains(&source) {
            self.relays.entry(source).or_default();
        }
        if let Some(reached) = self.relays.get_mut(&source)
            && !self.sources.contains(&destination)
        {
            reached.insert(destination);
        }
        self.sources.insert(source);
        self.destinations.insert(destination);
    }

    /// The lesser of sources and destinations.
    pub(crate) fn dispersion(&self) -> usize {
        self.sources.len().min(self.destinations.len())
    }

    /// Destinations of all relays with at least two.
    pub(crate) fn spread(&self) -> usize {
        self.relays.values().map(BTreeSet::len).filter(|&reached| reached >= 2).sum()
    }
}

/// The greatest dispersion and the greatest spread.
pub(crate) fn greatest<'a>(seen: impl Iterator<Item = &'a Seen>) -> (usize, usize) {
    seen.fold((0, 0), |(dispersion, spread), one| {
        (dispersion.max(one.dispersion()), spread.max(one.spread()))
    })
}

/// Whether a window is among those that are followed, one in `of`, a power of two. Its first
/// eight bytes decide: most windows then cost no hash of the whole.
pub(crate) fn followed(window: &[u8], of: u64) -> bool {
    let Some(first) = window.first_chunk::<8>() else { return false };
    let mixed = u64::from_le_bytes(*first) ^ 0x1f83_d9ab_fb41_bd6b;
    let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - of.ilog2()) == 0
}

/// Whether the window repeats a unit of at most eight bytes.
pub(crate) fn periodic(window: &[u8]) -> bool {
    let longest = 8.min(window.len() / 2);
    (1..=longest).any(|unit| window[unit..].iter().zip(window).all(|(a, b)| a == b))
}

/// The last bytes of each TCP stream.
#[derive(Default)]
pub(crate) struct Tails(HashMap<(IpAddr, IpAddr, [u16; 2]), Vec<u8>>);

impl Tails {
    /// The packet's payload behind what windows need of its stream.
    pub(crate) fn join(&mut self, packet: &Parsed<'_>) -> Vec<u8> {
        if packet.protocol != 6 {
            return packet.payload.to_vec();
        }
        let flow = (packet.source, packet.destination, packet.ports);
        let tail = self.0.entry(flow).or_default();
        let bytes = [&tail[..], packet.payload].concat();
        *tail = bytes[bytes.len().saturating_sub(WINDOW - 1)..].to_vec();
        bytes
    }
}
