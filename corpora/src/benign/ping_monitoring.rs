//! Scenario `ping-monitoring`: many monitors ping many hosts.
//!
//! An echo request holds a filler that is the same everywhere: bytes that count up, the
//! alphabet, or one byte again and again. Most are of 56 bytes; some monitors send full
//! frames to test the path. Every host sends the filler back. The hosts are servers: one
//! that also pings others would relay the filler indeed.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Icmp, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Parameters;

const MONITORS: usize = 120;
const HOSTS: usize = 80;

const FILLER: Verdict = Verdict::Open(
    "full frames of the counting filler go from many to many; of 56 bytes, one window",
);
const ECHO: Verdict =
    Verdict::Silent("an echo goes to who sent the request, which is not passing on");

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "ping-monitoring",
        "120 monitors ping 80 servers with the usual fillers",
        "dispersion without a baseline; taking echoes for propagation",
        &[
            Expectation::by_default(FILLER, ECHO),
            Expectation::under("port_rule = \"none\"", FILLER, ECHO),
        ],
    ),
    open: |request| start_arrivals(request, Monitoring::new),
};

/// What a monitor puts into its requests.
#[derive(Clone, Copy)]
enum Filler {
    /// A time of sixteen bytes, then bytes that count up, this many in all.
    Counting(usize),
    /// The letters a to w, 32 bytes.
    Letters,
    /// A time, then one byte up to 56.
    OneByte(u8),
}

struct Monitoring {
    monitors: Vec<(Endpoint, Filler)>,
    hosts: Vec<Endpoint>,
}

impl Monitoring {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let (monitors, hosts) = (pool.outside(MONITORS)?, pool.inside_servers(HOSTS)?);
        let rng = &mut pool.rng;
        let filler = |rng: &mut Rng| match rng.below(10) {
            0..=3 => Filler::Counting(56),
            4..=6 => Filler::Counting(1_472),
            7..=8 => Filler::Letters,
            _ => Filler::OneByte(rng.next_u64() as u8),
        };
        let monitors = monitors.into_iter().map(|end| (end, filler(rng))).collect();
        Ok(Self { monitors, hosts })
    }
}

impl Filler {
    fn write(self, time_ns: u64) -> Vec<u8> {
        let seconds = (time_ns / SECOND).to_le_bytes();
        let micros = (time_ns % SECOND / 1_000).to_le_bytes();
        let mut payload = [seconds, micros].concat();
        match self {
            Self::Counting(length) => payload.extend((16..length).map(|at| at as u8)),
            Self::Letters => payload = (0..32).map(|at| b'a' + at % 23).collect(),
            Self::OneByte(byte) => payload.resize(56, byte),
        }
        payload
    }
}

impl Arrivals for Monitoring {
    const RATE: f64 = 30.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (monitor, filler) = rng.one_of(&self.monitors);
        let host = rng.one_of(&self.hosts);
        let payload = filler.write(time_ns);
        let (identifier, sequence) = (rng.next_u64() as u16, rng.below(5_000) as u16);
        let request = Icmp::EchoRequest { identifier, sequence };
        link.icmp(time_ns, (monitor, host), request, &payload);
        if rng.chance(0.95) {
            let later = time_ns + rng.between(MILLISECOND / 4, 2 * MILLISECOND);
            let reply = Icmp::EchoReply { identifier, sequence };
            link.icmp(later, (host, monitor), reply, &payload);
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("monitors", MONITORS.into()), ("hosts", HOSTS.into())]
    }
}
