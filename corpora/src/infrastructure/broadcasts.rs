//! Scenario `broadcasts`: hosts of a subnet announce a program to all others.
//!
//! Every fifteen seconds a host sends one datagram to the broadcast address, in a frame to
//! all hardware addresses; now and then another host answers it alone. At first each
//! announcement is random; then all hosts announce the same program, behind a number of
//! their own.

use std::net::{IpAddr, Ipv6Addr};

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

const PORT: u16 = 21_300;
const REPEAT_NS: u64 = 15 * SECOND;
const ANNOUNCEMENT: usize = 200;
/// All nodes of a link, in IPv6.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "broadcasts",
        kind: IncidentKind::Unclear,
        grade: IncidentGrade::Nothing,
        reason: "what goes to a group is sent to no host, and the answers differ",
    },
    open: |cast| cast.start(Broadcasts::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "60 hosts of a subnet announce one program to all others, and some answer",
        "counting who sends alone; taking a group for a host",
        &[Expectation::by_default(
            Verdict::Silent("a group is no host: the announcement has no destination"),
            Verdict::Silent(
                "no host is sent the announcement, so that none passes it on",
            ),
        )],
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Broadcasts {
    hosts: Vec<Endpoint>,
    everybody: Endpoint,
    announcement: Vec<u8>,
    repeats_ns: u64,
}

impl Broadcasts {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let hosts = cast.pool.inside(cast.size(60, 36))?;
        let announcement = cast.pool.rng.bytes(ANNOUNCEMENT);
        let facts = cast.facts(&hosts, PORT, vec![("hosts", hosts.len().into())]);
        let hosts: Vec<_> = hosts.into_iter().map(|end| end.at(PORT)).collect();
        let site = &cast.pool.site;
        let last = site.inside.address(site.inside.size() - 1);
        let address = if site.options.carriage.ipv6 {
            IpAddr::from(ALL_NODES)
        } else {
            site.options.address(last)
        };
        let everybody = Endpoint { address, ..hosts[0] };
        Ok((
            Self { hosts, everybody, announcement, repeats_ns: cast.repeats_ns() },
            facts,
        ))
    }

    fn announce(&self, time_ns: u64, host: usize, link: &mut Link, rng: &mut Rng) {
        let from = self.hosts[host];
        let mut announcement = rng.bytes(16);
        if time_ns < self.repeats_ns {
            rng.append(ANNOUNCEMENT, &mut announcement);
        } else {
            announcement.extend_from_slice(&self.announcement);
        }
        link.udp_to_all(time_ns, (&from, &self.everybody), &announcement);
        let other = rng.index(self.hosts.len());
        if other != host && rng.chance(0.3) {
            let later = time_ns + rng.between(MILLISECOND, 40 * MILLISECOND);
            link.udp(later, (&self.hosts[other], &from), &rng.bytes(60));
        }
    }
}

impl Process for Broadcasts {
    /// A host announces.
    type Event = usize;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<usize>) {
        for host in 0..self.hosts.len() {
            let at = start_ns + schedule.rng.below(REPEAT_NS);
            schedule.at(at, host);
        }
    }

    fn handle(&mut self, time_ns: u64, host: usize, schedule: &mut Schedule<usize>) {
        self.announce(time_ns, host, &mut schedule.link, &mut schedule.rng);
        let later = schedule.rng.between(REPEAT_NS - SECOND, REPEAT_NS + SECOND);
        schedule.at(time_ns + later, host);
    }
}
