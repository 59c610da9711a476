//! The sampled windows of many payloads.
//!
//! Sampling leaves a bit a position. Bits are gathered over several payloads before
//! they become positions, and positions before their windows are looked at: how many
//! there are in a payload is random, so a loop for each payload would end where the
//! processor did not expect it, with a kernel's whole work waiting behind.

use super::plan::{BLOCK, MAX_GROUP, MAX_WORDS};
use super::{Fingerprinter, Sampling, Windows, period, winnow};

/// Words that are gathered before their windows are looked at: some 6 KiB of payload,
/// which is still in the first-level cache then.
const GATHERED: usize = 96;

/// Words that become positions at once; most payloads leave no more than these.
const AT_ONCE: usize = 128;

/// Words at hand: those gathered, a block's on top, and what is left of a group.
const WORDS: usize = GATHERED + MAX_WORDS + MAX_GROUP;

/// Working memory of one thread: grows to the size that the first payloads need,
/// a few dozen KiB, and stays.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) words: Vec<u64>,
    origins: Vec<Origin>,
    positions: Vec<u16>,
    values: Vec<u16>,
    runs: winnow::Runs,
}

impl Scratch {
    /// Bytes held.
    pub fn memory_bytes(&self) -> usize {
        let numbers = self.positions.capacity() + self.values.capacity();
        let numbers = numbers + self.runs.capacity();
        let origins = size_of::<Origin>() * self.origins.capacity();
        8 * self.words.capacity() + origins + 2 * numbers
    }

    #[inline]
    pub(super) fn reserve(&mut self) {
        if self.words.is_empty() {
            self.words = vec![0; WORDS];
            self.origins = vec![Origin::default(); WORDS];
            self.positions = vec![0; 64 * AT_ONCE + 64];
        }
    }
}

/// What a word's bits stand for.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    payload: usize,
    /// The offset of the window that the lowest bit stands for; wraps around.
    base: usize,
}

/// Where the bits of a sampled block stand.
pub(super) struct Block {
    pub(super) words: usize,
    /// The position of its first window.
    skip: usize,
}

/// The periodic stretch that was met last.
#[derive(Default)]
struct Stretch {
    payload: usize,
    end: usize,
}

