//! Dark addresses: what arrives where nobody lives.
//!
//! Nobody sends to an address in `dark` on purpose, so each packet to one is of one
//! [class](DarkClass): backscatter, scan, probe or other. Scans and the victims of spoofed floods
//! become [events](DarkEvent) once they exceed thresholds that are rates over all of IPv4, so
//! that they mean the same on a small and a large dark network. What is seen is extrapolated
//! by the share of IPv4 that is dark, with 95 % intervals (`rate`).
//!
//! Guarantees: the events are a function of the packets in packet order. All memory is taken
//! at construction, but for rows of registers up to a fixed number. Where it is too small,
//! the smallest activity makes room for a newcomer, and a counter says how often.
//! Costs: a binary search a packet; two cache misses and a hash for each packet to a dark
//! address; a walk over the tables each minute of packet time.

mod activities;
mod class;
mod contents;
mod distinct;
mod event;
mod learned;
mod minutes;
mod rate;
mod scans;
#[cfg(test)]
mod tests;
mod victims;

pub(crate) use class::{Arrival, read};
pub use class::{DarkClass, Tool};
pub(crate) use contents::{AtDark, DarkContents};
pub use event::{DarkEvent, ScanEvent, VictimEvent};
pub(crate) use learned::Learned;
pub use rate::Interval;

use crate::counters::counters;
use crate::packet::{Host, NetworkSet};
use crate::state::persist;
use crate::time::{Span, Timestamp};
use activities::Activities;
use distinct::Rows;
use minutes::Minutes;
use rate::Extent;
use scans::Scan;
use victims::Victim;

counters! {
    /// Packets to dark addresses, and what became of them.
    pub struct DarkCounters {
        /// Packets that answer what somebody sent under a forged address.
        pub dark_backscatter: u64,
        /// Packets that only ask whether somebody is there.
        pub dark_scans: u64,
        /// Packets with payload that nobody asked for.
        pub dark_probes: u64,
        /// The rest.
        pub dark_other: u64,
        /// Scans and probes with the mark of ZMap.
        pub marked_zmap: u64,
        /// Those with the mark of masscan.
        pub marked_masscan: u64,
        /// Those with the mark of Mirai.
        pub marked_mirai: u64,
        /// ICMP errors that quote no packet of their receiver: they name no victim.
        pub quotes_foreign: u64,
        /// Events told, those of one scan or flood each time.
        pub dark_events: u64,
        /// Scanners that made room for others before they were told.
        pub scanners_evicted: u64,
        /// Victims that made room for others before they were told.
        pub victims_evicted: u64,
        /// Scanners and victims whose destinations were counted to sixteen only, since the rows
        /// of registers were in use.
        pub rows_refused: u64,
    }
    when_read {
        /// Contents with three hosts or more that made room for others before they alarmed.
        pub contents_evicted: u64,
    }
}

/// How much of the memory goes to rows of registers, in eighths.
const ROWS: usize = 4;
/// And how much of the rest to scanners, in eighths.
const SCANNERS: usize = 5;

/// What arrives at dark addresses.
pub(crate) struct Dark {
    scans: Activities<Scan>,
    victims: Activities<Victim>,
    rows: Rows,
    /// Addresses that were named as dark.
    named: NetworkSet,
    /// And those that never sent.
    learned: Learned,
    minutes: Minutes,
    counters: DarkCounters,
    events: Vec<DarkEvent>,
}

impl Dark {
    /// Tables of at most `bytes` in all, beside those of `learned`.
    pub(crate) fn new(
        bytes: usize,
        named: NetworkSet,
        learned: Learned,
        seed: u64,
    ) -> Self {
        let extent = Extent::of(named.v4_addresses());
        let for_rows = bytes * ROWS / 8;
        let for_scans = (bytes - for_rows) * SCANNERS / 8;
        Self {
            scans: Activities::within(for_scans, extent, seed),
            victims: Activities::within(bytes - for_rows - for_scans, extent, seed),
            rows: Rows::within(for_rows),
            named,
            learned,
            minutes: Minutes::default(),
            counters: DarkCounters::default(),
            events: Vec::new(),
        }
    }

