//! Segments that wait for a gap to be filled.
//!
//! A small fixed pool of slots. A slot is a *piece*, one or more segments in a
//! row that did not fit the main tail: the bytes at its start and the bytes at
//! its end. Or it is a *hole*: the bytes before it and the bytes after it, when
//! the main tail went on beyond. Both are two ends that can be joined to: the
//! `end` (bytes before a sequence number, grown by a segment that begins
//! there) and the `start` (bytes from a sequence number on, met by a segment
//! that ends there). In a piece the start comes first, in a hole the end.
//!
//! **Who gives way.** A direction holds three quarters of the slots at most. Past that it
//! gives up its own least worth. In a full pool what was not touched for long goes first,
//! then the least worth of the direction that holds most. Worth least are single segments,
//! the furthest from where the direction goes on (the expected byte, the ends of its holes
//! and of its chains) first: a fake far ahead takes the place of another, never that of a
//! segment that is about to be joined. Next are chains that have grown, the longest
//! untouched first; last are holes, unless they take more than a quarter of the share. A
//! new piece is always stored, or a stream that has moved far away could never show that it
//! goes on.

use super::after;
use crate::pages::Bytes;
use crate::state::{persist, persist_choice};

/// What a slot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Segments ahead of the main tail: a seam is owed in front of them.
    Ahead,
    /// Segments that look old: most likely a retransmission, owed nothing.
    Behind,
    /// The two banks of a gap that the main tail has left behind. Either may
    /// be missing.
    Hole,
}

/// One slot without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Sequence number of the first byte of the slot's head.
    pub(super) start: u32,
    /// Sequence number after the last byte of the slot's tail.
    pub(super) end: u32,
    pub(super) has_start: bool,
    pub(super) has_end: bool,
    pub(super) head_len: usize,
    pub(super) tail_len: usize,
    /// Segments that have joined its end.
    pub(super) grown: u32,
    /// Whether a hole was counted as a lost seam.
    owed: bool,
    /// When it was touched last, in touches.
    touched: u64,
}

impl Slot {
    fn is_used(&self) -> bool {
        self.has_start || self.has_end
    }

    /// Whether it is one segment that nothing has joined.
    fn is_single(&self) -> bool {
        self.kind != Kind::Hole && self.grown == 0
    }
}

/// Slots of the pool, so many times, that others must have touched before one is stale.
const STALE: u64 = 4;

const FREE: Slot = Slot {
    kind: Kind::Hole,
    start: 0,
    end: 0,
    has_start: false,
    has_end: false,
    head_len: 0,
    tail_len: 0,
    grown: 0,
    owed: false,
    touched: 0,
};

pub(super) struct OutOfOrder {
    directions: Box<[u64]>,
    slots: Box<[Slot]>,
    /// A slot's head, then its tail, `context` bytes each.
    bytes: Bytes,
    context: usize,
    touches: u64,
    /// Room to count the slots of each direction.
    counted: Vec<u64>,
}

impl OutOfOrder {
    /// Bytes that a slot takes.
    pub(super) fn slot_bytes(context: usize) -> usize {
        2 * size_of::<u64>() + size_of::<Slot>() + 2 * context
    }

