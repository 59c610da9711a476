//! Scenario `cdn-certificates`: many servers present the same certificates.
//!
//! Before TLS 1.3 the certificate chain and the stapled statement of its validity cross in
//! the clear: the same three kilobytes from every edge server to every client. It is many
//! to many by nature, but in answers, and answers go to ports that clients draw at random.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use super::tls_program::Program;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::word;
use crate::time::MILLISECOND;
use crate::tls::{HANDSHAKE, VERSION, counted_16, counted_24, handshake, record, secret};
use crate::traffic::Parameters;

const EDGES: usize = 64;
const CLIENTS: usize = 150;

const NO_RELAY: Verdict = Verdict::Silent("clients send certificates to nobody");
const MANY_TO_MANY: Verdict = Verdict::Open(
    "one chain goes from every edge to every client: only a baseline can tell",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "cdn-certificates",
        "64 edge servers present one certificate chain and stapled statement to 150 clients",
        "dispersion without the port in the key",
        &[
            Expectation::by_default(
                Verdict::Silent("the chain goes to client ports, hardly twice to one"),
                NO_RELAY,
            ),
            Expectation::under("port_rule = \"service\"", MANY_TO_MANY, NO_RELAY),
            Expectation::under("port_rule = \"none\"", MANY_TO_MANY, NO_RELAY),
        ],
    ),
    open: |request| start_arrivals(request, Certificates::new),
};

struct Certificates {
    edges: Vec<Endpoint>,
    /// Each with a program of its own: the hellos must not repeat here.
    clients: Vec<(Endpoint, Program)>,
    customers: Vec<String>,
    /// The Certificate and CertificateStatus messages.
    presented: Vec<u8>,
}

impl Certificates {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let edges = pool.neighbours(24, EDGES)?;
        let clients = pool.inside(CLIENTS)?;
        let rng = &mut pool.rng;
        let chain = [certificate(1_290, rng), certificate(1_080, rng)].concat();
        let statement = [vec![1], counted_24(&rng.bytes(471))].concat();
        let presented =
            [handshake_record(11, &counted_24(&chain)), handshake_record(22, &statement)];
        let clients = clients.into_iter().map(|end| (end, Program::new(rng))).collect();
        let customers = (0..40).map(|_| format!("www.{}.example", word(rng))).collect();
        Ok(Self { edges, clients, customers, presented: presented.concat() })
    }
}

fn handshake_record(kind: u8, body: &[u8]) -> Vec<u8> {
    record(HANDSHAKE, VERSION, &handshake(kind, body))
}

/// What has the outer form of a certificate, and random bytes in it.
fn certificate(length: usize, rng: &mut Rng) -> Vec<u8> {
    counted_24(&[vec![0x30, 0x82], counted_16(&rng.bytes(length))].concat())
}

impl Arrivals for Certificates {
    const RATE: f64 = 4.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (client, program) = rng.one_of(&self.clients);
        let edge = rng.one_of(&self.edges);
        let customer: &String = rng.one_of(&self.customers);
        let hello = program.client_hello(customer, rng);
        let mut answer = program.server_hello(rng);
        answer.extend_from_slice(&self.presented);
        answer.extend(handshake_record(12, &rng.bytes(329)));
        answer.extend(handshake_record(14, &[]));
        let ends = (client.client(rng), edge.at(443));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        let pause = |rng: &mut Rng| rng.between(MILLISECOND, 30 * MILLISECOND);
        session.open();
        session.send(Peer::Client, &hello, 100_000);
        session.send(Peer::Server, &answer, pause(rng));
        for (peer, least, most) in [
            (Peer::Client, 120, 160),
            (Peer::Server, 60, 280),
            (Peer::Client, 90, 500),
            (Peer::Server, 300, 6_000),
        ] {
            let length = rng.between(least, most) as usize;
            session.send(peer, &secret(length, rng), pause(rng));
        }
        session.close(Peer::Client);
    }

    fn parameters(&self) -> Parameters {
        vec![("servers", EDGES.into()), ("clients", CLIENTS.into())]
    }
}
