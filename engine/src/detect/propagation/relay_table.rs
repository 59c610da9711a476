//! A bounded table of relays, found by content and host, and by content.
//!
//! Entries live in one array; chains, lists and free entries are links of 32-bit places
//! in it, so that nothing allocates after construction. Place 0 is never used: 0 is the
//! null link, and zeroed memory an empty table.
//!
//! Half of a full table is for relays that count, half for hosts that may become some:
//! neither can push out what the other has within its half. Of those that count, the one
//! with the lowest fan-out goes first, but one that is no longer seen loses its place to
//! lower ones: relays of contents that are made up send a few times and never again.

use super::receipts::Receipt;
use super::targets::{EXACT, Pool, Targets};
use super::{Evidence, Met, Passed, PropagationCounters, Relay};
use crate::packet::Host;
use crate::sketch::{hash_word, reduce, tag};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};

/// A place in one of the arrays; 0 is none.
type Link = u32;

/// A fan-out from which a relay counts, unless it is a decoy.
const COUNTING: u32 = 2;

/// Queues of entries by fan-out: one of those that do not count, one for each fan-out that
/// is exact,
const EXACT_QUEUES: usize = (EXACT + 2 - COUNTING) as usize;
/// and one for each doubling (17 to 31, 32 to 63 ... 2,048 and more).
const QUEUES: usize = EXACT_QUEUES + 8;

/// A relay keeps its place before one with the next lower fan-out until newcomers for one in
/// so many of the places have come since it was seen.
const AGING: u32 = 64;

/// One relay, or a host that may become one.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    host: Host,
    received_at: Option<Timestamp>,
    /// Tag of who sent it to this host; 0 where that is not known.
    received_from: u32,
    sent_at: Timestamp,
    /// When it last sent the content.
    epoch: Epoch,
    targets: Targets,
    /// Targets of which there is evidence, see [`Passing`](super::Passing).
    evident: u8,
    /// Targets that it met after it had received the content, and before.
    new: u8,
    known: u8,
    /// See [`Relay::proven`].
    proven: Option<bool>,
    /// See [`Relay::is_decoy`].
    is_decoy: bool,
    /// Its content's place.
    content: Link,
    /// The next relay with the same bucket, or the next free entry.
    next_in_bucket: Link,
    next_of_content: Link,
    previous_of_content: Link,
    older: Link,
    newer: Link,
    /// How many newcomers there had been when it was last seen, modulo 2^32.
    seen: u32,
}

/// A content that has relays.
#[derive(Clone, Copy, Debug)]
struct Content {
    key: u64,
    spread: u32,
    first: Link,
    next_in_bucket: Link,
}

/// Entries in the order in which they were last seen.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    oldest: Link,
    newest: Link,
}

/// The relays of all contents. See the [module](self).
#[derive(Debug)]
pub(super) struct RelayTable {
    entries: Vec<Entry>,
    contents: Vec<Content>,
    entry_buckets: Vec<Link>,
    content_buckets: Vec<Link>,
    free_entry: Link,
    free_content: Link,
    /// By fan-out, those that do not count yet first: whom to evict is found at once.
    queues: [Queue; QUEUES],
    len: usize,
    /// Entries that do not count yet.
    waiting: usize,
    /// Entries made so far, modulo 2^32.
    newcomers: u32,
    capacity: usize,
    seed: u64,
    /// For the fan-outs that are too large to be listed.
    pool: Pool,
}

/// One part in so many of the bytes goes to the pool.
const POOL_SHARE: usize = 17;

const NO_ENTRY: Entry = Entry {
    hash: 0,
    host: Host(0),
    received_at: None,
    received_from: 0,
    sent_at: Timestamp::from_nanos(0),
    epoch: Epoch::new(0),
    targets: Targets::NONE,
    evident: 0,
    new: 0,
    known: 0,
    proven: None,
    is_decoy: false,
    content: 0,
    next_in_bucket: 0,
    next_of_content: 0,
    previous_of_content: 0,
    older: 0,
    newer: 0,
    seen: 0,
};
const NO_CONTENT: Content = Content { key: 0, spread: 0, first: 0, next_in_bucket: 0 };

