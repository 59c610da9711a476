//! What the scenarios of an adversary share: a worm that scans, and whose body is delivered
//! in a way of its own.
//!
//! Every seventh address that is scanned can be infected, so that an outbreak takes few
//! packets, however many one delivery takes. Bodies are random bytes.

use crate::body::Body;
use crate::delivery::Attempt;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::Protocol;
use crate::link::{Link, client_port};
use crate::profile::{FIRES, Profile};
use crate::rng::Rng;
use crate::scenario::Request;
use crate::tcp_session::TcpSession;
use crate::traffic::PlantedContent;
use crate::worms::scanning::{Attack, Scanning};
use crate::worms::setup::WormSetup;

pub(super) const PORT: u16 = 48_885;
const VULNERABLE: u32 = 9_600;
/// The capture ends after so many infections.
const INFECTED: u32 = 60;

/// A body that is to be sent, and what is needed for it.
pub(super) struct Delivery<'a> {
    pub(super) state: &'a mut State,
    pub(super) attempt: &'a Attempt,
    pub(super) body: &'a [u8],
    pub(super) link: &'a mut Link,
    pub(super) rng: &'a mut Rng,
}

/// Sends a body on its way; returns when it is complete.
pub(super) type Deliver = fn(Delivery<'_>) -> u64;

impl Delivery<'_> {
    /// Opens a session that nobody answers; returns when that was given up.
    pub(super) fn open_in_vain(self) -> u64 {
        let Attempt { from, to, time_ns, .. } = *self.attempt;
        let mut session = TcpSession::new(self.link, (from, to), time_ns, self.rng);
        session.open_in_vain();
        session.time_ns()
    }
}

/// The profile of a worm that both alarms are expected to find.
pub(super) const fn found(
    name: &'static str,
    summary: &'static str,
    defeats: &'static str,
) -> Profile {
    Profile::worm(name, summary, defeats, FIRES).of_adversary()
}

/// How a body is delivered.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) protocol: Protocol,
    /// Bytes of the body that all copies share.
    pub(super) invariant: usize,
    /// Whether all copies go to one port.
    pub(super) has_port: bool,
    pub(super) deliver: Deliver,
}

/// What deliveries share.
#[derive(Debug, Default)]
pub(super) struct State {
    identification: u32,
    /// Until when a flood beside them has been sent.
    flooded_until_ns: u64,
}

impl State {
    /// The number of the next datagram in fragments.
    pub(super) fn identification(&mut self) -> u32 {
        self.identification += 1;
        self.identification
    }

    /// When the flood beside a delivery sends, so that it goes on for so long from now.
    pub(super) fn flood(
        &mut self,
        now_ns: u64,
        lasts_ns: u64,
        gap_ns: u64,
    ) -> impl Iterator<Item = u64> + use<> {
        let from_ns = self.flooded_until_ns.max(now_ns);
        let count = (now_ns + lasts_ns).saturating_sub(from_ns).div_ceil(gap_ns);
        if count > 0 {
            self.flooded_until_ns = from_ns + count * gap_ns;
        }
        (0..count).map(move |n| from_ns + n * gap_ns)
    }
}

/// Starts a worm whose body goes this way.
pub(super) fn start(request: Request<'_>, way: Way) -> Result<FrameStream, CorpusError> {
    scan(request, way.protocol, INFECTED, |setup| {
        let own = Body::wrapped(24, way.invariant, 32, &mut setup.rng("body"));
        let body = setup.body(own)?;
        Ok(Evasion { way, body, state: State::default(), copy: Vec::new() })
    })
}

/// Starts a worm that scans, and attacks like this, until so many hosts are infected.
pub(super) fn scan<A: Attack>(
    request: Request<'_>,
    protocol: Protocol,
    infected: u32,
    attack: impl FnOnce(&WormSetup) -> Result<A, CorpusError>,
) -> Result<FrameStream, CorpusError> {
    let setup = WormSetup { until: Some(infected), ..WormSetup::new(request)? };
    let over_tcp = protocol == Protocol::Tcp;
    let scanning = Scanning {
        vulnerable: VULNERABLE,
        listening: if over_tcp { 0.08 } else { 0.0 },
        ..Scanning::default()
    };
    scanning.start(setup, |setup| {
        refuse_carriage(setup)?;
        attack(setup)
    })
}

pub(super) fn refuse_carriage(setup: &WormSetup) -> Result<(), CorpusError> {
    setup.refuse(
        setup.options.carriage != crate::Carriage::default(),
        "carriage",
        "how its body is carried is what it is about",
    )
}

/// A body that goes its way.
struct Evasion {
    way: Way,
    body: Body,
    state: State,
    copy: Vec<u8>,
}

impl Attack for Evasion {
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        self.body.write(rng, &mut self.copy);
        let attempt = attempt.at(client_port(rng), PORT);
        let (state, body) = (&mut self.state, &self.copy[..]);
        let delivery = Delivery { state, attempt: &attempt, body, link, rng };
        let complete = (self.way.deliver)(delivery);
        attempt.answered.then_some(complete)
    }

    fn contents(&self) -> Vec<PlantedContent> {
        let port = self.way.has_port.then_some(PORT);
        vec![PlantedContent::new("body", &self.body, self.way.protocol, port)]
    }
}
