//! One content shard: prevalence, dispersion, propagation, candidates, in the
//! order of sightings.

use super::alarms::{Alarms, PendingAlarm};
use super::batch::{Chunk, Record, Sighting};
use super::nearest::Nearest;
use super::packet_log::LoggedBatch;
use super::record_at::{PlacedRequest, RecordAt, SeamSighting};
use super::seeds::Seeds;
use super::sizing::{CONTENT_SHARDS, Plan};
use super::stage_times::StageTimer;
use super::stats::ContentCounters;
use crate::config::{Config, PortRule};
use crate::detect::dispersion::Dispersion;
use crate::detect::prevalence::Prevalence;
use crate::detect::propagation::{Passed, Propagation};
use crate::fingerprint::prefetch;
use crate::packet::{Handshake, Host, Timestamp};
use crate::signature::{
    Alarm, Candidates, Load, MOST_HOSTS, Missing, SampleRequest, Seen, Side, Slot,
    Snapshot,
};
use crate::sketch::{Bloom, FirstSightings};
use crate::state::persist;
use std::sync::Arc;
use std::time::Duration;

/// How many sightings before its own turn the table lines of each are asked for.
const AHEAD: usize = 32;

/// Sightings that the queue keeps room for from batch to batch.
const KEPT: usize = 1_024;

/// Sightings of the next chunk that are asked for.
const NEXT_CHUNK: usize = 32;

/// Hosts that a candidate lists of each side: thresholds up to this are decided by its
/// lists, as long as these are complete.
const LISTED: u32 = MOST_HOSTS as u32;

/// Share of dispersion cells in use above which there are fewer than two a row for
/// each promoted key, and estimates are no longer to be relied on.
pub(crate) const DISPERSION_OVERLOADED: f64 = 0.4;

/// The thresholds and rules that all content shards share.
pub(crate) struct Rules {
    prevalence: u32,
    sources: u32,
    destinations: u32,
    spread: u32,
    /// Relays that propagation asks for: two where the key does not hold the
    /// destination port, since then a reply may look like a passing on.
    relays: usize,
    dispersion_window: u64,
    port_rule: PortRule,
    exempt: Vec<(Host, u16)>,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Self {
        let mut exempt: Vec<_> = config
            .relay_exempt
            .iter()
            .map(|end| (Host::of(end.address(), config.v6_prefix), end.port()))
            .collect();
        exempt.sort_unstable();
        Self {
            prevalence: u32::from(config.prevalence),
            sources: config.sources,
            destinations: config.destinations,
            spread: config.spread,
            relays: if config.port_rule == PortRule::Destination { 1 } else { 2 },
            dispersion_window: config.dispersion_window.0,
            port_rule: config.port_rule,
            exempt,
        }
    }

    fn is_exempt(&self, seen: &Seen) -> bool {
        let serves = |port| self.exempt.binary_search(&(seen.source, port)).is_ok();
        !self.exempt.is_empty()
            && (serves(seen.destination_port) || serves(seen.source_port))
    }
}

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

/// A sighting as it is applied.
#[derive(Clone, Copy)]
struct Next {
    key: u64,
    /// The key as the prevalence tables have it.
    hash: u64,
    place: RecordAt,
    offset: i32,
}

pub(crate) struct ContentShard {
    rules: Arc<Rules>,
    prevalence: Prevalence,
    /// Sightings of what is not promoted.
    first_sightings: FirstSightings,
    dispersion: Dispersion,
    pub(crate) propagation: Propagation,
    pub(crate) candidates: Candidates,
    /// The dispersion window, nanoseconds, and when the current one ends.
    window: u64,
    window_end: u64,
    /// Keys already seen in the current packet, but for its first, in order.
    seen_in_packet: Vec<u64>,
    /// Where it stopped until waiting alarms are emitted.
    pub(crate) stopped: Option<RecordAt>,
    pub(crate) alarms: Alarms,
    requests_of_one: Vec<SampleRequest>,
    pub(crate) requests: Vec<PlacedRequest>,
    pub(crate) decisions: Option<Vec<Decision>>,
    pub(crate) counters: ContentCounters,
    /// What came nearest to an alarm.
    pub(crate) nearest: Nearest,
    /// Keys known to be good.
    pub(crate) baseline: Option<Bloom>,
    /// Until when, nanoseconds, what is promoted is learned as good.
    pub(crate) learns_until: u64,
    /// Whether packet time can be left alone to the end of the chunk: no window ends and
    /// no alarm is due.
    is_calm: bool,
    /// The batch's sightings at seams.
    pub(crate) seams: Vec<SeamSighting>,
    /// All of the batch's sightings, lined up.
    queue: Vec<Next>,
    pub(crate) timer: StageTimer,
    /// What the whole took, and what is past prevalence of it, nanoseconds.
    pub(crate) nanos: [u64; 2],
}

