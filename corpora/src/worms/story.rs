//! What all worm scenarios share.
//!
//! A scenario gives a [`Plot`]: what happens next, and whom it infects. A
//! [`Story`] puts it on a site with ordinary traffic, starts it after twenty
//! seconds and ends the capture some time after enough hosts are infected.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::Value;

use crate::address_space::{AddressSpace, Prefix};
use crate::background::{self, BackgroundSettings};
use crate::emitter::End;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::frame_stream::{FrameStream, Limits};
use crate::rng::{Rng, mix};
use crate::scenario::GenerateOptions;
use crate::traffic::{
    FrameQueue, LAST_START_NS, Mark, Planted, PlantedContent, PlantedInfection, Traffic,
};

/// How long there is only background at first.
const QUIET_NS: u64 = 20_000_000_000;

/// What is told: one event after the other, each laid into a queue of frames.
pub(super) trait Plot: Send + 'static {
    /// When the next event is; never less than an earlier answer.
    fn next_time(&mut self) -> Option<u64>;
    /// Lets it happen. Its frames do not come before it.
    fn go_on(&mut self, queue: &mut FrameQueue);
    /// All infections so far, also those under way.
    fn infections(&self) -> &[Infection];
    /// How many hosts can be infected.
    fn vulnerable_hosts(&self) -> u64;
    /// Those of them behind the tap.
    fn vulnerable_inside(&self) -> Vec<Ipv4Addr>;
    /// What is planted.
    fn contents(&self) -> Vec<PlantedContent>;
    /// The settings that made it.
    fn parameters(&self) -> Vec<(&'static str, Value)>;
}

/// The frame around a plot.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) seed: u64,
    pub(super) options: GenerateOptions,
    pub(super) space: AddressSpace,
    /// Conversations a second of a host with ordinary traffic.
    pub(super) background_rate: f64,
    /// The capture ends after so many infections, where nothing else ends it.
    pub(super) until: u32,
    /// How long it goes on after the last infection that was asked for.
    pub(super) settle: Duration,
    /// How long a capture without the worm is.
    pub(super) without_worm: Duration,
}

impl Story {
    pub(super) fn new(
        name: &'static str,
        seed: u64,
        options: &GenerateOptions,
    ) -> Result<Self, CorpusError> {
        if options.start_ns > LAST_START_NS {
            return Err(CorpusError::setting("start_ns", "a time before 2116"));
        }
        // Half of what is scanned, so that the tap, as one between two departments, sees
        // half of what goes on.
        let scanned = AddressSpace::default().scanned;
        let half = Prefix::new(scanned.network, scanned.bits + 1);
        let space = AddressSpace { scanned, inside: options.inside.unwrap_or(half) };
        space.validate()?;
        Ok(Self {
            name,
            seed,
            options: options.clone(),
            space,
            background_rate: 0.1,
            until: 120,
            settle: Duration::from_secs(10),
            without_worm: Duration::from_secs(200),
        })
    }

    /// A stream of random numbers of its own for each part.
    pub(super) fn rng(&self, part: &str) -> Rng {
        Rng::new(self.seed, &format!("{} {part}", self.name))
    }

    /// When the worm begins.
    pub(super) fn begins_ns(&self) -> u64 {
        self.options.start_ns.saturating_add(QUIET_NS)
    }

    /// A host as the tap sees it.
    pub(super) fn end(&self, address: Ipv4Addr, port: u16) -> End {
        let inside = self.space.inside.contains(address);
        // Hosts outside are some routers away.
        let hops = if inside { 0 } else { 5 + mix(u32::from(address).into()) as u8 % 12 };
        End {
            address: self.options.address(address),
            port,
            inside,
            hop_limit: 128 - hops,
        }
    }