impl RelayTable {
    /// Whether the relay is known to have received the content at this time or before.
    pub(super) fn has_received_by(&self, relay: Link, time: Timestamp) -> bool {
        self.entries[relay as usize].received_at.is_some_and(|at| at <= time)
    }

    /// As many entries as fit in `bytes`; at least one.
    pub(super) fn new(bytes: usize, seed: u64) -> Self {
        let pool = Pool::new(bytes / POOL_SHARE);
        let bytes = bytes - pool.memory_bytes();
        let pair = size_of::<Entry>() + size_of::<Content>();
        let capacity = bytes.saturating_sub(pair) / (pair + 2 * size_of::<Link>());
        let capacity = capacity.clamp(1, Link::MAX as usize - 1);
        let mut entries = Vec::with_capacity(capacity + 1);
        entries.push(NO_ENTRY);
        let mut contents = Vec::with_capacity(capacity + 1);
        contents.push(NO_CONTENT);
        Self {
            entries,
            contents,
            entry_buckets: vec![0; capacity],
            content_buckets: vec![0; capacity],
            free_entry: 0,
            free_content: 0,
            queues: [Queue::default(); QUEUES],
            len: 0,
            waiting: 0,
            newcomers: 0,
            capacity,
            seed,
            pool,
        }
    }

    /// The entry of a host and content; `hash` is that of both.
    pub(super) fn find(&self, hash: u64, key: u64, host: Host) -> Option<Link> {
        let mut at = self.entry_buckets[reduce(hash, self.capacity)];
        while at != 0 {
            let entry = self.entry(at);
            if entry.hash == hash
                && entry.host == host
                && self.contents[entry.content as usize].key == key
            {
                return Some(at);
            }
            at = entry.next_in_bucket;
        }
        None
    }

