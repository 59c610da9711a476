//! What passes between the stages: records of packets and sightings of windows.

use super::coverage::{Coverage, StopAt};
use super::flow_facts::FlowFacts;
use super::sizing::{CONTENT_SHARDS, FLOW_SHARDS};
use super::stats::{PacketCounters, WindowCounters};
use crate::dark::Arrival;
use crate::detect::conversations;
use crate::detect::decoys::CONTENT;
use crate::detect::taps::MOST_TAPS;
use crate::packet::{
    Frame, Handshake, Host, LinkType, Packet, Timestamp, protocol, tcp_flags,
};
use std::sync::OnceLock;

/// One sampled window seen in one packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sighting {
    /// Fingerprint, protocol and port, mixed; its top six bits are the content shard.
    pub(crate) key: u64,
    /// Index of the packet's record in its chunk.
    pub(crate) record: u32,
    /// Where the window starts, relative to the packet's payload: negative where
    /// it began in an earlier segment.
    pub(crate) offset: i32,
}

/// The shard that owns a content.
pub(crate) fn content_shard(key: u64) -> usize {
    (key >> (64 - CONTENT_SHARDS.trailing_zeros())) as usize
}

/// Windows of a packet of which it is known that they are its least.
pub(crate) const LEAST: usize = 2;

/// What decides which windows of a packet are its least: bits of the key that choose neither
/// its shard nor its tag.
fn order_of(key: u64) -> u32 {
    (key >> 24) as u32
}

/// The flag of what a host has put together from segments; on the wire this bit is CWR
/// (RFC 3168), which no stage reads.
pub(crate) const REASSEMBLED: u8 = 0x80;
/// The flag of what came through a tunnel that is not trusted; on the wire this bit is ECE.
pub(crate) const UNTRUSTED: u8 = 0x40;
/// With `REASSEMBLED`, what the host says of its sender, in bits that stand for other things
/// on the wire: it gets answers, it gets none, or this is the first piece of its direction.
const ANSWERED: u8 = tcp_flags::ACK;
const UNANSWERED: u8 = tcp_flags::FIN;
const BEGINS: u8 = 0x08;

/// The flags of what a host has put together.
pub(crate) fn reassembled(handshake: Handshake, begins: bool) -> u8 {
    let handshake = match handshake {
        Handshake::Unknown => 0,
        Handshake::Answered => ANSWERED,
        Handshake::Unanswered => UNANSWERED,
    };
    REASSEMBLED | handshake | if begins { BEGINS } else { 0 }
}

/// What the later stages need to know of a packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    pub(crate) number: u64,
    /// As claimed; after the clock's pass, as it counts.
    pub(crate) time: Timestamp,
    pub(crate) source: Host,
    pub(crate) destination: Host,
    /// Keyed hash of the direction of its conversation; 0 for protocols without one.
    pub(crate) direction: u64,
    /// What protocol and port add to each of its keys.
    pub(crate) salt: u64,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) flags: u8,
    /// The number of the tap that saw it.
    pub(crate) tap: u8,
    /// Where there are several taps: what is equal in a packet that two of them saw.
    pub(crate) identity: u64,
    /// Whether another tap has shown it before.
    pub(crate) is_copy: bool,
    pub(crate) flow_shard: u8,
    /// A place kept for a datagram that was not completed: counts as no packet.
    pub(crate) vacant: bool,
    /// Whether it counts at the time of the packets before it, whatever its own.
    pub(crate) untimed: bool,
    /// Whether it was sent to a dark address.
    pub(crate) to_dark: bool,
    /// Whether what it shows by itself is left out: it turned out to answer a dark address.
    pub(crate) unsifted: bool,
    /// Whether it is to or from a decoy; known after the clock's pass.
    pub(crate) is_decoys: bool,
    /// Whether its tap has passed on none of its contents but those that are prevalent there.
    pub(crate) is_gated: bool,
    pub(crate) payload: PayloadAt,
}

impl Record {
    /// A place in packet order that a reassembled datagram may fill.
    pub(crate) fn vacant(number: u64) -> Self {
        Self {
            number,
            time: Timestamp::default(),
            source: Host::default(),
            destination: Host::default(),
            direction: 0,
            salt: 0,
            sequence: 0,
            acknowledgement: 0,
            source_port: 0,
            destination_port: 0,
            protocol: 0,
            flags: 0,
            tap: 0,
            identity: 0,
            is_copy: false,
            flow_shard: 0,
            vacant: true,
            untimed: false,
            to_dark: false,
            unsifted: false,
            is_decoys: false,
            is_gated: false,
            payload: PayloadAt::default(),
        }
    }