    /// Refuses options that have no meaning here.
    pub(super) fn refuse(
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

    /// Starts the plot amid ordinary traffic.
    pub(super) fn stream<P: Plot>(
        self,
        plot: impl FnOnce(&Self) -> Result<P, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        let options = &self.options;
        let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
        let mut prefer = Vec::new();
        let mut duration = options.duration;
        let open_end = duration.is_none() && options.packets.is_none();
        if options.worm {
            let plot = plot(&self)?;
            let most = plot.vulnerable_hosts();
            let until = match options.until_infected {
                Some(hosts) if u64::from(hosts) > most => {
                    let expected =
                        format!("at most {most} vulnerable hosts, found {hosts}");
                    return Err(CorpusError::setting("until_infected", expected));
                }
                None if open_end => {
                    Some(self.until.min(u32::try_from(most).unwrap_or(u32::MAX)))
                }
                asked => asked,
            };
            prefer = plot.vulnerable_inside();
            traffic.push(Box::new(Told {
                plot,
                queue: FrameQueue::default(),
                options: options.clone(),
                space: self.space,
                until,
                settle: self.settle,
                ends_at: None,
            }));
        } else if open_end {
            duration = Some(self.without_worm);
        }
        traffic.extend(background::open(&BackgroundSettings {
            seed: self.seed,
            start_ns: options.start_ns,
            inside: self.space.inside,
            hosts: options.background_hosts.unwrap_or(20),
            rate: options.background_rate.unwrap_or(self.background_rate),
            prefer,
        })?);
        let limits = Limits {
            until_ns: duration
                .map(|length| options.start_ns.saturating_add(nanos(length))),
            packets: options.packets,
        };
        Ok(FrameStream::new(self.name, self.seed, traffic, limits, options.list_carriers))
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A plot as frames in order of time.
struct Told<P> {
    plot: P,
    queue: FrameQueue,
    options: GenerateOptions,
    space: AddressSpace,
    until: Option<u32>,
    settle: Duration,
    ends_at: Option<u64>,
}

impl<P: Plot> Told<P> {
    fn note_the_end(&mut self) {
        let Some(until) = self.until.filter(|_| self.ends_at.is_none()) else { return };
        let infections = self.plot.infections();
        if infections.len() < until as usize {
            return;
        }
        // Infections are numbered when they begin: a later one may end earlier.
        let last = infections[..until as usize].iter().map(|one| one.time_ns).max();
        let settle = nanos(self.settle);
        self.ends_at = Some(last.unwrap_or(0).saturating_add(settle));
    }
}

impl<P: Plot> Traffic for Told<P> {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let queued = self.queue.next_time();
            match self.plot.next_time() {
                Some(event)
                    if event <= LAST_START_NS
                        && queued.is_none_or(|queued| event <= queued) =>
                {
                    self.plot.go_on(&mut self.queue);
                }
                _ => break,
            }
            self.note_the_end();
            // Where nothing more crosses the tap, events could go on for ever.
            let over = |end: u64| self.plot.next_time().is_some_and(|next| next > end);
            if self.queue.next_time().is_none() && self.ends_at.is_some_and(over) {
                return None;
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
        let address = |host: Ipv4Addr| -> IpAddr { self.options.address(host) };
        let infections =
            self.plot.infections().iter().map(|infection| PlantedInfection {
                host: address(infection.host),
                time_ns: infection.time_ns,
                by: infection.by.map(address),
                crosses_tap: infection.crosses_tap,
            });
        let mut planted = Planted {
            vulnerable_hosts: self.plot.vulnerable_hosts(),
            contents: self.plot.contents(),
            infections: infections.collect(),
            ..Planted::default()
        };
        let mut tell = |name: &str, value: Value| {
            planted.parameters.insert(name.to_owned(), value);
        };
        tell("carriage", self.options.carriage.to_string().into());
        tell("inside", self.space.inside.to_string().into());
        tell("scanned", self.space.scanned.to_string().into());
        for (name, value) in self.plot.parameters() {
            tell(name, value);
        }
        planted
    }
}
