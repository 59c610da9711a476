//! A worm, and a flood of forged contents over it, packet by packet.
//!
//! The worm is simulated: its copies go to addresses at random, and who is vulnerable and
//! was not infected begins to send a second later. The flood's contents are random bytes;
//! each goes from one host to a second, which passes it on as its shape says. All of it is a
//! function of the seed.

use super::{Random, datagram};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use wormsift::packet::{Packet, protocol, tcp_flags};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Alarm, Finding};

const SECOND: u64 = 1_000_000_000;
/// Where time begins.
const BEGIN: u64 = 1_700_000_000 * SECOND;

/// A worm on a network of `space` addresses, of which one in `one_in` is vulnerable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worm {
    pub(crate) seed: u64,
    pub(crate) tcp: bool,
    pub(crate) length: usize,
    pub(crate) space: u64,
    pub(crate) one_in: u64,
    /// Scans a second of each infected host.
    pub(crate) rate: f64,
    /// When patient zero begins, in seconds.
    pub(crate) begins: u64,
}

/// What the flood sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flood {
    pub(crate) seed: u64,
    pub(crate) packets_a_second: u64,
    pub(crate) length: usize,
    pub(crate) port: u16,
    /// Hosts that each content is passed on to; 0 for contents that nobody passes on, which
    /// each of `hosts` hosts sends to one other.
    pub(crate) targets: u64,
    pub(crate) hosts: u64,
    /// All addresses are from a /24; else from everywhere.
    pub(crate) from_few: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Infected hosts when the worm was first reported by (dispersion, propagation).
    pub(crate) infected: [Option<usize>; 2],
    pub(crate) infected_at_end: usize,
    /// Findings of all contents.
    pub(crate) findings: u64,
    pub(crate) worm_findings: u64,
    pub(crate) warnings: Vec<String>,
    /// All findings, as text.
    pub(crate) told: Vec<String>,
}

/// One packet to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Scan(u32),
    Infected(u32),
    Flood(u64),
}

/// Runs both against a sensor for so many seconds, in batches of so many packets at most.
pub(crate) fn run(
    sensor: &mut Sensor,
    worm: Option<Worm>,
    flood: Option<Flood>,
    seconds: u64,
    batch: u64,
) -> Outcome {
    let mut queue = BinaryHeap::new();
    let body = worm.map_or(Vec::new(), |worm| Random(worm.seed ^ 77).bytes(worm.length));
    let mut random = Random(worm.map_or(0, |worm| worm.seed));
    let mut infected = HashSet::new();
    if let Some(worm) = worm {
        queue.push(Reverse((BEGIN + worm.begins * SECOND, Step::Infected(0))));
        infected.insert(0);
    }
    if flood.is_some() {
        queue.push(Reverse((BEGIN, Step::Flood(0))));
    }
    let mut worker = sensor.worker();
    let (mut number, mut buffered, mut absorbed) = (0, 0, 0);
    let mut outcome = Outcome::default();
    let mut live = 0;
    let mut payload = (u64::MAX, Vec::new());
    while let Some(Reverse((time, step))) = queue.pop() {
        if time >= BEGIN + seconds * SECOND {
            break;
        }
        let mut send = |packet: Packet<'_>| {
            number += 1;
            let packet = Packet { number, ..packet };
            worker.observe(&packet);
            buffered += 1;
        };
        match step {
            Step::Infected(host) => {
                live += 1;
                queue.push(Reverse((time, Step::Scan(host))));
            }
            Step::Scan(host) => {
                let worm = worm.expect("a worm");
                let target = random.below(worm.space) as u32;
                let gap = SECOND as f64 / worm.rate
                    * (0.5 + random.below(1_000) as f64 / 1_000.0);
                queue.push(Reverse((time + gap as u64, Step::Scan(host))));
                let is_vulnerable =
                    ((u64::from(target) * 0x9e37_79b9) >> 7).is_multiple_of(worm.one_in);
                let source_port = 1_024 + random.below(60_000) as u16;
                let ends = [address(0x0a00_0000, host), address(0x0a00_0000, target)];
                if target != host {
                    exploit(
                        worm.tcp,
                        is_vulnerable,
                        time,
                        ends,
                        source_port,
                        &body,
                        &mut send,
                    );
                    if is_vulnerable && infected.insert(target) {
                        queue.push(Reverse((time + SECOND, Step::Infected(target))));
                    }
                }
            }
            Step::Flood(n) => {
                let flood = flood.expect("a flood");
                queue.push(Reverse((
                    BEGIN + (n + 1) * SECOND / flood.packets_a_second,
                    Step::Flood(n + 1),
                )));
                let each =
                    if flood.targets > 0 { 1 + flood.targets } else { flood.hosts };
                let (content, copy) = (n / each, n % each);
                if payload.0 != content {
                    payload = (
                        content,
                        Random(flood.seed ^ (content << 20)).bytes(flood.length),
                    );
                }
                let host = |of: u64| {
                    let bits =
                        Random(flood.seed ^ (content << 20) ^ (of + 1)).next() as u32;
                    if flood.from_few {
                        address(0x3000_0000, bits % 250)
                    } else {
                        address(0x4000_0000, bits >> 2)
                    }
                };
                let (from, to) = match (flood.targets, copy) {
                    (0, copy) => (host(2 * copy), host(2 * copy + 1)),
                    (_, 0) => (host(0), host(1)),
                    (_, copy) => (host(1), host(1 + copy)),
                };
                let port = 20_000 + (bits_of(content) % 40_000) as u16;
                send(datagram(0, time, (from, port), (to, flood.port), &payload.1));
            }
        }
        if buffered >= batch || buffered > 0 && time >= absorbed + SECOND / 4 {
            (buffered, absorbed) = (0, time);
            sensor.absorb([&mut worker]);
            note(sensor, &body, live, &mut outcome);
        }
    }
    sensor.absorb([&mut worker]);
    note(sensor, &body, live, &mut outcome);
    sensor.finish();
    note(sensor, &body, live, &mut outcome);
    outcome.infected_at_end = live;
    outcome
}

