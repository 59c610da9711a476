//! Answers to forged sources at decoys, which say to them that nobody asked.
//!
//! What a decoy sends here is an answer, though nobody's request is before it: a reset to
//! a SYN+ACK, an ICMP error to a datagram.

use super::Farm;
use crate::background::dns_message;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::link::{Endpoint, Icmp, Link, quoted};
use crate::rng::Rng;
use crate::simulation::Arrivals;
use crate::text::word;
use crate::time::MILLISECOND;
use crate::traffic::Parameters;

const VICTIMS: usize = 20;

pub(super) struct Answers {
    farm: Farm,
    victims: Vec<Endpoint>,
    /// What datagrams of the floods hold.
    filler: Vec<u8>,
}

impl Answers {
    pub(super) fn new(farm: &Farm, pool: &mut HostPool) -> Result<Self, CorpusError> {
        let victims = pool.outside(VICTIMS)?;
        Ok(Self { farm: farm.clone(), victims, filler: pool.rng.bytes(32) })
    }
}

impl Arrivals for Answers {
    const RATE: f64 = 1.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let victim = *rng.one_of(&self.victims);
        let port = rng.between(1_024, 65_535) as u16;
        let decoy = rng.one_of(&self.farm.decoys).at(port);
        let drawn = rng.next_u64();
        let numbers = (drawn as u32, (drawn >> 32) as u32);
        let soon_ns = time_ns + rng.between(MILLISECOND / 4, 2 * MILLISECOND);
        match rng.below(5) {
            0..=1 => {
                let victim = victim.at(80);
                let flags = tcp::SYN | tcp::ACK;
                link.stray_segment(time_ns, (&victim, &decoy), flags, numbers, &[]);
                let refusal = (numbers.1, 0);
                link.stray_segment(soon_ns, (&decoy, &victim), tcp::RST, refusal, &[]);
            }
            2 => {
                let ends = (&victim.at(6_667), &decoy);
                let flags = tcp::RST | tcp::ACK;
                link.stray_segment(time_ns, ends, flags, (0, numbers.1), &[]);
            }
            3 => {
                let quote = quoted((&decoy, &victim.at(27_015)), &self.filler);
                link.icmp(time_ns, (&victim, &decoy), Icmp::PortUnreachable, &quote);
            }
            _ => {
                let victim = victim.at(53);
                let name = format!("{}.example", word(rng));
                let mut answer = dns_message(drawn as u16, 0x8180, 1, &name);
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1]);
                link.udp(time_ns, (&victim, &decoy), &answer);
                let quote = quoted((&victim, &decoy), &answer);
                link.icmp(soon_ns, (&decoy, &victim), Icmp::PortUnreachable, &quote);
            }
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("victims", VICTIMS.into()), ("answers_a_second", Self::RATE.into())]
    }
}
