//! Map from a scenario's addresses to those of a given capture.
//!
//! A scenario that is put into a capture has addresses of its own. Each of them gets one
//! address of the capture's networks, on the same side of the tap, and keeps it: at first
//! those of hosts that occur, then unused ones of the same networks, from the smallest
//! networks to larger ones. Addresses that are asked for first get the better ones, so
//! [`AddressMap::prefer`] the hosts that matter.
//!
//! What was near in the scenario (one /24, say) need not be near here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::address_space::{AddressSpace, Prefix, as_ipv6};
use crate::error::CorpusError;

/// Networks of this many fewer bits than a host's are searched for unused
/// addresses, one size after the other.
const STEP_BITS: u8 = 8;
/// Spreads consecutive choices over a network; odd, so that none comes twice.
const STRIDE: u64 = 0x9e37_79b9;

/// A scenario's addresses with those of a capture.
///
/// It fills while a scenario runs, so each run needs one of its own to be repeatable.
#[derive(Debug)]
pub struct AddressMap {
    scenario_inside: Prefix,
    /// For IPv4 and for IPv6.
    versions: [Option<Mutex<Mapping>>; 2],
}

/// The map of one IP version.
#[derive(Debug)]
struct Mapping {
    known: BTreeMap<Ipv4Addr, IpAddr>,
    inside: Side,
    outside: Side,
}

/// The addresses on one side of the tap.
#[derive(Debug)]
struct Side {
    numbers: Numbers,
    network: Network,
    /// Whether its addresses are those of `network`, or all others.
    within: bool,
    /// Those of hosts that occur, not yet assigned.
    occurring: VecDeque<IpAddr>,
    /// Numbers of hosts that are assigned or occur.
    taken: BTreeSet<u64>,
    /// Networks to be searched, by size, smallest first.
    searched: VecDeque<Search>,
}

#[derive(Debug)]
struct Search {
    bits: u8,
    /// Their first numbers.
    networks: Vec<u64>,
    next: u64,
}

/// How addresses are numbered: IPv4 ones by themselves, IPv6 ones by the /64 that
/// counts as one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    V4,
    V6,
}

/// Numbers that share leading bits.
#[derive(Clone, Copy, Debug)]
struct Network {
    first: u64,
    bits: u8,
    width: u8,
}

impl AddressMap {
    /// A map to hosts that occur, the better ones first. `inside` is a network of each IP
    /// version that the map is for, with its bits, at most one each; the first of them
    /// decides how large the scenario's inside is.
    ///
    /// # Errors
    /// An inside that is all addresses, or an IPv6 one of more than 56 bits, which
    /// has too few networks of 64.
    pub fn new(inside: &[(IpAddr, u8)], hosts: &[IpAddr]) -> Result<Self, CorpusError> {
        let mut versions = [None, None];
        for &(network, bits) in inside {
            let numbers = Numbers::of(network);
            if bits == 0 {
                let expected = "a network that leaves some addresses outside";
                return Err(CorpusError::setting("inside", expected));
            }
            if numbers == Numbers::V6 && bits > 56 {
                let expected = format!(
                    "an IPv6 network of 56 bits at most, since 64 bits count as one \
                     host, found {bits}"
                );
                return Err(CorpusError::setting("inside", expected));
            }
            versions[numbers as usize] =
                Some(Mutex::new(Mapping::new(network, bits, hosts)));
        }
        let scenario_inside = match inside.first() {
            Some(&(network, bits)) => scenario_inside(Numbers::of(network), bits),
            None => AddressSpace::default().inside,
        };
        Ok(Self { scenario_inside, versions })
    }

    /// The network that the scenario must have behind its tap, see
    /// [`GenerateOptions::inside`](crate::GenerateOptions::inside): of as many addresses as
    /// the real one, as far as a scenario can.
    pub fn scenario_inside(&self) -> Prefix {
        self.scenario_inside
    }

    /// The real address for one of the scenario's own; its own where the map is not for this
    /// IP version, or nothing is left.
    pub(crate) fn address(&self, own: Ipv4Addr, ipv6: bool) -> IpAddr {
        let numbers = if ipv6 { Numbers::V6 } else { Numbers::V4 };
        let Some(mapping) = &self.versions[numbers as usize] else {
            return numbers.plain(own);
        };
        // A panic elsewhere leaves no entry half written.
        let mut mapping = mapping.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = mapping.known.get(&own) {
            return *address;
        }
        let inside = self.scenario_inside.contains(own);
        let side = if inside { &mut mapping.inside } else { &mut mapping.outside };
        let address = side.take().unwrap_or_else(|| numbers.plain(own));
        mapping.known.insert(own, address);
        address
    }