    pub(crate) fn syn(&self) -> bool {
        self.flags & tcp_flags::SYN != 0
    }

    /// Whether it came through a tunnel that is not trusted.
    pub(crate) fn is_untrusted(&self) -> bool {
        self.flags & UNTRUSTED != 0
    }

    /// Whether it belongs to a stream of bytes: a piece of one whose headers are not known
    /// does not.
    pub(crate) fn is_segment(&self) -> bool {
        self.protocol == protocol::TCP && self.direction != 0
    }

    /// Whether it fills a place in a stream of bytes, or says where one begins.
    pub(crate) fn fills(&self) -> bool {
        self.is_segment() && (self.payload.len > 0 || self.syn())
    }

    /// What it says of its conversation.
    pub(crate) fn kind(&self) -> conversations::Kind {
        use conversations::Kind;
        if !self.is_segment() {
            return Kind::Datagram;
        }
        if self.flags & REASSEMBLED != 0 {
            let handshake = match self.flags & (ANSWERED | UNANSWERED) {
                ANSWERED => Handshake::Answered,
                UNANSWERED => Handshake::Unanswered,
                _ => Handshake::Unknown,
            };
            return Kind::HostStream { handshake, begins: self.flags & BEGINS != 0 };
        }
        let Self { flags, sequence, acknowledgement, .. } = *self;
        Kind::Tcp { flags, sequence, acknowledgement }
    }
}

/// Where a payload lies: in a frame of the batch, or in the chunk's own bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PayloadAt {
    /// Index of the frame; `OWN` for the chunk's own bytes.
    pub(crate) origin: u32,
    pub(crate) len: u32,
    /// A host's worker may buffer more than 4 GiB.
    pub(crate) start: u64,
}

impl PayloadAt {
    /// The chunk's own bytes.
    pub(crate) const OWN: u32 = u32::MAX;
    /// The same, of a payload whose end was not captured.
    pub(crate) const OWN_CUT: u32 = u32::MAX - 1;
    /// A tap that is elsewhere has it.
    pub(crate) const AWAY: u32 = u32::MAX - 2;
    /// The same; its first [`BEGINNING`](Self::BEGINNING) bytes are in the chunk's own.
    pub(crate) const AWAY_BEGINNING: u32 = u32::MAX - 3;
    /// As much of a payload as decoys are remembered by.
    pub(crate) const BEGINNING: usize = CONTENT;
}

/// The frames that payloads were borrowed from.
pub(crate) trait Frames: Sync {
    /// The captured bytes of frame `index`.
    fn data(&self, index: usize) -> &[u8];
    /// Whether the capture holds all of frame `index`.
    fn is_whole(&self, index: usize) -> bool;
}

/// No frames: every payload is the chunk's own.
pub(crate) struct NoFrames;

impl Frames for NoFrames {
    fn data(&self, _: usize) -> &[u8] {
        &[]
    }
    fn is_whole(&self, _: usize) -> bool {
        true
    }
}

/// A fragment that waits for the serial pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FragmentAt {
    /// The frame that holds it.
    pub(crate) frame: u32,
    /// The record that a completed datagram fills.
    pub(crate) record: u32,
}

/// A frame that outlives the host's buffer.
pub(crate) struct KeptFrame {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) link: LinkType,
    pub(crate) original_len: u32,
    pub(crate) tap: u16,
    pub(crate) data: Box<[u8]>,
}

impl KeptFrame {
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let Frame { number, time, link, original_len, tap, data } = *frame;
        Self { number, time, link, original_len, tap, data: data.into() }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        let &Self { number, time, link, original_len, tap, ref data } = self;
        Frame { number, time, link, original_len, tap, data }
    }
}

