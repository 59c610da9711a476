//! The worm that reaches the dark network: one UDP packet, from hosts that infect each
//! other elsewhere.
//!
//! No infection is seen, only what the infected send to random addresses.

use super::dark::Dark;
use crate::benign::host_pool::HostPool;
use crate::body::Body;
use crate::error::CorpusError;
use crate::ground_truth::Protocol;
use crate::link::{Endpoint, udp};
use crate::simulation::{Process, Schedule};
use crate::time::SECOND;
use crate::traffic::{Mark, Planted, PlantedContent, PlantedInfection};

const PORT: u16 = 48_890;
/// Hosts that can be infected, all of them outside; all are after an hour and a quarter.
const VULNERABLE: usize = 40;
/// Those infected at first.
const FIRST: usize = 3;
/// When it begins, after the start.
const BEGINS_NS: u64 = 1_800 * SECOND;
/// Infections a second by one host while few are infected: it doubles in four minutes.
const GROWTH: f64 = std::f64::consts::LN_2 / 240.0;
/// Packets a second of one host that reach the network: 1,000 in all of IPv4 for a /16.
const SEEN_RATE: f64 = 1_000.0 / 65_536.0;

pub(super) struct DarkWorm {
    dark: Dark,
    body: Body,
    /// Those infected come first, in order.
    hosts: Vec<Endpoint>,
    infections: Vec<PlantedInfection>,
}

pub(super) enum Event {
    /// A host of this number finds another.
    Find(usize),
    /// It sends to a dark address.
    Scan(usize),
}

impl DarkWorm {
    pub(super) fn new(dark: &Dark, pool: &mut HostPool) -> Result<Self, CorpusError> {
        let hosts = pool.outside(VULNERABLE)?;
        let body = Body::wrapped(12, 320, 20, &mut pool.rng);
        Ok(Self { dark: dark.clone(), body, hosts, infections: Vec::new() })
    }

    /// Infects the next host.
    fn infect(
        &mut self,
        time_ns: u64,
        by: Option<usize>,
        schedule: &mut Schedule<Event>,
    ) {
        let host = self.infections.len();
        self.infections.push(PlantedInfection {
            host: self.hosts[host].address,
            time_ns,
            by: by.map(|by| self.hosts[by].address),
            seen: false,
        });
        schedule.after(time_ns, GROWTH, Event::Find(host));
        schedule.after(time_ns, SEEN_RATE, Event::Scan(host));
    }
}

impl Process for DarkWorm {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        for _ in 0..FIRST {
            self.infect(start_ns.saturating_add(BEGINS_NS), None, schedule);
        }
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Find(host) => {
                let left = VULNERABLE - self.infections.len();
                if schedule.rng.chance(left as f64 / VULNERABLE as f64) {
                    self.infect(time_ns, Some(host), schedule);
                }
                if self.infections.len() < VULNERABLE {
                    schedule.after(time_ns, GROWTH, Event::Find(host));
                }
            }
            Event::Scan(host) => {
                let Schedule { link, rng, .. } = schedule;
                let from = self.hosts[host].client(rng);
                let target = self.dark.forged(rng).at(PORT);
                let mut copy = Vec::new();
                self.body.write(rng, &mut copy);
                let mark = Mark::Content { content: 0, infects: None };
                let ends = (&from, &target);
                link.send(time_ns, mark, ends, udp(ends), &copy);
                schedule.after(time_ns, SEEN_RATE, Event::Scan(host));
            }
        }
    }

    fn planted(&self) -> Planted {
        let body = PlantedContent::new("body", &self.body, Protocol::Udp, Some(PORT));
        Planted {
            parameters: vec![("worm_rate", self.dark.unseen(SEEN_RATE).into())],
            vulnerable_hosts: VULNERABLE as u64,
            contents: vec![body],
            infections: self.infections.clone(),
            dark: Some(self.dark.planted(Vec::new())),
            ..Planted::default()
        }
    }
}
