//! The tail of each TCP direction, and what is done with a segment that does
//! not fit it.

use super::counters::StreamCounters;
use super::out_of_order::{Kind, OutOfOrder, Slot};
use super::seam::{Join, Seam};
use super::tail_table::{Head, Met, TailSlot, TailTable};
use super::{RETRANSMISSION_REACH, after};
use crate::state::persist;

/// One TCP segment, as far as its place in the stream is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Keyed hash of the flow direction, with VLAN and tunnel identifiers, see
    /// [`direction`](fn@super::direction).
    pub direction: u64,
    /// The header's sequence number.
    pub sequence: u32,
    /// Whether the SYN flag is set; the payload then begins one number later.
    pub syn: bool,
    /// The payload as captured.
    pub payload: &'a [u8],
}

/// Slots of the out-of-order store, if the memory allows.
const SLOTS: usize = 192;
/// Segments that a chain must have gained, while the main tail gained none, to
/// take its place.
const TAKEOVER: u32 = 2;
/// The same for a chain that may well be a burst of retransmissions.
const TAKEOVER_BEHIND: u32 = 8;

/// The last bytes of every TCP direction of one flow shard, in fixed memory,
/// and the seams between segments.
///
/// ```
/// use wormsift::stream::{Segment, StreamTails};
///
/// let mut tails = StreamTails::new(64 << 10, 3, 7);
/// let mut seams = Vec::new();
/// for (sequence, payload) in [(100, &b"hello"[..]), (109, &b"ld"[..]), (105, &b" wor"[..])] {
///     let segment = Segment { direction: 1, sequence, syn: false, payload };
///     tails.advance(segment, |buffer, seam, offset| {
///         seams.push((String::from_utf8_lossy(buffer).into_owned(), seam, offset));
///     });
/// }
/// // The segment that fills the gap brings both its seams.
/// assert_eq!(seams[0], ("llo wo".into(), 3, -3));
/// assert_eq!(seams[1], ("world".into(), 3, 1));
/// ```
pub struct StreamTails {
    table: TailTable,
    store: OutOfOrder,
    seam: Seam,
    chain: Chain,
    counters: StreamCounters,
}

impl StreamTails {
    /// Tails of `context` bytes (1 to 4,096; one less than the window, or
    /// beta + w - 2 for winnowing) within `bytes` of memory. `seed` decides
    /// which directions share a set.
    ///
    /// Memory for less than eight directions holds none: every segment is then
    /// refused and counted.
    pub fn new(bytes: usize, context: usize, seed: u64) -> Self {
        let context = context.clamp(1, 4_096);
        let seam = Seam::new(context);
        let chain = Chain { end: 0, len: 0, bytes: vec![0; context].into_boxed_slice() };
        // A quarter for the store at most.
        let slots = (bytes / 4 / OutOfOrder::slot_bytes(context)).min(SLOTS);
        let store = OutOfOrder::new(slots, context);
        let fixed = store.memory_bytes() + seam.memory_bytes() + context;
        let table = TailTable::new(bytes.saturating_sub(fixed), context, seed);
        Self { table, store, seam, chain, counters: StreamCounters::default() }
    }

