//! One flow shard: its conversations.

use super::batch::{Chunk, Record};
use super::moments::Moment;
use super::record_at::RecordAt;
use super::seeds::Seeds;
use super::sizing::Plan;
use super::worker::Sifter;
use crate::detect::conversations::{Conversations, Observed, Step, ViewStep};
use crate::fingerprint::prefetch;
use crate::state::persist;
use crate::stream::ends_of;
use crate::time::Span;

/// The conversations of the address pairs that hash to one shard.
pub(crate) struct FlowShard {
    pub(crate) conversations: Conversations,
    /// The batch's packets of this shard that belong to conversations, in packet order.
    flows: Vec<RecordAt>,
    /// When the batch's conversations began and were answered, in packet order.
    pub(crate) moments: Vec<Moment>,
    /// What following conversations took, nanoseconds.
    pub(crate) nanos: u64,
}

impl FlowShard {
    /// `window` is that in which host pairs are remembered.
    pub(crate) fn new(shard: usize, plan: &Plan, seeds: &Seeds, window: Span) -> Self {
        let seed = seeds.shard("conversations", shard);
        Self {
            conversations: Conversations::new(plan.conversations, window, seed),
            flows: Vec::new(),
            moments: Vec::new(),
            nanos: 0,
        }
    }

    /// Follows this shard's conversations through a batch.
    pub(crate) fn follow(&mut self, shard: usize, chunks: &[Chunk], sifter: &Sifter) {
        self.flows.clear();
        self.flows.extend(originals(shard, chunks));
        for (i, &at) in self.flows.iter().enumerate() {
            if let Some(ahead) = self.flows.get(i + AHEAD) {
                let (connection, _) = ends_of(ahead.record(chunks).direction);
                prefetch(self.conversations.place(connection));
            }
            let record = at.record(chunks);
            let mut observed = self.conversations.take(step_of(record, sifter));
            if record.is_untrusted() {
                observed.distrust();
            }
            let Observed { facts, view, begins, answers } = observed;
            chunks[at.chunk as usize].facts.set(at.record, facts);
            if begins || answers || view != ViewStep::default() {
                self.moments.push(Moment { at, role: facts.role, begins, answers, view });
            }
        }
        self.flows.shrink_to(KEPT);
    }
}

/// A shard's packets that belong to conversations and are no copies, in packet order.
pub(super) fn originals(
    shard: usize,
    chunks: &[Chunk],
) -> impl Iterator<Item = RecordAt> {
    (0..).zip(chunks).flat_map(move |(c, chunk)| {
        let is_original = move |record: &&u32| {
            !(chunk.has_copies && chunk.records[**record as usize].is_copy)
        };
        let records = chunk.flows[shard].iter().filter(is_original);
        records.map(move |&record| RecordAt { chunk: c, record })
    })
}

/// A packet as its conversation takes it.
fn step_of(record: &Record, sifter: &Sifter) -> Step {
    let (connection, from_higher) = ends_of(record.direction);
    Step {
        connection,
        from_higher,
        pair: sifter.pair(record.source, record.destination),
        kind: record.kind(),
        payload_len: record.payload.len,
        time: record.time,
    }
}

/// How many packets before its own turn the place of each conversation is asked for.
const AHEAD: usize = 8;

/// Places that a queue keeps from batch to batch.
const KEPT: usize = 128;

// Between batches, flows and moments are empty.
persist!(FlowShard { conversations; flows, moments, nanos });
