//! The bytes that a signature will be grown from.

use super::anchors::Anchors;
use super::counters::SampleCounters;
use super::extents::Extents;
use super::history::{self, History};
use super::sample_pool::{Pool, Sample, clip};
use super::{NONE, after};
use crate::packet::Host;
use crate::state::persist;
use crate::time::{Span, Timestamp};

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
    /// Bytes around a seam of the stream, as its tail joined them, for a window that is
    /// not wholly in the payload: where they begin from the payload's start, and they.
    pub seam: Option<(i32, &'a [u8])>,
}

impl<'a> PacketPiece<'a> {
    /// Sequence number of the first payload byte.
    fn start(&self) -> u32 {
        self.sequence.wrapping_add(u32::from(self.syn))
    }

    /// The window's bytes, where the payload or the seam holds them all.
    fn window(&self, offset: i32, window_len: usize) -> Option<&'a [u8]> {
        let inside = |at: i32, bytes: &'a [u8]| {
            let from = usize::try_from(i64::from(offset) - i64::from(at)).ok()?;
            bytes.get(from..from.checked_add(window_len)?)
        };
        let of_seam = || self.seam.and_then(|(at, bytes)| inside(at, bytes));
        inside(0, self.payload).or_else(of_seam)
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
    /// Bytes of the window, all of them in `bytes`: a datagram that is shorter than a
    /// window is its own.
    pub window_len: usize,
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

/// Which of several samples matters least: the order is that in which they give way. Of two
/// stores the samples are in one order too, as long as packets have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampleRank {
    /// What the sample is worth.
    pub priority: u8,
    /// Number of the packet that it was taken from.
    pub packet: u64,
    /// Its place in the order of taking, in its store.
    pub born: u64,
    /// As in [`SampleView::id`].
    pub id: u64,
}

/// Packet time after which a sample gives way to another of its priority.
const FRESH: Span = Span::from_secs(60);
/// Anchors for each sample: a sample of small segments has many packets.
const ANCHORS: usize = 4;

