//! Who scans, and how often does a scan matter?
//!
//! A scan matters when it crosses the tap or finds a vulnerable host on its own
//! side. Scanners differ in how often theirs do, since each prefers the networks
//! that it lies in itself; the rates of all of them are added up here, network
//! size by network size, and a scanner is drawn in proportion to its own.

use std::net::Ipv4Addr;

use super::settings::EpidemicSettings;
use crate::address_space::{AddressSpace, Prefix};
use crate::rng::Rng;

/// Which side of the tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Inside = 0,
    Outside = 1,
}

/// What a scan does that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It crosses the tap, coming from this side.
    Crosses(Side),
    /// It finds a vulnerable host on the side that it comes from.
    Finds(Side),
}

/// In the order of the rates.
const EFFECTS: [Effect; 4] = [
    Effect::Crosses(Side::Outside),
    Effect::Crosses(Side::Inside),
    Effect::Finds(Side::Outside),
    Effect::Finds(Side::Inside),
];
const LEVELS: usize = 4;

/// The infected hosts that scan.
#[derive(Debug)]
pub(super) struct Scanners {
    space: AddressSpace,
    levels: Vec<Level>,
    /// Infections by side, in the order in which they began to scan.
    sides: [Vec<u32>; 2],
    /// Events a nanosecond: four of each level, in the order of [`EFFECTS`].
    rates: [f64; 4 * LEVELS],
    total: f64,
}

/// Scans into the network of so many leading bits that the scanner lies in.
#[derive(Debug)]
struct Level {
    bits: u8,
    /// Scans a nanosecond from one scanner to one address of its network.
    rate: f64,
    /// The same, but only those that would infect a vulnerable host there.
    taking: f64,
    /// This network around the inside; `None` where it is no larger.
    around: Option<AddressSpace>,
    /// Infections of scanners outside, but in that network.
    near: Vec<u32>,
    /// By side, in the order of `Scanners::sides`: the running sum of the
    /// vulnerable hosts of the scanner's side in the scanner's network.
    weights: [Vec<u64>; 2],
}

impl Scanners {
    pub(super) fn new(settings: &EpidemicSettings) -> Self {
        let space = settings.space;
        let level = |(bits, share): (u8, f64)| {
            let bits = space.scanned.bits.max(bits);
            let around = (bits < space.inside.bits).then(|| AddressSpace {
                scanned: Prefix::new(space.inside.network, bits),
                inside: space.inside,
            });
            let size = (1u64 << (32 - u32::from(bits))) as f64;
            let rate = settings.scan_rate * share / size / 1e9;
            Level {
                bits,
                rate,
                taking: rate * settings.infection_chance,
                around,
                near: Vec::new(),
                weights: [Vec::new(), Vec::new()],
            }
        };
        let whole = settings.local.levels().into_iter().enumerate();
        // The whole space always comes first; of the rest, what is used.
        let levels = whole.filter(|(index, (_, share))| *index == 0 || *share > 0.0);
        Self {
            space,
            levels: levels.map(|(_, one)| level(one)).collect(),
            sides: [Vec::new(), Vec::new()],
            rates: [0.0; 4 * LEVELS],
            total: 0.0,
        }
    }

    /// How many scan.
    pub(super) fn count(&self) -> usize {
        self.sides[0].len() + self.sides[1].len()
    }

    /// Events of all kinds a nanosecond.
    pub(super) fn total_rate(&self) -> f64 {
        self.total
    }

    /// This infection's host begins to scan. `hosts` are the vulnerable hosts of
    /// its side, in order.
    pub(super) fn enter(
        &mut self,
        infection: u32,
        (side, address): (Side, Ipv4Addr),
        hosts: [&[Ipv4Addr]; 2],
    ) {
        self.sides[side as usize].push(infection);
        for level in self.levels.iter_mut().skip(1) {
            let network = Prefix::new(address, level.bits);
            let found = within(hosts[side as usize], network).len() as u64;
            let weights = &mut level.weights[side as usize];
            weights.push(weights.last().unwrap_or(&0) + found);
            let around = level.around.is_some_and(|around| around.scanned == network);
            if side == Side::Outside && around {
                level.near.push(infection);
            }
        }
        self.add_up(hosts.map(<[_]>::len));
    }

