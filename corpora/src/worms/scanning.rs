//! Scanning worms: a process that scans, and the frames of one scan.
//!
//! An [`Epidemic`] decides who scans whom and when; an [`Attack`] sends the frames of one
//! such scan.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::setup::{Prepared, Worm, WormSetup};
use crate::body::Body;
use crate::delivery::{Attempt, BodySender};
use crate::epidemic::{Contact, Epidemic, EpidemicSettings, Infection, LocalPreference};
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::Protocol;
use crate::link::{Link, client_port};
use crate::rng::{Rng, mix};
use crate::simulation::{Process, Schedule};
use crate::time::nanos;
use crate::traffic::{Parameters, PlantedContent};

/// What one infected host sends to an address that it scans.
pub(crate) trait Attack: Send + 'static {
    /// Sends it; returns when the host is infected, if it can be.
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64>;
    /// What it plants.
    fn contents(&self) -> Vec<PlantedContent>;
}

/// How a worm scans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanning {
    /// Hosts that can be infected, on both sides of the tap.
    pub(crate) vulnerable: u32,
    /// Which share of them is inside.
    pub(crate) inside_share: f64,
    /// Mean scans a second.
    pub(crate) rate: f64,
    pub(crate) latency: Duration,
    pub(crate) local: LocalPreference,
    pub(crate) hit_list: u32,
    /// Which share (0 to 1) of the other hosts answers all the same.
    pub(crate) listening: f64,
    /// The name of the attack's random stream.
    pub(crate) stream: &'static str,
    /// Names of the settings that the ground truth has.
    pub(crate) parameters: &'static [&'static str],
}

/// As in the scenario `outbreak`: the number of infected hosts doubles in some 20 s.
impl Default for Scanning {
    fn default() -> Self {
        Self {
            vulnerable: 2_400,
            inside_share: 0.5,
            rate: 1.0,
            latency: Duration::from_secs(1),
            local: LocalPreference::default(),
            hit_list: 0,
            listening: 0.25,
            stream: "attack",
            parameters: &[
                "scan_rate",
                "latency_seconds",
                "vulnerable_inside",
                "vulnerable_outside",
                "same_16",
                "same_24",
                "hit_list",
            ],
        }
    }
}

impl Scanning {
    /// Starts a worm that scans like this and attacks like that.
    pub(crate) fn start<A: Attack>(
        self,
        setup: WormSetup,
        attack: impl FnOnce(&WormSetup) -> Result<A, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        setup.start(|setup| {
            let attack = attack(setup)?;
            let vulnerable = setup.options.vulnerable_hosts.unwrap_or(self.vulnerable);
            let inside = (f64::from(vulnerable) * self.inside_share).round() as u32;
            let inside = inside.min(vulnerable);
            let settings = EpidemicSettings {
                space: setup.space,
                vulnerable_inside: inside,
                vulnerable_outside: vulnerable - inside,
                scan_rate: setup.options.scan_rate.unwrap_or(self.rate),
                latency: self.latency,
                local: self.local,
                hit_list: self.hit_list.min(vulnerable.saturating_sub(1)),
                sees_all: setup.options.sees_all,
                ..EpidemicSettings::default()
            };
            let epidemic =
                Epidemic::new(settings, setup.begins_ns, setup.rng("epidemic"))?;
            let scan = Scan::new(setup, epidemic, attack, self.listening, None);
            Ok(scan.prepared(setup.rng(self.stream), self.parameters))
        })
    }
}

/// What ends a capture, some time after the scan that brings it about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// The tap has seen so many different hosts scan.
    Sources(usize),
    /// So many hosts are infected.
    Infected(usize),
}

/// A worm that scans.
pub(crate) struct Scan<A> {
    setup: WormSetup,
    epidemic: Epidemic,
    attack: A,
    /// Which share of the hosts that are not to be infected answers all the same.
    listening: f64,
    salt: u64,
    stop: Option<Stop>,
    /// Whom the tap has seen scan, where that can end the capture.
    sources: BTreeSet<Ipv4Addr>,
    ends_at: Option<u64>,
}

impl<A: Attack> Scan<A> {
    pub(crate) fn new(
        setup: &WormSetup,
        epidemic: Epidemic,
        attack: A,
        listening: f64,
        stop: Option<Stop>,
    ) -> Self {
        Self {
            setup: setup.clone(),
            epidemic,
            attack,
            listening,
            salt: mix(setup.seed),
            stop,
            sources: BTreeSet::new(),
            ends_at: None,
        }
    }

    /// Ready to begin, with the settings of these names for the ground truth.
    pub(crate) fn prepared(self, rng: Rng, names: &[&str]) -> Prepared<Self> {
        Prepared {
            rng,
            vulnerable_hosts: self.epidemic.settings().vulnerable(),
            vulnerable_inside: self.epidemic.vulnerable_inside().to_vec(),
            contents: self.attack.contents(),
            parameters: self.setup.parameters(named(self.epidemic.settings(), names)),
            worm: self,
        }
    }

