//! Distinct sources and destinations of a content.
//!
//! For each content past prevalence: how many hosts sent it and how many received it, in
//! this dispersion window and the last. The answer is a [`DistinctCount`]: memory is
//! fixed, however many contents and hosts an attacker makes up, and estimates err only
//! upwards from linear counting, whose own error at 30 hosts in 64 bits is about 2.5.
//!
//! A host sets one bit, chosen by a keyed hash of content and host, so that nobody can
//! pick addresses that miss each other's bits or meet in them.

use crate::packet::Host;
use crate::sketch::{DistinctCount, Epochs, hash_pair, hash_word, linear_count};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Counts the sources and destinations of each content.
#[derive(Debug)]
pub struct Dispersion {
    tables: Epochs<DistinctCount>,
    cell_seed: u64,
    host_seed: u64,
}

impl Dispersion {
    /// Tables of at most `bytes` in all (and never less than one cell a row), bitmaps of
    /// `width` bits (see [`Dispersion::width_for`]), the time window and the seed of the
    /// hashes.
    pub fn new(bytes: usize, width: usize, window: Span, seed: u64) -> Self {
        let [current, previous] = [bytes / 2; 2].map(|b| DistinctCount::new(b, width));
        Self::of(Epochs::new(current, previous, window), seed)
    }

    /// The same for each seed. Tables of one epoch share huge pages.
    pub fn side_by_side(
        bytes: usize,
        width: usize,
        window: Span,
        seeds: &[u64],
    ) -> Vec<Self> {
        let table = |_| DistinctCount::new(bytes / 2, width);
        let tables = Epochs::side_by_side(seeds.len(), window, table).into_iter();
        tables.zip(seeds).map(|(tables, seed)| Self::of(tables, *seed)).collect()
    }

    fn of(tables: Epochs<DistinctCount>, seed: u64) -> Self {
        Self { tables, cell_seed: hash_word(0, seed), host_seed: hash_word(1, seed) }
    }

    /// The bitmap width for an alarm at this many hosts: the least power of two, from 64
    /// on, that only saturates at 2.5 times as many. 64 bits serve up to 106 hosts, 4,096
    /// up to 10,000 and more.
    pub fn width_for(threshold: u32) -> usize {
        let mut width = DistinctCount::LEAST_WIDTH as u32;
        // The last count below a full bitmap.
        while f64::from(linear_count(width - 1, width as usize))
            < 2.5 * f64::from(threshold)
            && width < DistinctCount::MOST_WIDTH as u32
        {
            width *= 2;
        }
        width as usize
    }

    /// Bytes that give each of `keys` contents promoted in a window this many cells a row.
    pub fn bytes_for(keys: u64, cells_per_key: f64, width: usize) -> usize {
        let cells = (keys as f64 * cells_per_key).ceil() as usize;
        DistinctCount::bytes_for(cells, width).saturating_mul(2)
    }

    /// Enters one sighting of the content and returns how many sources and destinations
    /// it had in the current and the previous window, this sighting included.
    ///
    /// A time of the previous window counts there, an earlier one as the current time.
    /// Rounded to the nearest; one host reads 1 and two read 2, unless the two share a bit.
    pub fn observe(
        &mut self,
        key: u64,
        time: Timestamp,
        source: Host,
        destination: Host,
    ) -> (u32, u32) {
        self.advance(time);
        let hash = hash_word(key, self.cell_seed);
        let hosts =
            [source, destination].map(|host| hash_pair(key, host.0, self.host_seed));
        if self.tables.clock().is_previous(time) {
            self.tables.previous_mut().insert(hash, hosts);
            return self.read(hash);
        }
        let (current, previous) = self.tables.both_mut();
        let [sources, destinations] = current.insert_and_estimate(previous, hash, hosts);
        (sources, destinations)
    }

    /// Moves on to the window of `time`, forgetting what is two windows old.
    pub fn advance(&mut self, time: Timestamp) {
        self.tables.advance(time);
    }

    /// The estimates of a content as of the last advance: sources, destinations.
    pub fn estimate(&self, key: u64) -> (u32, u32) {
        self.read(hash_word(key, self.cell_seed))
    }

