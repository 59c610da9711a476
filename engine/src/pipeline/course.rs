//! One batch through the ordered stages.
//!
//! The order stands here and nowhere else. A [`Course`] stops at each tick that has alarms
//! until their evidence is there: in a sensor it is at hand.

use super::Sensor;
use super::affinity::for_each_with_affinity;
use super::alarm_queue::TickedAlarm;
use super::batch::{self, Chunk, Frames, NoFrames};
use super::content_away::ContentAway;
use super::content_shard::ContentShard;
use super::fleet::shards::Task;
use super::moments::{Moment, TapView};
use super::streams::{Evidence, wanted};
use super::warnings::MANY_FRAMES;
use crate::signature::AlarmedCandidate;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// How far a batch has come.
pub(super) struct Course {
    view: TapView,
    /// The alarms of ticks that were passed, to be emitted.
    due: VecDeque<Due>,
    /// Up to when every content shard has come.
    reached: Timestamp,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Content shards come to where they stop, or to the end.
    Sifting,
    /// The alarms up to there are being emitted.
    Emitting,
    Done,
}

/// How a batch goes on.
pub(super) enum Step {
    /// These alarms are to be emitted before the next step.
    Due(Due),
    /// Results of workers are missing.
    Waiting,
    /// It is over.
    Done,
}

/// The alarms of one tick, with the evidence of them but for bytes.
pub(super) struct Due {
    pub(super) tick: Timestamp,
    pub(super) alarms: Vec<AlarmedCandidate>,
}

impl Course {
    fn new(view: TapView) -> Self {
        let (due, stage) = (VecDeque::new(), Stage::Sifting);
        Self { view, due, reached: Timestamp::MAX, stage }
    }
}

impl Sensor {
    /// The ordered stages, over consecutive chunks.
    pub(super) fn run(&mut self, chunks: &mut [Chunk], frames: &dyn Frames) {
        let course = self.begin(chunks, frames);
        self.go_on(course, chunks, frames);
    }

