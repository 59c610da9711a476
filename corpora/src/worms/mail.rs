//! A worm that spreads by mail.
//!
//! The scenario `mail`: an infected person's machine sends letters with the worm
//! attached to everybody in the address book. A letter goes to the sender's
//! server, from there to the recipient's, and is fetched by POP3 when the
//! recipient next looks; the machine that fetches it is infected. People and
//! servers are on both sides of the tap, which sees the hops that cross it.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;

use super::agenda::Agenda;
use super::letter::{Letter, base64_lines, mailbox, word};
use super::population::Population;
use super::scanning::ephemeral;
use super::story::{Plot, Story};
use crate::body::{Body, Piece};
use crate::emitter::Emitter;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::Protocol;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::{Peer, Plant, TcpDialogue};
use crate::traffic::{FrameQueue, PlantedContent};

const NAME: &str = "mail";
const SMTP: u16 = 25;
const POP3: u16 = 110;
/// Bytes of the attachment before it is encoded.
const ATTACHED: usize = 3_000;
/// Addresses in a book.
const BOOK: usize = 8;
const LATENCY_NS: u64 = 5_000_000_000;
/// Mean time until a recipient looks for mail.
const LOOKS_NS: f64 = 20e9;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: NAME,
        summary: "letters with a base64 attachment go to everybody in the books of \
                  infected hosts, by SMTP from server to server and by POP3",
        defeats: "signatures of the program's own bytes; attackers that talk to victims",
        kind: Kind::Worm,
        two_way: true,
        same_port: false,
        standard: true,
        // Victims receive at ports of their own, but servers receive and send at
        // port 25: it is they whom the propagation alarm names.
        expectations: &[
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::under("port_rule = \"none\"", Verdict::Fires, Verdict::Fires),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story = Story {
        until: 120,
        settle: Duration::from_secs(10),
        ..Story::new(NAME, seed, options)?
    };
    story.stream(Mail::new)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// From the sender to its server.
    Submit(Letter),
    /// From the sender's server to the recipient's.
    Relay(Letter),
    /// From the recipient's server to the recipient.
    Fetch(Letter),
}

struct Mail {
    story: Story,
    hosts: Population,
    people: Vec<usize>,
    servers: Vec<usize>,
    /// By host, as the books.
    server_of: Vec<usize>,
    books: Vec<Vec<usize>>,
    agenda: Agenda<Event>,
    emitter: Emitter,
    /// As it stands on the wire.
    attachment: Vec<u8>,
    send_gap_ns: f64,
    rng: Rng,
    text: Vec<u8>,
}

