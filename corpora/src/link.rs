//! The monitored link: datagrams become frames, and frames wait for their time.
//!
//! The tap is between two routers, whose hardware addresses every frame has. Buffers
//! of frames are used again.

use std::net::IpAddr;

use crate::event_queue::EventQueue;
use crate::frame_builder::{Datagram, FrameBuilder, Transport, Tunnel, tcp};
use crate::rng::Rng;
use crate::traffic::Mark;

/// Between two frames of one sender: 376 bytes at about 150 Mbit/s.
pub(crate) const FRAME_GAP_NS: u64 = 20_000;
/// The hardware address of all hosts.
const BROADCAST: [u8; 6] = [0xff; 6];
/// The hardware address of the group of all nodes of IPv6, ff02::1.
const ALL_NODES: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// Buffers that are kept for further frames.
const MOST_SPARE: usize = 1_024;

/// One end of a conversation, as the tap sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// Whether it is behind the tap.
    pub(crate) inside: bool,
    pub(crate) hop_limit: u8,
}

impl Endpoint {
    /// The same host at this port.
    pub(crate) fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same host at a random client port.
    pub(crate) fn client(self, rng: &mut Rng) -> Self {
        self.at(client_port(rng))
    }
}

/// A random port of those that clients use.
pub(crate) fn client_port(rng: &mut Rng) -> u16 {
    rng.between(32_768, 60_999) as u16
}

/// Frames that wait for their time; those of one time leave in the order in which they
/// were added.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    waiting: EventQueue<(Mark, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl FrameQueue {
    /// Adds one frame, its bytes written by `write` into an empty buffer.
    fn push(&mut self, time_ns: u64, mark: Mark, write: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        write(&mut frame);
        self.waiting.push(time_ns, (mark, frame));
    }

    /// When the first frame leaves.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.waiting.next_time()
    }

    /// Takes the first frame out, in place of what `frame` holds.
    pub(crate) fn pop(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        let (time_ns, (mark, bytes)) = self.waiting.pop()?;
        let used = std::mem::replace(frame, bytes);
        if self.spare.len() < MOST_SPARE {
            self.spare.push(used);
        }
        Some((time_ns, mark))
    }
}

/// Builds the frames of datagrams in either direction, whole or in fragments.
#[derive(Clone, Debug)]
pub(crate) struct Emitter {
    inbound: FrameBuilder,
    outbound: FrameBuilder,
    fragment: Option<usize>,
    identification: u32,
}

/// Plain Ethernet, nothing cut.
impl Default for Emitter {
    fn default() -> Self {
        Self::new(FrameBuilder::default(), None)
    }
}

impl Emitter {
    /// `inbound` wraps what goes inside, its mirror image what goes out. Datagrams are cut
    /// into fragments of at most `fragment` bytes.
    pub(crate) fn new(inbound: FrameBuilder, fragment: Option<usize>) -> Self {
        let outbound = FrameBuilder {
            source_mac: inbound.destination_mac,
            destination_mac: inbound.source_mac,
            ..inbound.clone()
        };
        Self { inbound, outbound, fragment, identification: 0 }
    }

    /// What wraps the datagrams of a host.
    fn builder(&self, from: &Endpoint) -> &FrameBuilder {
        if from.inside { &self.outbound } else { &self.inbound }
    }

    /// Adds one datagram; an infection is complete with its last fragment. Returns when
    /// its last frame leaves.
    pub(crate) fn emit(
        &mut self,
        frames: &mut FrameQueue,
        time_ns: u64,
        mark: Mark,
        (from, to): (&Endpoint, &Endpoint),
        transport: Transport,
        payload: &[u8],
    ) -> u64 {
        self.identification = self.identification.wrapping_add(1);
        let datagram = Datagram {
            source: from.address,
            destination: to.address,
            hop_limit: from.hop_limit,
            identification: self.identification,
            transport,
            payload,
        };
        let builder = if from.inside { &self.outbound } else { &self.inbound };
        let Some(size) = self.fragment else {
            frames.push(time_ns, mark, |frame| builder.frame(&datagram, frame));
            return time_ns;
        };
        let fragments = builder.fragments(&datagram, size);
        let last = fragments.len().saturating_sub(1);
        let mut time_ns = time_ns;
        for (index, fragment) in fragments.into_iter().enumerate() {
            let mark = match mark {
                Mark::Content { content, .. } if index < last => {
                    Mark::Content { content, infects: None }
                }
                mark => mark,
            };
            if index > 0 {
                time_ns += FRAME_GAP_NS;
            }
            frames.push(time_ns, mark, |frame| *frame = fragment);
        }
        time_ns
    }
}

/// One IP fragment, whatever it claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFragment<'a> {
    pub(crate) identification: u32,
    /// Where its bytes begin, a multiple of 8.
    pub(crate) offset: usize,
    /// Whether it says that others follow.
    pub(crate) more: bool,
    pub(crate) bytes: &'a [u8],
}

