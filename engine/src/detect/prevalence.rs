//! How often a content was seen in a time window.
//!
//! A [`CountMin`] counts in the current window and keeps the window before; the answer is
//! the sum of the two. Each counts with conservative update by its own minimum, so each
//! never counts too low, and neither does the sum. A window ends at a whole multiple of its
//! least length once the table holds as many contents as it was sized for, or at its
//! greatest length: quiet links remember for longer. Nearly all contents are seen once or
//! twice (EarlyBird, section 5.3), so the price of a sketch that is too small is *false
//! promotion*: contents that were not repeated go on to the costlier stages, which will
//! not find them dispersed. [`false_promotion`] says how many.

use crate::counters::counters;
use crate::sketch::{Clear, CountMin, Turn, VariableEpochClock, hash_word};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Counters for each different content of a window at which it may end: those for which
/// the default memory is sized. The sizing law promises that one content in a thousand, seen
/// once, is then promoted at a threshold of 3.
const COUNTERS_AT_LOAD: f64 = 6.0;

/// The fill of a table of so many counters a content: 1 - exp(-4 / 6). A constant, so that
/// no machine's exponential function decides.
const FULL: f64 = 0.486_6;

counters! {
    /// Prevalence windows that ended, and how long the current ones have lasted.
    pub struct PrevalenceCounters {
        /// Windows that ended, over all shards.
        pub epochs_ended: u64,
        /// Those of them that ended because their table was full.
        pub epochs_ended_full: u64,
    }
    when_read {
        /// The shortest time, in whole seconds of packet time, that a shard's current window
        /// has lasted so far.
        pub shortest_epoch_seconds: u64,
        /// The longest.
        pub longest_epoch_seconds: u64,
    }
}

/// Counts how often each content was seen in this prevalence window and the last.
#[derive(Debug)]
pub struct Prevalence {
    counts: CountMin,
    clock: VariableEpochClock,
    threshold: u32,
    seed: u64,
    counters: PrevalenceCounters,
}

impl Prevalence {
    /// A table of at most `bytes` in all (and never less than 256), the length of each time
    /// window, the threshold (1 to 15) and the hash seed.
    pub fn new(bytes: usize, window: Span, threshold: u8, seed: u64) -> Self {
        Self::of(CountMin::new(bytes), window, threshold, seed)
    }

    /// One table of this size for each seed. They share huge pages.
    pub fn side_by_side(
        bytes: usize,
        window: Span,
        threshold: u8,
        seeds: &[u64],
    ) -> Vec<Self> {
        let counts = CountMin::side_by_side(bytes, seeds.len()).into_iter().zip(seeds);
        counts.map(|(counts, seed)| Self::of(counts, window, threshold, *seed)).collect()
    }

    fn of(counts: CountMin, window: Span, threshold: u8, seed: u64) -> Self {
        Self {
            counts,
            clock: VariableEpochClock::new(window, window),
            threshold: u32::from(threshold.clamp(1, CountMin::CAP)),
            seed,
            counters: PrevalenceCounters::default(),
        }
    }

    /// The same with windows of at least the length `window`, that last until the table is
    /// full, or up to `most`.
    pub fn with_windows(mut self, window: Span, most: Span) -> Self {
        self.clock = VariableEpochClock::new(window, most);
        self
    }

    /// Bytes that give each of `keys` different contents in a window this many counters.
    pub fn bytes_for(keys: u64, counters_per_key: f64) -> usize {
        let counters = (keys as f64 * counters_per_key).ceil() as usize;
        CountMin::bytes_for(counters)
    }

    /// Counts a sighting of the content and returns how often it was seen in the current
    /// and the previous window, this sighting included: never too low, up to 15 a window.
    #[inline]
    pub fn observe(&mut self, key: u64, time: Timestamp) -> u32 {
        self.observe_hashed(self.hash(key), time)
    }

    /// The same for the [hash](Prevalence::hash) of a content.
    #[inline]
    pub fn observe_hashed(&mut self, hash: u64, time: Timestamp) -> u32 {
        self.advance(time);
        self.count_hashed(hash)
    }

    /// Moves on to the window of `time`, forgetting what is two windows old.
    #[inline]
    pub fn advance(&mut self, time: Timestamp) {
        if time >= self.clock.end() {
            self.turn(time);
        }
    }

    /// Until when [`Prevalence::advance`] has nothing to do: the next time at which the
    /// epoch that was advanced to last may end.
    #[inline]
    pub fn epoch_end(&self) -> Timestamp {
        self.clock.end()
    }

