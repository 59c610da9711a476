//! The pipeline: the only module that knows the order of the stages.
//!
//! ```text
//! frames -> decode -> fingerprint        any thread, no order      worker, frames
//!        -> fragments, packet time       serial, packet order      reassembly, clock
//!        -> conversations                64 flow shards            flow_shard
//!        -> seams of TCP segments        64 flow shards            stream_shard
//!        -> prevalence -> dispersion,
//!           propagation -> candidates    64 content shards         content_shard
//!        -> samples                      64 flow shards            stream_shard
//!        -> signatures                   at ticks of packet time   (signature::Ledger)
//! ```
//!
//! Each stage is a function of its input in packet order, and shard counts are
//! fixed; so neither threads, nor batches, nor the cut into files change an answer.

mod affinity;
mod alarm_queue;
mod baseline;
mod batch;
mod build;
mod clock;
mod content_away;
mod content_shard;
mod course;
mod coverage;
mod dark_addresses;
mod decoys;
pub mod fleet;
mod flood;
mod flow_facts;
mod flow_shard;
mod frames;
mod gauges;
mod host_names;
mod moments;
mod nearest;
mod order;
mod own_time;
mod packet_log;
mod prepare;
mod rearrange;
mod reassembly;
mod record_at;
mod report;
mod saved;
mod seeds;
mod several_taps;
mod sizing;
mod stage_times;
mod starts;
mod stats;
mod stream_shard;
mod streams;
mod warnings;
mod worker;

pub use baseline::Baseline;
pub use content_shard::Decision;
pub use coverage::{Coverage, UnreadCounters};
pub use frames::FrameList;
pub use nearest::NearestContent;
pub use order::TimeOrder;
pub use prepare::{Prepared, Preparer};
pub use stage_times::{StageClock, StageTimes};
pub use stats::{
    ContentCounters, Fill, Memory, PacketCounters, Stats, TapStats, WindowCounters,
};
#[doc(hidden)]
pub use warnings::grouped;
pub use worker::Worker;

use crate::config::Config;
use crate::dark::Dark;
use crate::decode::{Decoder, Defragmenter, DropCounters};
use crate::signature::{DecoyReport, Finding, Incident, Ledger, Signature, Wave};
use crate::time::Timestamp;
use batch::{Chunk, NoFrames};
use clock::Clock;
use content_away::ContentAway;
use content_shard::ContentShard;
use coverage::Causes;
use decoys::DecoyWatch;
use flow_shard::FlowShard;
use frames::Round;
use host_names::HostNames;
use moments::{RunningView, TickedView};
use nearest::Nearest;
use packet_log::PacketLog;
use prepare::Spare;
use reassembly::Reassembly;
use several_taps::SeveralTaps;
use stage_times::StageTimer;
use starts::Starts;
use std::sync::Arc;
use streams::Streams;
use warnings::Warning;
use worker::Sifter;

/// The decoder that a sensor of these settings uses.
pub fn decoder(config: &Config) -> Decoder {
    Decoder::new(config.tunnels, config.checksums)
        .with_vxlan_ports(&config.vxlan_ports)
        .with_trusted_tunnels(&config.trusted_tunnels)
}

