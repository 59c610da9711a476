//! The content shards of one worker.

use super::super::binding;
use super::super::wire::Binding;
use super::{OfShard, ShardBatch, ShardResult, ShardTask, State, Task, owners, saved};
use crate::config::Config;
use crate::error::Error;
use crate::fingerprint::Kernel;
use crate::pipeline::content_shard::{ContentShard, Hours};
use crate::pipeline::packet_log::PacketLog;
use crate::pipeline::record_at::SeamSighting;
use crate::pipeline::{Baseline, Sensor};
use crate::state::{Exchange, Persist};
use crate::time::Timestamp;
use std::io;
use std::sync::Arc;

/// The content shards of one worker, of a [merger with workers](crate::fleet::Merger::with_workers).
pub struct ShardWorker {
    binding: Binding,
    worker: u16,
    shards: Vec<(u8, ContentShard)>,
    packet_log: PacketLog,
    /// The last one.
    batch: Arc<ShardBatch>,
}

impl ShardWorker {
    /// The shards of worker number `worker`, of so many as there are `shares`, which are those
    /// that the [merger](crate::fleet::Merger::with_workers) was given.
    ///
    /// # Errors
    ///
    /// A setting that is out of range, or a baseline that does not fit.
    pub fn new(
        config: Config,
        fleet: &str,
        baseline: Option<Baseline>,
        shares: &[u32],
        worker: u16,
    ) -> Result<Self, Error> {
        let binding = binding(&config, fleet);
        let sensor = Sensor::with(config, Kernel::best(), baseline)?;
        let Sensor { mut content, packet_log, .. } = sensor;
        content.iter_mut().for_each(|content| content.has_gates = true);
        let owned = (0..).zip(content).zip(owners(shares));
        let owned = owned.filter(|(_, owner)| *owner == worker);
        let shards = owned.map(|(shard, _)| shard).collect();
        Ok(Self { binding, worker, shards, packet_log, batch: Arc::default() })
    }

    /// Does a task.
    ///
    /// # Errors
    ///
    /// It is of another fleet, key or settings, another worker's, or what is to be restored was
    /// saved under other settings.
    pub fn run(&mut self, task: ShardTask) -> io::Result<ShardResult> {
        self.binding.check(&task.binding).map_err(io::Error::other)?;
        let own = self.shards.iter().map(|(shard, _)| *shard);
        if task.worker != self.worker || !own.eq(task.shards.iter().copied()) {
            let (found, expected) = (task.worker, self.worker);
            return Err(io::Error::other(format!(
                "expected a task of worker {expected} and its shards, found one of worker {found}"
            )));
        }
        let mut result = ShardResult { worker: self.worker, ..ShardResult::default() };
        match task.task {
            Task::Sift { batch, seams } => self.begin(batch, seams),
            Task::GoOn { emitted } => self.sift(emitted),
            Task::Pass { now } => {
                for (_, content) in &mut self.shards {
                    content.alarms.emitted_until(Timestamp::MAX);
                    content.pass_tick(now);
                }
            }
            Task::Return => {
                let own = self.shards.drain(..);
                let here = |(shard, content)| (shard, State::Here(Box::new(content)));
                result.states = own.map(here).collect();
            }
            Task::Save => {
                let own = self.shards.iter_mut();
                result.states =
                    own.map(|(shard, it)| (*shard, State::Saved(saved(it)))).collect();
            }
            Task::Restore { shards, packet_log } => self.restore(shards, &packet_log)?,
        }
        result.shards =
            self.shards.iter_mut().map(|(shard, it)| taken(*shard, it)).collect();
        Ok(result)
    }

    fn begin(&mut self, batch: Arc<ShardBatch>, seams: Vec<(u8, Vec<SeamSighting>)>) {
        self.packet_log.enter(&self.batch.chunks);
        self.batch = batch;
        let mut seams = seams.into_iter().peekable();
        for (shard, content) in &mut self.shards {
            content.learns_until = self.batch.learns_until;
            if let Some((_, seams)) = seams.next_if(|(of, _)| of == shard) {
                content.seams = seams;
            }
            // So that all are sifted.
            content.stopped = Some(Default::default());
        }
        self.sift(Timestamp::MAX);
    }

    /// The shards that have stopped, from there.
    fn sift(&mut self, emitted: Timestamp) {
        let ShardBatch { chunks, view, now, .. } = &*self.batch;
        let packets = &self.packet_log.batch(chunks, view);
        for (shard, content) in &mut self.shards {
            content.alarms.emitted_until(emitted);
            if content.stopped.is_some() {
                content.sift(usize::from(*shard), chunks, packets, *now);
            }
        }
    }

    fn restore(
        &mut self,
        states: Vec<(u8, Vec<u8>)>,
        packet_log: &[u8],
    ) -> io::Result<()> {
        for ((_, content), (_, bytes)) in self.shards.iter_mut().zip(states) {
            State::Saved(bytes).restore(content)?;
            // The merger has them.
            content.hours = Hours::default();
        }
        self.batch = Arc::default();
        self.packet_log.persist(&mut Exchange::reading(&mut { packet_log }))
    }
}

/// What is to be known of a shard after a task.
fn taken(shard: u8, content: &mut ContentShard) -> OfShard {
    OfShard {
        shard,
        stopped: content.stopped,
        requests: std::mem::take(&mut content.requests),
        ticked: content.alarms.take_ticked(),
        hours: std::mem::take(&mut content.hours),
        load: content.load(),
    }
}
