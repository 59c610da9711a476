//! When a tick closes, and which parcels are in it.
//!
//! A pure function of the order in which messages stand in the log, and of the ticks they
//! name: no clock is read, so a replay of the log repeats it. A tick closes when every known
//! tap has passed it (a parcel of a later tick came, with none missing before it), or when
//! the latest tap is [`Rules::lateness`] ahead, or when what waits needs more than
//! [`Rules::capacity`].
//!
//! Guarantees: each parcel comes out once, in the order of its tap; duplicates are dropped and
//! counted; one whose tick has closed comes out at once, as late. Where no tap is more than
//! the lateness behind another, all taps are declared and nothing is lost, the ticks that come
//! out do not depend on how the taps' messages are mixed.
//! Costs: the parcels of open ticks in memory; each message looks once at every tap.
//!
//! A tap whose clock is ahead by more than the lateness makes all others late, which their
//! counters show.

mod state;
mod tap;

use crate::TapName;
use crate::message::{Covered, Lost, Parcel};
use std::collections::{BTreeMap, BTreeSet};
use tap::Tap;

pub use tap::TapCounters;

/// More taps than this are refused.
const MOST_TAPS: usize = 10_000;
/// What a parcel that waits costs beside its bytes.
const OVERHEAD: usize = 128;
/// At most so many holes of one tap are named at once.
const MOST_HOLES: usize = 16;

/// When ticks close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A tick closes at the latest when a tap is so many ticks ahead of it.
    pub lateness: u64,
    /// How many bytes of parcels wait at most; beyond, the oldest tick closes.
    pub capacity: usize,
}

impl Rules {
    /// This lateness, and a capacity of 1 GiB.
    pub fn new(lateness: u64) -> Self {
        Self { lateness, capacity: 1 << 30 }
    }
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A tick is closed.
    Tick(Tick),
    /// A parcel came after its tick had closed.
    Late(Parcel),
}

/// A tick that is closed. Ticks of which no tap sent anything are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Which.
    pub tick: u64,
    /// Its parcels, by tap, each tap's in its own order.
    pub parcels: Vec<Parcel>,
    /// When taps were blind since the tick that came out before, by tap, in order.
    pub blind: Vec<Blind>,
    /// Taps that had not passed it when it closed: what they saw of it may still come, as late.
    pub behind: Vec<TapName>,
}

/// Ticks of which the merger does not have all that a tap saw: it had not passed them when they
/// closed, parcels are missing that may be of them, or it was not running. A tap that passed a
/// tick and sent nothing of it is not blind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// Which tap.
    pub tap: TapName,
    /// The first tick.
    pub from: u64,
    /// The last tick.
    pub to: u64,
}

/// Parcels that are missing before others that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Whose.
    pub tap: TapName,
    /// Of which spool.
    pub spool: u64,
    /// The first sequence that is missing.
    pub from: u64,
    /// The first after it that is not.
    pub to: u64,
}

/// What happened to the fleet's messages, beside what each tap's counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosingCounters {
    /// Ticks closed because a tap was [`Rules::lateness`] ahead.
    pub closed_by_lateness: u64,
    /// Ticks closed because more than [`Rules::capacity`] waited.
    pub closed_by_memory: u64,
    /// Messages of taps beyond the 10,000th.
    pub taps_refused: u64,
}

/// The messages of all taps, in the order of the log, as ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    rules: Rules,
    taps: BTreeMap<TapName, Tap>,
    /// The latest tick of any parcel.
    latest: Option<u64>,
    /// No tick up to this one is open.
    closed: Option<u64>,
    /// The last tick that came out.
    emitted: Option<u64>,
    counters: ClosingCounters,
}

fn cost(parcel: &Parcel) -> usize {
    parcel.bytes.len() + OVERHEAD
}

impl Closing {
    /// Nothing came yet. The ticks wait for `declared` taps from the first on; for others
    /// from their first parcel on.
    pub fn new(rules: Rules, declared: &[TapName]) -> Self {
        let mut new = Self {
            rules,
            taps: BTreeMap::new(),
            latest: None,
            closed: None,
            emitted: None,
            counters: ClosingCounters::default(),
        };
        new.declare(declared);
        new
    }

    fn declare(&mut self, declared: &[TapName]) {
        for tap in declared {
            self.taps.entry(tap.clone()).or_default().declare();
        }
    }

    /// The tap of a message; `None`, counted, where there are too many.
    fn tap(&mut self, name: &TapName) -> Option<&mut Tap> {
        if !self.taps.contains_key(name) {
            if self.taps.len() >= MOST_TAPS {
                self.counters.taps_refused += 1;
                return None;
            }
            self.taps.insert(name.clone(), Tap::default());
        }
        self.taps.get_mut(name)
    }

