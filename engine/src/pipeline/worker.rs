//! The stage that needs no order: packets in, records and sightings out.

use super::batch::{
    Chunk, FragmentAt, KeptFrame, PayloadAt, REASSEMBLED, Record, UNTRUSTED,
    is_backscatter, reassembled,
};
use super::content_shard::{PortKeys, port_keys};
use super::coverage::wire_len;
use super::dark_addresses;
use super::seeds::{Seeds, mix};
use super::sizing::FLOW_SHARDS;
use super::stage_times::StageTimer;
use crate::config::{Config, PortRule};
use crate::dark::{self, Arrival, DarkClass};
use crate::decode::{Decoded, Decoder, DropCounters, Fragment};
use crate::fingerprint::{Fingerprinter, Kernel, Scratch, Short};
use crate::packet::{
    Frame, Host, NetworkSet, Packet, Site, StreamPiece, Timestamp, protocol,
};
use crate::stream::direction;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What all workers of a sensor share: read only.
pub(crate) struct Sifter {
    pub(crate) fingerprinter: Fingerprinter,
    port_rule: PortRule,
    /// Under the port rule `roles`.
    port_keys: Option<PortKeys>,
    dark: NetworkSet,
    /// The home network, where its dark addresses are learned.
    learns_dark: NetworkSet,
    v6_prefix: u8,
    /// The site of each tap.
    sites: Vec<Option<Site>>,
    short_datagrams: bool,
    pub(super) tails: bool,
    direction_seed: u64,
    flow_seed: u64,
    salt_seed: u64,
    identity_seed: u64,
}

impl Sifter {
    pub(crate) fn new(config: &Config, seeds: &Seeds, kernel: Kernel) -> Self {
        Self {
            fingerprinter: Fingerprinter::new(
                seeds.wide("fingerprint"),
                config.beta,
                config.sampling,
                kernel,
            ),
            port_rule: config.port_rule,
            port_keys: port_keys(config, seeds),
            dark: dark_addresses::named(config),
            learns_dark: dark_addresses::learned(config),
            v6_prefix: config.v6_prefix,
            sites: config.taps.iter().map(|tap| tap.site()).collect(),
            short_datagrams: config.short_datagrams,
            tails: config.tails,
            direction_seed: seeds.narrow("direction"),
            flow_seed: seeds.narrow("flow shard"),
            salt_seed: seeds.narrow("content key"),
            identity_seed: seeds.narrow("identity"),
        }
    }

    /// What protocol and port add to a content's key.
    fn salt(&self, protocol: u8, source_port: u16, destination_port: u16) -> u64 {
        self.salt_of(protocol, self.port_rule.port(source_port, destination_port))
    }

    fn salt_of(&self, protocol: u8, port: Option<u16>) -> u64 {
        let port = u64::from(port.unwrap_or(0));
        mix(self.salt_seed ^ (u64::from(protocol) << 16 | port))
    }

    /// Whether a window, or a short datagram, is one that has this key under this protocol
    /// and port.
    pub(crate) fn has_key(
        &self,
        window: &[u8],
        key: u64,
        protocol: u8,
        port: Option<u16>,
    ) -> bool {
        match (self.port_keys, port) {
            (Some(port_keys), Some(port)) => {
                let content = port_keys.at(key, port);
                self.has_salted_key(window, content, self.salt_of(protocol, None))
            }
            _ => self.has_salted_key(window, key, self.salt_of(protocol, port)),
        }
    }

    /// The same, of what protocol and port add to the key.
    pub(crate) fn has_salted_key(&self, window: &[u8], key: u64, salt: u64) -> bool {
        let print = if window.len() == self.fingerprinter.beta() {
            self.fingerprinter.window(window)
        } else if window.len() >= Fingerprinter::MIN_SHORT
            && let Short::Kept(print) = self.fingerprinter.short(window)
        {
            print
        } else {
            return false;
        };
        mix(print.0 ^ salt) == key
    }

    /// The shard of an unordered address pair, without ports, so that fragments
    /// go with the rest of their flow.
    fn flow_shard(&self, a: Host, b: Host) -> u8 {
        (self.pair(a, b) % FLOW_SHARDS as u64) as u8
    }

