//! A farm of sixteen decoys, and what comes to them on a quiet day.

use crate::common::Random;
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::Config;
use wormsift::packet::tcp_flags::{ACK, RST, SYN};
use wormsift::packet::{Packet, Timestamp, protocol};

/// Not told apart by the engine.
const PUSH: u8 = 8;
/// The resolver that decoys may ask.
const RESOLVER: [u8; 4] = [192, 0, 2, 53];

pub(super) fn decoy(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 9, 0, n).into()
}

pub(super) fn outside(n: u8) -> IpAddr {
    Ipv4Addr::new(198, 51, 100, n).into()
}

/// The farm's settings.
pub(super) fn config() -> Config {
    let mut config = Config::default();
    config.set_text("decoys", "10.9.0.0/28").unwrap();
    config.set_text("decoys_may", "udp/53 192.0.2.53,udp/123").unwrap();
    config
}

/// Packets by their numbers: the first of a conversation, and the first with its content.
pub(super) struct Numbers {
    pub(super) first: u64,
    pub(super) payload: u64,
}

struct Sent {
    time: u64,
    ends: [(IpAddr, u16); 2],
    protocol: u8,
    tcp: (u8, [u32; 2]),
    payload: Vec<u8>,
}

/// What was sent so far.
pub(super) struct Farm {
    random: Random,
    time: u64,
    sent: Vec<Sent>,
}

