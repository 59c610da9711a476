//! Scanning hosts, and the scans that matter.
//!
//! A scan matters when the tap sees it or when it finds a vulnerable host on its own
//! side. The tap sees what crosses it, or every scan. Scanners differ in how often theirs do, since each prefers the networks
//! that it is in itself; the rates of all of them are added up here, network
//! size by network size, and a scanner is drawn in proportion to its own.
//! That is done by rejection: any one is drawn, and taken as often as its rate
//! compares with the highest, or else another.

use std::net::Ipv4Addr;

use super::Infection;
use super::network_index::NetworkIndex;
use super::settings::{EpidemicSettings, LocalPreference};
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
    /// The tap sees it coming from this side.
    Seen(Side),
    /// It finds a vulnerable host on the side that it comes from, unseen.
    Finds(Side),
}

/// In the order of the rates.
const EFFECTS: [Effect; 4] = [
    Effect::Seen(Side::Outside),
    Effect::Seen(Side::Inside),
    Effect::Finds(Side::Outside),
    Effect::Finds(Side::Inside),
];
const LEVELS: usize = 4;

/// The infected hosts that scan.
#[derive(Debug)]
pub(super) struct Scanners {
    space: AddressSpace,
    sees_all: bool,
    levels: Vec<Level>,
    /// Infections by side, in the order in which they began to scan.
    sides: [Vec<u32>; 2],
    /// Of the vulnerable hosts of each side; only where some scans are local.
    index: Option<[NetworkIndex; 2]>,
    /// Events a nanosecond: four of each level, in the order of [`EFFECTS`].
    rates: [f64; 4 * LEVELS],
    total: f64,
}

/// Scans into the network of so many leading bits that the scanner is in.
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
    /// By side: the sum, over its scanners, of the vulnerable hosts of the same
    /// side in the scanner's network.
    reachable: [u64; 2],
    /// By side: the most that one scanner can have of them.
    most_reachable: [u64; 2],
}

