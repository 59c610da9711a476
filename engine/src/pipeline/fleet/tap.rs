//! The half of a sensor that sees packets.
//!
//! Frames are decoded and fingerprinted, fragments put together, windows across segments
//! found; what was seen goes into parcels, payloads stay. A part of a tick is a parcel of its
//! own when much comes, so that parcels stay small.

use super::ask::{Ask, Ordinary, Piece};
use super::gate::{Gate, Gatekeeper};
use super::held::Held;
use super::parcel::{Contents, END, Parcel, Totals};
use super::wire::Binding;
use super::{ParcelError, binding};
use crate::config::Config;
use crate::counters::counters;
use crate::decode::{Decoder, Defragmenter, DropCounters};
use crate::error::Error;
use crate::packet::{Frame, Packet};
use crate::pipeline::batch::{Chunk, NoFrames, PayloadAt, Record};
use crate::pipeline::build::{PayloadSide, TapParts};
use crate::pipeline::clock::{Clock, TICK};
use crate::pipeline::decoys::DecoyRules;
use crate::pipeline::reassembly::Reassembly;
use crate::pipeline::several_taps::SeveralTaps;
use crate::pipeline::stage_times::StageTimer;
use crate::pipeline::streams::Streams;
use crate::pipeline::worker::{Sifter, Worker};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// Packets after which it is looked how much is buffered.
const LOOK: usize = 256;
/// Bytes of buffered packets that make a parcel.
const PART_BYTES: usize = 1 << 20;

counters! {
    /// What a [`Tap`] did besides counting packets.
    pub struct TapCounters {
        /// Parcels that it made.
        pub parcels: u64,
        /// Parcels whose payloads it had to let go of before their tick was closed.
        pub let_go: u64,
        /// Samples that were asked for when their payload was gone.
        pub asked_too_late: u64,
    }
    when_read {
        /// Bytes of payloads that it holds.
        pub held_bytes: u64,
    }
}

/// One tap of a fleet: see the [module](super).
pub struct Tap {
    pub(super) config: Config,
    binding: Binding,
    pub(super) number: u16,
    sifter: Arc<Sifter>,
    decoder: Decoder,
    pub(super) defragmenter: Defragmenter,
    no_taps: Option<SeveralTaps>,
    pub(super) worker: Worker,
    pub(super) clock: Clock,
    decoys: DecoyRules,
    pub(super) streams: Streams,
    held: Held,
    pub(super) gate: Option<Gatekeeper>,
    /// Whether no payload goes away.
    withholds: bool,
    pub(super) state: State,
    parcels: Vec<Parcel>,
    pub(super) counters: TapCounters,
}

/// How far a tap has come.
#[derive(Debug, Default)]
pub(super) struct State {
    sequence: u64,
    /// The tick that is open.
    pub(super) tick: Option<u64>,
    /// One more than the last tick that is complete.
    completed: u64,
    /// Frames that left no record, which are in no parcel yet.
    pub(super) unrecorded: Vec<(u64, Timestamp)>,
}

persist!(State { sequence, tick, completed, unrecorded });

impl Tap {
    /// Bytes of payloads that a tap holds at most, for ticks that are not closed.
    pub const HELD: usize = 256 << 20;

    /// The tap of this number, its place among `config.taps`; without names there is one tap,
    /// of number 0. All ends of a fleet have the same name of it, settings (but for memory) and
    /// key.
    ///
    /// # Errors
    ///
    /// A setting that is out of range, or a number that no tap has.
    pub fn new(config: Config, fleet: &str, number: u16) -> Result<Self, Error> {
        Self::with_gate(config, fleet, number, Gate::All)
    }