/// An ICMP message by its meaning: its numbers depend on the version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icmp {
    EchoRequest { identifier: u16, sequence: u16 },
    EchoReply { identifier: u16, sequence: u16 },
    PortUnreachable,
    TimeExceeded,
}

impl Icmp {
    /// Its header, over IPv6 or IPv4.
    pub(crate) fn transport(self, version_6: bool) -> Transport {
        let echo = |identifier: u16, sequence: u16| {
            u32::from(identifier) << 16 | u32::from(sequence)
        };
        let (v4, v6, rest) = match self {
            Self::EchoRequest { identifier, sequence } => {
                ((8, 0), (128, 0), echo(identifier, sequence))
            }
            Self::EchoReply { identifier, sequence } => {
                ((0, 0), (129, 0), echo(identifier, sequence))
            }
            Self::PortUnreachable => ((3, 3), (1, 4), 0),
            Self::TimeExceeded => ((11, 0), (3, 0), 0),
        };
        let (kind, code) = if version_6 { v6 } else { v4 };
        Transport::Icmp { kind, code, rest }
    }
}

/// The link that a process sends over: an emitter, and the frames that it made.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) frames: FrameQueue,
    emitter: Emitter,
}

impl Link {
    pub(crate) fn new(emitter: Emitter) -> Self {
        Self { frames: FrameQueue::default(), emitter }
    }

    /// Sends one datagram. Returns when its last frame leaves.
    pub(crate) fn send(
        &mut self,
        time_ns: u64,
        mark: Mark,
        ends: (&Endpoint, &Endpoint),
        transport: Transport,
        payload: &[u8],
    ) -> u64 {
        self.emitter.emit(&mut self.frames, time_ns, mark, ends, transport, payload)
    }

    /// One UDP datagram, from port to port.
    pub(crate) fn udp(
        &mut self,
        time_ns: u64,
        ends: (&Endpoint, &Endpoint),
        payload: &[u8],
    ) {
        self.send(time_ns, Mark::Ordinary, ends, udp(ends), payload);
    }

    /// One UDP datagram to all hosts of the sender's network: the frame goes to a group of
    /// hardware addresses.
    pub(crate) fn udp_to_all(
        &mut self,
        time_ns: u64,
        ends: (&Endpoint, &Endpoint),
        payload: &[u8],
    ) {
        let to_all = if ends.1.address.is_ipv6() { ALL_NODES } else { BROADCAST };
        let emitter = &mut self.emitter;
        let usual = std::mem::replace(&mut emitter.outbound.destination_mac, to_all);
        self.send(time_ns, Mark::Ordinary, ends, udp(ends), payload);
        self.emitter.outbound.destination_mac = usual;
    }

    /// One ICMP message.
    pub(crate) fn icmp(
        &mut self,
        time_ns: u64,
        ends: (&Endpoint, &Endpoint),
        message: Icmp,
        payload: &[u8],
    ) {
        let transport = message.transport(ends.0.address.is_ipv6());
        self.send(time_ns, Mark::Ordinary, ends, transport, payload);
    }

    /// One IP fragment as it is.
    pub(crate) fn fragment(
        &mut self,
        time_ns: u64,
        mark: Mark,
        ends: (&Endpoint, &Endpoint),
        fragment: RawFragment<'_>,
    ) {
        let datagram = datagram(ends, fragment.identification, udp(ends), &[]);
        let place = (fragment.offset, fragment.more);
        let builder = self.emitter.builder(ends.0);
        self.frames.push(time_ns, mark, |frame| {
            builder.fragment(&datagram, place, fragment.bytes, frame);
        });
    }

    /// One UDP datagram inside of this tunnel.
    pub(crate) fn udp_in_tunnel(
        &mut self,
        time_ns: u64,
        mark: Mark,
        tunnel: Tunnel,
        ends: (&Endpoint, &Endpoint),
        payload: &[u8],
    ) {
        let datagram = datagram(ends, 0, udp(ends), payload);
        let plain = self.emitter.builder(ends.0);
        let builder = FrameBuilder { tunnel: Some(tunnel), ..plain.clone() };
        self.frames.push(time_ns, mark, |frame| builder.frame(&datagram, frame));
    }

    /// One datagram whose TCP or UDP checksum is wrong.
    pub(crate) fn send_damaged(
        &mut self,
        time_ns: u64,
        ends: (&Endpoint, &Endpoint),
        transport: Transport,
        payload: &[u8],
    ) {
        let checksum = match transport {
            Transport::Tcp { .. } => 16,
            _ => 6,
        };
        self.send_changed(time_ns, Mark::Ordinary, ends, transport, payload, |bytes| {
            bytes[checksum] ^= 0x55;
        });
    }

