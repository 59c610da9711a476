//! Scenarios of a flood of forged contents over a worm. Each content is received by one host
//! and passed on to two others, so that it looks like something that begins to spread.
//!
//! Expected in both: the worm is found. Its content comes nearer to an alarm with every copy,
//! and those of the flood do not.

use std::net::{IpAddr, Ipv4Addr};

use super::base::{Deliver, Delivery, Way, found, start};
use crate::frame_builder::{Tunnel, TunnelKind};
use crate::ground_truth::Protocol;
use crate::link::{Endpoint, Link, client_port, udp};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Mark;

const PORT: u16 = 7_777;
/// Packets a second.
const RATE: u64 = 200;
/// Packets of one content.
const COPIES: u64 = 3;
const LENGTH: usize = 1_400;
/// For how long the flood goes on after a scan of the worm that the tap sees: until the next.
const LASTS_NS: u64 = 10 * SECOND;

/// Both ends of the tunnel of the second variant: its host's own address, and a router's.
const TUNNEL: Tunnel = Tunnel {
    source: Ipv4Addr::new(198, 51, 100, 9),
    destination: Ipv4Addr::new(192, 0, 2, 2),
    kind: TunnelKind::Vxlan(7),
};

const fn way(deliver: Deliver) -> Way {
    Way { protocol: Protocol::Udp, invariant: 700, has_port: true, deliver }
}

pub(super) const FORGED: Entry = Entry {
    profile: found(
        "forged-flood",
        "in datagrams; 200 others a second from forged sources, each content received by one \
         host, which passes it on to two",
        "a table of candidates, or of relays, that what was passed on fills",
    ),
    open: |request| start(request, way(forged)),
};

fn forged(it: Delivery<'_>) -> u64 {
    deliver(it, Link::udp)
}

pub(super) const IN_TUNNEL: Entry = Entry {
    profile: found(
        "forged-flood-in-tunnel",
        "the same; the flood comes from one host that forges no address, in a VXLAN tunnel \
         with inner addresses of its choice",
        "bounds for each source, where inner addresses count as sources",
    ),
    open: |request| start(request, way(in_tunnel)),
};

fn in_tunnel(it: Delivery<'_>) -> u64 {
    deliver(it, |link, time_ns, ends, bytes| {
        link.udp_in_tunnel(time_ns, Mark::Ordinary, TUNNEL, ends, bytes);
    })
}

/// Sends the flood, and the body; returns when it is complete.
fn deliver(
    it: Delivery<'_>,
    send: impl Fn(&mut Link, u64, (&Endpoint, &Endpoint), &[u8]),
) -> u64 {
    let Delivery { state, attempt, body, link, rng } = it;
    let near = if attempt.from.inside { attempt.from } else { attempt.to };
    for time_ns in state.flood(attempt.time_ns, LASTS_NS, COPIES * SECOND / RATE) {
        let content = rng.bytes(LENGTH);
        let [relay, first, second] = [(); 3].map(|()| neighbour(near, rng));
        let pairs = [(stranger(near, rng), relay), (relay, first), (relay, second)];
        for ((from, to), n) in pairs.into_iter().zip(0..) {
            let ends = (&from.at(client_port(rng)), &to.at(PORT));
            send(link, time_ns + n * 5 * MILLISECOND, ends, &content);
        }
    }
    let ends = (&attempt.from, &attempt.to);
    let mark = Mark::Content { content: 0, infects: attempt.infects };
    link.send(attempt.time_ns, mark, ends, udp(ends), body)
}

/// A forged host anywhere.
fn stranger(near: Endpoint, rng: &mut Rng) -> Endpoint {
    let address = Ipv4Addr::from_bits(0x2d00_0000 | rng.next_u64() as u32 >> 8);
    Endpoint { address: address.into(), inside: false, ..near }
}

/// A forged host of the site: all of the flood comes from outside.
fn neighbour(near: Endpoint, rng: &mut Rng) -> Endpoint {
    let last = rng.below(1 << 12) as u16;
    let address = match near.address {
        IpAddr::V4(own) => {
            Ipv4Addr::from_bits(own.to_bits() & !0xfff | u32::from(last)).into()
        }
        other => other,
    };
    Endpoint { address, inside: false, ..near }
}