    /// The same with a gate. Taps of one fleet may have different ones.
    ///
    /// # Errors
    ///
    /// A setting that is out of range, or a number that no tap has.
    pub fn with_gate(
        config: Config,
        fleet: &str,
        number: u16,
        gate: Gate,
    ) -> Result<Self, Error> {
        let parts = TapParts::new(&config)?;
        let gate = (gate == Gate::Promoted).then(|| Gatekeeper::new(&config, &parts));
        let PayloadSide { sifter, decoder, defragmenter, streams } = parts.payload_side;
        let taps = config.taps.len().max(1);
        if usize::from(number) >= taps {
            let reason = format!("expected a number below {taps}, found {number}");
            return Err(Error::config("taps", reason));
        }
        let timer = StageTimer::default();
        Ok(Self {
            binding: binding(&config, fleet),
            number,
            worker: Worker::new(Arc::clone(&sifter), decoder.clone(), timer),
            sifter,
            decoder,
            defragmenter,
            no_taps: None,
            clock: Clock::new(config.dispersion_window),
            decoys: DecoyRules::new(&config),
            streams,
            held: Held::new(Self::HELD),
            gate,
            withholds: false,
            state: State::default(),
            config,
            parcels: Vec::new(),
            counters: TapCounters::default(),
        })
    }

    /// The same, of which no payload goes away: it answers without samples, and shows no beginnings
    /// of payloads to and from decoys. Findings have bytes of other taps alone, and say so
    /// ([`Signature::withheld`](crate::signature::Signature::withheld)); a content that no other tap
    /// shows is no signature.
    #[must_use]
    pub fn withholding_payloads(mut self) -> Self {
        self.withholds = true;
        self
    }

    /// The same, as one that goes on after it was not running: its first parcel has this
    /// sequence, and its ticks come after this one. It knows nothing of what it saw before.
    #[must_use]
    pub fn going_on(mut self, sequence: u64, after: u64) -> Self {
        let tick = after.saturating_add(1);
        self.state =
            State { sequence, tick: Some(tick), completed: tick, ..State::default() };
        self
    }

