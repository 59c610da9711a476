//! TCP sessions, segment by segment.

use std::ops::Range;

use crate::frame_builder::{Transport, tcp};
use crate::link::{Endpoint, FRAME_GAP_NS, Link};
use crate::rng::Rng;
use crate::time::SECOND;
use crate::traffic::Mark;

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

/// Why a segment that crosses the tap never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fake {
    /// Its time to live ends one hop on.
    Expires,
    /// Its checksum is wrong.
    Damaged,
}

/// Which of the bytes that a peer sends are planted.
#[derive(Clone, Debug)]
pub(crate) struct PlantedRange {
    /// The bytes; empty for none.
    pub(crate) range: Range<usize>,
    /// Which content they are, see [`Mark::Content`].
    pub(crate) content: u16,
    /// The infection that is complete with the last of them.
    pub(crate) infects: Option<u32>,
    /// Bytes of a segment.
    pub(crate) segment: usize,
}

impl PlantedRange {
    /// Bytes of the first content, in full segments.
    pub(crate) fn first(range: Range<usize>) -> Self {
        Self { range, content: 0, infects: None, segment: FULL_SEGMENT }
    }

    fn mark(&self, segment: Range<usize>) -> Mark {
        if self.range.start.max(segment.start) >= self.range.end.min(segment.end) {
            return Mark::Ordinary;
        }
        let completes = segment.end >= self.range.end;
        let infects = self.infects.filter(|_| completes);
        Mark::Content { content: self.content, infects }
    }
}

/// One session, its segments sent over a link in order.
pub(crate) struct TcpSession<'a> {
    link: &'a mut Link,
    ends: [Endpoint; 2],
    /// Sequence number of each peer's next byte.
    next: [u32; 2],
    /// From the tap to each peer and back, in nanoseconds.
    round_trip: [u64; 2],
    last_sender: Peer,
    /// What its first segment without payload is.
    opening: Mark,
    /// When the last frame that others wait for crossed the tap.
    time_ns: u64,
}

/// A session that rests between two exchanges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PausedSession {
    ends: [Endpoint; 2],
    next: [u32; 2],
    round_trip: [u64; 2],
    time_ns: u64,
}

impl<'a> TcpSession<'a> {
    /// A session whose first frame crosses the tap at `time_ns`.
    pub(crate) fn new(
        link: &'a mut Link,
        (client, server): (Endpoint, Endpoint),
        time_ns: u64,
        rng: &mut Rng,
    ) -> Self {
        // Half a millisecond inside; tens of them across a wide network.
        let mut trip = |end: &Endpoint| {
            let far =
                if end.inside { (200_000, 900_000) } else { (5_000_000, 60_000_000) };
            rng.between(far.0, far.1)
        };
        let round_trip = [trip(&client), trip(&server)];
        let first = rng.next_u64();
        Self {
            link,
            ends: [client, server],
            next: [first as u32, (first >> 32) as u32],
            round_trip,
            last_sender: Peer::Client,
            opening: Mark::Ordinary,
            time_ns,
        }
    }

    /// The same, its first SYN marked.
    pub(crate) fn opened_by(self, mark: Mark) -> Self {
        Self { opening: mark, ..self }
    }

    /// Lets the session rest.
    pub(crate) fn pause(self) -> PausedSession {
        let Self { ends, next, round_trip, time_ns, .. } = self;
        PausedSession { ends, next, round_trip, time_ns }
    }

    /// Goes on with a session: the peer sends next, at `time_ns` or as soon as what was
    /// sent before allows.
    pub(crate) fn resume(
        link: &'a mut Link,
        paused: PausedSession,
        peer: Peer,
        time_ns: u64,
    ) -> Self {
        let PausedSession { ends, next, round_trip, time_ns: last } = paused;
        let time_ns = time_ns.max(last + FRAME_GAP_NS);
        let opening = Mark::Ordinary;
        Self { link, ends, next, round_trip, last_sender: peer, opening, time_ns }
    }

    /// When the last frame so far crossed the tap.
    pub(crate) fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// SYN, SYN-ACK, ACK.
    pub(crate) fn open(&mut self) {
        self.control(Peer::Client, tcp::SYN, 1);
        self.accept();
    }

