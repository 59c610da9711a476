//! The scenario `outbreak`: a random-scanning worm on a two-way tap.
//!
//! One host outside is infected and scans addresses at random, inside and
//! outside; what it infects does the same ([`crate::epidemic`]). The body is
//! 376 inert bytes: 320 that every copy shares, in 56 that are random in every
//! packet. It goes to one port, in whatever [`Carriage`] is asked for.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::address_space::AddressSpace;
use crate::background::{self, BackgroundSettings};
use crate::body::Body;
use crate::carriage::{Carriage, Carrier, Delivery};
use crate::emitter::End;
use crate::epidemic::{Contact, Epidemic, EpidemicSettings};
use crate::error::CorpusError;
use crate::frame_builder::MAX_PAYLOAD;
use crate::frame_stream::{FrameStream, Limits, Trace};
use crate::ground_truth::Protocol;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::{Rng, mix};
use crate::scenario::{Entry, GenerateOptions};
use crate::traffic::{
    FrameQueue, LAST_START_NS, Mark, Planted, PlantedContent, PlantedInfection, Traffic,
};

const NAME: &str = "outbreak";

pub(crate) const SCENARIOS: &[Entry] = &[Entry {
    profile: Profile {
        name: NAME,
        summary: "a random-scanning worm spreads to and from a site, by one 376-byte \
                  UDP packet",
        defeats: "counting repetition without dispersion; hashes of whole packets",
        kind: Kind::Worm,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(Verdict::Fires, Verdict::Fires)],
    },
    open,
}];

/// The attacked port, which no common service uses.
pub const DEFAULT_PORT: u16 = 48_879;
/// How long the capture goes on after the last infection that was asked for.
const SETTLE: Duration = Duration::from_secs(10);

/// An outbreak to be set up and run.
#[derive(Clone, Debug)]
pub struct Outbreak {
    seed: u64,
    options: GenerateOptions,
    space: AddressSpace,
    inside_share: f64,
    start_after: Duration,
    latency: Duration,
    listening: f64,
    port: u16,
    body: Body,
}

/// Starts the scenario with its defaults.
///
/// # Errors
/// [`CorpusError::Setting`].
pub fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    Outbreak::new(seed).options(options.clone()).stream()
}

