//! Scenario `mail`: a worm that spreads by mail.
//!
//! An infected person's machine sends messages with the worm attached to all contacts. A
//! message goes to the sender's server, from there to the recipient's, and is fetched by
//! POP3 when the recipient next looks; the machine that fetches it is infected. People and
//! servers are on both sides of the tap, which sees the hops that cross it.

use std::ops::Range;

use super::mail_message::{Message, base64_lines, mailbox};
use super::population::Population;
use super::setup::{Prepared, Worm, WormSetup};
use crate::body::{Body, Piece};
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::ground_truth::Protocol;
use crate::link::Link;
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, PlantedRange, TcpSession};
use crate::text::letters;
use crate::traffic::PlantedContent;

const SMTP: u16 = 25;
const POP3: u16 = 110;
/// Bytes of the attachment before it is encoded.
const ATTACHED: usize = 3_000;
/// Contacts of a person.
const CONTACTS: usize = 8;
const LATENCY_NS: u64 = 5_000_000_000;
/// Mean time until a recipient looks for mail.
const LOOKS_NS: f64 = 20e9;
/// Between two lines of a session.
const PAUSES: (u64, u64) = (500_000, 20_000_000);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "mail",
        "messages with a base64 attachment go to all contacts of infected hosts, by \
             SMTP from server to server and by POP3",
        "signatures of the program's own bytes; attackers that connect to victims",
        // Victims receive at ports of their own, but servers receive and send at
        // port 25: it is they whom the propagation alarm names.
        &[
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::fires_under("port_rule = \"none\""),
        ],
    ),
    open: |request| WormSetup::new(request)?.start(Mail::prepare),
};

#[derive(Clone, Copy)]
enum Event {
    /// From the sender to its server.
    Submit(Message),
    /// From the sender's server to the recipient's.
    Relay(Message),
    /// From the recipient's server to the recipient.
    Fetch(Message),
}

struct Mail {
    hosts: Population,
    people: Vec<usize>,
    /// By host, as the contacts.
    server_of: Vec<usize>,
    contacts: Vec<Vec<usize>>,
    /// As the messages hold it.
    attachment: Vec<u8>,
    send_gap_ns: f64,
}

