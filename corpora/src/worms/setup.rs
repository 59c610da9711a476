//! Start and end of a worm scenario.
//!
//! A [`WormSetup`] runs a [`Worm`] on a site with background traffic, starts it after twenty
//! seconds and ends the capture some time after enough hosts are infected.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::address_space::{AddressSpace, Prefix};
use crate::body::Body;
use crate::capture_setup::CaptureSetup;
use crate::cut_off::CutOff;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::frame_builder::MAX_PAYLOAD;
use crate::frame_stream::FrameStream;
use crate::link::{Endpoint, Link};
use crate::rng::{Rng, mix};
use crate::scenario::{GenerateOptions, Request};
use crate::simulation::{Process, Schedule, Simulation};
use crate::time::{SECOND, nanos};
use crate::traffic::{Parameters, Planted, PlantedContent, PlantedInfection};

/// How long there is only background at first.
const QUIET_NS: u64 = 20 * SECOND;

/// A process that infects hosts. It begins when the worm does.
pub(crate) trait Worm: Process {
    /// All infections so far, also those under way.
    fn infections(&self) -> &[Infection];
}

/// A worm that is about to begin.
pub(crate) struct Prepared<W> {
    pub(crate) worm: W,
    /// Its random numbers.
    pub(crate) rng: Rng,
    /// How many hosts can be infected.
    pub(crate) vulnerable_hosts: u64,
    /// Those of them behind the tap.
    pub(crate) vulnerable_inside: Vec<Ipv4Addr>,
    /// What is planted.
    pub(crate) contents: Vec<PlantedContent>,
    /// The settings that made it.
    pub(crate) parameters: Parameters,
}

/// Where a worm scenario runs, and when it begins and ends.
#[derive(Clone, Debug)]
pub(crate) struct WormSetup {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) options: GenerateOptions,
    pub(crate) space: AddressSpace,
    /// When the worm begins.
    pub(crate) begins_ns: u64,
    /// Inside hosts with background traffic.
    pub(crate) background_hosts: u32,
    /// Conversations a second that each of them starts.
    pub(crate) background_rate: f64,
    /// The capture ends after so many infections, where nothing else ends it; `None` where
    /// the worm itself does.
    pub(crate) until: Option<u32>,
    /// How long it goes on after the last infection that was asked for.
    pub(crate) settle: Duration,
    /// How long a capture without the worm is.
    pub(crate) without_worm: Duration,
    /// Hosts that send nothing any more.
    pub(crate) cut_off: CutOff,
}

impl WormSetup {
    /// A site that is half of the scanned space, so that the tap, as one between two
    /// departments, sees half of what happens.
    pub(crate) fn new(request: Request<'_>) -> Result<Self, CorpusError> {
        let options = request.options;
        let scanned = AddressSpace::default().scanned;
        let half = Prefix::new(scanned.network, scanned.bits + 1);
        let space = AddressSpace { scanned, inside: options.inside.unwrap_or(half) };
        options.check_start()?;
        space.validate()?;
        Ok(Self::of(request, space))
    }

    /// A site anywhere.
    pub(crate) fn of(request: Request<'_>, space: AddressSpace) -> Self {
        Self {
            name: request.name,
            seed: request.seed,
            options: request.options.clone(),
            space,
            begins_ns: request.options.start_ns.saturating_add(QUIET_NS),
            background_hosts: 20,
            background_rate: 0.1,
            until: Some(120),
            settle: Duration::from_secs(10),
            without_worm: Duration::from_secs(200),
            cut_off: CutOff::default(),
        }
    }

