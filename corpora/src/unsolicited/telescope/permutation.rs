//! A random order of all addresses of a network, which takes no memory.
//!
//! Each step is a bijection of the numbers of so many bits: times an odd number, plus
//! another, and the upper half added to the lower by exclusive or.

use crate::rng::Rng;

const STEPS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Permutation {
    bits: u32,
    /// What is multiplied by and added.
    steps: [(u64, u64); STEPS],
}

impl Permutation {
    /// Of the numbers below 2^`bits`, at most 2^32.
    pub(super) fn new(bits: u32, rng: &mut Rng) -> Self {
        let steps = std::array::from_fn(|_| (rng.next_u64() | 1, rng.next_u64()));
        Self { bits, steps }
    }

    /// The number at this place: another for each place below 2^`bits`.
    pub(super) fn at(&self, place: u64) -> u64 {
        let mask = (1 << self.bits) - 1;
        let shift = self.bits / 2 + 1;
        self.steps.iter().fold(place & mask, |number, (factor, summand)| {
            let moved = number.wrapping_mul(*factor).wrapping_add(*summand) & mask;
            moved ^ (moved >> shift)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_comes_once() {
        let mut rng = Rng::new(1, "permutation");
        for bits in 0..=13 {
            let order = Permutation::new(bits, &mut rng);
            let numbers: BTreeSet<u64> =
                (0..1 << bits).map(|place| order.at(place)).collect();
            assert_eq!(numbers.len(), 1 << bits, "{bits}");
            assert_eq!(numbers.last(), Some(&((1 << bits) - 1)), "{bits}");
        }
    }

    /// The first hundredth of a /16 is spread over all of it: 655 numbers, some 41 in each
    /// sixteenth, with a standard deviation of 6.
    #[test]
    fn the_first_ones_are_anywhere() {
        for seed in 0..20 {
            let order = Permutation::new(16, &mut Rng::new(seed, "order"));
            let mut parts = [0u32; 16];
            (0..655).for_each(|place| parts[(order.at(place) >> 12) as usize] += 1);
            assert!(parts.iter().all(|count| (12..=75).contains(count)), "{parts:?}");
            let steps: BTreeSet<u64> = (0..655)
                .map(|place| order.at(place + 1).wrapping_sub(order.at(place)) & 0xffff)
                .collect();
            assert!(steps.len() > 500, "{seed}: no random order, {} steps", steps.len());
        }
    }
}
