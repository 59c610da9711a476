//! What comes back to dark addresses that asked nothing.
//!
//! Victims of floods from forged addresses answer to whom they believe; where
//! those addresses are the telescope's, it sees SYN-ACKs, resets, ICMP errors
//! that quote the flood, and answers of name servers. They go from many to many
//! by construction. The tap sees one direction only, and no ordinary traffic.

use serde_json::Value;

use super::cast::{Cast, Places, any, at_port};
use super::story::{Plan, SECOND, Scene, Story};
use super::text::{random_bytes, word};
use super::wire::{Icmp, quoted};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan { background_hosts: 0, ..Plan::named("backscatter") };
const WEB_SERVERS: usize = 80;
const ROUTERS: usize = 60;
const NAME_SERVERS: usize = 50;
/// Packets a second.
const RATE: f64 = 50.0;

const NO_RELAY: Verdict = Verdict::Silent("dark addresses send nothing");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "victims of forged floods answer to a telescope: SYN-ACKs, resets, \
                  quoted packets, answers of name servers",
        defeats: "sifting replies: they go from many to many by construction",
        kind: Kind::Benign,
        two_way: false,
        same_port: false,
        standard: true,
        expectations: &[
            Expectation::by_default(
                Verdict::Open("on a tap, answers from port 53 are sifted like any other"),
                NO_RELAY,
            ),
            Expectation::under(
                "preset = \"telescope\"",
                Verdict::Silent("ICMP errors, resets and answers of names are left out"),
                NO_RELAY,
            ),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Backscatter::new)
}

struct Backscatter {
    places: Places,
    web_servers: Vec<End>,
    routers: Vec<End>,
    /// What is behind the routers, and flooded.
    behind: Vec<End>,
    name_servers: Vec<End>,
    /// What the flood's datagrams hold.
    flood: Vec<u8>,
    /// What a web server's proxy says when it resets.
    complaint: Vec<u8>,
    /// The same refusal, whatever was asked below one name.
    refusal: Vec<u8>,
}

struct Reply;

impl Backscatter {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let web_servers = cast.outside(WEB_SERVERS)?;
        let (routers, behind) = (cast.outside(ROUTERS)?, cast.outside(ROUTERS)?);
        let name_servers = cast.outside(NAME_SERVERS)?;
        let rng = &mut cast.rng;
        let mut refusal = b"\x05spare\x07example\0\0\x01\0\x01".to_vec();
        refusal.extend_from_slice(b"\xc0\x0c\0\x06\0\x01\0\0\x0e\x10\0\x40");
        rng.append(64, &mut refusal);
        Ok(Self {
            places: cast.places.clone(),
            flood: random_bytes(480, rng),
            complaint: format!("too many connections, {} {}", word(rng), word(rng))
                .repeat(3)
                .into_bytes(),
            web_servers,
            routers,
            behind,
            name_servers,
            refusal,
        })
    }

    /// A forged source, at a random port.
    fn dark(&self, rng: &mut Rng) -> End {
        at_port(&self.places.anywhere_inside(rng), rng.between(1_024, 65_535) as u16)
    }
}

impl Story for Backscatter {
    type Event = Reply;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Reply>) {
        scene.at(start_ns + SECOND, Reply);
    }

    fn happen(&mut self, time_ns: u64, _: Reply, scene: &mut Scene<Reply>) {
        let (rng, wire) = (&mut scene.rng, &mut scene.wire);
        let dark = self.dark(rng);
        match rng.below(10) {
            0..=2 => {
                let server = at_port(&any(&self.web_servers, rng), 80);
                let flags = tcp::SYN | tcp::ACK;
                wire.stray_segment(time_ns, (&server, &dark), flags, rng.next_u64(), &[]);
            }
            3 => {
                let server = at_port(&any(&self.web_servers, rng), 80);
                let dark = at_port(&dark, 1_024);
                let flags = tcp::RST | tcp::ACK;
                let payload = &self.complaint;
                wire.stray_segment(
                    time_ns,
                    (&server, &dark),
                    flags,
                    rng.next_u64(),
                    payload,
                );
            }
            4..=6 => {
                let index = rng.index(self.routers.len());
                let (router, host) = (&self.routers[index], &self.behind[index]);
                let (message, at) = if rng.chance(0.5) {
                    (Icmp::PortUnreachable, host)
                } else {
                    (Icmp::TimeExceeded, router)
                };
                let asked = at_port(host, 19);
                let quote = quoted((&dark, &asked), &self.flood, 548);
                wire.icmp(time_ns, (at, &dark), message, &quote);
            }
            _ => {
                // This flood forges one source port for all it asks.
                let server = at_port(&any(&self.name_servers, rng), 53);
                let dark = at_port(&dark, 1_024);
                let number = (rng.next_u64() as u16).to_be_bytes();
                let head =
                    [&number[..], &[0x80, 0x05, 0, 1, 0, 0, 0, 1, 0, 0, 12]].concat();
                let mut answer = head;
                rng.append(12, &mut answer);
                answer.extend_from_slice(&self.refusal);
                wire.udp(time_ns, (&server, &dark), &answer);
            }
        }
        scene.after(time_ns, RATE, Reply);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("victims", (WEB_SERVERS + ROUTERS + NAME_SERVERS).into())]
    }
}
