//! Which addresses of IPv6 count as hosts by themselves.
//!
//! An IPv6 host is a network of `v6_prefix` bits, since one host may use any address of its
//! network. A single address is a host where it is known that several share the network:
//!
//! - link-local addresses, and those in `home_net`;
//! - in a network that holds decoys or dark addresses;
//! - in a network whose addresses send to each other: one host needs no wire for that;
//! - in a network of which more than four addresses sent after they had been sent to.
//!
//! What a network turned out to be holds from that packet on. The networks are kept in a
//! bounded table, the longest unused one out, so the answer depends on the order of packets
//! alone. Packets of IPv4 cost two comparisons.

use crate::config::Config;
use crate::packet::{HomeNet, Host, Network, NetworkSet};
use crate::sketch::{hash_pair, reduce};
use crate::state::persist;

/// Addresses that show that a network holds several hosts.
const SEVERAL: usize = 5;
/// Entries of a set.
const WAYS: usize = 4;

/// A network of `v6_prefix` bits that was seen.
#[derive(Clone, Copy, Default)]
struct Entry {
    network: u128,
    /// Packets of IPv6 up to its last use; 0 for none.
    used: u64,
    /// A bit for each address that was sent to, chosen by its hash.
    sent_to: u64,
    /// Hashes of addresses that sent after that; 0 for none.
    talked: [u64; SEVERAL],
    /// Whether its addresses are hosts.
    is_split: bool,
}

/// Names the hosts of packets. See the [module](self).
pub(crate) struct HostNames {
    entries: Vec<Entry>,
    packets: u64,
    v6_prefix: u8,
    home_net: HomeNet,
    /// Networks of `v6_prefix` bits or fewer that hold decoys or dark addresses.
    watched: NetworkSet,
    seed: u64,
}

impl HostNames {
    /// A table of at most `bytes`, and never less than one set.
    pub(crate) fn new(bytes: usize, config: &Config, seed: u64) -> Self {
        let sets = (bytes / (WAYS * size_of::<Entry>())).max(1);
        Self {
            entries: vec![Entry::default(); sets * WAYS],
            packets: 0,
            v6_prefix: config.v6_prefix,
            home_net: config.home_net.clone(),
            watched: around(config.decoys.iter().chain(&config.dark), config.v6_prefix),
            seed,
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// The hosts of the next packet, from its addresses.
    #[inline]
    pub(crate) fn of(&mut self, source: Host, destination: Host) -> (Host, Host) {
        if !source.is_v6() && !destination.is_v6() || self.v6_prefix >= 128 {
            return (source, destination);
        }
        self.of_v6(source, destination)
    }

    fn of_v6(&mut self, source: Host, destination: Host) -> (Host, Host) {
        self.packets += 1;
        let [from, to] = [source, destination].map(|host| host.cut(self.v6_prefix));
        let is_inside = from == to && source != destination && source.is_v6();
        if !destination.is_group() && destination.is_v6() {
            let bit = 1 << (hash_pair(0, destination.0, self.seed) & 63);
            let entry = self.entry(to.0);
            entry.sent_to |= bit;
            entry.is_split |= is_inside;
        }
        if source.is_v6() {
            let hash = hash_pair(0, source.0, self.seed);
            let entry = self.entry(from.0);
            if entry.sent_to >> (hash & 63) & 1 == 1 && !entry.is_split {
                entry.talk(hash.max(1));
            }
        }
        (self.name(source, from), self.name(destination, to))
    }

    fn name(&mut self, address: Host, network: Host) -> Host {
        let is_single = !address.is_v6()
            || address.is_group()
            || address.is_link_local()
            || self.home_net.holds(address)
            || self.watched.holds(address)
            || self.entry(network.0).is_split;
        if is_single { address } else { network }
    }

    /// The entry of a network, in place of another if it has none.
    fn entry(&mut self, network: u128) -> &mut Entry {
        let sets = self.entries.len() / WAYS;
        let set = reduce(hash_pair(1, network, self.seed), sets) * WAYS;
        let ways = &mut self.entries[set..set + WAYS];
        let known = ways.iter().position(|it| it.used > 0 && it.network == network);
        let way = known.unwrap_or_else(|| {
            let oldest = (0..WAYS).min_by_key(|way| ways[*way].used).unwrap_or(0);
            ways[oldest] = Entry { network, ..Entry::default() };
            oldest
        });
        ways[way].used = self.packets;
        &mut ways[way]
    }
}

/// The networks of at most so many bits that these lie in.
fn around<'a>(networks: impl Iterator<Item = &'a Network>, v6_prefix: u8) -> NetworkSet {
    let parts = networks.map(Network::parts);
    let around = parts
        .filter(|(address, _)| address.is_ipv6())
        .map(|(address, prefix)| Network::around(address, prefix.min(v6_prefix)));
    NetworkSet::new(&around.collect::<Vec<_>>())
}

impl Entry {
    /// Notes an address that sent after it had been sent to.
    fn talk(&mut self, hash: u64) {
        match self.talked.iter().position(|it| *it == 0 || *it == hash) {
            Some(place) => {
                self.talked[place] = hash;
                self.is_split |= place + 1 == SEVERAL;
            }
            None => self.is_split = true,
        }
    }
}

persist!(Entry { network, used, sent_to, talked, is_split });
persist!(HostNames { entries, packets; v6_prefix, home_net, watched, seed });

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: u128 = 0x2001_0db8_0001_0002 << 64;
    const OTHER: Host = Host(0x2001_0db8_0001_0003 << 64 | 7);

