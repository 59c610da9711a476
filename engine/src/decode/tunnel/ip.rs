//! Tunnels that are an IP protocol of their own.

use super::super::ip;
use super::super::names::Seal;
use super::{Context, Decode, Drop, Layer, Outcome, Wrapping};
use super::{gre, header, l2tp, link, looks, mpls};

/// Numbers of the tunnels (IANA).
pub(in crate::decode) struct Number;

impl Number {
    pub(in crate::decode) const IPV4: u8 = 4;
    pub(in crate::decode) const IPV6: u8 = 41;
}

/// A tunnel with an IP protocol number.
pub(in crate::decode) struct Protocol {
    pub(in crate::decode) number: u8,
    pub(in crate::decode) name: &'static str,
    pub(in crate::decode) standard: &'static str,
    /// What becomes of it, for the list of what is read.
    pub(in crate::decode) read: &'static str,
    pub(in crate::decode) decode: Decode,
}

const fn row(
    number: u8,
    name: &'static str,
    standard: &'static str,
    read: &'static str,
    decode: Decode,
) -> Protocol {
    Protocol { number, name, standard, read, decode }
}

const GRE_READ: &str = "any Ethernet type read, Ethernet, ERSPAN types I to III, PPP \
                        (PPTP too), WCCP";

/// Every such tunnel.
pub(in crate::decode) const PROTOCOLS: &[Protocol] = &[
    row(Number::IPV4, "IPv4 in IP", "RFC 2003", "IPv4", ipv4),
    row(Number::IPV6, "IPv6 in IP (6in4, 6to4, 6rd)", "RFC 4213, 2473", "IPv6", ipv6),
    row(47, "GRE", "RFC 2784, 2890, 2637", GRE_READ, gre::gre),
    row(50, "ESP", "RFC 4303", "counted as encrypted", esp),
    row(94, "IPIP", "", "IPv4", ipv4),
    row(97, "EtherIP", "RFC 3378", "Ethernet", ether_ip),
    row(103, "PIM register", "RFC 7761", "IPv4, IPv6", pim),
    row(108, "IPComp", "RFC 3173", "counted as compressed", ip_comp),
    row(115, "L2TP version 3", "RFC 3931", "Ethernet, PPP, IP", l2tp::over_ip),
    row(137, "MPLS in IP", "RFC 4023", "as MPLS", mpls_in_ip),
];

fn ipv4<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    ip::v4(&context.inside(Wrapping::IpInIp, 0)?, data)
}

fn ipv6<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    ip::v6(&context.inside(Wrapping::Ipv6InIp, 0)?, data)
}

fn mpls_in_ip<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    mpls(context.inside(Wrapping::MplsInIp, 0)?, data)
}

fn ether_ip<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<2>(data)?;
    // Version 3; the rest is reserved, and some senders put the version behind it.
    match start {
        [0x30, 0] | [0x03, 0] => {
            link::ethernet(&context.inside(Wrapping::EtherIp, 0)?, rest)
        }
        _ => Err(Drop::NotIp),
    }
}

/// A register message of PIM: what a router sends to the root of a multicast tree.
fn pim<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const REGISTER: u8 = 0x21;
    /// Says that there is no packet: only the group is kept alive.
    const NULL: u8 = 0x40;

    let (start, rest) = header::<8>(data)?;
    match start[0] {
        REGISTER if start[4] & NULL == 0 => {
            ip::by_version(&context.inside(Wrapping::PimRegister, 0)?, rest)
        }
        _ => Err(context.unread(Layer::IpProtocol, 103)),
    }
}

fn esp<'a>(context: &Context<'_>, _: &'a [u8]) -> Outcome<'a> {
    Err(context.sealed(Seal::Esp))
}

fn ip_comp<'a>(context: &Context<'_>, _: &'a [u8]) -> Outcome<'a> {
    Err(context.sealed(Seal::IpComp))
}

/// Types of an echo request and reply, of ICMP and ICMPv6.
pub(in crate::decode) const ICMP_ECHO_TYPES: [u8; 4] = [0, 8, 128, 129];

/// Notes an IPv4 packet with a valid checksum, or an IPv6 packet of exactly the length,
/// that fills the data of an echo: a tunnel through ICMP. The echo stays what it is.
pub(in crate::decode) fn ip_in_echo(context: &Context<'_>, data: &[u8]) {
    let exact = |at: usize, base: usize| {
        let field = data.get(at..).and_then(|bytes| bytes.first_chunk());
        field.is_some_and(|bytes| {
            usize::from(u16::from_be_bytes(*bytes)) + base == data.len()
        })
    };
    let found = match data.first() {
        Some(first) if first >> 4 == 4 => {
            let header = data.get(..usize::from(first & 0x0f) * 4);
            exact(2, 0)
                && looks::v4(context, data)
                && header.is_some_and(super::super::checksum::holds)
        }
        Some(first) if first >> 4 == 6 => exact(4, 40) && looks::v6(context, data),
        _ => false,
    };
    if found {
        context.unread(Layer::IcmpEcho, 0);
    }
}