    /// A SYN with payload.
    pub(crate) fn open_with(&mut self, bytes: &[u8], mark: Mark) {
        let numbers = (self.next[Peer::Client as usize], 0);
        self.transmit(Peer::Client, self.time_ns, numbers, tcp::SYN, bytes, mark);
        self.advance(Peer::Client, 1 + bytes.len() as u32);
    }

    /// SYN-ACK, ACK.
    pub(crate) fn accept(&mut self) {
        self.wait(Peer::Server, 0);
        self.control(Peer::Server, tcp::SYN | tcp::ACK, 1);
        self.wait(Peer::Client, 0);
        self.control(Peer::Client, tcp::ACK, 0);
    }

    /// A SYN that nobody answers, and once more after a second.
    pub(crate) fn open_in_vain(&mut self) {
        self.control(Peer::Client, tcp::SYN, 0);
        self.time_ns += SECOND;
        self.control(Peer::Client, tcp::SYN, 0);
    }

    /// Sends bytes in full segments after this pause; every second segment and the last
    /// are acknowledged.
    pub(crate) fn send(&mut self, peer: Peer, bytes: &[u8], pause_ns: u64) {
        self.send_planted(peer, bytes, pause_ns, &PlantedRange::first(0..0));
    }

    /// Sends each line after a random pause from this range.
    pub(crate) fn exchange(
        &mut self,
        lines: impl IntoIterator<Item = (Peer, String)>,
        (least_ns, most_ns): (u64, u64),
        rng: &mut Rng,
    ) {
        for (peer, line) in lines {
            self.send(peer, line.as_bytes(), rng.between(least_ns, most_ns));
        }
    }

    /// Sends bytes of which some are planted: segments that hold such are marked, the last
    /// of them as the one that infects. Returns when that one crosses the tap.
    pub(crate) fn send_planted(
        &mut self,
        peer: Peer,
        bytes: &[u8],
        pause_ns: u64,
        planted: &PlantedRange,
    ) -> u64 {
        self.wait(peer, pause_ns);
        let size = planted.segment.clamp(1, FULL_SEGMENT);
        let segments = bytes.chunks(size);
        let count = segments.len();
        let mut planted_at = self.time_ns;
        for (index, segment) in segments.enumerate() {
            if index > 0 {
                self.time_ns += FRAME_GAP_NS;
            }
            let last = index + 1 == count;
            let mark = planted.mark(index * size..index * size + segment.len());
            if mark != Mark::Ordinary {
                planted_at = self.time_ns;
            }
            self.segment(peer, 0, segment, mark);
            self.advance(peer, segment.len() as u32);
            if last || index % 2 == 1 {
                self.acknowledge_ahead(peer, 0);
            }
        }
        planted_at
    }

    /// Sends one segment whose first byte is `ahead` bytes beyond the peer's next one.
    /// What comes next is left to [`TcpSession::advance`].
    pub(crate) fn segment(&mut self, peer: Peer, ahead: u32, bytes: &[u8], mark: Mark) {
        let sequence = self.next[peer as usize].wrapping_add(ahead);
        let acknowledgement = self.next[peer.other() as usize];
        let flags = tcp::PSH | tcp::ACK;
        self.transmit(
            peer,
            self.time_ns,
            (sequence, acknowledgement),
            flags,
            bytes,
            mark,
        );
    }

    /// The same, of a segment whose last byte is urgent: its receiver takes that out of the
    /// stream.
    pub(crate) fn urgent_segment(
        &mut self,
        peer: Peer,
        ahead: u32,
        bytes: &[u8],
        mark: Mark,
    ) {
        let sequence = self.next[peer as usize].wrapping_add(ahead);
        let numbers = (sequence, self.next[peer.other() as usize]);
        let (from, to) = (self.ends[peer as usize], self.ends[peer.other() as usize]);
        let transport = segment_header((&from, &to), numbers, tcp::PSH | tcp::ACK);
        let urgent = (bytes, bytes.len() as u16);
        self.link.send_urgent(self.time_ns, mark, (&from, &to), transport, urgent);
    }

