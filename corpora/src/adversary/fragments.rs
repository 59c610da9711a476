//! Scenarios of one UDP datagram in IP fragments that a sensor should not put together as
//! its receiver does (Ptacek and Newsham 1998; Shankar and Paxson 2003).
//!
//! Fakes have a time to live that ends behind the tap, or a receiver that keeps the other
//! copy; which one makes no difference to the tap.

use std::net::Ipv4Addr;

use super::base::{Delivery, State, Way, found, start};
use crate::delivery::Attempt;
use crate::frame_builder::{Datagram, FrameBuilder};
use crate::ground_truth::Protocol;
use crate::link::{Endpoint, FRAME_GAP_NS, Link, RawFragment, udp};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::time::SECOND;
use crate::traffic::Mark;

/// Bytes of a fragment where its size is not what it is about.
const SIZE: usize = 128;

const fn way(deliver: super::base::Deliver) -> Way {
    Way { protocol: Protocol::Udp, invariant: 1_100, has_port: true, deliver }
}

/// Expected: both copies of each fragment are looked at.
pub(super) const FAKE_FIRST: Entry = Entry {
    profile: found(
        "fragments-fake-first",
        "in IP fragments of 128 bytes, each after a fake copy of random bytes",
        "reassembly in which the first copy of a byte wins",
    ),
    open: |request| start(request, way(fake_first)),
};

fn fake_first(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, rng } = it;
    let mut sender = Sender::new(state, attempt, body);
    for (offset, more, bytes) in sender.cut(SIZE) {
        sender.fake(link, offset, more, &rng.bytes(bytes.len()));
        sender.part(link, offset, more, &bytes);
    }
    sender.last_ns
}

/// Expected: both copies of each fragment are looked at.
pub(super) const FAKE_LAST: Entry = Entry {
    profile: found(
        "fragments-fake-last",
        "in IP fragments of 128 bytes, each before a fake copy of random bytes",
        "reassembly in which the last copy of a byte wins",
    ),
    open: |request| start(request, way(fake_last)),
};

fn fake_last(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, rng } = it;
    let mut sender = Sender::new(state, attempt, body);
    for (offset, more, bytes) in sender.cut(SIZE) {
        sender.part(link, offset, more, &bytes);
        if more {
            sender.fake(link, offset, more, &rng.bytes(bytes.len()));
        }
    }
    sender.last_ns
}

/// How long the last fragment is held back: Linux waits 30 s.
const HELD_BACK_NS: u64 = 28 * SECOND;
/// Fragments a second from forged sources, each of a datagram of its own.
const FLOOD_RATE: u64 = 300;

/// Expected: what is evicted is looked at when it is, some seconds after it was sent; its
/// receivers send theirs later still.
pub(super) const HELD_BACK: Entry = Entry {
    profile: found(
        "fragments-held-back",
        "in two IP fragments, the second 28 s after the first; 300 fragments a second of \
         other datagrams from forged sources",
        "a pool of datagrams under way, from which a flood evicts what is held back",
    ),
    open: |request| start(request, way(held_back)),
};

fn held_back(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, rng } = it;
    flood(state, attempt, link, rng);
    let mut sender = Sender::new(state, attempt, body);
    for (offset, more, bytes) in sender.cut(1_024) {
        if !more {
            sender.time_ns += HELD_BACK_NS;
        }
        sender.part(link, offset, more, &bytes);
    }
    sender.last_ns
}

/// Fragments for the second that begins, if they have not been sent.
fn flood(state: &mut State, attempt: &Attempt, link: &mut Link, rng: &mut Rng) {
    for time_ns in state.flood(attempt.time_ns, SECOND, SECOND / FLOOD_RATE) {
        let forged = Ipv4Addr::from_bits(0x2d00_0000 | rng.next_u64() as u32 >> 8);
        let from = Endpoint { address: forged.into(), inside: false, ..attempt.from };
        let ends = (&from, &attempt.to);
        let fragment = RawFragment {
            identification: rng.next_u64() as u32,
            offset: 0,
            more: true,
            bytes: &rng.bytes(16),
        };
        link.fragment(time_ns, Mark::Ordinary, ends, fragment);
    }
}

/// Expected: any number of holes is filled.
pub(super) const MANY_HOLES: Entry = Entry {
    profile: found(
        "fragments-many-holes",
        "in IP fragments of 8 bytes, every other one first: up to 73 holes",
        "a limit on the holes of a datagram",
    ),
    open: |request| start(request, way(many_holes)),
};

