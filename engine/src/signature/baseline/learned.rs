//! Content keys seen in benign traffic.
//!
//! A Bloom filter a content shard, so that each shard asks, and in a learning period
//! enters, its own keys without a lock.

use crate::error::BaselineError;
use crate::sketch::Bloom;
use xxhash_rust::xxh3::xxh3_128;

/// What a content key depends on. Keys of different bindings have nothing in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// A number that only the secret key gives, and from which it cannot be told.
    pub key: u128,
    /// The settings that go into a key, as text.
    pub settings: String,
}

/// First bytes of a file.
const MAGIC: &[u8; 8] = b"WSIFTBL\n";
/// The layout below.
const VERSION: u32 = 1;
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 16;

/// Keys known to be good.
///
/// A file holds, all integers little-endian: magic (8 bytes), version (u32), filters
/// (u32), the binding's key number (u128), false-positive rate (f64), bytes of memory a
/// filter (u64), length of the settings' text (u32), the text, the bits of each filter
/// in order, and XXH3-128 of all that.
#[derive(Clone, Debug)]
pub struct LearnedKeys {
    binding: Binding,
    rate: f64,
    bytes: usize,
    filters: Vec<Bloom>,
    refused: u64,
}

impl LearnedKeys {
    /// An empty set of one filter for each of `seeds`, in `bytes` all together. While no
    /// more than [`capacity`](Self::capacity) keys are entered, an unknown key is taken
    /// for a known one with `false_positive_rate`.
    pub fn new(
        binding: Binding,
        bytes: usize,
        false_positive_rate: f64,
        seeds: &[u64],
    ) -> Self {
        let bytes = bytes / seeds.len().max(1);
        let filter = |seed: &u64| Bloom::new(bytes, false_positive_rate, *seed);
        Self {
            binding,
            rate: false_positive_rate,
            bytes,
            filters: seeds.iter().map(filter).collect(),
            refused: 0,
        }
    }

