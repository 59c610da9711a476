//! Content past prevalence, under watch: what an alarm must show.
//!
//! A bounded table. When it is full, entries that were passed on go last; else the
//! longest unseen of the least dispersed goes, and a newcomer never displaces one
//! seen within a minute that is more dispersed (DESIGN, "Candidates"). Dispersion
//! is compared in octaves of min(sources, destinations), so that every step is O(1).

use super::Alarm;
use crate::packet::{Host, Timestamp};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A sighting as the table needs it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The packet's number.
    pub packet: u64,
    /// When it counts.
    pub time: Timestamp,
    /// Where the window starts, relative to the packet's payload.
    pub offset: i32,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The flow shard that holds its bytes.
    pub flow_shard: u8,
}

/// What the table asks of the flow shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleRequest {
    /// Keep the bytes around this window.
    Take {
        /// The shard of the packet's flow.
        flow_shard: u8,
        /// The packet's number.
        packet: u64,
        /// Where the window starts, relative to the packet's payload.
        offset: i32,
        /// Higher outranks lower where room is short.
        priority: u8,
    },
    /// One reference to them less.
    Release {
        /// The shard of the packet's flow.
        flow_shard: u8,
        /// The packet's number.
        packet: u64,
        /// As it was taken.
        offset: i32,
    },
}

impl SampleRequest {
    /// The flow shard that is asked.
    pub fn flow_shard(&self) -> u8 {
        match *self {
            Self::Take { flow_shard, .. } | Self::Release { flow_shard, .. } => flow_shard,
        }
    }
}

/// A reference to a sample, with whose packet it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRef {
    /// The shard of the packet's flow.
    pub flow_shard: u8,
    /// The packet's number.
    pub packet: u64,
    /// Where the window starts, relative to the packet's payload.
    pub offset: i32,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
}

/// A content under watch.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its key.
    pub key: u64,
    /// The earliest sighting since it is watched.
    pub first_seen: Timestamp,
    /// The latest.
    pub last_seen: Timestamp,
    /// Sightings since it is watched.
    pub packets: u64,
    /// Largest estimate of distinct sources.
    pub sources_estimate: u32,
    /// Largest estimate of distinct destinations.
    pub destinations_estimate: u32,
    /// Distinct sources in order of first sighting, up to [`LISTED_HOSTS`].
    pub sources: Vec<Host>,
    /// Distinct destinations, likewise.
    pub destinations: Vec<Host>,
    /// Where its bytes are.
    pub samples: Vec<SampleRef>,
    /// Whether some host passed it on.
    pub passed_on: bool,
    /// When each alarm last fired: dispersion, propagation.
    alarmed: [Option<Timestamp>; 2],
    /// Octave of dispersion that `samples` were last renewed for.
    octave: u8,
    /// Samples taken in that octave.
    taken: u8,
}

/// Exact hosts that a candidate lists of either side.
pub const LISTED_HOSTS: usize = 64;

/// A place in the table, good until the entry is evicted.
pub type Slot = u32;

/// What the table did and refused to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CandidateCounters {
    /// Entries made.
    pub admitted: u64,
    /// Entries displaced, the longest unseen of the least dispersed.
    pub evicted: u64,
    /// Of these, some that were passed on.
    pub evicted_passed_on: u64,
    /// Newcomers turned away: all entries were fresh and more dispersed.
    pub refused: u64,
    /// Hosts not listed for want of room.
    pub hosts_unlisted: u64,
}

impl CandidateCounters {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("admitted", self.admitted),
            ("evicted", self.evicted),
            ("evicted_passed_on", self.evicted_passed_on),
            ("refused", self.refused),
            ("hosts_unlisted", self.hosts_unlisted),
        ]
        .into_iter()
    }
}

/// The table of candidates of one content shard.
pub struct Candidates {
    entries: Vec<Candidate>,
    links: Vec<Link>,
    lists: [List; CLASSES],
    index: HashMap<u64, Slot, BuildHasherDefault<KeyHasher>>,
    capacity: usize,
    /// Bytes that growing host lists may take beyond what each entry begins with.
    growth_left: usize,
    growth: usize,
    samples_per_candidate: usize,
    counters: CandidateCounters,
}

/// An entry displaces no fresher, more dispersed one for this long.
const FRESH: u64 = 60_000_000_000;

/// Octaves of dispersion, twice: not passed on, passed on.
const OCTAVES: usize = 8;
const CLASSES: usize = 2 * OCTAVES;
const NONE: u32 = u32::MAX;

/// Hosts that each list has room for from the start.
const FIRST_HOSTS: usize = 4;

#[derive(Clone, Copy)]
struct Link {
    older: u32,
    newer: u32,
    class: u8,
}

