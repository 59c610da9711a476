//! What a worker answers.

use super::VERSION;
use crate::pipeline::alarm_queue::TickedAlarm;
use crate::pipeline::content_shard::{ContentShard, Hours, ShardLoad};
use crate::pipeline::record_at::{PlacedRequest, RecordAt};
use crate::state::{Exchange, Persist, persist};
use std::io;

/// What a worker of content shards answers to a task.
#[derive(Default)]
pub struct ShardResult {
    pub(in crate::pipeline) worker: u16,
    pub(in crate::pipeline) shards: Vec<OfShard>,
    /// The contents that are followed, where they were asked for.
    pub(in crate::pipeline) followed: Option<Vec<u64>>,
    pub(in crate::pipeline) states: Vec<(u8, State)>,
}

/// What came of one shard.
#[derive(Default)]
pub(in crate::pipeline) struct OfShard {
    pub(in crate::pipeline) shard: u8,
    pub(in crate::pipeline) stopped: Option<RecordAt>,
    pub(in crate::pipeline) requests: Vec<PlacedRequest>,
    pub(in crate::pipeline) ticked: Vec<TickedAlarm>,
    pub(in crate::pipeline) hours: Hours,
    pub(in crate::pipeline) load: ShardLoad,
}

/// What one shard knows.
pub(in crate::pipeline) enum State {
    /// Of a worker in the same process.
    Here(Box<ContentShard>),
    Saved(Vec<u8>),
}

impl Default for State {
    fn default() -> Self {
        Self::Saved(Vec::new())
    }
}

impl ShardResult {
    /// The number of the worker.
    pub fn worker(&self) -> u16 {
        self.worker
    }

    /// The message that [`decode`](Self::decode) reads.
    pub fn encode(&mut self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let written = self.persist(&mut Exchange::writing(&mut bytes));
        debug_assert!(written.is_ok(), "a list in memory takes all");
        bytes
    }

    /// Reads a message of this version.
    ///
    /// # Errors
    ///
    /// It is of another version, or ends too early.
    pub fn decode(message: &[u8]) -> io::Result<Self> {
        let mut rest = body(message)?;
        let mut result = Self::default();
        result.persist(&mut Exchange::reading(&mut rest))?;
        Ok(result)
    }
}

/// What stands behind the version.
pub(super) fn body(message: &[u8]) -> io::Result<&[u8]> {
    match message.split_first_chunk() {
        Some((version, body)) if *version == VERSION.to_le_bytes() => Ok(body),
        _ => Err(io::Error::other(format!(
            "expected a message of version {VERSION}, found another: all processes must be of one \
             release"
        ))),
    }
}

/// What a shard knows, as bytes.
pub(in crate::pipeline) fn saved(shard: &mut ContentShard) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = shard.persist(&mut Exchange::writing(&mut bytes));
    debug_assert!(written.is_ok(), "a list in memory takes all");
    bytes
}

impl State {
    /// Puts it in the place of a shard of the same settings.
    pub(in crate::pipeline) fn restore(self, shard: &mut ContentShard) -> io::Result<()> {
        match self {
            Self::Here(state) => *shard = *state,
            Self::Saved(bytes) => {
                shard.persist(&mut Exchange::reading(&mut &bytes[..]))?;
            }
        }
        Ok(())
    }
}

impl Persist for State {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        if let Self::Here(shard) = self {
            *self = Self::Saved(saved(shard));
        }
        match self {
            Self::Saved(bytes) => bytes.persist(file),
            Self::Here(_) => Ok(()),
        }
    }
}

persist!(ShardResult { worker, shards, followed, states });
persist!(OfShard { shard, stopped, requests, ticked, hours, load });
