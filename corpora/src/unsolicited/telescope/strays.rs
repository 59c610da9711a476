//! Noise of many hosts, a few packets each: every class of packets, of no event.

use super::dark::Dark;
use super::headers::segment;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::frame_builder::{Transport, tcp};
use crate::link::{Endpoint, Icmp, Link, quoted, udp};
use crate::rng::Rng;
use crate::simulation::{Process, Schedule};
use crate::traffic::{DarkEvent, Mark, Planted};

const HOSTS: usize = 80;
/// Packets a second, in a dark network of any size.
const RATE: f64 = 0.06;

/// Numbers of the classes.
const BACKSCATTER: u16 = 0;
const SCAN: u16 = 1;
const PROBE: u16 = 2;
const OTHER: u16 = 3;

pub(super) struct Strays {
    dark: Dark,
    hosts: Vec<Endpoint>,
}

impl Strays {
    pub(super) fn new(dark: &Dark, pool: &mut HostPool) -> Result<Self, CorpusError> {
        Ok(Self { dark: dark.clone(), hosts: pool.outside(HOSTS)? })
    }

    fn send(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let host = rng.one_of(&self.hosts).client(rng);
        let target = self.dark.forged(rng);
        let drawn = rng.next_u64();
        let numbers = (drawn as u32, (drawn >> 32) as u32);
        let longer = rng.between(16, 200) as usize;
        let tcp = |flags| segment((&host, &target), flags, numbers);
        let (class, from, transport, payload) = match rng.below(12) {
            // What is left of connections whose other end has another address now.
            0..=2 => (OTHER, host, tcp(tcp::ACK), Vec::new()),
            3 => (OTHER, host, tcp(tcp::FIN), Vec::new()),
            4 => (OTHER, host, tcp(tcp::FIN | tcp::ACK), Vec::new()),
            // A request for a time stamp.
            5 => {
                let transport = Transport::Icmp { kind: 13, code: 0, rest: numbers.0 };
                (OTHER, host, transport, vec![0; 12])
            }
            6 => (SCAN, host, tcp(tcp::SYN), Vec::new()),
            7 => (PROBE, host, tcp(tcp::SYN), rng.bytes(longer)),
            8 => (PROBE, host, tcp(tcp::PSH | tcp::ACK), rng.bytes(longer)),
            9 => (PROBE, host, udp((&host, &target)), rng.bytes(longer)),
            10 => {
                let server = host.at(443);
                (BACKSCATTER, server, udp((&server, &target)), quic(rng))
            }
            // A router on the way to somebody who is flooded.
            _ => {
                let flooded = rng.one_of(&self.hosts).at(19);
                let quote = quoted((&target, &flooded), &rng.bytes(longer));
                (BACKSCATTER, host, Icmp::TimeExceeded.transport(false), quote)
            }
        };
        link.send(time_ns, Mark::Counted(class), (&from, &target), transport, &payload);
    }
}

/// A handshake packet of QUIC version 1 with its long header (RFC 9000, section 17.2.4).
fn quic(rng: &mut Rng) -> Vec<u8> {
    let mut packet = vec![0xe0 | rng.below(16) as u8, 0, 0, 0, 1];
    for _ in 0..2 {
        // A connection identifier.
        packet.push(8);
        rng.append(8, &mut packet);
    }
    let length = rng.between(64, 400) as u16;
    packet.extend((0x4000 | length).to_be_bytes());
    rng.append(length.into(), &mut packet);
    packet
}

impl Process for Strays {
    /// The next packet.
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.after(start_ns, RATE, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.send(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, RATE, ());
    }

    fn planted(&self) -> Planted {
        let events = vec![
            DarkEvent::Stray(|classes| &mut classes.backscatter),
            DarkEvent::Stray(|classes| &mut classes.scan),
            DarkEvent::Stray(|classes| &mut classes.probe),
            DarkEvent::Stray(|classes| &mut classes.other),
        ];
        let parameters = vec![("stray_hosts", HOSTS.into())];
        Planted { dark: Some(self.dark.planted(events)), ..Planted::none(parameters) }
    }
}
