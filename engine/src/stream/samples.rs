//! The bytes that a signature will be grown from.

use super::anchors::Anchors;
use super::counters::SampleCounters;
use super::extents::Extents;
use super::history::{self, History};
use super::sample_pool::{Pool, Sample, clip};
use super::{NONE, after};
use crate::packet::{Host, Timestamp};
use crate::state::persist;

/// A packet as evidence.
#[derive(Clone, Copy, Debug)]
pub struct PacketPiece<'a> {
    /// The packet's number, unique in the input.
    pub number: u64,
    /// Keyed hash of the flow direction of a TCP packet; `None` for others.
    pub direction: Option<u64>,
    /// TCP sequence number; 0 for others.
    pub sequence: u32,
    /// Whether the SYN flag is set.
    pub syn: bool,
    /// The transport payload.
    pub payload: &'a [u8],
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// When it was captured.
    pub time: Timestamp,
    /// Whether the payload is all that was sent, not cut by the capture.
    pub whole: bool,
}

impl PacketPiece<'_> {
    /// Sequence number of the first payload byte.
    fn start(&self) -> u32 {
        self.sequence.wrapping_add(u32::from(self.syn))
    }

    /// The window's part inside the payload, which begins `offset` before or in it.
    fn part(&self, offset: i32, window_len: usize) -> Option<(u32, u32)> {
        clip(offset, window_len, self.payload.len())
    }
}

/// A sample, seen from one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleView<'a> {
    /// Unique in the shard, forever: the number of the packet that it was taken
    /// from. Where one packet gave several (a payload longer than a sample),
    /// the later ones carry a count in the top 8 bits.
    pub id: u64,
    /// Contiguous bytes of the stream, or of the payload.
    pub bytes: &'a [u8],
    /// Where in `bytes` the window begins.
    pub window: usize,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// When the packet that it was taken from was captured.
    pub time: Timestamp,
    /// Number of the packet that it was taken from.
    pub packet: u64,
    /// Its payload bytes, where it is a whole datagram.
    pub payload_length: Option<u32>,
}

/// Packet time after which a sample gives way to another of its priority: 60 s.
const FRESH_NANOS: u64 = 60_000_000_000;
/// Anchors for each sample: a sample of small segments has many packets.
const ANCHORS: usize = 4;

/// Pieces of stream around wanted windows, for one flow shard, in fixed memory.
///
/// A sample is a fixed region of a stream, `sample_bytes` long: up to 512 bytes
/// before its packet, the payload, and at least as much after. Whatever segment of
/// the direction has bytes in the region fills what is missing there, so order
/// and size of segments do not matter; the first copy of a byte stays. What is
/// shown is the contiguous run around the window.
///
/// Packets are given in packet order, each to [`Samples::segment`] and then, if
/// it is wanted, to [`Samples::take`].
pub struct Samples {
    pool: Pool,
    anchors: Anchors,
    history: History,
    region: usize,
    /// Running maximum of packet times.
    now: Timestamp,
    born: u64,
    /// The packet that the last sample was taken from, and how many were.
    last: (u64, u64),
    counters: SampleCounters,
}

impl Samples {
    /// Samples of up to `sample_bytes` (64 to 65,536; 2,048 is a good size)
    /// within `bytes` of memory, a quarter of it for the recent past of all
    /// directions. Memory for not even one sample refuses them all.
    pub fn new(bytes: usize, sample_bytes: usize, seed: u64) -> Self {
        let region = sample_bytes.clamp(64, 1 << 16);
        let history = History::new(bytes / 4, seed);
        let left = bytes.saturating_sub(history.memory_bytes() + Pool::FIXED_BYTES);
        let each = Pool::sample_bytes(region) + ANCHORS * Anchors::BYTES;
        let capacity = (left / each).min(NONE as usize / ANCHORS);
        Self {
            pool: Pool::new(capacity, region, seed.rotate_left(17)),
            anchors: Anchors::new(capacity * ANCHORS, seed.rotate_left(34)),
            history,
            region,
            now: Timestamp::default(),
            born: 0,
            last: (u64::MAX, 0),
            counters: SampleCounters::default(),
        }
    }

    /// Bytes taken, all at construction.
    pub fn memory_bytes(&self) -> usize {
        self.pool.memory_bytes()
            + self.anchors.memory_bytes()
            + self.history.memory_bytes()
    }

    /// What happened so far.
    pub fn counters(&self) -> &SampleCounters {
        &self.counters
    }

    /// Samples held now.
    pub fn live(&self) -> usize {
        self.pool.live()
    }

    /// Takes note of the shard's next packet: TCP payload goes on in the
    /// samples that lack it, and into the history. Others are passed over.
    pub fn segment(&mut self, packet: PacketPiece<'_>) {
        self.now = self.now.max(packet.time);
        if let Some(direction) = packet.direction
            && !packet.payload.is_empty()
        {
            self.pool.fill_all(direction, packet.start(), packet.payload);
            self.history.record(direction, packet.start(), packet.payload);
        }
    }