    /// Keyed hash of two hosts, the same for both directions.
    pub(super) fn pair(&self, a: Host, b: Host) -> u64 {
        let fold =
            |host: Host| mix((host.0 >> 64) as u64 ^ mix(host.0 as u64 ^ self.flow_seed));
        mix(fold(a).wrapping_add(fold(b)))
    }

    /// The direction of the packet's conversation; 0 for protocols without one.
    fn direction(&self, packet: &Packet<'_>) -> u64 {
        let Some(protocol) = conversation_of(packet) else { return 0 };
        let (connection, from_higher) = self.connection(packet);
        direction(connection ^ protocol, from_higher)
    }

    /// A hash of both ends, and whether the higher one sends.
    pub(super) fn connection(&self, packet: &Packet<'_>) -> (u64, bool) {
        // Type and code of ICMP differ between the two directions.
        let is_icmp = matches!(packet.protocol, protocol::ICMP | protocol::ICMPV6);
        let destination_port = if is_icmp { 0 } else { packet.destination_port };
        let mut ends = [
            (self.source(packet).0, packet.source_port),
            (self.destination(packet).0, destination_port),
        ];
        let from_higher = ends[0] > ends[1];
        if from_higher {
            ends.swap(0, 1);
        }
        let mut text = [0_u8; 44];
        text[..16].copy_from_slice(&ends[0].0.to_le_bytes());
        text[16..32].copy_from_slice(&ends[1].0.to_le_bytes());
        text[32..34].copy_from_slice(&ends[0].1.to_le_bytes());
        text[34..36].copy_from_slice(&ends[1].1.to_le_bytes());
        text[36..].copy_from_slice(&packet.encapsulation.to_le_bytes());
        (xxh3_64_with_seed(&text, self.direction_seed), from_higher)
    }

    /// Where the packet's addresses belong.
    fn site(&self, packet: &Packet<'_>) -> Option<Site> {
        *self.sites.get(usize::from(packet.tap))?
    }

    /// The address of who sent it, as a host by itself.
    pub(super) fn source(&self, packet: &Packet<'_>) -> Host {
        Host::of(packet.source, 128).at(self.site(packet))
    }

    /// The address of whom it was sent to, as a host by itself.
    fn destination(&self, packet: &Packet<'_>) -> Host {
        Host::of(packet.destination, 128).at(self.site(packet))
    }

    /// Whether packets may be copies of others.
    #[inline]
    pub(super) fn has_several_taps(&self) -> bool {
        self.sites.len() > 1
    }

    /// Keyed hash of all that is equal in one fragment at any tap.
    pub(super) fn fragment_identity(&self, fragment: &Fragment<'_>) -> u64 {
        let site = self.sites.get(usize::from(fragment.tap)).copied().flatten();
        let mut text = [0_u8; 44];
        let ends = [fragment.source, fragment.destination]
            .map(|it| Host::of(it, 128).at(site).0);
        text[..16].copy_from_slice(&ends[0].to_le_bytes());
        text[16..32].copy_from_slice(&ends[1].to_le_bytes());
        text[32..36].copy_from_slice(&fragment.identification.to_le_bytes());
        text[36..38].copy_from_slice(&fragment.offset.to_le_bytes());
        text[38] = fragment.protocol;
        text[39] = u8::from(fragment.more);
        let seed = xxh3_64_with_seed(&text, self.identity_seed);
        xxh3_64_with_seed(fragment.bytes, seed)
    }

    /// Keyed hash of all that is equal in one packet at any tap, whatever it is wrapped in.
    fn identity(&self, packet: &Packet<'_>, source: Host, destination: Host) -> u64 {
        let mut text = [0_u8; 50];
        text[..16].copy_from_slice(&source.0.to_le_bytes());
        text[16..32].copy_from_slice(&destination.0.to_le_bytes());
        text[32..34].copy_from_slice(&packet.source_port.to_le_bytes());
        text[34..36].copy_from_slice(&packet.destination_port.to_le_bytes());
        text[36..40].copy_from_slice(&packet.sequence.to_le_bytes());
        text[40..44].copy_from_slice(&packet.acknowledgement.to_le_bytes());
        text[44] = packet.protocol;
        text[45] = packet.tcp_flags;
        let identification =
            packet.identification.map_or(0, |it| 1 << 16 | u32::from(it));
        text[46..50].copy_from_slice(&identification.to_le_bytes());
        let seed = xxh3_64_with_seed(&text, self.identity_seed);
        xxh3_64_with_seed(packet.payload, seed)
    }

