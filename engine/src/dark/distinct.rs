//! How many dark addresses somebody reached: exact to sixteen, then by registers.
//!
//! Registers come from a fixed number of rows. The standard error is 1.6 %
//! ([`hyper_log_log`](crate::sketch::hyper_log_log) at 4,096 registers). Without a row the
//! count ends at sixteen and says so.

use crate::detect::count::Precision;
use crate::sketch::hyper_log_log;
use crate::state::persist;

const FEW: usize = 16;
const REGISTERS: usize = 4_096;

/// Distinct things, by hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Distinct {
    few: [u64; FEW],
    known: u8,
    /// Whether there were more than are named.
    is_cut: bool,
    registers: Vec<u8>,
}

/// The rows of registers that may be in use at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    free: u64,
    all: u64,
    refused: u64,
}

impl Rows {
    pub(super) fn within(bytes: usize) -> Self {
        let all = (bytes / REGISTERS) as u64;
        Self { free: all, all, refused: 0 }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.all as usize * REGISTERS
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

impl Distinct {
    pub(super) fn note(&mut self, hash: u64, rows: &mut Rows) {
        if !self.registers.is_empty() {
            hyper_log_log::note(&mut self.registers, hash);
            return;
        }
        let known = usize::from(self.known);
        if self.few[..known].contains(&hash) {
            return;
        }
        if known < FEW {
            self.few[known] = hash;
            self.known += 1;
            return;
        }
        if rows.free == 0 {
            rows.refused += u64::from(!self.is_cut);
            self.is_cut = true;
            return;
        }
        rows.free -= 1;
        self.registers = vec![0; REGISTERS];
        for hash in self.few.into_iter().chain([hash]) {
            hyper_log_log::note(&mut self.registers, hash);
        }
    }

    pub(super) fn count(&self) -> (u64, Precision) {
        match self.registers.is_empty() {
            // It may have got its row late.
            false if self.is_cut => (self.estimate(), Precision::AtLeast),
            false => (self.estimate(), Precision::About),
            true if self.is_cut => (self.known.into(), Precision::AtLeast),
            true => (self.known.into(), Precision::Exact),
        }
    }

    fn estimate(&self) -> u64 {
        hyper_log_log::count(&self.registers).into()
    }

    /// Gives its row back.
    pub(super) fn release(&mut self, rows: &mut Rows) {
        rows.free += u64::from(!self.registers.is_empty());
        self.registers = Vec::new();
    }
}

persist!(Distinct { few, known, is_cut, registers });
persist!(Rows { free, refused; all });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;

    fn noted(things: u64, rows: &mut Rows) -> Distinct {
        let mut distinct = Distinct::default();
        for _ in 0..2 {
            (0..things).for_each(|thing| distinct.note(hash_word(thing, 7), rows));
        }
        distinct
    }

    #[test]
    fn few_are_exact_and_many_within_three_standard_errors() {
        let mut rows = Rows::within(64 * REGISTERS);
        for things in [0, 1, 16] {
            assert_eq!(noted(things, &mut rows).count(), (things, Precision::Exact));
        }
        assert_eq!(rows.free, 64);
        for things in [17, 300, 65_536, 1_000_000] {
            let (count, precision) = noted(things, &mut rows).count();
            let error = (count as f64 / things as f64 - 1.0).abs();
            assert!(error < 0.049, "{count} of {things}");
            assert_eq!(precision, Precision::About);
        }
        assert_eq!(rows.free, 60);
    }

    #[test]
    fn without_a_row_the_count_ends_at_sixteen_and_says_so() {
        let mut rows = Rows::within(REGISTERS);
        let mut first = noted(40, &mut rows);
        let second = noted(40, &mut rows);
        assert_eq!(second.count(), (16, Precision::AtLeast));
        assert_eq!(rows.refused, 1);
        first.release(&mut rows);
        assert_eq!(noted(40, &mut rows).count().1, Precision::About);
    }
}
