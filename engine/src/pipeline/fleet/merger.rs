//! The half of a sensor that knows all taps.
//!
//! Parcels wait until their tick closes. Then those of all taps are one batch, which goes
//! through the stages of a [`Sensor`] but for those that need payloads; for these a tap is
//! asked. While an answer is missing nothing else is done.

use super::ask::{Ask, Ordinary, Piece, Request};
use super::blind::Blind;
use super::closing::Closing;
use super::gate::Change;
use super::gather::{Batch, Gathering, Given, Numbered};
use super::parcel::{END, Parcel, Totals};
use super::questions::{Next, Questions};
use super::shards::{ShardResult, ShardTask, Task};
use super::tap::{Tap, tick_of};
use super::wire::Binding;
use super::{ParcelError, RefusedParcels, binding};
use crate::config::Config;
use crate::dark::DarkEvent;
use crate::decode::FragmentCounters;
use crate::error::Error;
use crate::pipeline::batch::NoFrames;
use crate::pipeline::clock::TICK;
use crate::pipeline::content_away::ContentAway;
use crate::pipeline::course::{Course, Step};
use crate::pipeline::record_at::{PlacedRequest, RecordAt};
use crate::pipeline::streams::{Away, Streams};
use crate::pipeline::{Baseline, Sensor, Stats};
use crate::signature::{DecoyReport, Finding, Incident, SampleRequest, Wave};
use crate::time::{Epoch, Span, Timestamp};
use std::collections::VecDeque;
use std::io;

/// Packets after which a run of ticks ends.
const MOST_RECORDS: usize = 1 << 14;

/// How the merger stands with one tap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetTap {
    /// Its name.
    pub name: String,
    /// Parcels that came.
    pub parcels: u64,
    /// Of these, parcels of ticks that were closed without them: their packets count at the
    /// time at which they came.
    pub late: u64,
    /// Ticks in which it was blind: see [`Signature::blind`](crate::signature::Signature::blind).
    pub blind: u64,
    /// Whether the last tick was closed without it: what it sees is in no finding.
    pub is_blind: bool,
    /// Whether it sends no payload.
    pub withholds: bool,
    /// Parcels of it, from its first on, that need not be sent again: what they hold is in the
    /// tables.
    pub covered: u64,
}

/// See the [module](super).
pub struct Merger {
    pub(super) sensor: Sensor,
    binding: Binding,
    pub(super) closing: Closing,
    pub(super) lanes: Vec<Lane>,
    pub(super) blind: Blind,
    pub(super) last_number: u64,
    /// The contents that are followed, as taps with gates were told, in order.
    pub(super) followed: Vec<u64>,
    open: Option<Open>,
    asks: Vec<Ask>,
    pub(super) refused: RefusedParcels,
    ending: Ending,
    pub(super) is_restored: bool,
    /// Whether ticks may be sifted together.
    in_runs: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    /// Every tick closes.
    Ticks,
    /// What was left when taps ended is being sifted.
    Rest,
    /// What is pending is being emitted.
    Pending,
    /// Content shards come back from their workers.
    Collecting,
    Done,
}

/// One tap's parcels.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) next: u64,
    /// In order.
    pub(super) waiting: VecDeque<Given>,
    /// The tick of the last parcel.
    pub(super) last_tick: u64,
    pub(super) numbered: Numbered,
    pub(super) totals: Totals,
    /// As far as it was told that payloads may go.
    pub(super) settled: u64,
    /// Whether its tap has a gate.
    pub(super) is_gated: bool,
    pub(super) counted: FleetTap,
}

/// A tick that is being closed.
struct Open {
    tick: u64,
    round: u32,
    batch: Batch,
    course: Course,
    /// Whether the tick itself is passed.
    is_passed: bool,
    questions: Option<Questions>,
    /// By tap.
    awake: Vec<bool>,
    followed: Change,
}