    #[inline]
    fn record(&self, packet: &Packet<'_>, payload: PayloadAt) -> Record {
        // Which addresses are hosts by themselves depends on the packets before.
        let source = self.source(packet);
        let mut destination = self.destination(packet);
        let identity = match self.has_several_taps() {
            true => self.identity(packet, source, destination),
            false => 0,
        };
        let flow_shard = self.flow_shard(source, destination);
        if packet.to_group && !destination.is_v6() && !destination.is_group() {
            destination = Host::BROADCAST;
        }
        Record {
            number: packet.number,
            time: packet.time,
            source,
            destination,
            direction: self.direction(packet),
            salt: self.salt(packet.protocol, packet.source_port, packet.destination_port),
            sequence: packet.sequence,
            acknowledgement: packet.acknowledgement,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            protocol: packet.protocol,
            flags: packet.tcp_flags & !(REASSEMBLED | UNTRUSTED)
                | if packet.untrusted_tunnel { UNTRUSTED } else { 0 },
            tap: u8::try_from(packet.tap).unwrap_or(u8::MAX),
            identity,
            is_copy: false,
            flow_shard,
            vacant: false,
            untimed: false,
            to_dark: false,
            unsifted: false,
            is_decoys: false,
            is_gated: false,
            payload,
        }
    }

    /// Puts one packet into a chunk: its record, and what its own payload shows.
    /// `fill` is the vacant record to use, if one was kept for it.
    pub(crate) fn sift(
        &self,
        packet: &Packet<'_>,
        payload: PayloadAt,
        fill: Option<u32>,
        scratch: &mut Scratch,
        chunk: &mut Chunk,
    ) {
        let mut run = Run::<1>::new();
        self.enter(packet, payload, fill, &mut run, chunk);
        self.sift_run(&mut run, scratch, chunk);
    }

    /// Puts a piece of a datagram into a chunk of which no header is known: it has no ports
    /// and belongs to no conversation.
    pub(crate) fn sift_headless(
        &self,
        piece: &Packet<'_>,
        payload: PayloadAt,
        scratch: &mut Scratch,
        chunk: &mut Chunk,
    ) {
        let counters = &mut chunk.packets;
        counters.packets += 1;
        counters.payload_bytes += piece.payload.len() as u64;
        if piece.payload.len() < self.fingerprinter.beta() {
            counters.too_short += 1;
            return;
        }
        counters.sifted += 1;
        let index = chunk.records.len() as u32;
        // Without headers it is none of the classes that are told.
        let arrival = self.arrival(piece, index);
        let arrival = arrival.map(|it| Arrival { class: DarkClass::Other, ..it });
        chunk.arrivals.extend(arrival);
        let to_dark = arrival.is_some_and(|it| it.is_named);
        let record = Record { direction: 0, to_dark, ..self.record(piece, payload) };
        let sifted = Sifted { salt: record.salt, record: index };
        chunk.records.push(record);
        let mut run = Run::<1>::new();
        run.push(piece.payload, sifted);
        self.sift_run(&mut run, scratch, chunk);
    }

    /// A packet to an address that is dark, or may be, whose record has this index.
    #[inline]
    fn arrival(&self, packet: &Packet<'_>, record: u32) -> Option<Arrival> {
        if self.dark.is_empty() && self.learns_dark.is_empty() {
            return None;
        }
        let destination = self.destination(packet);
        let is_named = self.dark.holds(destination);
        if !is_named && (packet.to_group || !self.learns_dark.holds(destination)) {
            return None;
        }
        let arrival = dark::read(packet, self.v6_prefix, record);
        Some(Arrival { is_named, ..arrival.at(self.site(packet)) })
    }

    /// Whether its sender must be noted, since others are dark.
    fn learns_of(&self, packet: &Packet<'_>) -> bool {
        !self.learns_dark.is_empty() && self.learns_dark.holds(self.source(packet))
    }

    /// Whether a packet may be sampled whole, at once and without a run.
    #[inline]
    fn is_short(&self, packet: &Packet<'_>) -> bool {
        packet.protocol != protocol::TCP
            && self.short_datagrams
            && (Fingerprinter::MIN_SHORT..self.fingerprinter.beta())
                .contains(&packet.payload.len())
    }

