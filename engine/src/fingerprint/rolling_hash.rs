//! The residue that decides sampling: the scalar truth that every kernel is
//! held against.
//!
//! For the window of beta bytes that ends at byte `i`, over GF(2^8),
//!
//! ```text
//! r(i) = sum over j < beta of  A^j B b[i-j]
//! ```
//!
//! with `A` multiplication by a generator and `B` a keyed invertible matrix: a
//! Rabin fingerprint of degree 8 (Rabin 1981) under a secret input map. It rolls:
//! `r(i+1) = A r(i) + B b[in] + A^beta B b[out]`.

use super::byte_map::ByteMap;

/// One keyed residue over windows of beta bytes.
#[derive(Clone, Debug)]
pub(super) struct Residue {
    /// `A`.
    pub(super) step: ByteMap,
    /// `B`.
    pub(super) input: ByteMap,
    advance: [u8; 256],
    enter: [u8; 256],
    leave: [u8; 256],
}

impl Residue {
    pub(super) fn new(step: ByteMap, input: ByteMap, beta: usize) -> Self {
        Self {
            step,
            input,
            advance: step.table(),
            enter: input.table(),
            leave: step.power(beta).after(&input).table(),
        }
    }

    /// Straight from the definition: for each distance `j` from a window's end,
    /// `A^j B` of all bytes.
    #[cfg(test)]
    pub(super) fn terms(&self, beta: usize) -> Vec<[u8; 256]> {
        (0..beta).map(|j| self.step.power(j).after(&self.input).table()).collect()
    }

    /// The residue one byte on.
    pub(super) fn roll(&self, residue: u8, entering: u8, leaving: u8) -> u8 {
        self.advance[usize::from(residue)]
            ^ self.enter[usize::from(entering)]
            ^ self.leave[usize::from(leaving)]
    }

    /// The residue at the end of each byte. Those of the first beta - 1 are of
    /// windows filled up with zeros in front.
    pub(super) fn rolled(&self, bytes: &[u8], beta: usize) -> impl Iterator<Item = u8> {
        let leaving = std::iter::repeat_n(&0, beta).chain(bytes);
        bytes.iter().zip(leaving).scan(0, |residue, (&entering, &leaving)| {
            *residue = self.roll(*residue, entering, leaving);
            Some(*residue)
        })
    }
}

/// The residue of one window, as the sum of its terms.
#[cfg(test)]
pub(super) fn by_definition(terms: &[[u8; 256]], window: &[u8]) -> u8 {
    let bytes = window.iter().rev();
    terms.iter().zip(bytes).fold(0, |sum, (term, &byte)| sum ^ term[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::super::secrets::Secrets;
    use super::by_definition;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_rolling_form_equals_the_definition(
            key: u128,
            beta in 8usize..=64,
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let secrets = Secrets::new(key, beta);
            for residue in [&secrets.first, &secrets.second] {
                let terms = residue.terms(beta);
                let rolled: Vec<u8> = residue.rolled(&bytes, beta).collect();
                prop_assert_eq!(rolled.len(), bytes.len());
                for (start, window) in bytes.windows(beta).enumerate() {
                    prop_assert_eq!(rolled[start + beta - 1], by_definition(&terms, window));
                }
            }
        }
    }
}
