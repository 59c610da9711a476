//! Start of an infrastructure scenario: its hosts, and what its truth says.

use std::time::Duration;

use crate::benign::host_pool::HostPool;
use crate::benign::setup::check_options;
use crate::capture_setup::CaptureSetup;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::IncidentTruth;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, IncidentExpectation, Verdict};
use crate::scenario::Request;
use crate::simulation::{Process, Schedule, Simulation};
use crate::time::SECOND;
use crate::traffic::{Parameters, Planted, Traffic};

/// How long the parties talk of other things first.
pub(super) const ACQUAINTANCE_NS: u64 = 120 * SECOND;

/// One kind of infrastructure: alone in a scenario, or a part of a busy site.
pub(super) struct Part {
    pub(super) incident: IncidentExpectation,
    pub(super) open: fn(&mut Cast<'_>) -> Result<Box<dyn Traffic>, CorpusError>,
}

/// Where hosts send on what they received.
pub(super) const PASSED_ON: Verdict =
    Verdict::Open("hosts send on what they received: the grade decides, not the alarm");
/// Where too few hosts take part.
pub(super) const FEW: Verdict =
    Verdict::Silent("fewer than thirty hosts send it, or fewer than thirty receive it");
/// Where many take part.
pub(super) const MANY: Verdict =
    Verdict::Open("many hosts send the same to many: the grade decides, not the alarm");

/// Few hosts, which pass on.
pub(super) const FEW_PASS_ON: &[Expectation] = &[Expectation::by_default(FEW, PASSED_ON)];
/// Many hosts, some of which pass on.
pub(super) const MANY_PASS_ON: &[Expectation] =
    &[Expectation::by_default(MANY, PASSED_ON)];

/// What a scenario draws its hosts from.
pub(super) struct Cast<'a> {
    request: Request<'a>,
    pub(super) pool: HostPool,
    incident: IncidentExpectation,
    /// Whether there are other parts.
    busy: bool,
}

impl<'a> Cast<'a> {
    fn new(
        request: Request<'a>,
        incident: IncidentExpectation,
        busy: bool,
    ) -> Result<Self, CorpusError> {
        let reason = "the hosts and contents of this scenario are its own";
        check_options(request.options, false, reason)?;
        let pool = HostPool::new(request.options, request.rng("cast"))?;
        Ok(Self { request, pool, incident, busy })
    }

    /// The first number where the scenario is alone, the second in a busy site.
    pub(super) fn size(&self, alone: usize, busy: usize) -> usize {
        if self.busy { busy } else { alone }
    }

    /// A rate a second: a third of it in a busy site.
    pub(super) fn rate(&self, alone: f64) -> f64 {
        if self.busy { alone / 3.0 } else { alone }
    }

    fn begins_ns(&self) -> u64 {
        self.request.options.start_ns + SECOND
    }

    /// When something begins to repeat.
    pub(super) fn repeats_ns(&self) -> u64 {
        self.begins_ns() + ACQUAINTANCE_NS
    }

    /// What the truth says of these hosts, which pass something on to this port.
    pub(super) fn facts(
        &self,
        hosts: &[Endpoint],
        port: u16,
        parameters: Parameters,
    ) -> Facts {
        let IncidentExpectation { subject, kind, grade, reason } = self.incident;
        let incident = IncidentTruth {
            subject: subject.to_owned(),
            kind,
            grade,
            reason: reason.to_owned(),
            hosts: hosts.iter().map(|end| end.address).collect(),
            port,
            begins_ns: self.repeats_ns(),
        };
        // In a busy site the names of settings would meet.
        let parameters = if self.busy { Parameters::new() } else { parameters };
        Facts { incident, parameters }
    }

    /// Starts the process that `build` draws.
    pub(super) fn start<P: Process>(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<(P, Facts), CorpusError>,
    ) -> Result<Box<dyn Traffic>, CorpusError> {
        let (process, facts) = build(self)?;
        let rng = self.request.rng(self.incident.subject);
        let told = Told { process, facts };
        Ok(Box::new(Simulation::new(told, self.begins_ns(), rng, Link::default())))
    }
}

/// Starts a scenario of one part.
pub(super) fn start_alone(
    request: Request<'_>,
    part: &Part,
) -> Result<FrameStream, CorpusError> {
    start_parts(request, &[part], false)
}

/// Starts a scenario of many parts, with fewer hosts each.
pub(super) fn start_together(
    request: Request<'_>,
    parts: &[&Part],
) -> Result<FrameStream, CorpusError> {
    start_parts(request, parts, true)
}

fn start_parts(
    request: Request<'_>,
    parts: &[&Part],
    busy: bool,
) -> Result<FrameStream, CorpusError> {
    let mut cast = Cast::new(request, parts[0].incident, busy)?;
    let inside = cast.pool.site.inside;
    let mut traffic = Vec::new();
    for part in parts.iter().filter(|_| request.options.worm) {
        cast.incident = part.incident;
        traffic.push((part.open)(&mut cast)?);
    }
    let setup = CaptureSetup {
        request,
        inside,
        background_hosts: 10,
        background_rate: 0.02,
        prefer: cast.pool.into_workstations(),
        duration: Some(Duration::from_secs(600)),
    };
    setup.start(traffic)
}

/// What the truth says of a process.
pub(super) struct Facts {
    incident: IncidentTruth,
    parameters: Parameters,
}

/// A process, and what the truth says of it.
struct Told<P> {
    process: P,
    facts: Facts,
}

impl<P: Process> Process for Told<P> {
    type Event = P::Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<P::Event>) {
        self.process.begin(start_ns, schedule);
    }

    fn handle(
        &mut self,
        time_ns: u64,
        event: P::Event,
        schedule: &mut Schedule<P::Event>,
    ) {
        self.process.handle(time_ns, event, schedule);
    }

    fn planted(&self) -> Planted {
        let mut planted = self.process.planted();
        planted.parameters.extend(self.facts.parameters.clone());
        planted.incidents.push(self.facts.incident.clone());
        planted
    }
}