    /// Bytes taken, all at construction.
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
            + self.store.memory_bytes()
            + self.seam.memory_bytes()
            + self.chain.bytes.len()
    }

    /// Directions that can be held at a time.
    pub fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// What happened so far.
    pub fn counters(&self) -> &StreamCounters {
        &self.counters
    }

    /// Takes the shard's next segment and calls `join` with each seam that it
    /// closes: a buffer of up to `context` bytes before the seam and up to
    /// `context` after it, where in the buffer the later bytes begin, and
    /// where the buffer begins relative to this segment's payload (negative
    /// before it; beyond its length where the segment filled a gap and the
    /// stream goes on with segments that came early).
    ///
    /// The payload itself is never part of the job: whoever sifts it sifts all
    /// of it. A window of `context + 1` bytes that crosses a seam lies in
    /// exactly one buffer, however small the segments, unless some bytes were
    /// sent twice.
    pub fn advance(
        &mut self,
        segment: Segment<'_>,
        mut join: impl FnMut(&[u8], usize, i32),
    ) {
        let mut buffer = Vec::new();
        self.advance_apart(segment, |[before, after], at| {
            buffer.clear();
            buffer.extend_from_slice(before);
            buffer.extend_from_slice(after);
            join(&buffer, before.len(), at);
        });
    }

    /// The same with the bytes before and after each seam apart, as they lie.
    pub(crate) fn advance_apart(
        &mut self,
        segment: Segment<'_>,
        mut join: impl FnMut([&[u8]; 2], i32),
    ) {
        let Segment { direction, payload, syn, .. } = segment;
        if payload.is_empty() && !syn {
            return;
        }
        self.counters.segments += u64::from(!payload.is_empty());
        let Some((place, met)) = self.table.place(direction, payload.is_empty()) else {
            self.counters.refused += 1;
            return;
        };
        self.counters.evictions += u64::from(met == Met::Evicted);
        let mut head = self.table.head(place);
        let start = segment.sequence.wrapping_add(u32::from(syn));
        if met != Met::Known {
            // The store may remember a direction that the table forgot.
            head = Head { expected: start, started: true, stored: true, ..head };
            self.counters.midstream += u64::from(!syn);
        } else if syn && start != head.expected {
            self.set_aside(direction, place, &mut head);
            head = Head { expected: start, tail_len: 0, idle: 0, ..head };
        }
        if !payload.is_empty() {
            let ahead = i64::from(after(start, head.expected));
            if ahead <= 0 && ahead + payload.len() as i64 > 0 {
                self.go_on(direction, place, &mut head, start, payload, &mut join);
            } else {
                self.go_round(direction, place, &mut head, start, payload, &mut join);
            }
        }
        self.table.set_head(place, head);
    }

    /// A segment that goes on from the main tail.
    #[inline]
    fn go_on(
        &mut self,
        direction: u64,
        place: TailSlot,
        head: &mut Head,
        start: u32,
        payload: &[u8],
        join: &mut impl Join,
    ) {
        let overlap = head.expected.wrapping_sub(start) as usize;
        let tail = self.table.tail_mut(place);
        let used = usize::from(head.tail_len);
        let joined = self.seam.lay(&tail[..used], overlap, payload, 0, join);
        self.counters.joined += u64::from(joined);
        head.tail_len = self.seam.leave(payload, tail) as u16;
        head.expected = start.wrapping_add(payload.len() as u32);
        head.idle = 0;
        if head.stored {
            head.stored = self.store.holds(direction);
        }
        if head.stored {
            self.chain.load(
                head.expected,
                &self.table.tail(place)[..usize::from(head.tail_len)],
            );
            if let Some(hole) = self.run_on(direction, start, None, join) {
                self.counters.recovered += u64::from(self.store.close(hole, None));
            }
            self.make_main(place, head);
        }
    }

    /// A segment that does not fit the main tail: it is joined to whatever
    /// else of the direction it touches, and remembered.
    fn go_round(
        &mut self,
        direction: u64,
        place: TailSlot,
        head: &mut Head,
        start: u32,
        payload: &[u8],
        join: &mut impl Join,
    ) {
        let end = start.wrapping_add(payload.len() as u32);
        let ahead = after(start, head.expected);
        head.idle = head.idle.saturating_add(1);
        if self.known(direction, place, head, end, payload) {
            self.counters.retransmitted += 1;
            return;
        }
        if (-RETRANSMISSION_REACH..0).contains(&ahead) {
            self.counters.retransmitted += 1;
        } else {
            self.counters.out_of_order += 1;
        }
        let kind = if ahead > 0 { Kind::Ahead } else { Kind::Behind };
        let mut slot = self.remember(direction, head, kind, start, payload, join);
        match (self.run_on(direction, start, slot, join), slot) {
            (Some(hole), Some(own)) => {
                self.counters.recovered += u64::from(self.store.close(hole, Some(own)));
                slot = None;
            }
            (None, Some(own)) => {
                self.store.set_tail(own, self.chain.end, self.chain.tail());
            }
            (_, None) => {}
        }
        head.stored = true;
        let outgrown = slot.is_some_and(|i| {
            let Slot { kind, grown, head_len, .. } = self.store.slot(i);
            let near = (-RETRANSMISSION_REACH..0).contains(&ahead);
            let needed = if near { TAKEOVER_BEHIND } else { TAKEOVER };
            // Its start is joined to as it is then, so better in full length.
            let full = kind == Kind::Hole || head_len == self.chain.bytes.len();
            full && grown >= needed && u32::from(head.idle) >= needed
        });
        if outgrown {
            // A chain that grew from what was the main tail once owes no seam.
            let owed = slot.map_or(kind, |i| self.store.slot(i).kind) == Kind::Ahead;
            self.counters.lost_to_gaps += u64::from(owed);
            self.take_over(place, head, slot, owed);
        }
    }

    /// Whether the segment's last bytes are in the main tail already, or all
    /// of it in a piece of the store.
    fn known(
        &self,
        direction: u64,
        place: TailSlot,
        head: &Head,
        end: u32,
        payload: &[u8],
    ) -> bool {
        let beyond = head.expected.wrapping_sub(end) as usize;
        let tail = &self.table.tail(place)[..usize::from(head.tail_len)];
        if beyond < tail.len() {
            let tail = &tail[..tail.len() - beyond];
            let shared = tail.len().min(payload.len());
            return tail[tail.len() - shared..] == payload[payload.len() - shared..];
        }
        let start = end.wrapping_sub(payload.len() as u32);
        head.stored && self.store.covers(direction, start, end)
    }

    /// Puts the segment at the end of the slot that it goes on from, else in a
    /// slot of its own; leaves the end of that chain in `self.chain`.
    fn remember(
        &mut self,
        direction: u64,
        head: &Head,
        kind: Kind,
        start: u32,
        payload: &[u8],
        join: &mut impl Join,
    ) -> Option<usize> {
        let end = start.wrapping_add(payload.len() as u32);
        if let Some(i) = self.store.find_end(direction, start, end) {
            let overlap = self.store.slot(i).end.wrapping_sub(start) as usize;
            let tail = self.store.tail(i);
            let shared = overlap.min(tail.len());
            let agrees =
                tail[tail.len() - shared..] == payload[overlap - shared..overlap];
            let joined = self.seam.lay(tail, overlap, payload, 0, join);
            self.counters.joined += u64::from(joined);
            self.chain.len = self.seam.leave(payload, &mut self.chain.bytes);
            self.chain.end = end;
            self.store.lengthen(i, &payload[overlap..], agrees);
            return Some(i);
        }
        let kept = payload.len().min(self.chain.bytes.len());
        self.chain.load(end, &payload[payload.len() - kept..]);
        let i = self.insert(direction, head, kind)?;
        self.store.set_head(i, start, payload);
        self.store.set_tail(i, end, self.chain.tail());
        Some(i)
    }

    /// Moves the end in `self.chain` on past everything stored that begins
    /// between `origin` and that end. It may meet the far bank of a hole, which
    /// is returned to be closed: what comes after that has been seen. `own` is the slot that the end belongs to.
    fn run_on(
        &mut self,
        direction: u64,
        origin: u32,
        own: Option<usize>,
        join: &mut impl Join,
    ) -> Option<usize> {
        let mut from = origin;
        while let Some(i) = self.store.find_start(direction, from, self.chain.end, own) {
            let Slot { kind, start, end, .. } = self.store.slot(i);
            let overlap = self.chain.end.wrapping_sub(start) as usize;
            if kind != Kind::Hole && after(end, self.chain.end) <= 0 {
                self.store.free(i);
                continue;
            }
            let later = self.store.head(i);
            let at = after(start, origin);
            let joined = self.seam.lay(self.chain.tail(), overlap, later, at, join);
            self.counters.joined += u64::from(joined);
            if let Some(own) = own {
                self.store.lengthen_by(own, i, overlap);
            }
            if kind == Kind::Hole {
                return Some(i);
            }
            // The head of a piece shorter than a tail is all of it.
            self.chain.len = self.seam.leave(self.store.head(i), &mut self.chain.bytes);
            self.chain.end = end;
            let tail = self.store.tail(i);
            if tail.len() == self.chain.bytes.len() {
                self.chain.load(end, tail);
            }
            self.store.free(i);
            from = start;
        }
        None
    }

    /// The main tail as a hole of the store, before a SYN begins another.
    fn set_aside(&mut self, direction: u64, place: TailSlot, head: &mut Head) {
        if head.tail_len > 0
            && let Some(i) = self.insert(direction, head, Kind::Hole)
        {
            let tail = &self.table.tail(place)[..usize::from(head.tail_len)];
            self.store.set_tail(i, head.expected, tail);
            head.stored = true;
        }
    }

    /// Makes the end in `self.chain` the main tail; the former one takes its
    /// place in the slot, which becomes the hole between them.
    fn take_over(
        &mut self,
        place: TailSlot,
        head: &mut Head,
        slot: Option<usize>,
        owed: bool,
    ) {
        self.counters.restarts += 1;
        if let Some(i) = slot {
            let tail = &self.table.tail(place)[..usize::from(head.tail_len)];
            self.store.set_tail(i, head.expected, tail);
            self.store.make_hole(i, owed);
        }
        head.idle = 0;
        self.make_main(place, head);
    }

    fn make_main(&mut self, place: TailSlot, head: &mut Head) {
        let tail = self.chain.tail();
        self.table.tail_mut(place)[..tail.len()].copy_from_slice(tail);
        (head.expected, head.tail_len) = (self.chain.end, tail.len() as u16);
    }

    fn insert(&mut self, direction: u64, head: &Head, kind: Kind) -> Option<usize> {
        let (i, evicted) = self.store.insert(direction, head.expected, kind)?;
        self.counters.lost_to_store += u64::from(evicted == Some(Kind::Ahead));
        Some(i)
    }
}

/// The end of a chain of segments while it is worked on.
struct Chain {
    /// Sequence number after the last byte.
    end: u32,
    len: usize,
    bytes: Box<[u8]>,
}

impl Chain {
    fn load(&mut self, end: u32, tail: &[u8]) {
        self.bytes[..tail.len()].copy_from_slice(tail);
        (self.end, self.len) = (end, tail.len());
    }

    fn tail(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

persist!(StreamTails { table, store, counters; seam, chain });

#[cfg(test)]
mod tests;
