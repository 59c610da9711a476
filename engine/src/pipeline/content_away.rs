//! Content shards that are with workers, as a sensor stands with them.
//!
//! The sensor's own shards are empty then: what workers answer is put where its own shards
//! would have left it, so that the stages behind them know no difference. What its shards hold
//! comes back at the end.

use super::Sensor;
use super::batch::Chunk;
use super::content_shard::{ContentShard, ShardLoad};
use super::fleet::shards::{OfShard, ShardBatch, Task, owners, saved};
use super::fleet::wire::Binding;
use super::fleet::{ShardResult, ShardTask};
use super::moments::TapView;
use super::packet_log::PacketLog;
use crate::state::{Exchange, Persist};
use crate::time::Timestamp;
use std::io;
use std::sync::Arc;

/// See the [module](self).
pub(crate) struct ContentAway {
    /// Of the merger's messages.
    binding: Binding,
    /// By worker: the shards that it has.
    shards: Vec<Arc<[u8]>>,
    /// That are to be given to workers.
    pub(crate) tasks: Vec<ShardTask>,
    /// By worker: whether its result is missing.
    missing: Vec<bool>,
    loads: Vec<ShardLoad>,
    /// By worker: the contents that it follows, where that is asked.
    followed: Vec<Vec<u64>>,
    /// Whether there are taps that must know what is followed.
    pub(crate) has_gates: bool,
    /// Whether the sensor's shards hold what those of the workers do.
    is_gathered: bool,
}

impl ContentAway {
    pub(super) fn new(shares: &[u32], binding: Binding) -> Self {
        let (owners, workers) = (owners(shares), shares.len().max(1));
        let of = |worker: usize| {
            let shards = (0..).zip(&owners).filter(|(_, of)| usize::from(**of) == worker);
            shards.map(|(shard, _)| shard).collect()
        };
        Self {
            binding,
            shards: (0..workers).map(of).collect(),
            tasks: Vec::new(),
            missing: vec![false; workers],
            loads: owners.iter().map(|_| ShardLoad::default()).collect(),
            followed: vec![Vec::new(); workers],
            has_gates: false,
            is_gathered: false,
        }
    }

    /// Whether a result is missing.
    pub(crate) fn is_waiting(&self) -> bool {
        self.missing.contains(&true)
    }

    /// Whether the sensor's own shards hold all that those of the workers do.
    pub(crate) fn is_gathered(&self) -> bool {
        self.is_gathered && !self.is_waiting()
    }

    /// The contents that are followed, as workers last said.
    pub(crate) fn followed(&self) -> impl Iterator<Item = u64> {
        self.followed.iter().flatten().copied()
    }

    /// Gives each worker that has shards a task.
    pub(crate) fn give(&mut self, mut task: impl FnMut(&[u8]) -> Task) {
        for (worker, shards) in (0..).zip(&self.shards) {
            if shards.is_empty() {
                continue;
            }
            let task = task(shards);
            self.is_gathered = matches!(task, Task::Save);
            self.missing[usize::from(worker)] = true;
            self.tasks.push(ShardTask {
                binding: self.binding,
                worker,
                shards: shards.clone(),
                task,
                follows: self.has_gates,
            });
        }
    }

    /// Gives the shards what they knew when the sensor's own were saved.
    pub(super) fn restore(&mut self, content: &mut [ContentShard], log: &mut PacketLog) {
        let mut packet_log = Vec::new();
        let written = log.persist(&mut Exchange::writing(&mut packet_log));
        debug_assert!(written.is_ok(), "a list in memory takes all");
        let packet_log: Arc<[u8]> = packet_log.into();
        self.give(|shards| {
            let of = |shard: &u8| (*shard, saved(&mut content[usize::from(*shard)]));
            let shards = shards.iter().map(of).collect();
            Task::Restore { shards, packet_log: packet_log.clone() }
        });
    }

    /// Gives the shards a batch. Their sightings leave the chunks, which need them no more.
    pub(super) fn sift(
        &mut self,
        chunks: &mut [Chunk],
        content: &mut [ContentShard],
        view: TapView,
        now: Timestamp,
    ) {
        let learns_until =
            content.first().map_or(Timestamp::default(), |it| it.learns_until);
        let chunks = chunks.iter_mut().map(Chunk::for_content_shards).collect();
        let batch = Arc::new(ShardBatch { chunks, view, now, learns_until });
        self.give(|shards| {
            let seams = shards.iter().filter_map(|shard| {
                let seams = std::mem::take(&mut content[usize::from(*shard)].seams);
                (!seams.is_empty()).then_some((*shard, seams))
            });
            Task::Sift { seams: seams.collect(), batch: batch.clone() }
        });
    }
}

impl Sensor {
    /// The content shards are with workers from now on, in proportion to `shares`.
    pub(super) fn put_content_away(
        &mut self,
        shares: &[u32],
        binding: Binding,
        has_gates: bool,
    ) {
        let away = ContentAway::new(shares, binding);
        self.away = Some(ContentAway { has_gates, ..away });
    }

    /// Gives the workers what the sensor's own shards know.
    pub(super) fn restore_content_away(&mut self) {
        if let Some(away) = &mut self.away {
            away.restore(&mut self.content, &mut self.packet_log);
        }
    }

    /// How full the content shards are.
    pub(super) fn loads(&self) -> Vec<ShardLoad> {
        match &self.away {
            Some(away) => away.loads.clone(),
            None => self.content.iter().map(ContentShard::load).collect(),
        }
    }

    /// Takes the result of a worker's task; whether it was waited for.
    ///
    /// # Errors
    ///
    /// What it gives back is of other settings.
    pub(super) fn take_result(&mut self, result: ShardResult) -> io::Result<bool> {
        let ShardResult { worker, shards, followed, states } = result;
        let Some(away) = &mut self.away else { return Ok(false) };
        let worker = usize::from(worker);
        if !away.missing.get_mut(worker).is_some_and(std::mem::take) {
            return Ok(false);
        }
        if let Some(followed) = followed {
            away.followed[worker] = followed;
        }
        for of in shards {
            let OfShard { shard, stopped, requests, ticked, hours, load } = of;
            let shard = usize::from(shard);
            let Some(content) = self.content.get_mut(shard) else { continue };
            content.stopped = stopped;
            content.requests.extend(requests);
            content.alarms.ticked.extend(ticked);
            content.hours.extend(hours);
            content.nearest = load.nearest;
            away.loads[shard] = load;
        }
        for (shard, state) in states {
            let Some(content) = self.content.get_mut(usize::from(shard)) else {
                continue;
            };
            let hours = std::mem::take(&mut content.hours);
            state.restore(content)?;
            // They were taken from there before.
            content.hours = hours;
        }
        Ok(true)
    }
}