    /// Wants the window of `window_len` bytes that begins at `offset` from the
    /// start of the packet's payload (negative or beyond it across a TCP seam)
    /// as evidence, and holds one reference to the sample that has it: one of
    /// this packet, else of its direction, else a new one. Says whether there
    /// is one.
    ///
    /// A full pool makes room by the lowest priority, oldest first, if that is
    /// lower than `priority`, or equal and older than 60 s of packet time.
    pub fn take(
        &mut self,
        packet: PacketPiece<'_>,
        offset: i32,
        window_len: usize,
        priority: u8,
    ) -> bool {
        self.now = self.now.max(packet.time);
        if let Some(anchor) = self.anchored(packet.number, offset, window_len) {
            self.anchors.hold(anchor);
            self.pool.raise(self.anchors.anchor(anchor).slot, priority);
            self.counters.shared += 1;
            return true;
        }
        if let Some(slot) = self.covering(&packet, offset, window_len) {
            self.pool.raise(slot, priority);
            if self.make_room(priority, Some(slot)) {
                self.anchor(&packet, slot);
                self.counters.shared += 1;
                return true;
            }
            self.counters.refused += 1;
            return false;
        }
        let Some(base) = self.base(&packet, offset, window_len) else {
            self.counters.out_of_reach += 1;
            return false;
        };
        if !self.make_room(priority, None) {
            self.counters.refused += 1;
            return false;
        }
        let slot = self.build(&packet, base, offset, priority);
        self.anchor(&packet, slot);
        self.counters.taken += 1;
        true
    }

    /// Gives back one reference of [`Samples::take`]; a sample without any is
    /// freed. Says whether there was something to give back: an evicted sample
    /// is gone already.
    pub fn release(&mut self, packet_number: u64, offset: i32) -> bool {
        let Some(anchor) = self.anchored(packet_number, offset, 1) else { return false };
        if self.anchors.drop_one(anchor) > 0 {
            return true;
        }
        let slot = self.anchors.anchor(anchor).slot;
        let Some(sample) = self.pool.sample_mut(slot) else { return false };
        sample.anchors = self.anchors.unlink(sample.anchors, anchor);
        let empty = sample.anchors == NONE;
        self.anchors.remove(anchor);
        if empty {
            self.pool.remove(slot);
            self.counters.released += 1;
        }
        true
    }