impl Mail {
    fn prepare(setup: &WormSetup) -> Result<Prepared<Self>, CorpusError> {
        let count = setup.options.vulnerable_hosts.unwrap_or(240) as usize;
        let rate = setup.options.scan_rate.unwrap_or(0.2);
        let rate = CorpusError::positive("scan_rate", rate)?;
        if count < CONTACTS {
            let expected = format!("{CONTACTS} or more, found {count}");
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let mut rng = setup.rng("people");
        // A third of the people are inside, a quarter of the servers.
        let servers = (count / 3).max(4);
        let sides =
            [(count / 3, servers / 4), (count - count / 3, servers - servers / 4)];
        let hosts = Population::draw(setup, sides.map(|(a, b)| a + b), &mut rng)?;
        let [(inside, _), (outside, _)] = sides;
        let split = hosts.inside().len();
        let is_person =
            |host: &usize| *host < inside || (split..split + outside).contains(host);
        let (people, servers): (Vec<usize>, Vec<usize>) =
            (0..hosts.len()).partition(is_person);
        let draw = |list: &[usize], rng: &mut Rng| list[rng.index(list.len())];
        let server_of = (0..hosts.len()).map(|_| draw(&servers, &mut rng)).collect();
        let of_one = |rng: &mut Rng| (0..CONTACTS).map(|_| draw(&people, rng)).collect();
        let contacts = (0..hosts.len()).map(|_| of_one(&mut rng)).collect();
        setup.options.carriage.check_only_wraps()?;
        let attachment = base64_lines(&attached(setup)?);
        let planted = [BEFORE, &attachment, AFTER].concat();
        let body = Body::new(vec![Piece::Invariant(planted)]);
        let inside = people.iter().filter(|person| hosts.is_inside(**person));
        let send_gap_ns = 1e9 / rate;
        Ok(Prepared {
            rng: setup.rng("letters"),
            vulnerable_hosts: people.len() as u64,
            vulnerable_inside: inside.map(|person| hosts.address(*person)).collect(),
            // Sent to port 25 and to the ports of those who fetch.
            contents: vec![PlantedContent::new("attachment", &body, Protocol::Tcp, None)],
            parameters: setup.parameters(vec![
                ("servers", servers.len().into()),
                ("addresses_in_a_book", CONTACTS.into()),
                ("letters_a_second", (1e9 / send_gap_ns).into()),
            ]),
            worm: Self { hosts, people, server_of, contacts, attachment, send_gap_ns },
        })
    }

    fn infect(
        &mut self,
        person: usize,
        time_ns: u64,
        by: Option<Infector>,
        schedule: &mut Schedule<Event>,
    ) {
        let (by, seen) = by.map_or((None, false), |by| (Some(by.person), by.seen));
        if !self.hosts.infect_from(person, time_ns, by, seen) {
            return;
        }
        let mut next = time_ns.saturating_add(LATENCY_NS);
        for &to in &self.contacts[person] {
            let rng = &mut schedule.rng;
            next = next.saturating_add(rng.exponential(self.send_gap_ns) as u64);
            let seed = rng.next_u64();
            let message = Message { seed, written_ns: next, from: person, to };
            schedule.at(next, Event::Submit(message));
        }
    }

    /// Sends a message from host to host by SMTP, and schedules its next hop.
    fn send(
        &mut self,
        time_ns: u64,
        message: Message,
        [from, to]: [usize; 2],
        hops: u32,
        schedule: &mut Schedule<Event>,
    ) {
        let arrived = if self.hosts.tap_sees(from, to) {
            let Schedule { link, rng, .. } = schedule;
            self.smtp(time_ns, message, [from, to], hops, link, rng)
        } else {
            time_ns.saturating_add(200_000_000)
        };
        let rng = &mut schedule.rng;
        let (wait, event) = if to == self.server_of[message.to] {
            ((1e9 + rng.exponential(LOOKS_NS)) as u64, Event::Fetch(message))
        } else {
            (rng.between(500_000_000, 4_000_000_000), Event::Relay(message))
        };
        schedule.at(arrived.saturating_add(wait), event);
    }

    /// A session across the tap; returns when the message is there.
    fn smtp(
        &self,
        time_ns: u64,
        message: Message,
        [from, to]: [usize; 2],
        hops: u32,
        link: &mut Link,
        rng: &mut Rng,
    ) -> u64 {
        let client = self.hosts.endpoint(from).client(rng);
        let server = self.hosts.endpoint(to).at(SMTP);
        let mut session = TcpSession::new(link, (client, server), time_ns, rng);
        session.open();
        let queued = letters(rng);
        let envelope = [
            (Peer::Server, format!("220 {} ESMTP {}\r\n", letters(rng), letters(rng))),
            (Peer::Client, format!("EHLO {}\r\n", letters(rng))),
            (Peer::Server, format!("250 {} at your service\r\n", letters(rng))),
            (Peer::Client, format!("MAIL FROM:<{}>\r\n", message.sender())),
            (Peer::Server, format!("250 {} Ok\r\n", letters(rng))),
            (Peer::Client, format!("RCPT TO:<{}>\r\n", mailbox(message.to))),
            (Peer::Server, format!("250 {} Ok\r\n", letters(rng))),
            (Peer::Client, "DATA\r\n".to_owned()),
            (Peer::Server, format!("354 go on, {}\r\n", letters(rng))),
        ];
        session.exchange(envelope, PAUSES, rng);
        let (text, attachment) = message.text(hops, &self.attachment);
        let planted = PlantedRange::first(shared(attachment));
        let complete = session.send_planted(Peer::Client, &text, 2_000_000, &planted);
        let accepted = format!("250 queued as {queued}\r\n");
        session.send(Peer::Server, accepted.as_bytes(), 1_000_000);
        session.send(Peer::Client, b"QUIT\r\n", 500_000);
        session.close(Peer::Client);
        complete
    }

    fn fetch(&mut self, time_ns: u64, message: Message, schedule: &mut Schedule<Event>) {
        let (person, server) = (message.to, self.server_of[message.to]);
        let seen = self.hosts.tap_sees(person, server);
        let complete = if seen {
            let Schedule { link, rng, .. } = schedule;
            self.pop3(time_ns, message, link, rng)
        } else {
            time_ns
        };
        let by = Infector { person: message.from, seen };
        self.infect(person, complete, Some(by), schedule);
    }

    /// A session across the tap; returns when the message is there.
    fn pop3(
        &self,
        time_ns: u64,
        message: Message,
        link: &mut Link,
        rng: &mut Rng,
    ) -> u64 {
        let (person, server) = (message.to, self.server_of[message.to]);
        let client = self.hosts.endpoint(person).client(rng);
        let endpoint = self.hosts.endpoint(server).at(POP3);
        let mut session = TcpSession::new(link, (client, endpoint), time_ns, rng);
        session.open();
        let log_in = [
            (Peer::Server, format!("+OK {}\r\n", letters(rng))),
            (Peer::Client, format!("USER {}\r\n", mailbox(person))),
            (Peer::Server, format!("+OK {}\r\n", letters(rng))),
            (Peer::Client, format!("PASS {}\r\n", letters(rng))),
            (Peer::Server, format!("+OK {}\r\n", letters(rng))),
            (Peer::Client, "RETR 1\r\n".to_owned()),
        ];
        session.exchange(log_in, PAUSES, rng);
        let hops = 1 + u32::from(self.server_of[message.from] != server);
        let (text, attachment) = message.text(hops, &self.attachment);
        let infects = self.hosts.next_infection(person);
        let planted = PlantedRange { infects, ..PlantedRange::first(shared(attachment)) };
        let complete = session.send_planted(Peer::Server, &text, 2_000_000, &planted);
        session.send(Peer::Client, b"DELE 1\r\n", 1_000_000);
        session.send(Peer::Server, b"+OK\r\n", 1_000_000);
        session.close(Peer::Client);
        complete
    }
}

/// Who wrote the message that infects, and whether the tap sees its last hop.
#[derive(Clone, Copy)]
struct Infector {
    person: usize,
    seen: bool,
}

/// What every message has before the attachment and behind it, too: the end of the
/// headers, and the beginning of the last boundary.
const BEFORE: &[u8] = b")\r\n\r\n";
const AFTER: &[u8] = b"--";

/// The bytes that every message shares, by where the attachment is.
fn shared(attachment: Range<usize>) -> Range<usize> {
    attachment.start - BEFORE.len()..attachment.end + AFTER.len()
}

/// What is attached: encoded, it must be the same in every message.
fn attached(setup: &WormSetup) -> Result<Vec<u8>, CorpusError> {
    let Some(body) = &setup.options.body else {
        return Ok(setup.rng("body").bytes(ATTACHED));
    };
    let template = body.template();
    let fixed: usize = body.invariant().into_iter().map(|range| range.len()).sum();
    if fixed > 0 && fixed == body.longest() {
        return Ok(template);
    }
    Err(CorpusError::setting("body", "a body that is the same in every copy"))
}

impl Process for Mail {
    type Event = Event;

    /// Somebody outside is the first.
    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        if let Some(&first) = self.people.last() {
            self.infect(first, start_ns, None, schedule);
        }
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Submit(message) => {
                let way = [message.from, self.server_of[message.from]];
                self.send(time_ns, message, way, 0, schedule);
            }
            Event::Relay(message) => {
                let way = [self.server_of[message.from], self.server_of[message.to]];
                self.send(time_ns, message, way, 1, schedule);
            }
            Event::Fetch(message) => self.fetch(time_ns, message, schedule),
        }
    }
}

impl Worm for Mail {
    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }
}