/// What a worker made of a run of consecutive packets.
pub(crate) struct Chunk {
    pub(crate) records: Vec<Record>,
    /// What the flow stage finds out about each record; set up when the batch's turn
    /// comes.
    pub(crate) facts: FlowFacts,
    /// The destination port of each record, side by side: all that content shards need of
    /// most. Set up when the batch's turn comes.
    pub(crate) ports: Vec<u16>,
    /// By content shard, in order of (record, offset).
    pub(crate) sightings: Vec<Vec<Sighting>>,
    /// Records of conversations by flow shard, in order.
    pub(crate) flows: Vec<Vec<u32>>,
    pub(crate) fragments: Vec<FragmentAt>,
    /// Packets to dark addresses, in order of their records but for datagrams put together.
    pub(crate) arrivals: Vec<Arrival>,
    /// Whether a record is not to be sifted.
    pub(crate) has_unsifted: bool,
    /// Whether a record is a copy of another.
    pub(crate) has_copies: bool,
    /// What came by at each tap, where there are several.
    pub(crate) by_tap: Vec<u64>,
    /// The frames of a host that hold them, since its buffer does not last.
    pub(crate) kept: Vec<KeptFrame>,
    /// Payloads that outlive the caller's buffer.
    pub(crate) own: Vec<u8>,
    pub(crate) packets: PacketCounters,
    pub(crate) windows: WindowCounters,
    /// How far its frames were read.
    pub(crate) coverage: Coverage,
    /// What was not read to a payload, in order of numbers.
    pub(crate) stops: Vec<StopAt>,
    /// What decoding and fingerprints took, nanoseconds.
    pub(crate) nanos: [u64; 2],
    /// See [`Chunk::lesser`].
    pub(super) least: OnceLock<Vec<[u32; LEAST]>>,
}

impl Chunk {
    pub(crate) fn new() -> Self {
        Self {
            records: Vec::new(),
            facts: FlowFacts::default(),
            ports: Vec::new(),
            sightings: vec![Vec::new(); CONTENT_SHARDS],
            flows: vec![Vec::new(); FLOW_SHARDS],
            fragments: Vec::new(),
            arrivals: Vec::new(),
            has_unsifted: false,
            has_copies: false,
            by_tap: Vec::new(),
            kept: Vec::new(),
            own: Vec::new(),
            packets: PacketCounters::default(),
            windows: WindowCounters::default(),
            coverage: Coverage::default(),
            stops: Vec::new(),
            nanos: [0; 2],
            least: OnceLock::new(),
        }
    }

    /// How many windows that a packet shows by itself are less than this one, by
    /// [`order_of`]; up to [`LEAST`].
    pub(crate) fn lesser(&self, record: u32, key: u64) -> usize {
        self.least()[record as usize].partition_point(|it| *it < order_of(key))
    }

    /// The least windows of each record.
    pub(super) fn least(&self) -> &[[u32; LEAST]] {
        // Looked for when it is first asked for: mostly, it never is.
        self.least.get_or_init(|| {
            let mut least = vec![[u32::MAX; LEAST]; self.records.len()];
            for sighting in self.sightings.iter().flatten() {
                let of_record = &mut least[sighting.record as usize];
                let order = order_of(sighting.key);
                let at = of_record.partition_point(|it| *it < order);
                // The same content again is no other window.
                if of_record.get(at).is_some_and(|it| *it != order) {
                    of_record[at..].rotate_right(1);
                    of_record[at] = order;
                }
            }
            least
        })
    }

    /// Counts a frame, or a packet of a host, at a tap.
    pub(crate) fn count_at(&mut self, tap: u16) {
        let tap = usize::from(tap);
        // Those beyond are no taps that the settings know.
        if self.by_tap.len() <= tap && tap < MOST_TAPS {
            self.by_tap.resize(tap + 1, 0);
        }
        self.by_tap.get_mut(tap).into_iter().for_each(|count| *count += 1);
    }

    /// Notes a window that was seen.
    #[inline]
    pub(crate) fn keep(&mut self, key: u64, record: u32, offset: i32) {
        self.sightings[content_shard(key)].push(Sighting { key, record, offset });
    }

    /// What content shards need of it; the sightings go with that.
    pub(crate) fn for_content_shards(&mut self) -> Self {
        Self {
            records: self.records.clone(),
            facts: FlowFacts::of(self.facts.packed()),
            ports: std::mem::take(&mut self.ports),
            sightings: std::mem::take(&mut self.sightings),
            has_unsifted: self.has_unsifted,
            has_copies: self.has_copies,
            ..Self::new()
        }
    }

