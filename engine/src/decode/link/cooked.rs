//! Linux cooked captures, versions 1 and 2.

use super::super::{Context, Drop, Outcome, tunnel};
use super::{ethernet, ethertype, header, network, wlan, wlan_radio};

/// Linux's hardware types whose protocol field is no Ethernet type.
mod hardware {
    pub(super) const WLAN: u16 = 801;
    pub(super) const WLAN_PRISM: u16 = 802;
    pub(super) const WLAN_RADIOTAP: u16 = 803;
    pub(super) const NETLINK: u16 = 824;
}

/// Linux's own numbers in the protocol field.
mod protocol {
    pub(super) const ETHERNET: u16 = 3;
    pub(super) const LLC: u16 = 4;
    pub(super) const PPP_HDLC: u16 = 7;
}

/// Version 1: 16 bytes, the protocol last.
pub(super) fn version_1<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<16>(data)?;
    let hardware = u16::from_be_bytes([header[2], header[3]]);
    carried(context, hardware, u16::from_be_bytes([header[14], header[15]]), rest)
}

/// Version 2: 20 bytes, the protocol first.
pub(super) fn version_2<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<20>(data)?;
    let hardware = u16::from_be_bytes([header[8], header[9]]);
    carried(context, hardware, u16::from_be_bytes([header[0], header[1]]), rest)
}

fn carried<'a>(
    context: &Context,
    hardware: u16,
    protocol: u16,
    data: &'a [u8],
) -> Outcome<'a> {
    match (hardware, protocol) {
        (hardware::NETLINK, _) => Err(Drop::NotIp),
        (hardware::WLAN, protocol::LLC) => wlan::link(context, data),
        (hardware::WLAN_PRISM, protocol::LLC) => wlan_radio::prism(context, data),
        (hardware::WLAN_RADIOTAP, protocol::LLC) => wlan_radio::radiotap(context, data),
        (_, protocol::LLC) => network(context, protocol, data),
        (_, protocol::ETHERNET) | (_, ethertype::ETHERNET) => ethernet(context, data),
        (_, protocol::PPP_HDLC) => tunnel::ppp(context, data),
        (_, 0..=ethertype::LENGTH_MAX) => Err(Drop::NotIp),
        _ => network(context, protocol, data),
    }
}
