//! Contents under watch, in a table of fixed size.
//!
//! The sketches have no memory of who was seen; an alarm must name names, and
//! thresholds are decided by names as far as these are known. So a content gets an
//! entry here once it is prevalent, and its sightings before that are entered first,
//! as far as they are remembered. Whoever sends the traffic can make more such
//! contents than fit. So a full table lets go of what is farthest from an alarm, of equal
//! ones the longest unseen, among the contents of that class (passed on, alarmed, neither)
//! which exceeds its share of the table most. A new entry never displaces one of its class
//! that was seen within the last minute and is nearer to an alarm. All of it takes constant
//! time a sighting.

mod hosts;
mod index;
mod recency;
mod record;

pub use hosts::Side;
pub(crate) use hosts::{REGISTERS, hash, persist_registers};
pub use record::{Candidate, Missing, SampleReference, SampleRequest, Seen};

use super::alarms::{Alarm, Thresholds};
use super::population::{AddressCounter, Counted, Hour};
use super::taps::TapCounts;
use crate::counters::counters;
use crate::packet::Host;
use crate::state::persist;
use crate::time::{Epoch, Span, Timestamp};
use hosts::{FIRST_HOSTS, Listed};
use index::Index;
use recency::{Class, LISTS, Recency, Standing, nearness};
use record::FIRST_SAMPLES;

/// From how many sources and destinations on a content is worth samples.
const SAMPLED: u32 = 2;
/// An entry that is nearer to an alarm and was seen within this time is not displaced by one
/// of its class.
const FRESH: Span = Span::from_secs(60);
/// Lists and samples that every entry has from the start.
const FIRST_LISTS: usize =
    2 * FIRST_HOSTS * size_of::<Host>() + FIRST_SAMPLES * size_of::<SampleReference>();
/// What an entry takes apart from that: itself, its links, its share of the
/// index, and its place among the free slots.
const FIXED: usize = size_of::<Candidate>()
    + Recency::BYTES_PER_ENTRY
    + Index::BYTES_PER_ENTRY
    + size_of::<u32>()
    + size_of::<(u64, Timestamp)>();

/// Where a candidate is, until the next `observe` or `expire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u32);

counters! {
    /// What became of entries and their lists.
    pub struct CandidateCounters {
        /// Entries made.
        pub admitted: u64,
        /// Displaced after a minute or more without a sighting.
        pub evicted_unseen: u64,
        /// Displaced although seen within the last minute: no nearer to an alarm than the
        /// new one, or of a class that had more than its share.
        pub evicted_less_dispersed: u64,
        /// Displaced although it had a relay: those with one had more than their share.
        pub evicted_relay: u64,
        /// Removed by [`Candidates::expire`].
        pub expired: u64,
        /// New contents kept out by those that are nearer to an alarm.
        pub refused: u64,
        /// Sides whose hosts could be neither named nor counted for want of memory.
        pub lists_cut: u64,
        /// Samples not asked for, for want of memory to name them.
        pub samples_refused: u64,
        /// Alarms of contents whose addresses are not counted, for want of memory.
        pub populations_refused: u64,
        /// Counters of addresses that could not grow, for want of memory.
        pub populations_cut: u64,
    }
    when_read {
        /// Places for entries.
        pub capacity: u64,
        /// Entries in use.
        pub live: u64,
    }
}

/// The contents under watch of one content shard.
///
/// It trusts that keys are keyed hashes, and that times never run back.
#[derive(Debug)]
pub struct Candidates {
    entries: Vec<Candidate>,
    capacity: usize,
    free: Vec<u32>,
    index: Index,
    recency: Recency,
    samples_per_candidate: usize,
    /// The dispersion window.
    window: Span,
    /// What entries are ranked by: those at one port.
    thresholds: Thresholds,
    budget: usize,
    /// Taps that are counted apart.
    taps: usize,
    /// Bytes reserved for lists and samples.
    lists: usize,
    /// Bytes that counters of addresses may take, and those that they take.
    population_budget: usize,
    populations: usize,
    /// See [`Candidates::take_hours`].
    hours: Vec<(u64, Hour)>,
    /// Of the registers that count hosts.
    seed: u64,
    /// See [`Candidates::take_lost`].
    lost: Vec<(u64, Timestamp)>,
    counters: CandidateCounters,
}

