//! Counters of fragments.

use crate::state::persist;

/// What became of every fragment.
///
/// `fragments` is the sum of `reassembled`, `duplicates`, `timed_out`,
/// `evicted_slots`, `evicted_bytes`, all `refused_` counts and
/// [`Defragmenter::waiting`](super::Defragmenter::waiting).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefragCounters {
    /// Fragments handed in.
    pub fragments: u64,
    /// Datagrams completed.
    pub datagrams: u64,
    /// Fragments that became part of a completed datagram.
    pub reassembled: u64,
    /// Fragments with nothing new in them.
    pub duplicates: u64,
    /// Fragments partly there before, whose other part was used. They are
    /// counted a second time here.
    pub overlaps: u64,
    /// Fragments lost because their datagram was not complete in time.
    pub timed_out: u64,
    /// Fragments lost because a new datagram needed the place.
    pub evicted_slots: u64,
    /// Fragments lost because other datagrams needed the memory.
    pub evicted_bytes: u64,
    /// Fragments refused: they would end past 65,535 bytes.
    pub refused_too_long: u64,
    /// Fragments refused: not the last, and not a multiple of 8 bytes long, or empty.
    pub refused_length: u64,
    /// Fragments refused: they contradict the end of their datagram.
    pub refused_end: u64,
    /// Fragments refused: their datagram is in too many pieces.
    pub refused_scattered: u64,
    /// Fragments refused: too big for the whole pool.
    pub refused_memory: u64,
}

impl DefragCounters {
    /// Adds another pool's counts.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            fragments,
            datagrams,
            reassembled,
            duplicates,
            overlaps,
            timed_out,
            evicted_slots,
            evicted_bytes,
            refused_too_long,
            refused_length,
            refused_end,
            refused_scattered,
            refused_memory,
        } = other;
        self.fragments += fragments;
        self.datagrams += datagrams;
        self.reassembled += reassembled;
        self.duplicates += duplicates;
        self.overlaps += overlaps;
        self.timed_out += timed_out;
        self.evicted_slots += evicted_slots;
        self.evicted_bytes += evicted_bytes;
        self.refused_too_long += refused_too_long;
        self.refused_length += refused_length;
        self.refused_end += refused_end;
        self.refused_scattered += refused_scattered;
        self.refused_memory += refused_memory;
    }

    /// Every count with its name, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("fragments", self.fragments),
            ("datagrams", self.datagrams),
            ("reassembled", self.reassembled),
            ("duplicates", self.duplicates),
            ("overlaps", self.overlaps),
            ("timed_out", self.timed_out),
            ("evicted_slots", self.evicted_slots),
            ("evicted_bytes", self.evicted_bytes),
            ("refused_too_long", self.refused_too_long),
            ("refused_length", self.refused_length),
            ("refused_end", self.refused_end),
            ("refused_scattered", self.refused_scattered),
            ("refused_memory", self.refused_memory),
        ]
        .into_iter()
    }
}

persist!(DefragCounters {
    fragments,
    datagrams,
    reassembled,
    duplicates,
    overlaps,
    timed_out,
    evicted_slots,
    evicted_bytes,
    refused_too_long,
    refused_length,
    refused_end,
    refused_scattered,
    refused_memory
});
