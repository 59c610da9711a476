//! The hosts in given captures, the network behind the tap, and the span of time.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{Frame, Host, LinkType, Timestamp};
use wormsift_corpora::{CapturedFrame, HeldFrame};

/// The most addresses that are remembered; a story needs fewer.
const MOST_HOSTS: usize = 1 << 16;

/// What a first look at captures tells.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) packets: u64,
    /// The earliest and the latest packet's time.
    pub(super) ends_ns: Option<(u64, u64)>,
    /// By first occurrence.
    pub(super) link_types: Vec<u32>,
    hosts: HashMap<IpAddr, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    sends: bool,
    packets: u64,
    order: usize,
}

impl Survey {
    pub(super) fn of(frames: impl Iterator<Item: HeldFrame>) -> Self {
        let decoder = Decoder::new(true, false);
        let mut survey = Self::default();
        for held in frames {
            survey.enter(&held.view(), &decoder);
        }
        survey
    }

    fn enter(&mut self, frame: &CapturedFrame<'_>, decoder: &Decoder) {
        self.packets += 1;
        let time_ns = frame.time_ns;
        let (first, last) = self.ends_ns.unwrap_or((time_ns, time_ns));
        self.ends_ns = Some((first.min(time_ns), last.max(time_ns)));
        if !self.link_types.contains(&frame.link_type) {
            self.link_types.push(frame.link_type);
        }
        let frame = Frame {
            number: self.packets,
            time: Timestamp::from_nanos(time_ns),
            link: LinkType(frame.link_type),
            original_len: frame.original_length,
            tap: 0,
            data: frame.bytes,
        };
        let (source, destination) = match decoder.frame(&frame) {
            Decoded::Packet(packet) => (packet.source, packet.destination),
            Decoded::Fragment(piece) => (piece.source, piece.destination),
            Decoded::Drop(_) => return,
        };
        for (address, sends) in [(source, true), (destination, false)] {
            self.see(address, sends);
        }
    }

    fn see(&mut self, address: IpAddr, sends: bool) {
        let order = self.hosts.len();
        if !is_host(address)
            || (order >= MOST_HOSTS && !self.hosts.contains_key(&address))
        {
            return;
        }
        let seen =
            self.hosts.entry(address).or_insert(Seen { sends: false, packets: 0, order });
        seen.sends |= sends;
        seen.packets += 1;
    }

    /// All hosts: those that send before those that are only sent to, then by first
    /// occurrence.
    pub(super) fn hosts(&self) -> Vec<IpAddr> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by_key(|(_, seen)| (!seen.sends, seen.order));
        hosts.into_iter().map(|(address, _)| *address).collect()
    }

    /// The networks of `v4_bits` and `v6_bits` with the most packets, IPv4 first.
    pub(super) fn busiest(&self, v4_bits: u8, v6_bits: u8) -> Vec<(IpAddr, u8)> {
        let mut networks = BTreeMap::<(bool, IpAddr), u64>::new();
        for (address, seen) in &self.hosts {
            let bits = if address.is_ipv4() { v4_bits } else { v6_bits };
            let (network, _) = wormsift::packet::Network::around(*address, bits).parts();
            *networks.entry((address.is_ipv6(), network)).or_default() += seen.packets;
        }
        let best = |ipv6: bool, bits: u8| {
            let of_version = networks.iter().filter(|((v6, _), _)| *v6 == ipv6);
            // The first of those with the most, not the last.
            let best = of_version.rev().max_by_key(|(_, packets)| **packets)?;
            Some((best.0.1, bits))
        };
        [best(false, v4_bits), best(true, v6_bits)].into_iter().flatten().collect()
    }
}

/// Whether an address can be one host's, seen from elsewhere.
fn is_host(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !link_local
        && !address.is_unspecified()
        && !address.is_loopback()
        && !Host::of(address, 128).is_group()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(addresses: &[(&str, bool)]) -> Survey {
        let mut survey = Survey::default();
        for (address, sends) in addresses {
            survey.see(address.parse().unwrap(), *sends);
        }
        survey
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn senders_come_first_and_groups_are_no_hosts() {
        let survey = seen(&[
            ("192.0.2.9", false),
            ("224.0.0.251", false),
            ("fe80::1", true),
            ("192.0.2.7", true),
            ("0.0.0.0", true),
            ("192.0.2.5", true),
        ]);
        assert_eq!(survey.hosts(), addresses(&["192.0.2.7", "192.0.2.5", "192.0.2.9"]));
    }

    #[test]
    fn the_busiest_network_of_each_version_is_found() {
        let survey = seen(&[
            ("198.51.100.1", true),
            ("192.0.2.9", true),
            ("192.0.2.7", false),
            ("203.0.113.1", true),
            ("203.0.113.1", true),
            ("2001:db8:1::5", true),
        ]);
        let networks = addresses(&["192.0.2.0", "2001:db8:1::"]);
        assert_eq!(survey.busiest(24, 48), [(networks[0], 24), (networks[1], 48)]);
    }
}
