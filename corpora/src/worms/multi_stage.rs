//! A worm whose small exploit fetches the rest.
//!
//! The scenario `multi-stage`: 196 bytes over TCP, then the victim itself
//! fetches 4 KB from its attacker's fixed port. Hosts of another version do so
//! too, but do not run what they fetched.

use std::time::Duration;

use super::scanning::{Attack, Scanning, Strike, checked, ephemeral};
use super::story::Story;
use super::tcp_exploit::say_noise;
use crate::body::Body;
use crate::emitter::{Emitter, End};
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::Protocol;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::{Peer, Plant, TcpDialogue};
use crate::traffic::{FrameQueue, PlantedContent};

const NAME: &str = "multi-stage";
/// Where the exploit goes.
const EXPLOITED: u16 = 5_000;
/// Where the attacker serves the second stage.
const SERVED: u16 = 8_099;

const BY_DEFAULT: Verdict = Verdict::Open(
    "the exploit's 180 fixed bytes have 141 windows, none of them sampled in one seed of \
     nine; the second stage goes to ports that vary, each a key of its own",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: NAME,
        summary: "a 196-byte exploit over TCP, after which the victim fetches 4 KB from \
                  its attacker",
        defeats: "looking only at what is sent to the victim's service",
        kind: Kind::Worm,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[
            Expectation::by_default(BY_DEFAULT, BY_DEFAULT),
            // Winnowing by 128 misses no run of 167 bytes; both stages have a
            // service's port, and it is the lower one.
            Expectation::under(
                "port_rule = \"service\"\nsampling = \"winnow:128\"",
                Verdict::Fires,
                Verdict::Fires,
            ),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story =
        Story { settle: Duration::from_secs(15), ..Story::new(NAME, seed, options)? };
    Scanning::default().stream(story, |story| {
        let mut rng = story.rng("body");
        let exploit = Body::wrapped(8, 180, 8, &mut rng);
        let own = Body::wrapped(0, 4_096, 0, &mut rng);
        Ok(Stages {
            emitter: story.options.carriage.emitter()?,
            exploit,
            second: checked(story.options.body.clone().unwrap_or(own))?,
            text: Vec::new(),
        })
    })
}

struct Stages {
    emitter: Emitter,
    exploit: Body,
    second: Body,
    text: Vec<u8>,
}

impl Stages {
    /// Returns when the victim goes on to fetch.
    fn exploit(
        &mut self,
        strike: &Strike,
        queue: &mut FrameQueue,
        rng: &mut Rng,
    ) -> Option<u64> {
        let from = End { port: ephemeral(rng), ..strike.from };
        let to = End { port: EXPLOITED, ..strike.to };
        let mut talk =
            TcpDialogue::new(queue, &mut self.emitter, from, to, strike.time_ns, rng);
        if !strike.answered {
            talk.knock_in_vain();
            return None;
        }
        talk.open();
        say_noise(&mut talk, Peer::Server, (20, 60), &mut self.text, rng);
        self.exploit.write(rng, &mut self.text);
        let plant = Plant { range: 0..self.text.len(), ..Plant::default() };
        let exploited = talk.say_planted(Peer::Client, &self.text, 400_000, &plant);
        talk.close(Peer::Client);
        Some(exploited + rng.between(100_000_000, 900_000_000))
    }

    fn fetch(
        &mut self,
        time_ns: u64,
        strike: &Strike,
        queue: &mut FrameQueue,
        rng: &mut Rng,
    ) -> u64 {
        let victim = End { port: ephemeral(rng), ..strike.to };
        let attacker = End { port: SERVED, ..strike.from };
        let mut talk =
            TcpDialogue::new(queue, &mut self.emitter, victim, attacker, time_ns, rng);
        talk.open();
        let request = format!("GET /{:016x}\r\n", rng.next_u64());
        talk.say(Peer::Client, request.as_bytes(), 200_000);
        self.second.write(rng, &mut self.text);
        let plant = Plant {
            range: 0..self.text.len(),
            content: 1,
            infects: strike.infects,
            ..Plant::default()
        };
        let whole = talk.say_planted(Peer::Server, &self.text, 300_000, &plant);
        talk.close(Peer::Server);
        whole
    }
}

impl Attack for Stages {
    fn lay(
        &mut self,
        strike: &Strike,
        queue: &mut FrameQueue,
        rng: &mut Rng,
    ) -> Option<u64> {
        let fetches_at = self.exploit(strike, queue, rng)?;
        Some(self.fetch(fetches_at, strike, queue, rng))
    }

    fn contents(&self) -> Vec<PlantedContent> {
        let content = |name: &str, body: &Body, destination_port| PlantedContent {
            name: name.to_owned(),
            body: body.clone(),
            protocol: Protocol::Tcp,
            destination_port,
        };
        vec![
            content("exploit", &self.exploit, Some(EXPLOITED)),
            content("second stage", &self.second, None),
        ]
    }
}
