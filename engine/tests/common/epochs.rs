//! The prevalence epochs of a content shard, by the rule and exact counts.
//!
//! At the end of each window the epoch ends if it would last longer than the longest, or if
//! the shard's table is full. The twin has no table: far from the load, its number of
//! contents says which; near it, the epochs that the sensor used do, and they must be
//! possible.

use super::twin::Gates;
use std::collections::HashMap;
use std::hash::Hash;
use wormsift::packet::Timestamp;

/// A table is full for sure from so many of its contents on: counters that keys share make
/// one in a hundred or so more.
const SURELY_FULL: f64 = 1.05;
/// Below so many it is not: as it grows, counters are copied, and stand for contents that
/// were not there.
const SURELY_NOT_FULL: f64 = 0.6;

/// Counts of contents `K` in this epoch and the last.
pub(crate) struct Counts<K> {
    gates: Gates,
    begin: u64,
    /// The end of the window that was looked at last.
    end: u64,
    current: HashMap<K, u32>,
    previous: HashMap<K, u32>,
    /// When each epoch began.
    pub(crate) begins: Vec<Timestamp>,
}

impl<K: Eq + Hash> Counts<K> {
    pub(crate) fn new(gates: Gates) -> Self {
        let (current, previous) = (HashMap::new(), HashMap::new());
        let end = gates.prevalence_window;
        Self { gates, begin: 0, end, current, previous, begins: Vec::new() }
    }

    /// Counts a sighting, and says how many there were in both epochs. `used` is when the
    /// sensor's epochs began.
    pub(crate) fn observe(&mut self, key: K, time: u64, used: &[Timestamp]) -> u32 {
        while time >= self.end {
            self.end_window(time, used);
        }
        let begin = Timestamp::from_nanos(self.begin);
        if self.begins.last() != Some(&begin) {
            self.begins.push(begin);
        }
        let before = self.previous.get(&key).copied().unwrap_or(0);
        let count = self.current.entry(key).or_default();
        *count += 1;
        before + *count
    }

    fn end_window(&mut self, time: u64, used: &[Timestamp]) {
        let window = self.gates.prevalence_window;
        if self.current.is_empty() && self.previous.is_empty() {
            self.begin = time - time % window;
            self.end = self.begin + window;
            return;
        }
        let most = self.gates.prevalence_window_most.max(window);
        if self.end + window > self.begin + most || self.is_full(used) {
            self.previous = std::mem::take(&mut self.current);
            self.begin = self.end;
        }
        self.end += window;
    }

    fn is_full(&self, used: &[Timestamp]) -> bool {
        let load = self.current.len() as f64 / self.gates.contents_at_load as f64;
        let is_near = (SURELY_NOT_FULL..SURELY_FULL).contains(&load);
        let was_ended = || used.contains(&Timestamp::from_nanos(self.end));
        load >= SURELY_FULL || is_near && was_ended()
    }
}