    /// Takes note of an ask that was answered before the tap was not running: what is followed.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    pub fn recall(&mut self, ask: &Ask) -> Result<(), ParcelError> {
        self.binding.check(&ask.binding)?;
        if let Some(gate) = &mut self.gate {
            gate.change(ask.tick, &ask.followed);
        }
        Ok(())
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Takes a frame as it was captured. Numbers ascend; which tap the frame names is not
    /// looked at.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.make_ready(frame.time);
        let before = self.worker.buffered();
        self.worker.frame(&Frame { tap: self.number, ..*frame });
        self.note((frame.number, frame.time), before);
    }

    /// Takes a packet that the host has decoded. Numbers ascend; which tap the packet names is
    /// not looked at.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        self.make_ready(packet.time);
        let before = self.worker.buffered();
        self.worker.observe(&Packet { tap: self.number, ..*packet });
        self.note((packet.number, packet.time), before);
    }

    /// Moves the tap's time to `now`, which the host vouches for: what was seen goes into
    /// parcels, and the ticks before `now` are complete although no packet came.
    pub fn advance(&mut self, now: Timestamp) {
        if self.state.tick.is_none() && self.worker.buffered() == 0 {
            // Frames that left no record are of this time.
            self.state.tick = Some(tick_of(now));
        }
        self.flush();
        self.clock.advance(now);
        let tick = tick_of(self.clock.now());
        if tick > self.state.completed && self.state.tick.is_none_or(|open| open < tick) {
            self.state.completed = tick;
            self.state.tick = Some(tick);
            let unrecorded = self.unrecorded_before(None, tick - 1);
            let contents = Contents { unrecorded, ..Contents::empty() };
            self.emit(contents, Chunk::new(), tick - 1, true);
        }
    }

    /// Ends the capture: what is left goes into parcels, and that the tap has ended. It takes
    /// no packets afterwards.
    pub fn finish(&mut self) {
        self.flush();
        let mut chunk = Chunk::new();
        let mut drops = DropCounters::default();
        self.reassembly(&mut drops).finish(&mut chunk);
        let stamps = vec![self.clock.now(); chunk.records.len()];
        let unrecorded = std::mem::take(&mut self.state.unrecorded);
        let contents = Contents { drops, stamps, unrecorded, ..Contents::empty() };
        self.emit(contents, chunk, END, true);
    }

    /// The parcels since the last call, in order.
    pub fn parcels(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.parcels)
    }

    /// Does what the merger asks for; `None` where it waits for no answer. Asks must come in
    /// the order in which the merger gave them.
    ///
    /// # Errors
    ///
    /// The ask is of another fleet, or for another tap.
    pub fn answer(&mut self, ask: &Ask) -> Result<Option<Piece>, ParcelError> {
        self.binding.check(&ask.binding)?;
        if ask.tap != self.number {
            return Err(ParcelError::Tap(ask.tap));
        }
        let (streams, sifter) = (&mut self.streams, &*self.sifter);
        let late = self.held.settle(ask.settles, &ask.requests, streams, sifter);
        self.counters.asked_too_late += late;
        if let Some(gate) = &mut self.gate {
            gate.change(ask.tick, &ask.followed);
        }
        if !ask.needs_piece() {
            return Ok(None);
        }
        let mut piece = Piece {
            binding: self.binding,
            tap: self.number,
            tick: ask.tick,
            round: ask.round,
            found: match self.withholds {
                true => vec![None; ask.wanted.len()],
                false => streams.find(&ask.wanted, sifter),
            },
            ranks: Vec::new(),
            ordinary: Vec::new(),
        };
        match &ask.ordinary {
            Ordinary::Ranks if self.withholds => {}
            Ordinary::Samples(chosen) if self.withholds => {
                piece.ordinary = vec![None; chosen.len()];
            }
            Ordinary::Nothing => {}
            Ordinary::Ranks => {
                let ranks = streams.ordinary().map(|(shard, rank, _)| (shard, rank));
                piece.ranks = ranks.collect();
            }
            Ordinary::Samples(chosen) => {
                let all: HashMap<(u8, u64), Arc<[u8]>> = streams
                    .ordinary()
                    .map(|(shard, rank, bytes)| ((shard, rank.id), bytes.into()))
                    .collect();
                piece.ordinary = chosen.iter().map(|it| all.get(it).cloned()).collect();
            }
        }
        Ok(Some(piece))
    }

    /// What it did.
    pub fn counters(&self) -> TapCounters {
        TapCounters { held_bytes: self.held.bytes() as u64, ..self.counters }
    }

    fn reassembly<'a>(&'a mut self, drops: &'a mut DropCounters) -> Reassembly<'a> {
        Reassembly {
            decoder: &self.decoder,
            defragmenter: &mut self.defragmenter,
            // Copies are known where all taps are.
            taps: &mut self.no_taps,
            sifter: &self.sifter,
            drops,
        }
    }

    /// Makes room for a packet of this time: what is buffered goes into parcels where the
    /// packet begins another tick, or where there is much of it.
    fn make_ready(&mut self, time: Timestamp) {
        let buffered = self.worker.buffered();
        let is_next = self.state.tick.is_none_or(|open| tick_of(time) > open);
        let is_much =
            buffered % LOOK == LOOK - 1 && self.worker.buffered_bytes() >= PART_BYTES;
        if buffered > 0 && is_next || is_much {
            self.flush();
        }
        self.pass_unrecorded(time);
    }

    /// Notes a frame that left no record.
    fn note(&mut self, frame: (u64, Timestamp), before: usize) {
        if self.worker.buffered() == before {
            self.state.unrecorded.push(frame);
        }
    }

    /// Puts what is buffered into parcels.
    pub(super) fn flush(&mut self) {
        let mut chunk = self.worker.take_chunk(Chunk::new());
        let mut drops = std::mem::take(&mut self.worker.drops);
        let mut frames = std::mem::take(&mut self.worker.frames);
        if frames == 0 {
            return;
        }
        let kept = std::mem::take(&mut chunk.kept);
        self.reassembly(&mut drops).take(&mut chunk, &kept[..]);
        let mut stamps = Vec::with_capacity(chunk.records.len());
        for record in &chunk.records {
            stamps.push(match record.vacant || record.untimed {
                true => self.clock.now(),
                false => self.clock.stamp(record.time),
            });
        }
        loop {
            let first = stamps.first().map(|first| tick_of(*first));
            let tick = self.state.tick.max(first).unwrap_or(0);
            self.state.tick = first.is_some().then_some(tick).or(self.state.tick);
            let cut = stamps.partition_point(|stamp| tick_of(*stamp) <= tick);
            let rest = stamps.split_off(cut);
            let next = chunk.records.get(cut).map(|record| record.number);
            let front = match rest.is_empty() {
                true => std::mem::replace(&mut chunk, Chunk::new()),
                false => chunk.split_front(cut),
            };
            let contents = Contents {
                frames: std::mem::take(&mut frames),
                unrecorded: self.unrecorded_before(next, tick),
                stamps,
                drops: std::mem::take(&mut drops),
                ..Contents::empty()
            };
            self.emit(contents, front, tick, false);
            if rest.is_empty() {
                break;
            }
            stamps = rest;
        }
    }

    /// Makes a parcel of a chunk, whose payloads stay here.
    pub(super) fn emit(
        &mut self,
        contents: Contents,
        mut chunk: Chunk,
        tick: u64,
        completes: bool,
    ) {
        let mut contents = Contents { chunk: self.away(&mut chunk), ..contents };
        for (record, stamp) in chunk.records.iter_mut().zip(&contents.stamps) {
            record.time = *stamp;
        }
        chunk.flows.clone_from(&contents.chunk.flows);
        let (chunks, timer) = (std::slice::from_ref(&chunk), StageTimer::default());
        self.streams.join(chunks, &NoFrames, &self.sifter, timer);
        self.streams.take_seams(|seam| contents.seams.push(seam));
        if let Some(gate) = &mut self.gate {
            gate.pass(tick, &mut contents, &mut chunk, &self.decoys);
        }
        contents.totals = Totals {
            stream: self.streams.stream_counters(),
            samples: self.streams.sample_counters(),
            fragments: self.defragmenter.counters(),
            windows: self.streams.windows(),
        };
        self.parcels.push(Parcel {
            binding: self.binding,
            tap: self.number,
            sequence: self.state.sequence,
            tick,
            completes,
            is_gated: self.gate.is_some(),
            withholds: self.withholds,
            contents,
        });
        self.held.put(self.state.sequence, chunk, &mut self.streams);
        self.counters.let_go += self.held.make_room(&mut self.streams, &self.sifter);
        self.state.sequence += 1;
        self.counters.parcels += 1;
    }

    /// What of a chunk goes away: all but payloads, of which those to and from decoys show
    /// their beginnings.
    fn away(&self, chunk: &mut Chunk) -> Chunk {
        let mut own = Vec::new();
        let beginning = |record: &Record| {
            let is_decoys = !self.withholds
                && !self.decoys.is_empty()
                && record.direction != 0
                && (self.decoys.holds(record.source)
                    || self.decoys.holds(record.destination));
            let payload: &[u8] =
                if is_decoys { chunk.payload(record, &NoFrames) } else { &[] };
            let payload = &payload[..payload.len().min(PayloadAt::BEGINNING)];
            let start = own.len() as u64;
            own.extend_from_slice(payload);
            let origin = match payload {
                [] => PayloadAt::AWAY,
                _ => PayloadAt::AWAY_BEGINNING,
            };
            let payload = PayloadAt { origin, start, len: record.payload.len };
            Record { payload, ..*record }
        };
        let records = chunk.records.iter().map(beginning).collect();
        Chunk {
            records,
            own,
            sightings: std::mem::replace(&mut chunk.sightings, Chunk::new().sightings),
            flows: std::mem::take(&mut chunk.flows),
            arrivals: std::mem::take(&mut chunk.arrivals),
            stops: std::mem::take(&mut chunk.stops),
            by_tap: std::mem::take(&mut chunk.by_tap),
            packets: std::mem::take(&mut chunk.packets),
            windows: std::mem::take(&mut chunk.windows),
            coverage: std::mem::take(&mut chunk.coverage),
            ..Chunk::new()
        }
    }
}

/// The tick of a time.
pub(super) fn tick_of(time: Timestamp) -> u64 {
    Epoch::of(time, TICK).number()
}
