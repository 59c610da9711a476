//! What happened, in figures that only ever grow.

use crate::counters::counters;

counters! {
    /// What a [`StreamTails`](super::StreamTails) has met.
    pub struct StreamCounters {
        /// Segments with payload.
        pub segments: u64,
        /// Seam buffers given to the caller.
        pub joined: u64,
        /// Segments with nothing new, or that looked so: at most 1 MiB behind.
        pub retransmitted: u64,
        /// Segments ahead of the stream, or too far behind to be retransmitted.
        pub out_of_order: u64,
        /// Seams given up because a gap was not filled in time.
        pub lost_to_gaps: u64,
        /// Seams given up because the out-of-order store was full.
        pub lost_to_store: u64,
        /// Seams counted as lost to a gap that were joined after all.
        pub recovered: u64,
        /// Times a tail was given up for another part of its stream.
        pub restarts: u64,
        /// Directions taken up without having seen their SYN.
        pub midstream: u64,
        /// Directions forgotten because the table was full.
        pub evictions: u64,
        /// Segments refused because the memory has no room for any direction.
        pub refused: u64,
    }
}

impl StreamCounters {
    /// Seams lost for whatever reason, less those recovered.
    pub fn seams_lost(&self) -> u64 {
        (self.lost_to_gaps + self.lost_to_store).saturating_sub(self.recovered)
    }
}

counters! {
    /// What a [`Samples`](super::Samples) has met.
    pub struct SampleCounters {
        /// Samples taken.
        pub taken: u64,
        /// Requests that an existing sample answered.
        pub shared: u64,
        /// Requests refused because all memory was in use by samples that matter
        /// as much.
        pub refused: u64,
        /// Requests refused because the window's bytes were not available.
        pub out_of_reach: u64,
        /// Samples that gave way to others.
        pub evicted: u64,
        /// Samples that nobody wanted any more.
        pub released: u64,
        /// Samples asked for of which the bytes are not those that alarmed: not shown.
        pub other_bytes: u64,
    }
}
