//! What the cheapest outbreak of grade *high* takes, by transport and tap.
//!
//! Somebody plays a worm: a few hosts receive a content and send it to a few others each.
//! The grade must be *high* only where the rule of grades says that nobody can forge it from
//! outside, and the fewest packets that reach it are those of the table in `engine/DESIGN.md`.

use crate::common::Random;
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::Config;
use wormsift::packet::tcp_flags::{ACK, SYN};
use wormsift::packet::{Packet, Timestamp, protocol};
use wormsift::pipeline::{Sensor, Worker};
use wormsift::signature::{Confidence, Kind};

/// Not told apart by the engine.
const PUSH: u8 = 8;

/// How a content goes from host to host.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Whole sessions over TCP.
    Sessions,
    /// The same, of which the tap sees what their clients send.
    OneDirection,
    /// The same in a tunnel that is not trusted.
    InTunnel,
    /// Segments without any answer, beside sessions of others that are answered.
    Unanswered,
    /// Datagrams between hosts outside.
    Datagrams,
    /// Datagrams from the home network to hosts outside, which come past no tap at its border
    /// but from inside.
    FromHome,
    /// Datagrams from outside to the home network.
    ToHome,
}

struct Stage {
    worker: Worker,
    random: Random,
    number: u64,
}

impl Stage {
    fn send(
        &mut self,
        way: Way,
        [from, to]: [(Ipv4Addr, u16); 2],
        tcp: (u8, [u32; 2]),
        payload: &[u8],
    ) {
        self.number += 1;
        let (tcp_flags, [sequence, acknowledgement]) = tcp;
        self.worker.observe(&Packet {
            number: self.number,
            time: Timestamp::from_nanos(
                1_700_000_000_000_000_000 + self.number * 100_000_000,
            ),
            source: IpAddr::V4(from.0),
            destination: IpAddr::V4(to.0),
            protocol: if tcp_flags > 0 { protocol::TCP } else { protocol::UDP },
            source_port: from.1,
            destination_port: to.1,
            sequence,
            acknowledgement,
            tcp_flags,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: way == Way::InTunnel,
            identification: None,
            tap: 0,
            payload,
        });
    }

    fn pass_on(&mut self, way: Way, from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) {
        let there = [(from, 2_000 + self.random.next() as u16 % 50_000), (to, 4_444)];
        let back = [there[1], there[0]];
        if matches!(way, Way::Datagrams | Way::FromHome | Way::ToHome) {
            return self.send(way, there, (0, [0; 2]), payload);
        }
        let [mine, theirs] = [(); 2].map(|()| self.random.next() as u32 >> 1);
        let is_answered = !matches!(way, Way::OneDirection | Way::Unanswered);
        let data = mine + 1 + payload.len() as u32;
        self.send(way, there, (SYN, [mine, 0]), &[]);
        if is_answered {
            self.send(way, back, (SYN | ACK, [theirs, mine + 1]), &[]);
        }
        self.send(way, there, (ACK, [mine + 1, theirs + 1]), &[]);
        self.send(way, there, (PUSH | ACK, [mine + 1, theirs + 1]), payload);
        if is_answered {
            self.send(way, back, (ACK, [theirs + 1, data]), &[]);
        }
    }
}

/// The grade of the only outbreak, and the packets that play it.
fn played(way: Way, relays: u8, targets: u8) -> (Option<Confidence>, u64) {
    let mut config = Config::default();
    if matches!(way, Way::FromHome | Way::ToHome) {
        config.home_net = vec!["192.0.2.0/24".parse().unwrap()].into();
    }
    let mut sensor = Sensor::new(config).unwrap();
    let mut random = Random(7);
    let content = random.bytes(400);
    let mut stage = Stage { worker: sensor.worker(), random, number: 0 };
    if way == Way::Unanswered {
        // Else the tap is not known to be two-way.
        for n in 0..20 {
            let others = stage.random.bytes(100);
            let [client, server] =
                [Ipv4Addr::new(198, 18, 9, n), Ipv4Addr::new(198, 18, 8, 1)];
            stage.pass_on(Way::Sessions, client, server, &others);
        }
    }
    let before = stage.number;
    let (inside, outside) = ([192, 0, 2], [203, 0, 113]);
    let (of_relays, of_targets) =
        if way == Way::ToHome { (outside, inside) } else { (inside, outside) };
    let host = |[a, b, c]: [u8; 3], d| Ipv4Addr::new(a, b, c, d);
    for relay in 0..relays {
        let first = Ipv4Addr::new(198, 51, 100, 1);
        stage.pass_on(way, first, host(of_relays, 10 + relay), &content);
    }
    for relay in 0..relays {
        for target in 0..targets {
            let target = host(of_targets, 50 + 20 * relay + target);
            stage.pass_on(way, host(of_relays, 10 + relay), target, &content);
        }
    }
    let packets = stage.number - before;
    sensor.absorb([&mut stage.worker]);
    sensor.finish();
    let incidents = sensor.incidents();
    let grades =
        incidents.iter().filter(|it| it.kind == Kind::Outbreak).map(|it| it.confidence);
    (grades.max(), packets)
}

#[test]
fn high_takes_what_nobody_outside_can_forge() {
    use Way::{
        Datagrams, FromHome, InTunnel, OneDirection, Sessions, ToHome, Unanswered,
    };
    for (way, fewest) in [
        (Sessions, Some(30)),
        (FromHome, Some(6)),
        (OneDirection, None),
        (InTunnel, None),
        (Unanswered, None),
        (Datagrams, None),
        (ToHome, None),
    ] {
        let mut high: Option<u64> = None;
        let mut is_seen = false;
        for relays in 1..=8 {
            for targets in 1..=8 {
                let (grade, packets) = played(way, relays, targets);
                is_seen |= grade.is_some();
                if grade == Some(Confidence::High) {
                    assert!(relays >= 2, "{way:?}: one relay alone");
                    high = Some(high.map_or(packets, |before| before.min(packets)));
                }
            }
        }
        println!("{way:?}: high from {high:?} packets on");
        assert_eq!(high, fewest, "{way:?}");
        assert!(is_seen, "{way:?}: it is told at all");
    }
}
