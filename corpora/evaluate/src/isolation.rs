//! What an isolation list does to an epidemic: hosts that a sensor lists are cut off some time
//! after the alarm, while the epidemic goes on.
//!
//! Scenario `outbreak` runs to its end, or for as long as thirty doublings take. Each second
//! of packet time the sensor is given what the tap saw; of its signatures as they stand a list is
//! made, as `export --format isolate` does; hosts of the site on it send nothing across the tap any
//! more from the end of that second and the span on. Hosts outside are not cut off, and what
//! the tap does not see goes on.
//!
//! The sensor knows the home network, and is told nothing else. Runs without a list have the
//! same seeds.

mod rows;

pub(crate) use rows::IsolationRow;

use crate::error::EvaluateError;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use wormsift::config::Config;
use wormsift::packet::{Frame, LinkType, Network, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Confidence, Kind, Signature};
use wormsift::time::Span;
use wormsift_corpora::address_space::AddressSpace;
use wormsift_corpora::{CutOff, FrameStream, GenerateOptions, GroundTruth, Outbreak};
use wormsift_export::isolate::{Class, IsolateOptions, IsolationList, Listed, Protected};

/// Where the epidemic is, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// The scenario as it is: a sixth of the hosts is behind a border.
    Border,
    /// All hosts but the first are in one site, whose tap sees all.
    Site,
    /// The same with a fifth of the scans.
    SlowSite,
}

/// Hosts that can be infected.
const VULNERABLE: u32 = 600;
/// Those infected at first, outside.
const FIRST: u32 = 1;
/// Scans a second.
const RATE: f64 = 4.0;
/// Seconds in which the infected double while they are few: ln 2 over 4 scans a second, of
/// which 600 in 65,536 infect.
const DOUBLING: f64 = 18.9;
/// For so many of them it goes on at most.
const DOUBLINGS: f64 = 30.0;
/// Before the worm there is background alone, seconds.
const QUIET: f64 = 20.0;

impl World {
    pub(crate) const ALL: [Self; 3] = [Self::Border, Self::Site, Self::SlowSite];

    /// What its rows are called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Border => "outbreak at a border",
            Self::Site => "outbreak within a site",
            Self::SlowSite => "outbreak within a site, a fifth as fast",
        }
    }

    const fn slower(self) -> f64 {
        match self {
            Self::Border | Self::Site => 1.0,
            Self::SlowSite => 5.0,
        }
    }

    /// Seconds in which the infected double at first.
    pub(crate) fn doubling(self) -> f64 {
        DOUBLING * self.slower()
    }

    /// How long the epidemic is followed, seconds.
    pub(crate) fn length(self) -> f64 {
        DOUBLINGS * self.doubling()
    }

    fn stream(self, seed: u64, cut_off: CutOff) -> Result<FrameStream, EvaluateError> {
        let outbreak = Outbreak::new(seed).options(GenerateOptions {
            duration: Some(Duration::from_secs_f64(QUIET + self.length())),
            until_infected: Some(VULNERABLE),
            scan_rate: Some(RATE / self.slower()),
            list_carriers: false,
            ..GenerateOptions::default()
        });
        Ok(match self {
            Self::Border => outbreak.at_border(cut_off)?,
            Self::Site | Self::SlowSite => outbreak.within_site(cut_off)?,
        })
    }

    /// The network behind the tap.
    fn site(self) -> Network {
        let AddressSpace { scanned, inside } = AddressSpace::default();
        match self {
            Self::Border => Network::around(inside.network.into(), inside.bits),
            Self::Site | Self::SlowSite => {
                Network::around(scanned.network.into(), scanned.bits + 1)
            }
        }
    }

    /// Vulnerable hosts of the site.
    pub(crate) fn vulnerable(self) -> u64 {
        match self {
            Self::Border => u64::from(VULNERABLE / 6),
            Self::Site | Self::SlowSite => u64::from(VULNERABLE - FIRST),
        }
    }
}

/// What became of one epidemic.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// When hosts of the site were infected, in seconds from the first infection on, in order.
    pub(crate) infected_at: Vec<f64>,
    /// How many of them were when the first host was listed.
    pub(crate) at_first: Option<u64>,
    /// Hosts of the site that were listed, and those of them that were not infected.
    pub(crate) listed: [u64; 2],
    /// The same of those listed as confirmed.
    pub(crate) confirmed: [u64; 2],
}

/// One row for each world and span, and one without a list.
pub(crate) fn isolation(
    worlds: &[World],
    config: &Config,
    spans: &[Span],
    seeds: &[u64],
) -> Result<Vec<IsolationRow>, EvaluateError> {
    let mut rows = Vec::new();
    for &world in worlds {
        for span in std::iter::once(None).chain(spans.iter().copied().map(Some)) {
            let outcomes: Result<Vec<Outcome>, EvaluateError> =
                seeds.par_iter().map(|seed| run(world, *seed, config, span)).collect();
            rows.push(IsolationRow::of(world, span, &outcomes?));
        }
    }
    Ok(rows)
}

