//! Scenario `nat-both-sides`: the tap sees the same packets before and after translation.
//!
//! Hosts of a site ask servers elsewhere; a translator gives each host a public address,
//! one to one, and keeps its port. The tap has both sides of it: every packet comes twice,
//! with one host more on its way the second time. Questions and answers are random at
//! first; then all hosts send one question that is the same but for a number.

use super::setup::{Cast, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{
    Expectation, IncidentExpectation, IncidentGrade, IncidentKind, Profile, Verdict,
};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 4_460;
/// From one side of the translator to the other.
const TRANSLATION_NS: u64 = 60_000;
const QUESTION: usize = 180;

const TWICE: Verdict = Verdict::Open(
    "24 hosts have 48 addresses, more than thirty: who counts them decides",
);
const NO_RELAY: Verdict =
    Verdict::Silent("nobody sends the question to a host that sends it on");

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "nat-both-sides",
        kind: IncidentKind::Unclear,
        grade: IncidentGrade::NeverHigh,
        reason: "each host is seen at two addresses, and sends a question on its own",
    },
    open: |cast| cast.start(Translation::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "24 hosts ask 40 servers, seen before and after an address translator",
        "counting addresses: each host is there twice",
        &[Expectation::by_default(TWICE, NO_RELAY)],
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Translation {
    /// Each with its public address.
    hosts: Vec<(Endpoint, Endpoint)>,
    servers: Vec<Endpoint>,
    question: Vec<u8>,
    repeats_ns: u64,
    rate: f64,
}

impl Translation {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let count = cast.size(24, 18);
        let inside = cast.pool.inside(count)?;
        let public = cast.pool.neighbours(24, count)?;
        let servers = cast.pool.outside(cast.size(40, 32))?;
        let question = cast.pool.rng.bytes(QUESTION);
        let parameters = vec![("hosts", count.into()), ("servers", servers.len().into())];
        let facts = cast.facts(&inside, PORT, parameters);
        // The translator is the first router on the way out, and the last one back.
        let translated = |(host, public): (&Endpoint, Endpoint)| {
            let hop_limit = host.hop_limit - 1;
            (*host, Endpoint { hop_limit, ..public })
        };
        let hosts = inside.iter().zip(public).map(translated).collect();
        let servers = servers.into_iter().map(|end| end.at(PORT)).collect();
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(3.0));
        Ok((Self { hosts, servers, question, repeats_ns, rate }, facts))
    }

    fn ask(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let &(host, public) = rng.one_of(&self.hosts);
        let server = *rng.one_of(&self.servers);
        let host = host.client(rng);
        let public = public.at(host.port);
        let mut question = rng.bytes(8);
        if time_ns < self.repeats_ns {
            rng.append(QUESTION, &mut question);
        } else {
            question.extend_from_slice(&self.question);
        }
        link.udp(time_ns, (&host, &server), &question);
        link.udp(time_ns + TRANSLATION_NS, (&public, &server), &question);
        let answer = [&question[..8], &rng.bytes(48)].concat();
        let back = time_ns + rng.between(12 * MILLISECOND, 60 * MILLISECOND);
        link.udp(back, (&server, &public), &answer);
        let nearer = Endpoint { hop_limit: server.hop_limit - 1, ..server };
        link.udp(back + TRANSLATION_NS, (&nearer, &host), &answer);
    }
}

impl Process for Translation {
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.at(start_ns + SECOND, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.ask(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, self.rate, ());
    }
}
