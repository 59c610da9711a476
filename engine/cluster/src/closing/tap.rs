//! One tap's messages: brought into their order, without duplicates.

use super::cost;
use crate::TapName;
use crate::message::{Covered, Parcel};
use std::collections::{BTreeMap, VecDeque};

/// So many ranges of parcels that were given up are remembered; one that comes after its range
/// was forgotten counts as a duplicate.
const MOST_MISSING: usize = 1024;

/// So many spools of a tap before its present one are remembered.
const MOST_SPOOLS: usize = 64;

/// What happened to one tap's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounters {
    /// Parcels that came, whatever became of them.
    pub came: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Parcels that had come before, dropped.
    pub duplicates: u64,
    /// Parcels that came after their tick had closed.
    pub late: u64,
    /// Parcels that were missing when their tick closed, or that the tap lost.
    pub missing: u64,
    /// How often the tap came with a new spool.
    pub renumbered: u64,
    /// Ticks in which it was blind.
    pub blind: u64,
}

/// The ticks from the first to the last.
type Span = (u64, u64);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tap {
    /// The spool that it numbers its parcels by.
    pub(super) spool: Option<u64>,
    /// Those before.
    pub(super) old_spools: VecDeque<u64>,
    /// The sequence that comes next.
    pub(super) expected: u64,
    /// Tick and part of the latest parcel that is in order.
    pub(super) last: Option<(u64, u32)>,
    /// Parcels of open ticks, in order.
    pub(super) open: VecDeque<Parcel>,
    /// Parcels after a hole, by sequence.
    pub(super) held: BTreeMap<u64, Parcel>,
    /// Sequences that were given up, from and to.
    pub(super) missing: BTreeMap<u64, u64>,
    /// Where parcels are missing between the latest in order and the next.
    pub(super) is_torn: bool,
    /// Ticks of which parcels may be missing, or in which it was not running.
    pub(super) torn: Vec<Span>,
    /// Ticks in which the tap was not there and need not have been.
    pub(super) excused: Vec<Span>,
    /// It sends nothing until further notice, or was not heard yet.
    pub(super) has_left: bool,
    /// Bytes of its parcels that wait.
    pub(super) waiting: usize,
    pub(super) counters: TapCounters,
}

impl Default for Tap {
    /// One that was not declared: nobody waits for it before it is heard.
    fn default() -> Self {
        Self {
            spool: None,
            old_spools: VecDeque::new(),
            expected: 0,
            last: None,
            open: VecDeque::new(),
            held: BTreeMap::new(),
            missing: BTreeMap::new(),
            is_torn: false,
            torn: Vec::new(),
            excused: vec![(0, u64::MAX)],
            has_left: true,
            waiting: 0,
            counters: TapCounters::default(),
        }
    }
}

/// What is left of spans, which are in order and do not touch, without another one.
fn without(spans: Vec<Span>, (first, last): Span) -> Vec<Span> {
    let rest = |(from, to): Span| {
        let before = first.checked_sub(1).map(|before| (from, to.min(before)));
        let after = last.checked_add(1).map(|after| (from.max(after), to));
        // A span that the other does not touch is one of the two.
        [before, after].into_iter().flatten().filter(|(from, to)| from <= to)
    };
    spans.into_iter().flat_map(rest).collect()
}

/// The ticks of all these spans, in order; none touches another.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

impl Tap {
    /// Ticks wait for it from the first on.
    pub(super) fn declare(&mut self) {
        if self.last.is_none() {
            self.has_left = false;
            self.excused.clear();
        }
    }

