//! The alarm of dispersion by role and port, held against exact sets of hosts.
//!
//! The twin knows every packet. It tells roles, ports and hosts from the packets alone, and
//! states the rule in its own words.

use crate::common::{Random, datagram};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wormsift::config::{Config, PortRule, Size};
use wormsift::pipeline::Sensor;

const SECOND: u64 = 1_000_000_000;
/// Hosts that a content needs on each side.
const HOSTS: u32 = 6;

/// What estimates over all ports may lack: hosts that share a bit.
const SPARE: u32 = 3;

/// A datagram with a content.
#[derive(Clone, Copy)]
struct Message {
    time: u64,
    source: u8,
    destination: u8,
    ports: (u16, u16),
    content: u8,
}

/// What the twin counts of a content in a class.
#[derive(Default)]
struct Class {
    sources: BTreeSet<u8>,
    destinations: BTreeSet<u8>,
    requests: u64,
    replies: u64,
    by_source_port: HashMap<u16, u64>,
}

/// The classes of contents: their port, or none.
type Found = BTreeMap<u8, BTreeSet<Option<u16>>>;

/// The classes in which each content surely goes from many to many, and those in which it
/// may. Over all ports the sensor counts replies and source ports from when on a content
/// shows more there than at one port, so that shares may differ from those of all packets.
fn twin(messages: &[Message]) -> [Found; 2] {
    // Who began a conversation; nothing is quiet for five minutes here.
    let mut began: HashMap<[(u8, u16); 2], (u8, u16)> = HashMap::new();
    let mut classes: BTreeMap<(u8, Option<u16>), Class> = BTreeMap::new();
    let [mut surely, mut possibly] = [Found::new(), Found::new()];
    for message in messages {
        let from = (message.source, message.ports.0);
        let to = (message.destination, message.ports.1);
        let mut ends = [from, to];
        ends.sort_unstable();
        let is_reply = *began.entry(ends).or_insert(from) != from;
        for port in [Some(message.ports.1), None] {
            let class = classes.entry((message.content, port)).or_default();
            if is_reply {
                class.replies += 1;
                continue;
            }
            class.requests += 1;
            class.sources.insert(message.source);
            class.destinations.insert(message.destination);
            *class.by_source_port.entry(message.ports.0).or_default() += 1;
            let most = class.by_source_port.values().max().copied().unwrap_or(0);
            let from_one_port = 10 * most >= 9 * class.requests;
            let enough = match port {
                Some(_) => HOSTS,
                None if from_one_port => HOSTS + SPARE,
                None if 4 * class.replies < class.requests => 2 * HOSTS + SPARE,
                None => u32::MAX,
            };
            let least = class.sources.len().min(class.destinations.len()) as u32;
            for (found, enough) in [(&mut surely, enough), (&mut possibly, HOSTS)] {
                if least >= enough {
                    found.entry(message.content).or_default().insert(port);
                }
            }
        }
    }
    [surely, possibly]
}

fn body(content: u8) -> Vec<u8> {
    Random(u64::from(content)).bytes(64)
}

/// The same as a sensor has it.
fn sensor(messages: &[Message]) -> Found {
    let mut config = Config::default();
    assert_eq!(config.port_rule, PortRule::Roles);
    (config.sources, config.destinations, config.spread) = (HOSTS, HOSTS, 1_000);
    config.memory = Size(16 << 20);
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    for (number, message) in (1..).zip(messages) {
        let payload = body(message.content);
        worker.observe(&datagram(
            number,
            message.time,
            ([10, 0, 0, message.source].into(), message.ports.0),
            ([10, 0, 0, message.destination].into(), message.ports.1),
            &payload,
        ));
        sensor.absorb([&mut worker]);
    }
    sensor.finish();
    let mut found = Found::new();
    for finding in sensor.findings() {
        let signature = finding.into_signature();
        let is_of = |content: &u8| {
            body(*content)
                .windows(signature.content.len())
                .any(|it| it == signature.content)
        };
        let content = (0..=u8::MAX).find(is_of).expect("one of the contents");
        found.entry(content).or_default().insert(signature.port);
    }
    found
}

/// Ports of a world: a service's or any, on each side.
fn ports(random: &mut Random, kind: u64) -> (u16, u16) {
    let any = |random: &mut Random| 2_000 + random.below(400) as u16;
    match kind {
        0 => (any(random), 7_777),
        1 => (7_777, any(random)),
        2 => (any(random), any(random)),
        _ => (any(random), 7_000 + random.below(3) as u16),
    }
}

#[test]
fn dispersion_by_role_and_port_is_that_of_exact_sets() {
    let (mut alarmed, mut over_all, mut quiet) = (0, 0, 0);
    for seed in 0..120 {
        let random = &mut Random(seed);
        let (hosts, kind, share_of_replies) =
            (6 + random.below(26), random.below(4), random.below(3) * 40);
        let mut time = 1_000_000 * SECOND;
        let mut messages: Vec<Message> = Vec::new();
        for _ in 0..300 {
            time += SECOND / 20;
            let reply = random.below(100) < share_of_replies;
            let last = messages.last().copied().filter(|_| reply);
            messages.push(match last {
                Some(last) => Message {
                    time,
                    source: last.destination,
                    destination: last.source,
                    ports: (last.ports.1, last.ports.0),
                    ..last
                },
                None => Message {
                    time,
                    source: random.below(hosts) as u8,
                    destination: 100 + random.below(hosts) as u8,
                    ports: ports(random, kind),
                    content: random.below(3) as u8,
                },
            });
        }
        let (found, [surely, possibly]) = (sensor(&messages), twin(&messages));
        for content in 0..3 {
            let of = |all: &Found| all.get(&content).cloned().unwrap_or_default();
            let (found, surely, possibly) = (of(&found), of(&surely), of(&possibly));
            // A content is told in the class that alarms first.
            assert!(found.is_subset(&possibly), "seed {seed}: {found:?} of {possibly:?}");
            assert!(surely.is_empty() || !found.is_empty(), "seed {seed}: {surely:?}");
            let at_ports = |classes: &BTreeSet<Option<u16>>| {
                classes.iter().filter(|port| port.is_some()).count()
            };
            // What is told over all ports is told of each.
            let may_be_over_all = possibly.contains(&None);
            assert!(may_be_over_all || at_ports(&found) == at_ports(&surely), "{seed}");
            alarmed += usize::from(!found.is_empty());
            over_all += usize::from(found.contains(&None));
            quiet += usize::from(found.is_empty());
        }
    }
    println!("{alarmed} contents alarmed, {over_all} over all ports, {quiet} did not");
    assert!(alarmed > 60 && over_all > 20 && quiet > 60);
}
