//! The exact twin of a sensor: hash maps and sets, no sketch; the same windows.
//!
//! Every sighting counts from the first on, whatever the sensor made of it: the gates only
//! say from when on it must have noticed.

use super::epochs::Counts;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use wormsift::packet::Timestamp;

/// The thresholds and windows of the sensor it is held against.
#[derive(Clone, Copy)]
pub(crate) struct Gates {
    pub(crate) prevalence: u32,
    pub(crate) prevalence_window: u64,
    pub(crate) prevalence_window_most: u64,
    /// How many contents of an epoch fill a shard's table.
    pub(crate) contents_at_load: u64,
    pub(crate) dispersion_window: u64,
}

/// Two epochs of something, each a full window long.
struct Two<T> {
    epoch: u64,
    window: u64,
    current: T,
    previous: T,
}

impl<T: Default> Two<T> {
    fn new(window: u64) -> Self {
        Self { epoch: 0, window, current: T::default(), previous: T::default() }
    }

    fn advance(&mut self, time: u64) {
        let epoch = time / self.window;
        if epoch <= self.epoch {
            return;
        }
        let old = std::mem::take(&mut self.current);
        self.previous = if epoch == self.epoch + 1 { old } else { T::default() };
        self.epoch = epoch;
    }
}

#[derive(Default)]
struct Hosts {
    sources: HashSet<u128>,
    destinations: HashSet<u128>,
}

/// A host that passes a content on.
struct Relay {
    targets: HashSet<u128>,
    last_seen: u64,
}

/// What the twin says of one sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) prevalence: u32,
    pub(crate) promoted: bool,
    pub(crate) sources: u32,
    pub(crate) destinations: u32,
    pub(crate) spread: u32,
}

/// Counts contents `K` exactly.
pub(crate) struct Twin<K> {
    gates: Gates,
    /// One for each content shard.
    counts: Vec<Counts<K>>,
    /// When the epochs of each shard began, as the sensor has it.
    used: Vec<Vec<Timestamp>>,
    hosts: Two<HashMap<K, Hosts>>,
    received: Two<HashSet<(K, u128)>>,
    sent: Two<HashSet<(K, u128)>>,
    relays: HashMap<K, HashMap<u128, Relay>>,
    /// Promoted contents, with the dispersion window that each was last seen in.
    promoted: HashMap<K, u64>,
}

impl<K: Copy + Eq + Hash> Twin<K> {
    pub(crate) fn new(gates: Gates) -> Self {
        Self {
            counts: (0..64).map(|_| Counts::new(gates)).collect(),
            used: vec![Vec::new(); 64],
            hosts: Two::new(gates.dispersion_window),
            received: Two::new(gates.dispersion_window),
            sent: Two::new(gates.dispersion_window),
            relays: HashMap::new(),
            promoted: HashMap::new(),
            gates,
        }
    }

    /// The epochs that the sensor has used so far.
    pub(crate) fn heed(&mut self, used: Vec<Vec<Timestamp>>) {
        self.used = used;
    }

    /// When the epochs of each shard began.
    pub(crate) fn epoch_begins(&self) -> Vec<Vec<Timestamp>> {
        self.counts.iter().map(|counts| counts.begins.clone()).collect()
    }

    /// One sighting of a content, whose key in the sensor is `sensor_key`; at most one a
    /// packet.
    pub(crate) fn observe(
        &mut self,
        key: K,
        sensor_key: u64,
        time: u64,
        source: u128,
        destination: u128,
        group: bool,
    ) -> Truth {
        let shard = (sensor_key >> 58) as usize;
        let prevalence = self.counts[shard].observe(key, time, &self.used[shard]);
        let window = time / self.gates.dispersion_window;
        let known = self.promoted.get(&key).is_some_and(|last| last + 1 >= window);
        let promoted = prevalence >= self.gates.prevalence || known;
        if promoted {
            self.promoted.insert(key, window);
        }
        self.hosts.advance(time);
        let hosts = self.hosts.current.entry(key).or_default();
        hosts.sources.insert(source);
        hosts.destinations.insert(destination);
        let distinct = |side: fn(&Hosts) -> &HashSet<u128>| {
            let current = side(&self.hosts.current[&key]);
            match self.hosts.previous.get(&key) {
                Some(previous) => current.union(side(previous)).count() as u32,
                None => current.len() as u32,
            }
        };
        let (sources, destinations) =
            (distinct(|h| &h.sources), distinct(|h| &h.destinations));
        let spread = self.pass_on(key, time, source, destination, group);
        Truth { prevalence, promoted, sources, destinations, spread }
    }

    fn pass_on(
        &mut self,
        key: K,
        time: u64,
        source: u128,
        destination: u128,
        group: bool,
    ) -> u32 {
        self.received.advance(time);
        self.sent.advance(time);
        let known = |set: &Two<HashSet<(K, u128)>>, host| {
            set.current.contains(&(key, host)) || set.previous.contains(&(key, host))
        };
        let window = self.gates.dispersion_window;
        let relays = self.relays.entry(key).or_default();
        relays.retain(|_, relay| time / window <= relay.last_seen / window + 1);
        if known(&self.received, source) && !known(&self.sent, source) {
            relays
                .entry(source)
                .or_insert_with(|| Relay { targets: HashSet::new(), last_seen: time });
        }
        let target = !group && destination != source && !known(&self.sent, destination);
        if let Some(relay) = relays.get_mut(&source) {
            relay.last_seen = time;
            if target {
                relay.targets.insert(destination);
            }
        }
        let fan_outs = relays.values().map(|relay| relay.targets.len() as u32);
        let spread = fan_outs.filter(|fan_out| *fan_out >= 2).sum();
        self.sent.current.insert((key, source));
        self.received.current.insert((key, destination));
        spread
    }
}