impl Mail {
    fn new(story: &Story) -> Result<Self, CorpusError> {
        let count = story.options.vulnerable_hosts.unwrap_or(240) as usize;
        let rate = story.options.scan_rate.unwrap_or(0.2);
        if !rate.is_finite() || rate <= 0.0 {
            let expected = format!("letters a second, above 0, found {rate}");
            return Err(CorpusError::setting("scan_rate", expected));
        }
        if count < BOOK {
            let expected = format!("{BOOK} or more, found {count}");
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let mut rng = story.rng("people");
        // A third of the people are inside, a quarter of the servers.
        let servers = (count / 3).max(4);
        let sides =
            [(count / 3, servers / 4), (count - count / 3, servers - servers / 4)];
        let hosts = Population::draw(story, sides.map(|(a, b)| a + b), &mut rng)?;
        let [(inside, _), (outside, _)] = sides;
        let split = hosts.inside().len();
        let is_person =
            |host: &usize| *host < inside || (split..split + outside).contains(host);
        let (people, servers): (Vec<usize>, Vec<usize>) =
            (0..hosts.len()).partition(is_person);
        let draw = |list: &[usize], rng: &mut Rng| list[rng.index(list.len())];
        let server_of = (0..hosts.len()).map(|_| draw(&servers, &mut rng)).collect();
        let book = |rng: &mut Rng| (0..BOOK).map(|_| draw(&people, rng)).collect();
        let books = (0..hosts.len()).map(|_| book(&mut rng)).collect();
        let mut mail = Self {
            emitter: story.options.carriage.emitter()?,
            attachment: base64_lines(&attached(story)?),
            agenda: Agenda::new(),
            send_gap_ns: 1e9 / rate,
            rng: story.rng("letters"),
            text: Vec::new(),
            story: story.clone(),
            hosts,
            people,
            servers,
            server_of,
            books,
        };
        // Somebody outside is the first.
        if let Some(&first) = mail.people.last() {
            mail.infect(first, story.begins_ns(), None);
        }
        Ok(mail)
    }

    fn infect(&mut self, person: usize, time_ns: u64, by: Option<Infector>) {
        let (by, crosses_tap) =
            by.map_or((None, false), |by| (Some(by.person), by.crosses));
        if !self.hosts.infect_from(person, time_ns, by, crosses_tap) {
            return;
        }
        let mut next = time_ns.saturating_add(LATENCY_NS);
        for to in self.books[person].clone() {
            next = next.saturating_add(self.rng.exponential(self.send_gap_ns) as u64);
            let seed = self.rng.next_u64();
            let letter = Letter { seed, written_ns: next, from: person, to };
            self.agenda.enter(next, Event::Submit(letter));
        }
    }

    fn relay_or_fetch(&mut self, letter: Letter, at_server: usize, time_ns: u64) {
        let (then, event) = if at_server == self.server_of[letter.to] {
            let wait = 1e9 + self.rng.exponential(LOOKS_NS);
            (wait as u64, Event::Fetch(letter))
        } else {
            (self.rng.between(500_000_000, 4_000_000_000), Event::Relay(letter))
        };
        self.agenda.enter(time_ns.saturating_add(then), event);
    }

    /// SMTP between two addresses; returns when the letter is there.
    fn send(
        &mut self,
        time_ns: u64,
        letter: Letter,
        [from, to]: [Ipv4Addr; 2],
        hops: u32,
        queue: &mut FrameQueue,
    ) -> u64 {
        let inside = self.story.space.inside;
        if inside.contains(from) == inside.contains(to) {
            return time_ns.saturating_add(200_000_000);
        }
        let rng = &mut self.rng;
        let client = self.story.end(from, ephemeral(rng));
        let server = self.story.end(to, SMTP);
        let mut talk =
            TcpDialogue::new(queue, &mut self.emitter, client, server, time_ns, rng);
        talk.open();
        let queued = word(rng);
        for (peer, line) in [
            (Peer::Server, format!("220 {} ESMTP {}\r\n", word(rng), word(rng))),
            (Peer::Client, format!("EHLO {}\r\n", word(rng))),
            (Peer::Server, format!("250 {} at your service\r\n", word(rng))),
            (Peer::Client, format!("MAIL FROM:<{}>\r\n", letter.sender())),
            (Peer::Server, format!("250 {} Ok\r\n", word(rng))),
            (Peer::Client, format!("RCPT TO:<{}>\r\n", mailbox(letter.to))),
            (Peer::Server, format!("250 {} Ok\r\n", word(rng))),
            (Peer::Client, "DATA\r\n".to_owned()),
            (Peer::Server, format!("354 go on, {}\r\n", word(rng))),
        ] {
            talk.say(peer, line.as_bytes(), rng.between(500_000, 20_000_000));
        }
        self.text.clear();
        let range = shared(letter.write(hops, &self.attachment, &mut self.text));
        let plant = Plant { range, ..Plant::default() };
        let whole = talk.say_planted(Peer::Client, &self.text, 2_000_000, &plant);
        let accepted = format!("250 queued as {queued}\r\n");
        talk.say(Peer::Server, accepted.as_bytes(), 1_000_000);
        talk.say(Peer::Client, b"QUIT\r\n", 500_000);
        talk.close(Peer::Client);
        whole
    }

    fn fetch(&mut self, time_ns: u64, letter: Letter, queue: &mut FrameQueue) {
        let (person, server) = (letter.to, self.server_of[letter.to]);
        let by = |crosses| Some(Infector { person: letter.from, crosses });
        if !self.hosts.crosses(person, server) {
            self.infect(person, time_ns, by(false));
            return;
        }
        let hops = self.hops(letter);
        let rng = &mut self.rng;
        let client = self.story.end(self.hosts.address(person), ephemeral(rng));
        let server = self.story.end(self.hosts.address(server), POP3);
        let mut talk =
            TcpDialogue::new(queue, &mut self.emitter, client, server, time_ns, rng);
        talk.open();
        for (peer, line) in [
            (Peer::Server, format!("+OK {}\r\n", word(rng))),
            (Peer::Client, format!("USER {}\r\n", mailbox(person))),
            (Peer::Server, format!("+OK {}\r\n", word(rng))),
            (Peer::Client, format!("PASS {}\r\n", word(rng))),
            (Peer::Server, format!("+OK {}\r\n", word(rng))),
            (Peer::Client, "RETR 1\r\n".to_owned()),
        ] {
            talk.say(peer, line.as_bytes(), rng.between(500_000, 20_000_000));
        }
        self.text.clear();
        let range = shared(letter.write(hops, &self.attachment, &mut self.text));
        let infects = self.hosts.next_infection(person);
        let plant = Plant { range, infects, ..Plant::default() };
        let whole = talk.say_planted(Peer::Server, &self.text, 2_000_000, &plant);
        talk.say(Peer::Client, b"DELE 1\r\n", 1_000_000);
        talk.say(Peer::Server, b"+OK\r\n", 1_000_000);
        talk.close(Peer::Client);
        self.infect(person, whole, by(true));
    }

    /// Servers that a letter passes.
    fn hops(&self, letter: Letter) -> u32 {
        1 + u32::from(self.server_of[letter.from] != self.server_of[letter.to])
    }
}

/// Who wrote the letter that infects, and whether its last hop crosses the tap.
#[derive(Clone, Copy)]
struct Infector {
    person: usize,
    crosses: bool,
}

/// What every letter has before the attachment and behind it, too: the end of the
/// headers, and the beginning of the last boundary.
const BEFORE: &[u8] = b")\r\n\r\n";
const AFTER: &[u8] = b"--";

/// The stretch that every letter shares, by where the attachment stands.
fn shared(attachment: Range<usize>) -> Range<usize> {
    attachment.start - BEFORE.len()..attachment.end + AFTER.len()
}

/// What is attached: encoded, it must be the same in every letter.
fn attached(story: &Story) -> Result<Vec<u8>, CorpusError> {
    let Some(body) = &story.options.body else {
        let mut bytes = Vec::new();
        story.rng("body").append(ATTACHED, &mut bytes);
        return Ok(bytes);
    };
    let template = body.template();
    let fixed: usize = body.invariant().into_iter().map(|range| range.len()).sum();
    if fixed > 0 && fixed == body.longest() {
        return Ok(template);
    }
    Err(CorpusError::setting("body", "a body that is the same in every copy"))
}

impl Plot for Mail {
    fn next_time(&mut self) -> Option<u64> {
        self.agenda.next_time()
    }

