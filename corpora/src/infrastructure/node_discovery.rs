//! Scenario `node-discovery`: nodes of an overlay network look for each other over UDP.
//!
//! Every node announces itself, in one signed record, to nodes that it knows and to others
//! that it has just heard of, and is answered by the record of the other. Records of one
//! network share the description of that network. All nodes have it from the start: who
//! receives it has mostly sent it before. At first nodes only ping those that they know.

use super::setup::{Cast, Facts, MANY_PASS_ON, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 30_303;
/// How many nodes each knows at first.
const KNOWN: usize = 12;
/// Bytes of the description of the network.
const NETWORK: usize = 150;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "node-discovery",
        kind: IncidentKind::PeerProtocol,
        grade: IncidentGrade::NeverHigh,
        reason: "each host sends it unasked and answers with it: nobody has it from another",
    },
    open: |cast| cast.start(Discovery::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "24 nodes of a site and 160 elsewhere announce themselves to known and new nodes",
        "propagation alone, and new contacts: nodes that were addressed address new ones",
        MANY_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Node {
    end: Endpoint,
    /// Key and signature.
    record: Vec<u8>,
    known: Vec<usize>,
}

struct Discovery {
    /// Those of the site first.
    nodes: Vec<Node>,
    inside: usize,
    repeats_ns: u64,
    rate: f64,
}

impl Discovery {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let mut ends = cast.pool.inside_servers(cast.size(24, 10))?;
        let inside = ends.len();
        ends.extend(cast.pool.outside(cast.size(160, 60))?);
        let facts = cast.facts(&ends, PORT, vec![("nodes", ends.len().into())]);
        let rng = &mut cast.pool.rng;
        let network = rng.bytes(NETWORK);
        let count = ends.len();
        let nodes = ends.into_iter().enumerate().map(|(place, end)| {
            // Only what goes in or out is seen: nodes elsewhere know some of the site.
            let reach = if place < inside { count } else { inside };
            let mut known: Vec<usize> =
                (0..reach).filter(|&other| other != place).collect();
            rng.shuffle(&mut known);
            known.truncate(if place < inside { KNOWN } else { KNOWN / 4 });
            let record = [&rng.bytes(98), &network[..]].concat();
            Node { end: end.at(PORT), record, known }
        });
        let nodes = nodes.collect();
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(5.0));
        Ok((Self { nodes, inside, repeats_ns, rate }, facts))
    }

    /// A ping with a number of its own, and the answer.
    fn ping(&self, time_ns: u64, from: usize, to: usize, link: &mut Link, rng: &mut Rng) {
        let ends = (&self.nodes[from].end, &self.nodes[to].end);
        link.udp(time_ns, ends, &[&[1], &rng.bytes(44)[..]].concat());
        let later = time_ns + rng.between(MILLISECOND, 60 * MILLISECOND);
        link.udp(later, (ends.1, ends.0), &[&[2], &rng.bytes(44)[..]].concat());
    }

    /// Both nodes send their record, each behind a number of its own.
    fn announce(
        &self,
        time_ns: u64,
        from: usize,
        to: usize,
        link: &mut Link,
        rng: &mut Rng,
    ) {
        let later = time_ns + rng.between(MILLISECOND, 60 * MILLISECOND);
        for (time_ns, kind, from, to) in [(time_ns, 3, from, to), (later, 4, to, from)] {
            let (from, to) = (&self.nodes[from], &self.nodes[to]);
            let message = [&[kind], &rng.bytes(32)[..], &from.record].concat();
            link.udp(time_ns, (&from.end, &to.end), &message);
        }
    }

    fn meet(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let from = if rng.chance(0.5) {
            rng.index(self.inside)
        } else {
            rng.index(self.nodes.len())
        };
        let known = *rng.one_of(&self.nodes[from].known);
        if time_ns < self.repeats_ns || rng.chance(0.3) {
            return self.ping(time_ns, from, known, link, rng);
        }
        if rng.chance(0.5) {
            return self.announce(time_ns, from, known, link, rng);
        }
        let reach = if from < self.inside { self.nodes.len() } else { self.inside };
        let new = rng.index(reach);
        if new != from && !self.nodes[from].known.contains(&new) {
            self.announce(time_ns, from, new, link, rng);
            self.nodes[from].known.push(new);
        }
    }
}

impl Process for Discovery {
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.at(start_ns + SECOND, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.meet(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, self.rate, ());
    }
}