    fn add_up(&mut self, hosts: [usize; 2]) {
        let [inside, outside] = [0, 1].map(|side| self.sides[side].len() as f64);
        let reached = self.space.inside.size() as f64;
        for (index, level) in self.levels.iter().enumerate() {
            let near = if index == 0 { outside } else { level.near.len() as f64 };
            let opposite = level.around.map_or(0, AddressSpace::outside_size) as f64;
            let [finds_inside, finds_outside] = if index == 0 {
                [(inside, hosts[0]), (outside, hosts[1])]
                    .map(|(scanners, hosts)| scanners * level.taking * hosts as f64)
            } else {
                let sums = level.weights.each_ref().map(|sums| sums.last());
                sums.map(|sum| *sum.unwrap_or(&0) as f64 * level.taking)
            };
            self.rates[4 * index..4 * index + 4].copy_from_slice(&[
                near * level.rate * reached,
                inside * level.rate * opposite,
                finds_outside,
                finds_inside,
            ]);
        }
        self.total = self.rates.iter().sum();
    }

    /// Draws what happens: the effect of a scan, and its level.
    pub(super) fn draw_effect(&self, rng: &mut Rng) -> (Effect, usize) {
        let rates = &self.rates[..4 * self.levels.len()];
        let index = pick(rates, rng.unit() * self.total);
        (EFFECTS[index % 4], index / 4)
    }

    /// Draws which infection's host does it.
    pub(super) fn draw_scanner(
        &self,
        (effect, level): (Effect, usize),
        rng: &mut Rng,
    ) -> u32 {
        let one = |list: &[u32], rng: &mut Rng| list[rng.index(list.len())];
        match effect {
            Effect::Crosses(Side::Outside) if level > 0 => {
                one(&self.levels[level].near, rng)
            }
            Effect::Finds(side) if level > 0 => {
                let sums = &self.levels[level].weights[side as usize];
                let point = rng.below(*sums.last().unwrap_or(&0));
                self.sides[side as usize][sums.partition_point(|&sum| sum <= point)]
            }
            Effect::Crosses(side) | Effect::Finds(side) => {
                one(&self.sides[side as usize], rng)
            }
        }
    }

    /// Draws any scanner, each as likely as the other.
    pub(super) fn draw_any(&self, rng: &mut Rng) -> u32 {
        let index = rng.index(self.count());
        let [inside, outside] = &self.sides;
        inside.get(index).copied().unwrap_or_else(|| outside[index - inside.len()])
    }

    /// Draws where a scan goes that crosses the tap.
    pub(super) fn draw_opposite(
        &self,
        from: Side,
        level: usize,
        rng: &mut Rng,
    ) -> Ipv4Addr {
        let inside = self.space.inside;
        match (from, self.levels[level].around) {
            (Side::Inside, Some(around)) => {
                around.outside_address(rng.below(around.outside_size()))
            }
            _ => inside.address(rng.below(inside.size())),
        }
    }

    /// Draws which of the side's vulnerable hosts a scan finds that looks for
    /// them from this address; the answer is an index into `hosts`.
    pub(super) fn draw_found(
        &self,
        scanner: Ipv4Addr,
        level: usize,
        hosts: &[Ipv4Addr],
        rng: &mut Rng,
    ) -> usize {
        if level == 0 {
            return rng.index(hosts.len());
        }
        let range = within(hosts, Prefix::new(scanner, self.levels[level].bits));
        range.start + rng.index(range.len())
    }
}

/// Which of these sorted addresses lie in the network.
fn within(hosts: &[Ipv4Addr], network: Prefix) -> std::ops::Range<usize> {
    let start = hosts.partition_point(|&host| host < network.network);
    let last = network.address(network.size() - 1);
    start..start + hosts[start..].partition_point(|&host| host <= last)
}

/// Which of the rates the point falls into when they are laid end to end.
fn pick(rates: &[f64], mut point: f64) -> usize {
    let mut last = 0;
    for (index, &rate) in rates.iter().enumerate() {
        if rate > 0.0 {
            last = index;
            if point < rate {
                break;
            }
        }
        point -= rate;
    }
    // Rounding may leave the point behind the last: it counts as there.
    last
}
