//! Nothing, sent by many to many.
//!
//! Datagrams that are zero throughout or behind a short random header, fillers
//! of other short units, keep-alives of one zero byte, and frames so short that
//! Ethernet fills them up.
//!
//! What is no short unit is the last byte of a header with the zeros behind it:
//! there are 255 such windows, so that in some hours each of them comes from
//! many to many. In the minutes of this scenario it does not.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::Peer;

const PLAN: Plan = Plan::named("zero-padding");
const HOSTS: usize = 90;
/// Events a second.
const RATE: f64 = 25.0;
const PORT: u16 = 9_999;

const PERIODIC: Verdict = Verdict::Silent(
    "a short unit is never kept; one header byte and zeros recur too seldom in minutes",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "90 hosts on either side exchange zeros and other short units: \
                  payloads, fillings behind headers, keep-alives, trailers",
        defeats: "windows of a short unit; payloads that end where the frame does",
        kind: Kind::Benign,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(PERIODIC, PERIODIC)],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Padding::new)
}

struct Padding {
    inside: Vec<End>,
    outside: Vec<End>,
}

struct Nothing;

impl Padding {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        Ok(Self { inside: cast.inside(HOSTS)?, outside: cast.outside(HOSTS)? })
    }
}

/// A short unit, repeated: mostly zeros, else one byte or up to eight.
fn filler(length: usize, rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => vec![0xff; length],
        1 => b"U".repeat(length),
        2 => b"\xde\xad\xbe\xef".iter().copied().cycle().take(length).collect(),
        3 => b"paddingX".iter().copied().cycle().take(length).collect(),
        _ => vec![0; length],
    }
}

impl Story for Padding {
    type Event = Nothing;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Nothing>) {
        scene.at(start_ns + SECOND, Nothing);
    }

    fn happen(&mut self, time_ns: u64, _: Nothing, scene: &mut Scene<Nothing>) {
        let (rng, wire) = (&mut scene.rng, &mut scene.wire);
        let (mut from, mut to) = (any(&self.inside, rng), any(&self.outside, rng));
        if rng.chance(0.5) {
            (from, to) = (to, from);
        }
        let (from, to) = (client(&from, rng), at_port(&to, PORT));
        match rng.below(10) {
            // All filling.
            0..=3 => {
                let length = rng.between(16, 1_400) as usize;
                wire.udp(time_ns, (&from, &to), &filler(length, rng));
            }
            // A header of random bytes before it.
            4..=6 => {
                let (header, rest) = (rng.between(8, 24), rng.between(60, 1_000));
                let mut payload = Vec::new();
                rng.append(header as usize, &mut payload);
                payload.extend(filler(rest as usize, rng));
                wire.udp(time_ns, (&from, &to), &payload);
            }
            // So short that the frame is filled up.
            7..=8 => {
                let length = rng.between(1, 15) as usize;
                let mut payload = Vec::new();
                rng.append(length, &mut payload);
                wire.udp(time_ns, (&from, &to), &payload);
            }
            // A connection with nothing to say.
            _ => {
                let mut talk = wire.talk(time_ns, from, to, rng);
                talk.open();
                for _ in 0..rng.between(1, 5) {
                    talk.keep_alive(Peer::Client, rng.between(1, 9) * SECOND);
                }
                talk.say(Peer::Client, &[0; 512], 10 * MILLISECOND);
                talk.close(Peer::Client);
            }
        }
        scene.after(time_ns, RATE, Nothing);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("hosts_inside", HOSTS.into()), ("hosts_outside", HOSTS.into())]
    }
}