/// Entries of a class from the longest unseen to the latest seen.
#[derive(Clone, Copy)]
struct List {
    oldest: u32,
    newest: u32,
}

impl Candidates {
    /// A table of at most `bytes`; each candidate refers to at most
    /// `samples_per_candidate` samples.
    pub fn new(bytes: usize, samples_per_candidate: usize) -> Self {
        // The index keeps a load of at most 7/8, in powers of two: up to 2.3 places.
        let index = (size_of::<(u64, Slot)>() + 1) * 23 / 10;
        let entry = size_of::<Candidate>()
            + size_of::<Link>()
            + index
            + 2 * FIRST_HOSTS * size_of::<Host>()
            + samples_per_candidate * size_of::<SampleRef>();
        // Half for entries, half for the lists of those that grow.
        let capacity = (bytes / 2 / entry).max(1);
        let growth = bytes.saturating_sub(capacity * entry);
        Self {
            entries: Vec::with_capacity(capacity),
            links: Vec::with_capacity(capacity),
            lists: [List { oldest: NONE, newest: NONE }; CLASSES],
            index: HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default()),
            capacity,
            growth_left: growth,
            growth,
            samples_per_candidate,
            counters: CandidateCounters::default(),
        }
    }

    /// Entries that there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Entries that there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it did and refused to do.
    pub fn counters(&self) -> CandidateCounters {
        self.counters
    }

    /// Bytes in use, growth of lists included.
    pub fn memory_bytes(&self) -> usize {
        self.entries.capacity() * (size_of::<Candidate>() + size_of::<Link>())
            + self.index.capacity() * (size_of::<(u64, Slot)>() + 1) * 8 / 7
            + self.entries.len()
                * (2 * FIRST_HOSTS * size_of::<Host>()
                    + self.samples_per_candidate * size_of::<SampleRef>())
            + (self.growth - self.growth_left)
    }

    /// The place of a key's entry.
    pub fn find(&self, key: u64) -> Option<Slot> {
        self.index.get(&key).copied()
    }

    /// The entry at a place.
    pub fn get(&self, slot: Slot) -> &Candidate {
        &self.entries[slot as usize]
    }

    /// Takes a sighting with its estimates of (sources, destinations), this one
    /// included. A key without entry gets one from 2 x 2 on, or when it was passed
    /// on, if there is room. Sample requests are appended to `requests`.
    pub fn observe(
        &mut self,
        key: u64,
        seen: &Seen,
        estimates: (u32, u32),
        passed_on: bool,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<Slot> {
        let slot = match self.find(key) {
            Some(slot) => slot,
            None if estimates.0.min(estimates.1) >= 2 || passed_on => {
                self.admit(key, seen, class_of(estimates, passed_on), requests)?
            }
            None => return None,
        };
        let entry = &mut self.entries[slot as usize];
        entry.last_seen = seen.time;
        entry.packets += 1;
        entry.sources_estimate = entry.sources_estimate.max(estimates.0);
        entry.destinations_estimate = entry.destinations_estimate.max(estimates.1);
        entry.passed_on |= passed_on;
        let (left, unlisted) = (&mut self.growth_left, &mut self.counters.hosts_unlisted);
        let new_source = list_host(&mut entry.sources, seen.source, left, unlisted);
        let new_destination =
            list_host(&mut entry.destinations, seen.destination, left, unlisted);
        entry.sample(seen, new_source, new_destination, self.samples_per_candidate, requests);
        let estimates = (entry.sources_estimate, entry.destinations_estimate);
        let class = class_of(estimates, entry.passed_on);
        self.unlink(slot);
        self.link(slot, class);
        Some(slot)
    }

    fn admit(
        &mut self,
        key: u64,
        seen: &Seen,
        class: u8,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<Slot> {
        let entry = Candidate {
            key,
            first_seen: seen.time,
            last_seen: seen.time,
            packets: 0,
            sources_estimate: 0,
            destinations_estimate: 0,
            sources: Vec::with_capacity(FIRST_HOSTS),
            destinations: Vec::with_capacity(FIRST_HOSTS),
            samples: Vec::with_capacity(self.samples_per_candidate),
            passed_on: false,
            alarmed: [None; 2],
            octave: 0,
            taken: 0,
        };
        let slot = if self.entries.len() < self.capacity {
            self.entries.push(entry);
            self.links.push(Link { older: NONE, newer: NONE, class });
            self.entries.len() as Slot - 1
        } else {
            let slot = self.make_room(class, seen.time, requests)?;
            self.entries[slot as usize] = entry;
            slot
        };
        self.counters.admitted += 1;
        self.index.insert(key, slot);
        self.link(slot, class);
        Some(slot)
    }

    /// Frees the place of the entry that a newcomer of `class` may displace.
    fn make_room(
        &mut self,
        class: u8,
        now: Timestamp,
        requests: &mut Vec<SampleRequest>,
    ) -> Option<Slot> {
        let slot = self.lists.iter().map(|list| list.oldest).find(|slot| *slot != NONE)?;
        let victim = &self.entries[slot as usize];
        let fresh = now.as_nanos().saturating_sub(victim.last_seen.as_nanos()) < FRESH;
        if fresh && self.links[slot as usize].class > class {
            self.counters.refused += 1;
            return None;
        }
        self.counters.evicted += 1;
        self.counters.evicted_passed_on += u64::from(victim.passed_on);
        for list in [&victim.sources, &victim.destinations] {
            self.growth_left += (list.capacity() - FIRST_HOSTS) * size_of::<Host>();
        }
        requests.extend(victim.samples.iter().map(SampleRef::release));
        self.index.remove(&victim.key);
        self.unlink(slot);
        Some(slot)
    }

    /// Notes that an alarm's condition holds; whether it fires: for the first time,
    /// or again a dispersion window after it last fired.
    pub fn mark_alarm(
        &mut self,
        slot: Slot,
        alarm: Alarm,
        now: Timestamp,
        dispersion_window: u64,
    ) -> bool {
        let last = &mut self.entries[slot as usize].alarmed[alarm as usize];
        let fires =
            last.is_none_or(|last| now.as_nanos() - last.as_nanos() >= dispersion_window);
        if fires {
            *last = Some(now);
        }
        fires
    }

    /// Makes an entry the latest seen of its class.
    fn link(&mut self, slot: Slot, class: u8) {
        let list = &mut self.lists[usize::from(class)];
        let older = list.newest;
        list.newest = slot;
        match older {
            NONE => list.oldest = slot,
            older => self.links[older as usize].newer = slot,
        }
        self.links[slot as usize] = Link { older, newer: NONE, class };
    }

    fn unlink(&mut self, slot: Slot) {
        let Link { older, newer, class } = self.links[slot as usize];
        let list = &mut self.lists[usize::from(class)];
        match older {
            NONE => list.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
        match newer {
            NONE => list.newest = older,
            newer => self.links[newer as usize].older = older,
        }
    }
}

impl SampleRef {
    fn release(&self) -> SampleRequest {
        SampleRequest::Release {
            flow_shard: self.flow_shard,
            packet: self.packet,
            offset: self.offset,
        }
    }
}

impl Candidate {
    /// Decides whether a sighting's bytes are wanted: of new sources; of a known
    /// one to a new destination while there are fewer than two. Whenever dispersion
    /// enters another octave, newer samples replace the oldest, so that those of an
    /// outbreak outrank those of a flood.
    fn sample(
        &mut self,
        seen: &Seen,
        new_source: bool,
        new_destination: bool,
        most: usize,
        requests: &mut Vec<SampleRequest>,
    ) {
        let octave = octave_of((self.sources_estimate, self.destinations_estimate));
        if octave > self.octave {
            (self.octave, self.taken) = (octave, 0);
        }
        let wanted = if self.samples.len() < 2 {
            new_source || new_destination || self.samples.is_empty()
        } else {
            let sampled = self.samples.iter().any(|sample| sample.source == seen.source);
            !sampled && (self.samples.len() < most || usize::from(self.taken) < most)
        };
        if !wanted {
            return;
        }
        if self.samples.len() == most {
            requests.push(self.samples.remove(0).release());
        }
        self.taken += 1;
        self.samples.push(SampleRef {
            flow_shard: seen.flow_shard,
            packet: seen.packet,
            offset: seen.offset,
            source: seen.source,
            destination: seen.destination,
        });
        requests.push(SampleRequest::Take {
            flow_shard: seen.flow_shard,
            packet: seen.packet,
            offset: seen.offset,
            priority: class_of((self.sources_estimate, self.destinations_estimate), self.passed_on),
        });
    }
}

/// Adds a host to a list if it is new; whether it was. Lists double while bytes last.
fn list_host(list: &mut Vec<Host>, host: Host, left: &mut usize, unlisted: &mut u64) -> bool {
    if list.contains(&host) {
        return false;
    }
    if list.len() == list.capacity() {
        let more = list.capacity() * size_of::<Host>();
        if list.len() >= LISTED_HOSTS || more > *left {
            *unlisted += u64::from(list.len() < LISTED_HOSTS);
            return false;
        }
        *left -= more;
        list.reserve_exact(list.capacity());
    }
    list.push(host);
    true
}

/// Octave of min(sources, destinations): 0 for 1, 1 for 2 and 3, ... at most 7.
fn octave_of(estimates: (u32, u32)) -> u8 {
    (estimates.0.min(estimates.1).max(1).ilog2() as u8).min(OCTAVES as u8 - 1)
}

fn class_of(estimates: (u32, u32), passed_on: bool) -> u8 {
    octave_of(estimates) + if passed_on { OCTAVES as u8 } else { 0 }
}

/// Keys are well mixed already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, key: u64) {
        // The top six bits are the shard's; the table looks at the top seven.
        self.0 = key.rotate_left(29);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn seen(packet: u64, source: u128, destination: u128) -> Seen {
        Seen {
            packet,
            time: Timestamp::from_nanos(packet * SECOND / 1_000),
            offset: 0,
            source: Host(source),
            destination: Host(destination),
            source_port: 1,
            destination_port: 2,
            flow_shard: (packet % 64) as u8,
        }
    }

    #[test]
    fn entries_begin_at_two_by_two() {
        let mut table = Candidates::new(1 << 16, 8);
        let requests = &mut Vec::new();
        assert_eq!(table.observe(7, &seen(1, 1, 2), (1, 5), false, requests), None);
        assert!(table.observe(7, &seen(2, 1, 2), (2, 2), false, requests).is_some());
        assert!(table.observe(8, &seen(3, 1, 2), (1, 1), true, requests).is_some());
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_flood_at_two_by_two_displaces_no_outbreak_and_stays_in_budget() {
        let bytes = 1 << 18;
        let mut table = Candidates::new(bytes, 8);
        let requests = &mut Vec::new();
        for n in 0..10 {
            table.observe(1, &seen(n, u128::from(n), 100 + u128::from(n)), (10, 10), false, requests);
        }
        for n in 0..10 * table.capacity() as u64 {
            let key = 1_000 + n;
            table.observe(key, &seen(20 + n, 1, 2), (2, 2), false, requests);
            if n % 500 == 0 {
                assert!(table.memory_bytes() <= bytes, "{} bytes", table.memory_bytes());
                table.observe(1, &seen(20 + n, 9, 9), (10, 10), false, requests);
            }
        }
        let slot = table.find(1).expect("the outbreak is still there");
        assert_eq!(table.get(slot).sources.len(), 10);
        let counters = table.counters();
        assert_eq!(counters.admitted, table.len() as u64 + counters.evicted);
        assert!(counters.evicted >= 9 * table.capacity() as u64 - 1);
    }

    #[test]
    fn newcomers_displace_no_fresh_entry_that_is_more_dispersed() {
        let mut table = Candidates::new(1, 8);
        assert_eq!(table.capacity(), 1);
        let requests = &mut Vec::new();
        assert!(table.observe(1, &seen(1, 1, 2), (8, 8), false, requests).is_some());
        assert_eq!(table.observe(2, &seen(2, 1, 2), (2, 2), false, requests), None);
        assert_eq!(table.counters().refused, 1);
        let late = Seen { time: Timestamp::from_nanos(100 * SECOND), ..seen(3, 1, 2) };
        assert!(table.observe(2, &late, (2, 2), false, requests).is_some());
        let taken = requests.iter().filter(|r| matches!(r, SampleRequest::Take { .. })).count();
        let released = requests.len() - taken;
        assert_eq!((taken, released), (2, 1), "an evicted entry releases its samples");
    }

    #[test]
    fn samples_are_of_distinct_sources_and_are_renewed_as_dispersion_grows() {
        let mut table = Candidates::new(1 << 20, 8);
        let requests = &mut Vec::new();
        for n in 0..200_u64 {
            let hosts = (n as u32 + 2, n as u32 + 2);
            table.observe(1, &seen(n, u128::from(n / 2), 1), hosts, false, requests);
        }
        let candidate = table.get(table.find(1).unwrap());
        let mut sources: Vec<Host> = candidate.samples.iter().map(|s| s.source).collect();
        assert!(candidate.samples.iter().all(|sample| sample.packet > 100));
        sources.dedup();
        assert_eq!(sources.len(), 8);
        let taken = requests.iter().filter(|r| matches!(r, SampleRequest::Take { .. })).count();
        assert_eq!(requests.len() - taken, taken - 8, "what is replaced is released");
    }

    #[test]
    fn an_alarm_fires_once_a_window() {
        let mut table = Candidates::new(1 << 16, 8);
        let slot = table.observe(1, &seen(1, 1, 2), (2, 2), false, &mut Vec::new()).unwrap();
        let at = |s: u64| Timestamp::from_nanos(s * SECOND);
        assert!(table.mark_alarm(slot, Alarm::Dispersion, at(1), 100 * SECOND));
        assert!(!table.mark_alarm(slot, Alarm::Dispersion, at(100), 100 * SECOND));
        assert!(table.mark_alarm(slot, Alarm::Propagation, at(100), 100 * SECOND));
        assert!(table.mark_alarm(slot, Alarm::Dispersion, at(101), 100 * SECOND));
    }
}
