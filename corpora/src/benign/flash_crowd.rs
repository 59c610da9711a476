//! Everybody wants one page at once.
//!
//! A link to a page of the site is suddenly known: visits go from one a second
//! to twelve and back. The page is the same for all, but one server sends it;
//! the requests look alike, but go to one server.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{prose, token, word};
use crate::calendar::http_date;
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::Peer;

const PLAN: Plan = Plan::named("flash-crowd");
const CLIENTS: usize = 600;

const ONE_SIDE: Verdict = Verdict::Silent(
    "one server sends the page and gets the requests: one of the two sides is one host",
);
const NO_RELAY: Verdict =
    Verdict::Silent("visitors send the page to nobody, the server never received it");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "hundreds of visitors fetch one page of the site within minutes",
        defeats: "prevalence without dispersion; counting one side only",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(ONE_SIDE, NO_RELAY),
            Expectation::under("port_rule = \"none\"", ONE_SIDE, NO_RELAY),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, FlashCrowd::new)
}

struct FlashCrowd {
    server: End,
    visitors: Vec<(End, String)>,
    page: String,
    path: String,
    start_ns: u64,
}

struct Visit;

impl FlashCrowd {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let server = cast.inside_server(2)?;
        let clients = cast.outside(CLIENTS)?;
        let rng = &mut cast.rng;
        let browsers: Vec<String> = (0..5).map(|_| browser(rng)).collect();
        let visitors = clients.into_iter().map(|end| (end, any(&browsers, rng)));
        let visitors = visitors.collect();
        let path = format!("/{}/{}-{}.html", word(rng), word(rng), word(rng));
        let body = prose(4_000, "", rng);
        let page =
            format!("<!doctype html>\r\n<title>{}</title>\r\n<p>\r\n{body}", word(rng));
        Ok(Self { server, visitors, page, path, start_ns: 0 })
    }

    /// Visits a second: up within twenty seconds, back within two minutes.
    fn rate(&self, time_ns: u64) -> f64 {
        let second = (time_ns - self.start_ns) as f64 / 1e9;
        let crowd = if second < 30.0 {
            0.0
        } else if second < 50.0 {
            (second - 30.0) / 20.0
        } else {
            (1.0 - (second - 50.0) / 120.0).max(0.0)
        };
        1.0 + 11.0 * crowd
    }
}

impl Story for FlashCrowd {
    type Event = Visit;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Visit>) {
        self.start_ns = start_ns;
        scene.at(start_ns + SECOND, Visit);
    }

    fn happen(&mut self, time_ns: u64, _: Visit, scene: &mut Scene<Visit>) {
        let rng = &mut scene.rng;
        let (visitor, browser) = any(&self.visitors, rng);
        let ends = (client(&visitor, rng), at_port(&self.server, 80));
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: www.site.example\r\n{browser}\r\n",
            self.path
        );
        let answer = format!(
            "HTTP/1.1 200 OK\r\nServer: webd/2.1\r\nDate: {}\r\nContent-Type: text/html\r\n\
             Content-Length: {}\r\nSet-Cookie: visit={}\r\n\r\n{}",
            http_date(time_ns, "GMT"),
            self.page.len(),
            token(24, rng),
            self.page
        );
        let mut talk = scene.wire.talk(time_ns, ends.0, ends.1, rng);
        talk.open();
        talk.say(Peer::Client, request.as_bytes(), 100_000);
        let pause = rng.between(MILLISECOND, 20 * MILLISECOND);
        talk.say(Peer::Server, answer.as_bytes(), pause);
        talk.close(Peer::Client);
        scene.after(time_ns, self.rate(time_ns), Visit);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("servers", 1.into()), ("clients", CLIENTS.into())]
    }
}

fn browser(rng: &mut Rng) -> String {
    let (name, version) = (word(rng), rng.between(80, 130));
    let languages = ["en-GB", "en-US", "de", "fr", "nl", "sv"];
    format!(
        "User-Agent: Mozilla/5.0 (compatible) {name}/{version}.0\r\nAccept: \
         text/html,*/*;q=0.8\r\nAccept-Language: {}\r\nAccept-Encoding: gzip\r\n\
         Connection: keep-alive\r\n",
        rng.word(&languages)
    )
}
