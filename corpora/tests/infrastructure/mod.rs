//! Infrastructure is what its profile says, by an exact count of who sends what to whom.
//!
//! A window of 56 bytes spreads where four hosts send it. Its first receipt and sending by
//! each host, and the packets of the acquaintance before it, are what a detector has to
//! tell forwarders and peers from infected hosts.

mod all;
mod busy_site;
mod forwarders;
mod own_senders;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::common::{Parsed, alone, parse};
use wormsift_corpora::ground_truth::IncidentTruth;
use wormsift_corpora::{Profile, Scenario, Trace};

/// Longer than what headers repeat.
const WINDOW: usize = 56;
/// So many senders make a window one that spreads. A client's own headers have three: the
/// client and both balancers.
const SENDERS: usize = 4;

fn profiles() -> impl Iterator<Item = &'static Profile> {
    Scenario::profiles().filter(|profile| profile.trust)
}

fn profile(name: &str) -> &'static Profile {
    profiles().find(|profile| profile.name == name).expect(name)
}

/// Who sent and received a window.
#[derive(Default)]
struct Window {
    /// When each host first sent it, and first received it.
    sent: BTreeMap<IpAddr, u64>,
    received: BTreeMap<IpAddr, u64>,
}

/// What spreads at the port of an incident.
struct Spreading {
    windows: HashMap<Vec<u8>, Window>,
    /// The packets that hold any of it: when, from whom, to whom, from which port.
    packets: Vec<(u64, IpAddr, IpAddr, u16)>,
}

fn packets(trace: &Trace) -> impl Iterator<Item = (u64, Parsed<'_>)> {
    trace.frames.iter().map(|(time, frame)| (*time, parse(frame).expect("IPv4")))
}

/// One window in eight, chosen by two of its bytes.
fn sampled(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let chosen = |window: &&[u8]| window[0].wrapping_mul(31) ^ window[7] < 32;
    payload.windows(WINDOW).filter(chosen)
}

/// What spreads from `from_ns` on and before `until_ns`.
fn spreading(trace: &Trace, port: u16, from_ns: u64, until_ns: u64) -> Spreading {
    let of_port = || {
        packets(trace).filter(move |(time, packet)| {
            packet.ports.contains(&port) && (from_ns..until_ns).contains(time)
        })
    };
    let mut windows: HashMap<Vec<u8>, Window> = HashMap::new();
    for (time, packet) in of_port() {
        for window in sampled(packet.payload) {
            let seen = windows.entry(window.to_vec()).or_default();
            seen.sent.entry(packet.source).or_insert(time);
            seen.received.entry(packet.destination).or_insert(time);
        }
    }
    windows.retain(|_, seen| seen.sent.len() >= SENDERS);
    let holds = |packet: &Parsed<'_>| {
        packet.payload.windows(WINDOW).any(|window| windows.contains_key(window))
    };
    let packets = of_port()
        .filter(|(_, packet)| holds(packet))
        .map(|(time, packet)| (time, packet.source, packet.destination, packet.ports[0]))
        .collect();
    Spreading { windows, packets }
}

/// What spreads of an incident once it has begun.
fn after(trace: &Trace, incident: &IncidentTruth) -> Spreading {
    spreading(trace, incident.port, incident.begins_ns, u64::MAX)
}

/// The pairs of hosts, the lesser first, that exchanged packets before this moment.
fn acquainted(trace: &Trace, until_ns: u64) -> BTreeSet<(IpAddr, IpAddr)> {
    let before = packets(trace).take_while(|(time, _)| *time < until_ns);
    before.map(|(_, packet)| pair(packet.source, packet.destination)).collect()
}

fn pair(a: IpAddr, b: IpAddr) -> (IpAddr, IpAddr) {
    (a.min(b), a.max(b))
}

/// The scenario without background traffic, and its only incident.
fn alone_with_incident(name: &str, seed: u64) -> (Trace, IncidentTruth) {
    let trace = alone(name, seed);
    assert_eq!(trace.truth.incidents.len(), 1, "{name}");
    let incident = trace.truth.incidents[0].clone();
    (trace, incident)
}
