//! A worm is found under every key, whatever stands around its body.

use crate::common::Random;
use crate::common::environment::sample;
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::{Config, Size};
use wormsift::packet::{Packet, Timestamp, protocol, tcp_flags};
use wormsift::pipeline::Sensor;
use wormsift::signature::Finding;

const MILLISECOND: u64 = 1_000_000;
const HTTP: &[u8] = b"POST /index.html HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n\
    Connection: keep-alive\r\nContent-Type: application/x-www-form-urlencoded\r\n\
    Cache-Control: no-cache\r\nPragma: no-cache\r\nAccept-Language: en-US,en;q=0.9\r\n";
const SMB: &[u8] =
    b"\xffSMB\x72\x00\x00\x00\x00\x02PC NETWORK PROGRAM 1.0\0\x02LANMAN1.0\0\
    \x02Windows for Workgroups 3.1a\0\x02LM1.2X002\0\x02LANMAN2.1\0\x02NT LM 0.12\0";

fn host(n: u16) -> IpAddr {
    Ipv4Addr::new(10, 9, (n >> 8) as u8, n as u8).into()
}

/// A session of an attack: SYN, SYN+ACK and the body in segments.
fn session(
    n: u16,
    segments: &[Vec<u8>],
    mut send: impl FnMut(u16, u16, u8, u32, u32, &[u8]),
) {
    let (attacker, victim) = (n / 3, n + 1);
    let isn = 1_000_000 + u32::from(n) * 7_919;
    send(attacker, victim, tcp_flags::SYN, isn, 0, &[]);
    send(victim, attacker, tcp_flags::SYN | tcp_flags::ACK, 77, isn + 1, &[]);
    let mut sequence = isn + 1;
    for segment in segments {
        send(attacker, victim, tcp_flags::ACK, sequence, 78, segment);
        sequence += segment.len() as u32;
    }
}

/// The contents found in an outbreak of 90 hosts under a key.
fn contents(key: u128, segments: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut config = Config::default();
    config.key = Some(format!("{key:032x}").parse().unwrap());
    config.memory = Size(16 << 20);
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    let mut number = 0;
    for n in 0..89 {
        session(n, segments, |from, to, flags, sequence, acknowledgement, payload| {
            number += 1;
            // The victim's port is the service's.
            let ports = if flags & tcp_flags::SYN != 0 && flags & tcp_flags::ACK != 0 {
                (445, 40_000 + n)
            } else {
                (40_000 + n, 445)
            };
            worker.observe(&Packet {
                number,
                time: Timestamp::from_nanos(
                    1_000_000_000_000 + number * 90 * MILLISECOND,
                ),
                source: host(from),
                destination: host(to),
                protocol: protocol::TCP,
                source_port: ports.0,
                destination_port: ports.1,
                sequence,
                acknowledgement,
                tcp_flags: flags,
                encapsulation: 0,
                to_group: false,
                untrusted_tunnel: false,
                identification: None,
                tap: 0,
                payload,
            });
        });
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    let findings = sensor.findings().into_iter();
    findings
        .filter(|finding| matches!(finding, Finding::Summary(_)))
        .map(|finding| finding.into_signature().content)
        .collect()
}

#[test]
fn a_body_between_literals_of_protocols_is_found_under_every_key() {
    let random = &mut Random(17);
    // The first segment is literals, the last one nearly so.
    let body = random.bytes(700);
    let segments = [
        HTTP.to_vec(),
        body[..350].to_vec(),
        [&body[350..], SMB].concat(),
        SMB.repeat(3),
    ];
    let keys = sample(12, 60);
    for _ in 0..keys {
        let key = u128::from(random.next()) << 64 | u128::from(random.next());
        let found = contents(key, &segments);
        let holds = |content: &Vec<u8>| {
            content.windows(167).any(|part| body.windows(167).any(|it| it == part))
        };
        assert!(found.iter().any(holds), "{key:032x}: {} contents", found.len());
    }
}
