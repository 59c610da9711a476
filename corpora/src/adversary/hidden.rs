//! Scenario `hidden-relays`: before a host is infected, a forged copy in its name says that
//! it had the content all along.

use super::base::{Delivery, Way, found, start};
use crate::frame_builder::tcp;
use crate::ground_truth::Protocol;
use crate::link::client_port;
use crate::scenario::Entry;
use crate::tcp_session::{Peer, TcpSession};
use crate::time::MILLISECOND;
use crate::traffic::Mark;

/// Expected: the copy gets no answer, and the tap sees both directions.
pub(super) const OVER_TCP: Entry = Entry {
    profile: found(
        "hidden-relays",
        "over TCP; before each session a forged segment with the body comes from the host that \
         it will infect",
        "propagation: a host that sent a content before it received it passes nothing on",
    ),
    open: |request| {
        let protocol = Protocol::Tcp;
        start(request, Way { protocol, invariant: 700, has_port: true, deliver })
    },
};

fn deliver(it: Delivery<'_>) -> u64 {
    if !it.attempt.answered {
        return it.open_in_vain();
    }
    let Delivery { attempt, body, link, rng, .. } = it;
    let ends = (attempt.from, attempt.to);
    let forged = (attempt.to.at(client_port(rng)), attempt.from.at(attempt.to.port));
    let numbers = ((rng.next_u64() >> 32) as u32, (rng.next_u64() >> 32) as u32);
    let flags = tcp::PSH | tcp::ACK;
    link.stray_segment(attempt.time_ns, (&forged.0, &forged.1), flags, numbers, body);
    let begin_ns = attempt.time_ns + 30 * MILLISECOND;
    let mut session = TcpSession::new(link, ends, begin_ns, rng);
    session.open();
    let mark = Mark::Content { content: 0, infects: attempt.infects };
    let complete_ns = session.time_ns();
    session.segment(Peer::Client, 0, body, mark);
    session.advance(Peer::Client, body.len() as u32);
    session.acknowledge_ahead(Peer::Client, 0);
    session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
    session.close(Peer::Client);
    complete_ns
}