    /// Where [`Dispersion::observe`] will read and write first, to be
    /// [prefetched](crate::fingerprint::prefetch): three places in each window.
    #[inline]
    pub fn places(&self, key: u64) -> [[&[u64; 8]; 3]; 2] {
        let hash = hash_word(key, self.cell_seed);
        [self.tables.current().places(hash), self.tables.previous().places(hash)]
    }

    /// Share of cells in use, 0 to 1: of the fuller of the two windows.
    pub fn fill(&self) -> f64 {
        self.tables.current().fill().max(self.tables.previous().fill())
    }

    /// The fill above which there are fewer than two cells a row for each content, so that
    /// estimates are no longer to be relied on.
    pub const MOST_FILL: f64 = 0.4;

    /// Whether it is above that.
    pub fn is_overloaded(&self) -> bool {
        self.fill() > Self::MOST_FILL
    }

    /// Cells in each row, for each window.
    pub fn cells_per_row(&self) -> usize {
        self.tables.current().cells_per_row()
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.tables.current().memory_bytes() + self.tables.previous().memory_bytes()
    }

    fn read(&self, hash: u64) -> (u32, u32) {
        let [sources, destinations] =
            self.tables.current().estimate_with(self.tables.previous(), hash);
        (sources, destinations)
    }
}

