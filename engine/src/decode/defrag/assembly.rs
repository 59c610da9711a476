//! The bytes of one datagram that are there: first copies, and last copies that differ.
//!
//! Every byte is kept in up to two versions, that of the first fragment which brought it
//! and that of the last. Where a third one takes the place of the last, that is given
//! back before: no version of a byte is lost unseen. Any order of any fragments is taken,
//! with any number of holes. An end is what a fragment claims; the nearest one counts.
//!
//! It costs a byte and a bit for each byte up to the furthest, twice that once two copies
//! differ.

use super::bits::Bits;

/// Bytes by their place in a datagram.
pub(super) type Placed = (usize, Vec<u8>);

#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// First copies; zero where none is there.
    bytes: Vec<u8>,
    there: Bits,
    /// The nearest end that was claimed.
    end: Option<usize>,
    last_copies: Option<Box<LastCopies>>,
}

/// The copies that came last, where they are not those that came first.
#[derive(Debug)]
struct LastCopies {
    bytes: Vec<u8>,
    differ: Bits,
}

/// What a fragment turned out to be.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Bytes that were not there before.
    pub(super) new_bytes: usize,
    /// Whether it claims an end that was not known.
    pub(super) new_end: bool,
    /// Whether some of its bytes differ from a copy that is there.
    pub(super) differs: bool,
    /// Whether it lies past the end, or claims another.
    pub(super) contradicts_end: bool,
    /// Last copies, with what lies around them, that it took the place of.
    pub(super) displaced: Vec<Placed>,
}

impl Assembly {
    pub(super) fn memory_bytes(&self) -> usize {
        let last = self.last_copies.as_ref();
        self.bytes.capacity()
            + self.there.memory_bytes()
            + last.map_or(0, |last| last.bytes.capacity() + last.differ.memory_bytes())
    }

    /// The memory it takes once it has taken these bytes too.
    pub(super) fn memory_bytes_with(&self, start: usize, bytes: &[u8]) -> usize {
        let length = self.length_with(start + bytes.len());
        let both = self.last_copies.is_some() || self.differs(start, bytes);
        (length + Bits::bytes_for(length)) * if both { 2 } else { 1 }
    }

    /// Room for so many bytes, at least doubled where it must grow, so that many small
    /// fragments do not move it each time.
    fn length_with(&self, end: usize) -> usize {
        let length = self.bytes.len();
        if end <= length { length } else { end.max((2 * length).min(super::MAX_BYTES)) }
    }

    fn grow(&mut self, end: usize) {
        let length = self.length_with(end);
        fill(&mut self.bytes, length);
        self.there.grow(length);
        if let Some(last) = &mut self.last_copies {
            fill(&mut last.bytes, length);
            last.differ.grow(length);
        }
    }

    /// Whether a copy differs from the first or the last one that is there.
    fn differs(&self, start: usize, bytes: &[u8]) -> bool {
        let end = (start + bytes.len()).min(self.bytes.len());
        let mut there = self.there.runs(start.min(end), end, true);
        there.any(|(from, to)| {
            let copy = &bytes[from - start..to - start];
            copy != &self.bytes[from..to] || self.displaces(from, copy)
        })
    }

    /// Whether a copy takes the place of last ones, other than itself.
    fn displaces(&self, start: usize, copy: &[u8]) -> bool {
        let Some(last) = &self.last_copies else { return false };
        last.differ
            .runs(start, start + copy.len(), true)
            .any(|(from, to)| last.bytes[from..to] != copy[from - start..to - start])
    }

    /// Takes a fragment's bytes; `is_last` if it claims to be the last one. What is
    /// displaced comes with up to `context` bytes on either side.
    pub(super) fn add(
        &mut self,
        start: usize,
        bytes: &[u8],
        is_last: bool,
        context: usize,
    ) -> Added {
        let end = start + bytes.len();
        let mut added = Added {
            differs: self.differs(start, bytes),
            contradicts_end: self.contradicts_end(end, is_last),
            ..Added::default()
        };
        self.grow(end);
        if added.differs {
            added.displaced = self.replace_last_copies(start, bytes, context);
        }
        let gaps: Vec<_> = self.there.runs(start, end, false).collect();
        for (from, to) in gaps {
            self.bytes[from..to].copy_from_slice(&bytes[from - start..to - start]);
            self.there.set(from, to);
            added.new_bytes += to - from;
        }
        if is_last && self.end.is_none_or(|known| end < known) {
            self.end = Some(end);
            added.new_end = true;
        }
        added
    }

