//! The paper's algorithm in plain scalar code.
//!
//! Rabin fingerprints of all windows of 40 bytes, those kept whose low bits have a
//! value, counted in four rows; from three sightings in a minute on, the hosts of a
//! content are kept exactly. Nothing of the engine but its nouns is used.
//!
//! Where the paper leaves a choice, the faster way is taken: the count comes before
//! the look into the dispersion table, the table is emptied at once, and a key that
//! repeats within a payload (padding) is counted once.

use crate::count_min::CountMin;
use crate::rabin::Rabin;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use wormsift::packet::Packet;

/// Bytes of a window.
const BETA: usize = 40;
/// One window in 64 is kept; not the one of zeros.
const MASK: u64 = 63;
const TARGET: u64 = 1;
/// Sightings in a window of the count that make a content prevalent.
const PREVALENT: u8 = 3;
const PREVALENCE_WINDOW: u64 = 60_000_000_000;
const DISPERSION_WINDOW: u64 = 4 * 3_600_000_000_000;

type Fast = BuildHasherDefault<Folded>;

/// The hosts of one content.
#[derive(Debug, Default)]
struct Hosts {
    sources: HashSet<u128, Fast>,
    destinations: HashSet<u128, Fast>,
}

/// EarlyBird over decoded packets.
pub struct EarlyBird {
    rabin: Rabin,
    prevalence: CountMin,
    dispersion: HashMap<u64, Hosts, Fast>,
    thresholds: (usize, usize),
    /// The windows that packet time is in.
    minute: u64,
    hours: u64,
    kept: u64,
    alarms: u64,
}

impl EarlyBird {
    /// A sketch of `bytes`; the dispersion table takes what it takes.
    pub fn new(bytes: usize) -> Self {
        Self {
            rabin: Rabin::new(BETA),
            prevalence: CountMin::new(bytes),
            dispersion: HashMap::default(),
            thresholds: (30, 30),
            minute: 0,
            hours: 0,
            kept: 0,
            alarms: 0,
        }
    }

    /// Sifts one packet.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        let time = packet.time.as_nanos();
        if time / PREVALENCE_WINDOW != self.minute {
            self.minute = time / PREVALENCE_WINDOW;
            self.prevalence.clear();
        }
        if time / DISPERSION_WINDOW != self.hours {
            self.hours = time / DISPERSION_WINDOW;
            self.dispersion.clear();
        }
        let salt = u64::from(packet.protocol) << 16 | u64::from(packet.destination_port);
        let salt = salt.wrapping_mul(0xff51_afd7_ed55_8ccd);
        let Self { rabin, prevalence, dispersion, thresholds, kept, alarms, .. } = self;
        let mut last = None;
        rabin.for_each(packet.payload, MASK, TARGET, |_, fingerprint| {
            let key = mix(fingerprint ^ salt);
            if last.replace(key) == Some(key) {
                return;
            }
            *kept += 1;
            if prevalence.add(key) < PREVALENT {
                return;
            }
            let hosts = dispersion.entry(key).or_default();
            let before = hosts.over(*thresholds);
            hosts.sources.insert(number(packet.source));
            hosts.destinations.insert(number(packet.destination));
            *alarms += u64::from(!before && hosts.over(*thresholds));
        });
    }

    /// Counts a key in the sketch alone, so that its pages exist before time is taken.
    pub fn warm(&mut self, key: u64) -> u8 {
        self.prevalence.add(key)
    }

    /// Windows kept so far.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Contents that passed 30 sources and 30 destinations.
    pub fn alarms(&self) -> u64 {
        self.alarms
    }
}

impl Hosts {
    fn over(&self, (sources, destinations): (usize, usize)) -> bool {
        self.sources.len() >= sources && self.destinations.len() >= destinations
    }
}

fn number(address: std::net::IpAddr) -> u128 {
    match address {
        std::net::IpAddr::V4(v4) => u128::from(v4.to_bits()),
        std::net::IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The finaliser of MurmurHash3, without its last step.
#[inline]
fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^ x >> 29
}

/// A hash of one multiplication for the maps: keys are mixed, addresses are not.
#[derive(Default)]
pub struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }
    fn write_u64(&mut self, n: u64) {
        let product =
            u128::from(self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
    fn write_u128(&mut self, n: u128) {
        self.write_u64(n as u64);
        self.write_u64((n >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::packet::Timestamp;

    fn packet(n: u32, payload: &[u8]) -> Packet<'_> {
        Packet {
            number: u64::from(n) + 1,
            time: Timestamp::from_nanos(u64::from(n) * 10_000_000),
            source: std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into(),
            destination: std::net::Ipv4Addr::from_bits(0x1e00_0000 + n).into(),
            protocol: 17,
            source_port: 1,
            destination_port: 2,
            sequence: 0,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload,
        }
    }

    fn noise(seed: u32) -> Vec<u8> {
        let mut state = u64::from(seed) + 1;
        let mut byte = || {
            state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed.into());
            (state >> 56) as u8
        };
        (0..800).map(|_| byte()).collect()
    }

    #[test]
    fn what_goes_from_many_to_many_alarms_and_noise_does_not() {
        let body = noise(1_000_000);
        let mut worm = EarlyBird::new(1 << 20);
        (0..100).for_each(|n| worm.observe(&packet(n, &body)));
        assert!(worm.kept() > 0 && worm.alarms() > 0);
        assert_eq!(worm.alarms(), worm.kept() / 100);

        let mut quiet = EarlyBird::new(1 << 20);
        (0..100).for_each(|n| quiet.observe(&packet(n, &noise(n))));
        assert!(quiet.kept() > 500);
        assert_eq!(quiet.alarms(), 0);
    }

    #[test]
    fn what_is_seen_once_a_minute_stays_below_prevalence() {
        let body = noise(1_000_000);
        let mut early_bird = EarlyBird::new(1 << 20);
        (0..100).for_each(|n| early_bird.observe(&packet(n * 6_000, &body)));
        assert_eq!(early_bird.alarms(), 0);
    }
}