    /// Gives this host of the scenario the best address that is left. `own` is as a truth
    /// has it, IPv4 or in the IPv6 form that scenarios have.
    pub fn prefer(&self, own: IpAddr) {
        match own {
            IpAddr::V4(own) => {
                self.address(own, false);
            }
            IpAddr::V6(v6) => {
                let [_, _, a, b, ..] = v6.segments();
                let own = Ipv4Addr::from(u32::from(a) << 16 | u32::from(b));
                if as_ipv6(own) == v6 {
                    self.address(own, true);
                }
            }
        }
    }

    /// How many addresses are assigned.
    pub fn len(&self) -> usize {
        let assigned = |mapping: &Mutex<Mapping>| {
            mapping.lock().unwrap_or_else(PoisonError::into_inner).known.len()
        };
        self.versions.iter().flatten().map(assigned).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The scenario's inside for a real one of so many bits.
fn scenario_inside(numbers: Numbers, bits: u8) -> Prefix {
    let host_bits = numbers.width().saturating_sub(bits);
    let bits = 32_u8.saturating_sub(host_bits).clamp(17, 32);
    Prefix::new(AddressSpace::default().inside.network, bits)
}

impl Mapping {
    fn new(network: IpAddr, bits: u8, hosts: &[IpAddr]) -> Self {
        let numbers = Numbers::of(network);
        let width = numbers.width();
        let whole = Network { first: numbers.number(network), bits, width }.cut();
        let mut known = BTreeSet::new();
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for &host in hosts.iter().filter(|host| Numbers::of(**host) == numbers) {
            let number = numbers.number(host);
            if known.insert(number) {
                let side = if whole.holds(number) { &mut inside } else { &mut outside };
                side.push(host);
            }
        }
        Self {
            known: BTreeMap::new(),
            inside: Side::new(numbers, whole, true, inside),
            outside: Side::new(numbers, whole, false, outside),
        }
    }
}

/// A map is equal to itself alone.
impl PartialEq for AddressMap {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Side {
    fn new(
        numbers: Numbers,
        network: Network,
        within: bool,
        occurring: Vec<IpAddr>,
    ) -> Self {
        let taken: BTreeSet<u64> =
            occurring.iter().map(|host| numbers.number(*host)).collect();
        let least = if within { network.bits } else { 0 };
        let mut searched = VecDeque::new();
        let mut bits = network.width;
        while bits > least {
            bits = bits.saturating_sub(STEP_BITS).max(least);
            let first =
                |number: &u64| Network { first: *number, bits, ..network }.cut().first;
            let mut networks: Vec<u64> = taken.iter().map(first).collect();
            networks.dedup();
            if bits == least {
                networks = vec![if within { network.first } else { 0 }];
            }
            searched.push_back(Search { bits, networks, next: 0 });
        }
        let occurring = occurring.into();
        Self { numbers, network, within, occurring, taken, searched }
    }

    fn take(&mut self) -> Option<IpAddr> {
        if let Some(host) = self.occurring.pop_front() {
            return Some(host);
        }
        let host_bits = |bits: u8| u32::from(self.network.width - bits);
        while let Some(search) = self.searched.front_mut() {
            let size = 1_u128 << host_bits(search.bits);
            let last = self.within && search.bits == self.network.bits;
            let count = search.networks.len() as u128;
            while u128::from(search.next) < size * count {
                let at = (u128::from(search.next) % count) as usize;
                let turn = (u128::from(search.next) / count) as u64;
                search.next += 1;
                let place = turn.wrapping_mul(STRIDE) & ((size - 1) as u64);
                let number = search.networks[at] | place;
                if self.network.holds(number) == self.within
                    && (last || self.numbers.is_ordinary(number))
                    && self.taken.insert(number)
                {
                    return Some(self.numbers.address(number));
                }
            }
            // The last search of all takes also what looks like a network's own
            // address or a broadcast; only within, where every place is needed.
            self.searched.pop_front();
        }
        None
    }
}

impl Network {
    fn mask(self) -> u64 {
        let all = u64::MAX >> (64 - u32::from(self.width));
        let host_bits = u32::from(self.width.saturating_sub(self.bits));
        all & u64::MAX.checked_shl(host_bits).unwrap_or(0)
    }

    fn cut(self) -> Self {
        Self { first: self.first & self.mask(), ..self }
    }

    fn holds(self, number: u64) -> bool {
        number & self.mask() == self.first
    }
}

impl Numbers {
    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn width(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 64,
        }
    }

    fn number(self, address: IpAddr) -> u64 {
        match address {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        }
    }

    fn address(self, number: u64) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::from_bits(number as u32).into(),
            Self::V6 => Ipv6Addr::from_bits(u128::from(number) << 64 | 1).into(),
        }
    }

    fn plain(self, own: Ipv4Addr) -> IpAddr {
        match self {
            Self::V4 => own.into(),
            Self::V6 => as_ipv6(own),
        }
    }

