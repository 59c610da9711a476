//! The worm of the scenario `busy-site`: it spreads inside the site, over TCP.
//!
//! An infected host scans for two minutes: every fourth address is that of a host it never
//! talked to, the others are any of the site. A quarter of the hosts that listen can be
//! infected. The body is inert: 900 bytes that all copies share, in 56 that differ.

use std::collections::BTreeSet;

use super::setup::{Cast, Facts, Part};
use crate::benign::host_pool::Site;
use crate::body::Body;
use crate::error::CorpusError;
use crate::ground_truth::Protocol;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind};
use crate::rng::Rng;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, PlantedRange, TcpSession};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::{Planted, PlantedContent, PlantedInfection};

const PORT: u16 = 9_443;
const VULNERABLE: usize = 20;
const LISTENING: usize = 80;
/// Scans a second of one host.
const RATE: f64 = 0.5;
const SCANNING_NS: u64 = 120 * SECOND;
/// When it comes, after everything else has begun to repeat.
const LATER_NS: u64 = 60 * SECOND;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "worm",
        kind: IncidentKind::Outbreak,
        grade: IncidentGrade::High,
        reason: "hosts send it unasked to new hosts, soon after they first received it",
    },
    open: |cast| cast.start(SiteWorm::new),
};

struct SiteWorm {
    site: Site,
    /// Those that can be infected first.
    hosts: Vec<Endpoint>,
    /// When each was infected.
    infected: Vec<Option<u64>>,
    /// Which others each has scanned.
    tried: Vec<BTreeSet<usize>>,
    infections: Vec<PlantedInfection>,
    body: Body,
    begins_ns: u64,
}

/// A host begins to scan, or scans.
struct Scan(usize);

impl SiteWorm {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let hosts = cast.pool.inside(LISTENING)?;
        let body = Body::wrapped(24, 900, 32, &mut cast.pool.rng);
        let facts = cast.facts(&hosts[..VULNERABLE], PORT, Vec::new());
        let it = Self {
            site: cast.pool.site.clone(),
            infected: vec![None; hosts.len()],
            tried: vec![BTreeSet::new(); hosts.len()],
            hosts,
            infections: Vec::new(),
            body,
            begins_ns: cast.repeats_ns() + LATER_NS,
        };
        Ok((it, facts))
    }

    fn infect(&mut self, host: usize, time_ns: u64, by: Option<usize>) {
        self.infected[host] = Some(time_ns);
        self.infections.push(PlantedInfection {
            host: self.hosts[host].address,
            time_ns,
            by: by.map(|by| self.hosts[by].address),
            seen: by.is_some(),
        });
    }

    /// A host that was not tried before, if the scan meets one.
    fn meet(&mut self, from: usize, rng: &mut Rng) -> Option<usize> {
        let to = rng.index(self.hosts.len());
        let new = rng.chance(0.25) && to != from && self.tried[from].insert(to);
        new.then_some(to)
    }

    /// Sends the body; returns when it is complete.
    fn attack(
        &self,
        time_ns: u64,
        (from, to): (usize, usize),
        infects: Option<u32>,
        link: &mut Link,
        rng: &mut Rng,
    ) -> u64 {
        let ends = (self.hosts[from].client(rng), self.hosts[to].at(PORT));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Server, &rng.bytes(40), MILLISECOND);
        let mut copy = Vec::new();
        self.body.write(rng, &mut copy);
        let planted = PlantedRange { infects, ..PlantedRange::first(0..copy.len()) };
        let complete = session.send_planted(Peer::Client, &copy, MILLISECOND, &planted);
        session.send(Peer::Server, &rng.bytes(24), MILLISECOND);
        session.close(Peer::Client);
        complete
    }
}

impl Process for SiteWorm {
    type Event = Scan;

    fn begin(&mut self, _: u64, schedule: &mut Schedule<Scan>) {
        self.infect(0, self.begins_ns, None);
        schedule.at(self.begins_ns, Scan(0));
    }

    fn handle(&mut self, time_ns: u64, Scan(host): Scan, schedule: &mut Schedule<Scan>) {
        let Schedule { link, rng, .. } = schedule;
        match self.meet(host, rng) {
            Some(to) => {
                let infected = to < VULNERABLE && self.infected[to].is_none();
                let infects = infected.then_some(self.infections.len() as u32);
                let complete = self.attack(time_ns, (host, to), infects, link, rng);
                if infected {
                    self.infect(to, complete, Some(host));
                    schedule.at(complete + SECOND, Scan(to));
                }
            }
            None => {
                let nobody = self.site.anywhere_inside(rng).at(PORT);
                let from = self.hosts[host].client(rng);
                TcpSession::new(link, (from, nobody), time_ns, rng).open_in_vain();
            }
        }
        let until = self.infected[host].unwrap_or(time_ns) + SCANNING_NS;
        if time_ns < until {
            schedule.after(time_ns, RATE, Scan(host));
        }
    }

    fn planted(&self) -> Planted {
        Planted {
            vulnerable_hosts: VULNERABLE as u64,
            contents: vec![PlantedContent::new(
                "body",
                &self.body,
                Protocol::Tcp,
                Some(PORT),
            )],
            infections: self.infections.clone(),
            ..Planted::default()
        }
    }
}
