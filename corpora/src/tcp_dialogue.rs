//! The segments of a TCP conversation.

use std::ops::Range;

use crate::emitter::{Emitter, End, FRAME_GAP_NS};
use crate::frame_builder::{Transport, tcp};
use crate::rng::Rng;
use crate::traffic::{FrameQueue, Mark};

/// Payload bytes of a full segment on Ethernet.
pub(crate) const FULL_SEGMENT: usize = 1_460;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Client = 0,
    Server = 1,
}

impl Peer {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What of the bytes that a peer says is planted.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    /// Which of them; empty for none.
    pub(crate) range: Range<usize>,
    /// Which content they are, see [`Mark::Content`].
    pub(crate) content: u16,
    /// The infection that is complete with the last of them.
    pub(crate) infects: Option<u32>,
    /// Bytes of a segment.
    pub(crate) segment: usize,
}

impl Default for Plant {
    fn default() -> Self {
        Self { range: 0..0, content: 0, infects: None, segment: FULL_SEGMENT }
    }
}

impl Plant {
    fn mark(&self, segment: Range<usize>) -> Mark {
        if self.range.start.max(segment.start) >= self.range.end.min(segment.end) {
            return Mark::Ordinary;
        }
        let completes = segment.end >= self.range.end;
        let infects = self.infects.filter(|_| completes);
        Mark::Content { content: self.content, infects }
    }
}

/// One connection, laid into a queue turn by turn.
pub(crate) struct TcpDialogue<'a> {
    queue: &'a mut FrameQueue,
    emitter: &'a mut Emitter,
    ends: [End; 2],
    /// Sequence number of each peer's next byte.
    next: [u32; 2],
    /// From the tap to each peer and back, in nanoseconds.
    round_trip: [u64; 2],
    speaker: Peer,
    /// When the last frame that others wait for crossed the tap.
    time_ns: u64,
}

impl<'a> TcpDialogue<'a> {
    /// A connection whose first frame crosses the tap at `time_ns`.
    pub(crate) fn new(
        queue: &'a mut FrameQueue,
        emitter: &'a mut Emitter,
        client: End,
        server: End,
        time_ns: u64,
        rng: &mut Rng,
    ) -> Self {
        // Half a millisecond inside; tens of them across a wide network.
        let mut trip = |end: &End| {
            let far =
                if end.inside { (200_000, 900_000) } else { (5_000_000, 60_000_000) };
            rng.between(far.0, far.1)
        };
        let round_trip = [trip(&client), trip(&server)];
        let first = rng.next_u64();
        Self {
            queue,
            emitter,
            ends: [client, server],
            next: [first as u32, (first >> 32) as u32],
            round_trip,
            speaker: Peer::Client,
            time_ns,
        }
    }

    /// When the last frame so far crossed the tap.
    pub(crate) fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// SYN, SYN-ACK, ACK.
    pub(crate) fn open(&mut self) {
        self.control(Peer::Client, tcp::SYN, 1);
        self.turn(Peer::Server, 0);
        self.control(Peer::Server, tcp::SYN | tcp::ACK, 1);
        self.turn(Peer::Client, 0);
        self.control(Peer::Client, tcp::ACK, 0);
    }

    /// A SYN that nobody answers, and once more after a second.
    pub(crate) fn knock_in_vain(&mut self) {
        self.control(Peer::Client, tcp::SYN, 0);
        self.time_ns += 1_000_000_000;
        self.control(Peer::Client, tcp::SYN, 0);
    }

    /// Sends bytes in full segments after this pause; every second segment and
    /// the last are acknowledged.
    pub(crate) fn say(&mut self, peer: Peer, bytes: &[u8], pause_ns: u64) {
        self.say_planted(peer, bytes, pause_ns, &Plant::default());
    }

    /// The same; segments that hold planted bytes are marked, the last of them as
    /// the one that infects. Returns when that one crosses the tap.
    pub(crate) fn say_planted(
        &mut self,
        peer: Peer,
        bytes: &[u8],
        pause_ns: u64,
        plant: &Plant,
    ) -> u64 {
        self.turn(peer, pause_ns);
        let size = plant.segment.clamp(1, FULL_SEGMENT);
        let segments = bytes.chunks(size);
        let count = segments.len();
        let mut planted_at = self.time_ns;
        for (index, segment) in segments.enumerate() {
            if index > 0 {
                self.time_ns += FRAME_GAP_NS;
            }
            let last = index + 1 == count;
            let mark = plant.mark(index * size..index * size + segment.len());
            if mark != Mark::Ordinary {
                planted_at = self.time_ns;
            }
            self.segment(peer, 0, segment, mark);
            self.next[peer as usize] =
                self.next[peer as usize].wrapping_add(segment.len() as u32);
            if last || index % 2 == 1 {
                self.acknowledge(peer.other(), self.next[peer as usize]);
            }
        }
        planted_at
    }

