//! When each host first began a conversation at each port.
//!
//! One table, filled in packet order between the stages that run in shards, and read at
//! ticks: so what it answers at a tick is of the packets before it. Best effort: what does not
//! fit is forgotten, oldest first, and then nothing is known.

use super::batch::Chunk;
use super::record_at::RecordAt;
use crate::detect::conversations::Role;
use crate::packet::Host;
use crate::signature::{PortCounts, Relay};
use crate::sketch::{FirstSeen, hash_pair};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// The beginning of a conversation.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    /// Its first packet.
    pub(crate) at: RecordAt,
    /// The role of that packet's sender.
    pub(crate) role: Role,
}

#[derive(Debug)]
pub(crate) struct Starts {
    first: FirstSeen,
    /// How long a beginning is remembered.
    memory: Span,
    seed: u64,
    /// Those of the batch in packet order, the last first.
    waiting: Vec<(Timestamp, u64)>,
}

impl Starts {
    /// A table of at most `bytes`, for two dispersion windows.
    pub(crate) fn new(bytes: usize, window: Span, seed: u64) -> Self {
        let memory = Span(window.0.saturating_mul(2));
        Self { first: FirstSeen::new(bytes), memory, seed, waiting: Vec::new() }
    }

    /// Takes the beginnings of a batch, in any order.
    pub(crate) fn take(&mut self, mut starts: Vec<Start>, chunks: &[Chunk]) {
        starts.sort_unstable_by_key(|start| start.at);
        for Start { at, role } in starts.into_iter().rev() {
            let record = at.record(chunks);
            let sent = (record.source, record.destination_port);
            let received = (record.destination, record.source_port);
            // Where it is not known who began, either may have.
            let ends = match role {
                Role::Initiator => [Some(sent), None],
                Role::Responder => [Some(received), None],
                Role::Unknown => [Some(received), Some(sent)],
            };
            for (host, port) in ends.into_iter().flatten() {
                let hash = self.hash(host, record.protocol, port);
                self.waiting.push((record.time, hash));
            }
        }
    }

    /// Enters those before a time.
    pub(crate) fn enter_until(&mut self, until: Timestamp) {
        self.enter_while(|time| time < until);
    }

    /// Enters the rest, at the end of a batch.
    pub(crate) fn enter_all(&mut self) {
        self.enter_while(|_| true);
        self.waiting.shrink_to(KEPT);
    }

    fn enter_while(&mut self, is_due: impl Fn(Timestamp) -> bool) {
        while let Some((time, hash)) = self.waiting.pop_if(|(time, _)| is_due(*time)) {
            self.first.note(hash, time, time - self.memory);
        }
    }

    /// Says of a content's relays whether they had begun conversations at its port before they
    /// received it; of one over all ports, at the port at which it was seen most.
    pub(crate) fn judge(
        &self,
        relays: &mut [Relay],
        (protocol, port): (u8, Option<u16>),
        seen_at: PortCounts,
        now: Timestamp,
    ) {
        let Some(port) = port.or_else(|| seen_at.busiest()) else { return };
        for relay in relays {
            let hash = self.hash(relay.host, protocol, port);
            let begun = self.first.first(hash, now - self.memory);
            relay.began_before = match (begun, relay.received_at) {
                (Some(begun), Some(received)) => Some(begun < received),
                _ => None,
            };
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.first.memory_bytes()
    }

    fn hash(&self, host: Host, protocol: u8, port: u16) -> u64 {
        hash_pair(u64::from(protocol) << 16 | u64::from(port), host.0, self.seed)
    }
}

/// Places that the list keeps from batch to batch.
const KEPT: usize = 1_024;

// Between batches none waits.
persist!(Starts { first; memory, seed, waiting });
