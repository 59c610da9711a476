//! PPP: bare, in HDLC-like framing, with a direction, and over Ethernet.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop, Outcome};
use super::{Next, Step, after, ethertype, follow, hdlc, header};

/// Protocol numbers (IANA "PPP DLL Protocol Numbers").
mod protocol {
    pub(super) const IPV4: u16 = 0x0021;
    pub(super) const IPV6: u16 = 0x0057;
    pub(super) const BRIDGED: u16 = 0x0031;
    pub(super) const MULTILINK: u16 = 0x003d;
    pub(super) const MPLS: u16 = 0x0281;
    pub(super) const MPLS_MULTICAST: u16 = 0x0283;
    /// ROHC, Van Jacobson, compressed datagrams (MPPE's too, which are encrypted).
    pub(super) const COMPRESSED: [u16; 6] =
        [0x0003, 0x0005, 0x002d, 0x002f, 0x00fb, 0x00fd];
    pub(super) const ENCRYPTED: [u16; 2] = [0x0053, 0x0055];
}

/// PPP with or without framing, or Cisco HDLC, whichever the first byte says.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    match data.first() {
        Some(&(hdlc::UNICAST | hdlc::MULTICAST)) => hdlc::cisco(context, data),
        _ => follow(*context, framed(data)?),
    }
}

/// A byte for the direction, then PPP as [`link`] reads it.
pub(super) fn with_direction<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    link(context, after(data, 1)?)
}

/// Linux's pppd: the direction stands in place of the address byte.
pub(super) fn pppd<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let next = match after(data, 1)? {
        [CONTROL, rest @ ..] => payload(rest)?,
        rest => framed(rest)?,
    };
    follow(*context, next)
}

/// A PPPoE session as a link type.
pub(super) fn over_ethernet<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let mut context = *context;
    let next = session(&mut context, data)?;
    follow(context, next)
}

/// Address and control of HDLC-like framing (RFC 1662).
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 0x03;

/// PPP, past the framing where there is one.
pub(super) fn framed(data: &[u8]) -> Step<'_> {
    match data {
        [ADDRESS, CONTROL, rest @ ..] => payload(rest),
        [ADDRESS] => Err(Drop::LinkHeaderShort),
        _ => payload(data),
    }
}

/// From the protocol number on.
pub(super) fn payload(mut data: &[u8]) -> Step<'_> {
    loop {
        let (number, rest) = match data {
            // The leading zero byte may be left out (RFC 1661, 6.5): a number is odd,
            // its first byte is not.
            [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
            [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
            _ => return Err(Drop::LinkHeaderShort),
        };
        return match number {
            protocol::IPV4 => Ok(Next::Type(ethertype::IPV4, rest)),
            protocol::IPV6 => Ok(Next::Type(ethertype::IPV6, rest)),
            protocol::MPLS => Ok(Next::Type(ethertype::MPLS, rest)),
            protocol::MPLS_MULTICAST => Ok(Next::Type(ethertype::MPLS_UPSTREAM, rest)),
            protocol::BRIDGED => bridged(rest),
            protocol::MULTILINK => {
                // Begin and end in one fragment: a whole packet (RFC 1990). Sequence
                // numbers are taken as long, for nothing in the frame tells.
                let (fragment, rest) = header::<4>(rest)?;
                if fragment[0] & 0xc0 != 0xc0 {
                    return Err(Drop::LinkFragment);
                }
                data = rest;
                continue;
            }
            number if protocol::COMPRESSED.contains(&number) => Err(Drop::LinkCompressed),
            number if protocol::ENCRYPTED.contains(&number) => Err(Drop::LinkEncrypted),
            _ => Err(Drop::NotIp),
        };
    }
}

/// A bridged frame (RFC 3518): flags, kind of LAN, perhaps the number of one.
fn bridged(data: &[u8]) -> Step<'_> {
    const LAN_ID: u8 = 0x40;
    const ETHERNET: u8 = 1;
    let (start, rest) = header::<2>(data)?;
    if start[1] != ETHERNET {
        return Err(Drop::NotIp);
    }
    let id_len = if start[0] & LAN_ID == 0 { 0 } else { 4 };
    Ok(Next::Frame(after(rest, id_len)?))
}

/// A PPPoE session (RFC 2516), from its version on.
pub(super) fn session<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (header, rest) = header::<6>(data)?;
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Drop::NotIp);
    }
    let session = u16::from_be_bytes([header[2], header[3]]);
    context.encapsulation = fold(context.encapsulation, Wrapping::Pppoe, session.into());
    payload(rest)
}
