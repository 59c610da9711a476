//! Counters of fragments.

use crate::counters::counters;

counters! {
    /// What became of every fragment.
    ///
    /// `fragments` is the sum of `reassembled`, `duplicates`, `timed_out`,
    /// `evicted_slots`, `evicted_bytes`, `unfinished`, all `refused_` counts and
    /// [`Defragmenter::waiting`](super::Defragmenter::waiting). The bytes of those that
    /// were timed out, evicted, unfinished or refused are sifted piece by piece.
    pub struct FragmentCounters {
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
        /// Fragments of which some bytes differ from a copy that came before: both
        /// versions are sifted. They are counted a second time here.
        pub conflicts: u64,
        /// Fragments past the end of their datagram, or that claim another: the nearest
        /// end counts, and what lies past it is sifted too. They are counted a second time
        /// here.
        pub end_conflicts: u64,
        /// Fragments whose datagram was not complete in time.
        pub timed_out: u64,
        /// Fragments whose datagram was given up since a new one needed the place.
        pub evicted_slots: u64,
        /// Fragments whose datagram was given up since other datagrams needed the memory.
        pub evicted_bytes: u64,
        /// Fragments whose datagram was not complete when the input ended.
        pub unfinished: u64,
        /// Fragments refused: they would end past 65,535 bytes.
        pub refused_too_long: u64,
        /// Fragments refused: not the last, and not a multiple of 8 bytes long, or empty.
        pub refused_length: u64,
        /// Fragments refused: too big for the pool, or for what one source may have of it.
        pub refused_memory: u64,
        /// Packets made of pieces of datagrams: of those given up, and of copies that differ.
        pub pieces: u64,
    }
    when_read {
        /// Fragments of datagrams that are not complete yet.
        pub waiting: u64,
    }
}

impl FragmentCounters {
    /// Fragments whose datagram was given up to make room.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted_slots + self.evicted_bytes
    }
}