impl Merger {
    /// By how much the tap that is furthest may be ahead of one that holds a tick open, unless
    /// set otherwise.
    pub const LATENESS: Span = Span::from_secs(30);

    /// The merger of the taps that `config` names.
    ///
    /// # Errors
    ///
    /// A setting that is out of range.
    pub fn new(config: Config, fleet: &str) -> Result<Self, Error> {
        Ok(Self::of(Sensor::new(config)?, fleet))
    }

    /// The same, of a sensor that knows some content to be good.
    ///
    /// # Errors
    ///
    /// As [`Sensor::with_baseline`].
    pub fn with_baseline(
        config: Config,
        fleet: &str,
        baseline: Baseline,
    ) -> Result<Self, Error> {
        Ok(Self::of(Sensor::with_baseline(config, baseline)?, fleet))
    }

    /// The same, of a sensor of no use to anybody else.
    pub(super) fn of(mut sensor: Sensor, fleet: &str) -> Self {
        let binding = binding(&sensor.config, fleet);
        sensor.streams = Streams::Away(Away::default());
        sensor.content.iter_mut().for_each(|content| content.has_gates = true);
        let names = sensor.config.taps.iter().map(|tap| tap.name().to_owned());
        let lane = |name| Lane {
            counted: FleetTap { name, ..FleetTap::default() },
            ..Lane::default()
        };
        let mut lanes: Vec<Lane> = names.map(lane).collect();
        if lanes.is_empty() {
            lanes.push(Lane::default());
        }
        Self {
            closing: Closing::new(lanes.len(), ticks(Self::LATENESS)),
            blind: Blind::new(lanes.len()),
            sensor,
            binding,
            lanes,
            last_number: 0,
            followed: Vec::new(),
            open: None,
            asks: Vec::new(),
            refused: RefusedParcels::default(),
            ending: Ending::No,
            is_restored: false,
            in_runs: false,
        }
    }

    /// The same with another lateness: the packet time by which the tap that is furthest may be
    /// ahead of one that holds a tick open.
    #[must_use]
    pub fn with_lateness(mut self, lateness: Span) -> Self {
        self.closing.set_lateness(ticks(lateness));
        self
    }

    /// The same, but ticks that wait and that every tap has passed are sifted together. What is
    /// asked of taps, and when, then depends on when parcels come, and findings do not, as long as
    /// taps' clocks agree.
    #[must_use]
    pub fn in_runs(mut self) -> Self {
        self.in_runs = true;
        self
    }

    /// The same with its content shards at [workers](super::ShardWorker), to which they are
    /// divided in proportion to `shares`; to the first one where all are zero.
    #[must_use]
    pub fn with_workers(mut self, shares: &[u32]) -> Self {
        let is_restored = self.is_restored;
        let has_gates = self.lanes.iter().any(|lane| lane.is_gated);
        self.sensor.put_content_away(shares, self.binding, has_gates);
        if is_restored {
            self.sensor.restore_content_away();
        }
        self
    }

    /// Has the workers say what their content shards know, which [`save`](Self::save) needs, once
    /// their results are there. It holds until the next tick.
    pub fn gather(&mut self) {
        if let Some(away) = &mut self.sensor.away
            && self.open.is_none()
            && self.ending == Ending::No
            && !away.is_waiting()
        {
            away.give(|_| Task::Save);
        }
    }

    /// What workers have to do since the last call, in order.
    pub fn tasks(&mut self) -> Vec<ShardTask> {
        self.sensor
            .away
            .as_mut()
            .map(|away| std::mem::take(&mut away.tasks))
            .unwrap_or_default()
    }

    /// Takes the result of a task, and goes on if it was the last that was missing. One that
    /// is not waited for is left out.
    ///
    /// # Errors
    ///
    /// What a worker hands over is of other settings.
    pub fn take_result(&mut self, result: ShardResult) -> io::Result<()> {
        if self.sensor.take_result(result)? {
            self.step();
        }
        Ok(())
    }

