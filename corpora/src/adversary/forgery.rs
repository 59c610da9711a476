//! Scenarios of somebody who plays a worm alone: forged hosts receive a content and pass it
//! on, so that an alarm points at hosts which did nothing.
//!
//! Expected in all: alarms, since the content does go from host to host as far as can be
//! seen; and no grade *high*, since nothing shows that the hosts are not forged.

use crate::benign::host_pool::HostPool;
use crate::benign::setup::BenignSetup;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_builder::{TunnelKind, tcp};
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, TcpSession};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Planted;

const PORT: u16 = 48_885;
const BODY: usize = 700;
/// Hosts of the site that are played.
const PLAYED: usize = 8;
/// Hosts that each of them is made to attack.
const ATTACKED: usize = 5;
/// Hosts that the content is said to be from at first: more than a signature lists.
const STRANGERS: usize = 70;
/// Visits to a server, which show that the tap sees both directions.
const VISITS: usize = 40;

const DECEIVED: Verdict =
    Verdict::Open("the content goes from host to host as far as a tap can see");

/// How what is forged is sent.
#[derive(Clone, Copy)]
enum Way {
    /// Segments without answers, half of them after a SYN.
    Segments,
    Datagrams,
    /// Whole sessions, both directions from one host.
    Sessions,
}

const fn entry(
    name: &'static str,
    summary: &'static str,
    defeats: &'static str,
) -> Profile {
    const OPEN: &[Expectation] = &[Expectation::by_default(DECEIVED, DECEIVED)];
    Profile::benign(name, summary, defeats, OPEN).of_adversary()
}

pub(super) const OVER_TCP: Entry = Entry {
    profile: entry(
        "forged-relays",
        "forged segments in which eight hosts of a site receive a content and send it to five \
         others each, after 70 forged strangers",
        "trust in relays that are not among the listed sources",
    ),
    open: |request| {
        BenignSetup::default().start(request, |pool| Forgery::new(pool, Way::Segments))
    },
};

pub(super) const OVER_UDP: Entry = Entry {
    profile: entry(
        "forged-relay-datagrams",
        "the same in forged datagrams",
        "trust in source addresses over UDP",
    ),
    open: |request| {
        BenignSetup::default().start(request, |pool| Forgery::new(pool, Way::Datagrams))
    },
};

pub(super) const IN_TUNNEL: Entry = Entry {
    profile: entry(
        "forged-relays-in-tunnel",
        "the same in whole TCP sessions, both directions of which one host sends into a VXLAN \
         tunnel",
        "trust in handshakes inside of tunnels",
    ),
    open: |request| {
        let carriage = Carriage::udp().inside_tunnel(TunnelKind::Vxlan(7));
        BenignSetup { carriage, ..BenignSetup::default() }
            .start(request, |pool| Forgery::new(pool, Way::Sessions))
    },
};

struct Forgery {
    way: Way,
    server: Endpoint,
    visitors: Vec<Endpoint>,
    strangers: Vec<Endpoint>,
    played: Vec<Endpoint>,
    attacked: Vec<Endpoint>,
    body: Vec<u8>,
}

enum Event {
    Visit,
    /// This stranger sends it to somebody.
    Stranger(usize),
    /// This host receives it.
    Receive(usize),
    /// It sends it to one of those that it attacks.
    PassOn(usize, usize),
}

impl Forgery {
    fn new(pool: &mut HostPool, way: Way) -> Result<Self, CorpusError> {
        let server = pool.inside_server(2)?.at(80);
        let visitors = pool.outside(VISITS)?;
        let strangers = pool.outside(STRANGERS)?;
        let played = pool.inside(PLAYED)?;
        let attacked = pool.outside(PLAYED * ATTACKED)?;
        let body = pool.rng.bytes(BODY);
        Ok(Self { way, server, visitors, strangers, played, attacked, body })
    }

    fn visit(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let ends = (rng.one_of(&self.visitors).client(rng), self.server);
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, &rng.bytes(90), 50 * MILLISECOND);
        session.send(Peer::Server, &rng.bytes(300), 2 * MILLISECOND);
        session.close(Peer::Client);
    }

    fn send(
        &self,
        time_ns: u64,
        (from, to): (Endpoint, Endpoint),
        link: &mut Link,
        rng: &mut Rng,
    ) {
        let (from, to) = (from.client(rng), to.at(PORT));
        match self.way {
            Way::Datagrams => link.udp(time_ns, (&from, &to), &self.body),
            Way::Segments => {
                let mut number = || (rng.next_u64() >> 32) as u32;
                let (own, guess) = (number(), number());
                let there = (&from, &to);
                let mut at_ns = time_ns;
                if rng.chance(0.5) {
                    link.stray_segment(time_ns, there, tcp::SYN, (own, 0), &[]);
                    at_ns += 40 * MILLISECOND;
                }
                let numbers = (own.wrapping_add(1), guess);
                let flags = tcp::PSH | tcp::ACK;
                link.stray_segment(at_ns, there, flags, numbers, &self.body);
            }
            Way::Sessions => {
                let mut session = TcpSession::new(link, (from, to), time_ns, rng);
                session.open();
                session.send(Peer::Client, &self.body, MILLISECOND);
                session.close(Peer::Client);
            }
        }
    }
}

impl Process for Forgery {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        for n in 0..VISITS as u64 {
            schedule.at(start_ns + n * SECOND, Event::Visit);
        }
        let forged_ns = start_ns + VISITS as u64 * SECOND;
        for n in 0..STRANGERS {
            schedule.at(forged_ns + n as u64 * 200 * MILLISECOND, Event::Stranger(n));
        }
        let played_ns = forged_ns + 20 * SECOND;
        for host in 0..PLAYED {
            let at_ns = played_ns + host as u64 * 3 * SECOND;
            schedule.at(at_ns, Event::Receive(host));
            for n in 0..ATTACKED {
                let at_ns = at_ns + SECOND + n as u64 * 300 * MILLISECOND;
                schedule.at(at_ns, Event::PassOn(host, n));
            }
        }
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        let ends = match event {
            Event::Visit => return self.visit(time_ns, link, rng),
            Event::Stranger(n) => (self.strangers[n], *rng.one_of(&self.played)),
            // From another that is played, so that there is a chain.
            Event::Receive(host) if host % 2 == 1 => {
                (self.played[host - 1], self.played[host])
            }
            Event::Receive(host) => (self.strangers[host], self.played[host]),
            Event::PassOn(host, n) => {
                (self.played[host], self.attacked[host * ATTACKED + n])
            }
        };
        self.send(time_ns, ends, link, rng);
    }

    fn planted(&self) -> Planted {
        Planted::none(vec![
            ("strangers", STRANGERS.into()),
            ("played_hosts", PLAYED.into()),
            ("attacked_hosts", self.attacked.len().into()),
        ])
    }
}