    /// Enters a host that is not in the table, evicting another when it is full.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        key: u64,
        (host, sent_at, receipt): (Host, Timestamp, Option<Receipt>),
        epoch: Epoch,
        counters: &mut PropagationCounters,
    ) -> Link {
        if self.len == self.capacity {
            self.evict(counters);
        }
        self.newcomers = self.newcomers.wrapping_add(1);
        let content = match self.find_content(key) {
            0 => self.insert_content(key),
            known => known,
        };
        let at =
            take(&mut self.entries, &mut self.free_entry, |free| free.next_in_bucket);
        let bucket = &mut self.entry_buckets[reduce(hash, self.capacity)];
        let first = std::mem::replace(&mut self.contents[content as usize].first, at);
        self.entries[at as usize] = Entry {
            hash,
            host,
            received_at: receipt.map(|receipt| receipt.time),
            received_from: receipt.map_or(0, |receipt| receipt.from),
            sent_at,
            epoch,
            content,
            next_in_bucket: std::mem::replace(bucket, at),
            next_of_content: first,
            ..NO_ENTRY
        };
        if first != 0 {
            self.entries[first as usize].previous_of_content = at;
        }
        self.enqueue(at);
        self.len += 1;
        at
    }

    /// Notes that a relay sends its content again.
    pub(super) fn see(&mut self, at: Link, epoch: Epoch) {
        self.dequeue(at);
        let last = &mut self.entries[at as usize].epoch;
        *last = epoch.max(*last);
        self.enqueue(at);
    }

    /// Notes whether a sending shows that the relay is not forged. One that does is enough.
    pub(super) fn prove(&mut self, at: Link, proven: Option<bool>) {
        let entry = &mut self.entries[at as usize];
        entry.proven = entry.proven.max(proven);
    }

    /// Adds a target by its hash; the content's spread, when that raised it.
    pub(super) fn add_target(
        &mut self,
        at: Link,
        target: u64,
        evidence: Evidence,
        counters: &mut PropagationCounters,
    ) -> Option<Passed> {
        let before = self.entry(at).fan_out_counted();
        let targets = self.entry(at).targets.count();
        // The queue goes by fan-out.
        self.dequeue(at);
        let cut = self.entries[at as usize].targets.insert(target, &mut self.pool);
        counters.fan_outs_cut += u64::from(cut);
        self.entries[at as usize].is_decoy |= evidence.is_of_decoy;
        self.enqueue(at);
        let entry = &mut self.entries[at as usize];
        let is_new = entry.targets.count() > targets;
        let Evidence { is_evident, met, .. } = evidence;
        entry.evident = entry.evident.saturating_add(u8::from(is_evident && is_new));
        let is_known = match (met, entry.received_at) {
            (Met::LongAgo, _) => Some(true),
            (Met::Between(earliest, _), Some(at)) if earliest >= at => Some(false),
            (Met::Between(_, latest), Some(at)) if latest < at => Some(true),
            _ => None,
        };
        match is_known.filter(|_| is_new) {
            Some(true) => entry.known = entry.known.saturating_add(1),
            Some(false) => entry.new = entry.new.saturating_add(1),
            None => {}
        }
        let is_evident = u32::from(entry.evident) >= COUNTING;
        let grown = self.entry(at).fan_out_counted() - before;
        let content = &mut self.contents[self.entries[at as usize].content as usize];
        content.spread = content.spread.saturating_add(grown);
        (grown > 0).then_some(Passed { spread: content.spread, is_evident })
    }

    /// Removes what was last seen two epochs ago or earlier; returns how many.
    pub(super) fn expire(&mut self, current: Epoch) -> u64 {
        let mut expired = 0;
        for queue in 0..self.queues.len() {
            loop {
                let oldest = self.queues[queue].oldest;
                if oldest == 0 || self.entry(oldest).epoch.is_recent(current) {
                    break;
                }
                self.remove(oldest);
                expired += 1;
            }
        }
        expired
    }

    /// The sum of the fan-outs of the content's relays that count.
    pub(super) fn spread(&self, key: u64) -> u32 {
        self.contents[self.find_content(key) as usize].spread
    }

    /// The content's relays that count, in no order that means anything, and with each the
    /// tag of who sent it the content.
    pub(super) fn counting(&self, key: u64) -> impl Iterator<Item = (Relay, u32)> {
        self.of_content(key).filter(|entry| entry.fan_out_counted() > 0).map(|entry| {
            let relay = Relay {
                host: entry.host,
                received_at: entry.received_at,
                sent_at: entry.sent_at,
                fan_out: entry.targets.count(),
                new_targets: entry.new,
                known_targets: entry.known,
                proven: entry.proven,
                is_decoy: entry.is_decoy,
                ..Relay::default()
            };
            (relay, entry.received_from)
        })
    }

    /// The hosts in the table that sent the content after they had received it, whether they
    /// count or not, with their tags.
    pub(super) fn senders(&self, key: u64) -> impl Iterator<Item = (u32, Host)> {
        self.of_content(key).map(|entry| (tag(entry.hash), entry.host))
    }

    fn of_content(&self, key: u64) -> impl Iterator<Item = &Entry> {
        let first = self.contents[self.find_content(key) as usize].first;
        let link = |at: Link| (at != 0).then(|| self.entry(at));
        std::iter::successors(link(first), move |entry| link(entry.next_of_content))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.contents.capacity() * size_of::<Content>()
            + (self.entry_buckets.capacity() + self.content_buckets.capacity())
                * size_of::<Link>()
            + self.pool.memory_bytes()
    }

    /// Makes room for one that does not count yet: the longest unseen of these, where they
    /// would have more than their half, else one that counts.
    fn evict(&mut self, counters: &mut PropagationCounters) {
        let of_waiting = self.waiting > 0 && self.waiting + 1 > self.capacity / 2;
        if of_waiting {
            self.remove(self.queues[0].oldest);
            counters.relays_evicted += 1;
        } else if let Some(queue) = self.counting_queue_to_go() {
            self.remove(self.queues[queue].oldest);
            counters.counting_relays_evicted += 1;
        }
    }

    /// The queue of those that count whose longest unseen goes first.
    fn counting_queue_to_go(&self) -> Option<usize> {
        let unseen = |queue: &usize| {
            let seen = self.entry(self.queues[*queue].oldest).seen;
            let newcomers = u64::from(self.newcomers.wrapping_sub(seen));
            let most = (QUEUES - queue) as u64 * self.capacity as u64;
            newcomers * u64::from(AGING) + most
        };
        // Of equal ones the lowest.
        let occupied = (1..QUEUES).rev().filter(|queue| self.queues[*queue].oldest != 0);
        occupied.max_by_key(unseen)
    }

    fn remove(&mut self, at: Link) {
        self.dequeue(at);
        let entry = *self.entry(at);
        let content = &mut self.contents[entry.content as usize];
        content.spread = content.spread.saturating_sub(entry.fan_out_counted());
        match entry.previous_of_content {
            0 => content.first = entry.next_of_content,
            previous => {
                self.entries[previous as usize].next_of_content = entry.next_of_content;
            }
        }
        if entry.next_of_content != 0 {
            self.entries[entry.next_of_content as usize].previous_of_content =
                entry.previous_of_content;
        }
        if self.contents[entry.content as usize].first == 0 {
            self.remove_content(entry.content);
        }
        let bucket = &mut self.entry_buckets[reduce(entry.hash, self.capacity)];
        if *bucket == at {
            *bucket = entry.next_in_bucket;
        } else {
            let mut before = *bucket;
            while self.entry(before).next_in_bucket != at {
                before = self.entry(before).next_in_bucket;
            }
            self.entries[before as usize].next_in_bucket = entry.next_in_bucket;
        }
        self.entries[at as usize].targets.release(&mut self.pool);
        self.entries[at as usize].next_in_bucket =
            std::mem::replace(&mut self.free_entry, at);
        self.len -= 1;
    }

    fn content_bucket(&self, key: u64) -> usize {
        reduce(hash_word(key, self.seed), self.capacity)
    }

    /// The content's place; 0, an empty content, when it has no relays.
    fn find_content(&self, key: u64) -> Link {
        let mut at = self.content_buckets[self.content_bucket(key)];
        while at != 0 && self.contents[at as usize].key != key {
            at = self.contents[at as usize].next_in_bucket;
        }
        at
    }

    fn insert_content(&mut self, key: u64) -> Link {
        let at =
            take(&mut self.contents, &mut self.free_content, |free| free.next_in_bucket);
        let bucket = self.content_bucket(key);
        let next_in_bucket = std::mem::replace(&mut self.content_buckets[bucket], at);
        self.contents[at as usize] = Content { key, next_in_bucket, ..NO_CONTENT };
        at
    }

    fn remove_content(&mut self, at: Link) {
        let Content { key, next_in_bucket: next, .. } = self.contents[at as usize];
        let bucket = self.content_bucket(key);
        if self.content_buckets[bucket] == at {
            self.content_buckets[bucket] = next;
        } else {
            let mut before = self.content_buckets[bucket];
            while self.contents[before as usize].next_in_bucket != at {
                before = self.contents[before as usize].next_in_bucket;
            }
            self.contents[before as usize].next_in_bucket = next;
        }
        self.contents[at as usize].next_in_bucket =
            std::mem::replace(&mut self.free_content, at);
    }

    fn entry(&self, at: Link) -> &Entry {
        &self.entries[at as usize]
    }

    /// Puts an entry at the newest end of its queue.
    fn enqueue(&mut self, at: Link) {
        let queue = &mut self.queues[self.entries[at as usize].queue()];
        let before = std::mem::replace(&mut queue.newest, at);
        if before == 0 {
            queue.oldest = at;
        } else {
            self.entries[before as usize].newer = at;
        }
        let entry = &mut self.entries[at as usize];
        (entry.older, entry.newer, entry.seen) = (before, 0, self.newcomers);
        self.waiting += usize::from(entry.queue() == 0);
    }

    fn dequeue(&mut self, at: Link) {
        let Entry { older, newer, .. } = *self.entry(at);
        let of = self.entries[at as usize].queue();
        self.waiting -= usize::from(of == 0);
        let queue = &mut self.queues[of];
        match older {
            0 => queue.oldest = newer,
            _ => self.entries[older as usize].newer = newer,
        }
        match newer {
            0 => queue.newest = older,
            _ => self.entries[newer as usize].older = older,
        }
    }
}