    fn contradicts_end(&self, end: usize, is_last: bool) -> bool {
        match self.end {
            Some(known) => end > known || is_last && end != known,
            None => is_last && self.furthest() > end,
        }
    }

    /// Where the last byte that is there ends.
    fn furthest(&self) -> usize {
        self.there.runs(0, self.bytes.len(), true).last().map_or(0, |(_, to)| to)
    }

    /// Puts a copy that differs beside the first ones; gives back the last ones that it
    /// took the place of.
    fn replace_last_copies(
        &mut self,
        start: usize,
        bytes: &[u8],
        context: usize,
    ) -> Vec<Placed> {
        let end = start + bytes.len();
        let displaced = if self.displaces(start, bytes) {
            let mut pieces = self.other_pieces(context);
            pieces.retain(|(at, piece)| *at < end && at + piece.len() > start);
            pieces
        } else {
            Vec::new()
        };
        let length = self.bytes.len();
        let last = self.last_copies.get_or_insert_with(|| {
            let (mut bytes, mut differ) = (Vec::new(), Bits::default());
            fill(&mut bytes, length);
            differ.grow(length);
            Box::new(LastCopies { bytes, differ })
        });
        for (from, to) in self.there.runs(start, end, true) {
            for at in from..to {
                let byte = bytes[at - start];
                last.bytes[at] = byte;
                if byte == self.bytes[at] {
                    last.differ.unset(at, at + 1);
                } else {
                    last.differ.set(at, at + 1);
                }
            }
        }
        displaced
    }

    /// Whether all bytes up to the end are there.
    pub(super) fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| end <= self.bytes.len() && self.there.all(0, end))
    }

    /// What is there of first copies, from the beginning on, `most` bytes at most.
    pub(super) fn beginning(&self, most: usize) -> &[u8] {
        let end = self.there.around((0, 0), most, self.bytes.len()).1;
        &self.bytes[..end]
    }

    /// The runs of first copies that are there.
    pub(super) fn runs(&self) -> impl Iterator<Item = Placed> {
        let runs = self.there.runs(0, self.bytes.len(), true);
        runs.map(|(from, to)| (from, self.bytes[from..to].to_vec()))
    }

    /// The runs past the end, which nothing that is complete holds, with up to `context`
    /// bytes before it.
    fn past_the_end(&self, end: usize, context: usize) -> impl Iterator<Item = Placed> {
        let runs = self.there.runs(end, self.bytes.len(), true);
        runs.map(move |(from, to)| {
            let from = if from == end { end.saturating_sub(context) } else { from };
            (from, self.bytes[from..to].to_vec())
        })
    }

    /// Last copies where they differ from first ones, each run with up to `context` bytes
    /// on either side, in which last copies count too.
    pub(super) fn other_pieces(&self, context: usize) -> Vec<Placed> {
        let Some(last) = &self.last_copies else { return Vec::new() };
        let length = self.bytes.len();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for run in last.differ.runs(0, length, true) {
            let (from, to) = self.there.around(run, context, length);
            match ranges.last_mut() {
                Some(before) if from <= before.1 => before.1 = to,
                _ => ranges.push((from, to)),
            }
        }
        let overlaid = |(from, to): (usize, usize)| {
            let mut piece = self.bytes[from..to].to_vec();
            for (at, end) in last.differ.runs(from, to, true) {
                piece[at - from..end - from].copy_from_slice(&last.bytes[at..end]);
            }
            (from, piece)
        };
        ranges.into_iter().map(overlaid).collect()
    }

    /// Of a complete datagram, all that is there but the first copies up to its end.
    pub(super) fn not_in_whole(&self, context: usize) -> Vec<Placed> {
        let end = self.end.unwrap_or(self.bytes.len());
        let mut others = self.other_pieces(context);
        others.extend(self.past_the_end(end, context));
        others
    }

    /// Takes the first copies of a complete datagram.
    pub(super) fn take_whole(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.truncate(self.end.unwrap_or(bytes.len()));
        bytes
    }
}

/// Lengthens with zeros, taking no more memory than that.
fn fill(bytes: &mut Vec<u8>, length: usize) {
    bytes.reserve_exact(length - bytes.len());
    bytes.resize(length, 0);
}