    fn go_on(&mut self, queue: &mut FrameQueue) {
        let Some((time_ns, event)) = self.agenda.next() else { return };
        match event {
            Event::Submit(letter) => {
                let server = self.server_of[letter.from];
                let way = [self.hosts.address(letter.from), self.hosts.address(server)];
                let whole = self.send(time_ns, letter, way, 0, queue);
                self.relay_or_fetch(letter, server, whole);
            }
            Event::Relay(letter) => {
                let servers = [self.server_of[letter.from], self.server_of[letter.to]];
                let way = servers.map(|server| self.hosts.address(server));
                let whole = self.send(time_ns, letter, way, 1, queue);
                self.relay_or_fetch(letter, servers[1], whole);
            }
            Event::Fetch(letter) => self.fetch(time_ns, letter, queue),
        }
    }

    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }

    fn vulnerable_hosts(&self) -> u64 {
        self.people.len() as u64
    }

    fn vulnerable_inside(&self) -> Vec<Ipv4Addr> {
        let inside = self.people.iter().filter(|person| self.hosts.is_inside(**person));
        inside.map(|person| self.hosts.address(*person)).collect()
    }

    /// Sent to port 25 and to the ports of those who fetch.
    fn contents(&self) -> Vec<PlantedContent> {
        vec![PlantedContent {
            name: "attachment".to_owned(),
            body: Body::new(vec![Piece::Invariant(
                [BEFORE, &self.attachment, AFTER].concat(),
            )]),
            protocol: Protocol::Tcp,
            destination_port: None,
        }]
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("servers", self.servers.len().into()),
            ("addresses_in_a_book", BOOK.into()),
            ("letters_a_second", (1e9 / self.send_gap_ns).into()),
        ]
    }
}
