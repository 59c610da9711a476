//! Seeded traffic for this module's tests.

/// SplitMix64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(super) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

/// Cuts `0..len` into pieces of `smallest` to `largest` bytes; the last one may
/// be shorter.
pub(super) fn cut(
    rng: &mut Rng,
    len: usize,
    smallest: usize,
    largest: usize,
) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < len {
        let end = (at + smallest + rng.below(largest - smallest + 1)).min(len);
        pieces.push((at, end));
        at = end;
    }
    pieces
}

/// Swaps neighbours once in every ten pieces, from `first` on.
pub(super) fn swap_every_tenth_pair(pieces: &mut [(usize, usize)], first: usize) {
    for i in (first..pieces.len().saturating_sub(1)).step_by(10) {
        pieces.swap(i, i + 1);
    }
}