impl Candidates {
    /// A table that never takes more than `bytes`. Half of it makes entries;
    /// the other half lets the lists of some of them grow, from 4 hosts to 64,
    /// and from 2 samples to `samples_per_candidate`.
    ///
    /// Listed hosts count as recent for the current and the previous epoch of the
    /// dispersion window. `seed` is that of the registers that count more than 64; the
    /// same for all tables of a key.
    pub fn new(
        bytes: usize,
        samples_per_candidate: usize,
        window: Span,
        seed: u64,
    ) -> Self {
        Self::sized(bytes, 0, samples_per_candidate, window, seed)
    }

    fn sized(
        bytes: usize,
        taps: usize,
        samples_per_candidate: usize,
        window: Span,
        seed: u64,
    ) -> Self {
        let entry = FIXED + FIRST_LISTS + TapCounts::bytes_for(taps);
        let capacity = (bytes / 2 / entry).min(u32::MAX as usize / 2);
        Self {
            taps,
            entries: Vec::with_capacity(capacity),
            capacity,
            free: Vec::with_capacity(capacity),
            index: Index::new(capacity),
            recency: Recency::new(capacity),
            samples_per_candidate: samples_per_candidate.min(usize::from(u8::MAX)),
            window: window.max(Span(1)),
            thresholds: Thresholds { sources: 1, destinations: 1, spread: 1, relays: 1 },
            budget: bytes,
            lists: 0,
            population_budget: 0,
            populations: 0,
            hours: Vec::new(),
            seed,
            lost: Vec::new(),
            counters: CandidateCounters::default(),
        }
    }

    /// The same for a sensor of these thresholds: they say what is near to an alarm.
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// The same with so many bytes more, for counters of the addresses that sent contents
    /// which have alarmed.
    pub fn with_populations(mut self, bytes: usize) -> Self {
        self.population_budget = bytes;
        self
    }

    /// The same with counts for each tap, in the same memory.
    pub fn with_taps(self, taps: usize) -> Self {
        if taps == 0 {
            return self;
        }
        let Self { budget, samples_per_candidate, window, seed, .. } = self;
        let (thresholds, populations) = (self.thresholds, self.population_budget);
        let table = Self::sized(budget, taps, samples_per_candidate, window, seed);
        table.with_thresholds(thresholds).with_populations(populations)
    }

    /// Bytes that counters of addresses take now, at most their budget.
    pub fn population_bytes(&self) -> usize {
        self.populations
    }