impl Outbreak {
    /// 600 vulnerable hosts, a sixth of them inside, each scanning four
    /// addresses a second of 10.20.0.0/16 with a /20 behind the tap: the number
    /// of infected doubles in some 20 s. Twenty inside hosts have ordinary
    /// traffic. It ends soon after the 120th infection.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            options: GenerateOptions::default(),
            space: AddressSpace::default(),
            inside_share: 1.0 / 6.0,
            start_after: Duration::from_secs(20),
            latency: Duration::from_secs(1),
            listening: 0.25,
            port: DEFAULT_PORT,
            body: Body::wrapped(24, 320, 32, &mut Rng::new(seed, "outbreak body")),
        }
    }

    /// Replaces all options that scenarios share.
    #[must_use]
    pub fn options(mut self, options: GenerateOptions) -> Self {
        self.space.inside = options.inside.unwrap_or(self.space.inside);
        self.body = options.body.clone().unwrap_or(self.body);
        Self { options, ..self }
    }

    /// How the body is carried.
    #[must_use]
    pub fn carriage(mut self, carriage: Carriage) -> Self {
        self.options.carriage = carriage;
        self
    }

    /// Ends ten seconds after this many hosts are infected.
    #[must_use]
    pub fn infected(mut self, hosts: u32) -> Self {
        self.options.until_infected = Some(hosts);
        self
    }

    /// Ends after this time.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.options.duration = Some(duration);
        self
    }

    /// Ends after so many packets.
    #[must_use]
    pub fn packets(mut self, packets: u64) -> Self {
        self.options.packets = Some(packets);
        self
    }

    /// How many inside hosts have ordinary traffic; 0 for none at all.
    #[must_use]
    pub fn background_hosts(mut self, hosts: u32) -> Self {
        self.options.background_hosts = Some(hosts);
        self
    }

    /// How many hosts can be infected.
    #[must_use]
    pub fn vulnerable_hosts(mut self, hosts: u32) -> Self {
        self.options.vulnerable_hosts = Some(hosts);
        self
    }

    /// Mean scans a second of an infected host.
    #[must_use]
    pub fn scan_rate(mut self, scans: f64) -> Self {
        self.options.scan_rate = Some(scans);
        self
    }

    /// What is scanned, and which share (0 to 1) of the vulnerable hosts lies
    /// behind the tap.
    #[must_use]
    pub fn space(self, space: AddressSpace, inside_share: f64) -> Self {
        Self { space, inside_share, ..self }
    }

    /// How long there is only background before the first scan.
    #[must_use]
    pub fn start_after(self, start_after: Duration) -> Self {
        Self { start_after, ..self }
    }

    /// From a host's infection to its first scan.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Over TCP, which share (0 to 1) of the other hosts takes the body too.
    #[must_use]
    pub fn listening(self, share: f64) -> Self {
        Self { listening: share, ..self }
    }

    /// The attacked port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// What spreads.
    #[must_use]
    pub fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// Starts it. Without a duration, a number of packets or of infected hosts
    /// it ends after the 120th infection, or after 200 s where there is no worm.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn stream(&self) -> Result<FrameStream, CorpusError> {
        let options = &self.options;
        let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
        if options.start_ns > LAST_START_NS {
            return Err(CorpusError::setting("start_ns", "a time before 2116"));
        }
        let mut also_ordinary = Vec::new();
        let mut duration = options.duration;
        let open_end = duration.is_none() && options.packets.is_none();
        if options.worm {
            let spread = self.spread(open_end)?;
            also_ordinary = spread.epidemic.vulnerable_inside().to_vec();
            traffic.push(Box::new(spread));
        } else if open_end {
            duration = Some(Duration::from_secs(200));
        }
        traffic.extend(background::open(&BackgroundSettings {
            seed: self.seed,
            start_ns: options.start_ns,
            inside: self.space.inside,
            hosts: options.background_hosts.unwrap_or(20),
            rate: options.background_rate.unwrap_or(0.1),
            prefer: also_ordinary,
        })?);
        let limits = Limits {
            until_ns: duration
                .map(|duration| options.start_ns.saturating_add(nanos(duration))),
            packets: options.packets,
        };
        Ok(FrameStream::new(NAME, self.seed, traffic, limits, options.list_carriers))
    }

    /// The whole capture in memory.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn trace(&self) -> Result<Trace, CorpusError> {
        Ok(self.stream()?.into_trace())
    }

    fn spread(&self, open_end: bool) -> Result<Spread, CorpusError> {
        let options = &self.options;
        let vulnerable = options.vulnerable_hosts.unwrap_or(600);
        if !(0.0..=1.0).contains(&self.inside_share) {
            return Err(CorpusError::setting("inside_share", "0 to 1"));
        }
        if self.body.length() == 0 || self.body.longest() > MAX_PAYLOAD {
            let expected = format!("a body of 1 to {MAX_PAYLOAD} bytes");
            return Err(CorpusError::setting("body", expected));
        }
        let inside = (f64::from(vulnerable) * self.inside_share).round() as u32;
        let settings = EpidemicSettings {
            space: self.space,
            vulnerable_inside: inside.min(vulnerable),
            vulnerable_outside: vulnerable.saturating_sub(inside),
            first_infected: 1,
            scan_rate: options.scan_rate.unwrap_or(4.0),
            latency: self.latency,
            ..EpidemicSettings::default()
        };
        let start_ns = options.start_ns.saturating_add(nanos(self.start_after));
        let rng = Rng::new(self.seed, "outbreak epidemic");
        let until = match options.until_infected {
            Some(hosts) if hosts > vulnerable => {
                let expected =
                    format!("at most {vulnerable} vulnerable hosts, found {hosts}");
                return Err(CorpusError::setting("until_infected", expected));
            }
            Some(hosts) => Some(hosts),
            None => open_end.then_some(vulnerable.min(120)),
        };
        Ok(Spread {
            epidemic: Epidemic::new(settings, start_ns, rng)?,
            settings,
            carrier: Carrier::new(options.carriage.clone()),
            options: options.clone(),
            queue: FrameQueue::default(),
            rng: Rng::new(self.seed, "outbreak carriage"),
            copy: Vec::new(),
            body: self.body.clone(),
            port: self.port,
            listening: self.listening,
            salt: mix(self.seed),
            until,
            ends_at: None,
        })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The worm's own traffic.
#[derive(Debug)]
struct Spread {
    epidemic: Epidemic,
    settings: EpidemicSettings,
    carrier: Carrier,
    options: GenerateOptions,
    queue: FrameQueue,
    rng: Rng,
    copy: Vec<u8>,
    body: Body,
    port: u16,
    listening: f64,
    salt: u64,
    until: Option<u32>,
    ends_at: Option<u64>,
}

impl Traffic for Spread {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let queued = self.queue.next_time();
            match self.epidemic.next_time() {
                Some(scan) if queued.is_none_or(|queued| scan <= queued) => {
                    let contact = self.epidemic.next_contact()?;
                    self.scan(&contact);
                }
                _ => break,
            }
        }
        self.note_the_end();
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
        let mut planted = Planted {
            vulnerable_hosts: u64::from(settings.vulnerable_inside)
                + u64::from(settings.vulnerable_outside),
            contents: vec![PlantedContent {
                name: "body".to_owned(),
                body: self.body.clone(),
                protocol: match self.options.carriage.tcp_segment {
                    Some(_) => Protocol::Tcp,
                    None => Protocol::Udp,
                },
                destination_port: Some(self.port),
            }],
            infections: self
                .epidemic
                .infections()
                .iter()
                .map(|infection| PlantedInfection {
                    host: self.address(infection.host),
                    time_ns: infection.time_ns,
                    by: infection.by.map(|by| self.address(by)),
                    crosses_tap: infection.crosses_tap,
                })
                .collect(),
            ..Planted::default()
        };
        let mut tell = |name: &str, value: serde_json::Value| {
            planted.parameters.insert(name.to_owned(), value);
        };
        tell("carriage", self.options.carriage.to_string().into());
        tell("inside", settings.space.inside.to_string().into());
        tell("scanned", settings.space.scanned.to_string().into());
        tell("scan_rate", settings.scan_rate.into());
        tell("latency_seconds", settings.latency.as_secs_f64().into());
        tell("vulnerable_inside", settings.vulnerable_inside.into());
        tell("vulnerable_outside", settings.vulnerable_outside.into());
        planted
    }
}

