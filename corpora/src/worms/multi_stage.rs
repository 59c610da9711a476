//! Scenario `multi-stage`: a worm whose small exploit fetches the rest.
//!
//! 196 bytes over TCP, then the victim itself fetches 4 KB
//! from its attacker's fixed port. Hosts of another version do so too, but do not run what
//! they fetched.

use std::time::Duration;

use super::scanning::{Attack, Scanning};
use super::setup::WormSetup;
use super::tcp_exploit::send_noise;
use crate::body::Body;
use crate::delivery::Attempt;
use crate::ground_truth::Protocol;
use crate::link::Link;
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::tcp_session::{Peer, PlantedRange, TcpSession};
use crate::traffic::PlantedContent;

/// Where the exploit goes.
const EXPLOITED: u16 = 5_000;
/// Where the attacker serves the second stage.
const SERVED: u16 = 8_099;

const ONLY_SERVED: Verdict = Verdict::Open(
    "the exploit raises both alarms, since winnowing by 128 misses no run of 167 bytes; the \
     second stage is sent in replies alone, as servers do",
);
const AS_IN_THE_PAPER: Verdict = Verdict::Open(
    "the exploit's 180 fixed bytes have 141 windows, none of them sampled in one seed of \
     nine; the second stage goes to ports that vary, each a key of its own",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "multi-stage",
        "a 196-byte exploit over TCP, after which the victim fetches 4 KB from its attacker",
        "looking only at what is sent to the victim's service",
        &[
            Expectation::by_default(ONLY_SERVED, ONLY_SERVED),
            Expectation::under(
                "port_rule = \"destination\"\nsampling = \"64\"",
                AS_IN_THE_PAPER,
                AS_IN_THE_PAPER,
            ),
            // Both stages have a service's port, and it is the lower one.
            Expectation::fires_under(
                "port_rule = \"service\"\nsampling = \"winnow:128\"",
            ),
        ],
    ),
    open: |request| {
        let setup =
            WormSetup { settle: Duration::from_secs(15), ..WormSetup::new(request)? };
        Scanning::default().start(setup, |setup| {
            setup.options.carriage.check_only_wraps()?;
            let mut rng = setup.rng("body");
            let exploit = Body::wrapped(8, 180, 8, &mut rng);
            let own = Body::wrapped(0, 4_096, 0, &mut rng);
            Ok(Stages { exploit, second: setup.body(own)?, copy: Vec::new() })
        })
    },
};

struct Stages {
    exploit: Body,
    second: Body,
    copy: Vec<u8>,
}

impl Stages {
    /// Returns when the victim goes on to fetch.
    fn exploit(
        &mut self,
        attempt: &Attempt,
        link: &mut Link,
        rng: &mut Rng,
    ) -> Option<u64> {
        let ends = (attempt.from.client(rng), attempt.to.at(EXPLOITED));
        let mut session = TcpSession::new(link, ends, attempt.time_ns, rng);
        if !attempt.answered {
            session.open_in_vain();
            return None;
        }
        session.open();
        send_noise(&mut session, Peer::Server, (20, 60), rng);
        self.exploit.write(rng, &mut self.copy);
        let planted = PlantedRange::first(0..self.copy.len());
        let exploited = session.send_planted(Peer::Client, &self.copy, 400_000, &planted);
        session.close(Peer::Client);
        Some(exploited + rng.between(100_000_000, 900_000_000))
    }

    fn fetch(
        &mut self,
        time_ns: u64,
        attempt: &Attempt,
        link: &mut Link,
        rng: &mut Rng,
    ) -> u64 {
        let ends = (attempt.to.client(rng), attempt.from.at(SERVED));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        let request = format!("GET /{:016x}\r\n", rng.next_u64());
        session.send(Peer::Client, request.as_bytes(), 200_000);
        self.second.write(rng, &mut self.copy);
        let planted = PlantedRange {
            content: 1,
            infects: attempt.infects,
            ..PlantedRange::first(0..self.copy.len())
        };
        let complete = session.send_planted(Peer::Server, &self.copy, 300_000, &planted);
        session.close(Peer::Server);
        complete
    }
}

impl Attack for Stages {
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        let fetches_at = self.exploit(attempt, link, rng)?;
        Some(self.fetch(fetches_at, attempt, link, rng))
    }

    fn contents(&self) -> Vec<PlantedContent> {
        let content =
            |name, body, port| PlantedContent::new(name, body, Protocol::Tcp, port);
        vec![
            content("exploit", &self.exploit, Some(EXPLOITED)),
            content("second stage", &self.second, None),
        ]
    }
}
