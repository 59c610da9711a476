//! The hosts that one relay passed its content on to, in 64 bytes.

use crate::sketch::linear_count;
use crate::state::persist;

const WORDS: usize = 16;
const BITS: usize = WORDS * 32;

/// A set of hosts by hash, which counts them: exact up to 16, then a linear-counting
/// bitmap of 512 bits in the same place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets {
    /// 32-bit hashes, or the bitmap once there are more than 16.
    words: [u32; WORDS],
    listed: u8,
    is_bitmap: bool,
    count: u32,
}

impl Targets {
    /// The empty set.
    pub(super) const NONE: Self =
        Self { words: [0; WORDS], listed: 0, is_bitmap: false, count: 0 };

    /// Enters a host's hash. The count never falls.
    pub(super) fn insert(&mut self, hash: u64) {
        let short = (hash >> 32) as u32;
        if !self.is_bitmap {
            let listed = usize::from(self.listed);
            if self.words[..listed].contains(&short) {
                return;
            }
            if listed < WORDS {
                self.words[listed] = short;
                self.listed += 1;
                self.count += 1;
                return;
            }
            let list = std::mem::take(&mut self.words);
            self.is_bitmap = true;
            list.into_iter().for_each(|short| self.set(short));
        }
        self.set(short);
        let set = self.words.iter().map(|word| word.count_ones()).sum();
        // Never below the 16 that were counted exactly.
        self.count = self.count.max(linear_count(set, BITS));
    }

    /// How many hosts were entered.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    fn set(&mut self, short: u32) {
        let bit = (short >> (32 - BITS.ilog2())) as usize;
        self.words[bit / 32] |= 1 << (bit % 32);
    }
}

persist!(Targets { words, listed, is_bitmap, count });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::remix;

    #[test]
    fn up_to_sixteen_hosts_are_counted_exactly() {
        for seed in 0..200 {
            let mut targets = Targets::NONE;
            for n in 0..16 {
                targets.insert(remix(n, seed));
                targets.insert(remix(n / 2, seed));
                assert_eq!(u64::from(targets.count()), n + 1);
            }
        }
    }

    #[test]
    fn beyond_sixteen_the_error_is_as_stated() {
        for (hosts, stated) in [(17u64, 0.04), (64, 0.04), (512, 0.04), (2_000, 0.085)] {
            let runs = 300;
            let squares: f64 = (0..runs)
                .map(|seed| {
                    let mut targets = Targets::NONE;
                    (0..hosts).for_each(|n| targets.insert(remix(n, seed)));
                    (f64::from(targets.count()) / hosts as f64 - 1.0).powi(2)
                })
                .sum();
            let error = (squares / f64::from(runs as u32)).sqrt();
            assert!(error < stated * 1.15, "{hosts}: {error}");
        }
        let mut full = Targets::NONE;
        (0..100_000).for_each(|n| full.insert(remix(n, 1)));
        assert_eq!(full.count(), 3_549);
    }
}
