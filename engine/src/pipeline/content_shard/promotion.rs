//! What becomes of a sighting past prevalence.

use super::ContentShard;
use super::line_up::Next;
use crate::detect::alarms::{Alarm, Dispersed, Thresholds};
use crate::detect::propagation::Passed;
use crate::pipeline::alarm_queue::PendingAlarm;
use crate::pipeline::batch::{Chunk, Record};
use crate::pipeline::packet_log::{Logged, LoggedBatch};
use crate::signature::{Missing, Seen, Slot};
use crate::time::Timestamp;

/// One decision about one sighting, for tests and research.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The packet's number.
    pub packet: u64,
    /// The content key.
    pub key: u64,
    /// Prevalence estimate, this sighting included.
    pub prevalence: u32,
    /// Whether it went on to dispersion.
    pub promoted: bool,
    /// Estimated sources; 0 where it did not go on.
    pub sources: u32,
    /// Estimated destinations; 0 where it did not go on.
    pub destinations: u32,
    /// Spread after this sighting.
    pub spread: u32,
    /// Whether this sighting set off the dispersion alarm.
    pub dispersion_alarm: bool,
    /// Whether this sighting set off the propagation alarm.
    pub propagation_alarm: bool,
}

impl ContentShard {
    pub(super) fn decide(
        &mut self,
        next: &Next,
        prevalence: u32,
        promoted: bool,
        chunks: &[Chunk],
        packets: &LoggedBatch<'_>,
    ) {
        let record = next.at.record(chunks);
        let mut decision = Decision {
            packet: record.number,
            key: next.key,
            prevalence,
            promoted,
            sources: 0,
            destinations: 0,
            spread: 0,
            dispersion_alarm: false,
            propagation_alarm: false,
        };
        if promoted && !self.is_known_good(next.key, record.time) {
            self.promoted(next, chunks, packets, &mut decision);
        }
        if let Some(decisions) = &mut self.decisions {
            decisions.push(decision);
        }
    }

    /// Whether a promoted key goes no further: the baseline knows it, or learns it now.
    fn is_known_good(&mut self, key: u64, now: Timestamp) -> bool {
        let Some(baseline) = &mut self.baseline else { return false };
        if now < self.learns_until {
            // A filter that is too full would know everything.
            if !baseline.is_full() {
                baseline.insert(key);
            }
            self.counters.learned += 1;
            return true;
        }
        let known = baseline.contains(key);
        self.counters.known_good += u64::from(known);
        known
    }

    /// Enters a sighting in dispersion and propagation.
    pub(super) fn spread(
        &mut self,
        key: u64,
        seen: &Seen,
    ) -> ((u32, u32), Option<Passed>) {
        let Seen { time, source, destination, .. } = *seen;
        let estimates = self.dispersion.observe(key, time, source, destination);
        let exempt = self.rules.is_exempt(seen);
        let passed = self.propagation.observe(key, time, source, destination, exempt);
        (estimates, passed)
    }

    /// Past prevalence: counts who sent it to whom, and whether it was passed on.
    fn promoted(
        &mut self,
        next: &Next,
        chunks: &[Chunk],
        packets: &LoggedBatch<'_>,
        decision: &mut Decision,
    ) {
        let record = next.at.record(chunks);
        self.counters.promoted += 1;
        self.counters.promotions +=
            u64::from(decision.prevalence == self.rules.prevalence);
        let (missing, passed_before) = match self.candidates.find(next.key) {
            Some(_) => (Missing::default(), false),
            None => self.recall(next, record, packets),
        };
        let logged = Logged::of(record, next.at.facts(chunks));
        let seen = logged.seen(next.offset, missing);
        let (estimates, passed) = self.spread(next.key, &seen);
        (decision.sources, decision.destinations) = estimates;
        let Thresholds { sources, destinations, .. } = self.rules.thresholds;
        self.nearest.offer(next.key, estimates, (sources, destinations), || {
            let rule = self.rules.port_rule;
            (record.protocol, rule.port(record.source_port, record.destination_port))
        });
        let spread = match passed {
            Some(passed) => Some(passed.spread),
            None => passed_before.then(|| self.propagation.spread(next.key)),
        };
        if self.decisions.is_some() {
            decision.spread = self.propagation.spread(next.key);
        }
        let slot = self.candidates.observe(
            next.key,
            &seen,
            estimates,
            spread.is_some(),
            &mut self.requests_of_one,
        );
        self.keep_requests(next.at, next.key);
        self.note_lost();
        self.raise_alarms(next, record, slot, estimates, spread, decision);
    }

    /// Decides which alarms a sighting raises, by the estimates, and by the spread where
    /// the sighting raised it. `slot` is that of its candidate, if it has one.
    fn raise_alarms(
        &mut self,
        next: &Next,
        record: &Record,
        slot: Option<Slot>,
        estimates: (u32, u32),
        spread: Option<u32>,
        decision: &mut Decision,
    ) {
        let thresholds = &self.rules.thresholds;
        let passed_on = spread.is_some_and(|spread| {
            let relays = || self.propagation.relay_count(next.key);
            thresholds.is_passed_on(spread, relays)
        });
        let Some(slot) = slot else {
            let reached = passed_on || thresholds.are_estimated(estimates);
            self.counters.alarms_without_room += u64::from(reached);
            return;
        };
        decision.propagation_alarm =
            passed_on && self.raise(slot, Alarm::Propagation, next, record);
        decision.dispersion_alarm = self.is_dispersed(slot, estimates)
            && self.raise(slot, Alarm::Dispersion, next, record);
    }

    /// Whether the alarm of dispersion has grounds.
    fn is_dispersed(&mut self, slot: Slot, estimates: (u32, u32)) -> bool {
        let Some(candidate) = self.candidates.get(slot) else { return false };
        let hosts = candidate.host_evidence(estimates);
        let is_overloaded = || self.dispersion.is_overloaded();
        let dispersed = self.rules.thresholds.dispersed(hosts, is_overloaded);
        self.counters.not_borne_out += u64::from(dispersed == Dispersed::NotBorneOut);
        dispersed == Dispersed::Yes
    }

    /// Lets an alarm wait for its tick, unless it fired in this dispersion window already
    /// or more important ones leave no room.
    fn raise(&mut self, slot: Slot, alarm: Alarm, next: &Next, record: &Record) -> bool {
        let now = record.time;
        let Some(before) = self.candidates.may_alarm(slot, alarm, now) else {
            return false;
        };
        let rank = self
            .candidates
            .get(slot)
            .map_or((false, 0), |candidate| (candidate.has_relay, candidate.minimum()));
        let port_rule = self.rules.port_rule;
        let pending = PendingAlarm {
            key: next.key,
            alarm,
            before,
            rank,
            protocol: record.protocol,
            port: port_rule.port(record.source_port, record.destination_port),
            packet: record.number,
            offset: next.offset,
        };
        self.is_calm = false;
        let candidates = &mut self.candidates;
        if !self.alarms.put(pending, now, candidates, &mut self.counters) {
            return false;
        }
        self.candidates.set_alarm(slot, alarm, Some(now));
        true
    }
}
