//! What the key decides. Every secret is XXH3 of the key under a label, so that
//! none tells anything about another.

use super::byte_map::ByteMap;
use super::rolling_hash::Residue;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Terms below `x^8` of two primitive polynomials. The two residues of winnowing
/// step by different ones: under one polynomial they would be multiples of each
/// other on content of two byte values, and 16 bits would hold only 8.
const FIRST_POLYNOMIAL: u8 = 0x1D;
const SECOND_POLYNOMIAL: u8 = 0x2B;

/// All secrets of one key.
#[derive(Clone, Debug)]
pub(super) struct Secrets {
    /// Decides value sampling; the high byte of a winnowing value.
    pub(super) first: Residue,
    /// The low byte of a winnowing value.
    pub(super) second: Residue,
    /// Value sampling's target is drawn from this, once its mask is known.
    pub(super) target: u64,
    /// Added to a winnowing value; not zero, so that zeros do not get value 0.
    pub(super) constant: u16,
    /// Seeds the fingerprints of windows.
    pub(super) window_seed: u64,
    /// Seeds the fingerprints of short datagrams: a domain of their own.
    pub(super) short_seed: u64,
}

impl Secrets {
    pub(super) fn new(key: u128, beta: usize) -> Self {
        Self {
            first: residue(key, "first residue", FIRST_POLYNOMIAL, beta),
            second: residue(key, "second residue", SECOND_POLYNOMIAL, beta),
            target: draw(key, "sampling target", 0),
            constant: 1 + (draw(key, "winnowing constant", 0) % 0xFFFF) as u16,
            window_seed: draw(key, "window fingerprint", 0),
            short_seed: draw(key, "short datagram fingerprint", 0),
        }
    }

    /// The value sampling target under `mask`: each non-zero value is as likely,
    /// up to 1 in 2^56; 0 when the mask is 0.
    pub(super) fn target_under(&self, mask: u8) -> u8 {
        match u64::from(mask) {
            0 => 0,
            mask => 1 + (self.target % mask) as u8,
        }
    }
}

/// One keyed 64-bit number; `index` counts the draws under a label.
fn draw(key: u128, label: &str, index: u64) -> u64 {
    let mut message = Vec::with_capacity(24 + label.len());
    message.extend_from_slice(&key.to_le_bytes());
    message.extend_from_slice(&index.to_le_bytes());
    message.extend_from_slice(label.as_bytes());
    xxh3_64_with_seed(&message, (key >> 64) as u64)
}

/// A residue with a uniformly drawn invertible input map: 29 of 100 random
/// matrices are invertible, so a few draws do.
fn residue(key: u128, label: &str, polynomial: u8, beta: usize) -> Residue {
    let input = (0..)
        .map(|index| ByteMap::from_columns(draw(key, label, index).to_le_bytes()))
        .find(ByteMap::is_invertible)
        .unwrap_or(ByteMap::IDENTITY);
    Residue::new(ByteMap::times_x(polynomial), input, beta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_never_zero_under_a_mask() {
        for key in 0..2_000 {
            let secrets = Secrets::new(key, 40);
            for bits in 1..=8 {
                let mask = ((1u16 << bits) - 1) as u8;
                let target = secrets.target_under(mask);
                assert!(target != 0 && target & !mask == 0);
            }
            assert_eq!(secrets.target_under(0), 0);
            assert_ne!(secrets.constant, 0);
        }
    }

    #[test]
    fn every_bit_of_the_key_changes_every_secret() {
        let plain = Secrets::new(0, 40);
        let probe: Vec<u8> = (0..40).collect();
        let last = |residue: &Residue| residue.rolled(&probe, 40).last();
        let mut same = [0; 6];
        for bit in 0..128 {
            let other = Secrets::new(1 << bit, 40);
            let equal = [
                last(&other.first) == last(&plain.first),
                last(&other.second) == last(&plain.second),
                other.constant == plain.constant,
                other.target == plain.target,
                other.window_seed == plain.window_seed,
                other.short_seed == plain.short_seed,
            ];
            for (count, equal) in same.iter_mut().zip(equal) {
                *count += u32::from(equal);
            }
        }
        // Bytes agree by chance once in 256; a lost key bit would not show as
        // chance for the wide ones.
        assert!(same[..3].iter().all(|&count| count <= 5), "{same:?}");
        assert_eq!(same[3..], [0, 0, 0]);
    }
}
