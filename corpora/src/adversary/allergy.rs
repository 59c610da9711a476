//! Scenarios of somebody who makes a sensor report harmless bytes (Chung and Mok, "Allergy
//! Attack Against Automatic Signature Generation", RAID 2006; "Advanced Allergy Attacks: Does
//! a Corpus Really Help?", RAID 2007).
//!
//! A page of a site is popular. The attacker's own hosts send a part of it to many hosts of
//! the site, in connections that nobody asked for. A rule from that content would match the
//! page.

use crate::benign::host_pool::HostPool;
use crate::benign::setup::BenignSetup;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, TcpSession};
use crate::text::prose;
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Planted;

const PORT: u16 = 48_885;
const VISITORS: usize = 60;
/// Hosts of the attacker, more than the thresholds ask for.
const ATTACKERS: usize = 40;
/// Hosts that each of them sends it to.
const TARGETS: usize = 3;
const PAGE: usize = 4_000;
/// What is taken from the page.
const TAKEN: std::ops::Range<usize> = 1_000..1_900;

const MANY: Verdict = Verdict::Open(
    "forty hosts send the same to more than a hundred: that is what the alarm is for, and \
     whose bytes they are cannot be told from them",
);
const NO_RELAY: Verdict =
    Verdict::Silent("those who send it received it from nobody that the tap saw");

/// Expected: what nobody passes on is never high. A person must look at the ports and roles of
/// the signature, and whether a server of the site sends it: a rule that looks at no port would
/// match the page.
pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "allergy",
        "forty hosts of an attacker send bytes of a popular page of the site to three of its \
         hosts each, over TCP",
        "trust that what alarms is no ordinary content: a rule would match the page",
        &[Expectation::by_default(MANY, NO_RELAY)],
    )
    .of_adversary(),
    open: |request| BenignSetup::default().start(request, Allergy::new),
};

struct Allergy {
    server: Endpoint,
    visitors: Vec<Endpoint>,
    attackers: Vec<Endpoint>,
    targets: Vec<Endpoint>,
    page: Vec<u8>,
}

enum Event {
    Visit,
    /// One of the attackers sends it to one of the targets.
    Attack(usize),
}

impl Allergy {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let server = pool.inside_server(2)?.at(80);
        let visitors = pool.outside(VISITORS)?;
        let attackers = pool.outside(ATTACKERS)?;
        let targets = pool.inside(ATTACKERS * TARGETS)?;
        let page = prose(PAGE, &mut pool.rng).into_bytes();
        Ok(Self { server, visitors, attackers, targets, page })
    }

    fn visit(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let ends = (rng.one_of(&self.visitors).client(rng), self.server);
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(
            Peer::Client,
            b"GET / HTTP/1.1\r\nHost: www.site.example\r\n\r\n",
            0,
        );
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", self.page.len());
        let answer = [head.as_bytes(), &self.page].concat();
        session.send(Peer::Server, &answer, 2 * MILLISECOND);
        session.close(Peer::Client);
    }
}

impl Process for Allergy {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        for n in 0..115 {
            schedule.at(start_ns + n * 2 * SECOND, Event::Visit);
        }
        let attack_ns = start_ns + 60 * SECOND;
        for n in 0..ATTACKERS * TARGETS {
            schedule.at(attack_ns + n as u64 * SECOND, Event::Attack(n));
        }
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        let Event::Attack(n) = event else { return self.visit(time_ns, link, rng) };
        let from = self.attackers[n % ATTACKERS].client(rng);
        let mut session =
            TcpSession::new(link, (from, self.targets[n].at(PORT)), time_ns, rng);
        session.open();
        session.send(Peer::Client, &self.page[TAKEN], MILLISECOND);
        session.close(Peer::Client);
    }

    fn planted(&self) -> Planted {
        Planted::none(vec![
            ("visitors", VISITORS.into()),
            ("attackers", ATTACKERS.into()),
            ("attacked_hosts", self.targets.len().into()),
        ])
    }
}