persist!(Dispersion { tables; cell_seed, host_seed });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::reduce;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    type Hosts = [HashSet<Host>; 2];

    /// Exact sets by epoch, read through linear counting with the same hash.
    #[derive(Default)]
    struct Twin {
        sets: HashMap<(u64, u64), Hosts>,
    }

    impl Twin {
        fn observe(&mut self, key: u64, epoch: u64, hosts: [Host; 2]) -> [Hosts; 2] {
            let sets = self.sets.entry((key, epoch)).or_default();
            (0..2).for_each(|kind| {
                sets[kind].insert(hosts[kind]);
            });
            let of = |epoch| self.sets.get(&(key, epoch)).cloned().unwrap_or_default();
            [of(epoch), epoch.checked_sub(1).map(of).unwrap_or_default()]
        }
    }

    fn linear(
        sketch: &Dispersion,
        key: u64,
        epochs: &[Hosts; 2],
        width: usize,
    ) -> (u32, u32) {
        let [sources, destinations] = [0, 1].map(|kind| {
            let hosts = epochs.iter().flat_map(|hosts| &hosts[kind]);
            let bit =
                |host: &Host| reduce(hash_pair(key, host.0, sketch.host_seed), width);
            let bits: HashSet<_> = hosts.map(bit).collect();
            linear_count(bits.len() as u32, width)
        });
        (sources, destinations)
    }

    fn host(n: u64) -> Host {
        Host(0xffff_0a00_0000 + u128::from(n))
    }

    type Sightings = Vec<(u64, u64, u64, u64)>;

    fn sightings() -> impl Strategy<Value = Sightings> {
        prop::collection::vec((0u64..12, 0u64..50, 0u64..50, 0u64..9), 1..300)
    }

    proptest! {
        #[test]
        fn it_never_reads_below_the_exact_linear_count(
            sightings in sightings(), bytes in 0usize..3_000, window in 1u64..500, seed: u64,
        ) {
            let mut sketch = Dispersion::new(bytes, 64, Span(window), seed);
            let (mut twin, mut time) = (Twin::default(), 0);
            for (key, source, destination, gap) in sightings {
                time += gap;
                let hosts = [source, destination].map(host);
                let sets = twin.observe(key, time / window, hosts);
                let (sources, destinations) =
                    sketch.observe(key, Timestamp::from_nanos(time), hosts[0], hosts[1]);
                let exact = linear(&sketch, key, &sets, 64);
                prop_assert!(sources >= exact.0 && destinations >= exact.1);
            }
        }

        #[test]
        fn with_room_it_equals_the_exact_linear_count(
            sightings in sightings(), window in 1u64..500, width_log in 6u32..10,
        ) {
            let width = 1 << width_log;
            let mut sketch = Dispersion::new(8 << 20, width, Span(window), 3);
            let (mut twin, mut time) = (Twin::default(), 0);
            for (key, source, destination, gap) in sightings {
                time += gap;
                let hosts = [source, destination].map(host);
                let sets = twin.observe(key, time / window, hosts);
                let seen = sketch.observe(key, Timestamp::from_nanos(time), hosts[0], hosts[1]);
                prop_assert_eq!(seen, linear(&sketch, key, &sets, width));
                prop_assert_eq!(seen, sketch.estimate(key));
            }
        }
    }

    /// Shares of probe keys with `hosts` sources and destinations that read 30 or more on
    /// both sides, at two cells a row for each key of the window, and on either side.
    fn alarms(hosts: u64, crowd: u64) -> (f64, f64) {
        let (keys, probes) = (20_000u64, 2_000u64);
        let mut sketch =
            Dispersion::new(Dispersion::bytes_for(keys, 2.0, 64), 64, Span(1_000), hosts);
        let time = Timestamp::from_nanos(1);
        let of = |key: u64, n: u64| host(hash_word(key, n) >> 40);
        for key in 0..keys - probes {
            for n in 0..crowd {
                sketch.observe(hash_word(key, 1), time, of(key, n), of(key, n + 100));
            }
        }
        for key in keys - probes..keys {
            for n in 0..hosts {
                sketch.observe(hash_word(key, 1), time, of(key, n), of(key, n + 100));
            }
        }
        assert!(!sketch.is_overloaded());
        let estimates: Vec<_> =
            (keys - probes..keys).map(|key| sketch.estimate(hash_word(key, 1))).collect();
        let share = |alarm: &dyn Fn(&(u32, u32)) -> bool| {
            estimates.iter().filter(|e| alarm(e)).count() as f64 / probes as f64
        };
        (share(&|e| e.0 >= 30 && e.1 >= 30), share(&|e| e.0 >= 30 || e.1 >= 30))
    }

    #[test]
    fn twenty_hosts_do_not_alarm_at_thirty_and_forty_do() {
        // The rest of the keys: seen three times, or (far worse than real) by ten hosts.
        for crowd in [3, 10] {
            let (few, many) = (alarms(20, crowd), alarms(40, crowd));
            println!("crowd {crowd}: 20 hosts {few:?}, 40 hosts {many:?} (both, either)");
            assert!(few.0 <= 1e-3, "{few:?}");
            assert!(many.0 >= 0.99, "{many:?}");
        }
    }

    #[test]
    fn widths_leave_room_above_the_threshold() {
        for (threshold, width) in [
            (1, 64),
            (30, 64),
            (100, 64),
            (106, 64),
            (107, 128),
            (1_000, 512),
            (10_000, 4_096),
        ] {
            assert_eq!(Dispersion::width_for(threshold), width, "{threshold}");
        }
        for threshold in (50..10_000).step_by(487) {
            let mut sketch = Dispersion::new(
                1 << 20,
                Dispersion::width_for(threshold),
                Span(1_000),
                8,
            );
            let hosts = u64::from(threshold) * 2;
            let mut seen = (0, 0);
            for n in 0..hosts {
                seen = sketch.observe(5, Timestamp::from_nanos(0), host(n), host(n + 1));
            }
            let error = |estimate: u32| (f64::from(estimate) / hosts as f64 - 1.0).abs();
            assert!(error(seen.0) < 0.3 && error(seen.1) < 0.3, "{threshold}: {seen:?}");
        }
    }

    #[test]
    fn two_windows_count_together_and_a_third_does_not() {
        let mut sketch = Dispersion::new(1 << 16, 64, Span(100), 2);
        let mut at =
            |time, n| sketch.observe(9, Timestamp::from_nanos(time), host(n), host(0));
        assert_eq!(at(0, 1), (1, 1));
        assert_eq!(at(99, 2), (2, 1));
        assert_eq!(at(100, 3), (3, 1));
        assert_eq!(at(200, 4), (2, 1));
        assert_eq!(at(900, 5), (1, 1));
        sketch.advance(Timestamp::from_nanos(1_100));
        assert_eq!(sketch.estimate(9), (0, 0));
    }

    #[test]
    fn memory_stays_within_the_budget() {
        for bytes in [1_024, 10_000, 1 << 20] {
            let sketch = Dispersion::new(bytes, 64, Span(60), 1);
            assert!(sketch.memory_bytes() <= bytes);
            assert_eq!((sketch.fill(), sketch.estimate(1)), (0.0, (0, 0)));
        }
    }
}
