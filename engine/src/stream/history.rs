//! The bytes that a direction sent last.
//!
//! A ring of the last bytes of each segment, chained by direction: a
//! signature grows to the left too, and a worm may come in small segments.

use super::{after, rehash};
use crate::pages::Bytes;
use crate::state::persist;

/// Bytes that are kept of a segment's end; and of its beginning, if it does
/// not follow the direction's previous segment.
pub(super) const PIECE: usize = 512;
/// Pieces in a row that may lie off the wanted range before the search ends.
const PATIENCE: usize = 32;
/// Pieces that one search looks at.
const SEARCH: usize = 2 * PIECE;
const WAYS: usize = 4;

#[derive(Clone, Copy)]
struct Piece {
    /// Serial number of the direction's previous piece; 0 for none.
    previous: u64,
    /// Where its bytes begin, counted from the ring's first byte ever.
    at: u64,
    sequence: u32,
    len: u32,
}

const NO_PIECE: Piece = Piece { previous: 0, at: 0, sequence: 0, len: 0 };

/// A direction and the serial number of its latest piece.
#[derive(Clone, Copy)]
struct Latest {
    direction: u64,
    serial: u64,
}

pub(super) struct History {
    bytes: Bytes,
    pieces: Box<[Piece]>,
    /// Sets of [`WAYS`], the last used first.
    index: Box<[Latest]>,
    /// Bytes ever written, and skipped at the ring's end.
    written: u64,
    /// Serial number of the latest piece; the first one is 1.
    serial: u64,
    found: Vec<u64>,
    seed: u64,
}

impl History {
    /// A history within `bytes` of memory; it remembers nothing if that is
    /// less than some 16 KiB.
    pub(super) fn new(bytes: usize, seed: u64) -> Self {
        // Half the memory holds bytes; a piece for each 128 of them, and a
        // direction for every second piece.
        let usable = bytes.saturating_sub(SEARCH * size_of::<u64>());
        let per_piece = 128 + size_of::<Piece>() + size_of::<Latest>() / 2;
        let pieces = if usable < 4 * PIECE { 0 } else { usable / per_piece };
        let pieces = pieces / (2 * WAYS) * (2 * WAYS);
        let ring = if pieces * 128 < 2 * PIECE { 0 } else { pieces * 128 };
        let pieces = if ring == 0 { 0 } else { pieces };
        Self {
            bytes: Bytes::zeroed(ring),
            pieces: vec![NO_PIECE; pieces].into_boxed_slice(),
            index: vec![Latest { direction: 0, serial: 0 }; pieces / 2]
                .into_boxed_slice(),
            written: 0,
            serial: 0,
            found: Vec::with_capacity(if pieces == 0 { 0 } else { SEARCH }),
            seed,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.len()
            + size_of_val(&*self.pieces)
            + size_of_val(&*self.index)
            + self.found.capacity() * size_of::<u64>()
    }

    /// Remembers the end of a payload that begins at `start`.
    pub(super) fn record(&mut self, direction: u64, start: u32, payload: &[u8]) {
        if self.pieces.is_empty() || payload.is_empty() {
            return;
        }
        let (i, known) = self.front(direction);
        let previous = if known { self.index[i].serial } else { 0 };
        let follows = self
            .piece(previous)
            .is_some_and(|piece| piece.sequence.wrapping_add(piece.len) == start);
        let latest = if payload.len() > 2 * PIECE {
            let head = if follows {
                previous
            } else {
                self.push(previous, start, &payload[..PIECE])
            };
            let skipped = payload.len() - PIECE;
            self.push(head, start.wrapping_add(skipped as u32), &payload[skipped..])
        } else {
            let skipped = if follows { payload.len().saturating_sub(PIECE) } else { 0 };
            self.push(previous, start.wrapping_add(skipped as u32), &payload[skipped..])
        };
        self.index[i] = Latest { direction, serial: latest };
    }

    /// Calls `copy` with each remembered piece of the direction that has bytes
    /// in the `len` from `from` on: where it begins relative to `from`, and its
    /// bytes. In the order of recording.
    pub(super) fn replay(
        &mut self,
        direction: u64,
        from: u32,
        len: usize,
        mut copy: impl FnMut(i32, &[u8]),
    ) {
        if self.pieces.is_empty() {
            return;
        }
        let mut serial = match self.front(direction) {
            (i, true) => self.index[i].serial,
            _ => 0,
        };
        self.found.clear();
        let mut misses = 0;
        for _ in 0..SEARCH {
            let Some(piece) = self.piece(serial) else { break };
            let at = i64::from(after(piece.sequence, from));
            if at < len as i64 && at + i64::from(piece.len) > 0 {
                self.found.push(serial);
                misses = 0;
            } else {
                misses += 1;
                if misses == PATIENCE {
                    break;
                }
            }
            serial = piece.previous;
        }
        for &serial in self.found.iter().rev() {
            if let Some(piece) = self.piece(serial) {
                copy(after(piece.sequence, from), self.bytes_of(piece));
            }
        }
    }

    /// The direction's place in the index, now the first of its set; the place
    /// of the longest unused one if it has none.
    fn front(&mut self, direction: u64) -> (usize, bool) {
        let sets = self.index.len() / WAYS;
        let set =
            ((u128::from(rehash(direction, self.seed)) * sets as u128) >> 64) as usize;
        let first = set * WAYS;
        let ways = &mut self.index[first..first + WAYS];
        let found =
            ways.iter().position(|way| way.direction == direction && way.serial > 0);
        ways[..=found.unwrap_or(WAYS - 1)].rotate_right(1);
        (first, found.is_some())
    }

    fn push(&mut self, previous: u64, sequence: u32, bytes: &[u8]) -> u64 {
        let ring = self.bytes.len();
        let mut at = (self.written % ring as u64) as usize;
        if at + bytes.len() > ring {
            self.written += (ring - at) as u64;
            at = 0;
        }
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.serial += 1;
        let len = bytes.len() as u32;
        let slot = (self.serial % self.pieces.len() as u64) as usize;
        self.pieces[slot] = Piece { previous, at: self.written, sequence, len };
        self.written += bytes.len() as u64;
        self.serial
    }

    /// A piece, unless it has been overwritten.
    fn piece(&self, serial: u64) -> Option<Piece> {
        let pieces = self.pieces.len() as u64;
        if serial == 0 || self.serial - serial >= pieces {
            return None;
        }
        let piece = self.pieces[(serial % pieces) as usize];
        (self.written - piece.at <= self.bytes.len() as u64).then_some(piece)
    }

    fn bytes_of(&self, piece: Piece) -> &[u8] {
        let at = (piece.at % self.bytes.len() as u64) as usize;
        &self.bytes[at..at + piece.len as usize]
    }
}

persist!(History { bytes, pieces, index, written, serial; found, seed });
persist!(Piece { previous, at, sequence, len });
persist!(Latest { direction, serial });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::test_traffic::Rng;

