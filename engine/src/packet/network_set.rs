//! Many networks, asked for one address at a time.
//!
//! A look-up is a binary search among ranges that neither overlap nor touch.

use super::{Host, Network};
use std::net::IpAddr;

/// Networks as ranges of addresses, those of each IP version in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetworkSet {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl NetworkSet {
    pub(crate) fn new(networks: &[Network]) -> Self {
        let of = |is_v6: bool| {
            let all = networks.iter().filter(|it| it.parts().0.is_ipv6() == is_v6);
            merged(all.map(range).collect())
        };
        Self { v4: of(false), v6: of(true) }
    }

    /// What lies in these and in none of the others.
    pub(crate) fn without(&self, others: &Self) -> Self {
        Self { v4: remaining(&self.v4, &others.v4), v6: remaining(&self.v6, &others.v6) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many IPv4 addresses lie in them.
    pub(crate) fn v4_addresses(&self) -> u64 {
        self.v4.iter().map(|(first, last)| (last - first) as u64 + 1).sum()
    }

    /// The place of an IPv4 address among those that lie in them, in order. It costs a step a range.
    pub(crate) fn v4_place(&self, host: Host) -> Option<u64> {
        let host = host.without_site();
        let mut before = 0;
        for &(first, last) in &self.v4 {
            if (first..=last).contains(&host.0) {
                return Some(before + (host.0 - first) as u64);
            }
            before += (last - first) as u64 + 1;
        }
        None
    }

    /// Whether the address that a host stands for lies in one of them.
    #[inline]
    pub(crate) fn holds(&self, host: Host) -> bool {
        let host = host.without_site();
        let ranges = if host.is_v6() { &self.v6 } else { &self.v4 };
        let after = ranges.partition_point(|(first, _)| *first <= host.0);
        after.checked_sub(1).is_some_and(|at| host.0 <= ranges[at].1)
    }
}

/// The first and the last address.
fn range(network: &Network) -> (u128, u128) {
    let (address, prefix) = network.parts();
    let first = Host::of(address, 128).0;
    let free = match address {
        IpAddr::V4(_) => 32 - u32::from(prefix),
        IpAddr::V6(_) => 128 - u32::from(prefix),
    };
    (first, first | 1_u128.checked_shl(free).unwrap_or(0).wrapping_sub(1))
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => {
                before.1 = before.1.max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// The parts of these ranges that lie in none of the others.
fn remaining(ranges: &[(u128, u128)], others: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut rest = Vec::new();
    for &(first, last) in ranges {
        let mut next = Some(first);
        for &(from, to) in others.iter().filter(|it| it.0 <= last && it.1 >= first) {
            if let Some(next) = next.filter(|next| *next < from) {
                rest.push((next, from - 1));
            }
            next = to.checked_add(1).filter(|after| *after <= last);
        }
        rest.extend(next.map(|next| (next, last)));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn set(networks: &[&str]) -> NetworkSet {
        let networks: Vec<Network> =
            networks.iter().map(|it| it.parse().unwrap()).collect();
        NetworkSet::new(&networks)
    }

    #[test]
    fn ranges_that_touch_are_one_and_versions_stay_apart() {
        let networks = ["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7", "192.0.2.1"];
        assert_eq!(set(&networks).v4.len(), 2);
        assert_eq!(set(&networks).v4_addresses(), 513);
        assert_eq!(set(&["0.0.0.0/0", "::/0"]).v4_addresses(), 1 << 32);
        let host = |text: &str| Host::of(text.parse().unwrap(), 128);
        let all = set(&["::/0"]);
        assert!(all.holds(host("2001:db8::1")) && !all.holds(host("192.0.2.1")));
        let all = set(&["0.0.0.0/0"]);
        assert!(all.holds(host("255.255.255.255")) && !all.holds(host("::1")));
        assert!(set(&[]).is_empty() && !set(&["::1"]).is_empty());
        assert!(!set(&[]).holds(host("192.0.2.1")));
    }

    proptest! {
        /// Against a look at each network.
        #[test]
        fn it_holds_what_one_of_its_networks_contains(
            networks in prop::collection::vec((any::<u8>(), 24_u8..=32, any::<bool>()), 0..6),
            address in any::<u8>(),
            is_v6: bool,
        ) {
            let of = |n: u8, is_v6: bool| match is_v6 {
                true => IpAddr::V6(Ipv6Addr::from(u128::from(n))),
                false => IpAddr::V4(Ipv4Addr::from(u32::from(n) << 4)),
            };
            let networks: Vec<Network> = networks
                .into_iter()
                .map(|(n, bits, v6)| Network::around(of(n, v6), bits + if v6 { 96 } else { 0 }))
                .collect();
            let address = of(address, is_v6);
            let host = Host::of(address, 128);
            let contained = |networks: &[Network]| networks.iter().any(|it| it.contains(address));
            let set = NetworkSet::new(&networks);
            prop_assert_eq!(set.holds(host), contained(&networks));
            let (some, others) = networks.split_at(networks.len() / 2);
            let rest = NetworkSet::new(some).without(&NetworkSet::new(others));
            prop_assert_eq!(rest.holds(host), contained(some) && !contained(others));
        }
    }
}
