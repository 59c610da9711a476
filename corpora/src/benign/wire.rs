//! Packets between the hosts of a hard negative.

use crate::emitter::{Emitter, End};
use crate::frame_builder::{FrameBuilder, Transport};
use crate::rng::Rng;
use crate::tcp_dialogue::TcpDialogue;
use crate::traffic::{FrameQueue, Mark};

/// An ICMP message, by its meaning: its number depends on the version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icmp {
    EchoRequest { identifier: u16, sequence: u16 },
    EchoReply { identifier: u16, sequence: u16 },
    PortUnreachable,
    TimeExceeded,
}

impl Icmp {
    fn transport(self, version_6: bool) -> Transport {
        let (v4, v6, rest) = match self {
            Self::EchoRequest { identifier, sequence } => {
                ((8, 0), (128, 0), u32::from(identifier) << 16 | u32::from(sequence))
            }
            Self::EchoReply { identifier, sequence } => {
                ((0, 0), (129, 0), u32::from(identifier) << 16 | u32::from(sequence))
            }
            Self::PortUnreachable => ((3, 3), (1, 4), 0),
            Self::TimeExceeded => ((11, 0), (3, 0), 0),
        };
        let (kind, code) = if version_6 { v6 } else { v4 };
        Transport::Icmp { kind, code, rest }
    }
}

/// Frames on their way to the tap.
#[derive(Debug)]
pub(super) struct Wire {
    queue: FrameQueue,
    emitter: Emitter,
}

impl Default for Wire {
    fn default() -> Self {
        let emitter = Emitter::new(FrameBuilder::default(), None);
        Self { queue: FrameQueue::default(), emitter }
    }
}

impl Wire {
    pub(super) fn next_time(&self) -> Option<u64> {
        self.queue.next_time()
    }

    pub(super) fn pop(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        self.queue.pop(frame)
    }

    /// A TCP connection whose first frame crosses the tap at this time.
    pub(super) fn talk<'a>(
        &'a mut self,
        time_ns: u64,
        client: End,
        server: End,
        rng: &mut Rng,
    ) -> TcpDialogue<'a> {
        TcpDialogue::new(&mut self.queue, &mut self.emitter, client, server, time_ns, rng)
    }

    /// One UDP datagram, from port to port.
    pub(super) fn udp(&mut self, time_ns: u64, ends: (&End, &End), payload: &[u8]) {
        let transport =
            Transport::Udp { source_port: ends.0.port, destination_port: ends.1.port };
        self.send(time_ns, ends, transport, payload);
    }

    /// One ICMP message.
    pub(super) fn icmp(
        &mut self,
        time_ns: u64,
        ends: (&End, &End),
        message: Icmp,
        payload: &[u8],
    ) {
        let transport = message.transport(ends.0.address.is_ipv6());
        self.send(time_ns, ends, transport, payload);
    }

    /// One TCP segment of no connection that the tap knows.
    pub(super) fn stray_segment(
        &mut self,
        time_ns: u64,
        ends: (&End, &End),
        flags: u8,
        numbers: u64,
        payload: &[u8],
    ) {
        let transport = Transport::Tcp {
            source_port: ends.0.port,
            destination_port: ends.1.port,
            sequence: (numbers >> 32) as u32,
            acknowledgement: numbers as u32,
            flags,
            window: 0,
            maximum_segment: None,
        };
        self.send(time_ns, ends, transport, payload);
    }

    fn send(
        &mut self,
        time_ns: u64,
        ends: (&End, &End),
        transport: Transport,
        payload: &[u8],
    ) {
        let queue = &mut self.queue;
        self.emitter.emit(queue, time_ns, Mark::Ordinary, ends, transport, payload);
    }
}

/// The datagram that an ICMP error quotes: what `ends.0` sent to `ends.1`, cut
/// after `length` bytes.
pub(super) fn quoted(ends: (&End, &End), payload: &[u8], length: usize) -> Vec<u8> {
    let (mut frame, builder) =
        (Vec::new(), FrameBuilder { pad: false, ..Default::default() });
    let transport =
        Transport::Udp { source_port: ends.0.port, destination_port: ends.1.port };
    let datagram = crate::frame_builder::Datagram {
        source: ends.0.address,
        destination: ends.1.address,
        hop_limit: 1,
        identification: u32::from(ends.0.port),
        transport,
        payload,
    };
    builder.frame(&datagram, &mut frame);
    frame.drain(..14);
    frame.truncate(length);
    frame
}