impl Fingerprinter {
    /// Calls `keep` with the payload's index, the offset and the bytes of each kept
    /// window, in order.
    #[inline]
    pub(super) fn walk<'b>(
        &self,
        scratch: &mut Scratch,
        payloads: &[&'b [u8]],
        mut keep: impl FnMut(usize, usize, &'b [u8]),
    ) -> Windows {
        scratch.reserve();
        let mut windows = Windows::default();
        let mut stretch = Stretch::default();
        let mut gathered = 0;
        for (payload, bytes) in payloads.iter().enumerate() {
            let total = self.total(bytes);
            windows.total += total;
            let mut first = 0;
            while (first as u64) < total {
                let block = self.sample(scratch, gathered, bytes, first);
                let mut base = first.wrapping_sub(block.skip);
                for origin in &mut scratch.origins[gathered..][..block.words] {
                    *origin = Origin { payload, base };
                    base = base.wrapping_add(64);
                }
                gathered += block.words;
                if gathered >= GATHERED {
                    let gathered = std::mem::take(&mut gathered);
                    let stretch = &mut stretch;
                    windows +=
                        self.hand_over(scratch, gathered, payloads, stretch, &mut keep);
                }
                first += BLOCK;
            }
        }
        windows += self.hand_over(scratch, gathered, payloads, &mut stretch, &mut keep);
        windows
    }

    /// Calls `keep` with the windows of the first words; counts them.
    #[inline]
    fn hand_over<'b>(
        &self,
        scratch: &mut Scratch,
        words: usize,
        payloads: &[&'b [u8]],
        stretch: &mut Stretch,
        keep: &mut impl FnMut(usize, usize, &'b [u8]),
    ) -> Windows {
        let beta = self.plan.beta;
        let Scratch { words: all, origins, positions, .. } = scratch;
        let origins = origins[..words].chunks(AT_ONCE);
        let mut windows = Windows::default();
        for (words, origins) in all[..words].chunks(AT_ONCE).zip(origins) {
            let sampled = self.path.positions(words, positions);
            let mut periodic = 0;
            let window_at = |position: u16| {
                let position = usize::from(position);
                let Origin { payload, base } = origins[position / 64];
                (payload, base.wrapping_add(position % 64))
            };
            let mut rest = &positions[..sampled];
            while let Some((&position, after)) = rest.split_first() {
                rest = after;
                let (payload, offset) = window_at(position);
                let bytes = payloads[payload];
                let window = &bytes[offset..offset + beta];
                if period::may_repeat(window)
                    && stretch.holds(payload, bytes, offset, beta)
                {
                    // Winnowing samples all windows of a long stretch.
                    let within = rest.partition_point(|&position| {
                        let (other, offset) = window_at(position);
                        other == payload && offset + beta <= stretch.end
                    });
                    rest = &rest[within..];
                    periodic += 1 + within as u64;
                } else {
                    keep(payload, offset, window);
                }
            }
            windows.kept += sampled as u64 - periodic;
            windows.periodic += periodic;
        }
        windows
    }

    /// Samples the windows that begin at `first` and the `BLOCK - 1` after it; their
    /// words are those from `at` on.
    #[inline]
    pub(super) fn sample(
        &self,
        scratch: &mut Scratch,
        at: usize,
        bytes: &[u8],
        first: usize,
    ) -> Block {
        match self.sampling {
            Sampling::Value(_) => {
                let words = &mut scratch.words[at..];
                self.sample_by_value(words, bytes, first)
            }
            Sampling::Winnow(width) => {
                self.sample_minima(scratch, at, bytes, first, usize::from(width))
            }
        }
    }

    #[inline]
    fn sample_by_value(&self, words: &mut [u64], bytes: &[u8], first: usize) -> Block {
        let end = bytes.len().min(first + BLOCK + self.plan.beta - 1);
        let bytes = &bytes[first..end];
        self.path.select(&self.plan, bytes, words);
        // Positions are those of last bytes.
        Block { words: bytes.len().div_ceil(64), skip: self.plan.beta - 1 }
    }

    fn sample_minima(
        &self,
        scratch: &mut Scratch,
        at: usize,
        bytes: &[u8],
        first: usize,
        width: usize,
    ) -> Block {
        let beta = self.plan.beta;
        let total = bytes.len() + 1 - beta;
        // All runs that hold one of the block's windows.
        let context = first.min(width - 1);
        let from = first - context;
        let windows = total.min(first + BLOCK + width - 1) - from;
        let block = windows.min(context + BLOCK);
        let bytes = &bytes[from..from + windows + beta - 1];
        let needed = bytes.len().next_multiple_of(64) + 64;
        if scratch.values.len() < needed {
            scratch.values.resize(needed, 0);
        }
        let words = &mut scratch.words[at..];
        self.path.values(&self.plan, bytes, &mut scratch.values);
        let values = &scratch.values[beta - 1..][..windows + 64];
        self.path.minima(values, width, &mut scratch.runs, words);
        clear_outside(words, context, block);
        Block { words: block.div_ceil(64), skip: context }
    }
}

impl Stretch {
    /// Has this window a period of 8 bytes or less? Walks to the end of what repeats
    /// once, not for each of its windows.
    #[cold]
    fn holds(
        &mut self,
        payload: usize,
        bytes: &[u8],
        offset: usize,
        beta: usize,
    ) -> bool {
        let end = offset + beta;
        if self.payload == payload && end <= self.end {
            return true;
        }
        let unit = period::period(&bytes[offset..end]);
        if let Some(unit) = unit {
            *self = Self { payload, end: period::stretch_end(bytes, end, unit) };
        }
        unit.is_some()
    }
}

/// Clears all bits but those from `first` to `last - 1`.
fn clear_outside(words: &mut [u64], first: usize, last: usize) {
    words[..first / 64].fill(0);
    words[first / 64] &= !0 << (first % 64);
    if !last.is_multiple_of(64) {
        words[last / 64] &= (1 << (last % 64)) - 1;
    }
}