    /// Emits what is due up to `now`, without a packet.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let course = self.begin_pass(now);
        self.go_on(course, &[], &NoFrames);
    }

    fn go_on(&mut self, mut course: Course, chunks: &[Chunk], frames: &dyn Frames) {
        while let Step::Due(due) = self.next_step(&mut course, chunks, frames) {
            let begin = self.timer.start();
            let evidence = self.streams.evidence(&wanted(&due.alarms), &self.sifter);
            self.emit(due, evidence);
            self.timer.add(begin, &mut self.times.signatures);
        }
    }

    /// The stages up to the content shards.
    pub(super) fn begin(&mut self, chunks: &mut [Chunk], frames: &dyn Frames) -> Course {
        self.stamp(chunks);
        self.begin_learning(chunks);
        if let Some(dark) = &mut self.dark {
            dark.pass(self.clock.now());
        }
        let view = self.follow(chunks, frames);
        self.sift_batch(chunks, view)
    }

    /// The stages between packet time and content shards.
    fn follow(&mut self, chunks: &[Chunk], frames: &dyn Frames) -> TapView {
        let (sifter, timer) = (&*self.sifter, self.timer);
        for_each_with_affinity(&mut self.flow, |shard, flow| {
            let begin = timer.start();
            flow.follow(shard, chunks, sifter);
            timer.add(begin, &mut flow.nanos);
        });
        self.streams.join(chunks, frames, sifter, timer);
        self.distribute_seams();
        let moments = self.flow.iter_mut().flat_map(|flow| flow.moments.drain(..));
        let mut moments: Vec<Moment> = moments.collect();
        moments.sort_unstable_by_key(|moment| moment.at);
        self.starts.take(&moments, chunks);
        self.ticked_view.take(&moments, chunks);
        let started = self.decoys.take(&moments, chunks, frames);
        self.report_decoys(started);
        self.running_view.take(&moments, chunks, &self.config.home_net)
    }

    /// The same without a packet.
    pub(super) fn begin_pass(&mut self, now: Timestamp) -> Course {
        match &mut self.away {
            Some(away) => away.give(|_| Task::Pass { now }),
            None => self.content.iter_mut().for_each(|content| content.pass_tick(now)),
        }
        Course::new(TapView::default())
    }

    /// Goes on to the next tick that has alarms.
    pub(super) fn next_step(
        &mut self,
        course: &mut Course,
        chunks: &[Chunk],
        frames: &dyn Frames,
    ) -> Step {
        loop {
            match course.stage {
                Stage::Sifting => {
                    if self.away.as_ref().is_some_and(ContentAway::is_waiting) {
                        return Step::Waiting;
                    }
                    let stopped = self.content.iter().filter_map(|it| it.stopped).min();
                    let now = stopped.map(|stop| stop.record(chunks).time);
                    course.reached = now.unwrap_or(Timestamp::MAX);
                    self.take_due(course);
                    course.stage = Stage::Emitting;
                }
                Stage::Emitting => {
                    if let Some(due) = course.due.pop_front() {
                        self.collect_until(chunks, frames, due.tick);
                        // What is over at this tick comes after its alarms.
                        self.end_hours(Timestamp::from_nanos(due.tick.as_nanos() - 1));
                        return Step::Due(due);
                    }
                    self.end_hours(course.reached.min(self.clock.now()));
                    if self.content.iter().any(|content| content.stopped.is_some()) {
                        self.sift_on(course, chunks);
                        course.stage = Stage::Sifting;
                    } else {
                        self.end_batch(chunks, frames);
                        course.stage = Stage::Done;
                    }
                }
                Stage::Done => return Step::Done,
            }
        }
    }

    /// The stages without shards, in packet order.
    fn stamp(&mut self, chunks: &mut [Chunk]) {
        for chunk in &mut *chunks {
            chunk.facts.reset(chunk.records.len());
            chunk.ports.clear();
            chunk
                .ports
                .extend(chunk.records.iter().map(|record| record.destination_port));
            // Datagrams that were put together come last.
            chunk.arrivals.sort_by_key(|arrival| arrival.record);
            let mut arrivals = chunk.arrivals.iter().peekable();
            for (index, record) in (0..).zip(&mut chunk.records) {
                if record.vacant {
                    record.time = self.clock.now();
                    continue;
                }
                record.time = match record.untimed {
                    true => self.clock.now(),
                    false => self.clock.stamp(record.time),
                };
                if let Some(taps) = &mut self.taps {
                    taps.look_at(record);
                    chunk.has_copies |= record.is_copy;
                }
                let hosts = (record.source, record.destination);
                if let Some(dark) = &mut self.dark {
                    dark.come_to(hosts.0, record.time);
                    // One a record at most.
                    if let Some(arrival) = arrivals.next_if(|it| it.record == index) {
                        let is_dark = dark.is_dark(arrival, record.time);
                        record.to_dark = is_dark;
                        if is_dark && !record.is_copy {
                            record.unsifted = arrival.is_unsifted();
                            chunk.has_unsifted |= record.unsifted;
                            dark.arrive(arrival, record.time);
                        }
                    }
                }
                (record.source, record.destination) =
                    self.host_names.of(hosts.0, hosts.1);
                record.is_decoys = !record.is_copy && self.decoys.concerns(record);
            }
        }
    }

    /// Gives each sighting at a seam to its content shard.
    fn distribute_seams(&mut self) {
        let content = &mut self.content;
        self.streams.take_seams(|seam| {
            content[batch::content_shard(seam.key)].seams.push(seam);
        });
    }

    /// The content shards, from the beginning of a batch.
    fn sift_batch(&mut self, chunks: &mut [Chunk], view: TapView) -> Course {
        let now = self.clock.now();
        if let Some(away) = &mut self.away {
            away.sift(chunks, &mut self.content, view, now);
            return Course::new(TapView::default());
        }
        let packets = &self.packet_log.batch(chunks, &view);
        for_each_with_affinity(&mut self.content, |shard, content| {
            content.sift(shard, chunks, packets, now);
        });
        Course::new(view)
    }

    /// The content shards that have stopped, from there.
    fn sift_on(&mut self, course: &Course, chunks: &[Chunk]) {
        if let Some(away) = &mut self.away {
            return away.give(|_| Task::GoOn { emitted: course.reached });
        }
        let (packets, now) =
            (&self.packet_log.batch(chunks, &course.view), self.clock.now());
        for_each_with_affinity(&mut self.content, |shard, content| {
            if content.stopped.is_some() {
                content.sift(shard, chunks, packets, now);
            }
        });
    }

    /// Takes what content shards ask of the samples, and the alarms up to where every shard
    /// has come.
    fn take_due(&mut self, course: &mut Course) {
        for (shard, content) in (0..).zip(&mut self.content) {
            for placed in content.requests.drain(..) {
                self.streams.ask(shard, placed);
            }
        }
        self.streams.begin_collecting();
        let now = course.reached;
        let mut alarms: Vec<TickedAlarm> = self
            .content
            .iter_mut()
            .flat_map(|content| content.alarms.ticked.extract_if(.., |a| a.tick <= now))
            .collect();
        alarms.sort_by_key(|ticked| ticked.tick);
        for TickedAlarm { tick, alarm } in alarms {
            match course.due.back_mut() {
                Some(due) if due.tick == tick => due.alarms.push(alarm),
                _ => course.due.push_back(Due { tick, alarms: vec![alarm] }),
            }
        }
    }

    /// Tells the ledger of contents' hours that were over at the ticks up to `until`, to which
    /// every content shard has come.
    pub(super) fn end_hours(&mut self, until: Timestamp) {
        let next = |content: &ContentShard| content.hours.next();
        while let Some(tick) = self.content.iter().filter_map(next).min()
            && tick <= until
        {
            let over = self.content.iter_mut().flat_map(|it| it.hours.take(tick));
            self.ledger.end_hours(over);
            let waves = self.ledger.take_waves();
            self.report_waves(waves);
        }
    }

    /// Feeds samples with the rest of the batch.
    fn end_batch(&mut self, chunks: &[Chunk], frames: &dyn Frames) {
        self.collect_until(chunks, frames, Timestamp::MAX);
        self.streams.end_collecting();
        self.starts.enter_all();
        let loads = self.loads();
        self.warn_of_overload(&loads);
        self.warn_of_flood(&loads, false);
        // Late enough for shares to mean something, and early in a long run.
        if self.coverage.frames() >= MANY_FRAMES {
            self.warn_of_blindness();
        }
        self.packet_log.enter(chunks);
    }

    /// The second pass over the flows, up to a tick.
    fn collect_until(&mut self, chunks: &[Chunk], frames: &dyn Frames, until: Timestamp) {
        self.streams.collect(chunks, frames, &self.sifter, self.timer, until);
        self.ticked_view.count_until(until);
    }

    /// Turns the alarms of one tick into findings.
    pub(super) fn emit(&mut self, due: Due, evidence: Evidence) {
        let Due { tick, mut alarms } = due;
        self.starts.enter_until(tick);
        for alarm in &mut alarms {
            let seen_at = alarm.candidate.ports;
            let service = (alarm.protocol, alarm.port);
            self.starts.judge(&mut alarm.relays, service, seen_at, tick);
        }
        let ordinary = evidence.give_to(&mut alarms);
        self.ledger.show_view(self.view());
        self.ledger.show_ordinary(ordinary);
        let news = self.ledger.tick(tick, alarms);
        self.report(news);
    }
}