    /// Reads a message and takes its parcel.
    ///
    /// # Errors
    ///
    /// As [`Parcel::decode`] and [`push`](Self::push); each refusal is counted.
    pub fn receive(&mut self, message: &[u8]) -> Result<(), ParcelError> {
        let parcel = Parcel::decode(message).inspect_err(|it| self.refused.count(*it))?;
        self.push(parcel)
    }

    /// Takes a parcel, and closes what ticks may close. Those of one tap come in their order.
    ///
    /// # Errors
    ///
    /// It is of another fleet, key or settings, of no tap, came before, or is not the next one
    /// of its tap; each refusal is counted, and changes nothing else.
    pub fn push(&mut self, parcel: Parcel) -> Result<(), ParcelError> {
        self.check(&parcel).inspect_err(|error| self.refused.count(*error))?;
        let (tap, tick) = (usize::from(parcel.tap), parcel.tick);
        let lane = &mut self.lanes[tap];
        lane.next += 1;
        lane.is_gated = parcel.is_gated;
        if let Some(away) = &mut self.sensor.away {
            away.has_gates |= parcel.is_gated;
        }
        lane.counted.withholds = parcel.withholds;
        lane.last_tick = tick;
        let is_late = self.closing.take(tap, tick, parcel.completes);
        lane.counted.parcels += 1;
        lane.counted.late += u64::from(is_late);
        lane.waiting.push_back(Given { parcel, is_late });
        self.step();
        Ok(())
    }

    fn check(&self, parcel: &Parcel) -> Result<(), ParcelError> {
        self.binding.check(&parcel.binding)?;
        let (tap, found) = (parcel.tap, parcel.sequence);
        let lane = self.lanes.get(usize::from(tap)).ok_or(ParcelError::Tap(tap))?;
        if found < lane.next {
            return Err(ParcelError::Repeated { tap, found });
        }
        let has_ended = self.closing.has_ended(tap.into()) || self.ending != Ending::No;
        if found > lane.next || parcel.tick < lane.last_tick || has_ended {
            return Err(ParcelError::OutOfOrder { tap, expected: lane.next, found });
        }
        Ok(())
    }

