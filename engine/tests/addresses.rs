//! What counts as a host: single IPv6 addresses, groups, translated addresses.

use crate::common::{Random, datagram};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wormsift::config::{Config, Size};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Finding, Signature};

const MILLISECOND: u64 = 1_000_000;

fn sensor(settings: &str) -> Sensor {
    let mut config = Config::from_toml(settings).unwrap();
    config.memory = Size(16 << 20);
    Sensor::new(config).unwrap()
}

/// The last word on each content.
fn summaries(mut sensor: Sensor) -> Vec<Signature> {
    sensor.finish();
    let findings = sensor.findings().into_iter();
    findings
        .filter(|finding| matches!(finding, Finding::Summary(_)))
        .map(Finding::into_signature)
        .collect()
}

/// Datagrams to one port, with one body: when, from whom, from which port and to whom.
fn send(settings: &str, sent: &[(u64, IpAddr, u16, IpAddr)]) -> Vec<Signature> {
    let body = Random(3).bytes(300);
    let mut sensor = sensor(settings);
    let mut worker = sensor.worker();
    for (number, &(milliseconds, source, source_port, destination)) in (1..).zip(sent) {
        worker.observe(&datagram(
            number,
            1_000_000_000_000 + milliseconds * MILLISECOND,
            (source, source_port),
            (destination, 4_500),
            &body,
        ));
    }
    sensor.absorb([&mut worker]);
    summaries(sensor)
}

fn v4(a: u8, b: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, a, b).into()
}

fn v6(network: u16, host: u16) -> IpAddr {
    Ipv6Addr::new(network, 0xdb8, 0, 7, 0, 0, 0, host).into()
}

/// Each infected host sends to three others, which are infected then.
fn spread(
    hosts: u16,
    address: impl Fn(u16) -> IpAddr,
) -> Vec<(u64, IpAddr, u16, IpAddr)> {
    let attack = |n: u16| (u64::from(n) * 700, address(n / 3), 1_025, address(n + 1));
    (0..hosts - 1).map(attack).collect()
}

#[test]
fn a_worm_among_addresses_of_one_network_is_found_without_settings() {
    for network in [0x2001, 0xfe80, 0xfd00] {
        let found = send("", &spread(60, |host| v6(network, host + 1)));
        let [found] = &found[..] else { panic!("{network:x}: {found:?}") };
        assert_eq!(found.destinations, 59, "{network:x}");
        assert!(found.relays.len() >= 18, "{network:x}: {:?}", found.relays);
        assert_eq!(found.source_list[0].address(), v6(network, 1));
    }
}

#[test]
fn a_worm_that_enters_networks_of_several_hosts_names_their_hosts() {
    // Ten hosts talk before; the worm comes from other networks.
    let far = |n: u16| v6(0x2600 + n, 1);
    let mut sent = Vec::new();
    for host in 0..10 {
        sent.push((u64::from(host), far(host), 4_500, v6(0x2001, host + 1)));
        sent.push((u64::from(host) + 20, v6(0x2001, host + 1), 4_500, far(host)));
    }
    let attacks = (0..40_u16).map(|n| {
        (1_000 + u64::from(n) * 100, v6(0x2001, n % 10 + 1), 1_025, far(100 + n))
    });
    sent.extend(attacks);
    let found = send("sources = 8\ndestinations = 8\nspread = 1000", &sent);
    let [found] = &found[..] else { panic!("{found:?}") };
    assert!(found.sources >= 10, "{}", found.sources);
}

#[test]
fn one_host_with_many_addresses_is_one() {
    // It uses another address of its network for each packet, and nobody answers.
    let sent: Vec<_> = (0..300_u16)
        .map(|n| (u64::from(n) * 50, v6(0x2001, n + 1), 1_025, v6(0x2600 + n % 60, 1)))
        .collect();
    assert!(send("spread = 1000", &sent).is_empty());
}

#[test]
fn what_goes_to_all_hosts_of_subnets_is_sent_to_no_host() {
    let body = Random(9).bytes(200);
    for (to, expected) in [([0xff; 6], 0), ([2, 0, 0, 0, 0, 9], 1)] {
        let mut sensor = sensor("sources = 20\ndestinations = 20");
        let frames: Vec<Vec<u8>> = (0..40_u8)
            .map(|n| {
                let mut frame = [&to[..], &[2, 0, 0, 0, 0, n], &[8, 0]].concat();
                let total = (28 + body.len()) as u16;
                frame.extend([0x45, 0]);
                frame.extend(total.to_be_bytes());
                frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, n, 5, 10, 1, n, 255]);
                frame.extend([0x04, 1, 0x22, 0xb8]);
                frame.extend((total - 20).to_be_bytes());
                frame.extend([0, 0]);
                frame.extend(&body);
                frame
            })
            .collect();
        let frames: Vec<Frame<'_>> = (1..)
            .zip(&frames)
            .map(|(number, data)| Frame {
                number,
                time: Timestamp::from_nanos(number * 100 * MILLISECOND),
                link: LinkType::ETHERNET,
                original_len: data.len() as u32,
                tap: 0,
                data,
            })
            .collect();
        sensor.sift(&frames[..]);
        let found = summaries(sensor);
        assert_eq!(found.len(), expected, "{to:x?}");
    }
}

#[test]
fn packets_from_both_sides_of_a_translator_are_said_to_be() {
    let pairs = |copied: bool| {
        let mut sent = Vec::new();
        for n in 0..120_u8 {
            let at = u64::from(n) * 400;
            let (host, port) = (n % 20, 2_000 + u16::from(n));
            sent.push((at, v4(1, host), port, v4(9, n % 31)));
            if copied {
                sent.push((at + 2, v4(2, host), port, v4(9, n % 31)));
            }
        }
        send("sources = 15\ndestinations = 15\nspread = 1000", &sent)
    };
    let [found] = &pairs(true)[..] else { panic!("a signature") };
    assert_eq!((found.sources, found.evidence.translated), (40, 120));
    let said = |it: &Signature| {
        it.evidence.reasons.iter().any(|reason| reason.contains("address translator"))
    };
    assert!(said(found), "{:?}", found.evidence.reasons);
    let [found] = &pairs(false)[..] else { panic!("a signature") };
    assert_eq!((found.sources, found.evidence.translated), (20, 0));
    assert!(!said(found));
}