    /// Reads a file's bytes, for a run of this binding and these seeds.
    ///
    /// # Errors
    ///
    /// What is expected and what was found, where it cannot be used.
    pub fn read(
        file: &[u8],
        binding: &Binding,
        seeds: &[u64],
    ) -> Result<Self, BaselineError> {
        let mut rest = file;
        if take(&mut rest, MAGIC.len()) != Ok(MAGIC) {
            return Err(BaselineError::NoBaseline);
        }
        let version = u32_of(&mut rest)?;
        if version != VERSION {
            return Err(BaselineError::Version { expected: VERSION, found: version });
        }
        let body = file.len().checked_sub(CHECKSUM).ok_or(BaselineError::Short)?;
        if xxh3_128(&file[..body]).to_le_bytes() != file[body..] {
            return Err(BaselineError::Damaged);
        }
        rest = &rest[..rest.len() - CHECKSUM];
        let filters = u32_of(&mut rest)? as usize;
        let key: [u8; 16] = array(&mut rest)?;
        let rate = f64::from_le_bytes(array(&mut rest)?);
        let bytes = u64::from_le_bytes(array(&mut rest)?);
        let length = u32_of(&mut rest)? as usize;
        let settings = take(&mut rest, length)?;
        let found = Binding {
            key: u128::from_le_bytes(key),
            settings: String::from_utf8_lossy(settings).into_owned(),
        };
        found.check(binding)?;
        // The bits are all there, so no size in the header asks for more than the file.
        let held = rest.len() / filters.max(1);
        if filters != seeds.len() || !rest.len().is_multiple_of(seeds.len().max(1)) {
            return Err(BaselineError::Filters { expected: seeds.len(), found: filters });
        }
        let bytes = usize::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes <= held.saturating_add(64))
            .ok_or(BaselineError::FilterSize)?;
        let mut read = Self::new(found, bytes.saturating_mul(filters), rate, seeds);
        for (filter, bits) in read.filters.iter_mut().zip(rest.chunks(held.max(1))) {
            if !filter.merge_bits(bits) {
                return Err(BaselineError::FilterSize);
            }
        }
        Ok(read)
    }

    /// The bytes of a file.
    pub fn write(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.memory_bytes() + 256);
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend((self.filters.len() as u32).to_le_bytes());
        file.extend(self.binding.key.to_le_bytes());
        file.extend(self.rate.to_le_bytes());
        file.extend((self.bytes as u64).to_le_bytes());
        file.extend((self.binding.settings.len() as u32).to_le_bytes());
        file.extend(self.binding.settings.as_bytes());
        self.filters.iter().for_each(|filter| file.extend(filter.bits()));
        let checksum = xxh3_128(&file);
        file.extend(checksum.to_le_bytes());
        file
    }

    /// Enters all keys of another set: bit for bit what learning both at once gives.
    ///
    /// # Errors
    ///
    /// They differ in binding, size or rate; then nothing is changed.
    pub fn merge(&mut self, other: &Self) -> Result<(), BaselineError> {
        other.binding.check(&self.binding)?;
        let shape = |it: &Self| (it.filters.len(), it.bytes, it.rate.to_bits());
        if shape(self) != shape(other) {
            let [expected, found] = [self, other].map(|it| (it.bytes(), it.rate));
            return Err(BaselineError::Shape { expected, found });
        }
        for (mine, theirs) in self.filters.iter_mut().zip(&other.filters) {
            mine.merge_bits(theirs.bits());
        }
        Ok(())
    }

    /// Enters a key of the filter `part`; true when it was new. A full filter takes none:
    /// what it does not know may alarm, while one that is too full would know everything,
    /// and hide every worm.
    pub fn insert(&mut self, part: usize, key: u64) -> bool {
        let filter = &mut self.filters[part];
        if !filter.is_full() {
            return filter.insert(key);
        }
        self.refused += u64::from(!filter.contains(key));
        false
    }

    /// How often a key found no room; one that came again counts again.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether the filter `part` knows the key; no is certain.
    pub fn contains(&self, part: usize, key: u64) -> bool {
        self.filters[part].contains(key)
    }

    /// Keys entered, as far as the filters can tell.
    pub fn len(&self) -> usize {
        self.filters.iter().map(Bloom::len).sum()
    }

    /// Whether none was entered.
    pub fn is_empty(&self) -> bool {
        self.filters.iter().all(Bloom::is_empty)
    }

    /// Keys that it holds at its rate.
    pub fn capacity(&self) -> usize {
        self.filters.iter().map(Bloom::capacity).sum()
    }

    /// How often an unknown key is taken for a known one now.
    pub fn false_positive_rate(&self) -> f64 {
        let sum: f64 = self.filters.iter().map(Bloom::false_positive_rate).sum();
        sum / self.filters.len().max(1) as f64
    }

    /// Says how this run's binding differs from its own, if it does.
    pub(crate) fn check(&self, expected: &Binding) -> Result<(), BaselineError> {
        self.binding.check(expected)
    }

    /// Bytes that its filters were asked to fit in.
    pub fn bytes(&self) -> usize {
        self.bytes * self.filters.len()
    }

    /// The false-positive rate that it was made for.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.filters.iter().map(Bloom::memory_bytes).sum()
    }

    /// The filters, each for its shard.
    pub(crate) fn into_filters(self) -> Vec<Bloom> {
        self.filters
    }

    /// The same from copies of the shards' filters.
    pub(crate) fn of_bits<'a>(
        mut empty: Self,
        filters: impl IntoIterator<Item = &'a Bloom>,
    ) -> Self {
        for (mine, theirs) in empty.filters.iter_mut().zip(filters) {
            mine.merge_bits(theirs.bits());
        }
        empty
    }
}

