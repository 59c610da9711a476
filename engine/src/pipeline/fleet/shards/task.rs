//! What a merger has a worker do.

use super::super::wire::Binding;
use super::VERSION;
use crate::pipeline::batch::{Chunk, Record, Sighting};
use crate::pipeline::flow_facts::FlowFacts;
use crate::pipeline::moments::TapView;
use crate::pipeline::record_at::SeamSighting;
use crate::state::{Exchange, Persist};
use crate::time::Timestamp;
use std::io;
use std::sync::{Arc, OnceLock};

/// What a merger has the worker of some content shards do.
#[derive(Clone)]
pub struct ShardTask {
    pub(in crate::pipeline) binding: Binding,
    pub(in crate::pipeline) worker: u16,
    /// The shards that it has.
    pub(in crate::pipeline) shards: Arc<[u8]>,
    pub(in crate::pipeline) task: Task,
    /// Whether the contents that are followed are asked for.
    pub(in crate::pipeline) follows: bool,
}

#[derive(Clone)]
pub(in crate::pipeline) enum Task {
    /// The batch before is over; the next one, with sightings at its seams, by shard.
    Sift { batch: Arc<ShardBatch>, seams: Vec<(u8, Vec<SeamSighting>)> },
    /// Go on where shards have stopped: alarms are emitted up to this tick.
    GoOn { emitted: Timestamp },
    /// Time passes without a packet.
    Pass { now: Timestamp },
    /// Give back what is known, which is needed no more.
    Return,
    /// Say what is known, and keep it.
    Save,
    /// Take up what was saved of each shard, and the log of packets.
    Restore { shards: Vec<(u8, Vec<u8>)>, packet_log: Arc<[u8]> },
}

/// What content shards need of a batch.
#[derive(Default)]
pub(in crate::pipeline) struct ShardBatch {
    pub(in crate::pipeline) chunks: Vec<Chunk>,
    pub(in crate::pipeline) view: TapView,
    /// The time after the last packet.
    pub(in crate::pipeline) now: Timestamp,
    pub(in crate::pipeline) learns_until: Timestamp,
}

impl ShardTask {
    /// The number of the worker whose task it is.
    pub fn worker(&self) -> u16 {
        self.worker
    }

    /// The message that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut file = Exchange::writing(&mut bytes);
        let written = self.write(&mut file);
        debug_assert!(written.is_ok(), "a list in memory takes all");
        bytes
    }

    /// Reads a message of this version.
    ///
    /// # Errors
    ///
    /// It is of another version, or ends too early.
    pub fn decode(message: &[u8]) -> io::Result<Self> {
        let mut rest = super::result::body(message)?;
        Self::read(&mut Exchange::reading(&mut rest))
    }

    fn write(&self, file: &mut Exchange<'_>) -> io::Result<()> {
        let (mut binding, mut worker) = (self.binding, self.worker);
        binding.persist(file)?;
        worker.persist(file)?;
        self.shards.to_vec().persist(file)?;
        { self.follows }.persist(file)?;
        let mut kind = |kind: u8| -> io::Result<()> { { kind }.persist(file) };
        match &self.task {
            Task::Sift { batch, seams } => {
                kind(0)?;
                batch.write(&self.shards, file)?;
                seams.clone().persist(file)
            }
            Task::GoOn { emitted } => {
                kind(1)?;
                { *emitted }.persist(file)
            }
            Task::Pass { now } => {
                kind(2)?;
                { *now }.persist(file)
            }
            Task::Return => kind(3),
            Task::Save => kind(4),
            Task::Restore { shards, packet_log } => {
                kind(5)?;
                shards.clone().persist(file)?;
                packet_log.to_vec().persist(file)
            }
        }
    }

    fn read(file: &mut Exchange<'_>) -> io::Result<Self> {
        let mut binding = Binding::default();
        let (mut worker, mut shards, mut kind) = (0_u16, Vec::new(), 0_u8);
        binding.persist(file)?;
        worker.persist(file)?;
        let mut follows = false;
        shards.persist(file)?;
        follows.persist(file)?;
        kind.persist(file)?;
        let task = match kind {
            0 => {
                let batch = Arc::new(ShardBatch::read(&shards, file)?);
                let mut seams = Vec::new();
                seams.persist(file)?;
                Task::Sift { batch, seams }
            }
            1 => {
                let mut emitted = Timestamp::default();
                emitted.persist(file)?;
                Task::GoOn { emitted }
            }
            2 => {
                let mut now = Timestamp::default();
                now.persist(file)?;
                Task::Pass { now }
            }
            3 => Task::Return,
            4 => Task::Save,
            5 => {
                let (mut shards, mut packet_log) = (Vec::new(), Vec::new());
                shards.persist(file)?;
                packet_log.persist(file)?;
                Task::Restore { shards, packet_log: packet_log.into() }
            }
            other => return Err(file.misfit("a task from 0 to 5", other)),
        };
        Ok(Self { binding, worker, shards: shards.into(), task, follows })
    }
}

