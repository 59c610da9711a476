//! The latest packets, by their place in packet order.
//!
//! A window that is seen for the first time is remembered by the number of its packet
//! alone ([`FirstSightings`](crate::sketch::FirstSightings)); here stands who sent
//! that packet to whom.
//!
//! Guarantees: whether a packet is still known depends on how many came after it and on
//! nothing else, batches least of all. Costs: 64 bytes a packet, written once, in a row.

use super::batch::{Chunk, Record};
use super::moments::TapView;
use super::record_at::RecordAt;
use crate::detect::conversations::Facts;
use crate::packet::{Host, Timestamp};
use crate::signature::{Missing, Seen};
use crate::state::persist;

/// What is kept of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) source: Host,
    pub(crate) destination: Host,
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) flow_shard: u8,
    pub(crate) tap: u8,
    /// [Packed](Facts::pack) facts of its conversation.
    pub(crate) facts: u32,
}

impl Logged {
    pub(crate) fn of(record: &Record, facts: Facts) -> Self {
        Self {
            source: record.source,
            destination: record.destination,
            number: record.number,
            time: record.time,
            source_port: record.source_port,
            destination_port: record.destination_port,
            protocol: record.protocol,
            flow_shard: record.flow_shard,
            tap: record.tap,
            facts: facts.pack(),
        }
    }

    /// A window of the packet, of this content key, as candidates take it.
    pub(crate) fn seen(&self, content: u64, offset: i32, missing: Missing) -> Seen {
        Seen {
            content,
            protocol: self.protocol,
            packet: self.number,
            time: self.time,
            offset,
            source: self.source,
            destination: self.destination,
            source_port: self.source_port,
            destination_port: self.destination_port,
            flow_shard: self.flow_shard,
            facts: Facts::unpack(self.facts),
            missing,
            // Of an earlier packet nothing is left to be sampled.
            is_decoys: false,
            tap: self.tap,
        }
    }
}

/// A ring of packets. See the [module](self).
pub(crate) struct PacketLog {
    packets: Vec<Logged>,
    capacity: usize,
    /// Packets of all batches before this one.
    before: u64,
}

impl PacketLog {
    /// As many packets as fit in `bytes`, at least one.
    pub(crate) fn new(bytes: usize) -> Self {
        let capacity = (bytes / size_of::<Logged>()).max(1);
        Self { packets: Vec::with_capacity(capacity), capacity, before: 0 }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.capacity * size_of::<Logged>()
    }

    /// How the packets of a batch count on from those before.
    pub(crate) fn batch<'a>(
        &'a self,
        chunks: &'a [Chunk],
        view: &'a TapView,
    ) -> LoggedBatch<'a> {
        let mut starts = Vec::with_capacity(chunks.len() + 1);
        let mut start = self.before;
        for chunk in chunks {
            starts.push(start);
            start += chunk.records.len() as u64;
        }
        LoggedBatch { log: self, chunks, view, starts }
    }

    /// Enters a batch, after its stages are done.
    pub(crate) fn enter(&mut self, chunks: &[Chunk]) {
        let count: usize = chunks.iter().map(|chunk| chunk.records.len()).sum();
        let mut skipped = count.saturating_sub(self.capacity);
        let mut at = ((self.before + skipped as u64) % self.capacity as u64) as usize;
        for chunk in chunks {
            let skip = skipped.min(chunk.records.len());
            skipped -= skip;
            for (i, record) in chunk.records.iter().enumerate().skip(skip) {
                let logged = Logged::of(record, chunk.facts.facts(i));
                if at < self.packets.len() {
                    self.packets[at] = logged;
                } else {
                    // Never beyond the capacity; a place is only skipped when all are
                    // about to be written.
                    self.packets.resize(at, Logged::default());
                    self.packets.push(logged);
                }
                at = if at + 1 == self.capacity { 0 } else { at + 1 };
            }
        }
        self.before += count as u64;
    }
}

/// The log with a batch that is not entered yet.
pub(crate) struct LoggedBatch<'a> {
    log: &'a PacketLog,
    chunks: &'a [Chunk],
    view: &'a TapView,
    starts: Vec<u64>,
}

impl LoggedBatch<'_> {
    /// The place of a packet of the batch in the order of all packets.
    #[inline]
    pub(crate) fn ordinal(&self, at: RecordAt) -> u64 {
        self.starts[at.chunk as usize] + u64::from(at.record)
    }

    /// What the tap was seen to see.
    #[inline]
    pub(crate) fn view(&self) -> &TapView {
        self.view
    }

    /// The packet of an earlier ordinal, if at `now` it is still known.
    pub(crate) fn packet(&self, ordinal: u64, now: u64) -> Option<Logged> {
        if ordinal > now || now - ordinal >= self.log.capacity as u64 {
            return None;
        }
        if ordinal < self.log.before {
            let at = (ordinal % self.log.capacity as u64) as usize;
            return self.log.packets.get(at).copied();
        }
        let chunk = self.starts.partition_point(|start| *start <= ordinal) - 1;
        let record = (ordinal - self.starts[chunk]) as usize;
        let Chunk { records, facts, .. } = &self.chunks[chunk];
        records.get(record).map(|it| Logged::of(it, facts.facts(record)))
    }
}

persist!(PacketLog { packets, before; capacity });
persist!(Logged {
    source,
    destination,
    number,
    time,
    source_port,
    destination_port,
    protocol,
    flow_shard,
    tap,
    facts
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(numbers: std::ops::Range<u64>) -> Chunk {
        let mut chunk = Chunk::new();
        chunk.records = numbers.map(Record::vacant).collect();
        chunk.facts.reset(chunk.records.len());
        chunk
    }

    proptest! {
        /// However packets are cut into batches and chunks, the same ones are known.
        #[test]
        fn what_is_known_depends_on_order_alone(
            cuts in prop::collection::vec(prop::collection::vec(0_u64..40, 0..4), 0..12),
            capacity in 1_usize..60,
        ) {
            let mut log = PacketLog::new(capacity * size_of::<Logged>());
            let (mut first, view) = (0, TapView::default());
            for cut in cuts {
                let mut chunks = Vec::new();
                let begin = first;
                for length in cut {
                    chunks.push(chunk(first..first + length));
                    first += length;
                }
                let batch = log.batch(&chunks, &view);
                for now in begin..first {
                    for ordinal in 0..first {
                        let known = ordinal <= now && now - ordinal < capacity as u64;
                        let found = batch.packet(ordinal, now).map(|it| it.number);
                        prop_assert_eq!(found, known.then_some(ordinal));
                    }
                }
                log.enter(&chunks);
                prop_assert!(log.packets.len() <= capacity);
            }
        }
    }

    #[test]
    fn the_capacity_is_what_was_paid_for() {
        let log = PacketLog::new(1_000);
        assert_eq!(log.memory_bytes(), 15 * 64);
        assert_eq!(log.packets.capacity(), 15);
    }
}
