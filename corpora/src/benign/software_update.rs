//! Scenario `software-update`: many mirrors deliver one signed package.
//!
//! The package is the same from every mirror to every client: many to many by nature, but
//! in answers, which go to ports that clients draw at random. The requests are personal and
//! short.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{token, word};
use crate::time::{MILLISECOND, http_date};
use crate::traffic::Parameters;

const MIRRORS: usize = 45;
const CLIENTS: usize = 300;
const PACKAGE: usize = 24_000;

const NO_RELAY: Verdict = Verdict::Silent("clients send the package to nobody");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "software-update",
        "300 clients fetch one signed package from 45 mirrors",
        "dispersion without the port in the key",
        &[
            Expectation::by_default(
                Verdict::Silent("the package goes to client ports, hardly twice to one"),
                NO_RELAY,
            ),
            Expectation::under(
                "port_rule = \"none\"",
                Verdict::Open("one package goes from many to many: baseline alone helps"),
                NO_RELAY,
            ),
        ],
    ),
    open: |request| start_arrivals(request, Update::new),
};

struct Update {
    mirrors: Vec<(Endpoint, String)>,
    clients: Vec<Endpoint>,
    package: Vec<u8>,
}

impl Update {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let mirrors = pool.outside(MIRRORS)?;
        let clients = pool.inside(CLIENTS)?;
        let rng = &mut pool.rng;
        let mirrors = mirrors.into_iter().map(|end| (end, word(rng))).collect();
        Ok(Self { mirrors, clients, package: rng.bytes(PACKAGE) })
    }
}

impl Arrivals for Update {
    const RATE: f64 = 2.5;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (mirror, name) = rng.one_of(&self.mirrors);
        let client = rng.one_of(&self.clients);
        let request = format!(
            "GET /{}/core.pkg HTTP/1.1\r\nHost: {name}.example\r\nAgent: {}\r\n\r\n",
            token(12, rng),
            token(8, rng)
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: {name}\r\nDate: {}\r\nX-Id: {}\r\n\
             Content-Length: {PACKAGE}\r\n\r\n",
            http_date(time_ns, "GMT"),
            token(12, rng)
        );
        let answer = [head.as_bytes(), &self.package].concat();
        let ends = (client.client(rng), mirror.at(80));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, request.as_bytes(), 100_000);
        let pause = rng.between(MILLISECOND, 30 * MILLISECOND);
        session.send(Peer::Server, &answer, pause);
        session.close(Peer::Client);
    }

    fn parameters(&self) -> Parameters {
        vec![("servers", MIRRORS.into()), ("clients", CLIENTS.into())]
    }
}