impl ShardBatch {
    /// With the sightings of these shards alone.
    fn write(&self, shards: &[u8], file: &mut Exchange<'_>) -> io::Result<()> {
        file.length(self.chunks.len())?;
        for chunk in &self.chunks {
            let (mut records, mut ports) = (chunk.records.clone(), chunk.ports.clone());
            records.persist(file)?;
            ports.persist(file)?;
            chunk.facts.packed().collect::<Vec<u32>>().persist(file)?;
            chunk.least().to_vec().persist(file)?;
            (chunk.has_unsifted, chunk.has_copies).persist(file)?;
            for shard in shards {
                chunk.sightings[usize::from(*shard)].clone().persist(file)?;
            }
        }
        self.view.clone().persist(file)?;
        (self.now, self.learns_until).persist(file)
    }

    fn read(shards: &[u8], file: &mut Exchange<'_>) -> io::Result<Self> {
        let mut batch = Self::default();
        for _ in 0..file.length(0)? {
            let mut chunk = Chunk::new();
            let (mut facts, mut least): (Vec<u32>, Vec<_>) = (Vec::new(), Vec::new());
            chunk.records.persist(file)?;
            chunk.ports.persist(file)?;
            facts.persist(file)?;
            least.persist(file)?;
            let records = chunk.records.len();
            if [chunk.ports.len(), facts.len(), least.len()] != [records; 3] {
                return Err(
                    file.misfit(format!("as much of each of {records} packets"), "less")
                );
            }
            chunk.facts = FlowFacts::of(facts.into_iter());
            chunk.least = OnceLock::from(least);
            let mut flags = (false, false);
            flags.persist(file)?;
            (chunk.has_unsifted, chunk.has_copies) = flags;
            for shard in shards {
                let Some(sightings) = chunk.sightings.get_mut(usize::from(*shard)) else {
                    return Err(file.misfit("a content shard", shard));
                };
                sightings.persist(file)?;
            }
            batch.chunks.push(chunk);
        }
        batch.view.persist(file)?;
        let mut times = (Timestamp::default(), Timestamp::default());
        times.persist(file)?;
        (batch.now, batch.learns_until) = times;
        Ok(batch)
    }
}

/// Without its payload, which content shards do not look at.
impl Persist for Record {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let Self {
            number,
            time,
            source,
            destination,
            direction,
            salt,
            sequence,
            acknowledgement,
            source_port,
            destination_port,
            protocol,
            flags,
            tap,
            identity,
            is_copy,
            flow_shard,
            vacant,
            untimed,
            to_dark,
            unsifted,
            is_decoys,
            is_gated,
            payload: _,
        } = self;
        for number in [number, direction, salt, identity] {
            number.persist(file)?;
        }
        time.persist(file)?;
        source.persist(file)?;
        destination.persist(file)?;
        sequence.persist(file)?;
        acknowledgement.persist(file)?;
        source_port.persist(file)?;
        destination_port.persist(file)?;
        for byte in [protocol, flags, tap, flow_shard] {
            byte.persist(file)?;
        }
        for flag in [is_copy, vacant, untimed, to_dark, unsifted, is_decoys, is_gated] {
            flag.persist(file)?;
        }
        Ok(())
    }
}

crate::state::persist!(Sighting { key, record, offset });
crate::state::persist!(Binding { fleet, key, settings });
