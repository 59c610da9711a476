//! The hosts that one relay passed its content on to.

use crate::sketch::{hyper_log_log, linear_count};
use crate::state::{persist, persist_choice};

const WORDS: usize = 16;
const BITS: usize = WORDS * 32;

/// Up to so many hosts are counted one by one.
pub(super) const EXACT: u32 = WORDS as u32;

/// A set of hosts by hash, which counts them. Exact up to 16; then HyperLogLog in 512
/// registers of a [`Pool`], which has no end; where the pool is used up, a linear-counting
/// bitmap of 512 bits in the place of the list, which ends at 3,549.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets {
    /// 32-bit hashes; or the bitmap; or, first, which registers.
    words: [u32; WORDS],
    listed: u8,
    form: Form,
    count: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    List,
    Registers,
    Bitmap,
}

/// A fixed number of rows of registers, lent to the sets that are large.
#[derive(Debug)]
pub(super) struct Pool {
    registers: Box<[u8]>,
    free: Vec<u32>,
}

impl Pool {
    /// Registers in a row: a standard error of 4.6 %.
    const ROW: usize = 512;
    /// What a row takes, with its place among the free ones.
    const BYTES: usize = Self::ROW + size_of::<u32>();

    /// As many rows as fit in `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        let rows = (bytes / Self::BYTES) as u32;
        Self {
            registers: vec![0; rows as usize * Self::ROW].into_boxed_slice(),
            free: (0..rows).rev().collect(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.registers.len() + self.free.capacity() * size_of::<u32>()
    }

    fn row(&mut self, row: u32) -> &mut [u8] {
        &mut self.registers[row as usize * Self::ROW..][..Self::ROW]
    }
}

/// A short hash as one for registers: what was listed and what comes later must agree.
fn spread(short: u32) -> u64 {
    u64::from(short) << 32
}

impl Targets {
    /// The empty set.
    pub(super) const NONE: Self =
        Self { words: [0; WORDS], listed: 0, form: Form::List, count: 0 };

    /// Enters a host's hash. The count never falls. Whether it had to do without registers
    /// from here on.
    pub(super) fn insert(&mut self, hash: u64, pool: &mut Pool) -> bool {
        let short = (hash >> 32) as u32;
        let mut cut = false;
        if self.form == Form::List {
            let listed = usize::from(self.listed);
            if self.words[..listed].contains(&short) {
                return false;
            }
            if listed < WORDS {
                self.words[listed] = short;
                self.listed += 1;
                self.count += 1;
                return false;
            }
            cut = !self.leave_list(pool);
        }
        let count = match self.form {
            Form::Registers => {
                let row = pool.row(self.words[0]);
                if !hyper_log_log::note(row, spread(short)) {
                    return false;
                }
                hyper_log_log::count(row)
            }
            _ => {
                self.set(short);
                let set = self.words.iter().map(|word| word.count_ones()).sum();
                linear_count(set, BITS)
            }
        };
        // Never below the 16 that were counted exactly.
        self.count = self.count.max(count);
        cut
    }

    /// How many hosts were entered.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Gives back what it was lent; the set is then empty.
    pub(super) fn release(&mut self, pool: &mut Pool) {
        if self.form == Form::Registers {
            pool.row(self.words[0]).fill(0);
            pool.free.push(self.words[0]);
        }
        *self = Self::NONE;
    }

    /// Goes over from the list to registers, or else to the bitmap; whether to registers.
    fn leave_list(&mut self, pool: &mut Pool) -> bool {
        let list = std::mem::take(&mut self.words);
        if let Some(row) = pool.free.pop() {
            self.words[0] = row;
            self.form = Form::Registers;
            let registers = pool.row(row);
            for short in list {
                hyper_log_log::note(registers, spread(short));
            }
            return true;
        }
        self.form = Form::Bitmap;
        list.into_iter().for_each(|short| self.set(short));
        false
    }

    fn set(&mut self, short: u32) {
        let bit = (short >> (32 - BITS.ilog2())) as usize;
        self.words[bit / 32] |= 1 << (bit % 32);
    }
}

persist!(Targets { words, listed, form, count });
persist!(Pool { registers, free });
persist_choice!(Form: Form::List, Form::Registers, Form::Bitmap);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;

    fn pool(rows: usize) -> Pool {
        Pool::new(rows * Pool::BYTES)
    }

    #[test]
    fn up_to_sixteen_hosts_are_counted_exactly() {
        let pool = &mut pool(1);
        for seed in 0..200 {
            let mut targets = Targets::NONE;
            for n in 0..16 {
                targets.insert(hash_word(n, seed), pool);
                targets.insert(hash_word(n / 2, seed), pool);
                assert_eq!(u64::from(targets.count()), n + 1);
            }
        }
        assert_eq!(pool.free.len(), 1, "lists borrow nothing");
    }

    /// The root of the mean square of relative errors over 300 seeds.
    fn error(hosts: u64, rows: usize) -> f64 {
        let runs = 300;
        let squares: f64 = (0..runs)
            .map(|seed| {
                let (mut targets, pool) = (Targets::NONE, &mut pool(rows));
                (0..hosts).for_each(|n| {
                    targets.insert(hash_word(n, seed), pool);
                });
                (f64::from(targets.count()) / hosts as f64 - 1.0).powi(2)
            })
            .sum();
        (squares / f64::from(runs as u32)).sqrt()
    }

    #[test]
    fn beyond_sixteen_the_error_is_as_stated() {
        for (hosts, stated) in [(17u64, 0.04), (64, 0.04), (512, 0.04), (10_000, 0.046)] {
            let error = error(hosts, 1);
            assert!(error < stated * 1.15, "{hosts}: {error}");
        }
        for (hosts, stated) in [(17u64, 0.04), (64, 0.04), (512, 0.04), (2_000, 0.085)] {
            let error = error(hosts, 0);
            assert!(error < stated * 1.15, "{hosts}, without registers: {error}");
        }
    }

    #[test]
    fn registers_have_no_end_and_the_bitmap_says_that_it_does_without() {
        let (mut one, mut other, pool) = (Targets::NONE, Targets::NONE, &mut pool(1));
        let (mut cuts, mut later_cuts) = (0, 0);
        for n in 0..40_000 {
            cuts += u32::from(one.insert(hash_word(n, 1), pool));
            later_cuts += u32::from(other.insert(hash_word(n, 1), pool));
        }
        assert!((36_000..44_000).contains(&one.count()), "{}", one.count());
        assert_eq!((other.count(), cuts, later_cuts), (3_549, 0, 1));
        one.release(pool);
        assert_eq!((one.count(), pool.free.len()), (0, 1));
        assert!(pool.registers.iter().all(|register| *register == 0));
    }
}