    /// Most entries at a time.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Entries now.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a new entry would have to displace another.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity
    }

    /// Entries by class: nobody passed it on, somebody did, it has alarmed.
    pub(crate) fn classes(&self) -> [u64; 3] {
        self.recency.counts().map(u64::from)
    }

    /// How often a new entry was asked for, whether it was made or not.
    pub(crate) fn asked(&self) -> u64 {
        self.counters.admitted + self.counters.refused
    }

    /// Bytes in use or reserved, at most the budget (and for a budget below one
    /// entry, the few that an empty table takes).
    pub fn memory_bytes(&self) -> usize {
        self.fixed_bytes() + self.lists
    }

    /// What became of entries so far.
    pub fn counters(&self) -> &CandidateCounters {
        &self.counters
    }

    /// Where [`Candidates::find`] will look first, to be
    /// [prefetched](crate::fingerprint::prefetch).
    #[inline]
    pub fn place(&self, key: u64) -> &u64 {
        self.index.place(key)
    }

    /// The slot of `key`, if it is a candidate.
    pub fn find(&self, key: u64) -> Option<Slot> {
        self.index.find(key, |slot| self.entries[slot as usize].key == key).map(Slot)
    }

    /// The candidate in `slot`; `None` when the slot is empty by now.
    pub fn get(&self, slot: Slot) -> Option<&Candidate> {
        self.entries.get(slot.0 as usize).filter(|entry| entry.packets > 0)
    }

    /// All candidates by rising key. For the end of a run: it sorts.
    pub fn by_key(&self) -> impl Iterator<Item = &Candidate> {
        let mut entries: Vec<_> =
            self.entries.iter().filter(|entry| entry.packets > 0).collect();
        entries.sort_unstable_by_key(|entry| entry.key);
        entries.into_iter()
    }

    /// Counts a sighting of a candidate, or makes `key` one. `spread` is that of the content
    /// where the sighting passed it on, else 0.
    ///
    /// What should become of samples is appended to `requests`, releases of a
    /// displaced entry first. `None` when `key` is not a candidate now.
    pub fn observe(
        &mut self,
        key: u64,
        seen: &Seen,
        estimates: (u32, u32),
        spread: u32,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<Slot> {
        let (slot, crowded) = self.enter(key, seen, estimates, spread, requests)?;
        let room = self.room();
        let entry = &mut self.entries[slot as usize];
        // What one host sends, or one receives, is no outbreak yet. And where entries
        // displace each other, most are gone before they are seen again: what they would
        // have sampled costs more than all else, so only those that stay, or were passed
        // on, begin to. Of what a decoy is sent one host is enough.
        let is_worth = entry.minimum() >= SAMPLED || seen.is_decoys;
        if spread > 0 || !crowded && is_worth {
            let before = entry.reserved();
            let sampled = entry.sample(seen, self.samples_per_candidate, room, requests);
            self.lists += entry.reserved() - before;
            self.counters.samples_refused += u64::from(sampled == Listed::Refused);
        }
        Some(Slot(slot))
    }

    /// Counts a sighting of a candidate at a tap, of a packet that another tap has shown before.
    pub fn observe_copy(&mut self, key: u64, tap: u8) {
        if let Some(Slot(slot)) = self.find(key) {
            self.entries[slot as usize].count_tap(tap);
        }
    }

    /// Counts a sighting of which only now is known that it matters, before later ones:
    /// nothing is left of its packet to be sampled.
    pub fn recall(
        &mut self,
        key: u64,
        seen: &Seen,
        estimates: (u32, u32),
        spread: u32,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<Slot> {
        let (slot, _) = self.enter(key, seen, estimates, spread, requests)?;
        Some(Slot(slot))
    }

    /// Content keys that were let go of since the last call, with the time of their last
    /// sighting: a content that displaced another, or a new one that found no place, comes
    /// back with sightings missing.
    pub fn take_lost(&mut self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.lost.drain(..)
    }

    /// Hours of contents that have alarmed which are over since the last call, or whose entry
    /// has made room; each with its key.
    pub fn take_hours(&mut self) -> impl Iterator<Item = (u64, Hour)> {
        self.hours.drain(..)
    }

    /// Whether there are any.
    #[inline]
    pub fn has_hours(&self) -> bool {
        !self.hours.is_empty()
    }

    /// Enters a sighting in its entry, a new one where need be; true when that displaced
    /// another.
    fn enter(
        &mut self,
        key: u64,
        seen: &Seen,
        estimates: (u32, u32),
        spread: u32,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<(u32, bool)> {
        let (slot, crowded) = match self.find(key) {
            Some(Slot(slot)) => (slot, false),
            None => self.admit(key, seen, estimates, spread, requests)?,
        };
        let epoch = Epoch::of(seen.time, self.window);
        let (room, seed) = (self.room(), self.seed);
        let entry = &mut self.entries[slot as usize];
        let before = entry.reserved();
        entry.advance(epoch);
        let (by_source, place) = entry.sources.enter(seen.source, room, seed);
        let left = room - (entry.reserved() - before).min(room);
        let (by_destination, _) = entry.destinations.enter(seen.destination, left, seed);
        if let Some(place) = place {
            if by_source != Listed::Unchanged {
                entry.source_bits.clear(place);
            }
            entry.source_bits.note(place, seen.facts.handshake);
        }
        entry.count(seen, estimates, spread);
        self.lists += entry.reserved() - before;
        if entry.population.is_some() {
            self.count_address(slot, seen);
        }
        let cut = [by_source, by_destination].map(|listed| listed == Listed::Refused);
        self.counters.lists_cut += u64::from(cut[0]) + u64::from(cut[1]);
        self.list_anew(slot);
        Some((slot, crowded))
    }

    /// Counts the sender of a content that has alarmed.
    fn count_address(&mut self, slot: u32, seen: &Seen) {
        let room = self.population_budget - self.populations;
        let entry = &mut self.entries[slot as usize];
        let Some(population) = &mut entry.population else { return };
        if population.is_hour_over(seen.time) {
            self.hours.push((entry.key, population.hour()));
        }
        let before = population.memory_bytes();
        let counted = population.note(hash(seen.source, self.seed), seen.time, room);
        self.populations = self.populations - before + population.memory_bytes();
        self.counters.populations_cut += u64::from(counted == Counted::Refused);
    }

    /// Begins to count the addresses of a content that alarms, unless that has begun.
    fn begin_population(&mut self, slot: u32) {
        let room = self.population_budget - self.populations;
        let entry = &mut self.entries[slot as usize];
        if entry.population.is_some() {
            return;
        }
        if room < AddressCounter::bytes_for(entry.sources.list().len()) {
            self.counters.populations_refused += 1;
            return;
        }
        entry.begin_population(room, self.seed);
        self.populations += entry.population_bytes();
    }

    /// Puts an entry where it stands now, as the newest there.
    fn list_anew(&mut self, slot: u32) {
        let standing = self.standing(&self.entries[slot as usize]);
        self.recency.remove(slot);
        self.recency.insert(slot, standing);
    }

    fn standing(&self, entry: &Candidate) -> Standing {
        let class = if entry.alarmed_at.iter().any(Option::is_some) {
            Class::Alarmed
        } else if entry.has_relay() {
            Class::PassedOn
        } else {
            Class::Plain
        };
        let hosts = (entry.sources.estimate(), entry.destinations.estimate());
        Standing::new(class, nearness(hosts, entry.spread, &self.thresholds))
    }

    /// How much evidence there is of a candidate, in hosts: what a forger pays for it in
    /// packets. It decides which alarms matter most.
    pub(crate) fn weight(&self, slot: Slot) -> u32 {
        self.get(slot).map_or(0, |it| it.minimum().saturating_add(it.spread))
    }

    /// Bytes that entries may still take.
    fn room(&self) -> usize {
        self.budget.saturating_sub(self.fixed_bytes() + self.lists)
    }

    /// Whether `alarm`, which has grounds to fire at `time`, may: for the first time, or
    /// again a dispersion window or more after it last did. Inside, when it last did.
    pub fn may_alarm(
        &self,
        slot: Slot,
        alarm: Alarm,
        time: Timestamp,
    ) -> Option<Option<Timestamp>> {
        let last = self.get(slot)?.alarmed(alarm);
        last.is_none_or(|last| time.since(last) >= self.window).then_some(last)
    }

    /// Whether the alarm of propagation may fire again, though it did in this window: the
    /// spread is twice what it was then, so that there is more to say of who passes it on.
    pub fn has_doubled(&self, slot: Slot, spread: u32) -> bool {
        self.get(slot)
            .is_some_and(|it| spread >= it.alarmed_spread.saturating_mul(2).max(2))
    }

    /// Notes the spread at which the alarm of propagation fires.
    pub fn set_spread(&mut self, slot: Slot, spread: u32) {
        if let Some(entry) = self.entries.get_mut(slot.0 as usize) {
            entry.alarmed_spread = spread;
        }
    }

    /// Notes when `alarm` last fired, or that what fired is taken back.
    pub fn set_alarm(&mut self, slot: Slot, alarm: Alarm, at: Option<Timestamp>) {
        if self.get(slot).is_some() {
            self.entries[slot.0 as usize].alarmed_at[alarm as usize] = at;
            if at.is_some() {
                self.begin_population(slot.0);
            }
            self.list_anew(slot.0);
        }
    }

    /// Removes every candidate that was last seen before `before`.
    pub fn expire(&mut self, before: Timestamp, requests: &mut Vec<SampleRequest>) {
        for list in 0..LISTS {
            while let Some(slot) = self.recency.oldest(list) {
                if self.entries[slot as usize].last_seen >= before {
                    break;
                }
                self.remove(slot, requests);
                let entry = &mut self.entries[slot as usize];
                self.lost.push((entry.content, entry.last_seen));
                self.lists -= entry.reserved();
                *entry = Candidate::default();
                self.free.push(slot);
                self.counters.expired += 1;
            }
        }
    }

    /// Makes an entry, in place of another when the table is full; true when it was.
    fn admit(
        &mut self,
        key: u64,
        seen: &Seen,
        estimates: (u32, u32),
        spread: u32,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<(u32, bool)> {
        let class = if spread > 0 { Class::PassedOn } else { Class::Plain };
        let standing =
            Standing::new(class, nearness(estimates, spread, &self.thresholds));
        let (slot, crowded) = if let Some(slot) = self.free.pop() {
            (slot, false)
        } else if self.entries.len() < self.capacity {
            self.entries.push(Candidate::default());
            (self.entries.len() as u32 - 1, false)
        } else {
            let Some(slot) = self.displace(standing, seen.time, requests) else {
                self.lost.push((seen.content, seen.time));
                return None;
            };
            (slot, true)
        };
        let entry = &mut self.entries[slot as usize];
        self.lists -= entry.reserved();
        entry.restart(key, seen, estimates);
        entry.taps = (self.taps > 0).then(|| TapCounts::new(self.taps).into());
        self.lists += entry.reserved();
        self.index.insert(key, slot);
        self.recency.insert(slot, standing);
        self.counters.admitted += 1;
        Some((slot, crowded))
    }

    /// Empties the slot of the first to go, if the new one may displace it.
    fn displace(
        &mut self,
        new: Standing,
        now: Timestamp,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<u32> {
        let class = self.recency.class_to_go(new.class);
        let is_fresh =
            |slot: u32| now.since(self.entries[slot as usize].last_seen) < FRESH;
        let may_go = |slot: u32| {
            class != new.class || self.recency.standing(slot) <= new || !is_fresh(slot)
        };
        // Those of higher ranks are asked only whether they are unseen for long.
        let Some(slot) = self.recency.oldest_by_rank(class).find(|slot| may_go(*slot))
        else {
            self.counters.refused += 1;
            return None;
        };
        let fresh = is_fresh(slot);
        let entry = &self.entries[slot as usize];
        match (entry.has_relay(), fresh) {
            (true, _) => self.counters.evicted_relay += 1,
            (false, true) => self.counters.evicted_less_dispersed += 1,
            (false, false) => self.counters.evicted_unseen += 1,
        }
        self.lost.push((entry.content, entry.last_seen));
        self.remove(slot, requests);
        Some(slot)
    }

    /// Unlinks an entry and releases its samples.
    fn remove(&mut self, slot: u32, requests: &mut Vec<SampleRequest>) {
        let entries = &self.entries;
        let entry = &entries[slot as usize];
        requests.extend(entry.samples.iter().map(SampleReference::release));
        self.populations -= entry.population_bytes();
        self.hours.extend(entry.population.as_ref().map(|it| (entry.key, it.hour())));
        self.index.remove(entry.key, slot, |slot| entries[slot as usize].key);
        self.recency.remove(slot);
    }

    fn fixed_bytes(&self) -> usize {
        self.capacity
            * (size_of::<Candidate>()
                + Recency::BYTES_PER_ENTRY
                + size_of::<u32>()
                + size_of::<(u64, Timestamp)>()
                + TapCounts::bytes_for(self.taps))
            + Index::bytes_for(self.capacity)
    }
}

persist!(Candidates {
    entries, free, index, recency, lists, populations, counters;
    capacity, taps, samples_per_candidate, window, thresholds, budget, population_budget, hours, seed, lost
});

#[cfg(test)]
mod tests;
