//! Scenarios of TCP segments whose flags mean something else to their receiver than to a
//! sensor (Ptacek and Newsham 1998; Handley, Paxson and Kreibich 2001).

use super::base::{Delivery, found, start};
use super::segments::{deliver, way};
use crate::frame_builder::tcp;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::Entry;
use crate::tcp_session::{Fake, Peer, TcpSession};
use crate::time::MILLISECOND;
use crate::traffic::Mark;

/// Beyond every receive window of 64,240 bytes.
const OUT_OF_WINDOW: u32 = 1 << 20;

/// Expected: a reset ends no stream, since nothing shows that its receiver takes it.
pub(super) const FAKE_RESETS: Entry = Entry {
    profile: found(
        "segments-fake-resets",
        "over TCP in segments of 32 bytes, each after two RSTs that its receiver never takes: \
         one expires behind the tap, one has a number outside of the window",
        "a stream that ends at a reset",
    ),
    open: |request| start(request, way(600, fake_resets)),
};

fn fake_resets(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, _| {
        for at in sender.cut(32) {
            let ahead = at.0 as u32;
            for ahead in [ahead, ahead + OUT_OF_WINDOW] {
                sender.fake_flags((tcp::RST | tcp::ACK, ahead), &[], Fake::Expires);
            }
            sender.part(&at);
        }
    })
}

/// Expected: what stood before a SYN goes on, if segments do.
pub(super) const FAKE_SYNS: Entry = Entry {
    profile: found(
        "segments-fake-syns",
        "over TCP in segments of 32 bytes, each after a SYN with another number and 32 random \
         bytes, which its receiver refuses (RFC 5961)",
        "a stream that begins anew at every SYN",
    ),
    open: |request| start(request, way(600, fake_syns)),
};

fn fake_syns(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, rng| {
        for at in sender.cut(32) {
            let ahead = rng.between(10_000_000, 2_000_000_000) as u32;
            sender.fake_flags((tcp::SYN, ahead), &rng.bytes(32), Fake::Expires);
            sender.part(&at);
        }
    })
}

/// Why a body between urgent bytes is not expected to be found.
const URGENT: Verdict = Verdict::Silent(
    "the urgent byte of a segment is sifted as part of the stream, so that no window of 40 \
     bytes is the same in two copies",
);

/// Expected: nothing. Which byte is urgent, and whether its receiver leaves it in the stream,
/// differs between systems.
pub(super) const URGENT_BYTES: Entry = Entry {
    profile: Profile {
        expectations: &[Expectation::by_default(URGENT, URGENT)],
        ..found(
            "segments-urgent",
            "over TCP in segments of 32 bytes, and a random urgent byte at the end of each, \
             which its receiver takes out of the stream",
            "a stream that holds urgent bytes",
        )
    },
    open: |request| start(request, way(600, urgent_bytes)),
};

fn urgent_bytes(it: Delivery<'_>) -> u64 {
    deliver(it, |sender, rng| {
        for at in sender.cut(32) {
            sender.part_and_urgent(&at, rng.next_u64() as u8);
        }
    })
}

/// Expected: what a SYN carries is sifted as any payload.
pub(super) const BODY_IN_SYN: Entry = Entry {
    profile: found(
        "body-in-syn",
        "the whole body is in the SYN of its connection, as TCP Fast Open sends it",
        "looking at payloads after a handshake alone",
    ),
    open: |request| start(request, way(700, body_in_syn)),
};

fn body_in_syn(it: Delivery<'_>) -> u64 {
    let Delivery { attempt, body, link, rng, .. } = it;
    let ends = (attempt.from, attempt.to);
    let mut session = TcpSession::new(link, ends, attempt.time_ns, rng);
    session.open_with(body, Mark::Content { content: 0, infects: attempt.infects });
    if attempt.answered {
        session.accept();
        session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
        session.close(Peer::Client);
    }
    attempt.time_ns
}