/// Pieces of stream around wanted windows, for one flow shard, in fixed memory.
///
/// A sample is a fixed region of a stream, `sample_bytes` long: up to 512 bytes
/// before its packet, the payload, and at least as much after. Whatever segment of
/// the direction has bytes in the region fills what is missing there, so order
/// and size of segments do not matter; the first copy of a byte stays, but the bytes of
/// the wanted window come before all copies. What is shown is the contiguous run around
/// the window, and always the whole window.
///
/// A payload longer than a sample is covered by regions that lie half a sample apart,
/// each for the windows nearest to its middle: so neighbours overlap, and no window
/// stands at the end of what is known of its surroundings.
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
        let window = packet.window(offset, window_len);
        let grid = self.grid_base(&packet, offset, window_len);
        let holds = |bytes: &[u8]| window.is_none_or(|window| window == bytes);
        let shares = self.shares(&packet, offset, window_len, grid);
        let anchored = self.anchored(packet.number, offset, window_len, |at, it| {
            shares(at) && holds(it)
        });
        if let Some(anchor) = anchored {
            self.anchors.hold(anchor);
            self.pool.raise(self.anchors.anchor(anchor).slot, priority);
            self.counters.shared += 1;
            return true;
        }
        if let Some(slot) = self.covering(&packet, offset, window_len, shares) {
            self.pool.raise(slot, priority);
            if self.make_room(priority, Some(slot)) {
                self.anchor(&packet, slot);
                self.counters.shared += 1;
                return true;
            }
            self.counters.refused += 1;
            return false;
        }
        let Some(base) = self.base(&packet, offset, window_len, grid) else {
            self.counters.out_of_reach += 1;
            return false;
        };
        if !self.make_room(priority, None) {
            self.counters.refused += 1;
            return false;
        }
        let slot = self.build(&packet, base, offset, priority);
        let sample = self.pool.sample(slot);
        if sample.and_then(|it| shown(it, -base, offset, window_len)).is_none() {
            // What came before the payload has other bytes than the payload itself.
            self.pool.remove(slot);
            self.counters.out_of_reach += 1;
            return false;
        }
        self.anchor(&packet, slot);
        self.counters.taken += 1;
        true
    }

    /// Gives back one reference of [`Samples::take`]; a sample without any is
    /// freed. Says whether there was something to give back: an evicted sample
    /// is gone already.
    pub fn release(
        &mut self,
        packet_number: u64,
        offset: i32,
        window_len: usize,
    ) -> bool {
        // Where several show the window, the one that most want: no other is let go of
        // while it is needed.
        let showing = self.anchors.of(packet_number).filter(|&i| {
            let anchor = self.anchors.anchor(i);
            let sample = self.pool.sample(anchor.slot);
            sample.is_some_and(|it| shown(it, anchor.at, offset, window_len).is_some())
        });
        let Some(anchor) = showing.max_by_key(|&i| self.anchors.anchor(i).references)
        else {
            return false;
        };
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

    /// The sample that holds the packet's window of `window_len` bytes at `offset`, as it
    /// is now: all of the window, with bytes that `holds` accepts. Samples of which none
    /// is accepted are counted.
    pub fn sample(
        &mut self,
        packet_number: u64,
        offset: i32,
        window_len: usize,
        holds: impl Fn(&[u8]) -> bool,
    ) -> Option<SampleView<'_>> {
        let Some(anchor) =
            self.anchored(packet_number, offset, window_len, |_, it| holds(it))
        else {
            let shown = self.anchored(packet_number, offset, window_len, |_, _| true);
            self.counters.other_bytes += u64::from(shown.is_some());
            return None;
        };
        let anchor = self.anchors.anchor(anchor);
        let sample = self.pool.sample(anchor.slot)?;
        let (from, to) = sample.extents.around(sample.core)?;
        let (window, window_end) = shown(sample, anchor.at, offset, window_len)?;
        Some(SampleView {
            id: sample.id,
            bytes: &self.pool.bytes(anchor.slot)[from as usize..to as usize],
            window: (window - from) as usize,
            window_len: (window_end - window) as usize,
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
    pub fn ordinary(&self, most: usize) -> impl Iterator<Item = (SampleRank, &[u8])> {
        self.pool.by_rank().take(most).filter_map(|slot| {
            let sample = self.pool.sample(slot)?;
            let (from, to) = sample.extents.around(sample.core)?;
            let &Sample { priority, packet, born, id, .. } = sample;
            let rank = SampleRank { priority, packet, born, id };
            Some((rank, &self.pool.bytes(slot)[from as usize..to as usize]))
        })
    }

    /// The packet's anchor in the sample that shows the window, that `accepts` takes
    /// (where the payload begins in its region, and the window's bytes), nearest to its middle; the first taken of equals.
    fn anchored(
        &self,
        number: u64,
        offset: i32,
        window_len: usize,
        accepts: impl Fn(i32, &[u8]) -> bool,
    ) -> Option<u32> {
        let fits = |&i: &u32| {
            let anchor = self.anchors.anchor(i);
            let window = self
                .pool
                .sample(anchor.slot)
                .and_then(|sample| shown(sample, anchor.at, offset, window_len));
            window.is_some_and(|(from, to)| {
                let bytes = &self.pool.bytes(anchor.slot)[from as usize..to as usize];
                accepts(anchor.at, bytes)
            })
        };
        let off_middle = |&i: &u32| {
            let anchor = self.anchors.anchor(i);
            let middle = i64::from(anchor.at) + i64::from(offset) + window_len as i64 / 2;
            let born = self.pool.sample(anchor.slot).map_or(0, |sample| sample.born);
            ((middle - self.region as i64 / 2).abs(), born)
        };
        self.anchors.of(number).filter(fits).min_by_key(off_middle)
    }

    /// Where the region for a window of a payload longer than a region is to begin,
    /// relative to the payload: the one whose middle is nearest of those that lie half a
    /// region apart. A datagram's lie inside it, while a stream goes on at both ends.
    fn grid_base(
        &self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
    ) -> Option<i32> {
        let (region, len) = (self.region as i64, packet.payload.len() as i64);
        if len <= region || len > i64::from(i32::MAX) / 2 {
            return None;
        }
        let ideal = i64::from(offset) + (window_len as i64 - region) / 2;
        let step = region / 2;
        let place = |number: i64| match packet.direction {
            Some(_) => number * step,
            None => (number * step).clamp(0, len - region),
        };
        let below = ideal.div_euclid(step);
        let base = [place(below), place(below + 1)]
            .into_iter()
            .min_by_key(|base| (base - ideal).abs())?;
        i32::try_from(base).ok()
    }

    /// Where the region that the window from `from` to `to` would be given by itself
    /// begins, relative to the payload.
    fn own(&self, packet: &PacketPiece<'_>, from: i64, to: i64) -> i64 {
        let (region, len) = (self.region as i64, packet.payload.len() as i64);
        // As much to either side: what is left of a content in the segment before or
        // behind is seen where none of its own windows is sampled.
        let (low, high) = (from.min(0), to.max(len));
        let room = (region - (high - low)).max(0) / 2;
        let before = room.min(history::PIECE as i64).min(region / 4);
        let low = if packet.direction.is_some() { low - before } else { low };
        if high - low <= region || to - from > region {
            low
        } else {
            ((from + to - region) / 2).clamp(low, high - region).clamp(to - region, from)
        }
    }

    /// Which samples a window may share, by where the payload begins in their region: that
    /// of its grid; else those that go on behind the window nearly as far as its own
    /// sample would, or a quarter of a region, so that a content is not cut where an
    /// earlier sample ends.
    fn shares(
        &self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
        grid: Option<i32>,
    ) -> impl Fn(i32) -> bool + use<> {
        let region = self.region as i64;
        let (from, to) = (i64::from(offset), i64::from(offset) + window_len as i64);
        let own = self.own(packet, from, to) + region;
        let enough = own.min(to + region / 4) - region / 32;
        let is_datagram = packet.direction.is_none();
        move |at| match grid {
            Some(base) => i64::from(at) == -i64::from(base),
            None => is_datagram || region - i64::from(at) >= enough,
        }
    }

    /// A sample of the packet's direction that shows the window, with the very
    /// bytes that the packet has, there and wherever it shows the payload.
    fn covering(
        &self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
        shares: impl Fn(i32) -> bool,
    ) -> Option<u32> {
        let window = packet.window(offset, window_len);
        self.pool.of(packet.direction?).find(|&i| {
            let Some(sample) = self.pool.sample(i) else { return false };
            let at = after(packet.start(), sample.base);
            if !shares(at) {
                return false;
            }
            let Some((from, to)) = shown(sample, at, offset, window_len) else {
                return false;
            };
            let bytes = self.pool.bytes(i);
            window.is_none_or(|window| window == &bytes[from as usize..to as usize])
                && agrees(bytes, sample.extents, at, packet.payload)
        })
    }

    /// Where a sample's region is to begin, relative to the payload; `None` if
    /// not all bytes of the window are available.
    fn base(
        &mut self,
        packet: &PacketPiece<'_>,
        offset: i32,
        window_len: usize,
        grid: Option<i32>,
    ) -> Option<i32> {
        let (region, len) = (self.region as i64, packet.payload.len() as i64);
        let (from, to) = (i64::from(offset), i64::from(offset) + window_len as i64);
        let near = to - from <= region && from >= -region && to <= len + region;
        if window_len == 0 || !near || len > i64::from(i32::MAX) / 2 {
            return None;
        }
        let known = packet.window(offset, window_len).is_some();
        let base = grid.map_or_else(|| self.own(packet, from, to), i64::from);
        let base = i32::try_from(base).ok()?;
        let core = offset.checked_sub(base)?;
        if known {
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
        let core = u32::try_from(core).ok()?;
        let (_, end) = extents.around(core)?;
        (u64::from(core) + window_len as u64 <= u64::from(end)).then_some(base)
    }

    /// A sample of what is known of the region: the seam, the payload, then the rest in
    /// the order of arrival, but for segments that have other bytes where they overlap
    /// what is there already.
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
        if let Some((at, bytes)) = packet.seam {
            self.pool.fill(slot, at.saturating_sub(base), bytes);
        }
        self.pool.fill(slot, -base, packet.payload);
        if let Some(direction) = packet.direction {
            let pool = &mut self.pool;
            let fill = |at: i32, bytes: &[u8]| {
                let extents =
                    pool.sample(slot).map_or_else(Default::default, |s| s.extents);
                if agrees(pool.bytes(slot), extents, at, bytes) {
                    pool.fill(slot, at, bytes);
                }
            };
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
            let age = self.now.since(sample.taken);
            let gives_way =
                sample.priority < priority || sample.priority == priority && age > FRESH;
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

/// Where the window lies in the region, if the run around `core` holds all of it; the
/// packet's payload begins at `at`. Of a datagram that is shorter than a window, the
/// whole.
fn shown(sample: &Sample, at: i32, offset: i32, window_len: usize) -> Option<(u32, u32)> {
    let (from, to) = sample.extents.around(sample.core)?;
    let length = match sample.direction {
        Some(_) => window_len as i64,
        None => (window_len as i64).min(i64::from(to) - i64::from(from)),
    };
    let window = i64::from(at) + i64::from(offset);
    (i64::from(from) <= window && window + length <= i64::from(to))
        .then_some((window as u32, (window + length) as u32))
}

/// Whether bytes that begin `at` from a region's start are those that the region has
/// where it has any.
fn agrees(region: &[u8], extents: Extents, at: i32, bytes: &[u8]) -> bool {
    let Some((from, to)) = clip(at, bytes.len(), region.len()) else { return true };
    extents.runs().all(|(first, last)| {
        let (from, to) = (from.max(first), to.min(last));
        from >= to || {
            let skipped = (i64::from(from) - i64::from(at)) as usize;
            let (from, to) = (from as usize, to as usize);
            region[from..to] == bytes[skipped..skipped + to - from]
        }
    })
}

persist!(Samples { pool, anchors, history, now, born, last, counters; region });

#[cfg(test)]
mod tests;
