//! Amplifiers answer to a victim who never asked.
//!
//! Somebody asks hundreds of open servers in the name of a victim; all of them
//! send their large answers to it. Three victims are inside and flooded by
//! amplifiers outside; three are outside, and open servers of the site are among
//! their amplifiers, so that the forged requests cross the tap too.

use serde_json::Value;

use super::cast::{Cast, any, at_port};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{random_bytes, word};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan::named("reflection");
const AMPLIFIERS_OUTSIDE: usize = 400;
const AMPLIFIERS_INSIDE: usize = 60;
/// On either side.
const VICTIMS: usize = 3;
/// Answers a second.
const RATE: f64 = 50.0;

const FEW_VICTIMS: Verdict =
    Verdict::Silent("all answers go to a few victims, in whose name all requests come");
const NO_RELAY: Verdict = Verdict::Silent(
    "amplifiers send only to a victim, which stands as the sender of what they received",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "460 amplifiers of three services send the same answers to six victims",
        defeats: "counting sources alone",
        kind: Kind::Benign,
        two_way: true,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(FEW_VICTIMS, NO_RELAY),
            Expectation::under("port_rule = \"none\"", FEW_VICTIMS, NO_RELAY),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Reflection::new)
}

/// An open server and what it is open for.
#[derive(Clone)]
struct Amplifier {
    end: End,
    service: usize,
}

/// A request, and the answer that every server of this service gives.
struct Service {
    port: u16,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// How many of its first bytes repeat a number of the request.
    echoed: usize,
}

struct Reflection {
    services: Vec<Service>,
    outside: Vec<Amplifier>,
    inside: Vec<Amplifier>,
    victims_inside: Vec<End>,
    victims_outside: Vec<End>,
}

struct Answer;

impl Reflection {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let outside = cast.outside(AMPLIFIERS_OUTSIDE)?;
        let inside = cast.inside_servers(AMPLIFIERS_INSIDE)?;
        let (at_home, abroad) = (cast.inside(VICTIMS)?, cast.outside(VICTIMS)?);
        let rng = &mut cast.rng;
        let services = vec![names(rng), time(rng), devices(rng)];
        let mut amplifiers = |ends: Vec<End>| -> Vec<Amplifier> {
            let serve = |end: End| {
                let service = rng.index(services.len());
                Amplifier { end: at_port(&end, services[service].port), service }
            };
            ends.into_iter().map(serve).collect()
        };
        let (outside, inside) = (amplifiers(outside), amplifiers(inside));
        // Attackers like to name a port that no filter closes.
        let victims = |ends: Vec<End>| {
            let ports = [80, 443, 27_015];
            ends.iter().zip(ports).map(|(end, port)| at_port(end, port)).collect()
        };
        let (victims_inside, victims_outside) = (victims(at_home), victims(abroad));
        Ok(Self { services, outside, inside, victims_inside, victims_outside })
    }
}

/// A name with a large answer.
fn names(rng: &mut Rng) -> Service {
    let label = word(rng);
    let mut question = vec![label.len() as u8];
    question.extend_from_slice(label.as_bytes());
    question.extend_from_slice(b"\x07example\0\0\xff\0\x01");
    let request = [&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
    let records = random_bytes(1_150, rng);
    let answer =
        [&[0, 0, 0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0][..], &question, &records].concat();
    Service { port: 53, request, answer, echoed: 2 }
}

/// A list of those who asked before.
fn time(rng: &mut Rng) -> Service {
    let answer = [&[0xd7, 0, 3, 0x2a, 0, 6, 0, 72][..], &random_bytes(432, rng)].concat();
    Service { port: 123, request: vec![0x17, 0, 3, 0x2a, 0, 0, 0, 0], answer, echoed: 0 }
}

/// What a make of device says of itself.
fn devices(rng: &mut Rng) -> Service {
    let request = b"M-SEARCH * HTTP/1.1\r\nST: all\r\n\r\n".to_vec();
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for _ in 0..9 {
        let line = format!("{}: {}-{}/{}.{}\r\n", word(rng), word(rng), word(rng), 1, 2);
        answer.extend_from_slice(line.as_bytes());
    }
    Service { port: 1_900, request, answer, echoed: 0 }
}

impl Story for Reflection {
    type Event = Answer;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Answer>) {
        scene.at(start_ns + SECOND, Answer);
    }

    fn happen(&mut self, time_ns: u64, _: Answer, scene: &mut Scene<Answer>) {
        let rng = &mut scene.rng;
        let abused = rng.chance(0.25);
        let (amplifiers, victims) = if abused {
            (&self.inside, &self.victims_outside)
        } else {
            (&self.outside, &self.victims_inside)
        };
        let (amplifier, victim) = (any(amplifiers, rng), any(victims, rng));
        let service = &self.services[amplifier.service];
        let (mut request, mut answer) = (service.request.clone(), service.answer.clone());
        let number = rng.next_u64().to_be_bytes();
        request[..service.echoed].copy_from_slice(&number[..service.echoed]);
        answer[..service.echoed].copy_from_slice(&number[..service.echoed]);
        let mut answered = time_ns;
        if abused {
            scene.wire.udp(time_ns, (&victim, &amplifier.end), &request);
            answered += rng.between(MILLISECOND / 2, 3 * MILLISECOND);
        }
        scene.wire.udp(answered, (&amplifier.end, &victim), &answer);
        scene.after(time_ns, RATE, Answer);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        let amplifiers = AMPLIFIERS_INSIDE + AMPLIFIERS_OUTSIDE;
        vec![("amplifiers", amplifiers.into()), ("victims", (2 * VICTIMS).into())]
    }
}
