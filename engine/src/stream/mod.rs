//! Windows across TCP segments.
//!
//! A worm that is cut into small TCP segments must not slip through, and the
//! engine is no reassembler: a segment's payload is always sifted by itself,
//! at once, and only the *seams* between segments need their order.
//!
//! - [`StreamTails`] remembers the last bytes of every TCP direction, and gives
//!   the bytes on both sides of each seam. Segments that come early wait in
//!   a small pool; what looks old, or far ahead, begins a chain of its own
//!   there. A chain that grows while the main tail stands still takes its
//!   place, so that no single segment, faked or not, blinds a direction.
//! - [`Samples`] keeps pieces of stream around the windows that are wanted as
//!   evidence: what came before them, the payload, and what comes after.
//!
//! Both serve one flow shard in packet order, take all their memory at
//! construction, and depend on the order of packets alone. Sequence numbers
//! are compared modulo 2^32 (RFC 9293, section 3.4).

mod anchors;
mod counters;
mod direction;
mod extents;
mod history;
mod out_of_order;
mod sample_pool;
mod samples;
mod seam;
mod tail_table;
mod tails;
#[cfg(test)]
mod test_traffic;

pub use counters::{SampleCounters, StreamCounters};
pub use direction::direction;
pub(crate) use direction::ends_of;
pub use samples::{PacketPiece, SampleRank, SampleView, Samples};
pub use tails::{Segment, StreamTails};

/// How far behind the expected byte a segment may lie and still pass for a
/// retransmission: 1 MiB, a generous receive window.
const RETRANSMISSION_REACH: i32 = 1 << 20;

/// No index.
const NONE: u32 = u32::MAX;

/// How far `a` lies after `b`, modulo 2^32; negative if it lies before.
const fn after(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// Spreads a keyed hash again under another seed, so that what shares a place
/// in one table does not in another.
const fn rehash(hash: u64, seed: u64) -> u64 {
    let wide = (hash ^ seed) as u128 * 0x9e37_79b9_7f4a_7c15;
    let mixed = (wide >> 64) as u64 ^ wide as u64;
    let wide = (mixed ^ seed.rotate_left(32)) as u128 * 0xd1b5_4a32_d192_ed03;
    (wide >> 64) as u64 ^ wide as u64
}