impl Entry {
    /// What it adds to the spread.
    fn fan_out_counted(&self) -> u32 {
        let least = if self.is_decoy { 1 } else { COUNTING };
        Some(self.targets.count()).filter(|&count| count >= least).unwrap_or(0)
    }

    fn queue(&self) -> usize {
        match self.targets.count() {
            // A decoy counts from one target on, and is then with the least of those that do.
            1 if self.is_decoy => 1,
            0..COUNTING => 0,
            count @ COUNTING..=EXACT => (count + 1 - COUNTING) as usize,
            count => {
                let doublings = (count.ilog2() - EXACT.ilog2()) as usize;
                (EXACT_QUEUES + doublings).min(QUEUES - 1)
            }
        }
    }
}

/// A free place: one given back, else a new one at the end, within the capacity reserved.
fn take<T: Copy>(slots: &mut Vec<T>, free: &mut Link, next: impl Fn(&T) -> Link) -> Link {
    if *free == 0 {
        slots.push(slots[0]);
        return (slots.len() - 1) as Link;
    }
    std::mem::replace(free, next(&slots[*free as usize]))
}

persist!(RelayTable {
    entries, contents, entry_buckets, content_buckets, free_entry, free_content, queues, len,
    waiting, newcomers, pool; capacity, seed
});
persist!(Entry {
    hash,
    host,
    received_at,
    received_from,
    sent_at,
    epoch,
    targets,
    evident,
    new,
    known,
    proven,
    is_decoy,
    content,
    next_in_bucket,
    next_of_content,
    previous_of_content,
    older,
    newer,
    seen
});
persist!(Content { key, spread, first, next_in_bucket });
persist!(Queue { oldest, newest });