    /// Whether a host that is not to be infected answers all the same: fixed for each
    /// address.
    fn listens(&self, address: Ipv4Addr) -> bool {
        let draw = mix(self.salt ^ u64::from(u32::from(address))) >> 11;
        (draw as f64) < self.listening * (1u64 << 53) as f64
    }

    fn attempt(&self, contact: &Contact) -> Attempt {
        Attempt {
            time_ns: contact.time_ns,
            from: self.setup.endpoint(contact.source),
            to: self.setup.endpoint(contact.destination),
            infects: contact.victim.map(|_| self.epidemic.next_infection()),
            answered: contact.victim.is_some() || self.listens(contact.destination),
        }
    }

    fn set_end(&mut self, contact: &Contact) {
        let over = match self.stop {
            Some(Stop::Sources(count)) => {
                self.sources.insert(contact.source);
                self.sources.len() >= count
            }
            Some(Stop::Infected(count)) => self.epidemic.infections().len() >= count,
            None => false,
        };
        if over && self.ends_at.is_none() {
            let end = contact.time_ns.saturating_add(nanos(self.setup.settle));
            self.ends_at = Some(end);
        }
    }

    fn schedule_next(&mut self, schedule: &mut Schedule<()>) {
        if let Some(time_ns) = self.epidemic.next_time() {
            schedule.at(time_ns, ());
        }
    }
}

impl<A: Attack> Process for Scan<A> {
    /// The next scan that the tap sees.
    type Event = ();

    fn begin(&mut self, _: u64, schedule: &mut Schedule<()>) {
        self.schedule_next(schedule);
    }

    fn handle(&mut self, _: u64, (): (), schedule: &mut Schedule<()>) {
        let Some(contact) = self.epidemic.next_contact() else { return };
        if self.setup.cut_off.holds(contact.source, contact.time_ns) {
            return self.schedule_next(schedule);
        }
        let attempt = self.attempt(&contact);
        let infected_at =
            self.attack.send(&attempt, &mut schedule.link, &mut schedule.rng);
        if let (Some(victim), Some(time_ns)) = (contact.victim, infected_at) {
            self.epidemic.infect(&contact, victim, time_ns);
        }
        self.set_end(&contact);
        self.schedule_next(schedule);
    }

    fn ends_at(&self) -> Option<u64> {
        // Where all that scan are cut off, nothing else ends it.
        let options = &self.setup.options;
        let length = options.duration.map(nanos);
        self.ends_at.or_else(|| Some(options.start_ns.saturating_add(length?)))
    }
}

impl<A: Attack> Worm for Scan<A> {
    fn infections(&self) -> &[Infection] {
        self.epidemic.infections()
    }
}

/// The settings of these names.
fn named(settings: &EpidemicSettings, names: &[&str]) -> Parameters {
    let all: [(&'static str, Value); 10] = [
        ("scan_rate", settings.scan_rate.into()),
        ("latency_seconds", settings.latency.as_secs_f64().into()),
        ("infection_chance", settings.infection_chance.into()),
        ("first_infected", settings.first_infected.into()),
        ("vulnerable_inside", settings.vulnerable_inside.into()),
        ("vulnerable_outside", settings.vulnerable_outside.into()),
        ("same_8", settings.local.same_8.into()),
        ("same_16", settings.local.same_16.into()),
        ("same_24", settings.local.same_24.into()),
        ("hit_list", settings.hit_list.into()),
    ];
    all.into_iter().filter(|(name, _)| names.contains(name)).collect()
}

/// One body in a [`Carriage`](crate::Carriage).
pub(super) struct CarriedBody {
    sender: BodySender,
    body: Body,
    protocol: Protocol,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    copy: Vec<u8>,
}

impl CarriedBody {
    /// The scenario's own body, or the one that the user brings, to one port.
    pub(super) fn new(
        setup: &WormSetup,
        own: Body,
        destination_port: u16,
    ) -> Result<Self, CorpusError> {
        Ok(Self {
            sender: BodySender::new(setup.options.carriage.clone()),
            body: setup.body(own)?,
            protocol: setup.options.carriage.protocol(),
            source_port: None,
            destination_port: Some(destination_port),
            copy: Vec::new(),
        })
    }

    /// From one port, to a random one.
    pub(super) fn sent_from(self, source_port: u16) -> Self {
        Self { source_port: Some(source_port), destination_port: None, ..self }
    }
}

impl Attack for CarriedBody {
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        self.body.write(rng, &mut self.copy);
        let source = self.source_port.unwrap_or_else(|| client_port(rng));
        let destination =
            self.destination_port.unwrap_or_else(|| rng.between(1_024, 65_535) as u16);
        let attempt = attempt.at(source, destination);
        self.sender.send(link, &attempt, &self.copy, rng)
    }

    fn contents(&self) -> Vec<PlantedContent> {
        let port = self.destination_port;
        vec![PlantedContent::new("body", &self.body, self.protocol, port)]
    }
}