    /// One TCP segment whose urgent pointer says how many of its bytes are urgent: by most
    /// receivers, the last of them is no part of the stream.
    pub(crate) fn send_urgent(
        &mut self,
        time_ns: u64,
        mark: Mark,
        ends: (&Endpoint, &Endpoint),
        transport: Transport,
        (payload, urgent): (&[u8], u16),
    ) {
        self.send_changed(time_ns, mark, ends, transport, payload, |bytes| {
            let mut add = |at: usize, number: u16| {
                let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
                let (sum, carry) = old.overflowing_add(number);
                let sum = sum.wrapping_add(u16::from(carry));
                bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
            };
            let flag = u16::from(tcp::URG);
            add(12, flag);
            add(18, urgent);
            // The checksum is a complement: it falls by what was added.
            add(16, !flag);
            add(16, !urgent);
        });
    }

    /// One whole datagram, what follows its IP header changed.
    fn send_changed(
        &mut self,
        time_ns: u64,
        mark: Mark,
        ends: (&Endpoint, &Endpoint),
        transport: Transport,
        payload: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) {
        let datagram = datagram(ends, 0, transport, payload);
        let mut changed = FrameBuilder::ip_payload(&datagram);
        change(&mut changed);
        let protocol = match transport {
            Transport::Tcp { .. } => 6,
            _ => 17,
        };
        let transport = Transport::Other(protocol);
        let datagram = Datagram { transport, payload: &changed, ..datagram };
        let builder = self.emitter.builder(ends.0);
        self.frames.push(time_ns, mark, |frame| builder.frame(&datagram, frame));
    }

    /// One whole datagram under an identification of its sender's choice.
    pub(crate) fn send_identified(
        &mut self,
        time_ns: u64,
        (mark, identification): (Mark, u16),
        ends: (&Endpoint, &Endpoint),
        transport: Transport,
        payload: &[u8],
    ) {
        let datagram = datagram(ends, identification.into(), transport, payload);
        let builder = self.emitter.builder(ends.0);
        self.frames.push(time_ns, mark, |frame| builder.frame(&datagram, frame));
    }

    /// One TCP segment of no connection that the tap knows; `numbers` are its sequence
    /// number and its acknowledgement.
    pub(crate) fn stray_segment(
        &mut self,
        time_ns: u64,
        ends: (&Endpoint, &Endpoint),
        flags: u8,
        numbers: (u32, u32),
        payload: &[u8],
    ) {
        let transport = Transport::Tcp {
            source_port: ends.0.port,
            destination_port: ends.1.port,
            sequence: numbers.0,
            acknowledgement: numbers.1,
            flags,
            window: 0,
            maximum_segment: None,
        };
        self.send(time_ns, Mark::Ordinary, ends, transport, payload);
    }
}

/// The UDP header from the ports of two endpoints.
pub(crate) fn udp((from, to): (&Endpoint, &Endpoint)) -> Transport {
    Transport::Udp { source_port: from.port, destination_port: to.port }
}

/// A datagram between two ends.
fn datagram<'a>(
    ends: (&Endpoint, &Endpoint),
    identification: u32,
    transport: Transport,
    payload: &'a [u8],
) -> Datagram<'a> {
    Datagram {
        source: ends.0.address,
        destination: ends.1.address,
        hop_limit: ends.0.hop_limit,
        identification,
        transport,
        payload,
    }
}

/// What an ICMP error quotes of the UDP datagram that `ends.0` sent to `ends.1`: at most
/// 548 bytes.
pub(crate) fn quoted(ends: (&Endpoint, &Endpoint), payload: &[u8]) -> Vec<u8> {
    let builder = FrameBuilder { pad: false, ..FrameBuilder::default() };
    let datagram = Datagram {
        source: ends.0.address,
        destination: ends.1.address,
        hop_limit: 1,
        identification: u32::from(ends.0.port),
        transport: udp(ends),
        payload,
    };
    let mut frame = Vec::new();
    builder.frame(&datagram, &mut frame);
    frame.drain(..14);
    frame.truncate(548);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_by_time_then_by_entry_and_buffers_come_back() {
        let mut queue = FrameQueue::default();
        for (time, byte) in [(5, 1), (3, 2), (5, 3), (1, 4), (3, 5)] {
            queue.push(time, Mark::Ordinary, |frame| frame.push(byte));
        }
        let mut frame = Vec::new();
        let mut order = Vec::new();
        while let Some(time) = queue.next_time() {
            assert_eq!(queue.pop(&mut frame).map(|(time, _)| time), Some(time));
            order.push(frame[0]);
        }
        assert_eq!(order, [4, 2, 5, 1, 3]);
        assert_eq!(queue.pop(&mut frame), None);
        queue.push(9, Mark::Ordinary, |frame| assert!(frame.is_empty()));
        assert_eq!(queue.spare.len(), 4);
    }
}
