//! What the scenarios `honey-farm` and `honey-farm-quiet` promise.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::common::{Parsed, parse, trace};
use wormsift_corpora::ground_truth::DecoysTruth;
use wormsift_corpora::{Trace, Verdict};

const SYN: u8 = 2;
const ACK: u8 = 16;

fn decoys(trace: &Trace) -> &DecoysTruth {
    trace.truth.decoys.as_ref().expect("decoys")
}

/// A conversation that a decoy started: the packet's number, the decoy, and the other end.
#[derive(Clone, Debug, PartialEq)]
struct Started {
    number: u64,
    host: IpAddr,
    to: IpAddr,
    /// As in the list of what decoys may do.
    what: String,
}

type Ends = (u8, IpAddr, u16, IpAddr, u16);

/// Every packet of a decoy that nobody's packet with the ends swapped came before. ICMP
/// errors and replies, and answers to what only looks like an answer, start nothing.
fn started(trace: &Trace) -> Vec<Started> {
    let truth = decoys(trace);
    let is_decoy = |host: &IpAddr| truth.addresses.contains(host);
    let mut seen: BTreeSet<Ends> = BTreeSet::new();
    let mut pinged: BTreeSet<(IpAddr, IpAddr)> = BTreeSet::new();
    let mut found = Vec::new();
    for ((_, frame), number) in trace.frames.iter().zip(1..) {
        let packet = parse(frame).expect("a plain frame");
        let (from, to, [own, other]) = (packet.source, packet.destination, packet.ports);
        if packet.protocol == 1 {
            match packet.ports[1] >> 8 {
                8 => {
                    pinged.insert((from, to));
                    assert!(!is_decoy(&from), "{number}: a decoy pings");
                }
                0 if is_decoy(&from) => assert!(pinged.contains(&(to, from)), "{number}"),
                _ => {}
            }
            continue;
        }
        let is_known = seen.contains(&(packet.protocol, to, other, from, own));
        if is_decoy(&from) && !is_known {
            let is_new = seen.insert((packet.protocol, from, own, to, other));
            // Goes on with what it started before.
            if is_new {
                let protocol = if packet.protocol == 6 { "tcp" } else { "udp" };
                let what = format!("{protocol}/{other} {to}");
                found.push(Started { number, host: from, to, what });
            }
        } else {
            seen.insert((packet.protocol, from, own, to, other));
        }
    }
    found
}

fn forbidden(trace: &Trace) -> Vec<Started> {
    let may = &decoys(trace).may;
    started(trace).into_iter().filter(|one| !may.contains(&one.what)).collect()
}

