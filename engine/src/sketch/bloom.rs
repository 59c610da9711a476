//! A keyed set of hashes that says yes a little too often.

use super::epochs::Clear;
use super::hash::hash_word;
use crate::state::{Exchange, Persist};

/// A Bloom filter (Bloom 1970) of 64-bit hashes with a secret seed.
///
/// Never forgets what was entered; a hash that was not is taken for one that was with
/// [`Bloom::false_positive_rate`]. The filter itself is the `bloomfilter` crate's; its
/// errors end here.
#[derive(Clone, Debug)]
pub struct Bloom {
    filter: bloomfilter::Bloom<u64>,
    entered: usize,
    capacity: usize,
}

/// Bytes that the crate keeps before the bits.
const HEADER_BYTES: usize = 45;
/// Far below what an allocation can be, so that the crate's arithmetic cannot overflow.
const MOST_BYTES: usize = 1 << if usize::BITS < 64 { 28 } else { 46 };

impl Bloom {
    /// A filter of at most `bytes` (and never less than 46), whose capacity is the number
    /// of hashes at which it says yes wrongly once in `1 / false_positive_rate` times:
    /// bits x ln(2)^2 / ln(1 / rate).
    pub fn new(bytes: usize, false_positive_rate: f64, seed: u64) -> Self {
        let size = bytes.saturating_sub(HEADER_BYTES).clamp(1, MOST_BYTES);
        let rate = false_positive_rate.clamp(1e-12, 0.5);
        let ln2 = std::f64::consts::LN_2;
        let capacity = (size as f64 * 8.0 * ln2 * ln2 / -rate.ln()).max(1.0) as usize;
        let mut secret = [0; 32];
        for (word, bytes) in (0..).zip(secret.as_chunks_mut::<8>().0) {
            *bytes = hash_word(word, seed).to_le_bytes();
        }
        let filter = bloomfilter::Bloom::new_with_seed(size, capacity, &secret)
            .expect("a filter of at least one byte and one item can be built");
        Self { filter, entered: 0, capacity }
    }

    /// Enters a hash; true when it was not there before (as far as the filter can tell).
    pub fn insert(&mut self, hash: u64) -> bool {
        let new = !self.filter.check_and_set(&hash);
        self.entered += usize::from(new);
        new
    }

    /// Whether the hash was entered: no is certain.
    pub fn contains(&self, hash: u64) -> bool {
        self.entered > 0 && self.filter.check(&hash)
    }

    /// How many different hashes were entered, as far as the filter can tell.
    pub fn len(&self) -> usize {
        self.entered
    }

    /// Whether nothing was entered.
    pub fn is_empty(&self) -> bool {
        self.entered == 0
    }

    /// How many it can hold at its design rate.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether it holds all that it can: with more it would say yes ever more often.
    pub fn is_full(&self) -> bool {
        self.entered >= self.capacity
    }

    /// How often it says yes wrongly at its present load: (1 - e^(-kn/m))^k.
    pub fn false_positive_rate(&self) -> f64 {
        let hashes = f64::from(self.filter.number_of_hash_functions());
        let load = self.entered as f64 / self.filter.len() as f64;
        (1.0 - (-hashes * load).exp()).powf(hashes)
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.filter.as_slice().len()
    }

    /// The bits alone, to be kept: neither the seed nor how many were entered.
    pub fn bits(&self) -> &[u8] {
        &self.filter.as_slice()[HEADER_BYTES..]
    }

    /// Enters all that a filter of the same size, rate and seed with these bits holds;
    /// false when there are more or fewer of them. How many there are is then estimated
    /// from the share of ones p: -m / k x ln(1 - p) (Swamidass and Baldi 2007).
    pub fn merge_bits(&mut self, bits: &[u8]) -> bool {
        if bits.len() != self.bits().len() {
            return false;
        }
        let mut whole = self.filter.to_bytes();
        for (mine, theirs) in whole[HEADER_BYTES..].iter_mut().zip(bits) {
            *mine |= theirs;
        }
        let ones: u64 =
            whole[HEADER_BYTES..].iter().map(|b| u64::from(b.count_ones())).sum();
        let Ok(filter) = bloomfilter::Bloom::from_bytes(whole) else { return false };
        self.filter = filter;
        let (m, k) =
            (self.filter.len() as f64, f64::from(self.filter.number_of_hash_functions()));
        let share = (ones as f64 / m).min(1.0 - 1.0 / m);
        let estimate = (-m / k * (1.0 - share).ln()).round() as usize;
        self.entered = estimate.max(usize::from(ones > 0));
        true
    }
}

impl Clear for Bloom {
    fn clear(&mut self) {
        // An empty filter may never have been touched: leave it so.
        if self.entered > 0 {
            self.filter.clear();
            self.entered = 0;
        }
    }
}

/// A filter of another size may be read over this one: it says itself what it is.
impl Persist for Bloom {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let mut bytes = self.filter.to_bytes();
        bytes.persist(file)?;
        if file.is_reading() {
            self.filter = bloomfilter::Bloom::from_bytes(bytes)
                .map_err(|reason| file.misfit("a filter", reason))?;
        }
        self.entered.persist(file)?;
        self.capacity.persist(file)
    }
}

impl Default for Bloom {
    fn default() -> Self {
        Self::new(0, 0.5, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_forgets_and_errs_as_designed_at_capacity() {
        let mut filter = Bloom::new(64 << 10, 1e-3, 9);
        let capacity = filter.capacity() as u64;
        for value in 0..capacity {
            filter.insert(hash_word(value, 5));
        }
        assert!((0..capacity).all(|value| filter.contains(hash_word(value, 5))));
        let wrong = (0..400_000u64).filter(|v| filter.contains(hash_word(*v, 6))).count();
        // 400 expected.
        assert!((250..600).contains(&wrong), "{wrong}");
        assert!((0.8e-3..1.2e-3).contains(&filter.false_positive_rate()));
        filter.clear();
        assert!(filter.is_empty() && !filter.contains(hash_word(0, 5)));
    }

    #[test]
    fn any_size_stays_within_its_bytes() {
        for bytes in [0, 1, 45, 46, 100, 4_096] {
            let mut filter = Bloom::new(bytes, 0.0, 1);
            assert!(filter.memory_bytes() <= bytes.max(46), "{bytes}");
            assert!(filter.insert(7) && !filter.insert(7) && filter.contains(7));
            assert_eq!(filter.len(), 1);
        }
    }

    #[test]
    fn two_seeds_err_on_different_hashes() {
        let mut filters = [Bloom::new(1_000, 0.05, 1), Bloom::new(1_000, 0.05, 2)];
        for filter in &mut filters {
            (0..filter.capacity() as u64).for_each(|v| {
                filter.insert(hash_word(v, 3));
            });
        }
        let wrong = |which: &[usize]| {
            let all =
                |v: &u64| which.iter().all(|&f| filters[f].contains(hash_word(*v, 4)));
            (0..100_000u64).filter(all).count()
        };
        let (first, both) = (wrong(&[0]), wrong(&[0, 1]));
        assert!((3_500..6_500).contains(&first), "{first}");
        assert!(both < 500, "{both}: 250 when independent");
    }
}