/// Packets in, findings out.
///
/// Memory is fixed when it is built. It reads no clock: time is that of the
/// packets. Batches use the rayon pool that the call runs in.
///
/// ```
/// use wormsift::config::Config;
/// use wormsift::packet::{Packet, Timestamp};
/// use wormsift::pipeline::Sensor;
///
/// let mut sensor = Sensor::new(Config::default())?;
/// let mut worker = sensor.worker();
/// worker.observe(&Packet {
///     number: 1,
///     time: Timestamp::from_nanos(1_000_000_000),
///     source: "192.0.2.1".parse().unwrap(),
///     destination: "198.51.100.7".parse().unwrap(),
///     protocol: 17,
///     source_port: 4_000,
///     destination_port: 53,
///     sequence: 0,
///     acknowledgement: 0,
///     tcp_flags: 0,
///     encapsulation: 0,
///     to_group: false,
///     untrusted_tunnel: false,
///     identification: None,
///     tap: 0,
///     payload: b"what the packet carries",
/// });
/// sensor.absorb([&mut worker]);
/// sensor.finish();
/// assert!(sensor.findings().is_empty());
/// # Ok::<(), wormsift::error::Error>(())
/// ```
pub struct Sensor {
    config: Config,
    sifter: Arc<Sifter>,
    round: Round,
    clock: Clock,
    decoder: Decoder,
    defragmenter: Defragmenter,
    flow: Vec<FlowShard>,
    streams: Streams,
    content: Vec<ContentShard>,
    /// Where the content shards are with workers.
    away: Option<ContentAway>,
    packet_log: PacketLog,
    host_names: HostNames,
    starts: Starts,
    /// Where there are dark addresses.
    dark: Option<Dark>,
    /// Where there are several taps.
    taps: Option<SeveralTaps>,
    running_view: RunningView,
    ticked_view: TickedView,
    ledger: Ledger,
    spare: Spare,
    findings: Vec<Finding>,
    incidents: Vec<Incident>,
    decoys: DecoyWatch,
    decoy_reports: Vec<DecoyReport>,
    waves: Vec<Wave>,
    /// Whether the learning period, if any, has begun.
    learning_begun: bool,
    baseline_shape: Option<baseline::Shape>,
    frames: u64,
    packets: PacketCounters,
    windows: WindowCounters,
    drops: DropCounters,
    coverage: Coverage,
    causes: Causes,
    /// Which warnings have been given.
    warned: [bool; Warning::COUNT],
    /// Packets of a flood that were told of.
    flood_told: u64,
    warnings: Vec<String>,
    timer: StageTimer,
    times: StageTimes,
}

impl Sensor {
    /// The content that came nearest to a dispersion alarm, of those past prevalence.
    ///
    /// Counts are the estimates at that moment; it may have alarmed since.
    pub fn nearest(&self) -> Option<NearestContent> {
        let mut best = Nearest::default();
        self.loads().iter().for_each(|load| best.merge(&load.nearest));
        best.content()
    }