fn many_holes(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, .. } = it;
    let mut sender = Sender::new(state, attempt, body);
    let all = sender.cut(8);
    let (even, odd) = (all.iter().step_by(2), all.iter().skip(1).step_by(2));
    for (offset, more, bytes) in even.chain(odd) {
        sender.part(link, *offset, *more, bytes);
    }
    sender.last_ns
}

/// Expected: it is put together.
pub(super) const TINY_FIRST: Entry = Entry {
    profile: found(
        "fragments-tiny-first",
        "in IP fragments, the first with 8 bytes: nothing but the UDP header",
        "looking at first fragments alone (RFC 1858)",
    ),
    open: |request| start(request, way(tiny_first)),
};

fn tiny_first(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, .. } = it;
    let mut sender = Sender::new(state, attempt, body);
    let whole = sender.whole.clone();
    sender.part(link, 0, true, &whole[..8]);
    for (at, bytes) in whole[8..].chunks(SIZE).enumerate() {
        let offset = 8 + at * SIZE;
        sender.part(link, offset, offset + bytes.len() < whole.len(), bytes);
    }
    sender.last_ns
}

/// Expected: what lies before the fake end is a datagram, what lies past it is looked at
/// when it is given up. The former is enough for an alarm at the port.
pub(super) const FAKE_END: Entry = Entry {
    profile: found(
        "fragments-fake-end",
        "in IP fragments of 128 bytes, after a fake one that ends the datagram at byte 520",
        "a datagram that takes nothing past the end that it was told",
    ),
    open: |request| start(request, way(fake_end)),
};

fn fake_end(it: Delivery<'_>) -> u64 {
    let Delivery { state, attempt, body, link, rng } = it;
    let mut sender = Sender::new(state, attempt, body);
    sender.fake(link, 512, false, &rng.bytes(8));
    for (offset, more, bytes) in sender.cut(SIZE) {
        sender.part(link, offset, more, &bytes);
    }
    sender.last_ns
}

/// Sends the fragments of one datagram.
struct Sender {
    identification: u32,
    from: Endpoint,
    to: Endpoint,
    infects: Option<u32>,
    /// All that follows the IP header.
    whole: Vec<u8>,
    time_ns: u64,
    /// When the latest true fragment left.
    last_ns: u64,
    /// Bytes of true fragments so far.
    sent: usize,
}

impl Sender {
    fn new(state: &mut State, attempt: &Attempt, body: &[u8]) -> Self {
        let Attempt { from, to, time_ns, infects, .. } = *attempt;
        let identification = state.identification();
        let whole = FrameBuilder::ip_payload(&Datagram {
            source: from.address,
            destination: to.address,
            hop_limit: from.hop_limit,
            identification,
            transport: udp((&from, &to)),
            payload: body,
        });
        Self {
            identification,
            from,
            to,
            infects,
            whole,
            time_ns,
            last_ns: time_ns,
            sent: 0,
        }
    }

    /// Offset, whether more follow, and bytes of each fragment.
    fn cut(&self, size: usize) -> Vec<(usize, bool, Vec<u8>)> {
        let chunks = self.whole.chunks(size).enumerate();
        chunks
            .map(|(at, bytes)| {
                let offset = at * size;
                (offset, offset + bytes.len() < self.whole.len(), bytes.to_vec())
            })
            .collect()
    }

    /// A true fragment; the one that completes the datagram infects.
    fn part(&mut self, link: &mut Link, offset: usize, more: bool, bytes: &[u8]) {
        self.sent += bytes.len();
        let infects = self.infects.filter(|_| self.sent == self.whole.len());
        self.last_ns = self.time_ns;
        self.send(
            link,
            Mark::Content { content: 0, infects },
            self.from,
            (offset, more, bytes),
        );
    }

    /// One that never arrives.
    fn fake(&mut self, link: &mut Link, offset: usize, more: bool, bytes: &[u8]) {
        let from = Endpoint { hop_limit: 1, ..self.from };
        self.send(link, Mark::Ordinary, from, (offset, more, bytes));
    }

    fn send(
        &mut self,
        link: &mut Link,
        mark: Mark,
        from: Endpoint,
        (offset, more, bytes): (usize, bool, &[u8]),
    ) {
        let identification = self.identification;
        let fragment = RawFragment { identification, offset, more, bytes };
        link.fragment(self.time_ns, mark, (&from, &self.to), fragment);
        self.time_ns += FRAME_GAP_NS;
    }
}