    /// The sample that holds the packet's window at `offset`, as it is now.
    pub fn sample(&self, packet_number: u64, offset: i32) -> Option<SampleView<'_>> {
        let anchor = self.anchors.anchor(self.anchored(packet_number, offset, 1)?);
        let sample = self.pool.sample(anchor.slot)?;
        let (from, to) = sample.extents.around(sample.core)?;
        Some(SampleView {
            id: sample.id,
            bytes: &self.pool.bytes(anchor.slot)[from as usize..to as usize],
            window: (i64::from(anchor.at) + i64::from(offset) - i64::from(from)) as usize,
            source: sample.source,
            destination: sample.destination,
            source_port: sample.source_port,
            destination_port: sample.destination_port,
            time: sample.time,
            packet: sample.packet,
            payload_length: sample.payload_length,
        })
    }

    /// The bytes around the wanted window of the `most` samples that matter least: other
    /// traffic than what is about to be reported, as far as there is any.
    pub fn ordinary(&self, most: usize) -> impl Iterator<Item = &[u8]> {
        self.pool.by_rank().take(most).filter_map(|slot| {
            let sample = self.pool.sample(slot)?;
            let (from, to) = sample.extents.around(sample.core)?;
            Some(&self.pool.bytes(slot)[from as usize..to as usize])
        })
    }

    /// The packet's anchor in a sample that shows the window.
    fn anchored(&self, number: u64, offset: i32, window_len: usize) -> Option<u32> {
        self.anchors.of(number).find(|&i| {
            let anchor = self.anchors.anchor(i);
            self.pool.sample(anchor.slot).is_some_and(|sample| {
                shows(sample.extents, sample.core, anchor.at, offset, window_len)
            })
        })
    }

    /// A sample of the packet's direction that shows the window, with the very
    /// bytes that the packet has.
    fn covering(
        &self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
    ) -> Option<u32> {
        self.pool.of(packet.direction?).find(|&i| {
            let Some(sample) = self.pool.sample(i) else { return false };
            let at = after(packet.start(), sample.base);
            shows(sample.extents, sample.core, at, offset, window_len)
                && packet.part(offset, window_len).is_none_or(|(from, to)| {
                    let held = (i64::from(at) + i64::from(from)) as usize;
                    let held = &self.pool.bytes(i)[held..][..(to - from) as usize];
                    held == &packet.payload[from as usize..to as usize]
                })
        })
    }

    /// Where a sample's region is to begin, relative to the payload; `None` if
    /// the window's bytes are not all to be had.
    fn base(
        &mut self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
    ) -> Option<i32> {
        let (region, len) = (self.region as i64, packet.payload.len() as i64);
        let (from, to) = (i64::from(offset), i64::from(offset) + window_len as i64);
        let near = to - from <= region && from >= -region && to <= len + region;
        if window_len == 0 || !near || len > i64::from(i32::MAX) / 2 {
            return None;
        }
        let inside = from >= 0 && to <= len;
        // As much to either side: what is left of a content in the segment before or
        // behind is seen where none of its own windows is sampled.
        let (low, high) = (from.min(0), to.max(len));
        let room = (region - (high - low)).max(0) / 2;
        let before = room.min(history::PIECE as i64).min(region / 4);
        let low = if packet.direction.is_some() { low - before } else { low };
        let base = if high - low <= region {
            low
        } else {
            ((from + to - region) / 2).clamp(low, high - region).clamp(to - region, from)
        };
        let base = i32::try_from(base).ok()?;
        let core = offset.checked_sub(base)?;
        if inside {
            return Some(base);
        }
        let mut extents = Extents::default();
        let mut add = |at: i32, bytes: &[u8]| {
            if let Some((from, to)) = clip(at, bytes.len(), region as usize) {
                extents.add(from, to, |_, _| ());
            }
        };
        add(-base, packet.payload);
        let start = packet.start().wrapping_add_signed(base);
        self.history.replay(packet.direction?, start, region as usize, add);
        shows(extents, core as u32, 0, core, window_len).then_some(base)
    }

    /// A sample of what is known of the region: the payload, then the rest in
    /// the order of arrival.
    fn build(
        &mut self,
        packet: &PacketPiece<'_>,
        base: i32,
        offset: i32,
        priority: u8,
    ) -> u32 {
        let count = if self.last.0 == packet.number { self.last.1 + 1 } else { 0 };
        self.last = (packet.number, count);
        self.born += 1;
        let start = packet.start().wrapping_add_signed(base);
        let slot = self.pool.insert(Sample {
            id: packet.number ^ count << 56,
            packet: packet.number,
            source: packet.source,
            destination: packet.destination,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            time: packet.time,
            payload_length: (packet.direction.is_none() && packet.whole)
                .then_some(packet.payload.len() as u32),
            direction: packet.direction,
            base: start,
            core: offset.wrapping_sub(base) as u32,
            extents: Extents::default(),
            priority,
            taken: self.now,
            born: self.born,
            anchors: NONE,
        });
        self.pool.fill(slot, -base, packet.payload);
        if let Some(direction) = packet.direction {
            let pool = &mut self.pool;
            let fill = |at: i32, bytes: &[u8]| pool.fill(slot, at, bytes);
            self.history.replay(direction, start, self.region, fill);
        }
        slot
    }

    /// Anchors the packet to a sample. There must be room.
    fn anchor(&mut self, packet: &PacketPiece<'_>, slot: u32) {
        let Some(sample) = self.pool.sample_mut(slot) else { return };
        // Without sequence numbers a sample has one packet only, and `base` is
        // relative to number 0.
        let at = after(packet.start(), sample.base);
        sample.anchors = self.anchors.insert(packet.number, slot, at, sample.anchors);
    }

    /// Room for one anchor and, if it is not for the sample `kept`, one sample.
    fn make_room(&mut self, priority: u8, kept: Option<u32>) -> bool {
        while !self.anchors.has_room() || kept.is_none() && !self.pool.has_room() {
            let Some(victim) = self.pool.first_to_go() else { return false };
            let Some(sample) = self.pool.sample(victim) else { return false };
            let age = self.now.as_nanos() - sample.taken.as_nanos();
            let gives_way = sample.priority < priority
                || sample.priority == priority && age > FRESH_NANOS;
            if !gives_way || kept == Some(victim) {
                return false;
            }
            let mut anchor = sample.anchors;
            while anchor != NONE {
                let sibling = self.anchors.anchor(anchor).sibling;
                self.anchors.remove(anchor);
                anchor = sibling;
            }
            self.pool.remove(victim);
            self.counters.evicted += 1;
        }
        true
    }
}

/// Whether the run around `core` holds the window of a packet whose payload
/// begins at `at`.
fn shows(extents: Extents, core: u32, at: i32, offset: i32, window_len: usize) -> bool {
    let window = i64::from(at) + i64::from(offset);
    extents.around(core).is_some_and(|(from, to)| {
        i64::from(from) <= window && window + window_len as i64 <= i64::from(to)
    })
}

persist!(Samples { pool, anchors, history, now, born, last, counters; region });

#[cfg(test)]
mod tests;