impl Scanners {
    /// None yet. `hosts` are the vulnerable hosts inside and outside, each in
    /// order; functions that need them take them as arguments.
    pub(super) fn new(settings: &EpidemicSettings, hosts: [&[Ipv4Addr]; 2]) -> Self {
        let space = settings.space;
        let local = settings.local != LocalPreference::default();
        let index = local.then(|| hosts.map(NetworkIndex::new));
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
                reachable: [0; 2],
                most_reachable: std::array::from_fn(|side| {
                    index.as_ref().map_or(0, |index| index[side].most(hosts[side], bits))
                }),
            }
        };
        let whole = settings.local.levels().into_iter().enumerate();
        // The whole space always comes first; of the rest, what is used.
        let levels = whole.filter(|(index, (_, share))| *index == 0 || *share > 0.0);
        Self {
            space,
            sees_all: settings.sees_all,
            levels: levels.map(|(_, one)| level(one)).collect(),
            sides: [Vec::new(), Vec::new()],
            index,
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

    /// This infection's host begins to scan.
    pub(super) fn enter(
        &mut self,
        infection: u32,
        (side, address): (Side, Ipv4Addr),
        hosts: [&[Ipv4Addr]; 2],
    ) {
        self.sides[side as usize].push(infection);
        for level in self.levels.iter_mut().skip(1) {
            let network = Prefix::new(address, level.bits);
            if let Some(index) = &self.index {
                let found = index[side as usize].within(hosts[side as usize], network);
                level.reachable[side as usize] += found.len() as u64;
            }
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
            if self.sees_all {
                let every = level.rate * self.network_size(level);
                let rates = [outside * every, inside * every, 0.0, 0.0];
                self.rates[4 * index..4 * index + 4].copy_from_slice(&rates);
                continue;
            }
            let near = if index == 0 { outside } else { level.near.len() as f64 };
            let opposite = level.around.map_or(0, AddressSpace::outside_size) as f64;
            let [finds_inside, finds_outside] = if index == 0 {
                [(inside, hosts[0]), (outside, hosts[1])]
                    .map(|(scanners, hosts)| scanners * level.taking * hosts as f64)
            } else {
                level.reachable.map(|sum| sum as f64 * level.taking)
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

    /// Addresses of the network that a scanner's scans of this level go to.
    fn network_size(&self, level: &Level) -> f64 {
        Prefix::new(self.space.scanned.network, level.bits).size() as f64
    }

    /// Draws what happens: the effect of a scan, and its level.
    pub(super) fn draw_effect(&self, rng: &mut Rng) -> (Effect, usize) {
        let rates = &self.rates[..4 * self.levels.len()];
        let index = pick(rates, rng.unit() * self.total);
        (EFFECTS[index % 4], index / 4)
    }

    /// Draws a scan that the tap sees: whose, and to which address.
    pub(super) fn draw_seen(
        &self,
        (from, level): (Side, usize),
        infections: &[Infection],
        rng: &mut Rng,
    ) -> (u32, Ipv4Addr) {
        if self.sees_all {
            let scanners = &self.sides[from as usize];
            let scanner = scanners[rng.index(scanners.len())];
            let source = infections[scanner as usize].host;
            let network = Prefix::new(source, self.levels[level].bits);
            return (scanner, network.address(rng.below(network.size())));
        }
        let scanners = match from {
            Side::Outside if level > 0 => &self.levels[level].near,
            _ => &self.sides[from as usize],
        };
        let scanner = scanners[rng.index(scanners.len())];
        let destination = match (from, self.levels[level].around) {
            (Side::Inside, Some(around)) => {
                around.outside_address(rng.below(around.outside_size()))
            }
            _ => self.space.inside.address(rng.below(self.space.inside.size())),
        };
        (scanner, destination)
    }

    /// Draws a scan that finds a vulnerable host of its own side: whose, and
    /// which of `hosts`, those of that side.
    pub(super) fn draw_finding(
        &self,
        (side, level): (Side, usize),
        hosts: &[Ipv4Addr],
        infections: &[Infection],
        rng: &mut Rng,
    ) -> (u32, usize) {
        let scanners = &self.sides[side as usize];
        let Some(index) = self.index.as_ref().filter(|_| level > 0) else {
            return (scanners[rng.index(scanners.len())], rng.index(hosts.len()));
        };
        let Level { bits, most_reachable, .. } = &self.levels[level];
        loop {
            let scanner = scanners[rng.index(scanners.len())];
            let address = infections[scanner as usize].host;
            let found = index[side as usize].within(hosts, Prefix::new(address, *bits));
            // A place beyond those that there are rejects the scanner.
            let place = rng.below(most_reachable[side as usize]) as usize;
            if place < found.len() {
                return (scanner, found.start + place);
            }
        }
    }

    /// Draws any scanner, each as likely as the other.
    pub(super) fn draw_any(&self, rng: &mut Rng) -> u32 {
        let index = rng.index(self.count());
        let [inside, outside] = &self.sides;
        inside.get(index).copied().unwrap_or_else(|| outside[index - inside.len()])
    }
}

/// Which of the rates the point falls into when they are put end to end.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Rates of (source, vulnerable host found on its side, or none for a scan
    /// that crosses the tap), scan by scan.
    fn plain_rates(
        settings: &EpidemicSettings,
        scanners: &[Ipv4Addr],
        hosts: &[Ipv4Addr],
    ) -> BTreeMap<(Ipv4Addr, Option<Ipv4Addr>), f64> {
        let space = settings.space;
        let mut rates = BTreeMap::new();
        for &scanner in scanners {
            for (bits, share) in settings.local.levels() {
                let network = Prefix::new(scanner, bits.max(space.scanned.bits));
                let rate = settings.scan_rate * share / network.size() as f64 / 1e9;
                for target in (0..network.size()).map(|index| network.address(index)) {
                    if space.inside.contains(target) != space.inside.contains(scanner) {
                        *rates.entry((scanner, None)).or_insert(0.0) += rate;
                    } else if hosts.contains(&target) {
                        *rates.entry((scanner, Some(target))).or_insert(0.0) += rate;
                    }
                }
            }
        }
        rates
    }

    #[test]
    fn every_scan_that_matters_is_drawn_as_often_as_it_happens() {
        let address = |third: u8, fourth: u8| Ipv4Addr::new(10, 0, third, fourth);
        for inside_bits in [22, 23, 24, 25] {
            let space = AddressSpace {
                scanned: Prefix::new(address(0, 0), 20),
                inside: Prefix::new(address(4, 0), inside_bits),
            };
            let settings = EpidemicSettings {
                space,
                local: LocalPreference { same_8: 0.1, same_16: 0.1, same_24: 0.6 },
                ..EpidemicSettings::default()
            };
            // Crowded networks and lonely hosts on both sides.
            let crowd = |third: u8| (1..=9).map(move |fourth| address(third, fourth));
            let lonely = [address(1, 7), address(2, 8), address(4, 200), address(6, 1)];
            let mut hosts: Vec<Ipv4Addr> =
                crowd(0).chain(crowd(4)).chain(lonely).collect();
            hosts.sort_by_key(|&host| (!space.inside.contains(host), host));
            let inside = hosts.iter().filter(|&&host| space.inside.contains(host));
            let (inside, outside) = hosts.split_at(inside.count());
            let sources = [address(0, 1), address(1, 7), address(4, 3), address(4, 200)];
            let infections =
                sources.map(|host| Infection { host, time_ns: 0, by: None, seen: false });

            let mut scanners = Scanners::new(&settings, [inside, outside]);
            for (number, host) in sources.into_iter().enumerate() {
                let side = if space.inside.contains(host) {
                    Side::Inside
                } else {
                    Side::Outside
                };
                scanners.enter(number as u32, (side, host), [inside, outside]);
            }
            let plain = plain_rates(&settings, &sources, &hosts);
            let total: f64 = plain.values().sum();
            assert!((scanners.total_rate() / total - 1.0).abs() < 1e-12);

            let mut rng = Rng::new(1, "draws");
            let draws = 200_000;
            let mut drawn = BTreeMap::new();
            for _ in 0..draws {
                let (scanner, found) = match scanners.draw_effect(&mut rng) {
                    (Effect::Seen(from), level) => {
                        let (scanner, target) =
                            scanners.draw_seen((from, level), &infections, &mut rng);
                        assert!(space.scanned.contains(target));
                        let goes_in = space.inside.contains(target);
                        assert_eq!(goes_in, from == Side::Outside);
                        (scanner, None)
                    }
                    (Effect::Finds(side), level) => {
                        let list = [inside, outside][side as usize];
                        let (scanner, found) = scanners.draw_finding(
                            (side, level),
                            list,
                            &infections,
                            &mut rng,
                        );
                        (scanner, Some(list[found]))
                    }
                };
                *drawn.entry((sources[scanner as usize], found)).or_insert(0) += 1;
            }
            assert!(drawn.keys().all(|key| plain.contains_key(key)));
            for (key, rate) in &plain {
                let expected = rate / total * f64::from(draws);
                let count = f64::from(*drawn.get(key).unwrap_or(&0));
                let apart = (count - expected).abs();
                assert!(apart < 5.0 * expected.sqrt(), "{key:?}: {count}, {expected}");
            }
        }
    }
}
