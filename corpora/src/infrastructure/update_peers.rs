//! Scenario `update-peers`: hosts of a site fetch one update from each other.
//!
//! Each host knows eight others; they have greeted each other before. Once there is an
//! update, a host asks one that has pieces of it for up to four that it misses, and has
//! them for others then. The first get theirs from a server. What is the same is sent only
//! in answers.

use std::collections::BTreeSet;

use super::setup::{Cast, Facts, PASSED_ON, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{
    Expectation, IncidentExpectation, IncidentGrade, IncidentKind, Profile, Verdict,
};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, TcpSession};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 7_680;
const KNOWN: usize = 8;
const PIECES: usize = 12;
const PIECE: usize = 3_000;
/// Pieces of one conversation.
const MOST: usize = 4;
/// Between two attempts of a host.
const RETRY_NS: u64 = 15 * SECOND;
/// In which all hosts begin to ask.
const BEGIN_NS: u64 = 240 * SECOND;

const ANSWERS: Verdict =
    Verdict::Silent("pieces go to client ports, in answers: no port receives them twice");

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "update-peers",
        kind: IncidentKind::PeerProtocol,
        grade: IncidentGrade::NeverHigh,
        reason: "hosts answer those that asked them: nobody sends a piece unasked",
    },
    open: |cast| cast.start(Update::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "40 hosts fetch the pieces of one update from each other over TCP port 7680",
        "propagation alone: every host sends on what it received",
        &[Expectation::by_default(ANSWERS, PASSED_ON)],
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Host {
    end: Endpoint,
    known: Vec<usize>,
    has: BTreeSet<usize>,
}

struct Update {
    hosts: Vec<Host>,
    server: Endpoint,
    pieces: Vec<Vec<u8>>,
    repeats_ns: u64,
}

enum Event {
    /// A host greets one of those that it knows.
    Greet { host: usize, place: usize },
    /// A host asks for pieces.
    Fetch(usize),
    /// A host has received pieces.
    Got(usize, Vec<usize>),
}

impl Update {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let ends = cast.pool.inside(cast.size(40, 18))?;
        let server = cast.pool.outside(1)?[0];
        let rng = &mut cast.pool.rng;
        let pieces = (0..PIECES).map(|_| rng.bytes(PIECE)).collect();
        let count = ends.len();
        let mut host = |(place, end): (usize, &Endpoint)| {
            let mut known: Vec<usize> =
                (0..count).filter(|&other| other != place).collect();
            rng.shuffle(&mut known);
            known.truncate(KNOWN);
            Host { end: *end, known, has: BTreeSet::new() }
        };
        let hosts = ends.iter().enumerate().map(&mut host).collect();
        let parameters = vec![("hosts", count.into()), ("pieces", PIECES.into())];
        let facts = cast.facts(&ends, PORT, parameters);
        Ok((Self { hosts, server, pieces, repeats_ns: cast.repeats_ns() }, facts))
    }

    /// A host says what it is and what it looks for, and so does the other.
    fn greet(
        &self,
        time_ns: u64,
        host: usize,
        place: usize,
        link: &mut Link,
        rng: &mut Rng,
    ) {
        let other = self.hosts[self.hosts[host].known[place]].end;
        let ends = (self.hosts[host].end.client(rng), other.at(PORT));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, &rng.bytes(54), MILLISECOND);
        session.send(Peer::Server, &rng.bytes(54), MILLISECOND);
        session.close(Peer::Client);
    }

    /// Whom a host asks: one that it knows with pieces that it misses, or, if there is
    /// none, the server now and then.
    fn giver(&self, host: usize, rng: &mut Rng) -> Option<(Endpoint, Vec<usize>)> {
        let me = &self.hosts[host];
        let missing = |has: &BTreeSet<usize>| -> Vec<usize> {
            has.difference(&me.has).copied().collect()
        };
        let givers: Vec<&Host> = (me.known.iter())
            .map(|&other| &self.hosts[other])
            .filter(|other| !missing(&other.has).is_empty())
            .collect();
        let (end, has) = match rng.pick(&givers) {
            Some(giver) => (giver.end, missing(&giver.has)),
            None if rng.chance(0.1) => (self.server, missing(&(0..PIECES).collect())),
            None => return None,
        };
        let mut pieces = has;
        rng.shuffle(&mut pieces);
        pieces.truncate(MOST);
        Some((end, pieces))
    }

    fn fetch(&self, time_ns: u64, host: usize, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        let Some((giver, pieces)) = self.giver(host, rng) else { return };
        let ends = (self.hosts[host].end.client(rng), giver.at(PORT));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, &rng.bytes(54), MILLISECOND);
        session.send(Peer::Server, &rng.bytes(54), MILLISECOND);
        for &piece in &pieces {
            let number = (piece as u32).to_be_bytes();
            let request = [&[6], &number[..], &rng.bytes(8)].concat();
            session.send(Peer::Client, &request, 2 * MILLISECOND);
            let answer = [&[7], &number[..], &rng.bytes(8), &self.pieces[piece]].concat();
            session.send(Peer::Server, &answer, rng.between(1, 6) * MILLISECOND);
        }
        session.close(Peer::Client);
        let done = session.time_ns();
        schedule.at(done, Event::Got(host, pieces));
    }
}

impl Process for Update {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        for host in 0..self.hosts.len() {
            for place in 0..self.hosts[host].known.len() {
                let at =
                    start_ns + schedule.rng.below(self.repeats_ns - start_ns - SECOND);
                schedule.at(at, Event::Greet { host, place });
            }
            let at = self.repeats_ns + schedule.rng.below(BEGIN_NS);
            schedule.at(at, Event::Fetch(host));
        }
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Greet { host, place } => {
                let Schedule { link, rng, .. } = schedule;
                self.greet(time_ns, host, place, link, rng);
            }
            Event::Fetch(host) => {
                self.fetch(time_ns, host, schedule);
                if self.hosts[host].has.len() < PIECES {
                    let later = schedule.rng.between(RETRY_NS / 2, RETRY_NS);
                    schedule.at(time_ns + later, Event::Fetch(host));
                }
            }
            Event::Got(host, pieces) => self.hosts[host].has.extend(pieces),
        }
    }
}
