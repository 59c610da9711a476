//! UDP ports at which a tunnel is expected.
//!
//! A port is a reason to look, never to believe. Most datagrams belong to none: a filter
//! of 256 bits tells so with two look-ups, and is wrong for one other port in ten.

use super::{Context, Decode};
use super::{ayiya, capwap, geneve, gre, gtp, gue, l2tp, lisp, mpls, sealed, teredo};
use super::{tzsp, vxlan};

/// The UDP ports at which VXLAN is expected unless others are set: that of RFC 7348, and
/// the one that Linux took before.
pub const DEFAULT_VXLAN_PORTS: [u16; 2] = [4_789, 8_472];

/// The most ports of VXLAN that can be set.
pub const MOST_VXLAN_PORTS: usize = 16;

/// A tunnel over UDP.
pub(in crate::decode) struct UdpTunnel {
    pub(in crate::decode) port: u16,
    pub(in crate::decode) name: &'static str,
    pub(in crate::decode) standard: &'static str,
    /// What becomes of it, for the list of what is read.
    pub(in crate::decode) read: &'static str,
    pub(super) decode: Decode,
}

const fn row(
    port: u16,
    name: &'static str,
    standard: &'static str,
    read: &'static str,
    decode: Decode,
) -> UdpTunnel {
    UdpTunnel { port, name, standard, read, decode }
}

/// Every tunnel over UDP but VXLAN, whose ports are a setting.
pub(in crate::decode) const UDP_TUNNELS: &[UdpTunnel] = &[
    row(443, "QUIC, DTLS", "RFC 9000, 9147", "counted as encrypted", sealed::port_443),
    row(2_152, "GTP-U version 1", "3GPP TS 29.281", "IPv4, IPv6, Ethernet", gtp::v1),
    row(4_790, "VXLAN-GPE", "draft-ietf-nvo3-vxlan-gpe", vxlan::GPE_READ, vxlan::gpe),
    row(6_081, "Geneve", "RFC 8926", "Ethernet, any Ethernet type read", geneve::geneve),
    row(4_500, "ESP in UDP", "RFC 3948", "counted as encrypted", sealed::esp_in_udp),
    row(51_820, "WireGuard", "", "counted as encrypted", sealed::wireguard),
    row(1_194, "OpenVPN", "", "counted as encrypted", sealed::openvpn),
    row(1_701, "L2TP versions 2 and 3", "RFC 2661, 3931", l2tp::READ, l2tp::udp),
    row(3_544, "Teredo", "RFC 4380", "IPv6", teredo::teredo),
    row(4_341, "LISP", "RFC 9300", "IPv4, IPv6", lisp::lisp),
    row(6_080, "GUE", "draft-ietf-intarea-gue", "any IP protocol read", gue::gue),
    row(4_754, "GRE in UDP", "RFC 8086", "as GRE", gre::in_udp),
    row(6_635, "MPLS in UDP", "RFC 7510", "as MPLS", mpls::in_udp),
    row(37_008, "TZSP", "", "Ethernet", tzsp::tzsp),
    row(5_247, "CAPWAP data", "RFC 5415", capwap::READ, capwap::capwap),
    row(5_072, "AYIYA", "draft-massar-v6ops-ayiya", "IPv4, IPv6", ayiya::ayiya),
    row(3_386, "GTP version 0", "GSM 09.60", "IPv4, IPv6", gtp::v0),
];

/// The ports of VXLAN, and the filter for all tunnels over UDP.
#[derive(Clone, Copy, Debug)]
pub(in crate::decode) struct VxlanPorts {
    filter: [u64; 4],
    ports: [u16; MOST_VXLAN_PORTS],
    len: usize,
}

impl VxlanPorts {
    pub(in crate::decode) const DEFAULT: Self = Self::new(&DEFAULT_VXLAN_PORTS);

    pub(in crate::decode) const fn new(given: &[u16]) -> Self {
        let mut it = Self { filter: [0; 4], ports: [0; MOST_VXLAN_PORTS], len: 0 };
        // `for` is not for constants.
        while it.len < given.len() && it.len < MOST_VXLAN_PORTS {
            it.ports[it.len] = given[it.len];
            it.enter(given[it.len]);
            it.len += 1;
        }
        let mut row = 0;
        while row < UDP_TUNNELS.len() {
            it.enter(UDP_TUNNELS[row].port);
            row += 1;
        }
        it
    }

    const fn enter(&mut self, port: u16) {
        let (word, bit) = Self::place(port);
        self.filter[word] |= 1 << bit;
    }

    #[inline]
    const fn place(port: u16) -> (usize, u32) {
        // The high bits of a product with an odd number: neighbours fall far apart.
        let hash = port.wrapping_mul(0x9e37) >> 8;
        ((hash >> 6) as usize & 3, (hash & 63) as u32)
    }

    /// Whether a tunnel may be expected at a port. Never no where there is one.
    #[inline]
    pub(in crate::decode) fn may_be(&self, port: u16) -> bool {
        let (word, bit) = Self::place(port);
        self.filter[word] >> bit & 1 != 0
    }

    /// What reads the tunnel that is expected between two ports.
    #[cold]
    pub(in crate::decode) fn find(
        &self,
        source: u16,
        destination: u16,
    ) -> Option<Decode> {
        [destination, source].into_iter().find_map(|port| {
            if self.ports[..self.len].contains(&port) {
                return Some(vxlan::vxlan as Decode);
            }
            UDP_TUNNELS.iter().find(|row| row.port == port).map(|row| row.decode)
        })
    }
}

/// Whether the context's decoder expects a tunnel between two ports.
#[inline]
pub(in crate::decode) fn between(
    context: &Context<'_>,
    source: u16,
    destination: u16,
) -> Option<Decode> {
    let ports = &context.decoder.vxlan;
    if ports.may_be(destination) || ports.may_be(source) {
        ports.find(source, destination)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_admits_every_port_of_a_tunnel_and_few_others() {
        let ports = VxlanPorts::new(&[4_789, 8_472, 12_345]);
        let mut admitted = 0;
        for port in 0..=u16::MAX {
            let there = ports.find(0, port).is_some();
            assert!(!there || ports.may_be(port), "{port}");
            admitted += u32::from(ports.may_be(port));
        }
        assert!(
            admitted < 65_536 / 10,
            "{admitted} admitted: the filter needs more bits"
        );
        assert!(ports.find(12_345, 9).is_some(), "either end counts");
        assert!(VxlanPorts::DEFAULT.find(9, 12_345).is_none());
    }

    #[test]
    fn ports_stand_once_and_no_more_are_kept_than_there_is_room_for() {
        for (place, row) in UDP_TUNNELS.iter().enumerate() {
            let twice = UDP_TUNNELS[..place].iter().any(|other| other.port == row.port);
            assert!(!twice && !DEFAULT_VXLAN_PORTS.contains(&row.port), "{}", row.name);
        }
        let many: Vec<u16> = (20_000..20_040).collect();
        assert_eq!(VxlanPorts::new(&many).len, MOST_VXLAN_PORTS);
    }
}
