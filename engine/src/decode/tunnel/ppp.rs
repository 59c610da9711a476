//! PPP (RFC 1661), as tunnels carry it: the framing of RFC 1662 is gone.

use super::super::ip;
use super::super::names::Seal;
use super::{Context, Drop, Layer, Outcome, header, link, looks, mpls};

/// Protocol numbers of PPP (IANA).
pub(in crate::decode) mod number {
    pub(in crate::decode) const IPV4: u16 = 0x0021;
    pub(in crate::decode) const BRIDGED: u16 = 0x0031;
    pub(in crate::decode) const MULTILINK: u16 = 0x003d;
    pub(in crate::decode) const ENCRYPTED: u16 = 0x0053;
    pub(in crate::decode) const ENCRYPTED_LINK: u16 = 0x0055;
    pub(in crate::decode) const IPV6: u16 = 0x0057;
    /// ROHC, Van Jacobson, compressed datagrams (those of MPPE are also encrypted).
    pub(in crate::decode) const COMPRESSED: [u16; 6] =
        [0x0003, 0x0005, 0x002d, 0x002f, 0x00fb, 0x00fd];
    pub(in crate::decode) const MPLS: u16 = 0x0281;
    pub(in crate::decode) const MPLS_UPSTREAM: u16 = 0x0283;
}

/// A packet that is whole in one fragment.
const MULTILINK_BEGIN_AND_END: u8 = 0xc0;

/// What a frame of PPP carries, from address and control or the protocol on. Either of
/// the first two, and the protocol's leading zero byte, may be left out (section 6).
pub(in crate::decode) fn ppp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    match data {
        [0xff] => Err(Drop::LinkHeaderShort),
        _ => protocol(context, data.strip_prefix(&[0xff, 0x03]).unwrap_or(data)),
    }
}

/// The same where address and control are never there.
pub(in crate::decode) fn protocol<'a>(
    context: &Context<'_>,
    data: &'a [u8],
) -> Outcome<'a> {
    let (number, rest) = match data {
        // An odd byte ends the number.
        [low, rest @ ..] if low & 1 != 0 => (u16::from(*low), rest),
        _ => {
            let (number, rest) = header::<2>(data)?;
            (u16::from_be_bytes(*number), rest)
        }
    };
    match number {
        number::IPV4 => ip::v4(context, rest),
        number::IPV6 => ip::v6(context, rest),
        number::MPLS | number::MPLS_UPSTREAM => mpls(*context, rest),
        number::BRIDGED => bridged(context, rest),
        number::MULTILINK => multilink(context, rest),
        number::ENCRYPTED | number::ENCRYPTED_LINK => Err(context.sealed(Seal::Ppp)),
        number if number::COMPRESSED.contains(&number) => {
            context.sealed(Seal::Ppp);
            Err(Drop::LinkCompressed)
        }
        number => Err(context.unread(Layer::Ppp, number.into())),
    }
}

/// A bridged frame (RFC 3518): flags, the kind of network, perhaps its number, then 802.3.
fn bridged<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const NUMBERED: u8 = 0x40;
    const ETHERNET: u8 = 1;
    let (start, mut rest) = header::<2>(data)?;
    if start[0] & NUMBERED != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    match start[1] {
        ETHERNET => link::ethernet(&context.deeper()?, rest),
        _ => Err(context.unread(Layer::Ppp, number::BRIDGED.into())),
    }
}

/// Multilink (RFC 1990): only what is in one piece is read. The sequence number is of
/// two or four bytes, flags included, as was agreed when the link came up; nothing in the
/// frame tells, so that four are taken unless IP fits after two.
fn multilink<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let flags = data.first().ok_or(Drop::LinkHeaderShort)?;
    if flags & MULTILINK_BEGIN_AND_END != MULTILINK_BEGIN_AND_END {
        context.unread(Layer::Ppp, number::MULTILINK.into());
        return Err(Drop::LinkFragment);
    }
    let inner = context.deeper()?;
    let fits = |skipped| data.get(skipped..).filter(|it| looks_like_ip(context, it));
    match (fits(4), fits(2)) {
        (None, Some(rest)) => protocol(&inner, rest),
        _ => protocol(&inner, header::<4>(data)?.1),
    }
}

/// Whether it is the protocol number of IP and then IP.
pub(super) fn looks_like_ip(context: &Context<'_>, data: &[u8]) -> bool {
    let data = data.strip_prefix(&[0xff, 0x03]).unwrap_or(data);
    match data {
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] => looks::v4(context, rest),
        [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => looks::v6(context, rest),
        _ => false,
    }
}
