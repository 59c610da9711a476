//! The wiring: the only room that knows the order of the stages.
//!
//! ```text
//! frames -> decode -> fingerprint        any thread, no order      worker, frames
//!        -> fragments, packet time       serial, packet order      frames, clock
//!        -> seams of TCP segments        64 flow shards            flow_shard
//!        -> prevalence -> dispersion,
//!           propagation -> candidates    64 content shards         content_shard
//!        -> samples                      64 flow shards            flow_shard
//!        -> signatures                   at ticks of packet time   (signature::Ledger)
//! ```
//!
//! Each stage is a function of its input in packet order, and shard counts are
//! fixed; so neither threads, nor batches, nor the cut into files change an answer.

mod alarms;
mod baseline;
mod batch;
mod clock;
mod content_shard;
mod flow_shard;
mod frames;
mod gauges;
mod homes;
mod order;
mod prepare;
mod saved;
mod seeds;
mod sizing;
mod stats;
mod worker;

pub use baseline::Baseline;
pub use content_shard::Decision;
pub use frames::FrameList;
pub use order::TimeOrder;
pub use prepare::{Prepared, Preparer};
pub use stats::Stats;
pub use worker::Worker;

use crate::config::Config;
use crate::decode::{Decoder, Defragmenter, DropCounters};
use crate::error::Error;
use crate::fingerprint::Kernel;
use crate::packet::Timestamp;
use crate::signature::{
    AlarmedCandidate, Boilerplate, Finding, Ledger, LedgerSettings, Sample, Suppressed,
};
use alarms::TickedAlarm;
use batch::{Chunk, Frames, NoFrames};
use clock::Clock;
use content_shard::{ContentShard, Rules};
use flow_shard::FlowShard;
use frames::Round;
use homes::for_each_at_home;
use prepare::Spare;
use seeds::Seeds;
use sizing::{FLOW_SHARDS, Plan};
use stats::PacketCounters;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use worker::Sifter;

/// Packets in, findings out.
///
/// Memory is fixed when it is built. It reads no clock: time is that of the
/// packets. Batches use the rayon pool that the call runs in.
///
/// ```
/// use wormsift::config::Config;
/// use wormsift::packet::{Packet, Timestamp};
/// use wormsift::sensor::Sensor;
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
///     payload: b"what the packet carries",
/// });
/// sensor.absorb([&mut worker]);
/// sensor.finish();
/// assert!(sensor.findings().is_empty());
/// # Ok::<(), wormsift::error::Error>(())
/// ```
pub struct Sensor {
    config: Config,
    plan: Plan,
    sifter: Arc<Sifter>,
    round: Round,
    clock: Clock,
    decoder: Decoder,
    defragmenter: Defragmenter,
    flow: Vec<FlowShard>,
    content: Vec<ContentShard>,
    ledger: Ledger,
    spare: Spare,
    findings: Vec<Finding>,
    /// Whether the learning period, if any, has begun.
    learning_begun: bool,
    baseline_shape: Option<baseline::Shape>,
    frames: u64,
    packets: PacketCounters,
    drops: DropCounters,
    /// Which warnings have been given.
    warned: [bool; 4],
    warnings: Vec<String>,
}