    /// Comes to the next packet, to whatever address: its time has come, and its sender's address
    /// is not dark unless it is named so.
    #[inline]
    pub(crate) fn come_to(&mut self, host: Host, time: Timestamp) {
        self.pass(time);
        self.learned.note_sender(host, time);
    }

    /// Whether an arrival came to a dark address after all: one in the home network may not have.
    pub(crate) fn is_dark(&self, arrival: &Arrival, time: Timestamp) -> bool {
        arrival.is_named || self.learned.is_dark(arrival.destination, time)
    }

    /// Bytes of the tables, with all rows.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.scans.memory_bytes()
            + self.victims.memory_bytes()
            + self.rows.memory_bytes()
            + self.learned.memory_bytes()
    }

    pub(crate) fn counters(&self) -> DarkCounters {
        DarkCounters {
            rows_refused: self.rows.refused(),
            scanners_evicted: self.scans.evicted(),
            victims_evicted: self.victims.evicted(),
            ..self.counters
        }
    }

    /// Takes the packet that it has come to, which is to a dark address.
    pub(crate) fn arrive(&mut self, arrival: &Arrival, time: Timestamp) {
        if !arrival.is_named && !self.scans.has_extent() {
            // The first since who sends is known.
            self.measure(time);
        }
        let counters = &mut self.counters;
        match arrival.class {
            DarkClass::Backscatter => counters.dark_backscatter += 1,
            DarkClass::Scan => counters.dark_scans += 1,
            DarkClass::Probe => counters.dark_probes += 1,
            DarkClass::Other => counters.dark_other += 1,
        }
        match arrival.tool {
            Some(Tool::Zmap) => counters.marked_zmap += 1,
            Some(Tool::Masscan) => counters.marked_masscan += 1,
            Some(Tool::Mirai) => counters.marked_mirai += 1,
            None => {}
        }
        counters.quotes_foreign += u64::from(arrival.quotes_foreign);
        let ended = match arrival.class {
            DarkClass::Backscatter if arrival.quotes_foreign => None,
            DarkClass::Backscatter => self.victims.arrive(arrival, time, &mut self.rows),
            DarkClass::Scan | DarkClass::Probe => {
                self.scans.arrive(arrival, time, &mut self.rows)
            }
            DarkClass::Other => None,
        };
        self.tell(ended);
    }

    /// Moves packet time on: what was silent for long enough has ended.
    pub(crate) fn pass(&mut self, now: Timestamp) {
        while let Some(minute) = self.minutes.next(now) {
            self.measure(minute);
            let Self { scans, victims, rows, .. } = self;
            let mut events = scans.look(minute, rows);
            events.append(&mut victims.look(minute, rows));
            let is_empty = scans.is_empty() && victims.is_empty();
            self.tell(events);
            if is_empty {
                // Nothing more can end before the next packet.
                self.minutes.skip_to(now);
            }
        }
    }

    /// Takes over how many addresses are dark by now.
    fn measure(&mut self, now: Timestamp) {
        let extent = Extent::of(self.named.v4_addresses() + self.learned.silent(now));
        self.scans.set_extent(extent);
        self.victims.set_extent(extent);
    }

    /// The trace ends: what goes on is told as it stands.
    pub(crate) fn finish(&mut self, now: Timestamp) {
        self.pass(now);
        let mut events = self.scans.tell_all(now);
        events.append(&mut self.victims.tell_all(now));
        self.tell(events);
    }

    fn tell(&mut self, events: impl IntoIterator<Item = DarkEvent>) {
        let mut events: Vec<DarkEvent> = events.into_iter().collect();
        self.counters.dark_events += events.len() as u64;
        events.sort_by(|a, b| a.order().cmp(&b.order()));
        self.events.append(&mut events);
    }

    /// The events since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<DarkEvent> {
        std::mem::take(&mut self.events)
    }
}

/// The shortest and the longest silence that ends a scan or a flood.
const SILENCE: [Span; 2] = [Span::from_secs(300), Span::from_secs(86_400)];
/// What goes on is told again after so long.
const AGAIN: Span = Span::from_secs(3_600);

persist!(Dark { scans, victims, rows, learned, minutes, counters; named, events });