impl Farm {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random(seed), time: 1_700_000_000_000_000_000, sent: Vec::new() }
    }

    pub(super) fn packets(&self) -> Vec<Packet<'_>> {
        (1..)
            .zip(&self.sent)
            .map(|(number, it)| Packet {
                number,
                time: Timestamp::from_nanos(it.time),
                source: it.ends[0].0,
                destination: it.ends[1].0,
                protocol: it.protocol,
                source_port: it.ends[0].1,
                destination_port: it.ends[1].1,
                sequence: it.tcp.1[0],
                acknowledgement: it.tcp.1[1],
                tcp_flags: it.tcp.0,
                encapsulation: 0,
                to_group: false,
                untrusted_tunnel: false,
                identification: None,
                tap: 0,
                payload: &it.payload,
            })
            .collect()
    }

    fn send(
        &mut self,
        protocol: u8,
        ends: [(IpAddr, u16); 2],
        tcp: (u8, [u32; 2]),
        payload: &[u8],
    ) {
        self.time += 1_000_000 + self.random.below(50_000_000);
        let payload = payload.to_vec();
        self.sent.push(Sent { time: self.time, ends, protocol, tcp, payload });
    }

    fn next(&self) -> u64 {
        self.sent.len() as u64 + 1
    }

    fn port(&mut self) -> u16 {
        2_000 + self.random.below(60_000) as u16
    }

    pub(super) fn datagram(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        port: u16,
        payload: &[u8],
    ) -> Numbers {
        let first = self.next();
        let ends = [(from, self.port()), (to, port)];
        self.send(protocol::UDP, ends, (0, [0; 2]), payload);
        Numbers { first, payload: first }
    }

    /// A question and its answer.
    fn asked(&mut self, from: IpAddr, to: IpAddr, port: u16) {
        let ends = [(from, self.port()), (to, port)];
        let [question, answer] = [60, 200].map(|length| self.random.bytes(length));
        self.send(protocol::UDP, ends, (0, [0; 2]), &question);
        self.send(protocol::UDP, [ends[1], ends[0]], (0, [0; 2]), &answer);
    }

    pub(super) fn session(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        port: u16,
        payload: &[u8],
    ) -> Numbers {
        self.cut_session(from, to, port, payload, 1_400)
    }

    /// A whole session over TCP, its content in segments of so many bytes.
    pub(super) fn cut_session(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        port: u16,
        payload: &[u8],
        cut: usize,
    ) -> Numbers {
        self.talk(from, to, port, payload, cut, b"")
    }

    fn talk(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        port: u16,
        payload: &[u8],
        cut: usize,
        answer: &[u8],
    ) -> Numbers {
        let there = [(from, self.port()), (to, port)];
        let back = [there[1], there[0]];
        let [mine, theirs] = [(); 2].map(|()| self.random.next() as u32 >> 1);
        let first = self.next();
        self.send(protocol::TCP, there, (SYN, [mine, 0]), b"");
        self.send(protocol::TCP, back, (SYN | ACK, [theirs, mine + 1]), b"");
        self.send(protocol::TCP, there, (ACK, [mine + 1, theirs + 1]), b"");
        let with_payload = self.next();
        let mut at = mine + 1;
        for part in payload.chunks(cut) {
            self.send(protocol::TCP, there, (PUSH | ACK, [at, theirs + 1]), part);
            at += part.len() as u32;
        }
        self.send(protocol::TCP, back, (PUSH | ACK, [theirs + 1, at]), answer);
        Numbers { first, payload: with_payload }
    }

    /// Scans, guesses of passwords that decoys answer, backscatter, and what decoys may.
    pub(super) fn quiet_day(&mut self) {
        // The same greeting and the same banner, to and from all.
        let greeting =
            b"SSH-2.0-libssh2_1.11.0 and what else a client says at first to a server";
        let banner =
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and what else a server says first";
        for scanner in 1..=3 {
            for n in 0..16 {
                self.talk(outside(scanner), decoy(n), 22, greeting, 1_400, banner);
                let syn = [(outside(40 + scanner), 1_024), (decoy(n), 23)];
                let number = self.random.next() as u32;
                self.send(protocol::TCP, syn, (SYN, [number, 0]), b"");
                let answer = (RST | ACK, [0, number.wrapping_add(1)]);
                self.send(protocol::TCP, [syn[1], syn[0]], answer, b"");
            }
        }
        for n in 0..16 {
            let password = self.random.bytes(80);
            self.talk(outside(20 + n), decoy(n), 22, &password, 1_400, banner);
            // An echo service says what it was told.
            let said = self.random.bytes(120);
            self.talk(outside(1), decoy(n), 7, &said, 1_400, &said);
            self.talk(outside(2), decoy(n), 7, &said, 1_400, &said);
            self.asked(outside(60), decoy(n), 161);
            self.asked(decoy(n), RESOLVER.into(), 53);
            self.asked(decoy(n), outside(123), 123);
            self.backscatter(n);
        }
    }

    /// What victims of floods with forged sources send.
    fn backscatter(&mut self, n: u8) {
        let victim = outside(150 + n);
        let port = self.port();
        let [to, from] = [(decoy(n), port), (victim, 80)];
        let number = self.random.next() as u32;
        self.send(protocol::TCP, [from, to], (SYN | ACK, [number, 5]), b"");
        self.send(protocol::TCP, [to, from], (RST, [5, 0]), b"");
        let port = self.port();
        let to = (decoy(n), port);
        self.send(protocol::TCP, [from, to], (RST | ACK, [0, 6]), b"");
        let answer = self.random.bytes(90);
        let dns = [(victim, 53), (decoy(n), self.port())];
        self.send(protocol::UDP, dns, (0, [0; 2]), &answer);
        // Port unreachable, by the decoy.
        let error = [(decoy(n), 0), (victim, 3 << 8 | 3)];
        self.send(protocol::ICMP, error, (0, [0; 2]), &answer[..28]);
        // An echo, answered; and an answer to what nobody asked, from either side.
        let echo = self.random.bytes(56);
        for (from, to, kind) in [
            (outside(90), decoy(n), 8),
            (decoy(n), outside(90), 0),
            (outside(91), decoy(n), 0),
            (decoy(n), outside(92), 0),
        ] {
            self.send(protocol::ICMP, [(from, 0), (to, kind << 8)], (0, [0; 2]), &echo);
        }
    }
}