impl Sensor {
    /// A sensor with all its tables.
    ///
    /// # Errors
    ///
    /// A setting that is out of range.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_kernel(config, Kernel::best())
    }

    /// The same on a kernel of the caller's choice: every kernel gives the same
    /// answer, so this is for measurements and tests.
    ///
    /// # Errors
    ///
    /// A setting that is out of range, or a kernel that this machine lacks.
    pub fn with_kernel(config: Config, kernel: Kernel) -> Result<Self, Error> {
        Self::with(config, kernel, None)
    }

    fn with(
        config: Config,
        kernel: Kernel,
        baseline: Option<Baseline>,
    ) -> Result<Self, Error> {
        config.validate()?;
        if !kernel.is_available() {
            return Err(Error::config(
                "kernel",
                format!("{} is not to be had on this machine", kernel.name()),
            ));
        }
        let seeds = Seeds::new(config.effective_key());
        let baseline = baseline::for_run(&config, baseline)?;
        let boilerplate = config.boilerplate.then(Boilerplate::shipped);
        let known = baseline.as_ref().map_or(0, Baseline::memory_bytes)
            + boilerplate.as_ref().map_or(0, Boilerplate::memory_bytes);
        let plan = Plan::new(&config, known);
        let sifter = Arc::new(Sifter::new(&config, &seeds, kernel));
        let rules = Arc::new(Rules::new(&config));
        let context = sifter.fingerprinter.context();
        let mut sensor = Self {
            round: Round::for_density(config.sampling.density()),
            clock: Clock::new(config.dispersion_window.0),
            decoder: Decoder::new(config.tunnels, config.checksums),
            defragmenter: defragmenter(plan.fragments),
            flow: (0..FLOW_SHARDS)
                .map(|shard| FlowShard::new(shard, &plan, &seeds, context))
                .collect(),
            content: ContentShard::all(&config, &plan, &seeds, &rules),
            ledger: Ledger::new(LedgerSettings {
                port_rule: config.port_rule.name().to_owned(),
                dispersion_window: Duration::from_nanos(config.dispersion_window.0),
                signatures: MOST_SIGNATURES,
                bytes: plan.ledger,
            })
            .with_boilerplate(boilerplate, config.beta),
            spare: Spare::default(),
            findings: Vec::new(),
            learning_begun: false,
            baseline_shape: None,
            frames: 0,
            packets: PacketCounters::default(),
            drops: DropCounters::default(),
            warned: [false; 4],
            warnings: Vec::new(),
            sifter,
            plan,
            config,
        };
        if let Some(baseline) = baseline {
            sensor.install(baseline);
        }
        sensor.warn_of_expected_load();
        Ok(sensor)
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
        Worker::new(Arc::clone(&self.sifter), self.decoder)
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
        frames::reassemble(
            chunk,
            frames,
            &self.decoder,
            &mut self.defragmenter,
            &self.sifter,
            &mut self.drops,
        );
        self.packets.add(&chunk.counters);
    }

    /// The ordered stages, over consecutive chunks.
    fn run(&mut self, chunks: &mut [Chunk], frames: &dyn Frames) {
        for record in chunks.iter_mut().flat_map(|chunk| &mut chunk.records) {
            record.time = if record.vacant {
                self.clock.now()
            } else {
                self.clock.stamp(record.time)
            };
        }
        self.begin_learning(chunks);
        let (chunks, now) = (&*chunks, self.clock.now());
        let sifter = &*self.sifter;
        if self.config.tails {
            for_each_at_home(&mut self.flow, |shard, flow| {
                flow.join(shard, chunks, frames, sifter);
            });
            self.hand_over_seams();
        }
        self.sift_content(chunks, now);
        while let Some(stop) = self.content.iter().filter_map(|c| c.stopped).min() {
            let record = &chunks[stop.chunk as usize].records[stop.record as usize];
            self.collect_samples(chunks, frames, record.time);
            self.sift_content(chunks, now);
        }
        self.collect_samples(chunks, frames, u64::MAX);
        self.end_batch(chunks, frames);
    }

    /// Hands the sightings at seams over to their content shards.
    fn hand_over_seams(&mut self) {
        for flow in &mut self.flow {
            for seam in flow.seams.drain(..) {
                self.content[batch::content_shard(seam.key)].seams.push(seam);
            }
        }
    }

    /// The content shards, each from where it stopped.
    fn sift_content(&mut self, chunks: &[Chunk], now: u64) {
        let flow = &self.flow;
        let resumed = self.content.iter().any(|content| content.stopped.is_some());
        for_each_at_home(&mut self.content, |shard, content| {
            if !resumed || content.stopped.is_some() {
                content.sift(shard, chunks, flow, now);
            }
        });
    }

    /// The second pass over the flows, stopping at each tick up to `now` that has
    /// alarms. Every content shard has come to `now`.
    fn collect_samples(&mut self, chunks: &[Chunk], frames: &dyn Frames, now: u64) {
        for (shard, content) in self.content.iter_mut().enumerate() {
            for placed in std::mem::take(&mut content.requests) {
                let flow = &mut self.flow[usize::from(placed.request.flow_shard())];
                flow.requests.push((shard as u8, placed));
            }
        }
        self.flow.iter_mut().for_each(FlowShard::begin_collecting);
        let mut alarms: Vec<TickedAlarm> = self
            .content
            .iter_mut()
            .flat_map(|content| content.alarms.ticked.extract_if(.., |a| a.tick <= now))
            .collect();
        alarms.sort_by_key(|ticked| ticked.tick);
        let mut alarms = alarms.into_iter().peekable();
        while let Some(first) = alarms.next() {
            let tick = first.tick;
            let mut due = vec![first.alarm];
            while let Some(next) = alarms.next_if(|next| next.tick == tick) {
                due.push(next.alarm);
            }
            self.collect_until(chunks, frames, tick);
            self.emit(tick, due);
        }
    }

    /// Feeds samples with the rest of the batch.
    fn end_batch(&mut self, chunks: &[Chunk], frames: &dyn Frames) {
        self.collect_until(chunks, frames, u64::MAX);
        self.flow.iter_mut().for_each(FlowShard::end_collecting);
        self.warn_of_overload();
    }

    fn collect_until(&mut self, chunks: &[Chunk], frames: &dyn Frames, until: u64) {
        let beta = self.config.beta;
        for_each_at_home(&mut self.flow, |_, flow| {
            flow.collect(chunks, frames, beta, until);
        });
    }

    /// Turns the alarms of one tick into findings.
    fn emit(&mut self, tick: u64, mut alarms: Vec<AlarmedCandidate>) {
        let beta = self.config.beta;
        // Windows of one piece of stream share its bytes.
        let mut pieces: BTreeMap<(u8, u64), Arc<[u8]>> = BTreeMap::new();
        for alarm in &mut alarms {
            alarm.samples = alarm
                .candidate
                .samples
                .iter()
                .filter_map(|sample| {
                    let shard = sample.flow_shard;
                    let view = self.flow[usize::from(shard)]
                        .samples
                        .sample(sample.packet, sample.offset)?;
                    let end = view.bytes.len().min(view.window + beta);
                    Some(Sample {
                        flow_shard: shard,
                        id: view.id,
                        bytes: pieces
                            .entry((shard, view.id))
                            .or_insert(view.bytes.into())
                            .clone(),
                        // A short datagram is its own window.
                        window: view.window..end,
                        packet: sample.packet,
                        time: view.time,
                        payload_length: view.payload_length,
                        source: sample.source,
                        destination: sample.destination,
                        source_port: view.source_port,
                        destination_port: view.destination_port,
                    })
                })
                .collect();
        }
        let ordinary = self.flow.iter().flat_map(|flow| flow.samples.ordinary(ORDINARY));
        self.ledger.show_view(self.view());
        self.ledger.show_ordinary(ordinary.map(Arc::from).collect());
        let news = self.ledger.tick(Timestamp::from_nanos(tick), alarms);
        self.report(news);
    }

    /// Hands findings out, in the packets' own time.
    fn report(&mut self, mut findings: Vec<Finding>) {
        let ahead = self.clock.ahead();
        if ahead > 0 {
            findings.iter_mut().for_each(|finding| clock::set_back(finding, ahead));
        }
        self.findings.append(&mut findings);
    }

    /// Moves packet time to `now`, which the host vouches for: ticks that have
    /// passed emit their findings although no packet came.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock.advance(now.as_nanos());
        let now = self.clock.now();
        if !self.content.iter().any(|content| content.alarms.has_work(now)) {
            // A second in which nothing alarms costs next to nothing.
            return;
        }
        self.content.iter_mut().for_each(|content| content.pass_tick(now));
        self.collect_samples(&[], &NoFrames, u64::MAX);
        self.end_batch(&[], &NoFrames);
    }

    /// Ends the trace: emits what is pending, then one summary a signature with
    /// its final counts. Packets may follow; a later call sums up again.
    pub fn finish(&mut self) {
        self.content.iter_mut().for_each(|content| content.pass_tick(u64::MAX));
        self.collect_samples(&[], &NoFrames, u64::MAX);
        self.end_batch(&[], &NoFrames);
        self.ledger.show_view(self.view());
        let content = &self.content;
        let summaries =
            self.ledger.finish(|key| content[batch::content_shard(key)].current(key));
        self.report(summaries);
    }

    /// The findings since the last call, in order.
    pub fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Contents that alarmed and were kept back as boilerplate: the first 256, in the
    /// order of their ticks.
    pub fn suppressed(&self) -> &[Suppressed] {
        self.ledger.suppressed()
    }

    /// What the sensor has to say about itself since the last call: overload.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
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
}

/// Samples of each flow shard that a tick's tokens are held against: about a thousand
/// in all, two megabytes.
const ORDINARY: usize = 16;
/// Signatures remembered at the same time.
const MOST_SIGNATURES: usize = 4_096;
/// Datagrams that may wait for fragments at the same time: looking them up is a
/// linear scan of tags, kept short.
const FRAGMENT_SLOTS: usize = 512;

/// A pool that takes no more than `bytes`, its places included.
fn defragmenter(bytes: usize) -> Defragmenter {
    let places = Defragmenter::new(FRAGMENT_SLOTS, 0).memory_bytes();
    Defragmenter::new(FRAGMENT_SLOTS, bytes.saturating_sub(places))
}
