//! What becomes of a sighting past prevalence.

use super::ContentShard;
use super::classes::{Class, Entered};
use super::line_up::Next;
use crate::detect::alarms::{Alarm, Dispersed, OverAllPorts, Thresholds};
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
    /// The content key. Under the port rule `roles` what follows is of the class that shows
    /// most: at the packet's port, or over all ports.
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

/// What the alarms of a class look at besides its hosts.
#[derive(Clone, Copy)]
struct Ground {
    /// Where it may alarm by it.
    spread: Option<u32>,
    may_disperse: bool,
    thresholds: Thresholds,
    /// Whether enough sources sent it to enough dark addresses.
    at_dark: bool,
}

/// How a sighting came past prevalence.
#[derive(Clone, Copy)]
pub(super) struct Promotion {
    pub(super) prevalence: u32,
    pub(super) promoted: bool,
    /// Whether enough sources sent the content to enough dark addresses.
    pub(super) at_dark: bool,
}

impl ContentShard {
    pub(super) fn decide(
        &mut self,
        next: &Next,
        Promotion { prevalence, promoted, at_dark }: Promotion,
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
            self.promoted(next, at_dark, chunks, packets, &mut decision);
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

    /// Past prevalence: counts who sent it to whom, and whether it was passed on, and
    /// decides which alarms that raises.
    fn promoted(
        &mut self,
        next: &Next,
        at_dark: bool,
        chunks: &[Chunk],
        packets: &LoggedBatch<'_>,
        decision: &mut Decision,
    ) {
        let record = next.at.record(chunks);
        self.counters.promoted += 1;
        self.counters.promotions +=
            u64::from(decision.prevalence == self.rules.prevalence);
        let view = packets.view();
        self.tap = (view.is_two_way(next.at), view.is_at_border(next.at));
        let asked_before = self.candidates.asked();
        let (missing, passed_before) = match self.candidates.find(next.class) {
            Some(_) => (Missing::default(), Vec::new()),
            None => self.recall(next, record, packets),
        };
        let logged = Logged::of(record, next.at.facts(chunks));
        let seen = logged.seen(next.key, next.offset, missing);
        let seen = Seen { is_decoys: record.is_decoys, ..seen };
        let entered = self.enter(&seen, false);
        let asked = self.candidates.asked() - asked_before;
        if asked > 0 && self.candidates.is_full() {
            self.admission.ask(record.time, asked);
        }
        self.keep_requests(next.at, next.key);
        self.note_lost();
        let dark_class = if at_dark { self.class_of_most(&entered) } else { None };
        for entered in entered.iter().flatten() {
            let Class { key, port, is_over_all, is_reply } = entered.class;
            let (sources, destinations) = entered.estimates;
            let over_all = self.over_all_ports(entered);
            let at_port = &self.rules.thresholds;
            let thresholds = over_all.map_or(*at_port, |it| it.thresholds(at_port));
            let least = (thresholds.sources, thresholds.destinations);
            let service = || (record.protocol, port);
            self.nearest.offer(key, entered.estimates, least, service);
            if self.decisions.is_some() {
                decision.spread = decision.spread.max(self.propagation.spread(key));
            }
            decision.sources = decision.sources.max(sources);
            decision.destinations = decision.destinations.max(destinations);
            // Replies pass a content on over all ports, and raise no alarm themselves: by
            // a request it is known whether its port has alarmed.
            let passed =
                is_over_all || entered.passed.is_some() || passed_before.contains(&key);
            let by_decoy =
                passed && self.rules.has_decoys && self.propagation.has_decoy(key);
            let thresholds = if by_decoy { thresholds.of_decoy() } else { thresholds };
            let may_pass = by_decoy || over_all.is_none_or(|it| it.may_be_passed_on());
            let spread = (passed && may_pass).then(|| self.propagation.spread(key));
            if !is_reply && !self.is_told_by_other_class(next, is_over_all, record.time) {
                let may_disperse = over_all.is_none_or(|it| it.may_disperse());
                let at_dark = dark_class == Some(entered.class);
                let ground = Ground { spread, may_disperse, thresholds, at_dark };
                self.raise_alarms(next, record, entered, ground, decision);
            }
        }
    }

    /// The class in which the content was seen most often; of equal ones that at its port.
    fn class_of_most(&self, entered: &[Option<Entered>; 2]) -> Option<Class> {
        let packets = |it: &Entered| {
            it.slot.and_then(|slot| self.candidates.get(slot)).map_or(0, |it| it.packets)
        };
        let [at_port, over_all] = entered.map(|it| it.map(|it| (packets(&it), it.class)));
        let by_packets = |it: &(u64, Class)| it.0;
        // The last of equal ones is taken.
        over_all.into_iter().chain(at_port).max_by_key(by_packets).map(|(_, class)| class)
    }

    /// What is known of a content over all ports; `None` at one port.
    fn over_all_ports(&self, entered: &Entered) -> Option<OverAllPorts> {
        if !entered.class.is_over_all {
            return None;
        }
        let (sources, _) = entered.estimates;
        let candidate = entered.slot.and_then(|slot| self.candidates.get(slot));
        Some(candidate.map_or(OverAllPorts::default(), |it| OverAllPorts {
            is_from_one_port: it.has_one_source_port(),
            requests: it.requests(),
            replies: it.roles.responder.into(),
            sources,
        }))
    }

    /// Whether the content has alarmed at this port, of one over all ports, or over all, of
    /// one at a port: a content is told once a window.
    fn is_told_by_other_class(
        &self,
        next: &Next,
        is_over_all: bool,
        now: Timestamp,
    ) -> bool {
        if next.key == next.class {
            return false;
        }
        let other = if is_over_all { next.class } else { next.key };
        let Some(slot) = self.candidates.find(other) else { return false };
        Alarm::ALL
            .into_iter()
            .any(|alarm| self.candidates.may_alarm(slot, alarm, now).is_none())
    }

    /// Decides which alarms a sighting raises in a class.
    fn raise_alarms(
        &mut self,
        next: &Next,
        record: &Record,
        entered: &Entered,
        Ground { spread, may_disperse, thresholds, at_dark }: Ground,
        decision: &mut Decision,
    ) {
        let Entered { class, estimates, passed, slot } = *entered;
        let is_evident = passed.is_some_and(|passed| passed.is_evident);
        let passed_on = spread.is_some_and(|spread| {
            let relays = || self.propagation.relay_count(class.key);
            thresholds.is_passed_on(spread, is_evident, relays)
        });
        let Some(slot) = slot else {
            let reached = passed_on || at_dark || thresholds.are_estimated(estimates);
            self.counters.alarms_without_room += u64::from(reached);
            return;
        };
        let spread = spread.unwrap_or(0);
        let again = self.candidates.has_doubled(slot, spread);
        if passed_on && self.raise(slot, Alarm::Propagation, next, record, class, again) {
            decision.propagation_alarm = true;
            if again {
                self.candidates.set_spread(slot, spread);
            }
        }
        if at_dark {
            self.raise(slot, Alarm::Dark, next, record, class, false);
        }
        // Over all ports the lists hold those who reply as well.
        let is_estimated = !class.is_over_all || thresholds.are_estimated(estimates);
        decision.dispersion_alarm |= may_disperse
            && is_estimated
            && self.is_dispersed(slot, estimates, &thresholds)
            && self.raise(slot, Alarm::Dispersion, next, record, class, false);
    }

    /// Whether the alarm of dispersion has grounds.
    fn is_dispersed(
        &mut self,
        slot: Slot,
        estimates: (u32, u32),
        thresholds: &Thresholds,
    ) -> bool {
        let Some(candidate) = self.candidates.get(slot) else { return false };
        let hosts = candidate.host_evidence(estimates);
        let is_overloaded = || self.dispersion.is_overloaded();
        let dispersed = thresholds.dispersed(hosts, is_overloaded);
        self.counters.not_borne_out += u64::from(dispersed == Dispersed::NotBorneOut);
        dispersed == Dispersed::Yes
    }

    /// Lets an alarm wait for its tick, unless it fired in this dispersion window already, or
    /// more important ones leave no room. One that fires `again` need not wait for the window.
    fn raise(
        &mut self,
        slot: Slot,
        alarm: Alarm,
        next: &Next,
        record: &Record,
        class: Class,
        again: bool,
    ) -> bool {
        let now = record.time;
        let last = || self.candidates.get(slot).map(|it| it.alarmed(alarm));
        let may = self.candidates.may_alarm(slot, alarm, now);
        let Some(before) = may.or_else(|| last().filter(|_| again)) else {
            return false;
        };
        let rank = self.candidates.weight(slot);
        let pending = PendingAlarm {
            key: class.key,
            alarm,
            before,
            rank,
            protocol: record.protocol,
            port: class.port,
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