    /// Takes a parcel. What is late is added to `late`.
    pub(super) fn admit(
        &mut self,
        parcel: Parcel,
        closed: Option<u64>,
        late: &mut Vec<Parcel>,
    ) {
        self.counters.came += 1;
        self.counters.bytes += parcel.bytes.len() as u64;
        if !self.is_current(parcel.spool, closed, late) {
            self.counters.duplicates += 1;
            return;
        }
        let sequence = parcel.sequence;
        if sequence < self.expected {
            if self.was_missing(sequence) {
                self.counters.late += 1;
                late.push(parcel);
            } else {
                self.counters.duplicates += 1;
            }
        } else if sequence == self.expected {
            self.accept(parcel, closed, late);
            self.drain(closed, late);
        } else if self.held.contains_key(&sequence) {
            self.counters.duplicates += 1;
        } else {
            self.waiting += cost(&parcel);
            self.held.insert(sequence, parcel);
        }
    }

    /// Whether a spool is the tap's; a new one is from now on.
    fn is_current(
        &mut self,
        spool: u64,
        closed: Option<u64>,
        late: &mut Vec<Parcel>,
    ) -> bool {
        if self.spool == Some(spool) {
            return true;
        }
        if self.old_spools.contains(&spool) {
            return false;
        }
        // What is held is all that comes of the old count.
        while let Some(held) = self.pop_held() {
            self.jump(held.sequence);
            self.accept(held, closed, late);
        }
        self.missing.clear();
        self.expected = 0;
        if let Some(old) = self.spool.replace(spool) {
            self.counters.renumbered += 1;
            // What the old count still had is lost, unless the new one begins before it ends.
            self.is_torn = true;
            self.old_spools.push_back(old);
            if self.old_spools.len() > MOST_SPOOLS {
                self.old_spools.pop_front();
            }
        }
        true
    }

    fn pop_held(&mut self) -> Option<Parcel> {
        let (_, parcel) = self.held.pop_first()?;
        self.waiting -= cost(&parcel);
        Some(parcel)
    }

    /// The first that is held, where it is `such`.
    fn pop_held_if(&mut self, such: impl FnOnce(&Parcel) -> bool) -> Option<Parcel> {
        let is_such = self.held.values().next().is_some_and(such);
        if is_such { self.pop_held() } else { None }
    }

    /// Takes the parcel that comes next.
    fn accept(&mut self, parcel: Parcel, closed: Option<u64>, late: &mut Vec<Parcel>) {
        self.expected = parcel.sequence.saturating_add(1);
        let tick = parcel.tick;
        if self.last >= Some((tick, parcel.part)) {
            // It goes on where it was, with none missing.
            self.is_torn = false;
            self.counters.duplicates += 1;
            return;
        }
        if std::mem::take(&mut self.is_torn) {
            let from = self.last.map_or(0, |(last, _)| last);
            self.torn.push((from, tick));
        }
        self.torn.extend(parcel.absent_since.map(|since| (since.min(tick), tick)));
        if std::mem::replace(&mut self.has_left, parcel.leaves)
            && let Some(left) = self.excused.last_mut()
        {
            left.1 = tick.saturating_sub(1);
        }
        if parcel.leaves {
            self.excused.push((tick.saturating_add(1), u64::MAX));
        }
        self.last = Some((tick, parcel.part));
        if Some(tick) <= closed {
            self.counters.late += 1;
            late.push(parcel);
        } else {
            self.waiting += cost(&parcel);
            self.open.push_back(parcel);
        }
    }

    /// Takes what was held only for what came now.
    fn drain(&mut self, closed: Option<u64>, late: &mut Vec<Parcel>) {
        let mut expected = self.expected;
        while let Some(parcel) = self.pop_held_if(|held| held.sequence <= expected) {
            if parcel.sequence == self.expected {
                self.accept(parcel, closed, late);
                expected = self.expected;
            } else {
                self.counters.duplicates += 1;
            }
        }
    }

    /// Gives up what is missing before `sequence`.
    fn jump(&mut self, sequence: u64) {
        if sequence <= self.expected {
            return;
        }
        self.counters.missing += sequence - self.expected;
        self.missing.insert(self.expected, sequence);
        if self.missing.len() > MOST_MISSING {
            self.missing.pop_first();
        }
        self.is_torn = true;
        self.expected = sequence;
    }

