//! Many servers of one network show the same certificates.
//!
//! Before TLS 1.3 the certificate chain and the stapled statement of its
//! validity cross in the clear: the same three kilobytes from every edge server
//! to every client. It is many to many by nature, but it comes in answers, and
//! answers go to ports that clients draw at random.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{random_bytes, word};
use super::tls::{self, Program};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::Peer;

const PLAN: Plan = Plan::named("cdn-certificates");
const EDGES: usize = 64;
const CLIENTS: usize = 150;
/// Connections a second.
const RATE: f64 = 4.0;

const NO_RELAY: Verdict = Verdict::Silent("clients send certificates to nobody");
const MANY_TO_MANY: Verdict = Verdict::Open(
    "one chain goes from every edge to every client: only a baseline can tell",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "64 edge servers present one certificate chain and stapled statement \
                  to 150 clients",
        defeats: "dispersion without the port in the key",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(
                Verdict::Silent("the chain goes to client ports, hardly twice to one"),
                NO_RELAY,
            ),
            Expectation::under("port_rule = \"service\"", MANY_TO_MANY, NO_RELAY),
            Expectation::under("port_rule = \"none\"", MANY_TO_MANY, NO_RELAY),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Certificates::new)
}

struct Certificates {
    edges: Vec<End>,
    /// Each with a program of its own: the hellos must not repeat here.
    clients: Vec<(End, Program)>,
    customers: Vec<String>,
    /// The Certificate and CertificateStatus messages.
    shown: Vec<u8>,
}

struct Connection;

impl Certificates {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let edges = cast.neighbours(24, EDGES)?;
        let clients = cast.inside(CLIENTS)?;
        let rng = &mut cast.rng;
        let chain = [certificate(1_290, rng), certificate(1_080, rng)].concat();
        let mut shown =
            tls::record(tls::HANDSHAKE, &tls::handshake(11, &tls::counted_24(&chain)));
        let statement = [vec![1], tls::counted_24(&random_bytes(471, rng))].concat();
        shown.extend(tls::record(tls::HANDSHAKE, &tls::handshake(22, &statement)));
        let clients = clients.into_iter().map(|end| (end, Program::new(rng))).collect();
        let customers = (0..40).map(|_| format!("www.{}.example", word(rng))).collect();
        Ok(Self { edges, clients, customers, shown })
    }
}

/// What has the outer form of a certificate, and random bytes in it.
fn certificate(length: usize, rng: &mut Rng) -> Vec<u8> {
    let mut der = vec![0x30, 0x82];
    der.extend_from_slice(&tls::counted_16(&random_bytes(length, rng)));
    tls::counted_24(&der)
}

impl Story for Certificates {
    type Event = Connection;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Connection>) {
        scene.at(start_ns + SECOND, Connection);
    }

    fn happen(&mut self, time_ns: u64, _: Connection, scene: &mut Scene<Connection>) {
        let rng = &mut scene.rng;
        let (person, program) = any(&self.clients, rng);
        let edge = any(&self.edges, rng);
        let hello = tls::client_hello(&program, &any(&self.customers, rng), rng);
        let mut answer = tls::server_hello(any(&program.ciphers, rng), rng);
        answer.extend_from_slice(&self.shown);
        let exchange = random_bytes(329, rng);
        answer.extend(tls::record(tls::HANDSHAKE, &tls::handshake(12, &exchange)));
        answer.extend(tls::record(tls::HANDSHAKE, &tls::handshake(14, &[])));
        let ends = (client(&person, rng), at_port(&edge, 443));
        let mut talk = scene.wire.talk(time_ns, ends.0, ends.1, rng);
        let think = |rng: &mut Rng| rng.between(MILLISECOND, 30 * MILLISECOND);
        talk.open();
        talk.say(Peer::Client, &hello, 100_000);
        talk.say(Peer::Server, &answer, think(rng));
        for (peer, least, most) in
            [(Peer::Client, 120, 160), (Peer::Server, 60, 280), (Peer::Client, 90, 500)]
        {
            let length = rng.between(least, most) as usize;
            talk.say(peer, &tls::secret(length, rng), think(rng));
        }
        let length = rng.between(300, 6_000) as usize;
        talk.say(Peer::Server, &tls::secret(length, rng), think(rng));
        talk.close(Peer::Client);
        scene.after(time_ns, RATE, Connection);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("servers", EDGES.into()), ("clients", CLIENTS.into())]
    }
}
