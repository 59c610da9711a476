//! Scenario `web-server-browser`: a worm between servers and browsers.
//!
//! An infected server sends the body in its replies,
//! from port 80 to the browser's own port; an infected browser uploads it to the servers
//! that it visits, to port 80. So no host relays it to the port at which it received it.

use std::time::Duration;

use super::population::Population;
use super::setup::{Prepared, Worm, WormSetup};
use crate::body::Body;
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
    profile: Profile::worm(
        "web-server-browser",
        "infected servers send the body in replies, infected browsers upload it to the \
             servers that they visit",
        "keys that hold the destination port; looking at requests alone",
        &[
            Expectation::by_default(FEW_SERVERS, Verdict::Fires),
            Expectation::under("port_rule = \"destination\"", FEW_SERVERS, PORTS_CHANGE),
            Expectation::fires_under("port_rule = \"none\""),
            Expectation::fires_under("port_rule = \"service\""),
        ],
    ),
    open: |request| {
        let setup =
            WormSetup { settle: Duration::from_secs(15), ..WormSetup::new(request)? };
        setup.start(Web::prepare)
    },
};

/// Hosts are numbered with the servers first on each side.
struct Web {
    hosts: Population,
    servers: Vec<usize>,
    browsers: Vec<usize>,
    body: Body,
    visit_gap_ns: f64,
    copy: Vec<u8>,
}

impl Web {
    fn prepare(setup: &WormSetup) -> Result<Prepared<Self>, CorpusError> {
        let count = setup.options.vulnerable_hosts.unwrap_or(218) as usize;
        let rate = setup.options.scan_rate.unwrap_or(0.05);
        let rate = CorpusError::positive("scan_rate", rate)?;
        if count < 2 * SERVERS {
            let expected = format!("{} or more, found {count}", 2 * SERVERS);
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let mut rng = setup.rng("hosts");
        let inside = count / 3;
        let hosts = Population::draw(setup, [inside, count - inside], &mut rng)?;
        let is_server = |host: &usize| {
            *host < SERVERS / 3 || (inside..inside + SERVERS * 2 / 3).contains(host)
        };
        let (servers, browsers): (Vec<usize>, Vec<usize>) =
            (0..count).partition(is_server);
        setup.options.carriage.check_only_wraps()?;
        let body = setup.body(Body::wrapped(0, 2_400, 24, &mut setup.rng("body")))?;
        let visit_gap_ns = 1e9 / rate / browsers.len() as f64;
        let per_browser = 1e9 / visit_gap_ns / browsers.len() as f64;
        Ok(Prepared {
            rng: setup.rng("visits"),
            vulnerable_hosts: count as u64,
            vulnerable_inside: hosts.inside().to_vec(),
            // Sent to port 80 and to the browsers' ports.
            contents: vec![PlantedContent::new("body", &body, Protocol::Tcp, None)],
            parameters: setup.parameters(vec![
                ("servers", servers.len().into()),
                ("browsers", browsers.len().into()),
                ("visits_a_second_and_browser", per_browser.into()),
            ]),
            worm: Self { hosts, servers, browsers, body, visit_gap_ns, copy: Vec::new() },
        })
    }

    fn visit(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let browser = self.browsers[rng.index(self.browsers.len())];
        let server = self.servers[rng.index(self.servers.len())];
        // Either may infect the other, and what has just come in is not yet run.
        let [serves, uploads] =
            [server, browser].map(|host| self.hosts.is_infected(host));
        if !self.hosts.tap_sees(browser, server) {
            if serves {
                self.hosts.infect(browser, time_ns, Some(server));
            }
            if uploads {
                self.hosts.infect(server, time_ns, Some(browser));
            }
            return;
        }
        let client = self.hosts.endpoint(browser).client(rng);
        let service = self.hosts.endpoint(server).at(HTTP);
        let mut session = TcpSession::new(link, (client, service), time_ns, rng);
        session.open();
        let [host, program] = [letters(rng), letters(rng)];
        let request = format!(
            "GET /{}/{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {program}\r\n\r\n",
            letters(rng),
            letters(rng)
        );
        session.send(Peer::Client, request.as_bytes(), rng.between(200_000, 2_000_000));
        let length = rng.between(200, 900) as usize;
        let mut page = rng.bytes(length);
        self.copy.clear();
        if serves {
            self.body.write(rng, &mut self.copy);
            page.extend_from_slice(&self.copy);
        }
        let [product, kind] = [letters(rng), letters(rng)];
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: {product}\r\nContent-Type: x/{kind}\r\n\
             Content-Length: {}\r\n\r\n",
            page.len()
        );
        let reply = [head.as_bytes(), &page].concat();
        let planted = PlantedRange {
            infects: self.hosts.next_infection(browser).filter(|_| serves),
            ..PlantedRange::first(reply.len() - self.copy.len()..reply.len())
        };
        let complete = session.send_planted(Peer::Server, &reply, 3_000_000, &planted);
        if serves {
            self.hosts.infect(browser, complete, Some(server));
        }
        if uploads {
            self.body.write(rng, &mut self.copy);
            let head = format!(
                "POST /{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {program}\r\n\
                 Content-Length: {}\r\n\r\n",
                letters(rng),
                self.copy.len()
            );
            let upload = [head.as_bytes(), &self.copy].concat();
            let planted = PlantedRange {
                infects: self.hosts.next_infection(server),
                ..PlantedRange::first(head.len()..upload.len())
            };
            let complete =
                session.send_planted(Peer::Client, &upload, 3_000_000, &planted);
            self.hosts.infect(server, complete, Some(browser));
            let thanks = format!("HTTP/1.1 204 {}\r\n\r\n", letters(rng));
            session.send(Peer::Server, thanks.as_bytes(), 1_000_000);
        }
        session.close(Peer::Client);
    }
}

impl Process for Web {
    /// The next visit.
    type Event = ();

    /// A server outside is the first.
    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        if let Some(&first) = self.servers.last() {
            self.hosts.infect(first, start_ns, None);
        }
        schedule.at(start_ns, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.visit(time_ns, &mut schedule.link, &mut schedule.rng);
        let gap = schedule.rng.exponential(self.visit_gap_ns) as u64;
        schedule.at(time_ns.saturating_add(gap), ());
    }
}

impl Worm for Web {
    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }
}
