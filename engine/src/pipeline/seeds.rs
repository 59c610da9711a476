//! One 128-bit key, many independent secrets.

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Derives every secret of a sensor from its key. XXH3 has no security proof;
/// without the key the outputs cannot be guessed by anything known.
#[derive(Clone, Copy)]
pub(crate) struct Seeds {
    key: u128,
}

impl Seeds {
    pub(crate) fn new(key: u128) -> Self {
        Self { key }
    }

    /// The secret under a label.
    pub(crate) fn wide(&self, label: &str) -> u128 {
        let mut text = self.key.to_le_bytes().to_vec();
        text.extend_from_slice(label.as_bytes());
        xxh3_128_with_seed(&text, (self.key >> 64) as u64)
    }

    /// The first half of the secret under a label.
    pub(crate) fn narrow(&self, label: &str) -> u64 {
        self.wide(label) as u64
    }

    /// The secret of one shard's table.
    pub(crate) fn shard(&self, label: &str, shard: usize) -> u64 {
        self.narrow(&format!("{label}/{shard}"))
    }
}

/// A bijection of 64 bits whose every output bit depends on every input bit
/// (the finaliser of MurmurHash3).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_shards_and_keys_give_different_secrets() {
        let (one, two) = (Seeds::new(1), Seeds::new(2));
        let mut all = vec![
            one.wide("a"),
            one.wide("b"),
            two.wide("a"),
            u128::from(one.shard("a", 0)),
            u128::from(one.shard("a", 1)),
            u128::from(two.shard("a", 1)),
        ];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert_eq!(one.narrow("a"), one.wide("a") as u64);
    }
}