    /// Whether a host may have it: no network's own address, no broadcast, nothing
    /// outside what is given to hosts.
    fn is_ordinary(self, number: u64) -> bool {
        match self {
            Self::V4 => {
                let [first, _, _, last] = (number as u32).to_be_bytes();
                !matches!(first, 0 | 127 | 224..) && !matches!(last, 0 | 255)
            }
            // Global unicast, 2000::/3.
            Self::V6 => number >> 61 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn map(inside: &str, bits: u8, hosts: &[&str]) -> AddressMap {
        let hosts: Vec<IpAddr> = hosts.iter().map(|host| v4(host)).collect();
        AddressMap::new(&[(v4(inside), bits)], &hosts).unwrap()
    }

    #[test]
    fn hosts_that_occur_come_first_each_side_its_own_and_one_address_each() {
        let hosts = ["192.0.2.9", "203.0.113.5", "192.0.2.7", "203.0.113.6"];
        let map = map("192.0.2.0", 24, &hosts);
        let own = |last: u8| Ipv4Addr::new(10, 20, 16, last);
        let other = |last: u8| Ipv4Addr::new(10, 20, 99, last);
        assert_eq!(map.address(own(1), false), v4("192.0.2.9"));
        assert_eq!(map.address(other(1), false), v4("203.0.113.5"));
        assert_eq!(map.address(own(2), false), v4("192.0.2.7"));
        assert_eq!(map.address(own(1), false), v4("192.0.2.9"));
        map.prefer(other(8).into());
        assert_eq!(map.address(other(8), false), v4("203.0.113.6"));
        assert_eq!(map.len(), 4);
    }

    #[test]
    fn all_of_a_scenario_fits_one_to_one_and_keeps_its_side() {
        let map = map("192.0.2.0", 24, &["192.0.2.9", "203.0.113.5", "198.51.100.1"]);
        let inside = map.scenario_inside();
        assert_eq!(inside.bits, 24);
        let mut given = BTreeSet::new();
        for index in 0..65_536 {
            let own = Prefix::new(Ipv4Addr::new(10, 20, 0, 0), 16).address(index);
            let address = map.address(own, false);
            let IpAddr::V4(real) = address else { panic!("{address}") };
            let within = Prefix::new(Ipv4Addr::new(192, 0, 2, 0), 24).contains(real);
            assert_eq!(within, inside.contains(own), "{own}: {real}");
            assert!(given.insert(address), "{real} twice");
        }
        // The nearest networks are used up before the next larger ones.
        let in_network = |host: &IpAddr, network: &str, bits: u8| {
            let (IpAddr::V4(host), IpAddr::V4(network)) = (host, v4(network)) else {
                return false;
            };
            Prefix::new(network, bits).contains(*host)
        };
        for network in ["203.0.113.0", "198.51.100.0"] {
            let near = given.iter().filter(|host| in_network(host, network, 24));
            assert_eq!(near.count(), 254);
        }
        let networks = ["192.0.0.0", "203.0.0.0", "198.51.0.0"];
        let far = |host: &&IpAddr| !networks.iter().any(|net| in_network(host, net, 16));
        assert_eq!(given.iter().filter(far).count(), 0);
    }

    #[test]
    fn an_ipv6_host_is_a_network_of_64_bits() {
        let hosts = ["2001:db8:1:5::9", "2001:db8:1:5::8", "2001:db8:7::1"];
        let map = map("2001:db8:1::", 48, &hosts);
        let own = |last: u8| Ipv4Addr::new(10, 20, 16, last);
        let given: Vec<IpAddr> =
            (0..200).map(|last| map.address(own(last), true)).collect();
        assert_eq!(given[0], v4("2001:db8:1:5::9"));
        let networks: BTreeSet<u64> =
            given.iter().map(|host| Numbers::V6.number(*host)).collect();
        assert_eq!(networks.len(), 200);
        assert!(networks.iter().all(|number| number >> 16 == 0x2001_0db8_0001));
        map.prefer(as_ipv6(Ipv4Addr::new(10, 20, 250, 1)));
        let outside = map.address(Ipv4Addr::new(10, 20, 250, 1), true);
        assert_eq!((outside, map.len()), (v4("2001:db8:7::1"), 201));
        // It is not for IPv4.
        assert_eq!(map.address(own(1), false), IpAddr::from(own(1)));
        assert!(AddressMap::new(&[(v4("2001:db8::"), 64)], &[]).is_err());
        assert!(AddressMap::new(&[(v4("0.0.0.0"), 0)], &[]).is_err());
    }

    #[test]
    fn without_any_outside_host_the_whole_address_space_is_left() {
        let map = map("192.0.2.0", 24, &["192.0.2.9"]);
        let address = map.address(Ipv4Addr::new(10, 20, 99, 1), false);
        assert_ne!(address, v4("10.20.99.1"));
        assert!(!address.is_unspecified() && !address.is_multicast());
    }
}
