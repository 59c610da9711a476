//! Start of a hard negative: its hosts, its options, the background.

use std::time::Duration;

use super::host_pool::HostPool;
use crate::capture_setup::CaptureSetup;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::link::Link;
use crate::scenario::{GenerateOptions, Request};
use crate::simulation::{Arrivals, Poisson, Process, Simulation};
use crate::time::SECOND;
use crate::traffic::Traffic;

/// What differs between hard negatives before they begin.
pub(crate) struct BenignSetup {
    /// Inside hosts with background traffic, by default.
    pub(crate) background_hosts: u32,
    /// Whether `scan_rate` means something here.
    pub(crate) scans: bool,
    /// What the scenario's own packets are wrapped in.
    pub(crate) carriage: Carriage,
}

/// Starts conversations at random moments over the background of ten hosts.
pub(super) fn start_arrivals<A: Arrivals>(
    request: Request<'_>,
    build: impl FnOnce(&mut HostPool) -> Result<A, CorpusError>,
) -> Result<FrameStream, CorpusError> {
    BenignSetup::default().start(request, |pool| build(pool).map(Poisson))
}

impl Default for BenignSetup {
    fn default() -> Self {
        Self { background_hosts: 10, scans: false, carriage: Carriage::default() }
    }
}

impl BenignSetup {
    /// Starts a scenario of four minutes, by default, a second after the capture; `build`
    /// draws its hosts.
    pub(crate) fn start<P: Process>(
        &self,
        request: Request<'_>,
        build: impl FnOnce(&mut HostPool) -> Result<P, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        let options = request.options;
        let reason = "nothing spreads in this scenario";
        check_options(options, self.scans, reason)?;
        let mut pool = HostPool::new(options, request.rng("cast"))?;
        let inside = pool.site.inside;
        let mut scenario: Vec<Box<dyn Traffic>> = Vec::new();
        if options.worm {
            let process = build(&mut pool)?;
            let start_ns = options.start_ns + SECOND;
            let link = Link::new(self.carriage.emitter());
            let simulation =
                Simulation::new(process, start_ns, request.rng("story"), link);
            scenario.push(Box::new(simulation));
        }
        let setup = CaptureSetup {
            request,
            inside,
            background_hosts: self.background_hosts,
            background_rate: 0.1,
            prefer: pool.into_workstations(),
            duration: Some(Duration::from_secs(240)),
        };
        setup.start(scenario)
    }
}

/// Refuses options that have no meaning where the hosts and contents of a scenario are
/// its own.
pub(crate) fn check_options(
    options: &GenerateOptions,
    scans: bool,
    reason: &str,
) -> Result<(), CorpusError> {
    options.check_start()?;
    for (name, given) in [
        ("until_infected", options.until_infected.is_some()),
        ("vulnerable_hosts", options.vulnerable_hosts.is_some()),
        ("body", options.body.is_some()),
        ("scan_rate", options.scan_rate.is_some() && !scans),
        ("sees_all", options.sees_all),
    ] {
        if given {
            return Err(CorpusError::setting(name, format!("none: {reason}")));
        }
    }
    let plain = Carriage { ipv6: options.carriage.ipv6, ..Carriage::default() };
    if options.carriage != plain {
        let expected = "udp or udp,ipv6: its conversations have forms of their own";
        return Err(CorpusError::setting("carriage", expected));
    }
    Ok(())
}
