//! Scenarios `forged-sources` and `forged-datagrams`: forged senders of a page.
//!
//! Somebody makes a popular page look like a worm. Visitors fetch a page of the site,
//! and packets with a piece of it name thirty hosts outside as their senders, which never
//! sent it, to sixty hosts of the site. Who forges an address never sees the answers: over
//! TCP, half of the sessions are begun and answered, and the piece acknowledges a guess;
//! the others are not begun at all. An accomplice inside forges ten of the receivers as
//! senders to hosts outside, so that they seem to relay it. Over UDP there is nothing to
//! guess, and there is no accomplice.

use super::host_pool::HostPool;
use super::setup::BenignSetup;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{prose, word};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Planted;

const VISITORS: usize = 100;
/// Forged senders outside.
const FORGED: usize = 30;
/// Forged senders inside, which are receivers too, over TCP.
const FORGED_RECEIVERS: usize = 10;
const RECEIVERS_INSIDE: usize = 60;
const RECEIVERS_OUTSIDE: usize = 40;
/// Of the page, in bytes; one segment.
const PIECE: std::ops::Range<usize> = 1_000..1_800;
/// Visits a second.
const VISIT_RATE: f64 = 2.0;
/// Forged packets with the piece, a second.
const FORGED_RATE: f64 = 5.0;

const MANY: Verdict = Verdict::Open(
    "forged senders to many receivers look as a worm does: what is said of it must not be \
     believed",
);
const FORGED_RELAYS: Verdict = Verdict::Open(
    "ten of the forged senders received the piece before: nothing in the packets but the \
     acknowledgement numbers says that they did not send it",
);
const NO_RELAY: Verdict =
    Verdict::Silent("none of the forged senders ever received the piece");

pub(super) const OVER_TCP: Entry = Entry {
    profile: Profile {
        standard: false,
        ..Profile::benign(
            "forged-sources",
            "forged senders repeat a piece of a popular page over TCP, without answers",
            "trust in source addresses",
            &[Expectation::by_default(MANY, FORGED_RELAYS)],
        )
    },
    open: |request| {
        BenignSetup::default().start(request, |pool| ForgedSources::new(pool, false))
    },
};

pub(super) const OVER_UDP: Entry = Entry {
    profile: Profile {
        standard: false,
        ..Profile::benign(
            "forged-datagrams",
            "forged senders repeat a piece of a popular page over UDP",
            "trust in source addresses",
            &[Expectation::by_default(MANY, NO_RELAY)],
        )
    },
    open: |request| {
        BenignSetup::default().start(request, |pool| ForgedSources::new(pool, true))
    },
};

struct ForgedSources {
    over_udp: bool,
    server: Endpoint,
    visitors: Vec<Endpoint>,
    page: String,
    path: String,
    forged: Vec<Endpoint>,
    receivers_inside: Vec<Endpoint>,
    receivers_outside: Vec<Endpoint>,
}

enum Event {
    Visit,
    Forge,
}

impl ForgedSources {
    fn new(pool: &mut HostPool, over_udp: bool) -> Result<Self, CorpusError> {
        let server = pool.inside_server(2)?.at(80);
        let visitors = pool.outside(VISITORS)?;
        let mut forged = pool.outside(FORGED)?;
        let receivers_inside = pool.inside(RECEIVERS_INSIDE)?;
        let receivers_outside = pool.outside(RECEIVERS_OUTSIDE)?;
        if !over_udp {
            forged.extend_from_slice(&receivers_inside[..FORGED_RECEIVERS]);
        }
        let rng = &mut pool.rng;
        let path = format!("/{}/{}.html", word(rng), word(rng));
        let page = format!("<!doctype html>\r\n<p>\r\n{}", prose(4_000, rng));
        Ok(Self {
            over_udp,
            server,
            visitors,
            page,
            path,
            forged,
            receivers_inside,
            receivers_outside,
        })
    }

    fn visit(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let ends = (rng.one_of(&self.visitors).client(rng), self.server);
        let request =
            format!("GET {} HTTP/1.1\r\nHost: www.site.example\r\n\r\n", self.path);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            self.page.len(),
            self.page
        );
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        session.send(Peer::Client, request.as_bytes(), 100_000);
        session.send(Peer::Server, answer.as_bytes(), 2 * MILLISECOND);
        session.close(Peer::Client);
    }

    /// One copy of the piece, from a forged sender to somebody else.
    fn forge(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let piece = &self.page.as_bytes()[PIECE];
        let from = rng.one_of(&self.forged).client(rng);
        let across =
            if from.inside { &self.receivers_outside } else { &self.receivers_inside };
        let to = rng.one_of(across).at(80);
        if self.over_udp {
            return link.udp(time_ns, (&from, &to), piece);
        }
        let mut number = || (rng.next_u64() >> 32) as u32;
        let (own, guess, answer) = (number(), number(), number());
        let (there, back) = ((&from, &to), (&to, &from));
        let mut time_ns = time_ns;
        let mut next = own;
        if rng.chance(0.5) {
            link.stray_segment(time_ns, there, tcp::SYN, (own, 0), &[]);
            next = own.wrapping_add(1);
            let (answered, begun) = (time_ns + MILLISECOND / 2, tcp::SYN | tcp::ACK);
            link.stray_segment(answered, back, begun, (answer, next), &[]);
            time_ns += 50 * MILLISECOND;
        }
        link.stray_segment(time_ns, there, tcp::PSH | tcp::ACK, (next, guess), piece);
        // Such an acknowledgement is refused (RFC 9293, section 3.10.7).
        let refused = time_ns + MILLISECOND / 2;
        link.stray_segment(refused, back, tcp::RST, (guess, 0), &[]);
    }
}

impl Process for ForgedSources {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Visit);
        schedule.at(start_ns + 19 * SECOND, Event::Forge);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        match event {
            Event::Visit => {
                self.visit(time_ns, link, rng);
                schedule.after(time_ns, VISIT_RATE, Event::Visit);
            }
            Event::Forge => {
                self.forge(time_ns, link, rng);
                schedule.after(time_ns, FORGED_RATE, Event::Forge);
            }
        }
    }

    fn planted(&self) -> Planted {
        Planted::none(vec![
            ("servers", 1.into()),
            ("clients", VISITORS.into()),
            ("forged_senders", self.forged.len().into()),
            ("receivers", (RECEIVERS_INSIDE + RECEIVERS_OUTSIDE).into()),
        ])
    }
}
