//! Scenarios of worms that spread in a way which a sensor might not look for.

use super::base::{Delivery, Way, found, start};
use crate::ground_truth::Protocol;
use crate::link::client_port;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::Entry;
use crate::tcp_session::{Peer, PlantedRange, TcpSession};
use crate::time::MILLISECOND;

/// Over TCP, to any port.
const fn way(invariant: usize, deliver: super::base::Deliver) -> Way {
    Way { protocol: Protocol::Tcp, invariant, has_port: false, deliver }
}

/// Why a fetched body is not expected to be found.
const FETCHED: Verdict = Verdict::Open(
    "content that servers alone send is what their clients asked for: a page, an update, a \
     share of a swarm",
);

/// Expected: nothing, or by chance; it is named in the limits. What makes a host fetch is sent
/// to it, and would be found if it repeated.
pub(super) const PULLED: Entry = Entry {
    profile: Profile {
        expectations: &[Expectation::by_default(FETCHED, FETCHED)],
        ..found(
            "body-pulled",
            "an attack of random bytes makes its victim fetch the body from a port of the \
             attacker that was never used before",
            "alarms that count what is sent to a port: the body comes in replies alone",
        )
    },
    open: |request| start(request, way(900, pulled)),
};

fn pulled(it: Delivery<'_>) -> u64 {
    if !it.attempt.answered {
        return it.open_in_vain();
    }
    let Delivery { attempt, body, link, rng, .. } = it;
    let mut session =
        TcpSession::new(link, (attempt.from, attempt.to), attempt.time_ns, rng);
    session.open();
    session.send(Peer::Client, &rng.bytes(64), MILLISECOND);
    session.close(Peer::Client);
    let fetches_at = session.time_ns() + 100 * MILLISECOND;
    let served = rng.between(1_024, 65_535) as u16;
    let ends = (attempt.to.at(client_port(rng)), attempt.from.at(served));
    let mut session = TcpSession::new(link, ends, fetches_at, rng);
    session.open();
    session.send(Peer::Client, &rng.bytes(32), MILLISECOND);
    let planted =
        PlantedRange { infects: attempt.infects, ..PlantedRange::first(0..body.len()) };
    let complete_ns = session.send_planted(Peer::Server, body, MILLISECOND, &planted);
    session.close(Peer::Server);
    complete_ns
}

/// Expected: hosts count over all ports.
pub(super) const PORT_PER_HOP: Entry = Entry {
    profile: found(
        "port-per-hop",
        "over TCP, to another port at each host",
        "alarms that count what is sent to one port",
    ),
    open: |request| start(request, way(700, port_per_hop)),
};

fn port_per_hop(it: Delivery<'_>) -> u64 {
    let port = it.rng.between(1_024, 65_535) as u16;
    let attempt = it.attempt.at(it.attempt.from.port, port);
    let it = Delivery { attempt: &attempt, ..it };
    in_parts(it, usize::MAX)
}

/// Expected: each part repeats by itself.
pub(super) const IN_PARTS: Entry = Entry {
    profile: found(
        "body-in-parts",
        "over TCP, 60 bytes a connection, one connection after the other",
        "streams of one connection: no connection has more than one part",
    ),
    open: |request| start(request, Way { has_port: true, ..way(600, parts_of_sixty) }),
};

fn parts_of_sixty(it: Delivery<'_>) -> u64 {
    in_parts(it, 60)
}

/// Sends the body in connections of so many bytes each; returns when it is complete.
pub(super) fn in_parts(it: Delivery<'_>, bytes: usize) -> u64 {
    if !it.attempt.answered {
        return it.open_in_vain();
    }
    let Delivery { attempt, body, link, rng, .. } = it;
    let parts = body.len().div_ceil(bytes);
    let mut time_ns = attempt.time_ns;
    for (place, part) in body.chunks(bytes.min(body.len())).enumerate() {
        let from = attempt.from.at(client_port(rng));
        let mut session = TcpSession::new(link, (from, attempt.to), time_ns, rng);
        session.open();
        session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
        let infects = attempt.infects.filter(|_| place + 1 == parts);
        let planted = PlantedRange { infects, ..PlantedRange::first(0..part.len()) };
        time_ns = session.send_planted(Peer::Client, part, MILLISECOND, &planted);
        session.close(Peer::Client);
    }
    time_ns
}

/// Why a body in literals is not expected to be found.
const IN_LITERALS: Verdict = Verdict::Open(
    "at most 18 own bytes stand between literals that everybody sends: what has no more than \
     half a window of its own is kept back, and counted with the literals that cover it",
);

/// Expected: kept back; it is named in the limits.
pub(super) const BETWEEN_LITERALS: Entry = Entry {
    profile: Profile {
        expectations: &[Expectation::by_default(IN_LITERALS, IN_LITERALS)],
        ..found(
            "between-literals",
            "over TCP; 18 bytes of the body after each line of an HTTP header, on a port that \
             is not HTTP's",
            "boilerplate that is kept back",
        )
    },
    open: |request| start(request, Way { has_port: true, ..way(360, between_literals) }),
};

fn between_literals(it: Delivery<'_>) -> u64 {
    const LINE: &[u8] =
        b"\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n";
    let wrapped: Vec<u8> =
        it.body.chunks(18).flat_map(|own| [LINE, own]).flatten().copied().collect();
    in_parts(Delivery { body: &wrapped, ..it }, usize::MAX)
}