    /// The same with these flags, of a segment that never arrives: its way ends behind the
    /// tap, or its checksum is wrong.
    pub(crate) fn fake_segment(
        &mut self,
        peer: Peer,
        (flags, ahead): (u8, u32),
        bytes: &[u8],
        fake: Fake,
    ) {
        let numbers = (
            self.next[peer as usize].wrapping_add(ahead),
            self.next[peer.other() as usize],
        );
        let (from, to) = (self.ends[peer as usize], self.ends[peer.other() as usize]);
        let transport = segment_header((&from, &to), numbers, flags);
        match fake {
            Fake::Expires => {
                let from = Endpoint { hop_limit: 1, ..from };
                let ends = (&from, &to);
                self.link.send(self.time_ns, Mark::Ordinary, ends, transport, bytes);
            }
            Fake::Damaged => {
                self.link.send_damaged(self.time_ns, (&from, &to), transport, bytes);
            }
        }
    }

    /// The other peer's acknowledgement of all bytes up to `ahead` beyond the sender's
    /// next one.
    pub(crate) fn acknowledge_ahead(&mut self, sender: Peer, ahead: u32) {
        let peer = sender.other();
        let number = self.next[sender as usize].wrapping_add(ahead);
        let numbers = (self.next[peer as usize], number);
        let time_ns = self.time_ns + self.round_trip[peer as usize];
        self.transmit(peer, time_ns, numbers, tcp::ACK, &[], Mark::Ordinary);
    }

    /// Moves the peer's next byte on.
    pub(crate) fn advance(&mut self, peer: Peer, bytes: u32) {
        self.next[peer as usize] = self.next[peer as usize].wrapping_add(bytes);
    }

    /// Lets time pass before the peer sends: its way to the tap, if the other one sent
    /// last, and a pause.
    pub(crate) fn wait(&mut self, peer: Peer, pause_ns: u64) {
        if self.last_sender != peer {
            self.time_ns += self.round_trip[peer as usize];
            self.last_sender = peer;
        }
        self.time_ns += pause_ns;
    }

    /// A keep-alive: one zero byte before the peer's next one, acknowledged.
    pub(crate) fn keep_alive(&mut self, peer: Peer, pause_ns: u64) {
        self.wait(peer, pause_ns);
        let sequence = self.next[peer as usize].wrapping_sub(1);
        let numbers = (sequence, self.next[peer.other() as usize]);
        self.transmit(peer, self.time_ns, numbers, tcp::ACK, &[0], Mark::Ordinary);
        self.acknowledge_ahead(peer, 0);
    }

    /// FIN from the peer, FIN from the other, and the last acknowledgement.
    pub(crate) fn close(&mut self, peer: Peer) {
        self.wait(peer, 100_000);
        self.control(peer, tcp::FIN | tcp::ACK, 1);
        self.wait(peer.other(), 0);
        self.control(peer.other(), tcp::FIN | tcp::ACK, 1);
        self.wait(peer, 0);
        self.control(peer, tcp::ACK, 0);
    }

    /// A segment without payload that takes `length` sequence numbers.
    fn control(&mut self, peer: Peer, flags: u8, length: u32) {
        let acknowledgement =
            if flags & tcp::ACK == 0 { 0 } else { self.next[peer.other() as usize] };
        let numbers = (self.next[peer as usize], acknowledgement);
        let mark = std::mem::take(&mut self.opening);
        self.transmit(peer, self.time_ns, numbers, flags, &[], mark);
        self.advance(peer, length);
    }

    fn transmit(
        &mut self,
        peer: Peer,
        time_ns: u64,
        (sequence, acknowledgement): (u32, u32),
        flags: u8,
        payload: &[u8],
        mark: Mark,
    ) {
        let (from, to) = (self.ends[peer as usize], self.ends[peer.other() as usize]);
        let numbers = (sequence, acknowledgement);
        let transport = segment_header((&from, &to), numbers, flags);
        self.link.send(time_ns, mark, (&from, &to), transport, payload);
    }
}

fn segment_header(
    (from, to): (&Endpoint, &Endpoint),
    (sequence, acknowledgement): (u32, u32),
    flags: u8,
) -> Transport {
    Transport::Tcp {
        source_port: from.port,
        destination_port: to.port,
        sequence,
        acknowledgement,
        flags,
        window: 64_240,
        maximum_segment: (flags & tcp::SYN != 0).then_some(FULL_SEGMENT as u16),
    }
}
