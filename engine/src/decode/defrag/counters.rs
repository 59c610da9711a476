//! Counters of fragments.

use crate::counters::counters;

counters! {
    /// What became of every fragment.
    ///
    /// `fragments` is the sum of `reassembled`, `duplicates`, `timed_out`,
    /// `evicted_slots`, `evicted_bytes`, all `refused_` counts and
    /// [`Defragmenter::waiting`](super::Defragmenter::waiting).
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
    when_read {
        /// Fragments of datagrams that are not complete yet.
        pub waiting: u64,
    }
}