#[test]
fn decoys_are_contiguous_and_may_ask_two_servers() {
    for name in ["honey-farm", "honey-farm-quiet"] {
        let trace = trace(name, 1);
        let truth = decoys(&trace);
        let first = [10, 20, 16, 32];
        let expected: Vec<IpAddr> = (0..16)
            .map(|step| IpAddr::from([first[0], first[1], first[2], first[3] + step]))
            .collect();
        assert_eq!(truth.addresses, expected);
        let [names, time] = &truth.may[..] else { panic!("{:?}", truth.may) };
        assert!(names.starts_with("udp/53 ") && time.starts_with("udp/123 "));
        for allowed in &truth.may {
            let (_, address) = allowed.split_once(' ').unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert!(!truth.addresses.contains(&address));
            let started = started(&trace);
            let asking: BTreeSet<IpAddr> = started
                .iter()
                .filter(|one| one.what == *allowed)
                .map(|one| one.host)
                .collect();
            assert_eq!(asking.len(), 16, "{allowed}: every decoy asks");
        }
        let packets = trace.truth.packets;
        assert!((8_000..=40_000).contains(&packets), "{name}: {packets}");
        assert!(trace.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }
}

#[test]
fn without_an_infection_no_decoy_starts_anything_else() {
    for seed in 1..=20 {
        let trace = trace("honey-farm-quiet", seed);
        assert_eq!(forbidden(&trace), [], "seed {seed}");
        assert_eq!(decoys(&trace).initiation, None);
        assert!(trace.truth.contents.is_empty() && trace.truth.infections.is_empty());
        assert_eq!(trace.truth.vulnerable_hosts, 0);
    }
}

#[test]
fn one_decoy_is_infected_and_its_first_packet_is_known() {
    let mut hosts = BTreeSet::new();
    for seed in 1..=20 {
        let trace = trace("honey-farm", seed);
        let truth = &trace.truth;
        let [infection] = &truth.infections[..] else { panic!("{:?}", truth.infections) };
        hosts.insert(infection.host);
        assert_eq!(truth.vulnerable_hosts, 1);
        let forbidden = forbidden(&trace);
        let first = forbidden.first().expect("the decoy attacks");
        let told = decoys(&trace).initiation.as_ref().expect("it is told");
        assert_eq!((first.number, first.host), (told.packet, told.host), "seed {seed}");
        assert_eq!((told.host, first.to), (infection.host, told.to));
        let (time_ns, frame) = &trace.frames[told.packet as usize - 1];
        assert_eq!(*time_ns, told.time_ns);
        assert!(told.time_ns > infection.time_ns);
        let packet = parse(frame).unwrap();
        assert_eq!((packet.source, packet.destination), (told.host, told.to));
        assert_eq!(packet.flags & (SYN | ACK), SYN);
        // Nobody else, and nothing but the exploit's port.
        let port = truth.contents[0].destination_port.unwrap();
        for one in &forbidden {
            assert_eq!(one.host, infection.host);
            assert_eq!(one.what, format!("tcp/{port} {}", one.to));
        }
        let targets: BTreeSet<IpAddr> = forbidden.iter().map(|one| one.to).collect();
        assert!(targets.len() > 100, "{}", targets.len());
    }
    assert!(hosts.len() > 5, "any decoy may be it: {hosts:?}");
}

#[test]
fn the_exploit_goes_to_decoys_and_on_from_one() {
    let trace = trace("honey-farm", 3);
    let truth = &trace.truth;
    let infected = &truth.infections[0];
    let content = &truth.contents[0];
    let invariant = &content.invariant_pieces()[0];
    let mut copies: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut opened: BTreeSet<(IpAddr, u16)> = BTreeSet::new();
    for ((time_ns, frame), number) in trace.frames.iter().zip(1..) {
        let packet: Parsed<'_> = parse(frame).unwrap();
        let holds =
            packet.payload.windows(invariant.len()).any(|window| window == invariant);
        assert_eq!(holds, content.carriers.contains(number), "{number}");
        if packet.flags & (SYN | ACK) == SYN | ACK {
            opened.insert((packet.destination, packet.ports[1]));
        }
        if holds {
            // With a handshake before it.
            assert!(opened.contains(&(packet.source, packet.ports[0])), "{number}");
            copies.entry(packet.source).or_default().insert(packet.destination);
            assert!(packet.source != infected.host || *time_ns > infected.time_ns);
        }
    }
    let sent = copies.remove(&infected.host).expect("it is passed on");
    assert!(sent.len() > 20, "{}", sent.len());
    let decoys = &decoys(&trace).addresses;
    assert!(sent.iter().all(|host| !decoys.contains(host)));
    // The rest is from attackers, to all decoys.
    assert!(
        (2..=6).contains(&copies.len()) && copies.contains_key(&infected.by.unwrap())
    );
    let attacked: BTreeSet<IpAddr> = copies.into_values().flatten().collect();
    assert_eq!(attacked.into_iter().collect::<Vec<_>>(), *decoys);
    let packet = infected.packet.expect("it is seen");
    let parsed = parse(&trace.frames[packet as usize - 1].1).unwrap();
    assert_eq!((Some(parsed.source), parsed.destination), (infected.by, infected.host));
}

/// Scans, guesses, answers to forged sources: what may not be taken for an infection.
#[test]
fn decoys_see_and_answer_everything_else() {
    let trace = trace("honey-farm-quiet", 4);
    let decoys = &decoys(&trace).addresses;
    let mut inbound: BTreeMap<&str, u64> = BTreeMap::new();
    let mut outbound: BTreeMap<&str, u64> = BTreeMap::new();
    let mut guesses: BTreeSet<&[u8]> = BTreeSet::new();
    for (_, frame) in &trace.frames {
        let packet = parse(frame).unwrap();
        let kind = match (packet.protocol, packet.flags & 0x17) {
            (6, 0x02) => "syn",
            (6, 0x12) => "syn+ack",
            (6, flags) if flags & 4 != 0 => "reset",
            (1, _) => "icmp",
            (17, _) => "udp",
            _ => "segment",
        };
        if decoys.contains(&packet.destination) {
            *inbound.entry(kind).or_default() += 1;
            if packet.ports[1] == 22 && packet.payload.len() >= 68 {
                assert!(guesses.insert(packet.payload), "an attempt repeats");
            }
        } else if decoys.contains(&packet.source) {
            *outbound.entry(kind).or_default() += 1;
        }
    }
    let kinds = ["icmp", "reset", "segment", "syn", "syn+ack", "udp"];
    assert_eq!(inbound.keys().copied().collect::<Vec<_>>(), kinds, "{inbound:?}");
    // They open nothing over TCP.
    let own: Vec<&str> = kinds.into_iter().filter(|kind| *kind != "syn").collect();
    assert_eq!(outbound.keys().copied().collect::<Vec<_>>(), own, "{outbound:?}");
    assert!(inbound.values().chain(outbound.values()).all(|count| *count > 100));
    assert!(guesses.len() > 500, "{}", guesses.len());
}

#[test]
fn other_hosts_of_the_network_have_background_traffic() {
    let trace = trace("honey-farm-quiet", 5);
    let decoys = &decoys(&trace).addresses;
    let others: BTreeSet<IpAddr> = trace
        .frames
        .iter()
        .map(|(_, frame)| parse(frame).unwrap().source)
        .filter(|host| host.to_string().starts_with("10.20.") && !decoys.contains(host))
        .collect();
    assert!(others.len() >= 6, "{others:?}");
    let profile = wormsift_corpora::Scenario::named("honey-farm-quiet", 5).unwrap();
    let expectation = profile.profile().expectations[0];
    assert!(matches!(expectation.dispersion, Verdict::Silent(_)));
    assert!(matches!(expectation.propagation, Verdict::Silent(_)));
}
