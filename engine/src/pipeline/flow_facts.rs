//! What the flow stage finds out about each packet: four bytes a record.
//!
//! Flow shards write it, each for its own packets; content shards read it after all have
//! written. The stages are separated by the end of a parallel loop, so no stronger order
//! than relaxed is needed.

use crate::detect::conversations::Facts;
use std::sync::atomic::{AtomicU32, Ordering};

/// The facts of the records of a chunk, by their index.
#[derive(Default)]
pub(crate) struct FlowFacts(Vec<AtomicU32>);

impl FlowFacts {
    /// So many records of which nothing is known yet. What a freak batch took goes with
    /// the next.
    pub(crate) fn reset(&mut self, records: usize) {
        self.0.clear();
        self.0.shrink_to(4 * records.max(64));
        self.0.resize_with(records, AtomicU32::default);
    }

    #[inline]
    pub(crate) fn set(&self, record: u32, facts: Facts) {
        self.0[record as usize].store(facts.pack(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn facts(&self, record: usize) -> Facts {
        Facts::unpack(self.0[record].load(Ordering::Relaxed))
    }

    /// The facts of all records, [packed](Facts::pack).
    pub(crate) fn packed(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|facts| facts.load(Ordering::Relaxed))
    }

    /// Of packed facts.
    pub(crate) fn of(packed: impl Iterator<Item = u32>) -> Self {
        Self(packed.map(AtomicU32::new).collect())
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<AtomicU32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::conversations::{NewPair, Role};

    #[test]
    fn each_record_has_the_facts_that_were_set_and_none_before() {
        let mut flow_facts = FlowFacts::default();
        let facts =
            Facts { role: Role::Responder, new_pair: NewPair::Yes, ..Facts::default() };
        for _ in 0..2 {
            flow_facts.reset(4);
            for record in 0..4 {
                assert_eq!(flow_facts.facts(record as usize), Facts::default());
                flow_facts.set(record, facts);
                assert_eq!(flow_facts.facts(record as usize), facts);
            }
        }
    }
}