impl Spread {
    /// Lays the frames of one scan, and infects whom they reach.
    fn scan(&mut self, contact: &Contact) {
        self.body.write(&mut self.rng, &mut self.copy);
        let source_port = self.rng.between(32_768, 60_999) as u16;
        let infects = contact.victim.map(|_| self.epidemic.next_infection());
        let delivery = Delivery {
            time_ns: contact.time_ns,
            from: self.end(contact.source, source_port),
            to: self.end(contact.destination, self.port),
            body: &self.copy,
            content: 0,
            infects,
            answered: contact.victim.is_some() || self.listens(contact.destination),
        };
        let whole = self.carrier.deliver(&mut self.queue, &delivery, &mut self.rng);
        if let (Some(victim), Some(time_ns)) = (contact.victim, whole) {
            self.epidemic.infect(contact, victim, time_ns);
        }
    }

    /// Whether a host that is not to be infected takes the body all the same:
    /// fixed for each address.
    fn listens(&self, address: Ipv4Addr) -> bool {
        let draw = mix(self.salt ^ u64::from(u32::from(address))) >> 11;
        (draw as f64) < self.listening * (1u64 << 53) as f64
    }

    fn note_the_end(&mut self) {
        if self.ends_at.is_some() {
            return;
        }
        let Some(until) = self.until else { return };
        let infections = self.epidemic.infections();
        if infections.len() < until as usize {
            return;
        }
        // Infections are numbered when they begin: a later one may end earlier.
        let last = infections[..until as usize].iter().map(|one| one.time_ns).max();
        self.ends_at = last.map(|last| last.saturating_add(nanos(SETTLE)));
    }

    fn end(&self, address: Ipv4Addr, port: u16) -> End {
        let inside = self.settings.space.inside.contains(address);
        // Hosts outside are some routers away.
        let hops = if inside { 0 } else { 5 + mix(u32::from(address).into()) as u8 % 12 };
        End { address: self.address(address), port, inside, hop_limit: 128 - hops }
    }

    fn address(&self, address: Ipv4Addr) -> IpAddr {
        self.options.address(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(seed: u64) -> Outbreak {
        Outbreak::new(seed).background_hosts(0)
    }

    #[test]
    fn it_ends_when_enough_hosts_are_infected() {
        let trace = Outbreak::new(3).infected(40).trace().unwrap();
        let truth = &trace.truth;
        assert!(truth.infections.len() >= 40);
        let fortieth = truth.infections[39].time_ns;
        assert!(truth.last_packet_ns > fortieth);
        assert!(truth.last_packet_ns <= fortieth + 10_000_000_000);
        assert_eq!(trace.frames.len() as u64, truth.packets);
    }

    #[test]
    fn every_udp_packet_is_named_as_a_carrier_and_is_one() {
        let trace = quiet(4).infected(30).trace().unwrap();
        let content = &trace.truth.contents[0];
        let invariant = &content.invariant_pieces()[0];
        assert_eq!(invariant.len(), 320);
        assert_eq!(content.carriers.count, trace.truth.packets);
        for (index, (_, frame)) in trace.frames.iter().enumerate() {
            assert!(content.carriers.contains(index as u64 + 1));
            assert_eq!(frame.len(), 14 + 20 + 8 + 376);
            assert_eq!(frame[42 + 24..42 + 344], invariant[..]);
        }
    }

    #[test]
    fn an_infecting_packet_goes_from_the_one_to_the_other() {
        let trace = quiet(5).infected(60).trace().unwrap();
        let seen = trace.truth.infections.iter().filter(|one| one.packet.is_some());
        assert!(seen.clone().count() > 10);
        for infection in seen {
            let number = infection.packet.unwrap();
            let (time_ns, frame) = &trace.frames[number as usize - 1];
            assert_eq!(*time_ns, infection.time_ns);
            let address = |at: usize| {
                IpAddr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap())
            };
            assert_eq!(Some(address(26)), infection.by);
            assert_eq!(address(30), infection.host);
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(quiet(1).infected(601).stream().is_err());
        assert!(quiet(1).scan_rate(-1.0).stream().is_err());
        assert!(quiet(1).body(Body::new(Vec::new())).stream().is_err());
        assert!(quiet(1).space(AddressSpace::default(), 1.5).stream().is_err());
    }
}
