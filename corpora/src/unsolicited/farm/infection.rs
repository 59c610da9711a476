//! The exploit: attackers outside send it to all decoys, and one of them is infected and
//! sends it to others.
//!
//! Every decoy accepts the connection and takes the content. Only one can be infected.

use super::Farm;
use crate::benign::host_pool::HostPool;
use crate::body::Body;
use crate::error::CorpusError;
use crate::ground_truth::Protocol;
use crate::link::{Endpoint, Link};
use crate::rng::Rng;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, PlantedRange, TcpSession};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::{Mark, Planted, PlantedContent, PlantedDecoys, PlantedInfection};

const PORT: u16 = 48_891;
const ATTACKERS: usize = 6;
/// Attacks a second of all of them together.
const ATTACK_RATE: f64 = 0.15;
/// When they begin, after the scenario.
const BEGINS_NS: u64 = 90 * SECOND;
/// Hosts that the infected decoy attacks, one after the other.
const TARGETS: usize = 400;
/// Attacks a second of it.
const RATE: f64 = 0.8;
/// Which share of its targets answers.
const ANSWERS: f64 = 0.3;

pub(super) struct Outbreak {
    farm: Farm,
    attackers: Vec<Endpoint>,
    /// Decoys to be attacked before any is again.
    round: Vec<usize>,
    vulnerable: usize,
    targets: Vec<Endpoint>,
    /// How many of them were attacked.
    attacked: usize,
    body: Body,
    infection: Option<PlantedInfection>,
}

pub(super) enum Event {
    /// An attacker attacks the next decoy.
    Attack,
    /// The infected decoy attacks its next target.
    PassOn,
}

impl Outbreak {
    pub(super) fn new(farm: &Farm, pool: &mut HostPool) -> Result<Self, CorpusError> {
        let attackers = pool.outside(ATTACKERS)?;
        let targets = pool.outside(TARGETS)?;
        let rng = &mut pool.rng;
        Ok(Self {
            farm: farm.clone(),
            attackers,
            round: Vec::new(),
            vulnerable: rng.index(farm.decoys.len()),
            targets,
            attacked: 0,
            body: Body::wrapped(8, 420, 12, rng),
            infection: None,
        })
    }

    /// The decoy that is next: all of them in random order, then all again.
    fn next_decoy(&mut self, rng: &mut Rng) -> usize {
        if self.round.is_empty() {
            self.round.extend(0..self.farm.decoys.len());
            rng.shuffle(&mut self.round);
        }
        self.round.pop().unwrap_or_default()
    }

    /// Sends the body in a session; returns when it is complete.
    fn send(
        &self,
        mut session: TcpSession<'_>,
        infects: Option<u32>,
        rng: &mut Rng,
    ) -> u64 {
        session.open();
        session.send(Peer::Server, &rng.bytes(30), MILLISECOND);
        let mut copy = Vec::new();
        self.body.write(rng, &mut copy);
        let planted = PlantedRange { infects, ..PlantedRange::first(0..copy.len()) };
        let complete = session.send_planted(Peer::Client, &copy, MILLISECOND, &planted);
        session.send(Peer::Server, &rng.bytes(16), MILLISECOND);
        session.close(Peer::Client);
        complete
    }

    /// An attack on the next decoy; returns when it infects it, if it does.
    fn attack(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        let index = self.next_decoy(rng);
        let infects = index == self.vulnerable && self.infection.is_none();
        let attacker = rng.one_of(&self.attackers).client(rng);
        let decoy = self.farm.decoys[index].at(PORT);
        let session = TcpSession::new(link, (attacker, decoy), time_ns, rng);
        let complete = self.send(session, infects.then_some(0), rng);
        if !infects {
            return None;
        }
        self.infection = Some(PlantedInfection {
            host: decoy.address,
            time_ns: complete,
            by: Some(attacker.address),
            seen: true,
        });
        Some(complete)
    }

    fn target(&self, number: usize) -> &Endpoint {
        &self.targets[number % self.targets.len()]
    }

    /// An attack by the infected decoy. Its very first packet is counted.
    fn pass_on(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let decoy = self.farm.decoys[self.vulnerable].client(rng);
        let target = self.target(self.attacked).at(PORT);
        let mark = if self.attacked == 0 { Mark::Counted(0) } else { Mark::Ordinary };
        self.attacked += 1;
        let session = TcpSession::new(link, (decoy, target), time_ns, rng);
        let mut session = session.opened_by(mark);
        if rng.chance(ANSWERS) {
            self.send(session, None, rng);
        } else {
            session.open_in_vain();
        }
    }
}

impl Process for Outbreak {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns.saturating_add(BEGINS_NS), Event::Attack);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        match event {
            Event::Attack => {
                let infected = self.attack(time_ns, link, rng);
                if let Some(infected_ns) = infected {
                    let rests_ns = rng.between(2 * SECOND, 8 * SECOND);
                    schedule.at(infected_ns + rests_ns, Event::PassOn);
                }
                schedule.after(time_ns, ATTACK_RATE, Event::Attack);
            }
            Event::PassOn => {
                self.pass_on(time_ns, link, rng);
                schedule.after(time_ns, RATE, Event::PassOn);
            }
        }
    }

    fn planted(&self) -> Planted {
        let first = (self.farm.decoys[self.vulnerable].address, self.target(0).address);
        let body = PlantedContent::new("exploit", &self.body, Protocol::Tcp, Some(PORT));
        Planted {
            parameters: vec![
                ("attackers", ATTACKERS.into()),
                ("attacks_a_second", ATTACK_RATE.into()),
                ("passed_on_a_second", RATE.into()),
            ],
            vulnerable_hosts: 1,
            contents: vec![body],
            infections: self.infection.into_iter().collect(),
            decoys: Some(PlantedDecoys {
                initiation: (self.attacked > 0).then_some(first),
                ..self.farm.planted()
            }),
            ..Planted::default()
        }
    }
}
