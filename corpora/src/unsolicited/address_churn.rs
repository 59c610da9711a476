//! Scenarios `address-churn` and its like: hosts that have one content send it to a dark
//! network, and change their addresses.
//!
//! All hosts have it for ten days, and are always on. Each sends one UDP packet about every
//! twelve hours, and at once when it has a new address. No address is used twice. So there
//! are many more addresses than hosts, and how many more follows from how long they are kept.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::address_space::Prefix;
use crate::benign::setup::check_options;
use crate::body::Body;
use crate::capture_setup::CaptureSetup;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::{ChurnTruth, Protocol};
use crate::link::{Endpoint, Link, udp};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions, Request};
use crate::simulation::{Process, Schedule, Simulation};
use crate::time::SECOND;
use crate::traffic::{Mark, Planted, PlantedChurn, PlantedContent, Traffic};

/// The dark network by default.
const NETWORK: Prefix = Prefix { network: Ipv4Addr::new(10, 64, 0, 0), bits: 16 };
/// Where the hosts are. With 2^28 addresses there are enough for ten million that renumber
/// each day.
const OUTSIDE: Prefix = Prefix { network: Ipv4Addr::new(64, 0, 0, 0), bits: 4 };
const PORT: u16 = 48_892;
const HOUR_NS: u64 = 3_600 * SECOND;
const DAY_NS: u64 = 24 * HOUR_NS;
const LENGTH: Duration = Duration::from_secs(10 * 86_400);
const HOSTS: u32 = 10_000;
/// Packets a second of one host: one in twelve hours.
const RATE: f64 = 1.0 / 43_200.0;
/// Hosts begin within so much time.
const BEGIN_NS: u64 = 600 * SECOND;
/// Hosts of which the truth tells for how long they keep their addresses.
const TOLD: usize = 200;

/// For how long a host keeps an address.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// For ever; in the truth for a thousand days.
    Always,
    /// For just so many days.
    Days(u64),
    /// Without memory, so many days on average.
    About(u64),
}

pub(super) const DAILY: Entry = Entry {
    profile: profile(
        "address-churn",
        "10,000 hosts send one content for ten days, each from another address every 24 hours",
    ),
    open: |request| open(request, Kept::Days(1)),
};

pub(super) const ABOUT_DAILY: Entry = Entry {
    profile: profile(
        "address-churn-about-1d",
        "the same, and each keeps an address for a day on average (exponential)",
    ),
    open: |request| open(request, Kept::About(1)),
};

pub(super) const ABOUT_WEEKLY: Entry = Entry {
    profile: profile(
        "address-churn-about-7d",
        "the same, and each keeps an address for a week on average (exponential)",
    ),
    open: |request| open(request, Kept::About(7)),
};

pub(super) const NEVER: Entry = Entry {
    profile: profile("address-churn-none", "the same, and none changes its address"),
    open: |request| open(request, Kept::Always),
};

const EXPECTED: &[Expectation] = &[Expectation::by_default(
    Verdict::Fires,
    Verdict::Silent("dark addresses send nothing"),
)];

const fn profile(name: &'static str, summary: &'static str) -> Profile {
    Profile::worm(name, summary, "taking addresses for hosts", EXPECTED).of_unsolicited()
}

