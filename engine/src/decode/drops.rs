//! Reasons why a frame was not used.

use crate::state::persist;
use serde::{Serialize, Serializer};

/// Why a frame gave no packet. It is data, never an error of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drop {
    /// The capture's link type is not one that is read.
    UnknownLinkType,
    /// The frame ends inside its link header, or inside a tag, a label or a
    /// tunnel header.
    LinkHeaderShort,
    /// An 802.3 frame whose LLC header names no Ethernet protocol: spanning
    /// tree, NetBEUI, IS-IS and the like.
    Llc,
    /// ARP.
    Arp,
    /// Any other network protocol than IP.
    NotIp,
    /// A frame by which the link itself is managed: 802.11 management and control,
    /// tokens of a ring, and the like.
    LinkControl,
    /// Encrypted by the link: protected 802.11, MACsec, DOCSIS, PPP.
    LinkEncrypted,
    /// Compressed by the link: PPP and Frame Relay.
    LinkCompressed,
    /// A piece of a frame that the link cut: 802.11, multilink PPP, Frame Relay, DOCSIS.
    /// Such pieces are not put together.
    LinkFragment,
    /// Several packets in one frame of 802.11 (A-MSDU), of which none is read.
    LinkAggregate,
    /// A frame that its receiver marked as damaged.
    LinkDamaged,
    /// The IP version is not the one that the header above promised.
    IpVersion,
    /// The frame ends inside the IP header or one of its extensions.
    IpHeaderShort,
    /// A header length below the least possible, or a total length below it.
    IpLength,
    /// The packet ends inside its TCP, UDP, ICMP, SCTP or DCCP header.
    TransportHeaderShort,
    /// A TCP data offset, UDP length or DCCP data offset below the least possible.
    TransportLength,
    /// A fragment of which the capture kept only a part, or whose length is not
    /// given: what follows it cannot be put in place.
    FragmentCut,
    /// More tunnels in tunnels than are followed.
    TunnelTooDeep,
    /// A wrong IPv4 header checksum.
    ChecksumIpv4,
    /// A wrong TCP checksum.
    ChecksumTcp,
    /// A wrong UDP checksum.
    ChecksumUdp,
    /// A wrong ICMP or ICMPv6 checksum.
    ChecksumIcmp,
}

impl Drop {
    /// Every reason, in the order in which reports list them.
    pub const ALL: [Self; 22] = [
        Self::UnknownLinkType,
        Self::LinkHeaderShort,
        Self::Llc,
        Self::Arp,
        Self::NotIp,
        Self::LinkControl,
        Self::LinkEncrypted,
        Self::LinkCompressed,
        Self::LinkFragment,
        Self::LinkAggregate,
        Self::LinkDamaged,
        Self::IpVersion,
        Self::IpHeaderShort,
        Self::IpLength,
        Self::TransportHeaderShort,
        Self::TransportLength,
        Self::FragmentCut,
        Self::TunnelTooDeep,
        Self::ChecksumIpv4,
        Self::ChecksumTcp,
        Self::ChecksumUdp,
        Self::ChecksumIcmp,
    ];

    /// The name under which it is counted, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownLinkType => "unknown_link_type",
            Self::LinkHeaderShort => "link_header_short",
            Self::Llc => "llc",
            Self::Arp => "arp",
            Self::NotIp => "not_ip",
            Self::LinkControl => "link_control",
            Self::LinkEncrypted => "link_encrypted",
            Self::LinkCompressed => "link_compressed",
            Self::LinkFragment => "link_fragment",
            Self::LinkAggregate => "link_aggregate",
            Self::LinkDamaged => "link_damaged",
            Self::IpVersion => "ip_version",
            Self::IpHeaderShort => "ip_header_short",
            Self::IpLength => "ip_length",
            Self::TransportHeaderShort => "transport_header_short",
            Self::TransportLength => "transport_length",
            Self::FragmentCut => "fragment_cut",
            Self::TunnelTooDeep => "tunnel_too_deep",
            Self::ChecksumIpv4 => "checksum_ipv4",
            Self::ChecksumTcp => "checksum_tcp",
            Self::ChecksumUdp => "checksum_udp",
            Self::ChecksumIcmp => "checksum_icmp",
        }
    }

    /// Whether a header was cut off, by the capture or by a lying length.
    pub(super) const fn is_short(self) -> bool {
        matches!(
            self,
            Self::LinkHeaderShort | Self::IpHeaderShort | Self::TransportHeaderShort
        )
    }

    /// Whether it condemns a tunnel's outer packet with the inner one: there
    /// was an inner packet, and it must not be used.
    pub(super) const fn is_final(self) -> bool {
        matches!(
            self,
            Self::FragmentCut
                | Self::TunnelTooDeep
                | Self::ChecksumIpv4
                | Self::ChecksumTcp
                | Self::ChecksumUdp
                | Self::ChecksumIcmp
        )
    }
}

/// How many frames were dropped for each reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounters([u64; Drop::ALL.len()]);

impl DropCounters {
    /// Counts one frame.
    pub fn add(&mut self, reason: Drop) {
        // A reason's discriminant is its place in `ALL`; a test holds that.
        self.0[reason as usize] += 1;
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Frames dropped for one reason.
    pub fn count(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// Frames dropped for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every reason's name with its count, zeros too, in the order of [`Drop::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Drop::ALL.into_iter().map(|reason| (reason.name(), self.count(reason)))
    }
}

/// Every reason's name with its count.
impl Serialize for DropCounters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

persist!(DropCounters { 0 });

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_lists_every_reason_at_its_own_place_under_a_name_of_its_own() {
        for (place, reason) in Drop::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        assert_eq!(Drop::ChecksumIcmp as usize + 1, Drop::ALL.len(), "the last reason");
        let names: BTreeSet<_> = Drop::ALL.into_iter().map(Drop::name).collect();
        assert_eq!(names.len(), Drop::ALL.len());
        assert!(names.iter().all(|name| {
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        }));
    }

    #[test]
    fn counters_add_and_merge_by_reason() {
        let mut one = DropCounters::default();
        one.add(Drop::Arp);
        let mut two = one;
        two.add(Drop::Arp);
        two.add(Drop::ChecksumIcmp);
        one.merge(&two);
        assert_eq!(one.count(Drop::Arp), 3);
        assert_eq!(one.total(), 4);
        let listed: Vec<_> = one.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(listed, [("arp", 3), ("checksum_icmp", 1)]);
    }
}
