//! A worm between servers and browsers.
//!
//! The scenario `web-server-browser`: an infected server sends the body in its
//! replies, from port 80 to the browser's own port; an infected browser uploads
//! it to the servers that it visits, to port 80. So no host passes it on to the
//! port at which it received it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::letter::word;
use super::population::Population;
use super::scanning::{checked, ephemeral};
use super::story::{Plot, Story};
use crate::body::Body;
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

const NAME: &str = "web-server-browser";
const HTTP: u16 = 80;
/// Servers, a third of them inside.
const SERVERS: usize = 18;

const FEW_SERVERS: Verdict = Verdict::Silent(
    "at port 80 there are 18 destinations, the servers; at a browser's own port there is \
     one, the browser",
);
const PORTS_CHANGE: Verdict = Verdict::Silent(
    "a server receives at port 80 and sends to the browsers' ports, a browser the other \
     way round: at no port does a host pass on what it received there",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: NAME,
        summary: "infected servers send the body in replies, infected browsers upload it to \
                  the servers that they visit",
        defeats: "keys that hold the destination port; looking at requests alone",
        kind: Kind::Worm,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(FEW_SERVERS, PORTS_CHANGE),
            Expectation::under("port_rule = \"none\"", Verdict::Fires, Verdict::Fires),
            Expectation::under("port_rule = \"service\"", Verdict::Fires, Verdict::Fires),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story =
        Story { settle: Duration::from_secs(15), ..Story::new(NAME, seed, options)? };
    story.stream(Web::new)
}

/// Hosts are numbered with the servers first on each side.
struct Web {
    story: Story,
    hosts: Population,
    servers: Vec<usize>,
    browsers: Vec<usize>,
    next_visit: u64,
    emitter: Emitter,
    body: Body,
    visit_gap_ns: f64,
    rng: Rng,
    copy: Vec<u8>,
    text: Vec<u8>,
}