    /// Whether a sequence was given up; it no longer is.
    fn was_missing(&mut self, sequence: u64) -> bool {
        let Some((&from, &to)) = self.missing.range(..=sequence).next_back() else {
            return false;
        };
        if sequence >= to {
            return false;
        }
        self.missing.remove(&from);
        if from < sequence {
            self.missing.insert(from, sequence);
        }
        if sequence + 1 < to {
            self.missing.insert(sequence + 1, to);
        }
        true
    }

    /// The tap says that it has nothing before `sequence` any more.
    pub(super) fn skip_to(
        &mut self,
        (spool, sequence): (u64, u64),
        closed: Option<u64>,
        late: &mut Vec<Parcel>,
    ) {
        if !self.is_current(spool, closed, late) {
            return;
        }
        while let Some(parcel) = self.pop_held_if(|held| held.sequence < sequence) {
            self.jump(parcel.sequence);
            self.accept(parcel, closed, late);
        }
        self.jump(sequence);
        self.drain(closed, late);
    }

    /// Ticks up to `to` close: what is held of them does not wait for what is missing.
    pub(super) fn give_up_to(
        &mut self,
        to: u64,
        closed: Option<u64>,
        late: &mut Vec<Parcel>,
    ) {
        while let Some(parcel) = self.pop_held_if(|held| held.tick <= to) {
            self.jump(parcel.sequence);
            self.accept(parcel, closed, late);
            self.drain(closed, late);
        }
    }

    /// Whether ticks wait for it.
    pub(super) fn is_awaited(&self) -> bool {
        !self.has_left || !self.held.is_empty()
    }

    /// The last tick of which nothing more can come in order.
    pub(super) fn passed(&self) -> Option<u64> {
        self.last.and_then(|(tick, _)| tick.checked_sub(1))
    }

    /// The oldest tick of a parcel that waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.open.front().or_else(|| self.held.values().next()).map(|parcel| parcel.tick)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The ticks up to `to` of which parcels wait in order.
    pub(super) fn ticks_to(&self, to: u64) -> impl Iterator<Item = u64> {
        self.open.iter().map(|parcel| parcel.tick).take_while(move |tick| *tick <= to)
    }

    /// The parcels of a tick that closes, and when since `since` it was blind.
    pub(super) fn take(&mut self, since: u64, tick: u64) -> (Vec<Parcel>, Vec<Span>) {
        let mut own = Vec::new();
        while self.open.front().is_some_and(|parcel| parcel.tick <= tick) {
            own.extend(self.open.pop_front());
        }
        self.waiting -= own.iter().map(cost).sum::<usize>();
        let mut blind = self.torn.clone();
        if self.is_awaited() {
            // What it has not passed; where it has passed all, this is no span.
            blind
                .push((self.passed().map_or(0, |passed| passed.saturating_add(1)), tick));
        }
        let in_time = |(from, to): Span| (from.max(since), to.min(tick));
        let blind = blind.into_iter().map(in_time).filter(|(from, to)| from <= to);
        let blind = self.excused.iter().copied().fold(union(blind.collect()), without);
        self.torn.retain(|(_, last)| *last > tick);
        self.excused.retain(|(_, last)| *last > tick);
        self.counters.blind += blind.iter().map(|(from, to)| to - from + 1).sum::<u64>();
        (own, blind)
    }

    /// What is missing before parcels that are held.
    pub(super) fn holes(&self) -> impl Iterator<Item = (u64, u64)> {
        let ends = self.held.keys().map(|held| held.saturating_add(1));
        let starts = std::iter::once(self.expected).chain(ends);
        let holes = starts.zip(self.held.keys().copied());
        holes.filter(|(from, to)| from < to)
    }

    pub(super) fn covered(&self, name: &TapName) -> Option<Covered> {
        let (tick, _) = self.last?;
        let (tap, spool, sequence) = (name.clone(), self.spool?, self.expected);
        Some(Covered { tap, tick, spool, sequence })
    }

    pub(super) fn counters(&self) -> TapCounters {
        self.counters
    }
}
