//! How a merger goes on: ticks that close, their alarms, and the end.
//!
//! A tick that may close becomes a batch, which goes through its stages until an answer of a tap
//! or a result of a worker is missing; nothing else is done meanwhile.

use super::gate::Change;
use super::gather::{Batch, Gathering, Numbered};
use super::merger::{Lane, Merger};
use super::parcel::{END, Totals};
use super::questions::{Next, Questions};
use super::shards::Task;
use super::tap::tick_of;
use crate::pipeline::batch::NoFrames;
use crate::pipeline::clock::TICK;
use crate::pipeline::content_away::ContentAway;
use crate::pipeline::course::{Course, Step};
use crate::pipeline::streams::{Away, Streams};
use crate::signature::Finding;
use crate::time::{Epoch, Timestamp};

/// Packets after which a run of ticks ends.
const MOST_RECORDS: usize = 1 << 14;

/// How far the end of the trace is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
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

/// A tick that is being closed.
pub(super) struct Open {
    pub(super) tick: u64,
    pub(super) round: u32,
    pub(super) batch: Batch,
    course: Course,
    /// Whether the tick itself is passed.
    pub(super) is_passed: bool,
    pub(super) questions: Option<Questions>,
    /// By tap.
    awake: Vec<bool>,
    pub(super) followed: Change,
}

impl Merger {
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

    pub(super) fn waits_for_workers(&self) -> bool {
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
}
