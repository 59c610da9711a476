//! Scenario `loud-scanner`: a few scanners send one probe to every address.
//!
//! Four hosts of one survey send one probe to all addresses of the site, in random order.
//! Some addresses answer, or a router says that nobody is there, quoting the probe.
//! Thousands of destinations, four sources.

use super::host_pool::{HostPool, Site};
use super::setup::BenignSetup;
use crate::error::CorpusError;
use crate::link::{Endpoint, Icmp, Link, quoted};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Arrivals, Poisson};
use crate::time::MILLISECOND;
use crate::traffic::Parameters;

const SCANNERS: usize = 4;
/// Probes a second of one scanner.
const RATE: f64 = 12.0;
const PORT: u16 = 1_434;

const FEW: Verdict =
    Verdict::Silent("four sources of the probe, four receivers of answers");
const REPEATED: Verdict = Verdict::Open(
    "without the port, answers that repeat the probe make sources of all who answer",
);
const NO_RELAY: Verdict =
    Verdict::Silent("who was probed answers to scanners, and probes nobody");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "loud-scanner",
        "four scanners of one survey send one probe to thousands of addresses",
        "counting destinations alone; taking answers for infections",
        &[
            Expectation::by_default(FEW, NO_RELAY),
            Expectation::under("port_rule = \"none\"", REPEATED, NO_RELAY),
        ],
    ),
    open: |request| {
        let setup = BenignSetup { scans: true, ..BenignSetup::default() };
        setup.start(request, |pool| Survey::new(pool).map(Poisson))
    },
};

struct Survey {
    site: Site,
    scanners: Vec<Endpoint>,
    router: Endpoint,
    probe: Vec<u8>,
    answer: Vec<u8>,
    rate: f64,
}

impl Survey {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let rate = pool.site.options.scan_rate.unwrap_or(RATE);
        let rate = CorpusError::positive("scan_rate", rate)? * SCANNERS as f64;
        let scanners = pool.neighbours(24, SCANNERS)?;
        let router = pool.inside_server(1)?;
        let (probe, answer) = (pool.rng.bytes(376), pool.rng.bytes(180));
        Ok(Self { site: pool.site.clone(), scanners, router, probe, answer, rate })
    }
}

impl Arrivals for Survey {
    fn rate(&self, _: u64) -> f64 {
        self.rate
    }

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        // The survey's tool sends from one port.
        let scanner = rng.one_of(&self.scanners).at(40_000);
        let target = self.site.anywhere_inside(rng).at(PORT);
        link.udp(time_ns, (&scanner, &target), &self.probe);
        let later = time_ns + rng.between(MILLISECOND / 4, 2 * MILLISECOND);
        if rng.chance(0.2) {
            // An answer repeats what was asked, and adds what the host is.
            let answer = [&self.probe[..200], &self.answer].concat();
            link.udp(later, (&target, &scanner), &answer);
        } else if rng.chance(0.2) {
            let quote = quoted((&scanner, &target), &self.probe);
            link.icmp(later, (&self.router, &scanner), Icmp::PortUnreachable, &quote);
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("scanners", SCANNERS.into()), ("probes_a_second", self.rate.into())]
    }
}
