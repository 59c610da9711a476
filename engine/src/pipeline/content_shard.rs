//! One content shard: prevalence, dispersion, propagation, candidates, in the
//! order of sightings.

mod admission;
mod classes;
mod hours;
mod line_up;
mod load;
mod promotion;
mod recall;
mod rules;

pub(crate) use classes::PortKeys;
pub use promotion::Decision;
pub(crate) use rules::{Rules, port_keys};

use super::alarm_queue::AlarmQueue;
use super::batch::{Chunk, LEAST};
use super::nearest::Nearest;
use super::packet_log::LoggedBatch;
use super::record_at::{PlacedRequest, RecordAt, SeamSighting};
use super::seeds::Seeds;
use super::sizing::{CONTENT_SHARDS, Plan};
use super::stage_times::StageTimer;
use super::stats::ContentCounters;
use crate::config::Config;
use crate::dark::{AtDark, DarkContents};
use crate::detect::dispersion::Dispersion;
use crate::detect::prevalence::Prevalence;
use crate::detect::propagation::Propagation;
use crate::fingerprint::prefetch;
use crate::signature::{Candidates, Load, SampleRequest, Snapshot};
use crate::sketch::{Bloom, EpochClock, FirstSightings, Turn};
use crate::state::persist;
use crate::time::Timestamp;
use admission::{Admission, Newcomer};
pub(crate) use hours::Hours;
pub(crate) use line_up::{Next, line_up};
pub(crate) use load::ShardLoad;
use promotion::Promotion;
use std::sync::Arc;

/// How many sightings before its own turn the table lines of each are asked for.
const AHEAD: usize = 32;

/// Sightings that the queue keeps room for from batch to batch.
const KEPT: usize = 1_024;