impl Default for Entry {
    fn default() -> Self {
        NO_ENTRY
    }
}

impl Default for Content {
    fn default() -> Self {
        NO_CONTENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_pair;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// The same as a list in the order last seen, searched from end to end. The last number
    /// of an entry is that of the newcomers when it was last seen.
    #[derive(Default)]
    struct Twin {
        entries: Vec<Listed>,
        newcomers: u64,
    }

    type Listed = (u64, Host, u64, HashSet<u64>, u64);

    fn is_decoy(host: Host) -> bool {
        host.0 > 5
    }

    /// The targets by which an entry is ranked: those of a decoy are at least two.
    fn ranked((_, host, _, targets, _): &Listed) -> usize {
        let least = if is_decoy(*host) && !targets.is_empty() { 2 } else { 0 };
        targets.len().max(least)
    }

    impl Twin {
        fn place(&self, key: u64, host: Host) -> Option<usize> {
            self.entries.iter().position(|entry| (entry.0, entry.1) == (key, host))
        }

        /// Removes the first that does not count, or that of those that count which has
        /// the lowest fan-out, newcomers for a 64th of the places making up for one host.
        fn evict(&mut self, capacity: usize) {
            let counts = |place: &usize| ranked(&self.entries[*place]) > 1;
            let waiting = (0..self.entries.len()).filter(|place| !counts(place)).count();
            let of_waiting = waiting > 0 && (waiting + 1 > capacity / 2);
            let rank = |place: &usize| {
                let entry = &self.entries[*place];
                let newcomers = (self.newcomers - entry.4) as i64;
                ranked(entry) as i64 * capacity as i64 - 64 * newcomers
            };
            let least = match of_waiting {
                true => (0..self.entries.len()).find(|place| !counts(place)),
                // Of equal ones that with the lowest fan-out, and the longest unseen.
                false => (0..self.entries.len())
                    .filter(counts)
                    .min_by_key(|place| (rank(place), ranked(&self.entries[*place]))),
            };
            self.entries.remove(least.unwrap());
        }

        fn spread(&self, key: u64) -> u32 {
            let counts = self.entries.iter().filter(|it| it.0 == key && ranked(it) > 1);
            counts.map(|entry| entry.3.len() as u32).sum()
        }
    }

    proptest! {
        #[test]
        fn it_keeps_finds_and_evicts_what_a_searched_list_would(
            // Content, host, target, and 1 in 20 steps into the next epoch.
            steps in prop::collection::vec((0u64..4, 0u128..8, 0u64..6, 0u8..20), 1..300),
            capacity in 1usize..20,
        ) {
            let pair = size_of::<Entry>() + size_of::<Content>();
            // A quarter goes to the pool, as far as it makes whole rows.
            let entries = pair + capacity * (pair + 2 * size_of::<Link>());
            let bytes = (entries..)
                .find(|bytes| bytes - Pool::new(bytes / POOL_SHARE).memory_bytes() >= entries)
                .unwrap();
            let mut table = RelayTable::new(bytes, 5);
            prop_assert_eq!(table.capacity(), capacity);
            prop_assert!(table.memory_bytes() <= bytes);
            let (mut twin, mut epoch) = (Twin::default(), 0_u64);
            let mut counters = PropagationCounters::default();
            for (key, host, target, next) in steps {
                let (host, hash) = (Host(host), hash_pair(key, host, 1));
                if next == 0 {
                    epoch += 1;
                    let before = twin.entries.len();
                    twin.entries.retain(|entry| entry.2 + 2 > epoch);
                    let expired = (before - twin.entries.len()) as u64;
                    prop_assert_eq!(table.expire(Epoch::new(epoch)), expired);
                }
                let found = table.find(hash, key, host);
                prop_assert_eq!(found.is_some(), twin.place(key, host).is_some());
                let at = if let Some(at) = found {
                    table.see(at, Epoch::new(epoch));
                    let mut entry = twin.entries.remove(twin.place(key, host).unwrap());
                    (entry.2, entry.4) = (epoch, twin.newcomers);
                    twin.entries.push(entry);
                    at
                } else {
                    if twin.entries.len() == capacity {
                        twin.evict(capacity);
                    }
                    twin.newcomers += 1;
                    twin.entries.push((key, host, epoch, HashSet::new(), twin.newcomers));
                    let sent_at = Timestamp::from_nanos(epoch);
                    let new = (host, sent_at, None);
                    table.insert(hash, key, new, Epoch::new(epoch), &mut counters)
                };
                let before = twin.spread(key);
                twin.entries.last_mut().unwrap().3.insert(target);
                let after = twin.spread(key);
                let evidence = Evidence { is_of_decoy: is_decoy(host), ..Evidence::default() };
                let raised =
                    table.add_target(at, hash_word(target, 2), evidence, &mut counters);
                prop_assert_eq!(raised.map(|it| it.spread), (after > before).then_some(after));
                prop_assert_eq!(table.len(), twin.entries.len());
                for key in 0..4 {
                    prop_assert_eq!(table.spread(key), twin.spread(key));
                    let hosts: HashSet<_> = table.counting(key).map(|(relay, _)| relay.host).collect();
                    let expected =
                        twin.entries.iter().filter(|entry| entry.0 == key && ranked(entry) > 1);
                    prop_assert_eq!(hosts, expected.map(|entry| entry.1).collect());
                }
            }
        }
    }

    #[test]
    fn every_fan_out_has_its_queue() {
        let mut entry = NO_ENTRY;
        let (mut queues, pool) = (vec![entry.queue()], &mut Pool::new(1_000));
        for n in 0..20_000 {
            entry.targets.insert(hash_word(n, 3), pool);
            if *queues.last().unwrap() != entry.queue() {
                queues.push(entry.queue());
            }
        }
        assert_eq!(queues, (0..QUEUES).collect::<Vec<_>>());
    }
}
