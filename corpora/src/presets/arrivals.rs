//! The packets of a worm that reach a network which only listens.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Attack, Preset};
use crate::body::Body;
use crate::carriage::{Carriage, Carrier, Delivery};
use crate::emitter::{Emitter, End};
use crate::epidemic::{Contact, Epidemic, EpidemicSettings};
use crate::frame_builder::FrameBuilder;
use crate::ground_truth::Protocol;
use crate::rng::{Rng, mix};
use crate::scenario::GenerateOptions;
use crate::tcp_dialogue::{Peer, TcpDialogue};
use crate::traffic::{
    FrameQueue, Mark, Planted, PlantedContent, PlantedInfection, Traffic,
};

/// How long the capture goes on after what it waited for.
const SETTLE_NS: u64 = 10_000_000_000;
/// The names and passwords that are tried.
const GUESSES: u64 = 8;
/// Of ten logins, so many go to the first port.
const FIRST_PORT: u64 = 9;

/// What the capture waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// So many different hosts have scanned the network.
    Sources(usize),
    /// So many hosts are infected.
    Infected(usize),
    /// The limits of the whole capture.
    Limits,
}

/// The worm's packets.
pub(super) struct Arrivals {
    preset: &'static Preset,
    epidemic: Epidemic,
    settings: EpidemicSettings,
    options: GenerateOptions,
    until: Until,
    carriage: Carriage,
    carrier: Carrier,
    /// For terminal sessions.
    emitter: Emitter,
    queue: FrameQueue,
    rng: Rng,
    copy: Vec<u8>,
    body: Body,
    salt: u64,
    sources: BTreeSet<Ipv4Addr>,
    ends_at: Option<u64>,
}

impl Arrivals {
    pub(super) fn new(
        preset: &'static Preset,
        (epidemic, settings): (Epidemic, EpidemicSettings),
        seed: u64,
        options: &GenerateOptions,
        carriage: Carriage,
        until: Until,
    ) -> Self {
        let builder =
            FrameBuilder { vlans: carriage.vlans.clone(), ..FrameBuilder::default() };
        Self {
            preset,
            epidemic,
            settings,
            options: options.clone(),
            until,
            carrier: Carrier::new(carriage.clone()),
            carriage,
            emitter: Emitter::new(builder, None),
            queue: FrameQueue::default(),
            rng: Rng::new(seed, "preset arrivals"),
            copy: Vec::new(),
            body: options.body.clone().unwrap_or_else(|| preset.body(seed)),
            salt: mix(seed),
            sources: BTreeSet::new(),
            ends_at: None,
        }
    }

    fn arrive(&mut self, contact: &Contact) {
        self.sources.insert(contact.source);
        let random = self.rng.between(32_768, 60_999) as u16;
        let ports = match self.preset.attack {
            Attack::Udp { source_port, destination_port } => {
                let any = self.rng.between(1, 65_535) as u16;
                (source_port.unwrap_or(random), destination_port.unwrap_or(any))
            }
            Attack::Tcp { port } => (random, port),
            Attack::Login { ports } => {
                (random, ports[usize::from(self.rng.below(10) >= FIRST_PORT)])
            }
        };
        let ends =
            (self.end(contact.source, ports.0), self.end(contact.destination, ports.1));
        if matches!(self.preset.attack, Attack::Login { .. }) {
            return self.log_in(contact.time_ns, ends);
        }
        self.body.write(&mut self.rng, &mut self.copy);
        let (least, most) = (*self.preset.padding.start(), *self.preset.padding.end());
        let padding =
            if most == 0 { 0 } else { self.rng.between(least as u64, most as u64) };
        self.rng.append(padding as usize, &mut self.copy);
        let delivery = Delivery {
            time_ns: contact.time_ns,
            from: ends.0,
            to: ends.1,
            body: &self.copy,
            content: 0,
            infects: None,
            answered: true,
        };
        self.carrier.deliver(&mut self.queue, &delivery, &mut self.rng);
    }

