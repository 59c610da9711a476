//! Many mirrors deliver one signed package.
//!
//! The package is the same from every mirror to every client: many to many by
//! nature, but in answers, which go to ports that clients draw at random. The
//! requests are personal and short.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{random_bytes, token, word};
use crate::calendar::http_date;
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::Peer;

const PLAN: Plan = Plan::named("software-update");
const MIRRORS: usize = 45;
const CLIENTS: usize = 300;
const PACKAGE: usize = 24_000;
/// Downloads a second.
const RATE: f64 = 2.5;

const NO_RELAY: Verdict = Verdict::Silent("clients send the package to nobody");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "300 clients fetch one signed package from 45 mirrors",
        defeats: "dispersion without the port in the key",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
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
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Update::new)
}

struct Update {
    mirrors: Vec<(End, String)>,
    clients: Vec<End>,
    package: Vec<u8>,
}

struct Download;

impl Update {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let mirrors = cast.outside(MIRRORS)?;
        let clients = cast.inside(CLIENTS)?;
        let rng = &mut cast.rng;
        let mirrors = mirrors.into_iter().map(|end| (end, word(rng))).collect();
        Ok(Self { mirrors, clients, package: random_bytes(PACKAGE, rng) })
    }
}

impl Story for Update {
    type Event = Download;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Download>) {
        scene.at(start_ns + SECOND, Download);
    }

    fn happen(&mut self, time_ns: u64, _: Download, scene: &mut Scene<Download>) {
        let rng = &mut scene.rng;
        let (mirror, name) = any(&self.mirrors, rng);
        let person = any(&self.clients, rng);
        let request = format!(
            "GET /{}/core.pkg HTTP/1.1\r\nHost: {name}.example\r\nAgent: {}\r\n\r\n",
            token(12, rng),
            token(8, rng)
        );
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nServer: {name}\r\nDate: {}\r\nX-Id: {}\r\n\
             Content-Length: {PACKAGE}\r\n\r\n",
            http_date(time_ns, "GMT"),
            token(12, rng)
        )
        .into_bytes();
        answer.extend_from_slice(&self.package);
        let ends = (client(&person, rng), at_port(&mirror, 80));
        let mut talk = scene.wire.talk(time_ns, ends.0, ends.1, rng);
        talk.open();
        talk.say(Peer::Client, request.as_bytes(), 100_000);
        let pause = rng.between(MILLISECOND, 30 * MILLISECOND);
        talk.say(Peer::Server, &answer, pause);
        talk.close(Peer::Client);
        scene.after(time_ns, RATE, Download);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("servers", MIRRORS.into()), ("clients", CLIENTS.into())]
    }
}
