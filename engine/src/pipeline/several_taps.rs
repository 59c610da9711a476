//! Packets of several taps: which of them are copies, and which conversations are one.
//!
//! In packet order, before all that counts. A copy shows at which tap a content came by, and
//! that two conversations are one; nothing else is made of it. Fragments are looked at one by one,
//! before they are put together.

use super::batch::Record;
use crate::config::Config;
use crate::detect::aliases::Aliases;
use crate::detect::duplicates::{Duplicates, TapCounters};
use crate::packet::Timestamp;
use crate::state::persist;
use crate::stream::{direction, ends_of};

/// Of the bytes for all of it: those for names of conversations, and for fragments.
const ALIASES: usize = 4;
const FRAGMENTS: usize = 8;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct SeveralTaps {
    packets: Duplicates,
    fragments: Duplicates,
    aliases: Aliases,
}

impl SeveralTaps {
    /// Tables of at most `bytes` together; `None` with one tap.
    pub(crate) fn new(bytes: usize, config: &Config) -> Option<Self> {
        let taps = config.taps.len();
        let packets = bytes - bytes / ALIASES - bytes / FRAGMENTS;
        (taps > 1).then(|| Self {
            packets: Duplicates::new(packets, taps),
            fragments: Duplicates::new(bytes / FRAGMENTS, taps),
            aliases: Aliases::new(bytes / ALIASES),
        })
    }

    /// Says of a packet, whose time is known, whether it is a copy, and lets its conversation go
    /// by its name.
    pub(crate) fn look_at(&mut self, record: &mut Record) {
        let (connection, from_higher) = ends_of(record.direction);
        if record.direction != 0 {
            record.direction =
                direction(self.aliases.name(connection, record.time), from_higher);
        }
        let seen = (record.tap, record.direction);
        let Some(original) = self.packets.see(record.identity, record.time, seen) else {
            return;
        };
        record.is_copy = true;
        if original != record.direction && original != 0 && record.direction != 0 {
            let (connection, _) = ends_of(record.direction);
            self.aliases.enter(connection, ends_of(original).0, record.time);
            record.direction = original;
        }
    }

    /// Whether another tap has shown a fragment before.
    pub(crate) fn has_fragment(
        &mut self,
        identity: u64,
        time: Timestamp,
        tap: u16,
    ) -> bool {
        let tap = u8::try_from(tap).unwrap_or(u8::MAX);
        self.fragments.see(identity, time, (tap, 0)).is_some()
    }

    /// Counts what came by at each tap.
    pub(crate) fn count(&mut self, packets: &[u64]) {
        packets
            .iter()
            .enumerate()
            .for_each(|(tap, count)| self.packets.count(tap, *count));
    }

    /// What came by, by tap.
    pub(crate) fn counters(&self) -> impl Iterator<Item = TapCounters> {
        let both = self.packets.counters().iter().zip(self.fragments.counters());
        both.map(|(packets, fragments)| {
            let mut sum = *packets;
            sum += *fragments;
            sum
        })
    }

    /// Conversations that are two again, for want of memory.
    pub(crate) fn aliases_forgotten(&self) -> u64 {
        self.aliases.forgotten()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.packets.memory_bytes()
            + self.fragments.memory_bytes()
            + self.aliases.memory_bytes()
    }
}

/// By tap, the first tap of its site: they see one address space.
pub(crate) fn spaces(config: &Config) -> Vec<u16> {
    let sites = || config.taps.iter().map(|tap| tap.site());
    sites()
        .map(|site| (0..).zip(sites()).find(|it| it.1 == site).map_or(0, |it| it.0))
        .collect()
}

persist!(SeveralTaps { packets, fragments, aliases });