    fn request(&self) -> Request<'_> {
        Request { name: self.name, seed: self.seed, options: &self.options }
    }

    /// A stream of random numbers for one part of the scenario.
    pub(crate) fn rng(&self, part: &str) -> Rng {
        self.request().rng(part)
    }

    /// A host as the tap sees it, at no port.
    pub(crate) fn endpoint(&self, address: Ipv4Addr) -> Endpoint {
        let inside = self.space.inside.contains(address);
        // Hosts outside are some routers away.
        let hops = if inside { 0 } else { 5 + mix(u32::from(address).into()) as u8 % 12 };
        let address = self.options.address(address);
        Endpoint { address, port: 0, inside, hop_limit: 128 - hops }
    }

    /// The body that the user brings, or else the scenario's own; refuses one that cannot
    /// be sent.
    pub(crate) fn body(&self, own: Body) -> Result<Body, CorpusError> {
        let body = self.options.body.clone().unwrap_or(own);
        if body.length() > 0 && body.longest() <= MAX_PAYLOAD {
            return Ok(body);
        }
        let expected = format!("a body of 1 to {MAX_PAYLOAD} bytes");
        Err(CorpusError::setting("body", expected))
    }

    /// The site's settings and these, for the ground truth.
    pub(crate) fn parameters(&self, more: Parameters) -> Parameters {
        let mut parameters = vec![
            ("carriage", self.options.carriage.to_string().into()),
            ("inside", self.space.inside.to_string().into()),
            ("scanned", self.space.scanned.to_string().into()),
        ];
        if self.options.sees_all {
            parameters.push(("sees_all", true.into()));
        }
        parameters.extend(more);
        parameters
    }

    /// Refuses options that have no meaning here.
    pub(crate) fn refuse(
        &self,
        given: bool,
        name: &'static str,
        reason: &str,
    ) -> Result<(), CorpusError> {
        if !given {
            return Ok(());
        }
        let expected = format!("no value in scenario {}: {reason}", self.name);
        Err(CorpusError::setting(name, expected))
    }

    /// After how many infections the capture ends, of those that are possible.
    fn end(&self, vulnerable_hosts: u64) -> Result<Option<u32>, CorpusError> {
        match self.options.until_infected {
            Some(hosts) if u64::from(hosts) > vulnerable_hosts => {
                let expected =
                    format!("at most {vulnerable_hosts} vulnerable hosts, found {hosts}");
                Err(CorpusError::setting("until_infected", expected))
            }
            None if !self.options.has_end() => {
                let most = u32::try_from(vulnerable_hosts).unwrap_or(u32::MAX);
                Ok(self.until.map(|until| until.min(most)))
            }
            asked => Ok(asked.filter(|_| self.until.is_some())),
        }
    }

    /// Starts the worm amid background traffic.
    pub(crate) fn start<W: Worm>(
        self,
        prepare: impl FnOnce(&Self) -> Result<Prepared<W>, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        let mut setup = CaptureSetup {
            request: self.request(),
            inside: self.space.inside,
            background_hosts: self.background_hosts,
            background_rate: self.background_rate,
            prefer: Vec::new(),
            duration: None,
        };
        if !self.options.worm {
            setup.duration = Some(self.without_worm);
            return setup.start(Vec::new());
        }
        let prepared = prepare(&self)?;
        let Prepared { vulnerable_hosts, contents, parameters, .. } = prepared;
        let running = Running {
            worm: prepared.worm,
            planted: Planted {
                parameters,
                vulnerable_hosts,
                contents,
                ..Planted::default()
            },
            options: self.options.clone(),
            until: self.end(vulnerable_hosts)?,
            settle: self.settle,
            ends_at: None,
        };
        setup.prefer = prepared.vulnerable_inside;
        let link = Link::new(self.options.carriage.emitter());
        let simulation = Simulation::new(running, self.begins_ns, prepared.rng, link);
        setup.start(vec![Box::new(simulation)])
    }
}

/// A worm that runs, with what the ground truth needs of it.
struct Running<W> {
    worm: W,
    /// All but the infections.
    planted: Planted,
    options: GenerateOptions,
    until: Option<u32>,
    settle: Duration,
    ends_at: Option<u64>,
}

impl<W: Worm> Running<W> {
    /// Sets the end once enough hosts are infected.
    fn set_end(&mut self) {
        let Some(until) = self.until.filter(|_| self.ends_at.is_none()) else { return };
        let Some(first) = self.worm.infections().get(..until as usize) else { return };
        // Infections are numbered when they begin: a later one may end earlier.
        let last = first.iter().map(|one| one.time_ns).max().unwrap_or(0);
        self.ends_at = Some(last.saturating_add(nanos(self.settle)));
    }
}

impl<W: Worm> Process for Running<W> {
    type Event = W::Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<W::Event>) {
        self.worm.begin(start_ns, schedule);
    }

    fn handle(
        &mut self,
        time_ns: u64,
        event: W::Event,
        schedule: &mut Schedule<W::Event>,
    ) {
        self.worm.handle(time_ns, event, schedule);
        self.set_end();
    }

    fn ends_at(&self) -> Option<u64> {
        self.ends_at.or_else(|| self.worm.ends_at())
    }

    fn planted(&self) -> Planted {
        let address = |host: Ipv4Addr| -> IpAddr { self.options.address(host) };
        let infections = self.worm.infections().iter().map(|one| PlantedInfection {
            host: address(one.host),
            time_ns: one.time_ns,
            by: one.by.map(address),
            seen: one.seen,
        });
        Planted { infections: infections.collect(), ..self.planted.clone() }
    }
}
