//! Tags, labels and headers between an Ethernet type field and IP, in one table.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop, Outcome, tunnel};
use super::{Next, Step, backbone, ethertype, frame_relay, header, llc, vendor};

/// An Ethernet type that leads on to IP, and the function that reads its header.
pub(crate) struct Tag {
    /// The Ethernet type.
    pub(crate) ethertype: u16,
    /// What it is, in words.
    pub(crate) what: &'static str,
    pub(super) read: Reader,
}

/// A function that reads a header.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// Of one header, which names the next protocol and returns the bytes after it.
    Header(for<'a> fn(&mut Context, &'a [u8]) -> Step<'a>),
    /// Of all that follows: it decodes to the end, as a tunnel does.
    Rest(for<'a> fn(Context, &'a [u8]) -> Outcome<'a>),
}

use Reader::{Header, Rest};

macro_rules! tags {
    ($($ethertype:literal $what:literal $kind:ident $read:path;)*) => {
        &[$(Tag { ethertype: $ethertype, what: $what, read: $kind($read) }),*]
    };
}

/// Every one that is read, the frequent ones first: it is searched from the start.
pub(crate) const TAGS: &[Tag] = tags! {
    0x8100 "VLAN tag (802.1Q)" Header vlan;
    0x88a8 "provider VLAN tag (802.1ad)" Header vlan;
    0x8847 "MPLS labels" Rest tunnel::mpls;
    0x8848 "MPLS labels, upstream assigned" Rest tunnel::mpls;
    0x8864 "PPPoE session" Rest tunnel::pppoe;
    0x8926 "VN-Tag" Header passed::<6>;
    0x8903 "Cisco FabricPath" Header backbone::fabric_path;
    0x88e7 "provider backbone bridging (802.1ah)" Header backbone::provider;
    0x8909 "Cisco metadata (security group tag)" Header vendor::cisco_metadata;
    0xd28b "Arista time stamp" Header vendor::arista;
    0x88e5 "MACsec without encryption (802.1AE)" Rest macsec;
    0x894f "network service header (RFC 8300)" Rest nsh;
    0x22f3 "TRILL" Header backbone::trill;
    0x893f "802.1BR tag" Header passed::<8>;
    0x892f "HSR tag" Header passed::<6>;
    0x9100 "VLAN tag (old provider type)" Header vlan;
    0x9200 "VLAN tag (old provider type)" Header vlan;
    0xdada "Marvell EtherType DSA tag" Header vendor::marvell;
    0x8899 "Realtek switch tag" Header vendor::realtek;
    0x8870 "LLC in a jumbo frame" Header jumbo;
    0x880b "PPP" Rest bare_ppp;
    0x6559 "Frame Relay" Header frame_relay::payload;
};

/// The line of [`TAGS`] for an Ethernet type.
#[inline]
pub(in crate::decode) fn find(ethertype: u16) -> Option<&'static Tag> {
    TAGS.iter().find(|tag| tag.ethertype == ethertype)
}

/// A VLAN tag: priority and number.
#[inline]
pub(super) fn vlan<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (tag, rest) = header::<4>(data)?;
    enter_vlan(context, u16::from_be_bytes([tag[0], tag[1]]));
    Ok(Next::Type(u16::from_be_bytes([tag[2], tag[3]]), rest))
}

/// Notes a VLAN by the number in the low 12 bits. VLAN 0 carries only a priority: the
/// frame is as good as untagged.
pub(super) fn enter_vlan(context: &mut Context, tag: u16) {
    let vlan = tag & 0x0fff;
    if vlan != 0 {
        context.encapsulation = fold(context.encapsulation, Wrapping::Vlan, vlan.into());
    }
}

/// `N` bytes that set no flows apart, the last two of them the next Ethernet type. Port
/// numbers of a tag (VN-Tag, 802.1BR) differ by direction, and a sequence number (HSR)
/// by frame.
fn passed<'a, const N: usize>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (tag, rest) = header::<N>(data)?;
    let &[.., high, low] = tag.as_slice() else { return Err(Drop::LinkHeaderShort) };
    Ok(Next::Type(u16::from_be_bytes([high, low]), rest))
}

fn macsec<'a>(context: Context, data: &'a [u8]) -> Outcome<'a> {
    tunnel::macsec(&context, data)
}

fn nsh<'a>(context: Context, data: &'a [u8]) -> Outcome<'a> {
    tunnel::nsh(&context, data)
}

/// LLC where its length does not fit the type field.
fn jumbo<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    llc::decode(context, data)
}

/// PPP by its Ethernet type, as GRE carries it.
fn bare_ppp<'a>(context: Context, data: &'a [u8]) -> Outcome<'a> {
    tunnel::ppp(&context, data)
}

/// A next Ethernet type that must be one, not a length.
pub(super) fn by_type(ethertype: u16, rest: &[u8]) -> Step<'_> {
    match ethertype {
        0..=ethertype::LENGTH_MAX => Err(Drop::NotIp),
        _ => Ok(Next::Type(ethertype, rest)),
    }
}
