//! Names of the protocols at which a decode can end, and what each is.
//!
//! The tables serve messages and statistics; a number that is not in them is shown in
//! figures and counts as [`Role::Content`].

/// What a protocol is to somebody who looks for content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Keeps a network running and carries nothing for its users: reported, not warned of.
    Control,
    /// May carry content, which is not read.
    Content,
}

use Role::{Content, Control};

pub(super) const ARP: u16 = 0x0806;

/// Ethernet types (IEEE registration authority).
pub(super) const ETHERTYPES: &[(u16, &str, Role)] = &[
    (ARP, "ARP", Control),
    (0x0842, "Wake-on-LAN", Control),
    (0x2000, "CDP", Control),
    (0x2001, "NHRP", Control),
    (0x22ea, "SRP", Control),
    (0x22f0, "AVTP", Content),
    (0x22f3, "TRILL", Content),
    (0x22f4, "IS-IS", Control),
    (0x4305, "B.A.T.M.A.N.", Content),
    (0x6002, "DEC MOP", Control),
    (0x6003, "DECnet", Content),
    (0x8035, "RARP", Control),
    (0x809b, "AppleTalk", Content),
    (0x80f3, "AppleTalk ARP", Control),
    (0x8137, "IPX", Content),
    (0x876b, "PPP header compression", Content),
    (0x8808, "Ethernet flow control", Control),
    (0x8809, "slow protocols (LACP)", Control),
    (0x8863, "PPPoE discovery", Control),
    (0x886d, "Intel ANS probe", Control),
    (0x887b, "HomePlug", Control),
    (0x888e, "EAPOL", Control),
    (0x8892, "PROFINET", Content),
    (0x8899, "Realtek remote control", Control),
    (0x889a, "HyperSCSI", Content),
    (0x88a2, "ATA over Ethernet", Content),
    (0x88a4, "EtherCAT", Content),
    (0x88b8, "GOOSE", Content),
    (0x88ba, "sampled values", Content),
    (0x88bf, "MikroTik RoMON", Content),
    (0x88ca, "TIPC", Content),
    (0x88cc, "LLDP", Control),
    (0x88dc, "WSMP", Content),
    (0x88e1, "HomePlug AV", Control),
    (0x88e3, "MRP", Control),
    (0x88e5, "MACsec", Content),
    (0x88e7, "802.1ah", Content),
    (0x88f5, "MVRP", Control),
    (0x88f6, "MMRP", Control),
    (0x88f7, "PTP", Control),
    (0x88fb, "PRP", Control),
    (0x8902, "CFM", Control),
    (0x8903, "FabricPath", Content),
    (0x8906, "FCoE", Content),
    (0x8909, "Cisco metadata", Content),
    (0x8914, "FIP", Control),
    (0x8915, "RoCE", Content),
    (0x891d, "TTEthernet control", Control),
    (0x8926, "VN-Tag", Content),
    (0x894f, "NSH", Content),
    (0x9000, "loopback test", Control),
    (0x9998, "RSTP of the vendor", Control),
    (0xd28b, "Arista time stamp", Content),
];

/// LLC service access points (IEEE 802.2).
pub(super) const SAPS: &[(u16, &str, Role)] = &[
    (0x42, "spanning tree", Control),
    (0xe0, "NetWare IPX", Content),
    (0xf0, "NetBEUI", Content),
    (0xfe, "OSI network layer (IS-IS)", Control),
    (0xaa, "SNAP of a vendor", Control),
];

