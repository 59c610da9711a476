//! Scenarios `honey-farm` and `honey-farm-quiet`: sixteen decoys at the border of a network.
//!
//! A decoy answers everybody and should start nothing but look-ups of names and of the
//! time, at one server each. It sees scans, guesses of passwords and answers to forged
//! sources. In `honey-farm` an exploit is sent to all of them; one is infected by it, and
//! sends it to others. A few other hosts of the network have background traffic.

mod backscatter;
mod errands;
mod guesses;
mod infection;
mod scans;

use std::time::Duration;

use crate::address_space::Prefix;
use crate::benign::host_pool::HostPool;
use crate::benign::setup::check_options;
use crate::capture_setup::CaptureSetup;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::{Entry, Request};
use crate::simulation::{Poisson, Process, Simulation};
use crate::time::SECOND;
use crate::traffic::{PlantedDecoys, Traffic};

const DECOYS: u64 = 16;
/// Where in the network the decoys are.
const FIRST: u64 = 32;
const LENGTH: Duration = Duration::from_secs(600);

const FEW: Verdict =
    Verdict::Silent("sixteen decoys and six attackers are fewer than thirty");

pub(super) const INFECTED: Entry = Entry {
    profile: Profile::worm(
        "honey-farm",
        "sixteen decoys are scanned, guessed at and attacked; one is infected and sends the \
         exploit to others",
        "waiting for many infected hosts; taking what a decoy answers for what it starts",
        &[Expectation::by_default(
            FEW,
            Verdict::Open(
                "one host passes it on: whether that is enough depends on whether its \
                 targets answer, unless the sensor knows that it is a decoy",
            ),
        )],
    )
    .of_unsolicited(),
    open: |request| open(request, true),
};

pub(super) const QUIET: Entry = Entry {
    profile: Profile::benign(
        "honey-farm-quiet",
        "the same decoys are scanned and guessed at, and none is infected",
        "taking what a decoy answers, or is allowed, for an infection",
        &[Expectation::by_default(
            FEW,
            Verdict::Silent("decoys pass nothing on that they received"),
        )],
    )
    .of_unsolicited(),
    open: |request| open(request, false),
};

/// The decoys, and what they may do.
#[derive(Clone, Debug)]
struct Farm {
    decoys: Vec<Endpoint>,
    resolver: Endpoint,
    time_server: Endpoint,
}

impl Farm {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let decoys = FIRST..FIRST + DECOYS;
        let decoys =
            decoys.map(|index| pool.inside_server(index)).collect::<Result<_, _>>();
        let servers = pool.outside(2)?;
        Ok(Self {
            decoys: decoys?,
            resolver: servers[0].at(53),
            time_server: servers[1].at(123),
        })
    }

    /// What the truth knows of them.
    fn planted(&self) -> PlantedDecoys {
        let may = |server: &Endpoint| format!("udp/{} {}", server.port, server.address);
        PlantedDecoys {
            addresses: self.decoys.iter().map(|decoy| decoy.address).collect(),
            may: [&self.resolver, &self.time_server].map(may).to_vec(),
            initiation: None,
        }
    }
}

fn open(request: Request<'_>, infects: bool) -> Result<FrameStream, CorpusError> {
    let reason = "the hosts and contents of this scenario are its own";
    check_options(request.options, false, reason)?;
    let mut pool = HostPool::new(request.options, request.rng("cast"))?;
    let farm = Farm::new(&mut pool)?;
    let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
    if request.options.worm {
        let errands = errands::Errands::new(&farm, &mut pool)?;
        traffic.push(start(request, "errands", errands));
        let scans = scans::Scans::new(&farm, &mut pool)?;
        traffic.push(start(request, "scans", Poisson(scans)));
        let guesses = guesses::Guesses::new(&farm, &mut pool)?;
        traffic.push(start(request, "guesses", Poisson(guesses)));
        let answers = backscatter::Answers::new(&farm, &mut pool)?;
        traffic.push(start(request, "backscatter", Poisson(answers)));
        if infects {
            let infection = infection::Outbreak::new(&farm, &mut pool)?;
            traffic.push(start(request, "infection", infection));
        }
    }
    let setup = CaptureSetup {
        request,
        inside: upper_half(pool.site.inside),
        background_hosts: 6,
        background_rate: 0.05,
        prefer: Vec::new(),
        duration: Some(LENGTH),
    };
    setup.start(traffic)
}

/// Where the other hosts of the network are: no decoy is in that half.
fn upper_half(network: Prefix) -> Prefix {
    let bits = (network.bits + 1).min(32);
    Prefix::new(network.address(network.size() / 2), bits)
}

/// Starts one part a second after the beginning, under random numbers of its own.
fn start<P: Process>(request: Request<'_>, part: &str, process: P) -> Box<dyn Traffic> {
    let begin_ns = request.options.start_ns.saturating_add(SECOND);
    Box::new(Simulation::new(process, begin_ns, request.rng(part), Link::default()))
}
