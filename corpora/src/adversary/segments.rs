//! Scenarios of one TCP stream in segments that a sensor should not put together as its
//! receiver does (Ptacek and Newsham 1998).

use super::base::{Deliver, Delivery, Way, found, start};
use crate::frame_builder::tcp;
use crate::ground_truth::Protocol;
use crate::link::FRAME_GAP_NS;
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::tcp_session::{Fake, Peer, TcpSession};
use crate::time::MILLISECOND;
use crate::traffic::Mark;

pub(super) const fn way(invariant: usize, deliver: Deliver) -> Way {
    Way { protocol: Protocol::Tcp, invariant, has_port: true, deliver }
}

/// Where fewer segments can wait than do.
const FEW_WAIT: Verdict = Verdict::Open(
    "in 64 MiB a flow shard has room for 43 early segments, so that a third of the body at most \
     is seen in a row",
);

/// Expected: of as many as are kept, those nearest to the gap are, and join.
pub(super) const EVEN_FIRST: Entry = Entry {
    profile: Profile {
        expectations: &[
            Expectation::by_default(FEW_WAIT, FEW_WAIT),
            Expectation::fires_under("memory = \"256MiB\""),
        ],
        ..found(
            "segments-even-first",
            "over TCP in segments of 8 bytes, every other one first: up to 95 wait",
            "a store of early segments that forgets the oldest",
        )
    },
    open: |request| start(request, way(1_470, even_first)),
};

fn even_first(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, _| {
        let all = sender.cut(8);
        let odd = all.iter().skip(1).step_by(2);
        for at in odd.chain(all.iter().step_by(2)) {
            sender.part(at);
        }
    })
}

/// Expected: fakes take each other's places, and draw no tail away.
pub(super) const FAR_AHEAD_FAKES: Entry = Entry {
    profile: found(
        "segments-far-ahead-fakes",
        "over TCP in segments of 40 bytes, each pair swapped, with 40 fakes far ahead between \
         the two",
        "a store of early segments that fakes fill",
    ),
    open: |request| start(request, way(600, far_ahead_fakes)),
};

fn far_ahead_fakes(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, rng| {
        let mut all = sender.cut(40);
        all.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        for (place, at) in all.iter().enumerate() {
            if place % 2 == 1 {
                for _ in 0..40 {
                    let ahead = rng.between(10_000, 40_000_000) as u32;
                    sender.fake(ahead, &rng.bytes(40), Fake::Expires);
                }
            }
            sender.part(at);
        }
    })
}

/// Expected: windows lie in the seams alone.
pub(super) const ONE_BYTE: Entry = Entry {
    profile: found(
        "segments-one-byte",
        "over TCP in segments of one byte",
        "windows within one packet, or the seam between two",
    ),
    open: |request| start(request, way(320, one_byte)),
};

fn one_byte(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, _| {
        sender.cut(1).iter().for_each(|at| sender.part(at));
    })
}

/// Expected: true segments go on from each other, beside the fakes that do.
pub(super) const INCONSISTENT: Entry = Entry {
    profile: found(
        "segments-inconsistent",
        "over TCP in segments of 32 bytes, each after a fake copy of random bytes whose time \
         to live ends behind the tap",
        "a stream in which the first copy of a byte wins",
    ),
    open: |request| start(request, way(600, inconsistent)),
};

fn inconsistent(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, rng| sender.doubled(Fake::Expires, rng))
}

/// Expected: the same. Checksums are not looked at by default, since captures of a host's
/// own traffic have wrong ones.
pub(super) const BAD_CHECKSUM: Entry = Entry {
    profile: found(
        "segments-bad-checksum",
        "over TCP in segments of 32 bytes, each after a fake copy of random bytes with a \
         wrong checksum",
        "a stream that takes segments which its receiver drops",
    ),
    open: |request| start(request, way(600, bad_checksum)),
};

fn bad_checksum(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, rng| sender.doubled(Fake::Damaged, rng))
}

/// Sends the body in a session, its segments by `send`; returns when it is complete.
pub(super) fn deliver(
    it: Delivery<'_>,
    send: impl FnOnce(&mut Sender<'_>, &mut Rng),
) -> u64 {
    if !it.attempt.answered {
        return it.open_in_vain();
    }
    let Delivery { attempt, body, link, rng, .. } = it;
    let ends = (attempt.from, attempt.to);
    let mut session = TcpSession::new(link, ends, attempt.time_ns, rng);
    session.open();
    session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
    session.wait(Peer::Client, MILLISECOND);
    let infects = attempt.infects;
    let mut sender = Sender { session, body, infects, sent: 0, complete_ns: 0 };
    send(&mut sender, rng);
    let Sender { mut session, complete_ns, .. } = sender;
    session.advance(Peer::Client, body.len() as u32);
    session.acknowledge_ahead(Peer::Client, 0);
    session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
    session.close(Peer::Client);
    complete_ns
}

/// Sends the segments of one body.
pub(super) struct Sender<'a> {
    session: TcpSession<'a>,
    body: &'a [u8],
    infects: Option<u32>,
    /// Bytes of true segments so far.
    sent: usize,
    /// When the latest of them left.
    complete_ns: u64,
}

impl Sender<'_> {
    /// Where each segment begins and ends.
    pub(super) fn cut(&self, size: usize) -> Vec<(usize, usize)> {
        let length = self.body.len();
        (0..length).step_by(size).map(|at| (at, (at + size).min(length))).collect()
    }

    /// A true segment; the one that completes the body infects.
    pub(super) fn part(&mut self, &(from, to): &(usize, usize)) {
        let mark = self.mark(to - from);
        self.session.segment(Peer::Client, from as u32, &self.body[from..to], mark);
        self.session.wait(Peer::Client, FRAME_GAP_NS);
    }

    /// The same with one byte more, which the receiver takes out of the stream.
    pub(super) fn part_and_urgent(&mut self, &(from, to): &(usize, usize), byte: u8) {
        let mark = self.mark(to - from);
        let bytes = [&self.body[from..to], &[byte]].concat();
        self.session.urgent_segment(Peer::Client, from as u32, &bytes, mark);
        self.session.advance(Peer::Client, 1);
        self.session.wait(Peer::Client, FRAME_GAP_NS);
    }

    /// What a true segment with so many bytes of the body is, which leaves now.
    fn mark(&mut self, bytes: usize) -> Mark {
        self.sent += bytes;
        self.complete_ns = self.session.time_ns();
        let infects = self.infects.filter(|_| self.sent == self.body.len());
        Mark::Content { content: 0, infects }
    }

    /// One that never arrives, `ahead` bytes beyond the body's first.
    fn fake(&mut self, ahead: u32, bytes: &[u8], fake: Fake) {
        self.fake_flags((tcp::PSH | tcp::ACK, ahead), bytes, fake);
    }

    /// The same with other flags.
    pub(super) fn fake_flags(&mut self, header: (u8, u32), bytes: &[u8], fake: Fake) {
        self.session.fake_segment(Peer::Client, header, bytes, fake);
        self.session.wait(Peer::Client, FRAME_GAP_NS);
    }

    /// All segments of 32 bytes, each after a fake one.
    fn doubled(&mut self, fake: Fake, rng: &mut Rng) {
        for at in self.cut(32) {
            self.fake(at.0 as u32, &rng.bytes(at.1 - at.0), fake);
            self.part(&at);
        }
    }
}