pub(crate) struct ContentShard {
    rules: Arc<Rules>,
    prevalence: Prevalence,
    /// Sightings of what is not promoted.
    first_sightings: FirstSightings,
    dispersion: Dispersion,
    pub(crate) propagation: Propagation,
    dark: DarkContents,
    pub(crate) candidates: Candidates,
    pub(crate) admission: Admission,
    dispersion_clock: EpochClock,
    /// Whether at the current packet the tap is known to see both directions, and to be at the
    /// border of the home network.
    tap: (bool, bool),
    /// Keys already seen in the current packet, but for its first, in order.
    seen_in_packet: Vec<u64>,
    /// Whether there may be taps that have passed on what is prevalent there, and nothing else.
    pub(crate) has_gates: bool,
    /// Where it stopped until waiting alarms are emitted.
    pub(crate) stopped: Option<RecordAt>,
    pub(crate) alarms: AlarmQueue,
    /// Hours of contents that are over.
    pub(crate) hours: Hours,
    requests_of_one: Vec<SampleRequest>,
    pub(crate) requests: Vec<PlacedRequest>,
    pub(crate) decisions: Option<Vec<Decision>>,
    /// With decisions: when each prevalence epoch began.
    pub(crate) epoch_begins: Vec<Timestamp>,
    pub(crate) counters: ContentCounters,
    /// What came nearest to an alarm.
    pub(crate) nearest: Nearest,
    /// Keys known to be good.
    pub(crate) baseline: Option<Bloom>,
    /// Until when what is promoted is learned as good.
    pub(crate) learns_until: Timestamp,
    /// Whether packet time can be left alone to the end of the chunk: no epoch ends and
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
        let window = config.dispersion_window;
        let hosts = seeds.narrow(super::HOSTS);
        let each = |label| -> Vec<u64> {
            (0..CONTENT_SHARDS).map(|shard| seeds.shard(label, shard)).collect()
        };
        let dispersions =
            Dispersion::side_by_side(plan.dispersion, width, window, &each("dispersion"));
        let propagations =
            Propagation::side_by_side(plan.propagation, window, &each("propagation"));
        let (at_least, at_most) =
            (config.prevalence_window, config.prevalence_window_most);
        let prevalences = Prevalence::side_by_side(
            plan.prevalence,
            at_least,
            config.prevalence,
            &each("prevalence"),
        );
        let candidates = || {
            Candidates::new(plan.candidates, SAMPLES_PER_CANDIDATE, window, hosts)
                .with_thresholds(rules.thresholds)
                .with_populations(plan.populations)
                .with_taps(rules.taps)
        };
        let capacity = candidates().capacity();
        let admission = seeds.narrow("admission");
        (prevalences.into_iter().zip(dispersions).zip(propagations))
            .map(|((prevalence, dispersion), propagation)| Self {
                prevalence: prevalence.with_windows(at_least, at_most),
                first_sightings: FirstSightings::new(plan.first_sightings),
                dispersion,
                propagation,
                dark: DarkContents::new(plan.dark_contents),
                candidates: candidates(),
                admission: Admission::new(capacity, rules.prevalence, admission),
                dispersion_clock: EpochClock::new(window),
                rules: rules.clone(),
                tap: (false, false),
                seen_in_packet: Vec::new(),
                is_calm: false,
                has_gates: false,
                seams: Vec::new(),
                queue: Vec::new(),
                stopped: None,
                alarms: AlarmQueue::default(),
                hours: Hours::default(),
                requests_of_one: Vec::new(),
                requests: Vec::new(),
                decisions: None,
                epoch_begins: Vec::new(),
                counters: ContentCounters::default(),
                nearest: Nearest::default(),
                baseline: None,
                learns_until: Timestamp::default(),
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
        now: Timestamp,
    ) {
        let begin = self.timer.start();
        let from = self.stopped.take().unwrap_or_default();
        let mut queue = std::mem::take(&mut self.queue);
        self.seams.sort_unstable_by_key(|seam| (seam.at, seam.offset, seam.key));
        let hash = |key| self.prevalence.hash(key);
        let class = |key, port| match self.rules.port_keys {
            Some(port_keys) => port_keys.at(key, port),
            None => key,
        };
        line_up(&mut queue, shard, chunks, &self.seams, from, hash, class);
        queue.iter().take(AHEAD).for_each(|next| self.prefetch(next));
        let (mut packet, mut first) = (RecordAt { chunk: u32::MAX, record: 0 }, 0);
        let mut done = queue.len();
        for (i, next) in queue.iter().enumerate() {
            // The last ones are asked for again, which costs less than to ask whether.
            self.prefetch(&queue[(i + AHEAD).min(queue.len() - 1)]);
            if next.at != packet {
                if next.at.chunk != packet.chunk {
                    self.is_calm = self.lasts_beyond(&chunks[next.at.chunk as usize]);
                }
                if !self.is_calm && !self.begin_packet(next.at, chunks) {
                    self.stopped = Some(next.at);
                    done = i;
                    break;
                }
                (packet, first) = (next.at, next.key);
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

    #[inline(always)]
    fn prefetch(&self, next: &Next) {
        let places = self.prevalence.places(next.hash);
        places.into_iter().flatten().for_each(prefetch);
        prefetch(self.first_sightings.place(next.hash));
        prefetch(self.candidates.place(next.class));
    }

    /// Whether no epoch ends and no alarm is due up to the chunk's last packet.
    fn lasts_beyond(&self, chunk: &Chunk) -> bool {
        let Some(last) = chunk.records.last() else { return true };
        last.time < self.dispersion_clock.end()
            && last.time < self.prevalence.epoch_end()
            && !self.alarms.are_due(last.time)
            && !self.alarms.is_full()
    }

    /// Moves on to the time of a packet; false where the shard has to stop before it.
    fn begin_packet(&mut self, at: RecordAt, chunks: &[Chunk]) -> bool {
        let now = at.record(chunks).time;
        self.pass_tick(now);
        if self.alarms.is_full() {
            return false;
        }
        if self.dispersion_clock.advance(now) != Turn::Stay {
            self.end_epoch(at);
            self.hours.keep(&mut self.candidates, now);
        }
        self.prevalence.advance(now);
        if self.decisions.is_some() {
            let begin = self.prevalence.epoch_begin();
            if self.epoch_begins.last() != Some(&begin) {
                self.epoch_begins.push(begin);
            }
        }
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
        if self.rules.taps > 1 && next.at.record(chunks).is_copy {
            self.apply_copy(next, chunks);
            return;
        }
        let prevalence = match self.has_gates && next.at.record(chunks).is_gated {
            true => self.rules.prevalence,
            false => self.prevalence.count_hashed(next.hash),
        };
        let at_dark = self.at_dark(next, chunks);
        // While the gate is not open they wait like others.
        let promoted = at_dark != AtDark::Single && self.admission.is_open()
            || self.candidates.find(next.class).is_some()
            || prevalence >= self.rules.prevalence
                && (self.admission.is_open() || self.admits(next, prevalence, chunks))
            || self.rules.has_decoys && self.is_of_decoys(next.at, chunks);
        if !promoted {
            self.note_first(next, chunks, packets);
        }
        if promoted || self.decisions.is_some() {
            let begin = self.timer.start();
            let at_dark = at_dark == AtDark::Reached;
            let how = Promotion { prevalence, promoted, at_dark };
            self.decide(next, how, chunks, packets);
            self.hours.keep(&mut self.candidates, next.at.record(chunks).time);
            self.timer.add(begin, &mut self.nanos[1]);
        }
    }

    /// Notes at which tap a packet came by that another tap has shown before.
    #[cold]
    fn apply_copy(&mut self, next: &Next, chunks: &[Chunk]) {
        let tap = next.at.record(chunks).tap;
        self.candidates.observe_copy(next.class, tap);
        if next.key != next.class {
            self.candidates.observe_copy(next.key, tap);
        }
    }

    /// How far the content has spread at dark addresses, with this sighting at one.
    #[inline]
    fn at_dark(&mut self, next: &Next, chunks: &[Chunk]) -> AtDark {
        if self.dark.is_empty() {
            return AtDark::Single;
        }
        let record = next.at.record(chunks);
        if !record.to_dark {
            return AtDark::Single;
        }
        let when = (record.time, self.dispersion_clock.epoch());
        self.dark.note(next.key, when, (record.source, record.destination))
    }

    /// Contents at dark addresses that made room for others.
    pub(crate) fn dark_evicted(&self) -> u64 {
        self.dark.evicted()
    }

    /// Bytes of the table of contents at dark addresses.
    pub(crate) fn dark_bytes(&self) -> usize {
        self.dark.memory_bytes()
    }

    /// Whether a content is followed from now on since a decoy sent or received it. While the
    /// gate is not open it waits like others, so that decoys are no way around it.
    #[cold]
    fn is_of_decoys(&self, at: RecordAt, chunks: &[Chunk]) -> bool {
        self.admission.is_open() && at.record(chunks).is_decoys
    }

    /// Remembers a sighting of what is not promoted; while the gate is not open, of those
    /// windows alone that could pass it.
    #[inline]
    fn note_first(&mut self, next: &Next, chunks: &[Chunk], packets: &LoggedBatch<'_>) {
        let may_pass =
            |at: RecordAt| chunks[at.chunk as usize].lesser(at.record, next.key) < LEAST;
        if self.admission.is_open() || may_pass(next.at) {
            let forgot = self.first_sightings.note(next.hash, packets.ordinal(next.at));
            self.counters.first_sightings_forgotten += u64::from(forgot);
        } else {
            self.first_sightings.pass_over(next.hash);
            self.counters.first_sightings_forgotten += 1;
        }
    }

    /// Whether a content past prevalence is followed while the gate is not open. It may be
    /// a candidate in its other class.
    #[cold]
    fn admits(&mut self, next: &Next, prevalence: u32, chunks: &[Chunk]) -> bool {
        if self.candidates.find(next.key).is_some() {
            return true;
        }
        let record = next.at.record(chunks);
        let admitted = self.admission.admits(Newcomer {
            time: record.time,
            source: record.source,
            prevalence,
            lesser: chunks[next.at.chunk as usize].lesser(next.at.record, next.key),
        });
        self.counters.kept_out += u64::from(!admitted);
        admitted
    }

    /// Lets go of candidates that have left the dispersion window.
    #[cold]
    fn end_epoch(&mut self, at: RecordAt) {
        let before = self.dispersion_clock.previous_start();
        self.candidates.expire(before, &mut self.requests_of_one);
        // They are releases, which need no key.
        self.keep_requests(at, 0);
        self.note_lost();
    }

    /// Keeps what a candidate of this content key asked of the flow shards during this
    /// packet.
    fn keep_requests(&mut self, at: RecordAt, key: u64) {
        let placed = self.requests_of_one.drain(..);
        self.requests.extend(placed.map(|request| PlacedRequest { at, key, request }));
    }

    /// Takes the evidence of pending alarms once their tick has come.
    pub(crate) fn pass_tick(&mut self, now: Timestamp) {
        if self.alarms.are_due(now) {
            let load = Load::of_shares(self.prevalence.fill(), self.dispersion.fill());
            let counters = &mut self.counters;
            self.alarms.take(&mut self.candidates, &self.propagation, load, counters);
        }
    }

    /// A key's candidate, spread and relays as they stand.
    pub(crate) fn current(&self, key: u64) -> Option<Snapshot> {
        let candidate = self.candidates.get(self.candidates.find(key)?)?.clone();
        let relays = self.propagation.relays(key, candidate.sources.list());
        Some(Snapshot { spread: self.propagation.spread(key), relays, candidate })
    }

    /// Bytes of (prevalence, dispersion, propagation, candidates, first sightings,
    /// populations).
    pub(crate) fn memory_bytes(&self) -> [usize; 6] {
        [
            self.prevalence.memory_bytes(),
            self.dispersion.memory_bytes(),
            self.propagation.memory_bytes(),
            self.candidates.memory_bytes(),
            self.first_sightings.memory_bytes(),
            self.candidates.population_bytes(),
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
    prevalence, first_sightings, dispersion, propagation, dark, candidates, admission,
    dispersion_clock, alarms, hours, counters, baseline, learns_until;
    nearest, rules, tap, has_gates, seen_in_packet, stopped, is_calm, requests_of_one,
    requests, decisions, epoch_begins, seams, queue, timer, nanos
});