impl ContentShard {
    /// All shards. The tables that fill at random come first, side by side: so huge pages
    /// can hold several.
    pub(crate) fn all(
        config: &Config,
        plan: &Plan,
        seeds: &Seeds,
        rules: &Arc<Rules>,
    ) -> Vec<Self> {
        let width = Dispersion::width_for(config.sources.max(config.destinations));
        let window = config.dispersion_window.0;
        let hosts = seeds.narrow(super::HOSTS);
        let dispersions: Vec<_> = (0..CONTENT_SHARDS)
            .map(|shard| {
                let seed = seeds.shard("dispersion", shard);
                Dispersion::new(plan.dispersion, width, window, seed)
            })
            .collect();
        let propagations: Vec<_> = (0..CONTENT_SHARDS)
            .map(|shard| {
                let seed = seeds.shard("propagation", shard);
                Propagation::new(plan.propagation, window, seed)
            })
            .collect();
        (dispersions.into_iter().zip(propagations).enumerate())
            .map(|(shard, (dispersion, propagation))| Self {
                prevalence: Prevalence::new(
                    plan.prevalence,
                    config.prevalence_window.0,
                    config.prevalence,
                    seeds.shard("prevalence", shard),
                ),
                first_sightings: FirstSightings::new(plan.first_sightings),
                dispersion,
                propagation,
                candidates: Candidates::new(
                    plan.candidates,
                    SAMPLES_PER_CANDIDATE,
                    window,
                    hosts,
                ),
                window,
                window_end: window,
                rules: rules.clone(),
                seen_in_packet: Vec::new(),
                is_calm: false,
                seams: Vec::new(),
                queue: Vec::new(),
                stopped: None,
                alarms: Alarms::default(),
                requests_of_one: Vec::new(),
                requests: Vec::new(),
                decisions: None,
                counters: ContentCounters::default(),
                nearest: Nearest::default(),
                baseline: None,
                learns_until: 0,
                timer: StageTimer::default(),
                nanos: [0; 2],
            })
            .collect()
    }

    /// Applies a batch: the chunks' sightings of this shard and those at seams. The
    /// flow stage is over. `now` is the time after the batch's last packet.
    ///
    /// It may stop halfway, before a packet and after a tick, so that evidence does not
    /// pile up: another call with the same batch goes on from there.
    pub(crate) fn sift(
        &mut self,
        shard: usize,
        chunks: &[Chunk],
        packets: &LoggedBatch<'_>,
        now: u64,
    ) {
        let begin = self.timer.start();
        let from = self.stopped.take().unwrap_or_default();
        let mut queue = std::mem::take(&mut self.queue);
        self.seams.sort_unstable_by_key(|seam| (seam.at, seam.offset, seam.key));
        self.gather(shard, chunks, from, &mut queue);
        queue.iter().take(AHEAD).for_each(|next| self.prefetch(next));
        let (mut place, mut first) = (RecordAt { chunk: u32::MAX, record: 0 }, 0);
        let mut done = queue.len();
        for (at, next) in queue.iter().enumerate() {
            // The last ones are asked for again, which costs less than to ask whether.
            self.prefetch(&queue[(at + AHEAD).min(queue.len() - 1)]);
            if next.place != place {
                if next.place.chunk != place.chunk {
                    self.is_calm = self.lasts_beyond(&chunks[next.place.chunk as usize]);
                }
                if !self.is_calm && !self.begin_packet(next.place, chunks) {
                    self.stopped = Some(next.place);
                    done = at;
                    break;
                }
                (place, first) = (next.place, next.key);
                self.seen_in_packet.clear();
            } else if next.key == first || self.was_seen(next.key) {
                self.counters.repeated += 1;
                continue;
            }
            self.apply(next, chunks, packets);
        }
        self.counters.sightings += done as u64;
        queue.clear();
        queue.shrink_to(KEPT);
        self.queue = queue;
        if self.stopped.is_none() {
            self.seams.clear();
            self.seams.shrink_to(KEPT);
            self.pass_tick(now);
        }
        self.timer.add(begin, &mut self.nanos[0]);
    }