    pub(super) fn new(slots: usize, context: usize) -> Self {
        Self {
            directions: vec![0; slots].into_boxed_slice(),
            slots: vec![FREE; slots].into_boxed_slice(),
            bytes: Bytes::zeroed(slots * 2 * context),
            context,
            touches: 0,
            counted: Vec::with_capacity(slots),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.len() * Self::slot_bytes(self.context)
    }

    pub(super) fn slot(&self, i: usize) -> Slot {
        self.slots[i]
    }

    /// The bytes from the slot's start on.
    pub(super) fn head(&self, i: usize) -> &[u8] {
        &self.bytes[2 * i * self.context..][..self.slots[i].head_len]
    }

    /// The bytes before the slot's end.
    pub(super) fn tail(&self, i: usize) -> &[u8] {
        &self.bytes[(2 * i + 1) * self.context..][..self.slots[i].tail_len]
    }

    pub(super) fn set_tail(&mut self, i: usize, end: u32, tail: &[u8]) {
        self.bytes[(2 * i + 1) * self.context..][..tail.len()].copy_from_slice(tail);
        self.touches += 1;
        let slot = &mut self.slots[i];
        (slot.end, slot.has_end, slot.tail_len) = (end, true, tail.len());
        slot.touched = self.touches;
    }

    /// The slot begins at `start` with these bytes, or as many as fit.
    pub(super) fn set_head(&mut self, i: usize, start: u32, bytes: &[u8]) {
        let slot = &mut self.slots[i];
        (slot.start, slot.has_start, slot.head_len) = (start, true, 0);
        self.extend_head(i, bytes);
    }

    /// The slot has gained a segment at its end, these bytes of it new. It has grown if the
    /// others agree with its own.
    pub(super) fn lengthen(&mut self, i: usize, new: &[u8], agrees: bool) {
        self.slots[i].grown += u32::from(agrees);
        if self.slots[i].kind != Kind::Hole {
            self.extend_head(i, new);
        }
    }

    /// The slot has gained all segments of slot `by`, new from byte `overlap` on.
    pub(super) fn lengthen_by(&mut self, i: usize, by: usize, overlap: usize) {
        let Slot { grown, head_len, .. } = self.slots[by];
        self.slots[i].grown += grown + 1;
        let room = self.context - self.slots[i].head_len;
        if self.slots[i].kind != Kind::Hole && room > 0 {
            let skipped = overlap.min(head_len);
            let n = room.min(head_len - skipped);
            let from = 2 * by * self.context + skipped;
            let to = 2 * i * self.context + self.slots[i].head_len;
            self.bytes.copy_within(from..from + n, to);
            self.slots[i].head_len += n;
        }
    }

    /// The main tail has left the slot behind: between its two ends is a hole,
    /// a seam lost or not (`owed`).
    pub(super) fn make_hole(&mut self, i: usize, owed: bool) {
        let slot = &mut self.slots[i];
        (slot.kind, slot.grown) = (Kind::Hole, 0);
        slot.owed |= owed;
    }

    /// The far bank of a hole has been joined to the end of slot `own`, or of
    /// the main tail. A piece becomes the new far bank, else the hole is left
    /// without one. Says whether a seam counted as lost was recovered.
    pub(super) fn close(&mut self, hole: usize, own: Option<usize>) -> bool {
        match own {
            Some(own) if self.slots[own].kind != Kind::Hole => {
                let Slot { start, head_len, .. } = self.slots[own];
                let at = 2 * own * self.context;
                self.bytes.copy_within(at..at + head_len, 2 * hole * self.context);
                let slot = &mut self.slots[hole];
                (slot.start, slot.head_len) = (start, head_len);
                self.free(own);
                return false;
            }
            Some(own) => {
                (self.slots[own].has_end, self.slots[own].tail_len) = (false, 0);
                self.free_if_void(own);
            }
            None => {}
        }
        let recovered = self.slots[hole].owed;
        let slot = &mut self.slots[hole];
        (slot.has_start, slot.head_len, slot.owed) = (false, 0, false);
        self.free_if_void(hole);
        recovered
    }

    pub(super) fn free(&mut self, i: usize) {
        self.slots[i] = FREE;
        self.directions[i] = 0;
    }

    /// Frees a slot that has neither end left.
    fn free_if_void(&mut self, i: usize) {
        if !self.slots[i].is_used() {
            self.free(i);
        }
    }

    /// Slots that one direction may hold.
    fn share(&self) -> usize {
        (self.slots.len() * 3 / 4).max(1)
    }

    /// A slot without ends, for a direction whose next byte is `expected`; and what was
    /// in it, if another had to give way. `None` if the pool has no slots at all.
    pub(super) fn insert(
        &mut self,
        direction: u64,
        expected: u32,
        kind: Kind,
    ) -> Option<(usize, Option<Kind>)> {
        let free = self.slots.iter().position(|slot| !slot.is_used());
        let held = self.of(direction).count();
        let i = match free.filter(|_| held < self.share()) {
            Some(free) => free,
            None => self.victim(direction, expected, held)?,
        };
        let evicted = self.slots[i].is_used().then_some(self.slots[i].kind);
        self.touches += 1;
        self.slots[i] = Slot { kind, touched: self.touches, ..FREE };
        self.directions[i] = direction;
        Some((i, evicted))
    }

    /// The slot that gives way, where the direction must not or cannot have a free one.
    fn victim(&mut self, direction: u64, expected: u32, held: usize) -> Option<usize> {
        let has_share = held >= self.share();
        let oldest = (0..self.slots.len())
            .filter(|&i| !has_share || self.directions[i] == direction)
            .min_by_key(|&i| self.slots[i].touched)?;
        if self.is_untouched(oldest, STALE) {
            return Some(oldest);
        }
        if !has_share {
            let (greatest, count) = self.greatest_holder()?;
            if count > held.max(1) {
                return self.least_worth(greatest, None);
            }
        }
        self.least_worth(direction, Some(expected)).or(Some(oldest))
    }

    /// Whether others were touched since, so many times as there are slots.
    fn is_untouched(&self, i: usize, times: u64) -> bool {
        self.touches - self.slots[i].touched > times * self.slots.len() as u64
    }

    /// The direction that holds most slots, and how many.
    fn greatest_holder(&mut self) -> Option<(u64, usize)> {
        let mut counted = std::mem::take(&mut self.counted);
        counted.clear();
        counted.extend_from_slice(&self.directions);
        counted.sort_unstable();
        let runs = counted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len()));
        let greatest = runs.max_by_key(|(_, count)| *count);
        self.counted = counted;
        greatest
    }

    /// Which of a direction's slots is worth least. Its expected byte may not be known.
    fn least_worth(&self, direction: u64, expected: Option<u32>) -> Option<usize> {
        // What nothing has joined for long is no place to go on from.
        let goes_on = |i: &usize| {
            let slot = &self.slots[*i];
            slot.has_end && !slot.is_single() && !self.is_untouched(*i, 1)
        };
        let ends = self.of(direction).filter(goes_on).map(|i| self.slots[i].end);
        let ends: Vec<u32> = ends.chain(expected).collect();
        let distance = |slot: &Slot| {
            ends.iter().map(|end| after(slot.start, *end).unsigned_abs()).min()
        };
        let holes = self.of(direction).filter(|&i| self.slots[i].kind == Kind::Hole);
        let many_holes = 4 * holes.count() > self.share();
        self.of(direction).min_by_key(|&i| {
            let slot = &self.slots[i];
            let (worth, distance) = match slot.kind {
                Kind::Hole if many_holes => (0, None),
                Kind::Hole => (3, None),
                _ if slot.is_single() => (1, distance(slot)),
                _ => (2, None),
            };
            (worth, std::cmp::Reverse(distance), slot.touched)
        })
    }

    /// Whether anything of the direction is held.
    pub(super) fn holds(&self, direction: u64) -> bool {
        self.of(direction).next().is_some()
    }

    /// Whether a piece of the direction holds all of `[start, end)`.
    pub(super) fn covers(&self, direction: u64, start: u32, end: u32) -> bool {
        self.of(direction).any(|i| {
            let slot = &self.slots[i];
            let len = slot.end.wrapping_sub(slot.start);
            slot.kind != Kind::Hole
                && start.wrapping_sub(slot.start) <= len
                && end.wrapping_sub(slot.start) <= len
        })
    }

    /// The slot whose end lies in `[start, end)`, so that a segment there
    /// goes on from it; the one with the least overlap.
    pub(super) fn find_end(&self, direction: u64, start: u32, end: u32) -> Option<usize> {
        let len = end.wrapping_sub(start);
        self.of(direction)
            .filter(|&i| {
                let slot = &self.slots[i];
                let overlap = slot.end.wrapping_sub(start);
                let whole = slot.end.wrapping_sub(slot.start);
                // A piece that begins inside the segment is swallowed by it.
                slot.has_end
                    && overlap < len
                    && (slot.kind == Kind::Hole || overlap <= whole)
            })
            .min_by_key(|&i| self.slots[i].end.wrapping_sub(start))
    }

    /// The slot whose start lies in `[from, end]`, the first one. The end may
    /// be that of slot `own`: a piece does not run on to itself, a hole does
    /// when it is filled.
    pub(super) fn find_start(
        &self,
        direction: u64,
        from: u32,
        end: u32,
        own: Option<usize>,
    ) -> Option<usize> {
        let reach = end.wrapping_sub(from);
        self.of(direction)
            .filter(|&i| {
                let slot = &self.slots[i];
                slot.has_start
                    && slot.start.wrapping_sub(from) <= reach
                    && (Some(i) != own || slot.kind == Kind::Hole)
            })
            .min_by_key(|&i| self.slots[i].start.wrapping_sub(from))
    }

    fn extend_head(&mut self, i: usize, more: &[u8]) {
        let len = self.slots[i].head_len;
        let n = more.len().min(self.context - len);
        self.bytes[2 * i * self.context + len..][..n].copy_from_slice(&more[..n]);
        self.slots[i].head_len += n;
    }

    fn of(&self, direction: u64) -> impl Iterator<Item = usize> {
        // Eight at a time: nearly all are of others.
        let eights = self.directions.chunks(8).zip((0..).step_by(8));
        let some = eights.filter(move |(eight, _)| {
            eight.iter().fold(false, |found, d| found | (*d == direction))
        });
        let all = some.flat_map(|(eight, first)| (first..).zip(eight));
        all.filter_map(move |(i, &d)| {
            (d == direction && self.slots[i].is_used()).then_some(i)
        })
    }
}

persist!(OutOfOrder { directions, slots, bytes, touches; context, counted });
persist!(Slot {
    kind,
    start,
    end,
    has_start,
    has_end,
    head_len,
    tail_len,
    grown,
    owed,
    touched
});
persist_choice!(Kind: Kind::Ahead, Kind::Behind, Kind::Hole);
