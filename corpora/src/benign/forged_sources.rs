//! Somebody wants a popular page to look like a worm.
//!
//! Visitors fetch a page of the site, and thirty hosts outside that never said a word of
//! it stand as the senders of a piece of that page, to sixty hosts of the site. Whoever
//! forges an address never sees the answers: over TCP, half of the connections are begun
//! and answered, and the piece acknowledges a guess; the others are not begun at all. An
//! accomplice inside forges ten of the receivers as senders to hosts outside, so that they
//! seem to pass it on. Over UDP there is nothing to guess, and there is no accomplice.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{prose, word};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::Peer;

const TCP_PLAN: Plan = Plan::named("forged-sources");
const UDP_PLAN: Plan = Plan::named("forged-datagrams");
const VISITORS: usize = 100;
/// Forged senders outside.
const FORGED: usize = 30;
/// Forged senders inside, which are receivers too, over TCP.
const FORGED_RECEIVERS: usize = 10;
const RECEIVERS_INSIDE: usize = 60;
const RECEIVERS_OUTSIDE: usize = 40;
/// Of the page, in bytes; one segment.
const PIECE: std::ops::Range<usize> = 1_000..1_800;
/// Forged packets with the piece, a second.
const RATE: f64 = 5.0;

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
        name: TCP_PLAN.name,
        summary: "forged senders repeat a piece of a popular page over TCP, without answers",
        defeats: "trust in source addresses",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: false,
        expectations: &[Expectation::by_default(MANY, FORGED_RELAYS)],
    },
    open: |seed, options| open(&TCP_PLAN, seed, options),
};

pub(super) const OVER_UDP: Entry = Entry {
    profile: Profile {
        name: UDP_PLAN.name,
        summary: "forged senders repeat a piece of a popular page over UDP",
        defeats: "trust in source addresses",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: false,
        expectations: &[Expectation::by_default(MANY, NO_RELAY)],
    },
    open: |seed, options| open(&UDP_PLAN, seed, options),
};

fn open(
    plan: &'static Plan,
    seed: u64,
    options: &GenerateOptions,
) -> Result<FrameStream, CorpusError> {
    let over_udp = plan.name == UDP_PLAN.name;
    plan.open(seed, options, |cast| ForgedSources::new(cast, over_udp))
}

struct ForgedSources {
    over_udp: bool,
    server: End,
    visitors: Vec<End>,
    page: String,
    path: String,
    forged: Vec<End>,
    receivers_inside: Vec<End>,
    receivers_outside: Vec<End>,
}

enum Event {
    Visit,
    Forge,
}

impl ForgedSources {
    fn new(cast: &mut Cast, over_udp: bool) -> Result<Self, CorpusError> {
        let server = cast.inside_server(2)?;
        let visitors = cast.outside(VISITORS)?;
        let mut forged = cast.outside(FORGED)?;
        let receivers_inside = cast.inside(RECEIVERS_INSIDE)?;
        let receivers_outside = cast.outside(RECEIVERS_OUTSIDE)?;
        if !over_udp {
            forged.extend_from_slice(&receivers_inside[..FORGED_RECEIVERS]);
        }
        let rng = &mut cast.rng;
        let path = format!("/{}/{}.html", word(rng), word(rng));
        let page = format!("<!doctype html>\r\n<p>\r\n{}", prose(4_000, "", rng));
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

    fn visit(&self, time_ns: u64, scene: &mut Scene<Event>) {
        let rng = &mut scene.rng;
        let ends = (client(&any(&self.visitors, rng), rng), at_port(&self.server, 80));
        let request =
            format!("GET {} HTTP/1.1\r\nHost: www.site.example\r\n\r\n", self.path);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            self.page.len(),
            self.page
        );
        let mut talk = scene.wire.talk(time_ns, ends.0, ends.1, rng);
        talk.open();
        talk.say(Peer::Client, request.as_bytes(), 100_000);
        talk.say(Peer::Server, answer.as_bytes(), 2 * MILLISECOND);
        talk.close(Peer::Client);
    }

    /// One copy of the piece, from a forged sender to somebody else.
    fn forge(&self, time_ns: u64, scene: &mut Scene<Event>) {
        let (rng, wire) = (&mut scene.rng, &mut scene.wire);
        let piece = &self.page.as_bytes()[PIECE];
        let from = client(&any(&self.forged, rng), rng);
        let across =
            if from.inside { &self.receivers_outside } else { &self.receivers_inside };
        let to = at_port(&any(across, rng), 80);
        if self.over_udp {
            return wire.udp(time_ns, (&from, &to), piece);
        }
        let (own, guess, answer) =
            (rng.next_u64() >> 32, rng.next_u64() >> 32, rng.next_u64());
        let mut time_ns = time_ns;
        let mut next = own;
        if rng.chance(0.5) {
            let (there, back) = ((&from, &to), (&to, &from));
            wire.stray_segment(time_ns, there, tcp::SYN, own << 32, &[]);
            next = u64::from((own as u32).wrapping_add(1));
            let answer = (answer >> 32) << 32 | next;
            let begun = tcp::SYN | tcp::ACK;
            wire.stray_segment(time_ns + MILLISECOND / 2, back, begun, answer, &[]);
            time_ns += 50 * MILLISECOND;
        }
        let flags = tcp::PSH | tcp::ACK;
        wire.stray_segment(time_ns, (&from, &to), flags, next << 32 | guess, piece);
        // Such an acknowledgement is refused (RFC 9293, section 3.10.7).
        let refusal = (time_ns + MILLISECOND / 2, (&to, &from), tcp::RST, guess << 32);
        wire.stray_segment(refusal.0, refusal.1, refusal.2, refusal.3, &[]);
    }
}

impl Story for ForgedSources {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Event>) {
        scene.at(start_ns + SECOND, Event::Visit);
        scene.at(start_ns + 20 * SECOND, Event::Forge);
    }

    fn happen(&mut self, time_ns: u64, event: Event, scene: &mut Scene<Event>) {
        match event {
            Event::Visit => {
                self.visit(time_ns, scene);
                scene.after(time_ns, 2.0, Event::Visit);
            }
            Event::Forge => {
                self.forge(time_ns, scene);
                scene.after(time_ns, RATE, Event::Forge);
            }
        }
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("servers", 1.into()),
            ("clients", VISITORS.into()),
            ("forged_senders", self.forged.len().into()),
            ("receivers", (RECEIVERS_INSIDE + RECEIVERS_OUTSIDE).into()),
        ]
    }
}