    /// Lines up the shard's sightings from a place on, by (place, offset); what a packet
    /// shows by itself comes before what it shows with others at the same offset.
    fn gather(
        &self,
        shard: usize,
        chunks: &[Chunk],
        from: RecordAt,
        queue: &mut Vec<Next>,
    ) {
        let next = |place, key, offset| Next {
            key,
            hash: self.prevalence.hash(key),
            place,
            offset,
        };
        let done = self.seams.partition_point(|seam| seam.at < from);
        let mut seams = self.seams[done..].iter().peekable();
        for (c, chunk) in (0..).zip(chunks).skip(from.chunk as usize) {
            // Each chunk is a list of lists, and this shard's are new to the cache.
            if let Some(after_next) = chunks.get(c as usize + 2) {
                prefetch(&after_next.sightings[shard]);
            }
            if let Some(next) = chunks.get(c as usize + 1) {
                let sightings = &next.sightings[shard];
                prefetch(&sightings[..sightings.len().min(NEXT_CHUNK)]);
            }
            let place_of = |s: &Sighting| RecordAt { chunk: c, record: s.record };
            let mut run = &chunk.sightings[shard][..];
            run = &run[run.partition_point(|s| place_of(s) < from)..];
            while let Some(seam) = seams.next_if(|seam| seam.at.chunk == c) {
                let at = (seam.at, seam.offset);
                let before = run.partition_point(|s| (place_of(s), s.offset) <= at);
                queue.extend(
                    run[..before].iter().map(|s| next(place_of(s), s.key, s.offset)),
                );
                queue.push(next(seam.at, seam.key, seam.offset));
                run = &run[before..];
            }
            queue.extend(run.iter().map(|s| next(place_of(s), s.key, s.offset)));
        }
    }

    #[inline(always)]
    fn prefetch(&self, next: &Next) {
        prefetch(self.prevalence.places(next.hash));
        prefetch(self.first_sightings.place(next.hash));
        prefetch(self.candidates.place(next.key));
    }

    /// Whether no window ends and no alarm is due up to the chunk's last packet.
    fn lasts_beyond(&self, chunk: &Chunk) -> bool {
        let Some(last) = chunk.records.last() else { return true };
        last.time < self.window_end
            && last.time < self.prevalence.window_end().as_nanos()
            && !self.alarms.are_due(last.time)
            && !self.alarms.is_full()
    }

    /// Moves on to the time of a packet; false where the shard has to stop before it.
    fn begin_packet(&mut self, place: RecordAt, chunks: &[Chunk]) -> bool {
        let now = place.record(chunks).time;
        self.pass_tick(now);
        if self.alarms.is_full() {
            return false;
        }
        self.pass_window(place, now);
        self.prevalence.advance(Timestamp::from_nanos(now));
        true
    }

    /// Whether the packet has shown this key before, behind its first one.
    fn was_seen(&mut self, key: u64) -> bool {
        let place = self.seen_in_packet.binary_search(&key);
        if let Err(at) = place {
            self.seen_in_packet.insert(at, key);
        }
        place.is_ok()
    }

    #[inline]
    fn apply(&mut self, next: &Next, chunks: &[Chunk], packets: &LoggedBatch<'_>) {
        let prevalence = self.prevalence.count_hashed(next.hash);
        let promoted = prevalence >= self.rules.prevalence
            || self.candidates.find(next.key).is_some();
        if !promoted {
            let forgot =
                self.first_sightings.note(next.hash, packets.ordinal(next.place));
            self.counters.first_sightings_forgotten += u64::from(forgot);
        }
        if promoted || self.decisions.is_some() {
            let begin = self.timer.start();
            self.decide(next, prevalence, promoted, chunks, packets);
            self.timer.add(begin, &mut self.nanos[1]);
        }
    }

