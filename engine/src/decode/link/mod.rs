//! Link headers: from the first byte of a frame to its IP header.
//!
//! Two tables hold what is read, each line with its number, its name and its function:
//! [`types`] the link types of captures, [`tags`] what may stand between an Ethernet type
//! field and IP. Decoding uses the tables, so that a list made from them is complete.
//!
//! Plain IP in Ethernet takes none of this way. A step either ends, or names the next
//! protocol and the bytes after its own header ([`Next`]), so that many tags take no
//! stack; a frame in a frame counts as a tunnel and is bounded as one
//! ([`MAX_DEPTH`](super::MAX_DEPTH)).

mod atm;
mod backbone;
mod cooked;
mod docsis;
mod family;
mod frame_relay;
mod hdlc;
mod infiniband;
mod llc;
mod netfilter;
mod ppp;
mod ring;
pub(super) mod tags;
pub(super) mod types;
mod vendor;
mod wlan;
mod wlan_radio;
mod wrapped;

use super::{Context, Drop, Layer, Outcome, ip, tunnel};
use crate::packet::LinkType;

/// Numbers of the network protocols in an Ethernet type field.
pub(super) mod ethertype {
    pub(in crate::decode) const IPV4: u16 = 0x0800;
    pub(in crate::decode) const IPV6: u16 = 0x86dd;
    pub(in crate::decode) const ETHERNET: u16 = 0x6558;
    pub(in crate::decode) const ARP: u16 = 0x0806;
    pub(in crate::decode) const VLAN: u16 = 0x8100;
    pub(in crate::decode) const PROVIDER_VLAN: u16 = 0x88a8;
    pub(in crate::decode) const MPLS: u16 = 0x8847;
    pub(in crate::decode) const PPPOE_SESSION: u16 = 0x8864;
    /// Up to here the field is the length of an 802.3 frame.
    pub(in crate::decode) const LENGTH_MAX: u16 = 1_500;
}

/// What follows a header that was read.
enum Next<'a> {
    /// A protocol by its Ethernet type.
    Type(u16, &'a [u8]),
    /// A whole Ethernet frame.
    Frame(&'a [u8]),
    /// A frame of PPP, with or without its framing.
    Ppp(&'a [u8]),
}

/// What a function returns that reads one header.
type Step<'a> = Result<Next<'a>, Drop>;

/// Decodes a frame from its first byte.
#[inline]
pub(super) fn decode<'a>(
    context: &Context,
    link: LinkType,
    data: &'a [u8],
) -> Outcome<'a> {
    match link {
        LinkType::ETHERNET => ethernet(context, data),
        link => types::decode(context, link, data),
    }
}

/// Ethernet II or 802.3, from the destination address on.
pub(super) fn ethernet<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<14>(data)?;
    let to_group = header[0] & 1 != 0;
    if to_group != context.to_group {
        return ethernet(&Context { to_group, ..*context }, data);
    }
    match u16::from_be_bytes([header[12], header[13]]) {
        ethertype::IPV4 => ip::v4(context, rest),
        ethertype::IPV6 => ip::v6(context, rest),
        _ if backbone::is_isl(header, rest) => {
            let mut context = *context;
            let next = backbone::isl(&mut context, data)?;
            follow(context, next)
        }
        ethertype => follow(*context, Next::Type(ethertype, rest)),
    }
}

/// What follows an Ethernet type field, tags and labels included.
#[inline]
pub(super) fn network<'a>(
    context: &Context,
    ethertype: u16,
    data: &'a [u8],
) -> Outcome<'a> {
    match ethertype {
        ethertype::IPV4 => ip::v4(context, data),
        ethertype::IPV6 => ip::v6(context, data),
        _ => follow(*context, Next::Type(ethertype, data)),
    }
}

/// The rest of the way for all but plain IP.
#[inline(never)]
fn follow<'a>(mut context: Context<'_>, mut next: Next<'a>) -> Outcome<'a> {
    loop {
        let (ethertype, data) = match next {
            Next::Type(ethertype, data) => (ethertype, data),
            Next::Frame(data) => return ethernet(&context.deeper()?, data),
            Next::Ppp(data) => return tunnel::ppp(&context, data),
        };
        next = match ethertype {
            ethertype::IPV4 => return ip::v4(&context, data),
            ethertype::IPV6 => return ip::v6(&context, data),
            // The frequent ones of the table, without a search.
            ethertype::VLAN | ethertype::PROVIDER_VLAN => tags::vlan(&mut context, data)?,
            ethertype::ARP => {
                context.unread(Layer::Ethertype, ethertype.into());
                return Err(Drop::Arp);
            }
            0..=ethertype::LENGTH_MAX => llc::decode(&context, data)?,
            _ => {
                let tag = tags::find(ethertype)
                    .ok_or_else(|| context.unread(Layer::Ethertype, ethertype.into()))?;
                match tag.read {
                    tags::Reader::Header(read) => read(&mut context, data)?,
                    tags::Reader::Rest(read) => return read(context, data),
                }
            }
        };
    }
}

/// The next `N` bytes, and those after.
#[inline]
pub(super) fn header<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Drop> {
    data.split_first_chunk().ok_or(Drop::LinkHeaderShort)
}

/// The bytes after the first `len`.
#[inline]
fn after(data: &[u8], len: usize) -> Result<&[u8], Drop> {
    data.get(len..).ok_or(Drop::LinkHeaderShort)
}
