//! Scenario `bulk-mail`: advertisements that nobody asked for.
//!
//! Many rented machines send one text to many mail servers. Greeting, link and headers
//! differ from message to message; the text does not.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use super::smtp::{Message, deliver};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::text::{prose, token, word};
use crate::traffic::Parameters;

const SENDERS: usize = 160;
const SERVERS: usize = 50;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "bulk-mail",
        "160 machines send one advertisement to 50 mail servers",
        "dispersion: unwanted mail goes from many to many",
        &[Expectation::by_default(
            Verdict::Open("one text goes from many to many at one port, as a worm would"),
            Verdict::Silent("the mail servers that receive it do not send it on"),
        )],
    ),
    open: |request| start_arrivals(request, BulkMail::new),
};

struct BulkMail {
    senders: Vec<Endpoint>,
    servers: Vec<(Endpoint, String)>,
    offer: String,
    farewell: String,
}

impl BulkMail {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let senders = pool.outside(SENDERS)?;
        let servers = pool.inside_servers(SERVERS)?;
        let rng = &mut pool.rng;
        let servers =
            servers.into_iter().map(|end| (end, format!("mx.{}.example", word(rng))));
        let servers = servers.collect();
        Ok(Self { senders, servers, offer: prose(700, rng), farewell: prose(300, rng) })
    }
}

impl Arrivals for BulkMail {
    const RATE: f64 = 3.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let sender = rng.one_of(&self.senders);
        let (server, server_name) = rng.one_of(&self.servers);
        let url = format!("http://{}.example/{}", word(rng), token(16, rng));
        let message = Message {
            from: format!("{}@{}.example", word(rng), word(rng)),
            to: format!("{}{}@{server_name}", word(rng), rng.below(100)),
            subject: format!("{} {}", word(rng), word(rng)),
            headers: format!("X-Mailer: {} {}\r\n", word(rng), rng.below(90)),
            body: format!("{},\r\n{}{url}\r\n{}", word(rng), self.offer, self.farewell),
        };
        let ends = (sender.client(rng), server.at(25));
        let name = format!("{}.{}.example", word(rng), word(rng));
        deliver(link, rng, time_ns, ends, (&name, server_name), &message);
    }

    fn parameters(&self) -> Parameters {
        vec![("senders", SENDERS.into()), ("servers", SERVERS.into())]
    }
}