/// IP protocol numbers (IANA) that are not read further.
pub(super) const IP_PROTOCOLS: &[(u16, &str, Role)] = &[
    (0, "HOPOPT", Control),
    (2, "IGMP", Control),
    (3, "GGP", Control),
    (8, "EGP", Control),
    (9, "IGP", Control),
    (27, "RDP", Content),
    (46, "RSVP", Control),
    (47, "GRE", Content),
    (55, "minimal IP encapsulation", Content),
    (59, "no next header", Control),
    (88, "EIGRP", Control),
    (89, "OSPF", Control),
    (97, "EtherIP", Content),
    (103, "PIM", Control),
    (112, "VRRP", Control),
    (113, "PGM", Content),
    (115, "L2TP", Content),
    (124, "IS-IS over IPv4", Control),
    (133, "Fibre Channel", Content),
    (135, "Mobility", Control),
    (137, "MPLS", Content),
    (139, "HIP", Control),
    (140, "Shim6", Content),
];

/// PPP protocol numbers (IANA) that are not read further.
pub(super) const PPP_PROTOCOLS: &[(u16, &str, Role)] = &[
    (0x002b, "IPX", Content),
    (0x002d, "Van Jacobson compressed TCP", Content),
    (0x002f, "Van Jacobson uncompressed TCP", Content),
    (0x003d, "multilink", Content),
];

/// Tunnels whose inside can be of a kind that is not read. The places in the list are
/// the codes of [`Layer::Tunnel`](super::Layer::Tunnel).
pub(super) const TUNNELS: &[&str] = &[
    "GRE",
    "VXLAN-GPE",
    "NSH",
    "GTP-U",
    "CAPWAP",
    "MPLS",
    "ERSPAN",
    "L2TPv3",
    "TZSP",
    "802.11 frames that hold several packets",
];

/// Places in [`TUNNELS`].
#[derive(Clone, Copy)]
pub(super) enum Tunnel {
    Gre,
    VxlanGpe,
    Nsh,
    Gtp,
    Capwap,
    Mpls,
    Erspan,
    L2tpV3,
    Tzsp,
    Aggregate,
}

/// From here on a PPP protocol negotiates or watches the link (RFC 1661, 2).
pub(super) const FIRST_PPP_CONTROL: u16 = 0x4000;

/// Content that is encrypted or compressed: how it is counted, its name in messages, and
/// whether it hides a tunnel of many flows. The places in the list are the codes of
/// [`Layer::Sealed`](super::Layer::Sealed).
pub(super) const SEALS: &[(Unread, &str, bool)] = &[
    (Unread::Esp, "IP protocol 50 (ESP, encrypted)", true),
    (Unread::EspInUdp, "UDP port 4500 (ESP in UDP, encrypted)", true),
    (Unread::IpComp, "IP protocol 108 (IPComp, compressed)", true),
    (Unread::WireGuard, "UDP port 51820 (WireGuard, encrypted)", true),
    (Unread::OpenVpn, "UDP port 1194 (OpenVPN, encrypted)", true),
    (Unread::Quic, "UDP port 443 (QUIC, encrypted)", false),
    (Unread::Dtls, "UDP port 443 (DTLS, encrypted)", true),
    (Unread::MacSec, "Ethernet type 0x88e5 (MACsec, encrypted)", true),
    (Unread::PppSealed, "PPP that is encrypted or compressed", true),
    (Unread::CapwapDtls, "UDP port 5247 (CAPWAP in DTLS, encrypted)", true),
    (Unread::LinkSealed, "frames that the link encrypted or compressed", true),
];

/// Kinds of packets that are taken whole although something in them is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// ESP.
    Esp,
    /// ESP in UDP.
    EspInUdp,
    /// IPComp.
    IpComp,
    /// WireGuard.
    WireGuard,
    /// OpenVPN.
    OpenVpn,
    /// QUIC.
    Quic,
    /// DTLS at the port of QUIC.
    Dtls,
    /// MACsec.
    MacSec,
    /// PPP that is encrypted or compressed, in a tunnel.
    PppSealed,
    /// CAPWAP in DTLS.
    CapwapDtls,
    /// Encrypted or compressed by the link: 802.11, DOCSIS, Frame Relay.
    LinkSealed,
    /// An IP protocol that is not read.
    IpProtocol,
    /// A tunnel around an Ethernet type or LLC that is not read.
    InnerEthertype,
    /// A tunnel around a PPP protocol that is not read.
    InnerPpp,
    /// A tunnel around something else that is not read.
    InnerOther,
    /// What looks like VXLAN at a port that is not set.
    VxlanSuspected,
    /// An IP packet in an ICMP echo.
    IpInIcmp,
}

