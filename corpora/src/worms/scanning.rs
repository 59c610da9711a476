//! Scanning worms as frames.
//!
//! An [`Epidemic`] says who scans whom and when; an [`Attack`] says what one
//! such scan puts on the wire.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::story::{Plot, Story};
use crate::body::Body;
use crate::carriage::{Carrier, Delivery};
use crate::emitter::End;
use crate::epidemic::{Contact, Epidemic, EpidemicSettings, Infection, LocalPreference};
use crate::error::CorpusError;
use crate::frame_builder::MAX_PAYLOAD;
use crate::frame_stream::FrameStream;
use crate::ground_truth::Protocol;
use crate::rng::{Rng, mix};
use crate::traffic::{FrameQueue, PlantedContent};

/// One attack on its way.
pub(super) struct Strike {
    pub(super) time_ns: u64,
    /// Who attacks; its port is for the attack to choose.
    pub(super) from: End,
    /// Who is attacked, likewise.
    pub(super) to: End,
    /// The infection that this completes.
    pub(super) infects: Option<u32>,
    /// Whether somebody listens there.
    pub(super) answered: bool,
}

/// What one infected host sends to an address that it scans.
pub(super) trait Attack: Send + 'static {
    /// Lays its frames; returns when the host is infected, if it can be.
    fn lay(
        &mut self,
        strike: &Strike,
        queue: &mut FrameQueue,
        rng: &mut Rng,
    ) -> Option<u64>;
    /// What it plants.
    fn contents(&self) -> Vec<PlantedContent>;
}

/// How a worm scans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanning {
    /// Hosts that can be infected, on both sides of the tap.
    pub(super) vulnerable: u32,
    /// Which share of them lies inside.
    pub(super) inside_share: f64,
    /// Mean scans a second.
    pub(super) rate: f64,
    pub(super) latency: Duration,
    pub(super) local: LocalPreference,
    pub(super) hit_list: u32,
    /// Which share (0 to 1) of the other hosts answers all the same.
    pub(super) listening: f64,
}

/// As in the scenario `outbreak`: the number of infected hosts doubles in some
/// 20 s.
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
        }
    }
}

impl Scanning {
    /// Starts a worm that scans like this and attacks like that.
    pub(super) fn stream<A: Attack>(
        self,
        story: Story,
        attack: impl FnOnce(&Story) -> Result<A, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        story.stream(|story| self.plot(story, attack(story)?))
    }

    fn plot<A: Attack>(self, story: &Story, attack: A) -> Result<Scan<A>, CorpusError> {
        let vulnerable = story.options.vulnerable_hosts.unwrap_or(self.vulnerable);
        let inside = (f64::from(vulnerable) * self.inside_share).round() as u32;
        let inside = inside.min(vulnerable);
        let settings = EpidemicSettings {
            space: story.space,
            vulnerable_inside: inside,
            vulnerable_outside: vulnerable - inside,
            scan_rate: story.options.scan_rate.unwrap_or(self.rate),
            latency: self.latency,
            local: self.local,
            hit_list: self.hit_list.min(vulnerable.saturating_sub(1)),
            ..EpidemicSettings::default()
        };
        Ok(Scan {
            epidemic: Epidemic::new(settings, story.begins_ns(), story.rng("epidemic"))?,
            settings,
            attack,
            rng: story.rng("attack"),
            story: story.clone(),
            listening: self.listening,
            salt: mix(story.seed),
        })
    }
}

struct Scan<A> {
    epidemic: Epidemic,
    settings: EpidemicSettings,
    attack: A,
    rng: Rng,
    story: Story,
    listening: f64,
    salt: u64,
}

impl<A> Scan<A> {
    /// Whether a host that is not to be infected answers all the same: fixed for
    /// each address.
    fn listens(&self, address: Ipv4Addr) -> bool {
        let draw = mix(self.salt ^ u64::from(u32::from(address))) >> 11;
        (draw as f64) < self.listening * (1u64 << 53) as f64
    }

