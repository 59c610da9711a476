//! Scenario `backscatter`: answers to dark addresses that asked nothing.
//!
//! Victims of floods from forged addresses answer to whom they believe; where those
//! addresses are the telescope's, it receives SYN-ACKs, resets, ICMP errors that quote the
//! flood, and answers of name servers. They go from many to many by construction. The tap
//! sees one direction only, and no background traffic.

use super::host_pool::{HostPool, Site};
use super::setup::BenignSetup;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::link::{Endpoint, Icmp, Link, quoted};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Arrivals, Poisson};
use crate::text::word;
use crate::traffic::Parameters;

const WEB_SERVERS: usize = 80;
const ROUTERS: usize = 60;
const NAME_SERVERS: usize = 50;

const NO_RELAY: Verdict = Verdict::Silent("dark addresses send nothing");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "backscatter",
        "victims of forged floods answer to a telescope: SYN-ACKs, resets, quoted \
             packets, answers of name servers",
        "sifting replies: they go from many to many by construction",
        &[
            Expectation::by_default(
                Verdict::Open(
                    "where no address is said to be dark, answers from port 53 are sifted like any other",
                ),
                NO_RELAY,
            ),
            Expectation::under(
                "dark = [\"10.20.16.0/20\"]",
                Verdict::Silent("answers to dark addresses are left out"),
                NO_RELAY,
            ),
        ],
    ),
    open: |request| {
        let setup = BenignSetup { background_hosts: 0, ..BenignSetup::default() };
        setup.start(request, |pool| Backscatter::new(pool).map(Poisson))
    },
};

struct Backscatter {
    site: Site,
    web_servers: Vec<Endpoint>,
    routers: Vec<Endpoint>,
    /// What is behind the routers, and flooded.
    behind: Vec<Endpoint>,
    name_servers: Vec<Endpoint>,
    /// What the flood's datagrams hold.
    flood: Vec<u8>,
    /// What a web server's proxy says when it resets.
    complaint: Vec<u8>,
    /// The same refusal, whatever was asked below one name.
    refusal: Vec<u8>,
}

impl Backscatter {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let web_servers = pool.outside(WEB_SERVERS)?;
        let (routers, behind) = (pool.outside(ROUTERS)?, pool.outside(ROUTERS)?);
        let name_servers = pool.outside(NAME_SERVERS)?;
        let rng = &mut pool.rng;
        let mut refusal = b"\x05spare\x07example\0\0\x01\0\x01".to_vec();
        refusal.extend_from_slice(b"\xc0\x0c\0\x06\0\x01\0\0\x0e\x10\0\x40");
        rng.append(64, &mut refusal);
        Ok(Self {
            site: pool.site.clone(),
            flood: rng.bytes(480),
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

    /// A segment of a web server to a forged source.
    fn segment(
        &self,
        time_ns: u64,
        dark: Endpoint,
        (flags, payload): (u8, &[u8]),
        link: &mut Link,
        rng: &mut Rng,
    ) {
        let server = rng.one_of(&self.web_servers).at(80);
        let numbers = rng.next_u64();
        let numbers = ((numbers >> 32) as u32, numbers as u32);
        link.stray_segment(time_ns, (&server, &dark), flags, numbers, payload);
    }
}

impl Arrivals for Backscatter {
    const RATE: f64 = 50.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        // A forged source, at a random port.
        let dark = self.site.anywhere_inside(rng);
        let dark = dark.at(rng.between(1_024, 65_535) as u16);
        match rng.below(10) {
            0..=2 => {
                let answer = (tcp::SYN | tcp::ACK, &[][..]);
                self.segment(time_ns, dark, answer, link, rng);
            }
            3 => {
                let reset = (tcp::RST | tcp::ACK, &self.complaint[..]);
                self.segment(time_ns, dark.at(1_024), reset, link, rng);
            }
            4..=6 => {
                let index = rng.index(self.routers.len());
                let (router, host) = (&self.routers[index], &self.behind[index]);
                let (message, from) = if rng.chance(0.5) {
                    (Icmp::PortUnreachable, host)
                } else {
                    (Icmp::TimeExceeded, router)
                };
                let quote = quoted((&dark, &host.at(19)), &self.flood);
                link.icmp(time_ns, (from, &dark), message, &quote);
            }
            _ => {
                // This flood forges one source port for all it asks.
                let server = rng.one_of(&self.name_servers).at(53);
                let number = (rng.next_u64() as u16).to_be_bytes();
                let mut answer =
                    [&number[..], &[0x80, 0x05, 0, 1, 0, 0, 0, 1, 0, 0, 12]].concat();
                rng.append(12, &mut answer);
                answer.extend_from_slice(&self.refusal);
                link.udp(time_ns, (&server, &dark.at(1_024)), &answer);
            }
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("victims", (WEB_SERVERS + ROUTERS + NAME_SERVERS).into())]
    }
}