    fn names(home_net: &str) -> HostNames {
        let home_net = format!("home_net = [{home_net}]");
        let config = if home_net.contains('"') {
            Config::from_toml(&home_net).unwrap()
        } else {
            Config::default()
        };
        HostNames::new(1 << 16, &config, 5)
    }

    fn at(n: u128) -> Host {
        Host(NETWORK | n)
    }

    #[test]
    fn a_network_is_one_host_whoever_sends_from_it() {
        let mut names = names("");
        for n in 1..100 {
            assert_eq!(names.of(at(n), OTHER).0, Host(NETWORK));
        }
    }

    #[test]
    fn addresses_that_send_to_each_other_are_hosts() {
        let mut names = names("");
        assert_eq!(names.of(at(1), OTHER).0, Host(NETWORK));
        assert_eq!(names.of(at(1), at(2)), (at(1), at(2)));
        assert_eq!(names.of(OTHER, at(9)), (OTHER.cut(64), at(9)));
    }

    #[test]
    fn five_addresses_that_send_after_they_were_sent_to_are_hosts() {
        let mut names = names("");
        for n in 1..5 {
            names.of(OTHER, at(n));
            assert_eq!(names.of(at(n), OTHER).0, Host(NETWORK), "{n}");
            assert_eq!(names.of(at(n), OTHER).0, Host(NETWORK), "{n}");
        }
        names.of(OTHER, at(5));
        assert_eq!(names.of(at(5), OTHER).0, at(5));
        assert_eq!(names.of(at(1), OTHER).0, at(1));
    }

    #[test]
    fn link_local_addresses_groups_and_ours_are_never_cut() {
        let mut ours = names("\"2001:db8:1:2::/64\"");
        assert_eq!(ours.of(at(1), OTHER), (at(1), OTHER.cut(64)));
        let mut names = names("");
        let link_local = Host(0xfe80 << 112 | 77);
        let group = Host(0xff02 << 112 | 1);
        assert_eq!(names.of(link_local, group), (link_local, group));
        let v4 = Host::of([192, 0, 2, 1].into(), 64);
        assert_eq!(names.of(v4, at(3)), (v4, Host(NETWORK)));
        assert_eq!(names.of(v4, v4), (v4, v4));
    }

    #[test]
    fn a_flood_of_networks_keeps_the_table_bounded() {
        let mut names = names("");
        names.of(at(1), at(2));
        let bytes = names.memory_bytes();
        for n in 0..100_000 {
            names.of(Host((0x2002 << 112) | n << 64), OTHER);
        }
        assert_eq!(names.memory_bytes(), bytes);
        // It was forgotten that it holds several hosts, until they show it again.
        assert_eq!(names.of(at(1), OTHER).0, Host(NETWORK));
        assert_eq!(names.of(at(2), at(1)).0, at(2));
    }
}
