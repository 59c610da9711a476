//! Scans at decoys: half-open connections, banners, pings and short datagrams, all answered.

use super::Farm;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::frame_builder::tcp;
use crate::link::{Endpoint, Icmp, Link, quoted};
use crate::rng::Rng;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::time::MILLISECOND;
use crate::traffic::Parameters;

const SCANNERS: usize = 50;
const PORTS: [u16; 10] = [22, 23, 80, 443, 445, 2_323, 3_389, 5_900, 6_379, 8_080];

pub(super) struct Scans {
    farm: Farm,
    scanners: Vec<Endpoint>,
}

impl Scans {
    pub(super) fn new(farm: &Farm, pool: &mut HostPool) -> Result<Self, CorpusError> {
        Ok(Self { farm: farm.clone(), scanners: pool.outside(SCANNERS)? })
    }
}

impl Arrivals for Scans {
    const RATE: f64 = 2.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let scanner = rng.one_of(&self.scanners).client(rng);
        let decoy = rng.one_of(&self.farm.decoys).at(*rng.one_of(&PORTS));
        let soon_ns = time_ns + rng.between(MILLISECOND / 4, 2 * MILLISECOND);
        match rng.below(10) {
            0..=5 => half_open(time_ns, soon_ns, (&scanner, &decoy), link, rng),
            6..=7 => {
                let mut session = TcpSession::new(link, (scanner, decoy), time_ns, rng);
                session.open();
                let length = rng.between(20, 60) as usize;
                let banner = rng.bytes(length);
                session.send(Peer::Server, &banner, MILLISECOND);
                session.close(Peer::Client);
            }
            8 => {
                let (identifier, sequence) = (rng.next_u64() as u16, 1);
                let (ask, reply) = (
                    Icmp::EchoRequest { identifier, sequence },
                    Icmp::EchoReply { identifier, sequence },
                );
                let filler = rng.bytes(24);
                link.icmp(time_ns, (&scanner, &decoy), ask, &filler);
                link.icmp(soon_ns, (&decoy, &scanner), reply, &filler);
            }
            _ => {
                let probe = rng.bytes(8);
                link.udp(time_ns, (&scanner, &decoy), &probe);
                let quote = quoted((&scanner, &decoy), &probe);
                link.icmp(soon_ns, (&decoy, &scanner), Icmp::PortUnreachable, &quote);
            }
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("scanners", SCANNERS.into()), ("scans_a_second", Self::RATE.into())]
    }
}

/// SYN, SYN+ACK, RST.
fn half_open(
    time_ns: u64,
    soon_ns: u64,
    (scanner, decoy): (&Endpoint, &Endpoint),
    link: &mut Link,
    rng: &mut Rng,
) {
    let drawn = rng.next_u64();
    let (own, other) = (drawn as u32, (drawn >> 32) as u32);
    let next = own.wrapping_add(1);
    link.stray_segment(time_ns, (scanner, decoy), tcp::SYN, (own, 0), &[]);
    let flags = tcp::SYN | tcp::ACK;
    link.stray_segment(soon_ns, (decoy, scanner), flags, (other, next), &[]);
    let later_ns = soon_ns + rng.between(20, 90) * MILLISECOND;
    link.stray_segment(later_ns, (scanner, decoy), tcp::RST, (next, 0), &[]);
}
