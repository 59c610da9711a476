//! Advertisements that nobody asked for.
//!
//! Many rented machines send one text to many mail servers. Greeting, link and
//! headers differ from letter to letter; the text does not.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::smtp::{Letter, deliver};
use super::story::{Plan, SECOND, Scene, Story};
use super::text::{prose, token, word};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan::named("bulk-mail");
const SENDERS: usize = 160;
const SERVERS: usize = 50;
/// Letters a second.
const RATE: f64 = 3.0;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "160 machines send one advertisement to 50 mail servers",
        defeats: "dispersion: unwanted mail goes from many to many",
        kind: Kind::Benign,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(
            Verdict::Open("one text goes from many to many at one port, as a worm would"),
            Verdict::Silent("the mail servers that receive it do not send it on"),
        )],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, BulkMail::new)
}

struct BulkMail {
    senders: Vec<End>,
    servers: Vec<(End, String)>,
    offer: String,
    farewell: String,
}

struct Sent;

impl BulkMail {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let senders = cast.outside(SENDERS)?;
        let servers = cast.inside_servers(SERVERS)?;
        let rng = &mut cast.rng;
        let servers =
            servers.into_iter().map(|end| (end, format!("mx.{}.example", word(rng))));
        let servers = servers.collect();
        Ok(Self {
            senders,
            servers,
            offer: prose(700, "", rng),
            farewell: prose(300, "", rng),
        })
    }
}

impl Story for BulkMail {
    type Event = Sent;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Sent>) {
        scene.at(start_ns + SECOND, Sent);
    }

    fn happen(&mut self, time_ns: u64, _: Sent, scene: &mut Scene<Sent>) {
        let rng = &mut scene.rng;
        let sender = any(&self.senders, rng);
        let (server, server_name) = any(&self.servers, rng);
        let link = format!("http://{}.example/{}", word(rng), token(16, rng));
        let letter = Letter {
            from: format!("{}@{}.example", word(rng), word(rng)),
            to: format!("{}{}@{server_name}", word(rng), rng.below(100)),
            subject: format!("{} {}", word(rng), word(rng)),
            headers: format!("X-Mailer: {} {}\r\n", word(rng), rng.below(90)),
            body: format!("{},\r\n{}{link}\r\n{}", word(rng), self.offer, self.farewell),
        };
        let ends = (client(&sender, rng), at_port(&server, 25));
        let name = format!("{}.{}.example", word(rng), word(rng));
        deliver(&mut scene.wire, rng, time_ns, ends, (&name, &server_name), &letter);
        scene.after(time_ns, RATE, Sent);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("senders", SENDERS.into()), ("servers", SERVERS.into())]
    }
}
