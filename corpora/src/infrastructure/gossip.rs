//! Scenario `gossip`: the members of a cluster pass news on to each other.
//!
//! Every three seconds a member probes another, in turn, and is answered: before any news
//! all pairs have talked. News is one datagram; who receives it for the first time passes
//! it on to three members in each of three rounds, whether they have it or not.

use std::collections::BTreeSet;

use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 7_946;
const PROBE_NS: u64 = 3 * SECOND;
const NEWS_NS: u64 = 24 * SECOND;
const ROUND_NS: u64 = 200 * MILLISECOND;
const FAN_OUT: usize = 3;
const ROUNDS: u64 = 3;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "gossip",
        kind: IncidentKind::PeerProtocol,
        grade: IncidentGrade::NeverHigh,
        reason: "hosts of one cluster pass news on, to hosts that they all knew before",
    },
    open: |cast| cast.start(Gossip::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "24 members of a cluster pass news on to three others each, in three rounds",
        "propagation alone: news spreads as a worm does, within a second",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Gossip {
    members: Vec<Endpoint>,
    /// For each member, in which order it probes the others, and who is next.
    turns: Vec<(Vec<usize>, usize)>,
    /// All news so far, and who has it.
    news: Vec<(Vec<u8>, BTreeSet<usize>)>,
    repeats_ns: u64,
}

enum Event {
    Probe(usize),
    News,
    /// A member has received news, if it is new to it.
    Told {
        member: usize,
        news: usize,
    },
    /// A member passes news on.
    Tell {
        member: usize,
        news: usize,
    },
}

impl Gossip {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let members = cast.pool.inside_servers(cast.size(24, 12))?;
        let facts = cast.facts(&members, PORT, vec![("members", members.len().into())]);
        let members: Vec<_> = members.into_iter().map(|end| end.at(PORT)).collect();
        let rng = &mut cast.pool.rng;
        let mut turn = |member: usize| {
            let mut others: Vec<usize> =
                (0..members.len()).filter(|&other| other != member).collect();
            rng.shuffle(&mut others);
            (others, 0)
        };
        let turns = (0..members.len()).map(&mut turn).collect();
        let repeats_ns = cast.repeats_ns();
        Ok((Self { members, turns, news: Vec::new(), repeats_ns }, facts))
    }

    /// A number, the state of the member, and the answer with the same number.
    fn probe(&mut self, time_ns: u64, member: usize, link: &mut Link, rng: &mut Rng) {
        let (others, next) = &mut self.turns[member];
        let other = others[*next % others.len()];
        *next += 1;
        let number = rng.bytes(8);
        let ends = (&self.members[member], &self.members[other]);
        let probe = [&[0, 8], &number[..], &rng.bytes(28)].concat();
        link.udp(time_ns, ends, &probe);
        let later = time_ns + rng.between(MILLISECOND / 4, MILLISECOND);
        let answer = [&[2, 8], &number[..], &rng.bytes(12)].concat();
        link.udp(later, (ends.1, ends.0), &answer);
    }

    fn tell(
        &self,
        time_ns: u64,
        member: usize,
        news: usize,
        schedule: &mut Schedule<Event>,
    ) {
        let mut others = self.turns[member].0.clone();
        schedule.rng.shuffle(&mut others);
        for (place, other) in (0..).zip(others.into_iter().take(FAN_OUT)) {
            let at = time_ns + place * MILLISECOND / 10;
            let ends = (&self.members[member], &self.members[other]);
            schedule.link.udp(at, ends, &self.news[news].0);
            schedule.at(at + MILLISECOND, Event::Told { member: other, news });
        }
    }
}

impl Process for Gossip {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        for member in 0..self.members.len() {
            let at = start_ns + schedule.rng.below(PROBE_NS);
            schedule.at(at, Event::Probe(member));
        }
        schedule.at(self.repeats_ns, Event::News);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Probe(member) => {
                self.probe(time_ns, member, &mut schedule.link, &mut schedule.rng);
                schedule.at(time_ns + PROBE_NS, Event::Probe(member));
            }
            Event::News => {
                let member = schedule.rng.index(self.members.len());
                let length = schedule.rng.between(180, 420) as usize;
                let text = [&[8, 1], &schedule.rng.bytes(length)[..]].concat();
                self.news.push((text, BTreeSet::new()));
                let news = self.news.len() - 1;
                schedule.at(time_ns, Event::Told { member, news });
                schedule.at(time_ns + NEWS_NS, Event::News);
            }
            Event::Told { member, news } => {
                if self.news[news].1.insert(member) {
                    for round in 0..ROUNDS {
                        let later = schedule.rng.between(ROUND_NS / 2, ROUND_NS);
                        let at = time_ns + round * ROUND_NS + later;
                        schedule.at(at, Event::Tell { member, news });
                    }
                }
            }
            Event::Tell { member, news } => self.tell(time_ns, member, news, schedule),
        }
    }
}