    /// The next message is a parcel.
    pub fn parcel(&mut self, parcel: Parcel) -> Vec<Closed> {
        let (tick, closed) = (parcel.tick, self.closed);
        let Some(tap) = self.tap(&parcel.tap) else { return Vec::new() };
        let mut late = Vec::new();
        tap.admit(parcel, closed, &mut late);
        self.latest = self.latest.max(Some(tick));
        self.close(late)
    }

    /// The next message says that parcels are lost.
    pub fn lost(&mut self, lost: &Lost) -> Vec<Closed> {
        let closed = self.closed;
        let Some(tap) = self.tap(&lost.tap) else { return Vec::new() };
        let mut late = Vec::new();
        tap.skip_to((lost.spool, lost.sequence), closed, &mut late);
        self.close(late)
    }

    /// Closes what can be closed, after what came late.
    fn close(&mut self, late: Vec<Parcel>) -> Vec<Closed> {
        let mut out: Vec<_> = late.into_iter().map(Closed::Late).collect();
        let passed = self.taps.values().filter(|tap| tap.is_awaited()).map(Tap::passed);
        let by_all = passed.min().unwrap_or(self.latest);
        let by_lateness =
            self.latest.and_then(|latest| latest.checked_sub(self.rules.lateness));
        if let Some(to) = by_all.max(by_lateness)
            && self.closed < Some(to)
        {
            let ticks = self.close_to(to, &mut out);
            if by_lateness > by_all {
                self.counters.closed_by_lateness += ticks;
            }
        }
        while self.waiting() > self.rules.capacity {
            let oldest = self.taps.values().filter_map(Tap::oldest).min();
            let ticks = self.close_to(oldest.expect("something waits"), &mut out);
            self.counters.closed_by_memory += ticks;
        }
        out
    }

    /// Bytes of parcels that wait.
    fn waiting(&self) -> usize {
        self.taps.values().map(Tap::waiting).sum()
    }

    /// Closes all ticks up to `to`, and says how many came out.
    fn close_to(&mut self, to: u64, out: &mut Vec<Closed>) -> u64 {
        let closed = self.closed;
        let mut late = Vec::new();
        for tap in self.taps.values_mut() {
            tap.give_up_to(to, closed, &mut late);
        }
        out.extend(late.into_iter().map(Closed::Late));
        let ticks: BTreeSet<u64> =
            self.taps.values().flat_map(|tap| tap.ticks_to(to)).collect();
        for tick in &ticks {
            out.push(Closed::Tick(self.emit(*tick)));
        }
        self.closed = self.closed.max(Some(to));
        ticks.len() as u64
    }

    fn emit(&mut self, tick: u64) -> Tick {
        let since = self.emitted.map_or(tick, |emitted| emitted.saturating_add(1));
        let (mut parcels, mut blind) = (Vec::new(), Vec::new());
        let is_behind =
            |(_, tap): &(&TapName, &Tap)| tap.is_awaited() && tap.passed() < Some(tick);
        let behind = self.taps.iter().filter(is_behind);
        let behind = behind.map(|(name, _)| name.clone()).collect();
        for (name, tap) in &mut self.taps {
            let (own, spans) = tap.take(since, tick);
            parcels.extend(own);
            let named = |(from, to)| Blind { tap: name.clone(), from, to };
            blind.extend(spans.into_iter().map(named));
        }
        self.emitted = Some(tick);
        Tick { tick, parcels, blind, behind }
    }

    /// What is missing now, to be asked for again.
    pub fn holes(&self) -> Vec<Hole> {
        let of = |(name, tap): (&TapName, &Tap)| {
            let hole = |((from, to), spool)| Hole { tap: name.clone(), spool, from, to };
            let spools = tap.spool.into_iter().cycle();
            tap.holes().take(MOST_HOLES).zip(spools).map(hole).collect::<Vec<_>>()
        };
        self.taps.iter().flat_map(of).collect()
    }

    /// How far each tap's parcels are in, those of open ticks included.
    pub fn covered(&self) -> Vec<Covered> {
        self.taps.iter().filter_map(|(name, tap)| tap.covered(name)).collect()
    }

    /// No tick up to this one is open.
    pub fn closed(&self) -> Option<u64> {
        self.closed
    }

    /// What happened to the messages of all taps.
    pub fn counters(&self) -> ClosingCounters {
        self.counters
    }

    /// What happened to the messages of each tap.
    pub fn tap_counters(&self) -> impl Iterator<Item = (&TapName, TapCounters)> {
        self.taps.iter().map(|(name, tap)| (name, tap.counters()))
    }
}

#[cfg(test)]
mod tests;