    /// Puts a packet's record into a chunk, and its payload into a run if it has windows.
    /// A run of N must go to [`sift_run`](Self::sift_run) after N packets at the latest.
    #[inline]
    pub(crate) fn enter<'a, const N: usize>(
        &self,
        packet: &Packet<'a>,
        payload: PayloadAt,
        fill: Option<u32>,
        run: &mut Run<'a, N>,
        chunk: &mut Chunk,
    ) {
        let counters = &mut chunk.packets;
        counters.packets += 1;
        counters.payload_bytes += packet.payload.len() as u64;
        let index = fill.unwrap_or(chunk.records.len() as u32);
        let arrival = self.arrival(packet, index);
        // Of one that may be dark it is not known yet.
        let answers =
            arrival.is_some_and(|it| it.is_named && it.class == DarkClass::Backscatter);
        let is_backscatter =
            is_backscatter(packet) || answers && !packet.payload.is_empty();
        let is_empty = packet.payload.is_empty() && !is_backscatter;
        counters.backscatter += u64::from(is_backscatter);
        counters.empty += u64::from(is_empty);
        // Even empty it tells of its conversation, and what came to a dark address has its
        // time from its record.
        let has_no_record =
            is_backscatter || is_empty && conversation_of(packet).is_none();
        if has_no_record && arrival.is_none() && !self.learns_of(packet) {
            return;
        }
        let mut record = self.record(packet, payload);
        record.to_dark = arrival.is_some_and(|it| it.is_named);
        // Copied out, so that the record itself need not wait on the stack.
        let (salt, flow_shard) = (record.salt, usize::from(record.flow_shard));
        let has_conversation = record.direction != 0;
        match fill {
            Some(index) => chunk.records[index as usize] = record,
            None => chunk.records.push(record),
        }
        chunk.arrivals.extend(arrival);
        if has_no_record {
            return;
        }
        if has_conversation {
            chunk.flows[flow_shard].push(index);
        }
        if is_empty {
            return;
        }
        let tcp = packet.protocol == protocol::TCP;
        if packet.payload.len() >= self.fingerprinter.beta() {
            counters.sifted += 1;
            run.push(packet.payload, Sifted { salt, record: index });
        } else if tcp {
            // Its bytes are seen across the seams, if at all.
            counters.short_segments += 1;
        } else if self.is_short(packet) {
            counters.short_datagrams += 1;
            match self.fingerprinter.short(packet.payload) {
                Short::Kept(print) => {
                    chunk.windows.short_kept += 1;
                    run.keep_short(mix(print.0 ^ salt), index);
                }
                Short::Periodic => chunk.windows.short_periodic += 1,
                Short::NotSampled => {}
            }
        } else {
            counters.too_short += 1;
        }
    }

    /// What the payloads of a run show; empties it.
    pub(crate) fn sift_run<const N: usize>(
        &self,
        run: &mut Run<'_, N>,
        scratch: &mut Scratch,
        chunk: &mut Chunk,
    ) {
        let payloads = &run.payloads[..std::mem::take(&mut run.len)];
        let mut shorts = run.shorts[..std::mem::take(&mut run.short_len)].iter();
        // Sightings come in the order of their packets.
        let mut next_short = shorts.next();
        let windows =
            self.fingerprinter.for_each_of(scratch, payloads, |at, offset, print| {
                while let Some(short) = next_short.filter(|it| it.before as usize <= at) {
                    chunk.keep(short.key, short.record, 0);
                    next_short = shorts.next();
                }
                let Sifted { salt, record } = run.sifted[at];
                chunk.keep(mix(print.0 ^ salt), record, offset as i32);
            });
        for short in next_short.into_iter().chain(shorts) {
            chunk.keep(short.key, short.record, 0);
        }
        chunk.windows += windows;
    }
}

/// What the protocol adds to the hash of a packet's ends, if it has conversations: TCP,
/// UDP, ICMP echo.
fn conversation_of(packet: &Packet<'_>) -> Option<u64> {
    let echo = |request, reply| {
        let kind = packet.destination_port >> 8;
        kind == request || kind == reply
    };
    match packet.protocol {
        protocol::TCP => Some(0),
        protocol::UDP => Some(0x5bd1_e995_9d1b_54a4),
        protocol::ICMP if echo(8, 0) => Some(0x2545_f491_4f6c_dd1c),
        protocol::ICMPV6 if echo(128, 129) => Some(0x2545_f491_4f6c_dd1c),
        _ => None,
    }
}