    /// A name, a password and a command, each asked for.
    fn log_in(&mut self, time_ns: u64, (from, to): (End, End)) {
        self.body.write(&mut self.rng, &mut self.copy);
        self.copy.extend_from_slice(b"\r\n");
        let lines = [self.guess("name"), self.guess("password"), self.copy.clone()];
        let mut dialogue = TcpDialogue::new(
            &mut self.queue,
            &mut self.emitter,
            from,
            to,
            time_ns,
            &mut self.rng,
        );
        dialogue.open();
        for (index, (line, prompt)) in
            lines.iter().zip(["login: ", "Password: ", "> "]).enumerate()
        {
            dialogue.say(Peer::Server, prompt.as_bytes(), 300_000);
            dialogue.turn(Peer::Client, 200_000);
            let mark = match index {
                2 => Mark::Content { content: 0, infects: None },
                _ => Mark::Ordinary,
            };
            dialogue.segment(Peer::Client, 0, line, mark);
            dialogue.acknowledge_ahead(Peer::Client, line.len() as u32);
            dialogue.advance(Peer::Client, line.len() as u32);
        }
        dialogue.close(Peer::Client);
    }

    /// One line of seven letters, one of a few.
    fn guess(&mut self, what: &str) -> Vec<u8> {
        let mut rng = Rng::new(self.salt ^ self.rng.below(GUESSES), what);
        let mut line: Vec<u8> = (0..7).map(|_| b'a' + rng.below(26) as u8).collect();
        line.extend_from_slice(b"\r\n");
        line
    }

    fn end(&self, address: Ipv4Addr, port: u16) -> End {
        let inside = self.settings.space.inside.contains(address);
        // Hosts outside are some routers away.
        let hops = if inside { 0 } else { 5 + mix(u32::from(address).into()) as u8 % 12 };
        End {
            address: self.options.address(address),
            port,
            inside,
            hop_limit: 128 - hops,
        }
    }

    fn note_the_end(&mut self, now_ns: u64) {
        let over = match self.until {
            Until::Sources(count) => self.sources.len() >= count,
            Until::Infected(count) => self.epidemic.infections().len() >= count,
            Until::Limits => false,
        };
        if over && self.ends_at.is_none() {
            self.ends_at = Some(now_ns.saturating_add(SETTLE_NS));
        }
    }
}

impl Traffic for Arrivals {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let queued = self.queue.next_time();
            match self.epidemic.next_time() {
                Some(scan) if queued.is_none_or(|queued| scan <= queued) => {
                    let contact = self.epidemic.next_contact()?;
                    self.arrive(&contact);
                    self.note_the_end(contact.time_ns);
                }
                _ => break,
            }
        }
        self.queue.next_time()
    }

    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        self.next_time()?;
        self.queue.pop(frame)
    }

    fn ends_at(&self) -> Option<u64> {
        self.ends_at
    }

    fn planted(&self) -> Planted {
        let settings = &self.settings;
        let (protocol, port) = match self.preset.attack {
            Attack::Udp { destination_port, .. } => (Protocol::Udp, destination_port),
            Attack::Tcp { port } => (Protocol::Tcp, Some(port)),
            Attack::Login { .. } => (Protocol::Tcp, None),
        };
        let infection = |one: &crate::epidemic::Infection| PlantedInfection {
            host: self.options.address(one.host),
            time_ns: one.time_ns,
            by: one.by.map(|by| self.options.address(by)),
            crosses_tap: one.crosses_tap,
        };
        let mut planted = Planted {
            vulnerable_hosts: settings.vulnerable(),
            contents: vec![PlantedContent {
                name: "body".to_owned(),
                body: self.body.clone(),
                protocol,
                destination_port: port,
            }],
            infections: self.epidemic.infections().iter().map(infection).collect(),
            ..Planted::default()
        };
        let mut tell = |name: &str, value: serde_json::Value| {
            planted.parameters.insert(name.to_owned(), value);
        };
        if !matches!(self.preset.attack, Attack::Login { .. }) {
            tell("carriage", self.carriage.to_string().into());
        }
        tell("inside", settings.space.inside.to_string().into());
        tell("scanned", settings.space.scanned.to_string().into());
        tell("scan_rate", settings.scan_rate.into());
        tell("infection_chance", settings.infection_chance.into());
        tell("first_infected", settings.first_infected.into());
        tell("same_8", settings.local.same_8.into());
        tell("same_16", settings.local.same_16.into());
        tell("vulnerable_inside", settings.vulnerable_inside.into());
        tell("vulnerable_outside", settings.vulnerable_outside.into());
        planted
    }
}
