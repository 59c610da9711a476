//! The half of a sensor that knows all taps.
//!
//! Parcels wait until their tick closes. Then those of all taps are one batch, which goes
//! through the stages of a [`Sensor`] but for those that need payloads; for these a tap is
//! asked. While an answer is missing nothing else is done.

use super::ask::{Ask, Piece};
use super::blind::Blind;
use super::closing::Closing;
use super::gather::{Given, Numbered};
use super::parcel::{Parcel, Totals};
use super::rounds::{Ending, Open};
use super::shards::{ShardResult, ShardTask, Task};
use super::tap::Tap;
use super::wire::Binding;
use super::{ParcelError, RefusedParcels, binding};
use crate::config::Config;
use crate::dark::DarkEvent;
use crate::decode::FragmentCounters;
use crate::error::Error;
use crate::pipeline::clock::TICK;
use crate::pipeline::content_away::ContentAway;
use crate::pipeline::streams::{Away, Streams};
use crate::pipeline::{Baseline, Sensor, Stats};
use crate::signature::{DecoyReport, Finding, Incident, Wave};
use crate::time::Span;
use std::collections::VecDeque;
use std::io;

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
    pub(super) binding: Binding,
    pub(super) closing: Closing,
    pub(super) lanes: Vec<Lane>,
    pub(super) blind: Blind,
    pub(super) last_number: u64,
    /// The contents that are followed, as taps with gates were told, in order.
    pub(super) followed: Vec<u64>,
    pub(super) open: Option<Open>,
    pub(super) asks: Vec<Ask>,
    pub(super) refused: RefusedParcels,
    pub(super) ending: Ending,
    pub(super) is_restored: bool,
    /// Whether ticks may be sifted together.
    pub(super) in_runs: bool,
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
}

/// Whole ticks of a span.
fn ticks(span: Span) -> u64 {
    span.0 / TICK.0
}