impl Unread {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 17] = [
        Self::Esp,
        Self::EspInUdp,
        Self::IpComp,
        Self::WireGuard,
        Self::OpenVpn,
        Self::Quic,
        Self::Dtls,
        Self::MacSec,
        Self::PppSealed,
        Self::CapwapDtls,
        Self::LinkSealed,
        Self::IpProtocol,
        Self::InnerEthertype,
        Self::InnerPpp,
        Self::InnerOther,
        Self::VxlanSuspected,
        Self::IpInIcmp,
    ];

    /// The names under which packets and conversations are counted, in snake case.
    pub const fn names(self) -> (&'static str, &'static str) {
        macro_rules! both {
            ($name:literal) => {
                (concat!($name, "_packets"), concat!($name, "_flows"))
            };
        }
        match self {
            Self::Esp => both!("esp"),
            Self::EspInUdp => both!("esp_in_udp"),
            Self::IpComp => both!("ipcomp"),
            Self::WireGuard => both!("wireguard"),
            Self::OpenVpn => both!("openvpn"),
            Self::Quic => both!("quic"),
            Self::Dtls => both!("dtls"),
            Self::MacSec => both!("macsec"),
            Self::PppSealed => both!("ppp_sealed"),
            Self::CapwapDtls => both!("capwap_dtls"),
            Self::LinkSealed => both!("link_sealed"),
            Self::IpProtocol => both!("ip_protocol"),
            Self::InnerEthertype => both!("inner_ethertype"),
            Self::InnerPpp => both!("inner_ppp"),
            Self::InnerOther => both!("inner_other"),
            Self::VxlanSuspected => both!("vxlan_suspected"),
            Self::IpInIcmp => both!("ip_in_icmp"),
        }
    }
}

/// Places in [`SEALS`].
#[derive(Clone, Copy)]
pub(super) enum Seal {
    Esp,
    EspInUdp,
    IpComp,
    WireGuard,
    OpenVpn,
    Quic,
    Dtls,
    MacSec,
    Ppp,
    CapwapDtls,
    Link,
}

/// The row of a number.
pub(super) fn find(
    table: &'static [(u16, &'static str, Role)],
    code: u32,
) -> Option<(&'static str, Role)> {
    table
        .iter()
        .find(|(number, ..)| u32::from(*number) == code)
        .map(|(_, name, role)| (*name, *role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn places_in_the_lists_are_those_of_the_names() {
        assert_eq!(TUNNELS[Tunnel::Gre as usize], "GRE");
        assert_eq!(TUNNELS[Tunnel::Capwap as usize], "CAPWAP");
        assert_eq!(Tunnel::Aggregate as usize + 1, TUNNELS.len());
        assert_eq!(TUNNELS[Tunnel::Tzsp as usize], "TZSP");
        assert_eq!(SEALS[Seal::Esp as usize].0, Unread::Esp);
        assert_eq!(SEALS[Seal::Quic as usize].0, Unread::Quic);
        assert_eq!(Seal::Link as usize + 1, SEALS.len());
        assert_eq!(SEALS[Seal::CapwapDtls as usize].0, Unread::CapwapDtls);
        for (place, unread) in Unread::ALL.into_iter().enumerate() {
            assert_eq!(unread as usize, place);
        }
        assert_eq!(Unread::IpInIcmp as usize + 1, Unread::ALL.len());
    }

    #[test]
    fn a_number_stands_once_in_its_table() {
        for table in [ETHERTYPES, SAPS, IP_PROTOCOLS, PPP_PROTOCOLS] {
            let numbers: BTreeSet<u16> = table.iter().map(|row| row.0).collect();
            assert_eq!(numbers.len(), table.len());
        }
    }
}