fn open(request: Request<'_>, kept: Kept) -> Result<FrameStream, CorpusError> {
    let options = request.options;
    let own = GenerateOptions {
        vulnerable_hosts: None,
        carriage: Carriage { ipv6: false, ..options.carriage.clone() },
        ..options.clone()
    };
    check_options(&own, true, "the content of this scenario is its own")?;
    let refuse = |name, expected: &str| Err(CorpusError::setting(name, expected));
    if options.carriage.ipv6 {
        return refuse("carriage", "udp: its hosts have IPv4 addresses");
    }
    if options.background_hosts.is_some_and(|hosts| hosts > 0) {
        return refuse(
            "background_hosts",
            "none: dark addresses have no traffic of their own",
        );
    }
    let hosts = options.vulnerable_hosts.unwrap_or(HOSTS);
    if !(1..=10_000_000).contains(&hosts) {
        return refuse("vulnerable_hosts", "a number from 1 to 10,000,000");
    }
    let rate = options.scan_rate.unwrap_or(RATE);
    if !(rate > 0.0 && rate <= 1_000.0) {
        return refuse("scan_rate", "a number above 0, up to 1000");
    }
    let inside = options.inside.unwrap_or(NETWORK);
    if OUTSIDE.contains(inside.network) {
        return refuse("inside", "a network outside of 64.0.0.0/4, where its hosts are");
    }
    let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
    if options.worm {
        let churn =
            Churn::new((options, inside), kept, (hosts, rate), &mut request.rng("body"));
        let simulation = Simulation::new(
            churn,
            options.start_ns,
            request.rng("hosts"),
            Link::default(),
        );
        traffic.push(Box::new(simulation));
    }
    CaptureSetup::of_dark(request, inside, LENGTH).start(traffic)
}

struct Churn {
    /// Of the addresses.
    options: GenerateOptions,
    inside: Prefix,
    kept: Kept,
    rate: f64,
    body: Body,
    copy: Vec<u8>,
    hosts: Vec<Host>,
    /// Addresses given out. Where each stands in the network is a random bijection.
    given: u64,
    factor: u64,
    counts: Counts,
    /// The same after each of the latest packets, with its time: some may not leave.
    latest: VecDeque<(u64, Counts)>,
    kept_seconds: Vec<f64>,
}

/// Packets that are made before it is known whether they leave, and one more.
const LATEST: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    address: u64,
    changes_at: u64,
    /// Whether its address has been shown.
    shown: bool,
    /// One more than the last hour that it sent in.
    last_hour: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    senders: u64,
    addresses: u64,
    hour: u32,
    in_hour: u64,
    peak: u64,
}

impl Churn {
    fn new(
        (options, inside): (&GenerateOptions, Prefix),
        kept: Kept,
        (hosts, rate): (u32, f64),
        rng: &mut Rng,
    ) -> Self {
        let body = Body::wrapped(8, 240, 8, rng);
        Self {
            options: options.clone(),
            inside,
            kept,
            rate,
            body,
            copy: Vec::new(),
            hosts: vec![Host::default(); hosts as usize],
            given: 0,
            factor: rng.next_u64() | 1,
            counts: Counts::default(),
            latest: VecDeque::new(),
            kept_seconds: Vec::new(),
        }
    }

    /// Gives a host an address that it has had for so long and keeps for so long.
    fn give(&mut self, host: usize, now: u64, [before, after]: [u64; 2]) {
        let address = self.given.wrapping_mul(self.factor) % OUTSIDE.size();
        self.given += 1;
        let it = &mut self.hosts[host];
        (it.address, it.shown) = (address, false);
        it.changes_at = now.saturating_add(after);
        if host < TOLD {
            self.kept_seconds.push(before.saturating_add(after) as f64 / 1e9);
        }
    }

    fn count(&mut self, time_ns: u64, host: usize) {
        let host = &mut self.hosts[host];
        let counts = &mut self.counts;
        let hour = (time_ns / HOUR_NS) as u32 + 1;
        if counts.hour != hour {
            (counts.hour, counts.in_hour) = (hour, 0);
        }
        counts.senders += u64::from(host.last_hour == 0);
        counts.in_hour += u64::from(host.last_hour != hour);
        counts.addresses += u64::from(!host.shown);
        counts.peak = counts.peak.max(counts.in_hour);
        (host.last_hour, host.shown) = (hour, true);
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back((time_ns, self.counts));
    }
}

