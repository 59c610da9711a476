//! Victims of floods from forged sources: each answers to whom it believes.
//!
//! Sources are forged over all of IPv4, so that the dark network receives its share of the
//! answers, at random times (a Poisson process) and at random addresses.

use super::dark::Dark;
use super::headers::segment;
use crate::background::dns_message;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::ground_truth::{Answer, Protocol};
use crate::link::{Endpoint, Icmp, Link, quoted, udp};
use crate::rng::Rng;
use crate::simulation::{Process, Schedule};
use crate::text::word;
use crate::time::SECOND;
use crate::traffic::{DarkEvent, Mark, Planted, PlantedVictim};

/// What one victim is flooded with.
struct Flood {
    answer: Answer,
    protocol: Protocol,
    port: Option<u16>,
    /// Packets a second in all of IPv4.
    rate: f64,
    /// Seconds after the start, and for how long.
    time: (u64, u64),
}

/// A /16 can expect 3,662, 549, 275, 92, 37 and 5 packets of them.
const FLOODS: [Flood; 6] = [
    Flood {
        answer: Answer::SynAck,
        protocol: Protocol::Tcp,
        port: Some(80),
        rate: 100_000.0,
        time: (900, 2_400),
    },
    Flood {
        answer: Answer::SynAck,
        protocol: Protocol::Tcp,
        port: Some(443),
        rate: 20_000.0,
        time: (3_600, 1_800),
    },
    Flood {
        answer: Answer::Reset,
        protocol: Protocol::Tcp,
        port: Some(6_667),
        rate: 5_000.0,
        time: (1_200, 3_600),
    },
    Flood {
        answer: Answer::PortUnreachable,
        protocol: Protocol::Udp,
        port: Some(27_015),
        rate: 2_000.0,
        time: (4_000, 3_000),
    },
    Flood {
        answer: Answer::EchoReply,
        protocol: Protocol::Icmp,
        port: None,
        rate: 500.0,
        time: (600, 4_800),
    },
    Flood {
        answer: Answer::DnsAnswer,
        protocol: Protocol::Udp,
        port: Some(53),
        rate: 100.0,
        time: (2_400, 3_600),
    },
];

pub(super) struct Victims {
    dark: Dark,
    /// In the order of `FLOODS`.
    victims: Vec<Endpoint>,
    begin_ns: u64,
    /// What datagrams and echoes of the floods hold.
    filler: Vec<u8>,
    /// What the name server is asked for.
    name: String,
}

impl Victims {
    pub(super) fn new(
        dark: &Dark,
        pool: &mut HostPool,
        begin_ns: u64,
    ) -> Result<Self, CorpusError> {
        let victims = pool.outside(FLOODS.len())?;
        let victims = victims.into_iter().zip(&FLOODS);
        let at_port = |(victim, flood): (Endpoint, &Flood)| {
            victim.at(flood.port.unwrap_or_default())
        };
        Ok(Self {
            dark: dark.clone(),
            victims: victims.map(at_port).collect(),
            begin_ns,
            filler: pool.rng.bytes(32),
            name: format!("{}.example", word(&mut pool.rng)),
        })
    }

    fn begins_ns(&self, flood: &Flood) -> u64 {
        self.begin_ns.saturating_add(flood.time.0 * SECOND)
    }

    fn ends_ns(&self, flood: &Flood) -> u64 {
        self.begins_ns(flood).saturating_add(flood.time.1 * SECOND)
    }

    /// Sends one answer to a forged source.
    fn answer(&self, time_ns: u64, index: u16, link: &mut Link, rng: &mut Rng) {
        let victim = &self.victims[usize::from(index)];
        let forged = self.dark.forged(rng);
        let ends = (victim, &forged);
        let drawn = rng.next_u64();
        let numbers = (drawn as u32, (drawn >> 32) as u32);
        let (transport, payload) = match FLOODS[usize::from(index)].answer {
            Answer::SynAck => (segment(ends, tcp::SYN | tcp::ACK, numbers), Vec::new()),
            // What answers a SYN to a closed port has no sequence number.
            Answer::Reset => {
                (segment(ends, tcp::RST | tcp::ACK, (0, numbers.1)), Vec::new())
            }
            Answer::PortUnreachable => {
                let quote = quoted((&forged, victim), &self.filler);
                (Icmp::PortUnreachable.transport(false), quote)
            }
            Answer::EchoReply => {
                let (identifier, sequence) = (drawn as u16, (drawn >> 16) as u16);
                let reply = Icmp::EchoReply { identifier, sequence };
                (reply.transport(false), self.filler.clone())
            }
            Answer::DnsAnswer => (udp(ends), self.dns_answer(drawn as u16)),
        };
        link.send(time_ns, Mark::Counted(index), ends, transport, &payload);
    }

    /// One address of the name.
    fn dns_answer(&self, identifier: u16) -> Vec<u8> {
        let mut answer = dns_message(identifier, 0x8180, 1, &self.name);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1]);
        answer
    }
}

impl Process for Victims {
    /// A victim's next answer.
    type Event = u16;

    fn begin(&mut self, _: u64, schedule: &mut Schedule<u16>) {
        for (index, flood) in (0..).zip(&FLOODS) {
            schedule.after(self.begins_ns(flood), self.dark.seen(flood.rate), index);
        }
    }

    fn handle(&mut self, time_ns: u64, index: u16, schedule: &mut Schedule<u16>) {
        let flood = &FLOODS[usize::from(index)];
        if time_ns < self.ends_ns(flood) {
            self.answer(time_ns, index, &mut schedule.link, &mut schedule.rng);
            schedule.after(time_ns, self.dark.seen(flood.rate), index);
        }
    }

    fn planted(&self) -> Planted {
        let event = |(victim, flood): (&Endpoint, &Flood)| {
            DarkEvent::Victim(PlantedVictim {
                address: victim.address,
                answer: flood.answer,
                protocol: flood.protocol,
                service_port: flood.port,
                rate: flood.rate,
                seen_rate: self.dark.seen(flood.rate),
                begin_ns: self.begins_ns(flood),
                end_ns: self.ends_ns(flood),
            })
        };
        let events = self.victims.iter().zip(&FLOODS).map(event).collect();
        let mut parameters = self.dark.parameters();
        parameters.push(("victims", FLOODS.len().into()));
        Planted { dark: Some(self.dark.planted(events)), ..Planted::none(parameters) }
    }
}
