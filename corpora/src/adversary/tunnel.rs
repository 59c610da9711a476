//! Scenario `constant-inner-addresses`: a worm inside of tunnels whose inner addresses never
//! change.
//!
//! Whoever takes a tunnel's packets out reads the inner ones, and the author chooses those.

use std::net::{IpAddr, Ipv4Addr};

use super::base::{Delivery, Way, found, start};
use crate::frame_builder::{Tunnel, TunnelKind};
use crate::ground_truth::Protocol;
use crate::link::Endpoint;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::Entry;
use crate::traffic::Mark;

const INNER: [Ipv4Addr; 2] =
    [Ipv4Addr::new(192, 168, 7, 1), Ipv4Addr::new(192, 168, 7, 2)];

const TWO_HOSTS: Verdict = Verdict::Silent(
    "the hosts of a packet are those of its innermost header: one sends, and one receives",
);

/// Expected: nothing; it is named in the limits. Where tunnels are not looked into, the outer
/// addresses count.
pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        expectations: &[
            Expectation::by_default(TWO_HOSTS, TWO_HOSTS),
            Expectation::fires_under("tunnels = false"),
        ],
        ..found(
            "constant-inner-addresses",
            "in a VXLAN tunnel from host to host, whose inner packets all go from one address \
             to one other",
            "counting the hosts of inner headers",
        )
    },
    open: |request| {
        let protocol = Protocol::Udp;
        start(request, Way { protocol, invariant: 700, has_port: true, deliver })
    },
};

fn deliver(it: Delivery<'_>) -> u64 {
    let Delivery { attempt, body, link, .. } = it;
    let outer = (attempt.from.address, attempt.to.address);
    // With no carriage but the default one, addresses are of IPv4.
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = outer {
        let tunnel = Tunnel { source, destination, kind: TunnelKind::Vxlan(7) };
        let [from, to] = INNER.map(IpAddr::from);
        let from = Endpoint { address: from, hop_limit: 64, ..attempt.from };
        let to = Endpoint { address: to, ..attempt.to };
        let mark = Mark::Content { content: 0, infects: attempt.infects };
        link.udp_in_tunnel(attempt.time_ns, mark, tunnel, (&from, &to), body);
    }
    attempt.time_ns
}
