//! The dark addresses as sorted ranges.
//!
//! A look-up costs two comparisons for most other addresses, and a binary search for the rest.

use crate::packet::{Host, Network};
use std::net::IpAddr;

/// Which addresses are dark.
#[derive(Clone, Debug, Default)]
pub(crate) struct DarkAddresses {
    /// First and last of each range, as mapped to IPv6, in order and apart from each other.
    ranges: Box<[(u128, u128)]>,
}

impl DarkAddresses {
    pub(crate) fn new(networks: &[Network]) -> Self {
        let mut all: Vec<(u128, u128)> = networks.iter().map(range).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match ranges.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges: ranges.into() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a whole address (no network of several hosts) is dark.
    #[inline]
    pub(crate) fn contains(&self, host: Host) -> bool {
        let (Some(first), Some(last)) = (self.ranges.first(), self.ranges.last()) else {
            return false;
        };
        if host.0 < first.0 || host.0 > last.1 {
            return false;
        }
        let at = self.ranges.partition_point(|range| range.1 < host.0);
        self.ranges.get(at).is_some_and(|range| range.0 <= host.0)
    }

    /// How many of the IPv4 addresses are dark.
    pub(super) fn v4(&self) -> u64 {
        let count = |&(first, last): &(u128, u128)| {
            let (first, last) = (first.max(V4.0), last.min(V4.1));
            (first <= last).then(|| (last - first) as u64 + 1)
        };
        self.ranges.iter().filter_map(count).sum()
    }
}

/// The range of the IPv4 addresses.
const V4: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

fn range(network: &Network) -> (u128, u128) {
    let (address, prefix) = network.parts();
    let bits = match address {
        IpAddr::V4(_) => 32 - u32::from(prefix),
        IpAddr::V6(_) => 128 - u32::from(prefix),
    };
    let first = Host::of(address, 128).0;
    (first, first | u128::MAX.checked_shr(128 - bits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(networks: &[&str]) -> DarkAddresses {
        let networks: Vec<Network> =
            networks.iter().map(|it| it.parse().unwrap()).collect();
        DarkAddresses::new(&networks)
    }

    fn holds(dark: &DarkAddresses, address: &str) -> bool {
        dark.contains(Host::of(address.parse().unwrap(), 128))
    }

    #[test]
    fn networks_are_joined_and_hold_what_they_say() {
        let dark = addresses(&[
            "192.0.2.128/25",
            "192.0.2.0/25",
            "192.0.2.64/26",
            "10.0.0.7",
            "2001:db8::/32",
        ]);
        assert_eq!(dark.ranges.len(), 3);
        assert_eq!(dark.v4(), 257);
        for address in ["192.0.2.0", "192.0.2.255", "10.0.0.7", "2001:db8:ffff::1"] {
            assert!(holds(&dark, address), "{address}");
        }
        for address in ["192.0.1.255", "192.0.3.0", "10.0.0.6", "10.0.0.8", "2001:db9::"]
        {
            assert!(!holds(&dark, address), "{address}");
        }
    }

    #[test]
    fn all_and_none() {
        let all = addresses(&["0.0.0.0/0"]);
        assert_eq!(all.v4(), 1 << 32);
        assert!(holds(&all, "255.255.255.255") && !holds(&all, "::1"));
        let v6 = addresses(&["::/0"]);
        assert!(holds(&v6, "ffff::1"));
        let none = addresses(&[]);
        assert!(none.is_empty() && !holds(&none, "192.0.2.1") && none.v4() == 0);
    }
}
