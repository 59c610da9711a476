//! What hosts do at dark addresses: a bounded table by host, service and class.
//!
//! Sets of eight places. In a full set the one with the fewest packets makes room, of equal ones
//! that which was seen longest ago. What may be told of it is told then; else it is counted.
//! Memory is taken at construction, and the table is a function of the packets in order.

use super::class::Arrival;
use super::distinct::{Distinct, Rows};
use super::event::{DarkEvent, Subject};
use super::rate::Extent;
use super::{AGAIN, DarkClass};
use crate::detect::count::Precision;
use crate::sketch::hash_word;
use crate::state::{Exchange, Persist};
use crate::time::{Span, Timestamp};

/// What a kind of activity adds.
pub(super) trait Kind: Default + Persist {
    /// Packets a second over all of IPv4 from which on it is told.
    const LEAST_RATE: f64;

    /// Takes a packet.
    fn note(&mut self, arrival: &Arrival, time: Timestamp);

    /// What an activity is told as, if it is over the thresholds.
    fn event(activity: &Activity<Self>, extent: Extent, ended: bool)
    -> Option<DarkEvent>;
}

/// What one host does at one service.
#[derive(Default)]
pub(super) struct Activity<K> {
    pub(super) subject: Subject,
    /// 0 marks a free place.
    pub(super) packets: u64,
    pub(super) destinations: Distinct,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    told_at: Option<Timestamp>,
    pub(super) kind: K,
}

impl<K> Activity<K> {
    /// Distinct dark addresses. An estimate may be above the number of packets; they are not.
    pub(super) fn reached(&self) -> (u64, Precision) {
        let (count, precision) = self.destinations.count();
        (count.min(self.packets), precision)
    }

    pub(super) fn lasted(&self) -> Span {
        self.last_seen.since(self.first_seen)
    }
}

const WAYS: usize = 8;

pub(super) struct Activities<K> {
    places: Box<[Activity<K>]>,
    taken: u64,
    evicted: u64,
    extent: Extent,
    silence: Span,
    seed: u64,
}

impl<K: Kind> Activities<K> {
    /// As many places as `bytes` hold, and at least one set.
    pub(super) fn within(bytes: usize, extent: Extent, seed: u64) -> Self {
        let sets = (bytes / (WAYS * size_of::<Activity<K>>())).max(1);
        let places =
            std::iter::repeat_with(Activity::default).take(sets * WAYS).collect();
        let silence = extent.silence(K::LEAST_RATE);
        Self { places, taken: 0, evicted: 0, extent, silence, seed }
    }

    pub(super) fn has_extent(&self) -> bool {
        self.extent.is_some()
    }

    /// How much of IPv4 is dark by now.
    pub(super) fn set_extent(&mut self, extent: Extent) {
        self.extent = extent;
        self.silence = extent.silence(K::LEAST_RATE);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes a packet; tells what had to make room for its sender, or had ended before it.
    pub(super) fn arrive(
        &mut self,
        arrival: &Arrival,
        time: Timestamp,
        rows: &mut Rows,
    ) -> Option<DarkEvent> {
        let Arrival { host, protocol, port, class, .. } = *arrival;
        let subject = Subject { host, protocol, port, probes: class == DarkClass::Probe };
        let place = self.place(&subject);
        let activity = &mut self.places[place];
        let (is_known, was_free) = (activity.subject == subject, activity.packets == 0);
        let is_over = time.since(activity.last_seen) > self.silence;
        let mut told = None;
        if was_free || !is_known || is_over {
            if !was_free {
                told = K::event(activity, self.extent, is_over);
                self.evicted += u64::from(!is_over && told.is_none());
                activity.destinations.release(rows);
            }
            self.taken += u64::from(was_free);
            *activity = Activity { subject, first_seen: time, ..Activity::default() };
        }
        activity.packets += 1;
        activity.last_seen = time;
        activity.kind.note(arrival, time);
        let address = arrival.destination.0;
        let hash = hash_word((address >> 64) as u64, self.seed);
        activity.destinations.note(hash_word(address as u64, hash), rows);
        told
    }

    /// Where an activity is, or else goes.
    fn place(&self, subject: &Subject) -> usize {
        let sets = self.places.len() / WAYS;
        let set = ((u128::from(subject.hash(self.seed)) * sets as u128) >> 64) as usize;
        let ways = &self.places[set * WAYS..][..WAYS];
        let known = ways.iter().position(|it| it.packets > 0 && it.subject == *subject);
        // A free place has no packets, so it is the least.
        let least = || {
            let worth = |way: &usize| (ways[*way].packets, ways[*way].last_seen);
            (0..WAYS).min_by_key(worth).unwrap_or_default()
        };
        set * WAYS + known.unwrap_or_else(least)
    }

    /// What ended by `now`, and what goes on and was not told for long.
    pub(super) fn look(&mut self, now: Timestamp, rows: &mut Rows) -> Vec<DarkEvent> {
        let mut events = Vec::new();
        if self.taken == 0 {
            return events;
        }
        for activity in self.places.iter_mut().filter(|it| it.packets > 0) {
            if now.since(activity.last_seen) > self.silence {
                events.extend(K::event(activity, self.extent, true));
                activity.destinations.release(rows);
                *activity = Activity::default();
                self.taken -= 1;
                continue;
            }
            let told_at = activity.told_at.unwrap_or(activity.first_seen);
            let is_due = now.since(told_at) >= AGAIN && activity.last_seen > told_at;
            let event = is_due.then(|| K::event(activity, self.extent, false)).flatten();
            if let Some(event) = event {
                activity.told_at = Some(now);
                events.push(event);
            }
        }
        events
    }

    /// All that goes on.
    pub(super) fn tell_all(&mut self, now: Timestamp) -> Vec<DarkEvent> {
        let mut events = Vec::new();
        for activity in self.places.iter_mut().filter(|it| it.packets > 0) {
            if let Some(event) = K::event(activity, self.extent, false) {
                activity.told_at = Some(now);
                events.push(event);
            }
        }
        events
    }
}

impl<K: Kind> Persist for Activities<K> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { places, taken, evicted, extent, silence, seed: _ } = self;
        extent.persist(file)?;
        silence.persist(file)?;
        places.persist(file)?;
        taken.persist(file)?;
        evicted.persist(file)
    }
}

impl<K: Kind> Persist for Activity<K> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { subject, packets, destinations, first_seen, last_seen, told_at, kind } =
            self;
        subject.persist(file)?;
        packets.persist(file)?;
        destinations.persist(file)?;
        first_seen.persist(file)?;
        last_seen.persist(file)?;
        told_at.persist(file)?;
        kind.persist(file)
    }
}
