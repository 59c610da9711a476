//! Keyed hashes (XXH3-64) of the few shapes that tables are addressed by.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A keyed hash of a 64-bit value, and a permutation of them: equal seeds agree, different
/// seeds do not.
#[inline]
pub fn hash_word(value: u64, seed: u64) -> u64 {
    xxh3_64_with_seed(&value.to_le_bytes(), seed)
}

/// A keyed hash of a 64-bit and a 128-bit value together.
#[inline]
pub fn hash_pair(first: u64, second: u128, seed: u64) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&first.to_le_bytes());
    bytes[8..].copy_from_slice(&second.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

/// Maps a hash to `0..n` by multiply and shift: its upper bits decide, and `n` need not
/// be a power of two. 0 when `n` is 0.
#[inline]
pub fn reduce(hash: u64, n: usize) -> usize {
    ((u128::from(hash) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_scatter_independently() {
        let (mut both, mut first) = (0, 0);
        for key in 0..100_000u64 {
            let one = reduce(hash_word(key, 1), 100) == 7;
            first += u32::from(one);
            both += u32::from(one && reduce(hash_word(key, 2), 100) == 7);
        }
        // 1,000 +- 31 and 10 +- 3.2 when independent.
        assert!((850..1_150).contains(&first), "{first}");
        assert!(both <= 26, "{both}");
    }

    #[test]
    fn reduction_is_even_over_any_range() {
        let mut counts = [0u32; 7];
        for key in 0..70_000u64 {
            counts[reduce(hash_word(key, 3), 7)] += 1;
        }
        assert!(counts.iter().all(|&n| n.abs_diff(10_000) < 500), "{counts:?}");
        assert_eq!(reduce(u64::MAX, 1), 0);
        assert_eq!(reduce(u64::MAX, 0), 0);
    }

    #[test]
    fn both_values_and_the_seed_count_in_a_pair() {
        let hash = hash_pair(1, 2, 3);
        assert_eq!(hash, hash_pair(1, 2, 3));
        for other in [hash_pair(2, 1, 3), hash_pair(1, 2, 4), hash_pair(1, 2 << 64, 3)] {
            assert_ne!(hash, other);
        }
    }
}
