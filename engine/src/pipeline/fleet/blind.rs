//! When each tap was blind, and what a finding says of it.
//!
//! A tap is blind in a tick that closed before the tap had passed it, of which its parcels may
//! be missing, or in which it was not running. One that passed a tick and sent nothing of it saw
//! nothing, and is not blind. A finding names each tap that was blind between its first and its
//! last sighting, their ticks included, with in how many of these ticks.
//!
//! Guarantees: it is a function of what the merger is told, in order, and is saved with it.
//! Costs: 24 bytes a span of blind ticks. Of more than [`MOST_SPANS`] of a tap the oldest two
//! become one; of a part of such a span as many ticks count as fit, so too many rather than too
//! few.

use crate::pipeline::clock::{Clock, TICK};
use crate::signature::{Finding, Incident};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};
use std::collections::BTreeMap;

/// Spans that are kept of a tap.
const MOST_SPANS: usize = 1_024;

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct Blind {
    /// By tap.
    taps: Vec<Spans>,
}

/// Ticks in which a tap was blind, in order; no two spans touch.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spans {
    spans: Vec<Span>,
}

/// The ticks from the first to the last; in so many of them the tap was blind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    from: u64,
    to: u64,
    ticks: u64,
}

persist!(Blind { taps });
persist!(Spans { spans });
persist!(Span { from, to, ticks });

impl Span {
    fn length(&self) -> u64 {
        (self.to - self.from).saturating_add(1)
    }

    fn overlap(&self, from: u64, to: u64) -> u64 {
        let (from, to) = (self.from.max(from), self.to.min(to));
        if from > to { 0 } else { (to - from).saturating_add(1) }
    }

    /// In how many ticks of these it was blind, at most.
    fn ticks_within(&self, from: u64, to: u64) -> u64 {
        self.ticks.min(self.overlap(from, to))
    }
}

impl Spans {
    fn add(&mut self, from: u64, to: u64) {
        let ends_before = |span: &Span| span.to.saturating_add(1) < from;
        let first = self.spans.partition_point(ends_before);
        let touching = |span: &&Span| span.from <= to.saturating_add(1);
        let after = first + self.spans[first..].iter().take_while(touching).count();
        let mut new = Span { from, to, ticks: 0 };
        let mut known = 0;
        for span in &self.spans[first..after] {
            known += span.ticks.min(span.length() - span.overlap(from, to));
            (new.from, new.to) = (new.from.min(span.from), new.to.max(span.to));
        }
        let added = (to - from).saturating_add(1);
        new.ticks = added.saturating_add(known).min(new.length());
        self.spans.splice(first..after, [new]);
        if let [a, b, ..] = self.spans[..]
            && self.spans.len() > MOST_SPANS
        {
            let ticks = a.ticks.saturating_add(b.ticks);
            self.spans.splice(..2, [Span { from: a.from, to: b.to, ticks }]);
        }
    }

    fn ticks_within(&self, from: u64, to: u64) -> u64 {
        let first = self.spans.partition_point(|span| span.to < from);
        let spans = self.spans[first..].iter().take_while(|span| span.from <= to);
        spans.fold(0, |sum: u64, it| sum.saturating_add(it.ticks_within(from, to)))
    }
}

impl Blind {
    /// Of so many taps.
    pub(super) fn new(taps: usize) -> Self {
        Self { taps: vec![Spans::default(); taps] }
    }

    /// A tap was blind from one tick to another.
    pub(super) fn add(&mut self, tap: usize, from: u64, to: u64) {
        if let Some(tap) = self.taps.get_mut(tap).filter(|_| from <= to) {
            tap.add(from, to);
        }
    }

    /// In how many ticks a tap was blind.
    pub(super) fn ticks(&self, tap: usize) -> u64 {
        self.taps.get(tap).map_or(0, |tap| tap.ticks_within(0, u64::MAX))
    }

    /// Says in findings, whose times are the packets' own, who was blind. A tap without a name
    /// is left out.
    pub(super) fn mark(
        &self,
        names: &[&str],
        findings: &mut [Finding],
        incidents: &mut [Incident],
        clock: &Clock,
    ) {
        if self.taps.iter().all(|tap| tap.spans.is_empty()) {
            return;
        }
        let own = self.in_own_time(clock);
        for finding in findings {
            let (Finding::Signature(it) | Finding::Update(it) | Finding::Summary(it)) =
                finding;
            it.blind = own.between(names, it.first_seen, it.last_seen);
        }
        for it in incidents {
            it.blind = own.between(names, it.first_seen, it.last_seen);
        }
    }

    /// The same in the packets' own time: engine time may be ahead of it.
    fn in_own_time(&self, clock: &Clock) -> Self {
        let own_time = clock.own_time();
        if own_time.is_engine_time() {
            return self.clone();
        }
        let own = |tick: u64| {
            let begin = Timestamp::from_nanos(tick.saturating_mul(TICK.0));
            tick_of(own_time.at(begin))
        };
        let mut new = Self::new(self.taps.len());
        for (tap, spans) in self.taps.iter().enumerate() {
            for span in &spans.spans {
                let from = own(span.from);
                new.add(tap, from, own(span.to).max(from));
            }
        }
        new
    }

    fn between(
        &self,
        names: &[&str],
        first: Timestamp,
        last: Timestamp,
    ) -> BTreeMap<String, u64> {
        let (first, last) = (tick_of(first), tick_of(last));
        let of = |(name, tap): (&&str, &Spans)| {
            let ticks = tap.ticks_within(first, last);
            (ticks > 0 && !name.is_empty()).then(|| ((*name).to_owned(), ticks))
        };
        names.iter().zip(&self.taps).filter_map(of).collect()
    }
}

/// The tick of a time.
fn tick_of(time: Timestamp) -> u64 {
    Epoch::of(time, TICK).number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A number that follows from another.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn ticks_are_those_of_a_set() {
        for seed in 0..50 {
            let (mut spans, mut set, mut state) =
                (Spans::default(), BTreeSet::new(), seed);
            for _ in 0..40 {
                let from = next(&mut state) % 200;
                let to = from + next(&mut state) % 12;
                spans.add(from, to);
                set.extend(from..=to);
                let first = next(&mut state) % 200;
                let last = first + next(&mut state) % 80;
                let expected = set.range(first..=last).count() as u64;
                assert_eq!(spans.ticks_within(first, last), expected, "{seed}");
            }
            let apart = |pair: &[Span]| pair[0].to + 1 < pair[1].from;
            assert!(spans.spans.windows(2).all(apart), "{seed}");
        }
    }

    #[test]
    fn many_spans_are_bounded_and_none_is_forgotten() {
        let mut spans = Spans::default();
        for n in 0..10_000 {
            spans.add(10 * n, 10 * n + 1);
        }
        assert_eq!(spans.spans.len(), MOST_SPANS);
        assert_eq!(spans.ticks_within(0, u64::MAX), 20_000);
        assert_eq!(spans.ticks_within(99_980, 99_989), 2, "the latest are exact");
        assert_eq!(spans.ticks_within(20, 24), 5, "the oldest are not: too many");
        spans.add(0, u64::MAX);
        assert_eq!(spans.ticks_within(5, 7), 3);
    }
}
