//! Scenario `service-mesh`: one request travels from service to service through sidecars.
//!
//! A gateway takes requests of clients and calls two services, each of which calls three
//! more; every service runs on some hosts, and a sidecar on each host makes and takes all
//! calls at one port, over connections that stay open. The body goes through unchanged,
//! behind headers that are new on each hop. At first each call has a body of its own; then
//! all hold the same catalogue.

use super::connections::Connections;
use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 15_006;
/// Services that are called from each service of the tier above.
const CALLED: [usize; 3] = [1, 2, 3];
const BODY: usize = 640;
/// In which all connections between services are opened.
const MEETING_NS: u64 = 20 * SECOND;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "service-mesh",
        kind: IncidentKind::ForwardingService,
        grade: IncidentGrade::NeverHigh,
        reason: "services send on each request at once, to services that they called before",
    },
    open: |cast| cast.start(Mesh::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "one request body travels through three tiers of services on 18 hosts",
        "propagation alone: chains of hosts that each send what they received to several",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Mesh {
    clients: Vec<Endpoint>,
    /// By tier, then by service: the hosts that it runs on.
    tiers: Vec<Vec<Vec<Endpoint>>>,
    catalogue: Vec<u8>,
    connections: Connections,
    repeats_ns: u64,
    rate: f64,
}

enum Event {
    Meet,
    Request,
}

impl Mesh {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let copies = cast.size(3, 2);
        let mut tiers = Vec::new();
        for services in CALLED {
            let mut tier = Vec::new();
            for _ in 0..services {
                tier.push(cast.pool.inside_servers(copies)?);
            }
            tiers.push(tier);
        }
        let clients = cast.pool.inside(cast.size(16, 8))?;
        let catalogue = cast.pool.rng.bytes(BODY);
        let callers: Vec<Endpoint> = tiers[..2].concat().concat();
        let parameters = vec![
            ("services", CALLED.iter().sum::<usize>().into()),
            ("copies", copies.into()),
            ("clients", clients.len().into()),
        ];
        let facts = cast.facts(&callers, PORT, parameters);
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(0.4));
        let connections = Connections::new(PORT);
        Ok((Self { clients, tiers, catalogue, connections, repeats_ns, rate }, facts))
    }

    /// Every sidecar opens its connections to the services that its own calls, and asks
    /// whether they live.
    fn meet(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        for tiers in self.tiers.windows(2) {
            for from in tiers[0].concat() {
                for host in tiers[1].concat() {
                    let ends = (&from, &host);
                    let at = time_ns + rng.below(MEETING_NS);
                    let request = call_bytes(&[], rng);
                    let asked =
                        self.connections.ask(at, ends, &request, (&mut *link, &mut *rng));
                    let answer = call_bytes(&[], rng);
                    self.connections.answer(asked + MILLISECOND, ends, &answer, link);
                }
            }
        }
    }

    fn request(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let body = [&rng.bytes(16)[..], &self.catalogue].concat();
        let body = (time_ns >= self.repeats_ns).then_some(&body[..]);
        let client = *rng.one_of(&self.clients);
        self.call(time_ns, client, 0, body, (link, rng));
    }

    /// Calls every service of a tier, with this body or one of its own each, and returns when the last of them has answered.
    fn call(
        &mut self,
        time_ns: u64,
        from: Endpoint,
        tier: usize,
        body: Option<&[u8]>,
        (link, rng): (&mut Link, &mut Rng),
    ) -> u64 {
        let mut last = time_ns;
        for service in 0..self.tiers.get(tier).map_or(0, Vec::len) {
            let host = *rng.one_of(&self.tiers[tier][service]);
            let request = match body {
                Some(body) => call_bytes(body, rng),
                None => call_bytes(&rng.bytes(BODY), rng),
            };
            let at = time_ns + rng.between(MILLISECOND / 2, 3 * MILLISECOND);
            let ends = (&from, &host);
            let asked = self.connections.ask(at, ends, &request, (link, rng));
            let called =
                self.call(asked + MILLISECOND, host, tier + 1, body, (link, rng));
            let answer = call_bytes(&rng.bytes(40), rng);
            let at = called + rng.between(MILLISECOND, 5 * MILLISECOND);
            last = last.max(self.connections.answer(at, ends, &answer, link));
        }
        last
    }
}

/// A frame of headers, which a call has of its own, and a frame of the body, each behind its
/// length and kind.
fn call_bytes(body: &[u8], rng: &mut Rng) -> Vec<u8> {
    let headers = rng.bytes(72);
    let mut bytes = Vec::with_capacity(body.len() + 96);
    for (kind, part) in [(1, &headers[..]), (0, body)] {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes()[1..]);
        bytes.extend_from_slice(&[kind, 4]);
        rng.append(4, &mut bytes);
        bytes.extend_from_slice(part);
    }
    bytes
}

impl Process for Mesh {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Meet);
        schedule.at(start_ns + MEETING_NS + SECOND, Event::Request);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Meet => self.meet(time_ns, &mut schedule.link, &mut schedule.rng),
            Event::Request => {
                self.request(time_ns, &mut schedule.link, &mut schedule.rng);
                schedule.after(time_ns, self.rate, Event::Request);
            }
        }
    }
}
