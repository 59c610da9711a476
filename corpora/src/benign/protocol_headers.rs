//! Many hosts run the same programs.
//!
//! What a program says first is the same on every host: lines of HTTP, the
//! lists of a TLS hello, the negotiation of a file service, the key-exchange
//! lists of SSH. Hosts of the middle both serve and connect on, so that these
//! are also passed on, at the very port at which they came.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{prose, random_bytes, token, word};
use super::tls::{self, Program};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::{Peer, TcpDialogue};

const PLAN: Plan = Plan::named("protocol-headers");
const HOSTS_INSIDE: usize = 70;
const HOSTS_OUTSIDE: usize = 70;
/// Conversations a second.
const RATE: f64 = 6.0;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "140 hosts with the same few programs begin HTTP, TLS, SSH and file \
                  service conversations with each other",
        defeats: "both alarms without a baseline: every program's first words recur",
        kind: Kind::Benign,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(
            Verdict::Open("what every program says first goes from many to many"),
            Verdict::Open("hosts that serve and connect on pass it on at one port"),
        )],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Headers::new)
}

struct Headers {
    inside: Vec<End>,
    outside: Vec<End>,
    browsers: Vec<String>,
    tls: Vec<Program>,
    shells: Vec<Shell>,
    negotiations: Vec<Vec<u8>>,
}

/// An SSH program: its version, and the lists it offers.
#[derive(Clone)]
struct Shell {
    version: String,
    lists: Vec<u8>,
}

struct Conversation;

impl Headers {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let (inside, outside) =
            (cast.inside(HOSTS_INSIDE)?, cast.outside(HOSTS_OUTSIDE)?);
        let rng = &mut cast.rng;
        Ok(Self {
            inside,
            outside,
            browsers: (0..3).map(|_| browser(rng)).collect(),
            tls: (0..2).map(|_| Program::new(rng)).collect(),
            shells: (0..2).map(|_| Shell::new(rng)).collect(),
            negotiations: (0..2).map(|_| negotiation(rng)).collect(),
        })
    }
}

impl Shell {
    fn new(rng: &mut Rng) -> Self {
        let version =
            format!("SSH-2.0-{}_{}.{}\r\n", word(rng), rng.below(10), rng.below(10));
        let mut lists = Vec::new();
        // Key exchange, host keys, then ciphers, sums and compression both ways.
        for entries in [9, 7, 6, 6, 8, 8, 2, 2] {
            let names: Vec<String> = (0..entries)
                .map(|_| format!("{}-{}{}", word(rng), word(rng), 128 << rng.below(3)))
                .collect();
            let names = names.join(",");
            lists.extend_from_slice(&(names.len() as u32).to_be_bytes());
            lists.extend_from_slice(names.as_bytes());
        }
        lists.extend_from_slice(&[0; 13]);
        Self { version, lists }
    }

    /// The lists in a message, behind sixteen random bytes.
    fn offer(&self, rng: &mut Rng) -> Vec<u8> {
        let length = (self.lists.len() + 22) as u32;
        let mut message = [&length.to_be_bytes()[..], &[4, 20]].concat();
        rng.append(16, &mut message);
        message.extend_from_slice(&self.lists);
        rng.append(4, &mut message);
        message
    }
}

fn browser(rng: &mut Rng) -> String {
    format!(
        "User-Agent: Mozilla/5.0 (compatible) {}/{}.0\r\nAccept: text/html,image/webp,\
         */*;q=0.8\r\nAccept-Language: en;q=0.{}\r\nAccept-Encoding: gzip, deflate\r\n\
         Connection: keep-alive\r\n",
        word(rng),
        rng.between(60, 130),
        rng.between(3, 9)
    )
}

/// What a program of a file service asks first: its dialects and abilities.
fn negotiation(rng: &mut Rng) -> Vec<u8> {
    let mut body = b"\xfeFILE\x40\0\0\0\0\0\0\0\0\0\x1f\0".to_vec();
    for _ in 0..12 {
        body.extend_from_slice(
            format!("\x02{} {}.{}\0", word(rng), rng.below(4), rng.below(9)).as_bytes(),
        );
    }
    body
}

impl Headers {
    fn http(&self, talk: &mut TcpDialogue<'_>, rng: &mut Rng) {
        let browser = any(&self.browsers, rng);
        let path = format!("/{}/{}", word(rng), token(10, rng));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}.example\r\n{browser}\r\n",
            word(rng)
        );
        let length = rng.between(200, 1_500) as usize;
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", prose(length, "", rng));
        talk.say(Peer::Client, request.as_bytes(), 100_000);
        talk.say(Peer::Server, answer.as_bytes(), think(rng));
    }

    fn tls(&self, talk: &mut TcpDialogue<'_>, rng: &mut Rng) {
        let program = any(&self.tls, rng);
        let name = format!("www.{}.example", word(rng));
        talk.say(Peer::Client, &tls::client_hello(&program, &name, rng), 100_000);
        let mut answer = tls::server_hello(any(&program.ciphers, rng), rng);
        answer.extend(tls::secret(900, rng));
        talk.say(Peer::Server, &answer, think(rng));
        talk.say(Peer::Client, &tls::secret(160, rng), think(rng));
    }

    fn shell(&self, talk: &mut TcpDialogue<'_>, rng: &mut Rng) {
        let programs = [any(&self.shells, rng), any(&self.shells, rng)];
        for (peer, program) in [Peer::Server, Peer::Client].into_iter().zip(&programs) {
            talk.say(peer, program.version.as_bytes(), think(rng));
        }
        for (peer, program) in [Peer::Client, Peer::Server].into_iter().zip(&programs) {
            talk.say(peer, &program.offer(rng), think(rng));
        }
        for peer in [Peer::Client, Peer::Server] {
            let length = rng.between(100, 400) as usize;
            talk.say(peer, &random_bytes(length, rng), think(rng));
        }
    }

    fn files(&self, talk: &mut TcpDialogue<'_>, rng: &mut Rng) {
        let mut request = any(&self.negotiations, rng);
        rng.append(16, &mut request);
        talk.say(Peer::Client, &request, 100_000);
        talk.say(Peer::Server, &random_bytes(180, rng), think(rng));
    }
}

fn think(rng: &mut Rng) -> u64 {
    rng.between(MILLISECOND, 20 * MILLISECOND)
}

impl Story for Headers {
    type Event = Conversation;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Conversation>) {
        scene.at(start_ns + SECOND, Conversation);
    }

    fn happen(&mut self, time_ns: u64, _: Conversation, scene: &mut Scene<Conversation>) {
        let rng = &mut scene.rng;
        let (mut from, mut to) = (any(&self.inside, rng), any(&self.outside, rng));
        if rng.chance(0.4) {
            (from, to) = (to, from);
        }
        let kind = rng.index(4);
        let port = [80, 443, 22, 445][kind];
        let ends = (client(&from, rng), at_port(&to, port));
        let mut talk = scene.wire.talk(time_ns, ends.0, ends.1, rng);
        talk.open();
        match kind {
            0 => self.http(&mut talk, rng),
            1 => self.tls(&mut talk, rng),
            2 => self.shell(&mut talk, rng),
            _ => self.files(&mut talk, rng),
        }
        talk.close(Peer::Client);
        scene.after(time_ns, RATE, Conversation);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("hosts_inside", HOSTS_INSIDE.into()),
            ("hosts_outside", HOSTS_OUTSIDE.into()),
        ]
    }
}
