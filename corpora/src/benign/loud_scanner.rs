//! A few scanners ask every address the same.
//!
//! Four hosts of one survey send one probe to all addresses of the site, in
//! random order. Those that are there answer, or a router says that nobody is,
//! quoting the probe. Thousands of destinations, four sources.

use serde_json::Value;

use super::cast::{Cast, Places, any, at_port};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::random_bytes;
use super::wire::{Icmp, quoted};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan { scans: true, ..Plan::named("loud-scanner") };
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
    profile: Profile {
        name: PLAN.name,
        summary: "four scanners of one survey send one probe to thousands of addresses",
        defeats: "counting destinations alone; taking answers for infections",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(FEW, NO_RELAY),
            Expectation::under("port_rule = \"none\"", REPEATED, NO_RELAY),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Survey::new)
}

struct Survey {
    places: Places,
    scanners: Vec<End>,
    router: End,
    probe: Vec<u8>,
    answer: Vec<u8>,
    rate: f64,
}

struct Probe;

impl Survey {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let rate = cast.scan_rate(RATE)? * SCANNERS as f64;
        let scanners = cast.neighbours(24, SCANNERS)?;
        let router = cast.inside_server(1)?;
        let (probe, answer) =
            (random_bytes(376, &mut cast.rng), random_bytes(180, &mut cast.rng));
        Ok(Self { places: cast.places.clone(), scanners, router, probe, answer, rate })
    }
}

impl Story for Survey {
    type Event = Probe;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Probe>) {
        scene.at(start_ns + SECOND, Probe);
    }

    fn happen(&mut self, time_ns: u64, _: Probe, scene: &mut Scene<Probe>) {
        let (rng, wire) = (&mut scene.rng, &mut scene.wire);
        // The survey's tool sends from one port.
        let scanner = at_port(&any(&self.scanners, rng), 40_000);
        let target = at_port(&self.places.anywhere_inside(rng), PORT);
        wire.udp(time_ns, (&scanner, &target), &self.probe);
        let later = time_ns + rng.between(MILLISECOND / 4, 2 * MILLISECOND);
        if rng.chance(0.2) {
            // What is there repeats what it was asked, and adds what it is.
            let answer = [&self.probe[..200], &self.answer].concat();
            wire.udp(later, (&target, &scanner), &answer);
        } else if rng.chance(0.2) {
            let quote = quoted((&scanner, &target), &self.probe, 548);
            let ends = (&self.router, &scanner);
            wire.icmp(later, ends, Icmp::PortUnreachable, &quote);
        }
        scene.after(time_ns, self.rate, Probe);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("scanners", SCANNERS.into()), ("probes_a_second", self.rate.into())]
    }
}
