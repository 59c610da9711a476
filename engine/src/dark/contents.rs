//! Contents that come to dark addresses: who sent them, and to which, up to three of each.
//!
//! Nobody sends to a dark address on purpose, so far fewer hosts tell of a worm there than where
//! people live. The table is looked at in each sighting at a dark address, before and after the
//! prevalence threshold. Sets of four; in a full one what has the fewest hosts makes room, of
//! equal ones that which was seen longest ago, so that a flood of new contents takes one place of
//! each set. Counts are exact as long as a content keeps its place.

use crate::detect::alarms::DARK_HOSTS;
use crate::packet::Host;
use crate::sketch::hash_word;
use crate::state::persist;
use crate::time::{Epoch, Timestamp};

const WAYS: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Content {
    key: u64,
    epoch: Epoch,
    last_seen: Timestamp,
    /// Hashes of hosts; 0 where there is none.
    sources: [u64; DARK_HOSTS],
    destinations: [u64; DARK_HOSTS],
}

/// Contents at dark addresses, of one shard.
#[derive(Debug, Default)]
pub(crate) struct DarkContents {
    places: Box<[Content]>,
    evicted: u64,
}

/// How far a content has spread at dark addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtDark {
    /// It has one source or one destination there.
    Single,
    /// Two or more of both: it is followed from here on, so that an alarm has samples.
    Several,
    /// As many as alarm.
    Reached,
}

impl Content {
    fn spread(&self) -> AtDark {
        let known = |hosts: &[u64]| hosts.iter().filter(|host| **host != 0).count();
        match known(&self.sources).min(known(&self.destinations)) {
            DARK_HOSTS => AtDark::Reached,
            0 | 1 => AtDark::Single,
            _ => AtDark::Several,
        }
    }

    fn hosts(&self) -> usize {
        self.sources.iter().chain(&self.destinations).filter(|host| **host != 0).count()
    }
}

impl DarkContents {
    /// A table of at most `bytes`; none where nothing is dark.
    pub(crate) fn new(bytes: usize) -> Self {
        let sets = bytes / (WAYS * size_of::<Content>());
        Self { places: vec![Content::default(); sets * WAYS].into(), evicted: 0 }
    }

    /// Whether nothing is dark.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    /// Contents with three hosts or more that made room.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes a sighting at a dark address; how far the content has spread there by now, in this
    /// window and the one before.
    pub(crate) fn note(
        &mut self,
        key: u64,
        (time, epoch): (Timestamp, Epoch),
        (source, destination): (Host, Host),
    ) -> AtDark {
        let sets = self.places.len() / WAYS;
        if sets == 0 {
            return AtDark::Single;
        }
        // The upper bits choose the shard.
        let set = ((u128::from(key.rotate_left(32)) * sets as u128) >> 64) as usize;
        let ways = &mut self.places[set * WAYS..][..WAYS];
        let way = ways.iter().position(|it| it.key == key && it.hosts() > 0);
        let way = way.unwrap_or_else(|| {
            let worth = |way: &usize| match ways[*way].epoch.is_recent(epoch) {
                true => (ways[*way].hosts(), ways[*way].last_seen),
                false => (0, ways[*way].last_seen),
            };
            (0..WAYS).min_by_key(worth).unwrap_or_default()
        });
        let content = &mut ways[way];
        if content.key != key || !content.epoch.is_recent(epoch) {
            let is_lost = content.hosts() > 2 && content.epoch.is_recent(epoch);
            self.evicted += u64::from(is_lost);
            *content = Content { key, ..Content::default() };
        }
        content.epoch = epoch;
        content.last_seen = time;
        enter(&mut content.sources, source);
        enter(&mut content.destinations, destination);
        content.spread()
    }
}

/// Enters a host unless it is there or there is no room.
fn enter(hosts: &mut [u64; DARK_HOSTS], host: Host) {
    // Keyed, since the key is; 0 marks a free place.
    let host = hash_word((host.0 >> 64) as u64, host.0 as u64).max(1);
    if let Some(place) = hosts.iter_mut().find(|it| **it == host || **it == 0) {
        *place = host;
    }
}

persist!(DarkContents { places, evicted });
persist!(Content { key, epoch, last_seen, sources, destinations });