    /// What is to be asked of taps since the last call, in order.
    pub fn asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }

    /// Takes the answer to an ask, and goes on if it was the last that was missing.
    ///
    /// # Errors
    ///
    /// It is of another fleet, or answers nothing that is waited for; each refusal is counted,
    /// and changes nothing else.
    pub fn answer(&mut self, piece: Piece) -> Result<(), ParcelError> {
        let taken = self.take(piece).inspect_err(|error| self.refused.count(*error));
        self.step();
        taken
    }

    fn take(&mut self, piece: Piece) -> Result<(), ParcelError> {
        self.binding.check(&piece.binding)?;
        if usize::from(piece.tap) >= self.lanes.len() {
            return Err(ParcelError::Tap(piece.tap));
        }
        let open = self.open.as_mut().filter(|it| (it.tick, it.round) == piece.id());
        let questions = open.and_then(|open| open.questions.as_mut());
        questions.ok_or(ParcelError::Unasked)?.take(piece)
    }

    /// Lets local taps answer whatever is asked, until nothing is.
    ///
    /// # Errors
    ///
    /// A tap and the merger are not of one fleet.
    pub fn ask_here(&mut self, taps: &mut [Tap]) -> Result<(), ParcelError> {
        loop {
            let asks = self.asks();
            if asks.is_empty() {
                return Ok(());
            }
            for ask in asks {
                let tap = taps.iter_mut().find(|tap| tap.number() == ask.tap());
                let tap = tap.ok_or(ParcelError::Tap(ask.tap()))?;
                if let Some(piece) = tap.answer(&ask)? {
                    self.answer(piece)?;
                }
            }
        }
    }

    /// Whether all that came can be taken up again by another merger.
    pub(super) fn is_between_ticks(&self) -> bool {
        let away = self.sensor.away.as_ref();
        self.open.is_none()
            && self.ending == Ending::No
            && away.is_none_or(ContentAway::is_gathered)
    }

    /// Whether an answer of a tap, or a result of a worker, is missing.
    pub fn is_waiting(&self) -> bool {
        self.open.is_some() || self.waits_for_workers()
    }

    /// Waits no longer for a tap's answer in this round: its samples are missing. To be called
    /// at a place in the order of messages, or else another run may answer otherwise.
    pub fn give_up(&mut self, tap: u16) {
        let open = self.open.as_mut();
        if let Some(questions) = open.and_then(|open| open.questions.as_mut())
            && usize::from(tap) < self.lanes.len()
        {
            questions.give_up(tap);
        }
        self.step();
    }

    /// Closes every tick that is there and ends the trace, as [`Sensor::finish`] does, once
    /// what is asked is answered. No parcel is taken afterwards.
    pub fn finish(&mut self) {
        if self.ending == Ending::No {
            self.ending = Ending::Ticks;
        }
        self.step();
    }

    /// Whether all is done after [`finish`](Self::finish).
    pub fn is_finished(&self) -> bool {
        self.ending == Ending::Done
    }

    /// The settings in use.
    pub fn config(&self) -> &Config {
        self.sensor.config()
    }

    /// The same as a sensor that has seen what the taps saw, once all is
    /// [done](Self::is_finished); for [`stats`](Self::stats) it is too late then.
    pub fn into_sensor(self) -> Sensor {
        self.sensor
    }

    /// As [`Sensor::findings`].
    pub fn findings(&mut self) -> Vec<Finding> {
        self.sensor.findings()
    }

    /// As [`Sensor::incidents`].
    pub fn incidents(&mut self) -> Vec<Incident> {
        self.sensor.incidents()
    }

    /// As [`Sensor::dark_events`].
    pub fn dark_events(&mut self) -> Vec<DarkEvent> {
        self.sensor.dark_events()
    }

    /// As [`Sensor::decoy_reports`].
    pub fn decoy_reports(&mut self) -> Vec<DecoyReport> {
        self.sensor.decoy_reports()
    }

    /// As [`Sensor::waves`].
    pub fn waves(&mut self) -> Vec<Wave> {
        self.sensor.waves()
    }

    /// As [`Sensor::warnings`].
    pub fn warnings(&mut self) -> Vec<String> {
        self.sensor.warnings()
    }

    /// As [`Sensor::stats`], over all taps. The tables of payloads are at the taps, so that
    /// they are not in [`Stats::memory`]. With workers, content shards are as of the last
    /// [`gather`](Self::gather), or as they are at the end.
    pub fn stats(&self) -> Stats {
        let mut fragments = FragmentCounters::default();
        self.lanes.iter().for_each(|lane| fragments += lane.totals.fragments);
        Stats { fragments, ..self.sensor.stats() }
    }

    /// Messages that were refused.
    pub fn refused(&self) -> RefusedParcels {
        self.refused
    }

    /// How it stands with each tap.
    pub fn taps(&self) -> impl Iterator<Item = &FleetTap> {
        self.lanes.iter().map(|lane| &lane.counted)
    }

    /// Goes on as far as it can.
    pub(super) fn step(&mut self) {
        loop {
            match self.open.take() {
                Some(open) => {
                    self.open = self.go_on(open);
                    if self.open.is_some() {
                        return;
                    }
                }
                None if self.waits_for_workers() => return,
                None => match self.next_tick() {
                    Some(tick) => self.open = Some(self.close(tick)),
                    None if matches!(self.ending, Ending::No | Ending::Done) => return,
                    None => self.go_on_ending(),
                },
            }
        }
    }

    /// The tick that closes next.
    fn next_tick(&self) -> Option<u64> {
        if !matches!(self.ending, Ending::No | Ending::Ticks) {
            return None;
        }
        let closed = self.closing.closed();
        let first = |lane: &Lane| {
            let ticks = lane.waiting.iter().filter(|it| !it.is_late);
            ticks.map(|it| it.parcel.tick).find(|tick| *tick != END)
        };
        let tick = self.lanes.iter().filter_map(first).min()?.max(closed);
        let may_close = self.ending == Ending::Ticks || self.closing.may_close(tick);
        may_close.then(|| self.run_from(tick))
    }

    /// The last tick that is sifted together with this one.
    fn run_from(&self, tick: u64) -> u64 {
        if !self.in_runs {
            return tick;
        }
        let passed = self.closing.all_have_passed();
        let parcels = self.lanes.iter().flat_map(|lane| &lane.waiting);
        let parcels = parcels.filter(|it| it.parcel.tick < passed && !it.is_late);
        let records = parcels.map(|it| (it.parcel.tick, it.parcel.records()));
        let mut records: Vec<(u64, usize)> = records.collect();
        records.sort_unstable();
        let mut room = MOST_RECORDS;
        let fitting = records.into_iter().take_while(|(_, records)| {
            let fits = room > 0;
            room = room.saturating_sub(*records);
            fits
        });
        // Of the last one other parcels may not fit, but ticks are not cut.
        fitting.last().map_or(tick, |(last, _)| last.max(tick))
    }

    fn waits_for_workers(&self) -> bool {
        self.sensor.away.as_ref().is_some_and(ContentAway::is_waiting)
    }

    fn go_on_ending(&mut self) {
        self.ending = match self.ending {
            Ending::Ticks => {
                self.open = Some(self.close(END));
                Ending::Rest
            }
            Ending::Rest => {
                let course = self.sensor.begin_pass(Timestamp::MAX);
                self.open = Some(Open {
                    tick: END,
                    // Those of the rest are before them.
                    round: u32::MAX / 2,
                    batch: Batch::empty(),
                    course,
                    is_passed: true,
                    questions: None,
                    awake: vec![true; self.lanes.len()],
                    followed: Change::default(),
                });
                Ending::Pending
            }
            Ending::Pending => {
                if let Some(away) = &mut self.sensor.away {
                    away.give(|_| Task::Return);
                }
                Ending::Collecting
            }
            Ending::Collecting => {
                // From here on its shards are its own.
                self.sensor.away = None;
                let told = self.told();
                self.sensor.sum_up();
                self.mark(told);
                Ending::Done
            }
            other => other,
        };
    }

    /// Takes the parcels of a tick, and begins to sift them.
    fn close(&mut self, tick: u64) -> Open {
        let mut given = Vec::new();
        let mut awake = Vec::new();
        let mut totals = Totals::default();
        for (tap, lane) in self.lanes.iter_mut().enumerate() {
            let missed = (tick != END).then(|| self.closing.missed(tap, tick)).flatten();
            awake.push(missed.is_none());
            if let Some(from) = missed {
                self.blind.add(tap, from, tick);
                lane.counted.blind = self.blind.ticks(tap);
            }
            lane.counted.is_blind = missed.is_some();
            while lane.waiting.front().is_some_and(|it| it.parcel.tick <= tick)
                && let Some(it) = lane.waiting.pop_front()
            {
                lane.counted.covered = it.parcel.sequence + 1;
                lane.totals = it.parcel.contents.totals;
                given.push(it);
            }
            totals.add(&lane.totals);
        }
        self.closing.close(if tick == END { self.closing.closed() } else { tick });
        let mut numbered: Vec<Numbered> =
            self.lanes.iter().map(|lane| lane.numbered).collect();
        let gathering = Gathering {
            numbered: (self.lanes.len() > 1).then_some(&mut numbered[..]),
            last_number: &mut self.last_number,
            believable: self.sensor.clock.believable(),
        };
        let mut batch = gathering.gather(given);
        let lanes = self.lanes.iter_mut().zip(numbered);
        lanes.for_each(|(lane, numbered)| lane.numbered = numbered);
        let sensor = &mut self.sensor;
        sensor.streams = Streams::Away(Away {
            seams: std::mem::take(&mut batch.seams),
            stream: totals.stream,
            samples: totals.samples,
            windows: totals.windows,
            ..Away::default()
        });
        sensor.frames += batch.frames;
        sensor.drops.merge(&batch.drops);
        batch.chunks.iter().for_each(|chunk| sensor.count_chunk(chunk));
        let course = sensor.begin(&mut batch.chunks, &NoFrames);
        Open {
            tick,
            round: 0,
            batch,
            course,
            is_passed: false,
            questions: None,
            awake,
            followed: Change::default(),
        }
    }

    /// Findings and incidents that the host has not taken.
    fn told(&self) -> (usize, usize) {
        (self.sensor.findings.len(), self.sensor.incidents.len())
    }

    /// Says in those after `told` who was blind.
    fn mark(&mut self, told: (usize, usize)) {
        let names: Vec<&str> =
            self.lanes.iter().map(|lane| lane.counted.name.as_str()).collect();
        let withhold = self.lanes.iter().map(|lane| &lane.counted);
        let withhold: Vec<&str> =
            withhold.filter(|tap| tap.withholds).map(|tap| tap.name.as_str()).collect();
        let sensor = &mut self.sensor;
        let findings = &mut sensor.findings[told.0..];
        let incidents = &mut sensor.incidents[told.1..];
        self.blind.mark(&names, findings, incidents, &sensor.clock);
        if withhold.is_empty() {
            return;
        }
        let is_one = names.len() == 1;
        for finding in findings {
            let (Finding::Signature(it) | Finding::Update(it) | Finding::Summary(it)) =
                finding;
            let saw =
                withhold.iter().filter(|name| is_one || it.taps.contains_key(**name));
            it.withheld = saw.map(|name| (*name).to_owned()).collect();
        }
    }

    /// Goes on with a tick: until an answer is missing, or to its end.
    fn go_on(&mut self, mut open: Open) -> Option<Open> {
        loop {
            if let Some(questions) = open.questions.take() {
                if !questions.is_answered() {
                    open.questions = Some(questions);
                    return Some(open);
                }
                let (more, next) = questions.go_on();
                open.questions = more;
                match next {
                    Next::Round => self.ask(&mut open),
                    Next::Emit(due, evidence) => {
                        let told = self.told();
                        self.sensor.emit(due, evidence);
                        self.mark(told);
                    }
                }
                continue;
            }
            // The batch is over when the tick is passed.
            let chunks = if open.is_passed { &[][..] } else { &open.batch.chunks[..] };
            let course = &mut open.course;
            match self.sensor.next_step(course, chunks, &NoFrames) {
                Step::Due(due) => {
                    open.questions = Some(Questions::new(due, open.awake.clone()));
                    self.ask(&mut open);
                    continue;
                }
                Step::Waiting => return Some(open),
                Step::Done => {}
            }
            let now = self.sensor.clock.now();
            if open.is_passed || tick_of(now) != open.tick {
                open.followed = self.follow();
                self.ask(&mut open);
                return None;
            }
            // Every tap has come to the end of the tick: its alarms need not wait for a packet
            // of the next one.
            open.is_passed = true;
            open.course = self.sensor.begin_pass(Epoch::of(now, TICK).end(TICK));
        }
    }

    /// Asks each tap what there is to be asked.
    fn ask(&mut self, open: &mut Open) {
        open.round += 1;
        let until =
            open.questions.as_ref().map(Questions::tick).filter(|_| !open.is_passed);
        // The parcels of each tap before these are over at that tick.
        let settles: Vec<u64> = (0..)
            .zip(&self.lanes)
            .map(|(tap, lane)| {
                let waits = until.and_then(|until| open.batch.first_of(tap, until));
                waits.unwrap_or(lane.counted.covered)
            })
            .collect();
        let mut requests = self.requests(open, until, &settles);
        for (tap, lane) in (0..).zip(&mut self.lanes) {
            let questions = open.questions.as_ref();
            let asked = questions.and_then(|questions| questions.of_tap(tap));
            let requests = std::mem::take(&mut requests[usize::from(tap)]);
            let followed = match lane.is_gated {
                true => open.followed.clone(),
                false => Change::default(),
            };
            let settles = settles[usize::from(tap)];
            let is_nothing =
                asked.is_none() && requests.is_empty() && followed.is_empty();
            if is_nothing && lane.settled == settles {
                continue;
            }
            lane.settled = settles;
            let (wanted, ordinary) = asked.unwrap_or((Vec::new(), Ordinary::Nothing));
            self.asks.push(Ask {
                binding: self.binding,
                tap,
                tick: open.tick,
                round: open.round,
                settles,
                requests,
                wanted,
                ordinary,
                followed,
            });
        }
    }

    /// What is followed since the last call, for taps that have gates.
    fn follow(&mut self) -> Change {
        if !self.lanes.iter().any(|lane| lane.is_gated) {
            return Change::default();
        }
        let mut followed: Vec<u64> = match &self.sensor.away {
            Some(away) => away.followed().collect(),
            None => {
                let tables =
                    self.sensor.content.iter().map(|content| &content.candidates);
                tables.flat_map(|it| it.by_key().map(|candidate| candidate.key)).collect()
            }
        };
        followed.sort_unstable();
        let change = Change::between(&self.followed, &followed);
        self.followed = followed;
        change
    }

    /// What content shards have asked of samples during packets before `until`, by tap; what
    /// concerns parcels that are not over waits.
    fn requests(
        &mut self,
        open: &Open,
        until: Option<Timestamp>,
        settles: &[u64],
    ) -> Vec<Vec<Request>> {
        let mut by_tap = vec![Vec::new(); self.lanes.len()];
        let Streams::Away(away) = &mut self.sensor.streams else { return by_tap };
        let mut requests = std::mem::take(&mut away.requests);
        requests.sort_by_key(|(shard, placed)| (placed.at, *shard));
        let time = |at: RecordAt| at.record(&open.batch.chunks).time;
        if let Some(until) = until {
            let is_over = |(_, placed): &(u8, PlacedRequest)| {
                let record = placed.at.record;
                time(placed.at) < until
                    && match placed.request {
                        SampleRequest::Take { .. } => {
                            let (tap, (sequence, _)) = open.batch.origin(record);
                            sequence < settles[usize::from(tap)]
                        }
                        SampleRequest::Release { .. } => {
                            (0..).zip(settles).all(|(tap, it)| {
                                open.batch
                                    .last_of(tap, record)
                                    .is_none_or(|at| at.0 < *it)
                            })
                        }
                    }
            };
            let (due, waiting) = requests.into_iter().partition(is_over);
            (requests, away.requests) = (due, waiting);
        }
        for (_, placed) in requests {
            let record = placed.at.record;
            let time = time(placed.at);
            let (key, sample) = (placed.key, placed.request);
            let request = |at| Request { at, key, time, sample };
            match sample {
                SampleRequest::Take { .. } => {
                    let (tap, at) = open.batch.origin(record);
                    by_tap[usize::from(tap)].push(request(Some(at)));
                }
                // Whichever tap has the sample lets go of it.
                SampleRequest::Release { .. } => {
                    for (tap, requests) in (0..).zip(&mut by_tap) {
                        requests.push(request(open.batch.last_of(tap, record)));
                    }
                }
            }
        }
        by_tap
    }
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.stream += other.stream;
        self.samples += other.samples;
        self.fragments += other.fragments;
        self.windows += other.windows;
    }
}

/// Whole ticks of a span.
fn ticks(span: Span) -> u64 {
    span.0 / TICK.0
}