/// Payloads of up to `N` packets that are sifted together.
pub(crate) struct Run<'a, const N: usize> {
    payloads: [&'a [u8]; N],
    sifted: [Sifted; N],
    len: usize,
    /// Short datagrams among them.
    shorts: [ShortKept; N],
    short_len: usize,
}

/// A short datagram that is kept as a whole.
#[derive(Clone, Copy, Default)]
struct ShortKept {
    key: u64,
    record: u32,
    /// Payloads of the run that come before it.
    before: u32,
}

/// What a payload of a run belongs to.
#[derive(Clone, Copy)]
struct Sifted {
    salt: u64,
    record: u32,
}

impl<'a, const N: usize> Run<'a, N> {
    pub(crate) fn new() -> Self {
        Self {
            payloads: [&[]; N],
            sifted: [Sifted { salt: 0, record: 0 }; N],
            len: 0,
            shorts: [ShortKept::default(); N],
            short_len: 0,
        }
    }

    #[inline]
    fn push(&mut self, payload: &'a [u8], of: Sifted) {
        (self.payloads[self.len], self.sifted[self.len]) = (payload, of);
        self.len += 1;
    }

    #[inline]
    fn keep_short(&mut self, key: u64, record: u32) {
        let before = self.len as u32;
        self.shorts[self.short_len] = ShortKept { key, record, before };
        self.short_len += 1;
    }
}

/// Payloads that are fingerprinted with one call: what the processor guesses wrongly at
/// the end of each is then guessed once for many.
pub(super) const TOGETHER: usize = 32;

/// Fingerprints and buffers packets, without locks: one for each thread of a
/// host. Give it to [`Sensor::absorb`](super::Sensor::absorb) from time to time.
///
/// Packets that the host has decoded, frames, and pieces of streams that it has put
/// together may come in any mixture, but each flow in one form only, or its content
/// counts twice.
pub struct Worker {
    sifter: Arc<Sifter>,
    decoder: Decoder,
    scratch: Scratch,
    chunk: Chunk,
    /// Of packets whose payloads are in the chunk and still to be sifted, at most
    /// [`TOGETHER`].
    entered: Vec<Sifted>,
    /// Since it was last absorbed: packets, frames and pieces that came in,
    pub(crate) frames: u64,
    /// and frames that could not be decoded.
    pub(crate) drops: DropCounters,
    /// The time that it has come to, as claimed.
    pub(crate) latest: Option<Timestamp>,
    timer: StageTimer,
}

impl Worker {
    pub(crate) fn new(sifter: Arc<Sifter>, decoder: Decoder, timer: StageTimer) -> Self {
        Self {
            sifter,
            decoder,
            scratch: Scratch::default(),
            chunk: Chunk::new(),
            entered: Vec::with_capacity(TOGETHER),
            frames: 0,
            drops: DropCounters::default(),
            latest: None,
            timer,
        }
    }

    /// Notes that its thread has come to a packet time, without a packet: a
    /// [`TimeOrder`](super::TimeOrder) then knows that nothing earlier will follow.
    pub fn pass(&mut self, now: Timestamp) {
        self.latest = Some(now);
    }

