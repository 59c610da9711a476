//! The link types that are read, in one table.

use super::super::{Context, Drop, Outcome, ip, tunnel};
use super::{
    atm, cooked, docsis, family, frame_relay, hdlc, infiniband, netfilter, ppp, ring,
    vendor, wlan, wlan_radio, wrapped,
};
use crate::packet::LinkType;

/// A kind of link header, and the function that reads it.
pub(crate) struct Kind {
    /// Its numbers: the registered one first, then those that some systems wrote.
    pub(crate) numbers: &'static [u32],
    /// What it is, in words.
    pub(crate) what: &'static str,
    read: for<'a> fn(&Context, &'a [u8]) -> Outcome<'a>,
}

macro_rules! kinds {
    ($([$($number:literal),+] $what:literal $read:path;)*) => {
        &[$(Kind { numbers: &[$($number),+], what: $what, read: $read }),*]
    };
}

/// Every link type that is read.
pub(crate) const KINDS: &[Kind] = kinds! {
    [0] "BSD loopback" family::loopback;
    [1] "Ethernet" super::ethernet;
    [6] "Token Ring" ring::token_ring;
    [8] "SLIP" family::slip;
    [9] "PPP" ppp::link;
    [10] "FDDI" ring::fddi;
    [50] "PPP or Cisco HDLC in HDLC-like framing" ppp::link;
    [51] "PPPoE session" pppoe;
    [100, 11] "ATM with LLC (RFC 2684)" atm::rfc_2684;
    [101, 12, 14] "IPv4 or IPv6" ip::by_version;
    [104] "Cisco HDLC" hdlc::cisco;
    [105] "IEEE 802.11" wlan::link;
    [106, 19] "Classical IP over ATM (Linux)" atm::clip;
    [107] "Frame Relay" frame_relay::link;
    [108] "OpenBSD loopback" family::loopback;
    [109] "BSD IPsec interface" family::enc;
    [113] "Linux cooked capture" cooked::version_1;
    [117] "pf log" family::pflog;
    [119] "IEEE 802.11 after a Prism header" wlan_radio::prism;
    [122] "IP over Fibre Channel (RFC 2625)" ring::fibre_channel;
    [123] "ATM after a SunATM header" atm::sun;
    [127] "IEEE 802.11 after a radiotap header" wlan_radio::radiotap;
    [138] "IP over IEEE 1394 (Apple)" ring::firewire;
    [143] "DOCSIS" docsis::link;
    [258, 149] "Apple PKTAP" wrapped::pktap;
    [163] "IEEE 802.11 after an AVS header" wlan_radio::avs;
    [166] "PPP, direction in the address byte" ppp::pppd;
    [178] "Juniper: Ethernet" wrapped::juniper_ethernet;
    [179] "Juniper: PPP" wrapped::juniper_ppp;
    [180] "Juniper: Frame Relay" wrapped::juniper_frame_relay;
    [181] "Juniper: Cisco HDLC" wrapped::juniper_hdlc;
    [192] "Per-Packet Information" wrapped::ppi;
    [197, 175, 176] "Endace ERF: Ethernet, packet over SONET, IP" wrapped::erf;
    [204] "PPP after a direction byte" ppp::with_direction;
    [205] "Cisco HDLC after a direction byte" hdlc::with_direction;
    [206] "Frame Relay after a direction byte" frame_relay::with_direction;
    [219] "MPLS" labels;
    [226] "Solaris ipnet" family::ipnet;
    [228] "IPv4" ip::v4;
    [229] "IPv6" ip::v6;
    [239] "Linux netfilter log" netfilter::log;
    [240] "Ethernet after a netANALYZER header" wrapped::netanalyzer;
    [241] "Ethernet with preamble after a netANALYZER header" wrapped::netanalyzer_transparent;
    [242] "IP over InfiniBand (RFC 4391)" infiniband::link;
    [259] "Ethernet after an EPON preamble" wrapped::epon;
    [276] "Linux cooked capture, version 2" cooked::version_2;
    [281] "Ethernet with a Broadcom switch tag" vendor::broadcom;
    [282] "Ethernet after a Broadcom switch tag" wrapped::broadcom;
    [284] "Ethernet with a Marvell DSA tag" vendor::dsa_link;
    [285] "Ethernet with a Marvell EtherType DSA tag" super::ethernet;
};

fn labels<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    tunnel::mpls(*context, data)
}

fn pppoe<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    tunnel::pppoe(*context, data)
}

/// Link types from here on are not read.
const END: usize = 300;
/// In [`PLACES`]: not read.
const NONE: u8 = u8::MAX;

/// For each link type its place in [`KINDS`].
const PLACES: [u8; END] = places();

const fn places() -> [u8; END] {
    let mut places = [NONE; END];
    let mut kind = 0;
    while kind < KINDS.len() {
        let numbers = KINDS[kind].numbers;
        let mut place = 0;
        while place < numbers.len() {
            let number = numbers[place] as usize;
            assert!(places[number] == NONE, "a link type has one reader");
            places[number] = kind as u8;
            place += 1;
        }
        kind += 1;
    }
    places
}

/// Decodes a frame of any link type.
pub(super) fn decode<'a>(
    context: &Context,
    link: LinkType,
    data: &'a [u8],
) -> Outcome<'a> {
    let place = usize::try_from(link.0).ok().and_then(|number| PLACES.get(number));
    let kind = place.and_then(|place| KINDS.get(usize::from(*place)));
    match kind {
        Some(kind) => (kind.read)(context, data),
        None => Err(Drop::UnknownLinkType),
    }
}
