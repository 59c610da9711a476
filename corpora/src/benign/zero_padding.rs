//! Scenario `zero-padding`: many send zeros and other fillers to many.
//!
//! Datagrams that are zero throughout or behind a short random header, fillers of other
//! short units, keep-alives of one zero byte, and frames so short that Ethernet fills them
//! up.
//!
//! What is no short unit is the last byte of a header with the zeros behind it: there are
//! 255 such windows, so that in some hours each of them comes from many to many. In the
//! minutes of this scenario it does not.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Parameters;

const HOSTS: usize = 90;
const PORT: u16 = 9_999;

const PERIODIC: Verdict = Verdict::Silent(
    "a short unit is never kept; one header byte and zeros recur too seldom in minutes",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "zero-padding",
        "90 hosts on either side exchange zeros and other short units: payloads, \
             fillings behind headers, keep-alives, trailers",
        "windows of a short unit; payloads that end where the frame does",
        &[Expectation::by_default(PERIODIC, PERIODIC)],
    ),
    open: |request| start_arrivals(request, Padding::new),
};

struct Padding {
    inside: Vec<Endpoint>,
    outside: Vec<Endpoint>,
}

impl Padding {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        Ok(Self { inside: pool.inside(HOSTS)?, outside: pool.outside(HOSTS)? })
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

impl Arrivals for Padding {
    const RATE: f64 = 25.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (mut from, mut to) = (rng.one_of(&self.inside), rng.one_of(&self.outside));
        if rng.chance(0.5) {
            (from, to) = (to, from);
        }
        let (from, to) = (from.client(rng), to.at(PORT));
        match rng.below(10) {
            // All filling.
            0..=3 => {
                let length = rng.between(16, 1_400) as usize;
                link.udp(time_ns, (&from, &to), &filler(length, rng));
            }
            // A header of random bytes before it.
            4..=6 => {
                let (header, rest) = (rng.between(8, 24), rng.between(60, 1_000));
                let mut payload = rng.bytes(header as usize);
                payload.extend(filler(rest as usize, rng));
                link.udp(time_ns, (&from, &to), &payload);
            }
            // So short that the frame is filled up.
            7..=8 => {
                let length = rng.between(1, 15) as usize;
                link.udp(time_ns, (&from, &to), &rng.bytes(length));
            }
            // A session without content.
            _ => {
                let mut session = TcpSession::new(link, (from, to), time_ns, rng);
                session.open();
                for _ in 0..rng.between(1, 5) {
                    session.keep_alive(Peer::Client, rng.between(1, 9) * SECOND);
                }
                session.send(Peer::Client, &[0; 512], 10 * MILLISECOND);
                session.close(Peer::Client);
            }
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("hosts_inside", HOSTS.into()), ("hosts_outside", HOSTS.into())]
    }
}
