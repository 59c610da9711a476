//! Index of vulnerable hosts by network.

use std::net::Ipv4Addr;
use std::ops::Range;

use crate::address_space::Prefix;

/// Leading bits of the networks whose places are kept.
const BITS: u8 = 16;

/// Where each /16 begins in a sorted list of addresses.
#[derive(Debug)]
pub(super) struct NetworkIndex {
    starts: Vec<u32>,
}

impl NetworkIndex {
    pub(super) fn new(hosts: &[Ipv4Addr]) -> Self {
        let mut starts = vec![0; (1 << BITS) + 1];
        for &host in hosts {
            starts[(u32::from(host) >> (32 - BITS)) as usize + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self { starts }
    }

    /// The places of the network's hosts in the list that this was made from.
    pub(super) fn within(&self, hosts: &[Ipv4Addr], network: Prefix) -> Range<usize> {
        let last = network.address(network.size() - 1);
        let [first, end] = [network.network, last]
            .map(|address| (u32::from(address) >> (32 - BITS)) as usize);
        let start = self.starts[first] as usize;
        let end = self.starts[end + 1] as usize;
        if network.bits <= BITS {
            return start..end;
        }
        let hosts = &hosts[start..end];
        let first = hosts.partition_point(|&host| host < network.network);
        start + first..start + hosts.partition_point(|&host| host <= last)
    }

    /// The most hosts that any network of so many leading bits has.
    pub(super) fn most(&self, hosts: &[Ipv4Addr], bits: u8) -> u64 {
        let mut most = 0;
        let mut place = 0;
        while let Some(&host) = hosts.get(place) {
            let network = self.within(hosts, Prefix::new(host, bits));
            most = most.max(network.len() as u64);
            place = network.end;
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn places_are_those_of_a_plain_search() {
        let mut rng = Rng::new(1, "index");
        let mut hosts: Vec<Ipv4Addr> =
            (0..5_000).map(|_| Ipv4Addr::from(rng.below(1 << 26) as u32)).collect();
        hosts.push(Ipv4Addr::BROADCAST);
        hosts.sort_unstable();
        let index = NetworkIndex::new(&hosts);
        for bits in [0, 7, 8, 15, 16, 17, 24, 32] {
            let mut most = 0;
            for place in (0..hosts.len()).step_by(7).chain([hosts.len() - 1]) {
                let network = Prefix::new(hosts[place], bits);
                let found = index.within(&hosts, network);
                assert!(found.contains(&place));
                let count = hosts.iter().filter(|&&host| network.contains(host)).count();
                assert_eq!(found.len(), count, "{network}");
                most = most.max(count as u64);
            }
            assert!(index.most(&hosts, bits) >= most);
        }
        assert_eq!(index.most(&hosts, 0), 5_001);
        assert!(index.within(&hosts, Prefix::new([9, 9, 9, 9].into(), 24)).is_empty());
        assert_eq!(NetworkIndex::new(&[]).most(&[], 8), 0);
    }
}