fn bits_of(content: u64) -> u64 {
    Random(content).next()
}

fn address(net: u32, host: u32) -> IpAddr {
    Ipv4Addr::from(net + host).into()
}

/// The packets of one scan: what is vulnerable answers over TCP.
fn exploit(
    tcp: bool,
    is_vulnerable: bool,
    time: u64,
    [from, to]: [IpAddr; 2],
    port: u16,
    body: &[u8],
    send: &mut impl FnMut(Packet<'_>),
) {
    if !tcp {
        return send(datagram(0, time, (from, port), (to, 1_434), body));
    }
    let segment =
        |ends: [(IpAddr, u16); 2], flags, sequence, acknowledgement, payload| Packet {
            protocol: protocol::TCP,
            tcp_flags: flags,
            sequence,
            acknowledgement,
            ..datagram(0, time, ends[0], ends[1], payload)
        };
    let (there, back) = ([(from, port), (to, 445)], [(to, 445), (from, port)]);
    send(segment(there, tcp_flags::SYN, 100, 0, &[]));
    if is_vulnerable {
        send(segment(back, tcp_flags::SYN | tcp_flags::ACK, 700, 101, &[]));
        send(segment(there, tcp_flags::ACK, 101, 701, &[]));
        send(segment(there, tcp_flags::ACK, 101, 701, body));
        send(segment(back, tcp_flags::ACK, 701, 101 + body.len() as u32, &[]));
    }
}

/// Takes the findings of a sensor.
fn note(sensor: &mut Sensor, body: &[u8], live: usize, outcome: &mut Outcome) {
    outcome.warnings.append(&mut sensor.warnings());
    for finding in sensor.findings() {
        outcome.findings += 1;
        outcome.told.push(format!("{finding:?}"));
        let signature = finding.signature();
        let content = &signature.content;
        if body.is_empty() || !body.windows(content.len()).any(|part| part == content) {
            continue;
        }
        outcome.worm_findings += 1;
        if matches!(finding, Finding::Summary(_)) {
            continue;
        }
        for alarm in Alarm::ALL {
            if signature.evidence.alarms.contains(&alarm) {
                outcome.infected[alarm as usize].get_or_insert(live);
            }
        }
    }
}