    /// Empties it. The allocations stay, unless they are larger than usual and than
    /// four times what they held: a steady load allocates nothing, and what a freak
    /// batch left goes with the next. Many chunks that each once held the largest frame
    /// would be a multiple of a batch.
    pub(crate) fn clear(&mut self) {
        fn empty<T>(list: &mut Vec<T>, usual: usize) {
            let keep = usual.max(4 * list.len());
            list.clear();
            list.shrink_to(keep);
        }
        empty(&mut self.records, 256);
        empty(&mut self.ports, 256);
        self.sightings.iter_mut().for_each(|list| empty(list, 32));
        self.flows.iter_mut().for_each(|list| empty(list, 32));
        empty(&mut self.fragments, 128);
        empty(&mut self.arrivals, 32);
        self.has_unsifted = false;
        self.has_copies = false;
        self.by_tap.clear();
        self.kept.clear();
        empty(&mut self.own, 1 << 12);
        self.packets = PacketCounters::default();
        self.windows = WindowCounters::default();
        self.coverage = Coverage::default();
        empty(&mut self.stops, 64);
        self.nanos = [0; 2];
        self.least = OnceLock::new();
    }

    /// Whether there is nothing in it to sift or to count.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.packets.packets == 0
    }

    /// The payload of a record.
    pub(crate) fn payload<'a>(
        &'a self,
        record: &Record,
        frames: &'a dyn Frames,
    ) -> &'a [u8] {
        let at = record.payload;
        let bytes = match at.origin {
            PayloadAt::AWAY | PayloadAt::AWAY_BEGINNING => return self.beginning(record),
            PayloadAt::OWN | PayloadAt::OWN_CUT => &self.own[..],
            index => frames.data(index as usize),
        };
        &bytes[at.start as usize..at.start as usize + at.len as usize]
    }

    /// The beginning of a payload that a tap has which is elsewhere, if it is here.
    pub(crate) fn beginning(&self, record: &Record) -> &[u8] {
        let at = record.payload;
        match at.origin {
            PayloadAt::AWAY_BEGINNING => {
                let len = PayloadAt::BEGINNING.min(at.len as usize);
                &self.own[at.start as usize..at.start as usize + len]
            }
            _ => &[],
        }
    }

    /// Whether a record's payload is all that was sent: hosts give whole packets,
    /// and what was put together from fragments is whole.
    pub(crate) fn is_whole(&self, record: &Record, frames: &dyn Frames) -> bool {
        match record.payload.origin {
            PayloadAt::OWN => true,
            PayloadAt::OWN_CUT => false,
            index => frames.is_whole(index as usize),
        }
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.records.capacity() * size_of::<Record>()
            + self.facts.memory_bytes()
            + self.ports.capacity() * size_of::<u16>()
            + self
                .sightings
                .iter()
                .map(|v| v.capacity() * size_of::<Sighting>())
                .sum::<usize>()
            + self.flows.iter().map(|v| v.capacity() * 4).sum::<usize>()
            + self.arrivals.capacity() * size_of::<Arrival>()
            + self.own.capacity()
            + self.kept.iter().map(|f| size_of_val(f) + f.data.len()).sum::<usize>()
    }
}

/// Whether a packet is a reply to what somebody spoofed: counted, by default not
/// sifted, since replies go from many to many by construction (DESIGN,
/// "Backscatter").
pub(crate) fn is_backscatter(packet: &Packet<'_>) -> bool {
    packet.is_icmp_error()
        || packet.protocol == protocol::TCP
            && packet.tcp_flags & tcp_flags::RST != 0
            && !packet.payload.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Against the sorted list of each packet's windows.
        #[test]
        fn the_least_windows_of_a_packet_are_those_of_a_sorted_list(
            windows in prop::collection::vec((0_u32..5, 0_u64..12), 0..60),
        ) {
            let mut chunk = Chunk::new();
            chunk.records = (0..5).map(Record::vacant).collect();
            let key = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut twin = vec![BTreeSet::new(); 5];
            for (record, n) in windows {
                chunk.keep(key(n), record, 0);
                twin[record as usize].insert(order_of(key(n)));
            }
            for (record, orders) in (0..).zip(&twin) {
                for n in 0..12 {
                    let lesser = orders.iter().filter(|it| **it < order_of(key(n))).count();
                    prop_assert_eq!(chunk.lesser(record, key(n)), lesser.min(LEAST));
                }
            }
        }
    }
}