    fn decide(
        &mut self,
        next: &Next,
        prevalence: u32,
        promoted: bool,
        chunks: &[Chunk],
        packets: &LoggedBatch<'_>,
    ) {
        let record = next.place.record(chunks);
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
    fn is_known_good(&mut self, key: u64, now: u64) -> bool {
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

    /// Lets go of candidates that have left the dispersion window.
    #[inline]
    fn pass_window(&mut self, place: RecordAt, now: u64) {
        if now >= self.window_end {
            self.end_window(place, now);
        }
    }

    #[cold]
    fn end_window(&mut self, place: RecordAt, now: u64) {
        let (window, number) = (self.window, now / self.window);
        self.window_end = (number + 1).saturating_mul(window);
        let before = Timestamp::from_nanos(number.saturating_sub(1) * window);
        self.candidates.expire(before, &mut self.requests_of_one);
        // They only give back.
        self.hand_over_requests(place, 0);
        self.note_lost();
    }

    /// Notes which contents come back, if they do, with sightings missing.
    fn note_lost(&mut self) {
        for (key, last) in self.candidates.take_lost() {
            let window = (last.as_nanos() / self.window) as u32;
            self.first_sightings.lose(self.prevalence.hash(key), window);
        }
    }

    /// Passes on what a candidate asked of the flow shards during this packet.
    fn hand_over_requests(&mut self, at: RecordAt, key: u64) {
        let placed = self.requests_of_one.drain(..);
        self.requests.extend(placed.map(|request| PlacedRequest { at, key, request }));
    }

    /// The sightings of a content before it was promoted, as far as they are remembered,
    /// go the way of all promoted ones. Returns what may be missing, and whether the content
    /// was passed on by them.
    #[cold]
    fn recall(
        &mut self,
        next: &Next,
        record: &Record,
        packets: &LoggedBatch<'_>,
    ) -> (Missing, bool) {
        let now = packets.ordinal(next.place);
        let window = |time: u64| (time / self.window) as u32;
        let current = window(record.time);
        let recalled = self.first_sightings.recall(next.hash);
        let mut missing = Missing {
            promoted: recalled.lost.is_some_and(|lost| lost + 1 >= current),
            any: recalled.some_missing,
        };
        let mut earlier = Vec::new();
        for &ordinal in recalled.ordinals() {
            match packets.packet(ordinal, now) {
                // What has left the dispersion window counts for no threshold.
                Some(packet) if window(packet.time) + 1 >= current => {
                    earlier.push(packet)
                }
                _ => missing.any = true,
            }
        }
        let mut passed_on = false;
        for packet in earlier {
            let seen = Seen {
                packet: packet.number,
                time: Timestamp::from_nanos(packet.time),
                offset: 0,
                source: packet.source,
                destination: packet.destination,
                source_port: packet.source_port,
                destination_port: packet.destination_port,
                flow_shard: packet.flow_shard,
                handshake: Handshake::Unknown,
                missing,
            };
            self.counters.recalled += 1;
            let (estimates, passed) = self.spread(next.key, &seen);
            passed_on |= passed.is_some();
            self.candidates.recall(
                next.key,
                &seen,
                estimates,
                passed.is_some(),
                &mut self.requests_of_one,
            );
        }
        (missing, passed_on)
    }

    /// Enters a sighting in dispersion and propagation.
    fn spread(&mut self, key: u64, seen: &Seen) -> ((u32, u32), Option<Passed>) {
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
        let record = next.place.record(chunks);
        self.counters.promoted += 1;
        self.counters.promotions +=
            u64::from(decision.prevalence == self.rules.prevalence);
        let (missing, passed_before) = match self.candidates.find(next.key) {
            Some(_) => (Missing::default(), false),
            None => self.recall(next, record, packets),
        };
        let seen = Seen {
            packet: record.number,
            time: Timestamp::from_nanos(record.time),
            offset: next.offset,
            source: record.source,
            destination: record.destination,
            source_port: record.source_port,
            destination_port: record.destination_port,
            flow_shard: record.flow_shard,
            handshake: next.place.verdict(chunks).handshake,
            missing,
        };
        let (estimates, passed) = self.spread(next.key, &seen);
        (decision.sources, decision.destinations) = estimates;
        let thresholds = (self.rules.sources, self.rules.destinations);
        self.nearest.offer(next.key, estimates, thresholds, || {
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
        self.hand_over_requests(next.place, next.key);
        self.note_lost();

        let passed_on = spread.is_some_and(|spread| {
            spread >= self.rules.spread
                && (self.rules.relays == 1
                    || self.propagation.relays(next.key).len() >= self.rules.relays)
        });
        let Some(slot) = slot else {
            let over = estimates.0 >= self.rules.sources
                && estimates.1 >= self.rules.destinations;
            self.counters.alarms_without_room += u64::from(over || passed_on);
            return;
        };
        let dispersed = self.is_dispersed(slot, estimates);
        for (reached, alarm) in
            [(passed_on, Alarm::Propagation), (dispersed, Alarm::Dispersion)]
        {
            let window = Duration::from_nanos(self.rules.dispersion_window);
            let Some(before) = reached
                .then(|| self.candidates.may_alarm(slot, alarm, seen.time, window))
                .flatten()
            else {
                continue;
            };
            let rank = self.candidates.get(slot).map_or((false, 0), |candidate| {
                (candidate.has_relay, candidate.minimum())
            });
            let pending = PendingAlarm {
                key: next.key,
                alarm,
                before,
                rank,
                protocol: record.protocol,
                port: self
                    .rules
                    .port_rule
                    .port(record.source_port, record.destination_port),
                packet: record.number,
                offset: next.offset,
            };
            self.is_calm = false;
            if !self.alarms.put(
                pending,
                seen.time,
                &mut self.candidates,
                &mut self.counters,
            ) {
                continue;
            }
            self.candidates.set_alarm(slot, alarm, Some(seen.time));
            match alarm {
                Alarm::Dispersion => decision.dispersion_alarm = true,
                Alarm::Propagation => decision.propagation_alarm = true,
            }
        }
    }

    /// Whether both sides have reached their thresholds, and the candidate's own lists bear
    /// it out.
    fn is_dispersed(&mut self, slot: Slot, estimates: (u32, u32)) -> bool {
        let Some(candidate) = self.candidates.get(slot) else { return false };
        let (recent, rules) = (candidate.recent(), &self.rules);
        let sides = [
            (&candidate.sources, rules.sources, estimates.0, recent.0),
            (&candidate.destinations, rules.destinations, estimates.1, recent.1),
        ];
        // Lists decide while they name every host; a linear counter may read thirty for
        // twenty-five. What they lack is in the estimate, which they bound.
        let enough = |(side, threshold, estimate, exact): (&Side, u32, u32, u32)| {
            exact >= threshold
                || !(side.is_complete() && threshold <= LISTED)
                    && estimate.min(side.estimate()) >= threshold
        };
        if !sides.into_iter().all(enough) {
            return false;
        }
        // A sketch that is full says thirty of everything: the entry's own lists must
        // bear it out. Either may lack hosts that came before the entry was made; but a
        // sketch known to be full vouches for neither.
        let listed = sides.iter().filter(|(side, threshold, _, exact)| {
            !side.is_listed() || 2 * exact >= (*threshold).min(LISTED)
        });
        let needed = if self.dispersion.fill() > DISPERSION_OVERLOADED { 2 } else { 1 };
        let borne_out = listed.count() >= needed;
        self.counters.not_borne_out += u64::from(!borne_out);
        borne_out
    }

    /// Takes the evidence of pending alarms once their tick has come.
    pub(crate) fn pass_tick(&mut self, now: u64) {
        if self.alarms.are_due(now) {
            let load = Load::of_shares(self.prevalence.fill(), self.dispersion.fill());
            let counters = &mut self.counters;
            self.alarms.take(&mut self.candidates, &self.propagation, load, counters);
        }
    }

    /// A key's candidate, spread and relays as they stand.
    pub(crate) fn current(&self, key: u64) -> Option<Snapshot> {
        Some(Snapshot {
            candidate: self.candidates.get(self.candidates.find(key)?)?.clone(),
            spread: self.propagation.spread(key),
            relays: self.propagation.relays(key),
        })
    }

    /// Bytes of (prevalence, dispersion, propagation, candidates, first sightings).
    pub(crate) fn memory_bytes(&self) -> [usize; 5] {
        [
            self.prevalence.memory_bytes(),
            self.dispersion.memory_bytes(),
            self.propagation.memory_bytes(),
            self.candidates.memory_bytes(),
            self.first_sightings.memory_bytes(),
        ]
    }

    pub(crate) fn prevalence(&self) -> &Prevalence {
        &self.prevalence
    }

    pub(crate) fn dispersion(&self) -> &Dispersion {
        &self.dispersion
    }
}

/// Sample references a candidate holds, from distinct sources.
const SAMPLES_PER_CANDIDATE: usize = 8;

// Between batches it has stopped nowhere, and no seams or requests are left.
persist!(ContentShard {
    prevalence, first_sightings, dispersion, propagation, candidates, window_end, alarms,
    counters, baseline, learns_until;
    nearest, rules, window, seen_in_packet, stopped, is_calm, requests_of_one,
    requests, decisions, seams, queue, timer, nanos
});