    #[test]
    fn what_is_replayed_was_recorded_and_the_latest_is_always_there() {
        let mut rng = Rng(1);
        let mut history = History::new(40_000, 5);
        let streams: Vec<_> = (0..9).map(|_| rng.bytes(3_000)).collect();
        for _ in 0..20_000 {
            let direction = rng.below(9);
            let stream = &streams[direction];
            let from = rng.below(stream.len());
            let to = (from + 1 + rng.below(1_400)).min(stream.len());
            history.record(direction as u64, from as u32, &stream[from..to]);
            let want = to.saturating_sub(PIECE).max(from);
            let mut latest = false;
            history.replay(direction as u64, want as u32, to - want, |at, bytes| {
                let at = (want as i32 + at) as usize;
                assert_eq!(bytes, &stream[at..at + bytes.len()]);
                latest |= at <= want && at + bytes.len() == to;
            });
            assert!(latest);
        }
        assert!(history.memory_bytes() <= 40_000);
    }

    #[test]
    fn a_segment_after_a_gap_is_remembered_at_both_ends() {
        let mut rng = Rng(2);
        let mut history = History::new(100_000, 5);
        let stream = rng.bytes(4_000);
        history.record(1, 0, &stream[..100]);
        history.record(1, 1_500, &stream[1_500..3_000]);
        let mut seen = Vec::new();
        history.replay(1, 1_400, 200, |at, bytes| seen.push((at, bytes.to_vec())));
        assert_eq!(seen, [(100, stream[1_500..1_500 + PIECE].to_vec())]);
    }

    #[test]
    fn any_memory_is_kept_to() {
        for bytes in [0, 100, 8_192, 9_000, 16_384, 50_000, 1 << 20] {
            let mut history = History::new(bytes, 1);
            assert!(history.memory_bytes() <= bytes);
            history.record(3, 4, b"words");
            let mut replayed = 0;
            history.replay(3, 4, 5, |_, bytes| replayed += bytes.len());
            assert_eq!(replayed, if history.pieces.is_empty() { 0 } else { 5 });
        }
    }
}
