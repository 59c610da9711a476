//! Scenario `load-balancers`: two redundant balancers in front of web servers.
//!
//! A balancer takes a request from a client and sends it to one of the servers from its own
//! address (source NAT), with one header line more. After a new version of an application
//! its clients all send a report that is the same but for an identifier.

use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{prose, token, word};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 80;
const CHECK_NS: u64 = 30 * SECOND;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "load-balancers",
        kind: IncidentKind::ForwardingService,
        grade: IncidentGrade::NeverHigh,
        reason: "two hosts send on each request at once, to servers that they knew before",
    },
    open: |cast| cast.start(Balancers::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "two balancers with source NAT send requests of 40 clients on to six web servers",
        "propagation alone: a balancer sends what it has just received",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Balancers {
    /// With what each says of its program.
    clients: Vec<(Endpoint, String)>,
    balancers: Vec<Endpoint>,
    servers: Vec<Endpoint>,
    site: String,
    /// What is the same in every report.
    report: String,
    repeats_ns: u64,
    rate: f64,
    /// Which server is next.
    turn: usize,
}

enum Event {
    Visit,
    Check,
}

impl Balancers {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let balancers = cast.pool.inside_servers(2)?;
        let servers = cast.pool.inside_servers(cast.size(6, 4))?;
        let clients = cast.pool.outside(cast.size(40, 20))?;
        let rng = &mut cast.pool.rng;
        let agent = |rng: &mut Rng| format!("{}/{}", word(rng), token(5, rng));
        let clients: Vec<_> = clients.into_iter().map(|end| (end, agent(rng))).collect();
        let site = format!("www.{}.example", word(rng));
        let report = prose(700, rng).replace("\r\n", ", ");
        let parameters = vec![
            ("balancers", balancers.len().into()),
            ("servers", servers.len().into()),
            ("clients", clients.len().into()),
        ];
        let facts = cast.facts(&balancers, PORT, parameters);
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(0.6));
        let turn = 0;
        let it =
            Self { clients, balancers, servers, site, report, repeats_ns, rate, turn };
        Ok((it, facts))
    }

    /// The body of a request: a page of the user's own, or the report.
    fn body(&self, time_ns: u64, rng: &mut Rng) -> String {
        let text = if time_ns < self.repeats_ns {
            prose(rng.between(300, 900) as usize, rng)
        } else {
            self.report.clone()
        };
        format!("{{\"id\": \"{}\", \"text\": \"{text}\"}}", token(24, rng))
    }

    fn visit(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let body = self.body(time_ns, rng);
        let (client, agent) = rng.one_of(&self.clients);
        let balancer = *rng.one_of(&self.balancers);
        let first = format!("POST /{} HTTP/1.1\r\n", token(10, rng));
        let rest = format!(
            "Host: {}\r\nUser-Agent: {agent}\r\nContent-Length: {}\r\n\r\n{body}",
            self.site,
            body.len()
        );
        let answer = format!(
            "HTTP/1.1 201 Created\r\nETag: {}\r\nContent-Length: 24\r\n\r\n{}",
            token(16, rng),
            token(24, rng)
        );
        let ends = (client.client(rng), balancer.at(PORT));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, format!("{first}{rest}").as_bytes(), MILLISECOND);
        let asked = session.time_ns();
        // Longer than the exchange with the server takes.
        session.send(Peer::Server, answer.as_bytes(), 30 * MILLISECOND);
        session.close(Peer::Client);
        let forwarded = format!("{first}X-Forwarded-For: {}\r\n{rest}", client.address);
        self.turn = (self.turn + 1) % self.servers.len();
        let ends = (balancer.client(rng), self.servers[self.turn].at(PORT));
        let later = asked + rng.between(MILLISECOND / 2, 2 * MILLISECOND);
        exchange(ends, later, [&forwarded, &answer], link, rng);
    }

    /// Both balancers ask all servers whether they live.
    fn check(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        for balancer in &self.balancers {
            for server in &self.servers {
                let request = format!(
                    "GET /live HTTP/1.1\r\nHost: {}\r\nX-Check: {}\r\n\r\n",
                    server.address,
                    token(16, rng)
                );
                let answer = format!("HTTP/1.1 204 Alive {}\r\n\r\n", token(8, rng));
                let ends = (balancer.client(rng), server.at(PORT));
                let later = time_ns + rng.below(SECOND);
                exchange(ends, later, [&request, &answer], link, rng);
            }
        }
    }
}

/// One request in a connection of its own.
fn exchange(
    ends: (Endpoint, Endpoint),
    time_ns: u64,
    [request, answer]: [&str; 2],
    link: &mut Link,
    rng: &mut Rng,
) {
    let mut session = TcpSession::new(link, ends, time_ns, rng);
    session.open();
    session.send(Peer::Client, request.as_bytes(), MILLISECOND / 10);
    session.send(Peer::Server, answer.as_bytes(), rng.between(2, 12) * MILLISECOND);
    session.close(Peer::Client);
}

impl Process for Balancers {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Check);
        schedule.at(start_ns + SECOND, Event::Visit);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Visit => {
                self.visit(time_ns, &mut schedule.link, &mut schedule.rng);
                schedule.after(time_ns, self.rate, Event::Visit);
            }
            Event::Check => {
                self.check(time_ns, &mut schedule.link, &mut schedule.rng);
                schedule.at(time_ns + CHECK_NS, Event::Check);
            }
        }
    }
}
