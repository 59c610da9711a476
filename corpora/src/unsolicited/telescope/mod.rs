//! Scenario `telescope`: a dark network, seen in one direction, since nothing ever answers.
//!
//! For two hours it receives its share of what goes to random addresses of the Internet:
//! answers of flooded victims, scans of one port each, noise, and copies of a worm. Rates
//! are those in all of IPv4, so that a network of another size receives more or less of
//! them; the worm alone is as frequent in each.

mod dark;
mod headers;
mod permutation;
mod scanners;
mod strays;
mod victims;
mod worm;

use std::net::Ipv4Addr;
use std::time::Duration;

use self::dark::Dark;
use crate::address_space::Prefix;
use crate::benign::host_pool::HostPool;
use crate::benign::setup::check_options;
use crate::capture_setup::CaptureSetup;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::link::Link;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions, Request};
use crate::simulation::{Process, Simulation};
use crate::traffic::Traffic;

/// The dark network by default.
const NETWORK: Prefix = Prefix { network: Ipv4Addr::new(10, 64, 0, 0), bits: 16 };
const LENGTH: Duration = Duration::from_secs(7_200);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "telescope",
        "a dark /16 receives answers of six flooded victims, twenty scans of known coverage, \
         and a worm in one UDP packet from 40 hosts",
        "taking answers and scans for attacks; rates that are not extrapolated",
        &[Expectation::by_default(
            Verdict::Fires,
            Verdict::Silent("dark addresses send nothing"),
        )],
    )
    .of_unsolicited(),
    open,
};

fn open(request: Request<'_>) -> Result<FrameStream, CorpusError> {
    let options = request.options;
    let reason = "the hosts and the worm of this scenario are its own";
    check_options(options, false, reason)?;
    if options.carriage.ipv6 {
        let expected =
            "udp: rates are shares of IPv4, and marks of tools are in its header";
        return Err(CorpusError::setting("carriage", expected));
    }
    if options.background_hosts.is_some_and(|hosts| hosts > 0) {
        let expected = "none: dark addresses have no traffic of their own";
        return Err(CorpusError::setting("background_hosts", expected));
    }
    let inside = options.inside.unwrap_or(NETWORK);
    let own = GenerateOptions { inside: Some(inside), ..options.clone() };
    let mut pool = HostPool::new(&own, request.rng("cast"))?;
    let dark = Dark::new(pool.site.clone());
    let begin_ns = options.start_ns;
    let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
    if options.worm {
        let victims = victims::Victims::new(&dark, &mut pool, begin_ns)?;
        traffic.push(start(request, "victims", victims));
        let scanners = scanners::Scanners::new(&dark, &mut pool, begin_ns)?;
        traffic.push(start(request, "scanners", scanners));
        let strays = strays::Strays::new(&dark, &mut pool)?;
        traffic.push(start(request, "strays", strays));
        let worm = worm::DarkWorm::new(&dark, &mut pool)?;
        traffic.push(start(request, "worm", worm));
    }
    CaptureSetup::of_dark(request, inside, LENGTH).start(traffic)
}

/// Starts one part at the beginning, under random numbers of its own.
fn start<P: Process>(request: Request<'_>, part: &str, process: P) -> Box<dyn Traffic> {
    let rng = request.rng(part);
    let begin_ns = request.options.start_ns;
    Box::new(Simulation::new(process, begin_ns, rng, Link::default()))
}
