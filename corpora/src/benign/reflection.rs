//! Scenario `reflection`: amplifiers answer to a victim that never asked.
//!
//! Somebody asks hundreds of open servers in the name of a victim; all of them send their
//! large answers to it. Three victims are inside and flooded by amplifiers outside; three
//! are outside, and open servers of the site are among their amplifiers, so that the forged
//! requests cross the tap too.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::text::word;
use crate::time::MILLISECOND;
use crate::traffic::Parameters;

const AMPLIFIERS_OUTSIDE: usize = 400;
const AMPLIFIERS_INSIDE: usize = 60;
/// On either side.
const VICTIMS: usize = 3;

const FEW_VICTIMS: Verdict =
    Verdict::Silent("all answers go to a few victims, in whose name all requests come");
const NO_RELAY: Verdict = Verdict::Silent(
    "amplifiers send only to a victim, which is named as the sender of what they received",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "reflection",
        "460 amplifiers of three services send the same answers to six victims",
        "counting sources alone",
        &[
            Expectation::by_default(FEW_VICTIMS, NO_RELAY),
            Expectation::under("port_rule = \"none\"", FEW_VICTIMS, NO_RELAY),
        ],
    ),
    open: |request| start_arrivals(request, Reflection::new),
};

/// An open server and what it is open for.
struct Amplifier {
    end: Endpoint,
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
    victims_inside: Vec<Endpoint>,
    victims_outside: Vec<Endpoint>,
}

impl Reflection {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let outside = pool.outside(AMPLIFIERS_OUTSIDE)?;
        let inside = pool.inside_servers(AMPLIFIERS_INSIDE)?;
        let (at_home, abroad) = (pool.inside(VICTIMS)?, pool.outside(VICTIMS)?);
        let rng = &mut pool.rng;
        let services = vec![names(rng), time(rng), devices(rng)];
        let mut amplifiers = |ends: Vec<Endpoint>| -> Vec<Amplifier> {
            let serve = |end: Endpoint| {
                let service = rng.index(services.len());
                Amplifier { end: end.at(services[service].port), service }
            };
            ends.into_iter().map(serve).collect()
        };
        let (outside, inside) = (amplifiers(outside), amplifiers(inside));
        // Attackers like to name a port that no filter closes.
        let victims = |ends: Vec<Endpoint>| {
            let ports = [80, 443, 27_015];
            ends.iter().zip(ports).map(|(end, port)| end.at(port)).collect()
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
    let records = rng.bytes(1_150);
    let answer =
        [&[0, 0, 0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0][..], &question, &records].concat();
    Service { port: 53, request, answer, echoed: 2 }
}

/// A list of those who asked before.
fn time(rng: &mut Rng) -> Service {
    let answer = [&[0xd7, 0, 3, 0x2a, 0, 6, 0, 72][..], &rng.bytes(432)].concat();
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

impl Arrivals for Reflection {
    const RATE: f64 = 50.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let abused = rng.chance(0.25);
        let (amplifiers, victims) = if abused {
            (&self.inside, &self.victims_outside)
        } else {
            (&self.outside, &self.victims_inside)
        };
        let (amplifier, victim) = (rng.one_of(amplifiers), rng.one_of(victims));
        let service = &self.services[amplifier.service];
        let (mut request, mut answer) = (service.request.clone(), service.answer.clone());
        let number = rng.next_u64().to_be_bytes();
        request[..service.echoed].copy_from_slice(&number[..service.echoed]);
        answer[..service.echoed].copy_from_slice(&number[..service.echoed]);
        let mut answered = time_ns;
        if abused {
            link.udp(time_ns, (victim, &amplifier.end), &request);
            answered += rng.between(MILLISECOND / 2, 3 * MILLISECOND);
        }
        link.udp(answered, (&amplifier.end, victim), &answer);
    }

    fn parameters(&self) -> Parameters {
        let amplifiers = AMPLIFIERS_INSIDE + AMPLIFIERS_OUTSIDE;
        vec![("amplifiers", amplifiers.into()), ("victims", (2 * VICTIMS).into())]
    }
}
