//! Scenario `replication`: a search cluster copies documents to its replicas.
//!
//! A writer sends a document to any node; that node sends it to the one that is responsible,
//! which sends it to three others, over connections that stay open. At first there are only
//! queries, which take the same ways, each with bytes of its own; then a few documents are
//! written again and again, with another number in front.

use super::connections::Connections;
use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 9_300;
const DOCUMENTS: usize = 10;
const COPIES: usize = 3;
const DOCUMENT: usize = 900;
/// In which all nodes connect.
const MEETING_NS: u64 = 20 * SECOND;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "replication",
        kind: IncidentKind::PeerProtocol,
        grade: IncidentGrade::NeverHigh,
        reason: "nodes of one cluster copy documents, to nodes that they all knew before",
    },
    open: |cast| cast.start(Cluster::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "nine nodes of a search cluster copy documents of four writers to three replicas each",
        "propagation alone: three hosts in a row send on what they received",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Cluster {
    writers: Vec<Endpoint>,
    nodes: Vec<Endpoint>,
    /// Documents that are written again and again, each with the node that is responsible
    /// for it.
    documents: Vec<(usize, Vec<u8>)>,
    connections: Connections,
    repeats_ns: u64,
    rate: f64,
}

enum Event {
    Meet,
    Write,
}

impl Cluster {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let nodes = cast.pool.inside_servers(cast.size(9, 6))?;
        let writers = cast.pool.inside_servers(cast.size(4, 3))?;
        let rng = &mut cast.pool.rng;
        let documents = (0..DOCUMENTS)
            .map(|_| (rng.index(nodes.len()), rng.bytes(DOCUMENT)))
            .collect();
        let parameters =
            vec![("nodes", nodes.len().into()), ("writers", writers.len().into())];
        let facts = cast.facts(&nodes, PORT, parameters);
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(0.8));
        let connections = Connections::new(PORT);
        let it = Self { writers, nodes, documents, connections, repeats_ns, rate };
        Ok((it, facts))
    }

    /// Every node tells every other that it lives.
    fn meet(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        for from in 0..self.nodes.len() {
            for to in (0..self.nodes.len()).filter(|&to| to != from) {
                let ends = (&self.nodes[from], &self.nodes[to]);
                let at = time_ns + rng.below(MEETING_NS);
                let said = framed(&rng.bytes(32), rng);
                let asked =
                    self.connections.ask(at, ends, &said, (&mut *link, &mut *rng));
                let said = framed(&rng.bytes(32), rng);
                self.connections.answer(asked + MILLISECOND, ends, &said, link);
            }
        }
    }

    /// A document, or a query, goes from host to host of a path.
    fn write(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (responsible, document) = rng.one_of(&self.documents).clone();
        let document = (time_ns >= self.repeats_ns).then_some(&document[..]);
        let writer = *rng.one_of(&self.writers);
        let taker = rng.index(self.nodes.len());
        let mut time_ns = self.copy(time_ns, &writer, taker, document, link, rng);
        if taker != responsible {
            let from = self.nodes[taker];
            time_ns = self.copy(time_ns, &from, responsible, document, link, rng);
        }
        let from = self.nodes[responsible];
        for place in 1..=COPIES {
            let replica = (responsible + place) % self.nodes.len();
            self.copy(time_ns, &from, replica, document, link, rng);
        }
    }

    /// Sends a document or a query to a node; returns when that can send it on.
    fn copy(
        &mut self,
        time_ns: u64,
        from: &Endpoint,
        to: usize,
        document: Option<&[u8]>,
        link: &mut Link,
        rng: &mut Rng,
    ) -> u64 {
        let to = self.nodes[to];
        let request = match document {
            Some(document) => framed(document, rng),
            None => framed(&rng.bytes(DOCUMENT / 4), rng),
        };
        let asked = self.connections.ask(time_ns, (from, &to), &request, (link, rng));
        let answer = framed(&rng.bytes(20), rng);
        let later = asked + rng.between(8, 20) * MILLISECOND;
        self.connections.answer(later, (from, &to), &answer, link);
        asked + rng.between(MILLISECOND, 3 * MILLISECOND)
    }
}

/// Two letters, the length, a number, and the message.
fn framed(message: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = b"SC".to_vec();
    bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
    rng.append(8, &mut bytes);
    bytes.extend_from_slice(message);
    bytes
}

impl Process for Cluster {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Meet);
        schedule.at(start_ns + MEETING_NS + SECOND, Event::Write);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Meet => self.meet(time_ns, &mut schedule.link, &mut schedule.rng),
            Event::Write => {
                self.write(time_ns, &mut schedule.link, &mut schedule.rng);
                schedule.after(time_ns, self.rate, Event::Write);
            }
        }
    }
}