    /// [`Prevalence::observe_hashed`] at a time of the window that was advanced to last.
    #[inline]
    pub fn count_hashed(&mut self, hash: u64) -> u32 {
        let (current, previous) = self.counts.add(hash);
        u32::from(current) + u32::from(previous)
    }

    #[cold]
    fn turn(&mut self, time: Timestamp) {
        let is_full = self.counts.current_fill() >= FULL;
        let holds_any = !self.counts.is_empty();
        match self.clock.advance(time, is_full) {
            Turn::Stay => return,
            Turn::Next => self.counts.turn(),
            Turn::Jump => self.counts.clear(),
        }
        self.counters.epochs_ended += u64::from(holds_any);
        self.counters.epochs_ended_full += u64::from(is_full);
    }

    /// When the current epoch began.
    pub fn epoch_begin(&self) -> Timestamp {
        self.clock.begin()
    }

    /// How many epochs ended.
    pub fn counters(&self) -> PrevalenceCounters {
        self.counters
    }

    /// How long the current epoch has lasted at this time; none before the first sighting.
    pub fn lasted(&self, now: Timestamp) -> Option<Span> {
        (!self.counts.is_empty()).then(|| self.clock.lasted(now))
    }

    /// How many different contents make a table full: about as many, or fewer where
    /// counters were copied in the same epoch.
    pub fn contents_at_load(&self) -> u64 {
        (self.counts.counters() as f64 / COUNTERS_AT_LOAD) as u64
    }

    /// Whether an estimate promotes its content.
    #[inline]
    pub fn is_prevalent(&self, estimate: u32) -> bool {
        estimate >= self.threshold
    }

    /// The content as the table has it.
    #[inline]
    pub fn hash(&self, key: u64) -> u64 {
        hash_word(key, self.seed)
    }

    /// What [`Prevalence::observe_hashed`] will read and write, to be
    /// [prefetched](crate::fingerprint::prefetch) for a block of hashes before the block
    /// is observed.
    #[inline]
    pub fn places(&self, hash: u64) -> [Option<&[u8; 64]>; 2] {
        self.counts.places(hash)
    }

    /// Share of counters above zero, 0 to 1: of the fuller of the two windows.
    pub fn fill(&self) -> f64 {
        self.counts.fill()
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.counts.memory_bytes()
    }
}

/// Counters a key and epoch, and the share of contents seen once that reach an
/// estimate of 3 and of 2 when every content of two full windows is different.
///
/// Measured on this layout (blocked, four counters a key, two epochs) over 2^20 keys
/// and more; the values at 4 to 16 counters are the sizing law of the design.
const SIZING_LAW: [(f64, f64, f64); 9] = [
    (0.5, 0.995, 1.0),
    (1.0, 0.73, 0.96),
    (2.0, 0.13, 0.66),
    (3.0, 3.0e-2, 0.37),
    (4.0, 8e-3, 0.21),
    (6.0, 1e-3, 8.0e-2),
    (8.0, 2e-4, 3.7e-2),
    (12.0, 3e-5, 1.1e-2),
    (16.0, 3e-6, 4.8e-3),
];

/// The share of contents, each seen once, that is wrongly promoted at this many counters
/// for each content of a window.
///
/// Interpolated between measured points, a power law from one to the next. Measured at
/// thresholds of 2 and 3; at higher ones it is less than at 3, which is what is returned.
pub fn false_promotion(counters_per_key: f64, threshold: u32) -> f64 {
    let point = |(counters, at_three, at_two): (f64, f64, f64)| {
        (counters, if threshold == 2 { at_two } else { at_three })
    };
    if threshold <= 1 || counters_per_key <= SIZING_LAW[0].0 {
        return 1.0;
    }
    // The last segment also serves beyond the last point.
    let last = SIZING_LAW.len() - 2;
    let above = |at: &(f64, f64, f64)| counters_per_key <= at.0;
    let from = SIZING_LAW.iter().position(above).map_or(last, |next| next - 1);
    let [(x0, y0), (x1, y1)] = [point(SIZING_LAW[from]), point(SIZING_LAW[from + 1])];
    let along = (counters_per_key / x0).ln() / (x1 / x0).ln();
    (y0 * (y1 / y0).powf(along)).min(1.0)
}

