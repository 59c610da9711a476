//! Scenario `dns-forwarders`: three forwarders ask name servers on behalf of clients.
//!
//! A forwarder sends a question that it cannot answer to one of its upstream servers, with
//! an identifier of its own. At first the clients ask for names that nobody else asks for.
//! Then a few names are popular, and the forwarders ask all servers at once, to take the
//! first answer; they keep answers for twenty seconds.

use std::collections::BTreeMap;

use super::setup::{Cast, Facts, MANY_PASS_ON, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link, client_port};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::text::{token, word};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 53;
const POPULAR: usize = 5;
const KEPT_NS: u64 = 20 * SECOND;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "dns-forwarders",
        kind: IncidentKind::ForwardingService,
        grade: IncidentGrade::NeverHigh,
        reason: "three hosts send on questions, to name servers that they asked before",
    },
    open: |cast| cast.start(Forwarders::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "three forwarders send questions of 90 clients on to four name servers",
        "propagation alone: a forwarder sends one received question to several hosts",
        MANY_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Forwarders {
    clients: Vec<Endpoint>,
    forwarders: Vec<Endpoint>,
    upstream: Vec<Endpoint>,
    /// Questions, without their identifiers.
    popular: Vec<Vec<u8>>,
    /// Until when a forwarder knows the answer to a popular question.
    known: BTreeMap<(usize, usize), u64>,
    repeats_ns: u64,
    rate: f64,
}

impl Forwarders {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let forwarders = cast.pool.inside_servers(3)?;
        let upstream = cast.pool.outside(4)?;
        let clients = cast.pool.inside(cast.size(90, 40))?;
        let rng = &mut cast.pool.rng;
        let popular = (0..POPULAR).map(|_| question(rng)).collect();
        let parameters = vec![
            ("forwarders", forwarders.len().into()),
            ("name_servers", upstream.len().into()),
            ("clients", clients.len().into()),
        ];
        let facts = cast.facts(&forwarders, PORT, parameters);
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(1.6));
        let known = BTreeMap::new();
        let it = Self { clients, forwarders, upstream, popular, known, repeats_ns, rate };
        Ok((it, facts))
    }

    /// One question, and whether the forwarder knows the answer.
    fn draw(&mut self, time_ns: u64, forwarder: usize, rng: &mut Rng) -> (Vec<u8>, bool) {
        if time_ns < self.repeats_ns || rng.chance(0.4) {
            return (question(rng), false);
        }
        let name = rng.index(self.popular.len());
        let until = self.known.entry((forwarder, name)).or_default();
        let known = time_ns < *until;
        if !known {
            *until = time_ns + KEPT_NS;
        }
        (self.popular[name].clone(), known)
    }

    fn ask(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let place = rng.index(self.forwarders.len());
        let (question, known) = self.draw(time_ns, place, rng);
        let forwarder = self.forwarders[place];
        let client = rng.one_of(&self.clients).client(rng);
        let record = record(rng);
        let id = rng.next_u64() as u16;
        let service = forwarder.at(PORT);
        link.udp(time_ns, (&client, &service), &message(id, &question, None));
        let mut answered = time_ns + rng.between(MILLISECOND / 2, MILLISECOND);
        if !known {
            let from = forwarder.at(client_port(rng));
            let asked = answered;
            let one = rng.index(self.upstream.len());
            let all = time_ns >= self.repeats_ns;
            let servers = self.upstream.iter().enumerate();
            for (number, server) in servers.filter(|(place, _)| all || *place == one) {
                let server = server.at(PORT);
                let id = rng.next_u64() as u16;
                let at = asked + number as u64 * MILLISECOND / 20;
                link.udp(at, (&from, &server), &message(id, &question, None));
                let back = at + rng.between(8, 40) * MILLISECOND;
                let answer = message(id, &question, Some(&record));
                link.udp(back, (&server, &from), &answer);
                let first = answered == asked || back < answered;
                if first {
                    answered = back + MILLISECOND / 2;
                }
            }
        }
        let answer = message(id, &question, Some(&record));
        link.udp(answered, (&service, &client), &answer);
    }
}

/// A name of four labels with its type and class, and the extension record behind it.
fn question(rng: &mut Rng) -> Vec<u8> {
    let labels = [word(rng), token(12, rng), format!("{}{}", word(rng), word(rng))];
    let mut bytes = Vec::new();
    for label in labels.iter().map(String::as_str).chain(["example"]) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    // The root; an IPv4 address of the class Internet.
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

/// An answer: the name in question, 300 seconds, and an address.
fn record(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4];
    rng.append(4, &mut bytes);
    bytes
}

/// A message with the 12-byte header of RFC 1035 and the extension record of RFC 6891.
fn message(id: u16, question: &[u8], record: Option<&[u8]>) -> Vec<u8> {
    let flags: [u8; 2] = if record.is_some() { [0x81, 0x80] } else { [0x01, 0x00] };
    let answers = u8::from(record.is_some());
    let counts = [0, 1, 0, answers, 0, 0, 0, 1];
    let extension = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];
    [
        &id.to_be_bytes(),
        &flags,
        &counts[..],
        question,
        record.unwrap_or_default(),
        &extension,
    ]
    .concat()
}

impl Process for Forwarders {
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.at(start_ns, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.ask(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, self.rate, ());
    }
}