impl Web {
    fn new(story: &Story) -> Result<Self, CorpusError> {
        let count = story.options.vulnerable_hosts.unwrap_or(218) as usize;
        let rate = story.options.scan_rate.unwrap_or(0.05);
        if !rate.is_finite() || rate <= 0.0 {
            let expected = format!("visits a second, above 0, found {rate}");
            return Err(CorpusError::setting("scan_rate", expected));
        }
        if count < 2 * SERVERS {
            let expected = format!("{} or more, found {count}", 2 * SERVERS);
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let mut rng = story.rng("hosts");
        let inside = count / 3;
        let hosts = Population::draw(story, [inside, count - inside], &mut rng)?;
        let is_server = |host: &usize| {
            *host < SERVERS / 3 || (inside..inside + SERVERS * 2 / 3).contains(host)
        };
        let (servers, browsers): (Vec<usize>, Vec<usize>) =
            (0..count).partition(is_server);
        let own = Body::wrapped(0, 2_400, 24, &mut story.rng("body"));
        let mut web = Self {
            emitter: story.options.carriage.emitter()?,
            body: checked(story.options.body.clone().unwrap_or(own))?,
            visit_gap_ns: 1e9 / rate / browsers.len() as f64,
            next_visit: story.begins_ns(),
            rng: story.rng("visits"),
            copy: Vec::new(),
            text: Vec::new(),
            story: story.clone(),
            hosts,
            servers,
            browsers,
        };
        // A server outside is the first.
        if let Some(&first) = web.servers.last() {
            web.hosts.infect(first, story.begins_ns(), None);
        }
        Ok(web)
    }

    fn visit(&mut self, time_ns: u64, queue: &mut FrameQueue) {
        let browser = self.browsers[self.rng.index(self.browsers.len())];
        let server = self.servers[self.rng.index(self.servers.len())];
        // Either may infect the other, and what has just come in is not yet run.
        let [serves, uploads] =
            [server, browser].map(|host| self.hosts.is_infected(host));
        if !self.hosts.crosses(browser, server) {
            if serves {
                self.hosts.infect(browser, time_ns, Some(server));
            }
            if uploads {
                self.hosts.infect(server, time_ns, Some(browser));
            }
            return;
        }
        let rng = &mut self.rng;
        let client = self.story.end(self.hosts.address(browser), ephemeral(rng));
        let service = self.story.end(self.hosts.address(server), HTTP);
        let mut talk =
            TcpDialogue::new(queue, &mut self.emitter, client, service, time_ns, rng);
        talk.open();
        let [host, program] = [word(rng), word(rng)];
        let request = format!(
            "GET /{}/{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {program}\r\n\r\n",
            word(rng),
            word(rng)
        );
        talk.say(Peer::Client, request.as_bytes(), rng.between(200_000, 2_000_000));
        let mut page = Vec::new();
        let length = rng.between(200, 900) as usize;
        rng.append(length, &mut page);
        if serves {
            self.body.write(rng, &mut self.copy);
            page.extend_from_slice(&self.copy);
        }
        self.text.clear();
        let [product, kind] = [word(rng), word(rng)];
        self.text.extend_from_slice(
            format!(
                "HTTP/1.1 200 OK\r\nServer: {product}\r\nContent-Type: x/{kind}\r\n\
                 Content-Length: {}\r\n\r\n",
                page.len()
            )
            .as_bytes(),
        );
        self.text.extend_from_slice(&page);
        let copied = if serves { self.copy.len() } else { 0 };
        let plant = Plant {
            range: self.text.len() - copied..self.text.len(),
            infects: self.hosts.next_infection(browser).filter(|_| serves),
            ..Plant::default()
        };
        let whole = talk.say_planted(Peer::Server, &self.text, 3_000_000, &plant);
        if serves {
            self.hosts.infect(browser, whole, Some(server));
        }
        if uploads {
            self.body.write(rng, &mut self.copy);
            self.text.clear();
            self.text.extend_from_slice(
                format!(
                    "POST /{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {program}\r\n\
                     Content-Length: {}\r\n\r\n",
                    word(rng),
                    self.copy.len()
                )
                .as_bytes(),
            );
            let start = self.text.len();
            self.text.extend_from_slice(&self.copy);
            let plant = Plant {
                range: start..self.text.len(),
                infects: self.hosts.next_infection(server),
                ..Plant::default()
            };
            let whole = talk.say_planted(Peer::Client, &self.text, 3_000_000, &plant);
            self.hosts.infect(server, whole, Some(browser));
            let thanks = format!("HTTP/1.1 204 {}\r\n\r\n", word(rng));
            talk.say(Peer::Server, thanks.as_bytes(), 1_000_000);
        }
        talk.close(Peer::Client);
    }
}

impl Plot for Web {
    fn next_time(&mut self) -> Option<u64> {
        Some(self.next_visit)
    }

    fn go_on(&mut self, queue: &mut FrameQueue) {
        self.visit(self.next_visit, queue);
        let gap = self.rng.exponential(self.visit_gap_ns) as u64;
        self.next_visit = self.next_visit.saturating_add(gap);
    }

    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }

    fn vulnerable_hosts(&self) -> u64 {
        self.hosts.len() as u64
    }

    fn vulnerable_inside(&self) -> Vec<Ipv4Addr> {
        self.hosts.inside().to_vec()
    }

    /// Sent to port 80 and to the browsers' ports.
    fn contents(&self) -> Vec<PlantedContent> {
        vec![PlantedContent {
            name: "body".to_owned(),
            body: self.body.clone(),
            protocol: Protocol::Tcp,
            destination_port: None,
        }]
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("servers", self.servers.len().into()),
            ("browsers", self.browsers.len().into()),
            (
                "visits_a_second_and_browser",
                (1e9 / self.visit_gap_ns / self.browsers.len() as f64).into(),
            ),
        ]
    }
}