    /// Sends one segment whose first byte lies `ahead` bytes beyond the peer's
    /// next one. What comes next is left to [`TcpDialogue::advance`].
    pub(crate) fn segment(&mut self, peer: Peer, ahead: u32, bytes: &[u8], mark: Mark) {
        let sequence = self.next[peer as usize].wrapping_add(ahead);
        let flags = tcp::PSH | tcp::ACK;
        self.send(
            peer,
            self.time_ns,
            sequence,
            self.next[peer.other() as usize],
            flags,
            bytes,
            mark,
        );
    }

    /// The other peer's acknowledgement of all bytes up to `ahead` beyond the
    /// speaker's next one.
    pub(crate) fn acknowledge_ahead(&mut self, speaker: Peer, ahead: u32) {
        let number = self.next[speaker as usize].wrapping_add(ahead);
        self.acknowledge(speaker.other(), number);
    }

    /// Moves the peer's next byte on.
    pub(crate) fn advance(&mut self, peer: Peer, bytes: u32) {
        self.next[peer as usize] = self.next[peer as usize].wrapping_add(bytes);
    }

    /// Lets time pass before the peer speaks: its way to the tap, if the other
    /// one spoke last, and a pause.
    pub(crate) fn turn(&mut self, peer: Peer, pause_ns: u64) {
        if self.speaker != peer {
            self.time_ns += self.round_trip[peer as usize];
            self.speaker = peer;
        }
        self.time_ns += pause_ns;
    }

    /// A keep-alive: one zero byte before the peer's next one, acknowledged.
    pub(crate) fn keep_alive(&mut self, peer: Peer, pause_ns: u64) {
        self.turn(peer, pause_ns);
        let sequence = self.next[peer as usize].wrapping_sub(1);
        let acknowledgement = self.next[peer.other() as usize];
        self.send(
            peer,
            self.time_ns,
            sequence,
            acknowledgement,
            tcp::ACK,
            &[0],
            Mark::Ordinary,
        );
        self.acknowledge(peer.other(), self.next[peer as usize]);
    }

    /// FIN from the peer, FIN from the other, and the last acknowledgement.
    pub(crate) fn close(&mut self, peer: Peer) {
        self.turn(peer, 100_000);
        self.control(peer, tcp::FIN | tcp::ACK, 1);
        self.turn(peer.other(), 0);
        self.control(peer.other(), tcp::FIN | tcp::ACK, 1);
        self.turn(peer, 0);
        self.control(peer, tcp::ACK, 0);
    }

    fn acknowledge(&mut self, peer: Peer, number: u32) {
        let time_ns = self.time_ns + self.round_trip[peer as usize];
        let sequence = self.next[peer as usize];
        self.send(peer, time_ns, sequence, number, tcp::ACK, &[], Mark::Ordinary);
    }

    /// A segment without payload that takes `length` sequence numbers.
    fn control(&mut self, peer: Peer, flags: u8, length: u32) {
        let acknowledgement =
            if flags & tcp::ACK == 0 { 0 } else { self.next[peer.other() as usize] };
        let sequence = self.next[peer as usize];
        self.send(
            peer,
            self.time_ns,
            sequence,
            acknowledgement,
            flags,
            &[],
            Mark::Ordinary,
        );
        self.advance(peer, length);
    }

    fn send(
        &mut self,
        peer: Peer,
        time_ns: u64,
        sequence: u32,
        acknowledgement: u32,
        flags: u8,
        payload: &[u8],
        mark: Mark,
    ) {
        let (from, to) = (self.ends[peer as usize], self.ends[peer.other() as usize]);
        let transport = Transport::Tcp {
            source_port: from.port,
            destination_port: to.port,
            sequence,
            acknowledgement,
            flags,
            window: 64_240,
            maximum_segment: (flags & tcp::SYN != 0).then_some(FULL_SEGMENT as u16),
        };
        self.emitter.emit(self.queue, time_ns, mark, (&from, &to), transport, payload);
    }
}