impl Kept {
    /// For how long an address has been kept at some moment, and how long it still is.
    fn first(self, rng: &mut Rng) -> [u64; 2] {
        match self {
            Self::Always => [0, 1_000 * DAY_NS],
            Self::Days(days) => {
                let before = rng.below(days * DAY_NS);
                [before, days * DAY_NS - before]
            }
            // Without memory, in both directions.
            Self::About(_) => [self.next(rng), self.next(rng)],
        }
    }

    fn next(self, rng: &mut Rng) -> u64 {
        match self {
            Self::Always => 1_000 * DAY_NS,
            Self::Days(days) => days * DAY_NS,
            Self::About(days) => rng.exponential((days * DAY_NS) as f64) as u64,
        }
    }
}

impl Process for Churn {
    /// A host of this number sends.
    type Event = u32;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<u32>) {
        for host in 0..self.hosts.len() {
            let kept = self.kept.first(&mut schedule.rng);
            self.give(host, start_ns, kept);
            let later = schedule.rng.below(BEGIN_NS);
            schedule.at(start_ns.saturating_add(later), host as u32);
        }
    }

    fn handle(&mut self, time_ns: u64, event: u32, schedule: &mut Schedule<u32>) {
        let host = event as usize;
        while self.hosts[host].changes_at <= time_ns {
            let kept = self.kept.next(&mut schedule.rng);
            self.give(host, self.hosts[host].changes_at, [0, kept]);
        }
        self.count(time_ns, host);
        let Schedule { link, rng, .. } = schedule;
        let end = |address: Ipv4Addr, port, inside| Endpoint {
            address: self.options.address(address),
            port,
            inside,
            hop_limit: 64,
        };
        let from = OUTSIDE.address(self.hosts[host].address);
        let from = end(from, rng.between(1_024, 65_535) as u16, false);
        let target = self.inside.address(rng.below(self.inside.size()));
        let ends = (&from, &end(target, PORT, true));
        self.body.write(rng, &mut self.copy);
        let mark = Mark::Content { content: 0, infects: None };
        link.send(time_ns, mark, ends, udp(ends), &self.copy);
        let gap = rng.exponential(1e9 / self.rate) as u64;
        let next = time_ns.saturating_add(gap).min(self.hosts[host].changes_at);
        schedule.at(next, event);
    }

    fn planted(&self) -> Planted {
        let body = PlantedContent::new("body", &self.body, Protocol::Udp, Some(PORT));
        let latest = self.latest.iter().map(|(time_ns, counts)| {
            let truth = ChurnTruth {
                hosts: self.hosts.len() as u64,
                senders: counts.senders,
                concurrent_peak: counts.peak,
                addresses: counts.addresses,
                kept_seconds: self.kept_seconds.clone(),
            };
            (*time_ns, truth)
        });
        Planted {
            parameters: vec![
                ("inside", self.inside.to_string().into()),
                ("scan_rate", self.rate.into()),
            ],
            vulnerable_hosts: self.hosts.len() as u64,
            contents: vec![body],
            churn: Some(PlantedChurn(latest.collect())),
            ..Planted::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::nanos;

    #[test]
    fn addresses_are_kept_as_long_as_they_should_be() {
        let rng = &mut Rng::new(3, "kept");
        let mean = |kept: Kept, rng: &mut Rng| {
            (0..20_000).map(|_| kept.next(rng) as f64).sum::<f64>()
                / 20_000.0
                / DAY_NS as f64
        };
        assert_eq!(mean(Kept::Days(1), rng), 1.0);
        assert!((mean(Kept::About(1), rng) - 1.0).abs() < 0.03);
        assert!((mean(Kept::About(7), rng) / 7.0 - 1.0).abs() < 0.03);
        for _ in 0..1_000 {
            let [before, after] = Kept::Days(2).first(rng);
            assert_eq!(before + after, 2 * DAY_NS);
        }
        assert_eq!(nanos(LENGTH), 10 * DAY_NS);
    }
}
