//! Which conversations each host began at each port: when first, how many, and how many of
//! them were answered.
//!
//! One table, filled in packet order between the stages that run in shards, and read at
//! ticks: so what it answers at a tick is of the packets before it. Best effort: what does not
//! fit is forgotten, oldest first, and then nothing is known. What was forgotten and began
//! again is counted from there, so that of conversations there may have been more, and of
//! those without an answer too.

use super::batch::Chunk;
use super::moments::Moment;
use crate::detect::conversations::Role;
use crate::packet::Host;
use crate::signature::{PortCounts, Relay};
use crate::sketch::{FirstValues, hash_pair};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Conversations that were answered stand above those that began.
const ANSWERED: u32 = 16;

/// What one host began at one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begun {
    first: Timestamp,
    /// Up to 65,535 each.
    conversations: u16,
    answered: u16,
}

#[derive(Debug)]
pub(crate) struct Starts {
    first: FirstValues,
    /// How long a beginning is remembered.
    memory: Span,
    seed: u64,
    /// Those of the batch in packet order, the last first.
    waiting: Vec<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    time: Timestamp,
    hash: u64,
    /// The conversation begins, or else is answered.
    begins: bool,
}

impl Starts {
    /// A table of at most `bytes`, for two dispersion windows.
    pub(crate) fn new(bytes: usize, window: Span, seed: u64) -> Self {
        let memory = Span(window.0.saturating_mul(2));
        Self { first: FirstValues::new(bytes), memory, seed, waiting: Vec::new() }
    }

    /// Takes the moments of a batch, in packet order.
    pub(crate) fn take(&mut self, moments: &[Moment], chunks: &[Chunk]) {
        for &Moment { at, role, begins, answers, .. } in moments.iter().rev() {
            let record = at.record(chunks);
            let (time, protocol) = (record.time, record.protocol);
            let hash = |host, port| self.hash(host, protocol, port);
            let sent = || hash(record.source, record.destination_port);
            let received = || hash(record.destination, record.source_port);
            // Where it is not known who began, either may have.
            let ends = match role {
                _ if !begins => [None, None],
                Role::Initiator => [Some(sent()), None],
                Role::Responder => [Some(received()), None],
                Role::Unknown => [Some(received()), Some(sent())],
            };
            // Whose first packet is an answer began with it as far as was seen.
            let answered = answers.then(received);
            let answered =
                answered.into_iter().map(|hash| Waiting { time, hash, begins: false });
            let begun = ends.into_iter().flatten();
            let begun = begun.map(|hash| Waiting { time, hash, begins: true });
            self.waiting.extend(answered.chain(begun));
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
        while let Some(it) = self.waiting.pop_if(|waiting| is_due(waiting.time)) {
            self.enter(&it);
        }
    }

    fn enter(&mut self, &Waiting { time, hash, begins }: &Waiting) {
        let since = time - self.memory;
        let is_known = self.first.change(hash, since, |value| {
            let [begun, answered] = counts(value);
            match begins {
                true if begun < u16::MAX => value + 1,
                false if answered < begun => value + (1 << ANSWERED),
                _ => value,
            }
        });
        // Of what began before it was entered an answer says nothing.
        if begins && !is_known {
            self.first.note(hash, (time, 1), since);
        }
    }

    fn begun(&self, hash: u64, since: Timestamp) -> Option<Begun> {
        let (first, value) = self.first.first(hash, since)?;
        let [conversations, answered] = counts(value);
        Some(Begun { first, conversations, answered })
    }

    /// Says of a content's relays which conversations they began at its port, and whether
    /// before they received it; of one over all ports, at the port at which it was seen most.
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
            let Some(begun) = self.begun(hash, now - self.memory) else { continue };
            relay.begun = begun.conversations;
            relay.unanswered = begun.conversations - begun.answered;
            relay.began_before = relay.received_at.map(|at| begun.first < at);
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.first.memory_bytes()
    }

    fn hash(&self, host: Host, protocol: u8, port: u16) -> u64 {
        hash_pair(u64::from(protocol) << 16 | u64::from(port), host.0, self.seed)
    }
}

fn counts(value: u32) -> [u16; 2] {
    [value as u16, (value >> ANSWERED) as u16]
}

/// Places that the list keeps from batch to batch.
const KEPT: usize = 1_024;

// Between batches none waits.
persist!(Starts { first; memory, seed, waiting });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Against a map, with room for all.
        #[test]
        fn with_room_it_counts_all_that_began_and_was_answered(
            steps in prop::collection::vec((0u64..20, any::<bool>(), 0u64..9), 1..200),
            window in 1u64..100,
        ) {
            let mut starts = Starts::new(1 << 20, Span(window), 3);
            let mut twin: HashMap<u64, Begun> = HashMap::new();
            let mut time = Timestamp::default();
            for (key, begins, gap) in steps {
                time = time + Span(gap);
                let since = time - Span(2 * window);
                let hash = hash_word(key, 1);
                starts.enter(&Waiting { time, hash, begins });
                twin.retain(|_, begun| begun.first >= since);
                if begins {
                    let new = Begun { first: time, conversations: 0, answered: 0 };
                    twin.entry(key).or_insert(new).conversations += 1;
                } else if let Some(it) = twin.get_mut(&key) {
                    it.answered = (it.answered + 1).min(it.conversations);
                }
                for key in 0..20 {
                    let known = twin.get(&key).copied();
                    prop_assert_eq!(starts.begun(hash_word(key, 1), since), known);
                }
            }
        }
    }

    #[test]
    fn counts_end_at_their_width() {
        let mut starts = Starts::new(0, Span(1 << 40), 0);
        let enter = |starts: &mut Starts, begins| {
            starts.enter(&Waiting { time: Timestamp::default(), hash: 7, begins });
        };
        (0..70_000).for_each(|_| enter(&mut starts, true));
        (0..70_000).for_each(|_| enter(&mut starts, false));
        let begun = starts.begun(7, Timestamp::default()).unwrap();
        assert_eq!((begun.conversations, begun.answered), (u16::MAX, u16::MAX));
    }
}