persist!(Prevalence { counts, clock, counters; threshold, seed });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Exact counts with the same epochs.
    #[derive(Default)]
    struct Twin {
        counts: HashMap<(u64, u64), u32>,
    }

    impl Twin {
        fn observe(&mut self, key: u64, epoch: u64) -> u32 {
            *self.counts.entry((key, epoch)).or_default() += 1;
            let count = |epoch| self.counts.get(&(key, epoch)).map_or(0, |&n| n.min(15));
            count(epoch) + epoch.checked_sub(1).map_or(0, count)
        }
    }

    fn sightings() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0u64..80, 0u64..40), 1..400)
    }

    proptest! {
        #[test]
        fn it_errs_only_upwards_from_exact_counts(
            sightings in sightings(), seed: u64, bytes in 0usize..2_000, window in 1u64..2_000,
        ) {
            let mut sketch = Prevalence::new(bytes, Span(window), 3, seed);
            let (mut twin, mut time) = (Twin::default(), 0);
            for (key, gap) in sightings {
                time += gap;
                let exact = twin.observe(key, time / window);
                let estimate = sketch.observe(key, Timestamp::from_nanos(time));
                prop_assert!(estimate >= exact, "{estimate} for {exact}");
            }
        }

        #[test]
        fn with_room_it_equals_exact_counts(sightings in sightings(), window in 1u64..2_000) {
            let mut sketch = Prevalence::new(1 << 20, Span(window), 3, 11);
            let (mut twin, mut time) = (Twin::default(), 0);
            for (key, gap) in sightings {
                time += gap;
                let exact = twin.observe(key, time / window);
                prop_assert_eq!(sketch.observe(key, Timestamp::from_nanos(time)), exact);
            }
        }
    }

    #[test]
    fn false_promotion_keeps_to_the_sizing_law() {
        for (counters, law) in [(4.0, 8e-3), (6.0, 1e-3), (8.0, 2e-4)] {
            let keys = 1u64 << 18;
            let mut sketch =
                Prevalence::new(Prevalence::bytes_for(keys, counters), Span(1_000), 3, 5);
            assert!((false_promotion(counters, 3) / law - 1.0).abs() < 0.02);
            // The first window only fills the previous epoch.
            let wrong = (0..3 * keys)
                .filter(|&n| {
                    let time = Timestamp::from_nanos(n / keys * 1_000);
                    let estimate = sketch.observe(hash_word(n, 99), time);
                    n >= keys && sketch.is_prevalent(estimate)
                })
                .count();
            let share = wrong as f64 / (2 * keys) as f64;
            println!("{counters} counters a key: {share:.2e} promoted, law {law:.0e}");
            assert!((law / 2.0..law * 2.0).contains(&share), "{counters}: {share:.2e}");
        }
    }

    #[test]
    fn the_fill_that_ends_an_epoch_is_that_of_the_law() {
        assert!((CountMin::fill_at(COUNTERS_AT_LOAD) - FULL).abs() < 1e-4);
        assert!((false_promotion(COUNTERS_AT_LOAD, 3) / 1e-3 - 1.0).abs() < 0.02);
        for bytes in [20_000, 200_000, 3_000_000] {
            let mut sketch = Prevalence::new(bytes, Span(1), 3, 5);
            let load = sketch.contents_at_load();
            let mut next = 0;
            // The first epoch has counters that were copied as the table grew.
            let keys = [0, 1].map(|epoch| {
                sketch.advance(Timestamp::from_nanos(epoch));
                (0..)
                    .take_while(|_| {
                        next += 1;
                        sketch.count_hashed(hash_word(next, 77));
                        sketch.counts.current_fill() < FULL
                    })
                    .count() as f64
            });
            let shares = keys.map(|keys| keys / load as f64);
            println!("{bytes} bytes: full at {shares:.3?} of {load} contents");
            assert!(
                (0.6..1.03).contains(&shares[0]) && (0.97..1.03).contains(&shares[1])
            );
        }
    }

    const MINUTE: u64 = 60_000_000_000;
    const DAY: u64 = 1_440 * MINUTE;

    /// A table that about 700 contents fill, in epochs of a minute to a day; and a time at
    /// which it begins.
    fn by_load() -> (Prevalence, u64) {
        let (minute, day) = (Span(MINUTE), Span(DAY));
        let mut sketch = Prevalence::new(4_300, minute, 3, 5).with_windows(minute, day);
        assert!((600..800).contains(&sketch.contents_at_load()));
        let begin = 20_000 * DAY;
        assert_eq!(sketch.observe(1, Timestamp::from_nanos(begin)), 1);
        (sketch, begin)
    }

    #[test]
    fn quiet_traffic_is_remembered_for_a_day_at_least_and_two_at_most() {
        let (mut sketch, begin) = by_load();
        let mut observe = |key, time| sketch.observe(key, Timestamp::from_nanos(time));
        assert_eq!(observe(1, begin + DAY - 1), 2);
        assert_eq!(observe(1, begin + DAY), 3);
        assert_eq!(observe(1, begin + 2 * DAY - 1), 4);
        // The first epoch is over, with its two sightings.
        assert_eq!(observe(1, begin + 2 * DAY), 3);
        // Both are.
        assert_eq!(observe(1, begin + 4 * DAY), 1);
        let PrevalenceCounters { epochs_ended, epochs_ended_full, .. } =
            sketch.counters();
        assert_eq!((epochs_ended, epochs_ended_full), (3, 0));
        assert_eq!(sketch.lasted(Timestamp::from_nanos(begin + 4 * DAY)), Some(Span(0)));
    }

    #[test]
    fn a_full_table_ends_its_epoch_at_the_next_multiple_and_not_before() {
        let (mut sketch, begin) = by_load();
        let fill = |sketch: &mut Prevalence, minute: u64, from: u64| {
            let time = Timestamp::from_nanos(begin + minute * MINUTE + 7);
            (from..from + 900).for_each(|key| {
                sketch.observe(key, time);
            });
        };
        let begins = |sketch: &Prevalence| {
            sketch.epoch_begin().since(Timestamp::from_nanos(begin)).0 / MINUTE
        };
        fill(&mut sketch, 5, 1_000);
        fill(&mut sketch, 5, 2_000);
        assert_eq!(begins(&sketch), 0);
        assert!(sketch.observe(1, Timestamp::from_nanos(begin + 9 * MINUTE)) >= 2);
        assert_eq!((begins(&sketch), sketch.counters().epochs_ended_full), (6, 1));
        // Not full, it goes on: what was seen in its first minute counts a day later.
        sketch.observe(2, Timestamp::from_nanos(begin + 1_400 * MINUTE));
        assert_eq!((begins(&sketch), sketch.counters().epochs_ended), (6, 1));
        fill(&mut sketch, 1_400, 5_000);
        sketch.observe(2, Timestamp::from_nanos(begin + 1_401 * MINUTE));
        assert_eq!((begins(&sketch), sketch.counters().epochs_ended_full), (1_401, 2));
    }

    #[test]
    fn two_seeds_promote_different_contents_wrongly() {
        let keys = 50_000u64;
        let promoted = [1, 2].map(|seed| {
            let mut sketch =
                Prevalence::new(Prevalence::bytes_for(keys, 2.0), Span(1_000), 3, seed);
            let passes = |n: &u64| {
                let time = Timestamp::from_nanos(n / keys * 1_000);
                let estimate = sketch.observe(hash_word(*n, 9), time);
                sketch.is_prevalent(estimate)
            };
            (0..2 * keys).filter(passes).collect::<std::collections::HashSet<_>>()
        });
        let share = |n: usize| n as f64 / keys as f64;
        let [first, second] = [0, 1].map(|seed| share(promoted[seed].len()));
        let both = share(promoted[0].intersection(&promoted[1]).count());
        // Late keys of the second window err more, under any seed: hence not 1.
        assert!(first > 0.1 && second > 0.1, "{first} {second}");
        assert!(both < 2.0 * first * second, "{both} of {first} and {second}");
    }

    #[test]
    fn the_law_falls_steadily_and_meets_its_points() {
        for (counters, at_three, at_two) in SIZING_LAW.into_iter().skip(1) {
            assert!((false_promotion(counters, 3) / at_three - 1.0).abs() < 1e-9);
            assert!((false_promotion(counters, 2) / at_two - 1.0).abs() < 1e-9);
        }
        let shares: Vec<_> =
            (1..300).map(|n| false_promotion(f64::from(n) / 10.0, 3)).collect();
        assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]));
        assert_eq!((false_promotion(0.0, 3), false_promotion(9.0, 1)), (1.0, 1.0));
        assert_eq!(false_promotion(5.0, 9), false_promotion(5.0, 3));
    }

    #[test]
    fn memory_stays_within_the_budget_and_fill_is_seen() {
        for bytes in [0, 256, 1_000, 65_536, 1 << 20] {
            let mut sketch = Prevalence::new(bytes, Span(60), 3, 1);
            assert!(sketch.memory_bytes() <= bytes.max(256), "{bytes}");
            assert_eq!(sketch.fill(), 0.0);
            assert_eq!(sketch.observe(4, Timestamp::from_nanos(59)), 1);
            assert_eq!(sketch.observe(4, Timestamp::from_nanos(60)), 2);
            assert_eq!(sketch.fill(), 4.0 / sketch.counts.counters() as f64);
        }
    }
}