    /// The settings in use.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The name of the sampling kernel in use.
    pub fn kernel(&self) -> &'static str {
        self.sifter.fingerprinter.kernel().name()
    }

    /// A worker for one thread of a host that decodes packets itself.
    pub fn worker(&self) -> Worker {
        Worker::new(Arc::clone(&self.sifter), self.decoder.clone(), self.timer)
    }

    /// Takes what workers have buffered, in order of packet numbers, and empties
    /// them.
    ///
    /// The answer is independent of how packets were spread over the workers, as
    /// long as each call brings only packets with numbers above those before.
    pub fn absorb<'w>(&mut self, workers: impl IntoIterator<Item = &'w mut Worker>) {
        let (mut chunks, mut frames) = (Vec::new(), 0);
        let mut drops = DropCounters::default();
        for worker in workers {
            frames += std::mem::take(&mut worker.frames);
            drops.merge(&std::mem::take(&mut worker.drops));
            chunks.push(worker.take_chunk(Chunk::new()));
        }
        self.absorb_chunks(chunks, frames, &drops);
    }

    /// Gives the chunks back, to be used again.
    fn absorb_chunks(
        &mut self,
        mut chunks: Vec<Chunk>,
        frames: u64,
        drops: &DropCounters,
    ) -> Vec<Chunk> {
        self.frames += frames;
        self.drops.merge(drops);
        if chunks.is_empty() {
            return chunks;
        }
        let in_order =
            |chunk: &Chunk| chunk.records.is_sorted_by_key(|record| record.number);
        if chunks.len() > 1 || !chunks.iter().all(in_order) {
            let mut merged = [Chunk::merge(&mut chunks)];
            self.absorb_in_order(&mut merged);
        } else {
            self.absorb_in_order(&mut chunks);
        }
        chunks
    }

    fn absorb_in_order(&mut self, chunks: &mut [Chunk]) {
        for chunk in &mut *chunks {
            let kept = std::mem::take(&mut chunk.kept);
            self.reassemble(chunk, &kept[..]);
        }
        self.run(chunks, &NoFrames);
    }

    /// Puts a chunk's fragments together; then its packets can be counted.
    fn reassemble<L: FrameList + ?Sized>(&mut self, chunk: &mut Chunk, frames: &L) {
        self.reassembly().take(chunk, frames);
        self.count_chunk(chunk);
    }

    fn reassembly(&mut self) -> Reassembly<'_> {
        Reassembly {
            decoder: &self.decoder,
            defragmenter: &mut self.defragmenter,
            taps: &mut self.taps,
            sifter: &self.sifter,
            drops: &mut self.drops,
        }
    }

    /// Sifts what is there of datagrams that are not complete.
    fn sift_unfinished(&mut self) {
        let mut chunk = Chunk::new();
        self.reassembly().finish(&mut chunk);
        if !chunk.is_empty() {
            self.count_chunk(&chunk);
            self.run(&mut [chunk], &NoFrames);
        }
    }

    fn count_chunk(&mut self, chunk: &Chunk) {
        let [decode, fingerprint] = chunk.nanos;
        self.times.decode += decode;
        self.times.fingerprint += fingerprint;
        self.packets += chunk.packets;
        self.windows += chunk.windows;
        self.coverage.add(&chunk.coverage);
        if let Some(taps) = &mut self.taps {
            taps.count(&chunk.by_tap);
        }
        chunk.stops.iter().for_each(|at| self.causes.count(at));
    }

    /// Moves packet time to `now`, which the host vouches for: ticks that have
    /// passed emit their findings although no packet came.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock.advance(now);
        let now = self.clock.now();
        if let Some(dark) = &mut self.dark {
            dark.pass(now);
        }
        if !self.content.iter().any(|content| content.alarms.has_work(now)) {
            // A second in which nothing alarms costs next to nothing.
            self.end_hours(now);
            return;
        }
        self.pass(now);
    }

    /// Ends the trace: emits what is pending, then one summary a signature with
    /// its final counts. Packets may follow; a later call sums up again.
    pub fn finish(&mut self) {
        self.sift_unfinished();
        self.pass(Timestamp::MAX);
        self.sum_up();
    }

    /// What comes at the end of the trace, after all that was pending.
    fn sum_up(&mut self) {
        self.warn_of_blindness();
        self.warn_of_flood(&self.loads(), true);
        if let Some(dark) = &mut self.dark {
            dark.finish(self.clock.now());
        }
        self.end_hours(Timestamp::MAX);
        self.ledger.show_view(self.view());
        let (content, starts, now) = (&self.content, &self.starts, self.clock.now());
        let summaries = self.ledger.finish(|key, protocol, port| {
            let mut current = content[batch::content_shard(key)].current(key)?;
            let seen_at = current.candidate.ports;
            starts.judge(&mut current.relays, (protocol, port), seen_at, now);
            Some(current)
        });
        self.report(summaries);
        let waves = self.ledger.take_waves();
        self.report_waves(waves);
    }

    /// Each signature that was told and is remembered, as of the last packet: what an update
    /// would say now. It changes nothing.
    pub fn signatures(&mut self) -> Vec<Signature> {
        let (content, starts, now) = (&self.content, &self.starts, self.clock.now());
        let mut signatures = self.ledger.current(|key, protocol, port| {
            let mut current = content[batch::content_shard(key)].current(key)?;
            let seen_at = current.candidate.ports;
            starts.judge(&mut current.relays, (protocol, port), seen_at, now);
            Some(current)
        });
        self.restore_own(&mut signatures);
        signatures
    }

    /// Begins to keep every decision about every sighting, for tests and research.
    /// Memory then grows until [`decisions`](Self::decisions) takes them.
    pub fn keep_decisions(&mut self) {
        self.content.iter_mut().for_each(|content| content.decisions = Some(Vec::new()));
    }

    /// The decisions since the last call; those of one key are in packet order.
    pub fn decisions(&mut self) -> Vec<Decision> {
        self.content
            .iter_mut()
            .filter_map(|content| content.decisions.as_mut())
            .flat_map(std::mem::take)
            .collect()
    }

    /// While decisions are kept: when each prevalence epoch of each content shard began, in
    /// order. A key's shard is its upper six bits.
    pub fn epoch_begins(&self) -> Vec<Vec<Timestamp>> {
        self.content.iter().map(|content| content.epoch_begins.clone()).collect()
    }

    /// How many contents of one epoch make a content shard's prevalence table full.
    pub fn contents_at_load(&self) -> u64 {
        self.content[0].prevalence().contents_at_load()
    }
}

/// The label of the seed that hosts are counted under, in every shard and signature.
const HOSTS: &str = "hosts";
