//! Scenario `flash-crowd`: many clients fetch one page at once.
//!
//! A link to a page of the site is suddenly known: visits go from one a second to twelve
//! and back. The page is the same for all, but one server sends it; the requests look
//! alike, but go to one server.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{prose, token, word};
use crate::time::{MILLISECOND, http_date};
use crate::traffic::Parameters;

const CLIENTS: usize = 600;

const ONE_SIDE: Verdict = Verdict::Silent(
    "one server sends the page and gets the requests: one of the two sides is one host",
);
const NO_RELAY: Verdict =
    Verdict::Silent("visitors send the page to nobody, the server never received it");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "flash-crowd",
        "hundreds of visitors fetch one page of the site within minutes",
        "prevalence without dispersion; counting one side only",
        &[
            Expectation::by_default(ONE_SIDE, NO_RELAY),
            Expectation::under("port_rule = \"none\"", ONE_SIDE, NO_RELAY),
        ],
    ),
    open: |request| start_arrivals(request, FlashCrowd::new),
};

struct FlashCrowd {
    server: Endpoint,
    visitors: Vec<(Endpoint, String)>,
    page: String,
    path: String,
    start_ns: u64,
}

impl FlashCrowd {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let server = pool.inside_server(2)?.at(80);
        let clients = pool.outside(CLIENTS)?;
        let start_ns = pool.site.options.start_ns;
        let rng = &mut pool.rng;
        let browsers: Vec<String> = (0..5).map(|_| browser(rng)).collect();
        let visitors =
            clients.into_iter().map(|end| (end, rng.one_of(&browsers).clone()));
        let visitors = visitors.collect();
        let path = format!("/{}/{}-{}.html", word(rng), word(rng), word(rng));
        let body = prose(4_000, rng);
        let page =
            format!("<!doctype html>\r\n<title>{}</title>\r\n<p>\r\n{body}", word(rng));
        Ok(Self { server, visitors, page, path, start_ns })
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

impl Arrivals for FlashCrowd {
    /// Up within twenty seconds, back within two minutes.
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

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (visitor, browser) = rng.one_of(&self.visitors);
        let ends = (visitor.client(rng), self.server);
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
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, request.as_bytes(), 100_000);
        let pauses = (MILLISECOND, 20 * MILLISECOND);
        session.exchange([(Peer::Server, answer)], pauses, rng);
        session.close(Peer::Client);
    }

    fn parameters(&self) -> Parameters {
        vec![("servers", 1.into()), ("clients", CLIENTS.into())]
    }
}