    fn strike(&self, contact: &Contact) -> Strike {
        Strike {
            time_ns: contact.time_ns,
            from: self.story.end(contact.source, 0),
            to: self.story.end(contact.destination, 0),
            infects: contact.victim.map(|_| self.epidemic.next_infection()),
            answered: contact.victim.is_some() || self.listens(contact.destination),
        }
    }
}

impl<A: Attack> Plot for Scan<A> {
    fn next_time(&mut self) -> Option<u64> {
        self.epidemic.next_time()
    }

    fn go_on(&mut self, queue: &mut FrameQueue) {
        let Some(contact) = self.epidemic.next_contact() else { return };
        let strike = self.strike(&contact);
        let infected_at = self.attack.lay(&strike, queue, &mut self.rng);
        if let (Some(victim), Some(time_ns)) = (contact.victim, infected_at) {
            self.epidemic.infect(&contact, victim, time_ns);
        }
    }

    fn infections(&self) -> &[Infection] {
        self.epidemic.infections()
    }

    fn vulnerable_hosts(&self) -> u64 {
        self.settings.vulnerable()
    }

    fn vulnerable_inside(&self) -> Vec<Ipv4Addr> {
        self.epidemic.vulnerable_inside().to_vec()
    }

    fn contents(&self) -> Vec<PlantedContent> {
        self.attack.contents()
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        let settings = &self.settings;
        vec![
            ("scan_rate", settings.scan_rate.into()),
            ("latency_seconds", settings.latency.as_secs_f64().into()),
            ("vulnerable_inside", settings.vulnerable_inside.into()),
            ("vulnerable_outside", settings.vulnerable_outside.into()),
            ("same_16", settings.local.same_16.into()),
            ("same_24", settings.local.same_24.into()),
            ("hit_list", settings.hit_list.into()),
        ]
    }
}

/// One body in a [`Carriage`](crate::Carriage).
pub(super) struct Carried {
    carrier: Carrier,
    body: Body,
    protocol: Protocol,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    copy: Vec<u8>,
}

impl Carried {
    /// The story's own body, or the one that the user brings, to one port.
    pub(super) fn new(
        story: &Story,
        own: Body,
        destination_port: u16,
    ) -> Result<Self, CorpusError> {
        Ok(Self {
            carrier: Carrier::new(story.options.carriage.clone()),
            body: checked(story.options.body.clone().unwrap_or(own))?,
            protocol: match story.options.carriage.tcp_segment {
                Some(_) => Protocol::Tcp,
                None => Protocol::Udp,
            },
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

impl Attack for Carried {
    fn lay(
        &mut self,
        strike: &Strike,
        queue: &mut FrameQueue,
        rng: &mut Rng,
    ) -> Option<u64> {
        self.body.write(rng, &mut self.copy);
        let source = self.source_port.unwrap_or_else(|| ephemeral(rng));
        let destination =
            self.destination_port.unwrap_or_else(|| rng.between(1_024, 65_535) as u16);
        let delivery = Delivery {
            time_ns: strike.time_ns,
            from: End { port: source, ..strike.from },
            to: End { port: destination, ..strike.to },
            body: &self.copy,
            content: 0,
            infects: strike.infects,
            answered: strike.answered,
        };
        self.carrier.deliver(queue, &delivery, rng)
    }

    fn contents(&self) -> Vec<PlantedContent> {
        vec![PlantedContent {
            name: "body".to_owned(),
            body: self.body.clone(),
            protocol: self.protocol,
            destination_port: self.destination_port,
        }]
    }
}

/// A client's port.
pub(super) fn ephemeral(rng: &mut Rng) -> u16 {
    rng.between(32_768, 60_999) as u16
}

/// Refuses a body that cannot be sent.
pub(super) fn checked(body: Body) -> Result<Body, CorpusError> {
    if body.length() > 0 && body.longest() <= MAX_PAYLOAD {
        return Ok(body);
    }
    let expected = format!("a body of 1 to {MAX_PAYLOAD} bytes");
    Err(CorpusError::setting("body", expected))
}