    /// Takes a packet that the host has decoded. Its payload is copied.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        self.frames += 1;
        self.count_at(packet.tap);
        self.pass(packet.time);
        self.sift(packet, PayloadAt::OWN);
    }

    fn count_at(&mut self, tap: u16) {
        if self.sifter.has_several_taps() {
            self.chunk.count_at(tap);
        }
    }

    /// Takes a frame as it was captured, and decodes it. What is needed of it is copied;
    /// fragments are put together when the sensor takes them.
    ///
    /// A frame that cannot be decoded is counted by reason in the statistics (`drops`).
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.count_at(frame.tap);
        self.pass(frame.time);
        let (decoded, stop) = self.decoder.frame_and_stop(frame);
        self.chunk.coverage.frame(wire_len(frame));
        let packet = match &decoded {
            Decoded::Packet(packet) => Some(packet),
            Decoded::Fragment(_) | Decoded::Drop(_) => None,
        };
        if !stop.is_none() || packet.is_none_or(|packet| packet.payload.is_empty()) {
            self.sifter.note_stop(frame, stop, packet, &mut self.chunk);
        }
        match decoded {
            Decoded::Packet(packet) => {
                let is_whole = frame.original_len as usize <= frame.data.len();
                let origin = if is_whole { PayloadAt::OWN } else { PayloadAt::OWN_CUT };
                self.sift(&packet, origin);
            }
            Decoded::Fragment(_) => {
                let chunk = &mut self.chunk;
                chunk.fragments.push(FragmentAt {
                    frame: chunk.kept.len() as u32,
                    record: chunk.records.len() as u32,
                });
                chunk
                    .records
                    .push(Record { time: frame.time, ..Record::vacant(frame.number) });
                chunk.kept.push(KeptFrame::of(frame));
            }
            Decoded::Drop(reason) => self.drops.add(reason),
        }
    }

    /// Takes the next piece of a TCP direction that the host has put together. It is
    /// copied.
    ///
    /// Windows across two pieces are seen when the second continues the first
    /// ([`StreamPiece::offset`]); after a gap the stream begins anew. A content counts
    /// once a piece, as it does once a packet.
    pub fn stream(&mut self, piece: &StreamPiece<'_>) {
        let flow = piece.flow;
        self.frames += 1;
        self.pass(piece.time);
        let packet = Packet {
            number: piece.number,
            time: piece.time,
            source: flow.source,
            destination: flow.destination,
            protocol: protocol::TCP,
            source_port: flow.source_port,
            destination_port: flow.destination_port,
            // Sequence numbers wrap as offsets are cut to theirs.
            sequence: piece.offset as u32,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: flow.encapsulation,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: piece.payload,
        };
        let before = self.chunk.records.len();
        self.sift(&packet, PayloadAt::OWN);
        for record in &mut self.chunk.records[before..] {
            record.flags = reassembled(piece.handshake, piece.offset == 0);
        }
    }

    fn sift(&mut self, packet: &Packet<'_>, origin: u32) {
        let payload = PayloadAt {
            origin,
            start: self.chunk.own.len() as u64,
            len: packet.payload.len() as u32,
        };
        if self.sifter.is_short(packet) {
            // Sightings come in the order of their packets.
            self.sift_entered();
        }
        let before = self.chunk.records.len();
        let mut run = Run::<1>::new();
        let Self { sifter, scratch, chunk, entered, .. } = self;
        sifter.enter(packet, payload, None, &mut run, chunk);
        entered.extend(&run.sifted[..std::mem::take(&mut run.len)]);
        if run.short_len > 0 {
            // Those before it are sifted.
            sifter.sift_run(&mut run, scratch, chunk);
        }
        if chunk.records.len() > before {
            chunk.own.extend_from_slice(packet.payload);
        }
        if self.entered.len() == TOGETHER {
            self.sift_entered();
        }
    }

    /// What the payloads show that wait for it.
    fn sift_entered(&mut self) {
        if self.entered.is_empty() {
            return;
        }
        let begin = self.timer.start();
        let Self { sifter, scratch, chunk, entered, .. } = self;
        let own = std::mem::take(&mut chunk.own);
        let mut run = Run::<TOGETHER>::new();
        for sifted in entered.drain(..) {
            let at = chunk.records[sifted.record as usize].payload;
            let payload = &own[at.start as usize..at.start as usize + at.len as usize];
            run.push(payload, sifted);
        }
        sifter.sift_run(&mut run, scratch, chunk);
        chunk.own = own;
        self.timer.add(begin, &mut chunk.nanos[1]);
    }

    /// Takes what is buffered, and leaves an empty chunk.
    pub(crate) fn take_chunk(&mut self, empty: Chunk) -> Chunk {
        self.sift_entered();
        std::mem::replace(&mut self.chunk, empty)
    }

    /// What keeps windows, under the key of this sensor.
    pub fn fingerprinter(&self) -> &Fingerprinter {
        &self.sifter.fingerprinter
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    /// Packets buffered since it was last absorbed.
    pub fn buffered(&self) -> usize {
        self.chunk.records.len()
    }

    /// Bytes buffered since it was last absorbed: absorb at some megabytes.
    pub fn buffered_bytes(&self) -> usize {
        self.chunk.memory_bytes()
    }
}