impl Binding {
    /// Says which of the two is another.
    pub(crate) fn check(&self, expected: &Self) -> Result<(), BaselineError> {
        if self.settings != expected.settings {
            return Err(BaselineError::Settings {
                expected: expected.settings.clone(),
                found: self.settings.clone(),
            });
        }
        if self.key == expected.key { Ok(()) } else { Err(BaselineError::Key) }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], BaselineError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(BaselineError::Short)?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BaselineError> {
    take(rest, N)?.try_into().map_err(|_| BaselineError::Short)
}

fn u32_of(rest: &mut &[u8]) -> Result<u32, BaselineError> {
    array(rest).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SEEDS: [u64; 4] = [3, 5, 7, 11];

    fn binding() -> Binding {
        Binding { key: 42, settings: "beta = 40".to_owned() }
    }

    fn learned(keys: impl IntoIterator<Item = u64>) -> LearnedKeys {
        let mut it = LearnedKeys::new(binding(), 1 << 14, 1e-2, &SEEDS);
        for key in keys {
            it.insert((key >> 62) as usize, key);
        }
        it
    }

    proptest! {
        #[test]
        fn what_was_learned_is_known_also_after_a_file_and_a_merge(
            one in prop::collection::hash_set(any::<u64>(), 0..500),
            two in prop::collection::hash_set(any::<u64>(), 0..500),
        ) {
            let union: HashSet<u64> = one.union(&two).copied().collect();
            let mut merged = learned(one);
            let two = LearnedKeys::read(&learned(two).write(), &binding(), &SEEDS);
            merged.merge(&two.unwrap()).unwrap();
            prop_assert_eq!(merged.write(), learned(union.clone()).write());
            let read = LearnedKeys::read(&merged.write(), &binding(), &SEEDS).unwrap();
            prop_assert!(union.iter().all(|k| read.contains((k >> 62) as usize, *k)));
            let close = read.len().abs_diff(union.len()) as f64;
            prop_assert!(close <= 5.0 + 0.05 * union.len() as f64, "{close}");
        }

        #[test]
        fn no_bytes_are_read_as_something_else(
            at in any::<prop::sample::Index>(), flip in 1..=255_u8, cut in any::<bool>(),
        ) {
            let mut file = learned(0..300).write();
            let at = at.index(file.len());
            if cut { file.truncate(at) } else { file[at] ^= flip }
            prop_assert!(LearnedKeys::read(&file, &binding(), &SEEDS).is_err());
        }
    }

    #[test]
    fn at_capacity_the_rate_is_the_one_asked_for() {
        let spread = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let empty = learned([]);
        let full = learned((0..empty.capacity() as u64).map(spread));
        let trials = 200_000_u64;
        let wrong = (0..trials)
            .map(|i| spread(i + (1 << 40)))
            .filter(|key| full.contains((key >> 62) as usize, *key))
            .count();
        // 1 % of 200,000 with a standard deviation of 45: six of them.
        assert!((1_700..2_300).contains(&wrong), "{wrong}");
    }

    #[test]
    fn what_finds_no_room_is_counted_and_makes_nothing_else_known() {
        let spread = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let capacity = learned([]).capacity() as u64;
        let over = learned((0..4 * capacity).map(spread));
        assert!(over.len() as u64 <= capacity + SEEDS.len() as u64);
        assert!(over.refused() > 2 * capacity);
        assert!(over.false_positive_rate() < 1.2e-2, "{}", over.false_positive_rate());
    }

    #[test]
    fn another_key_other_settings_and_other_shapes_are_refused() {
        let file = learned(0..10).write();
        let other_key = Binding { key: 43, ..binding() };
        let refused = LearnedKeys::read(&file, &other_key, &SEEDS).unwrap_err();
        assert_eq!(refused, BaselineError::Key);
        let other = Binding { settings: "beta = 32".to_owned(), ..binding() };
        let refused = LearnedKeys::read(&file, &other, &SEEDS).unwrap_err().to_string();
        assert_eq!(refused, "learned with beta = 40; this run has beta = 32");
        let mut future = file.clone();
        future[8] = 9;
        let refused = LearnedKeys::read(&future, &binding(), &SEEDS).unwrap_err();
        assert!(refused.to_string().contains("version 1, found 9"), "{refused}");
        let mut larger = LearnedKeys::new(binding(), 1 << 15, 1e-2, &SEEDS);
        let refused = larger.merge(&learned(0..10)).unwrap_err().to_string();
        assert!(refused.contains("expected 32768 bytes"), "{refused}");
        assert!(larger.is_empty());
    }
}