/// Nanoseconds after which the sensor is asked.
const TICK: u64 = 1_000_000_000;

/// One epidemic, with a list applied this long after each alarm.
pub(crate) fn run(
    world: World,
    seed: u64,
    config: &Config,
    span: Option<Span>,
) -> Result<Outcome, EvaluateError> {
    let cut_off = CutOff::default();
    let mut stream = world.stream(seed, cut_off.clone())?;
    let site = world.site();
    let mut operator = match span {
        None => None,
        Some(span) => Some(Operator::new(config, &site, span, cut_off)?),
    };
    let mut frame = Vec::new();
    while let Some(info) = stream.next_frame(&mut frame) {
        if let Some(operator) = &mut operator {
            operator.take(info.number, info.time_ns, &frame);
        }
    }
    let truth = stream.into_truth();
    let begin = truth.infections.first().map_or(0, |one| one.time_ns);
    let seconds = |time_ns: u64| time_ns.saturating_sub(begin) as f64 / 1e9;
    let inside = truth.infections.iter().filter(|one| site.contains(one.host));
    let infected_at: Vec<f64> = inside.map(|one| seconds(one.time_ns)).collect();
    let Some(operator) = operator else {
        return Ok(Outcome { infected_at, ..Outcome::default() });
    };
    let at_first = operator.first_ns.map(|first| {
        infected_at.iter().filter(|at| **at <= seconds(first)).count() as u64
    });
    let [listed, confirmed] = operator.judged(&truth);
    Ok(Outcome { infected_at, at_first, listed, confirmed })
}

/// A sensor, and who cuts off what it lists.
struct Operator {
    sensor: Sensor,
    site: Network,
    span: Span,
    cut_off: CutOff,
    applied: BTreeMap<Network, Listed>,
    first_ns: Option<u64>,
    /// Frames of the second under way.
    second: u64,
    waiting: Vec<(u64, u64, Vec<u8>)>,
}

impl Operator {
    fn new(
        config: &Config,
        site: &Network,
        span: Span,
        cut_off: CutOff,
    ) -> Result<Self, EvaluateError> {
        let mut config = config.clone();
        config.set_text("home_net", &site.to_string())?;
        config.validate()?;
        Ok(Self {
            sensor: Sensor::new(config)?,
            site: *site,
            span,
            cut_off,
            applied: BTreeMap::new(),
            first_ns: None,
            second: 0,
            waiting: Vec::new(),
        })
    }

    fn take(&mut self, number: u64, time_ns: u64, frame: &[u8]) {
        let second = time_ns / TICK;
        if second != self.second {
            self.end_second();
            self.second = second;
        }
        self.waiting.push((number, time_ns, frame.to_vec()));
    }

    /// Sifts what waits, and lists whom signatures name by now.
    fn end_second(&mut self) {
        let frames: Vec<Frame<'_>> = self
            .waiting
            .iter()
            .map(|(number, time_ns, data)| Frame {
                number: *number,
                time: Timestamp::from_nanos(*time_ns),
                tap: 0,
                original_len: data.len() as u32,
                link: LinkType::ETHERNET,
                data,
            })
            .collect();
        self.sensor.sift(&frames);
        self.waiting.clear();
        drop((self.sensor.incidents(), self.sensor.dark_events(), self.sensor.waves()));
        drop((self.sensor.findings(), self.sensor.decoy_reports()));
        // As `export` does unless told otherwise.
        let mut signatures = self.sensor.signatures();
        signatures.retain(|it| {
            it.kind == Kind::Outbreak && it.confidence >= Confidence::Medium
        });
        if !signatures.is_empty() {
            self.list(&signatures, (self.second + 1) * TICK);
        }
    }

    fn list(&mut self, signatures: &[Signature], now_ns: u64) {
        let options = IsolateOptions {
            as_of: Some(Timestamp::from_nanos(now_ns)),
            ..IsolateOptions::default()
        };
        let list = IsolationList::new(
            signatures,
            &Protected::default(),
            &self.applied,
            &options,
        );

        self.applied = list.hosts().map(|(it, listed)| (*it, listed.clone())).collect();
        for network in self.applied.keys() {
            if let IpAddr::V4(host) = network.parts().0
                && self.site.contains(host.into())
            {
                self.cut_off.add(host, now_ns.saturating_add(self.span.0));
                self.first_ns.get_or_insert(now_ns);
            }
        }
    }

    /// Hosts of the site that are listed, and that were not infected; all and confirmed.
    fn judged(&self, truth: &GroundTruth) -> [[u64; 2]; 2] {
        let infected: BTreeSet<IpAddr> =
            truth.infections.iter().map(|one| one.host).collect();
        let mut counts = [[0; 2]; 2];
        for (network, listed) in &self.applied {
            let host = network.parts().0;
            if !self.site.contains(host) {
                continue;
            }
            let wrong = u64::from(!infected.contains(&host));
            let is_confirmed = listed.class == Class::Confirmed;
            for (count, counts_here) in counts.iter_mut().zip([true, is_confirmed]) {
                if counts_here {
                    count[0] += 1;
                    count[1] += wrong;
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests;
