//! The layer two tunnelling protocol: version 2 (RFC 2661) and 3 (RFC 3931).

use super::super::ip;
use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, header, link, looks, ppp};

pub(super) const READ: &str = "version 2: PPP; version 3: Ethernet, PPP, IP";

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;

/// Over UDP, from the flags on.
pub(super) fn udp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<2>(data)?;
    let flags = u16::from_be_bytes(*start);
    match flags & 0x000f {
        2 => v2(context, flags, data),
        3 if flags & CONTROL != 0 => Err(context.control()),
        3 if flags == 3 => v3_session(context, header::<2>(rest)?.1),
        _ => Err(Drop::NotIp),
    }
}

/// Version 2. Both its numbers are another for each direction.
fn v2<'a>(context: &Context<'_>, flags: u16, data: &'a [u8]) -> Outcome<'a> {
    // What is reserved is zero.
    if flags & 0x34f0 != 0 {
        return Err(Drop::NotIp);
    }
    let mut end = data.len();
    let mut rest = &data[2..];
    if flags & LENGTH != 0 {
        let len;
        (len, rest) = header::<2>(rest)?;
        end = usize::from(u16::from_be_bytes(*len));
        if end > data.len() && !context.cut {
            return Err(Drop::NotIp);
        }
    }
    if flags & CONTROL != 0 {
        return Err(context.control());
    }
    (_, rest) = header::<4>(rest)?;
    if flags & SEQUENCE != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    if flags & OFFSET != 0 {
        let offset;
        (offset, rest) = header::<2>(rest)?;
        rest = rest
            .get(usize::from(u16::from_be_bytes(*offset))..)
            .ok_or(Drop::LinkHeaderShort)?;
    }
    // The end counts from the beginning; what follows it is no part of the message.
    let behind = data.len().saturating_sub(end).min(rest.len());
    ppp::ppp(&context.inside(Wrapping::L2tp, 0)?, &rest[..rest.len() - behind])
}

/// Version 3 over IP, from the session on; session 0 is the control connection.
pub(super) fn over_ip<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    v3_session(context, data)
}

/// A session of version 3. How long its cookie is (0, 4 or 8 bytes), whether a sublayer
/// of 4 bytes follows, and what is carried was agreed when it was set up: the first way
/// to read it that gives a frame or packet is taken.
fn v3_session<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (session, rest) = header::<4>(data)?;
    if *session == [0; 4] {
        return Err(context.control());
    }
    let inner = context.inside(Wrapping::L2tp, 0)?;
    for skipped in [0, 4, 8, 12] {
        let Some(inside) = rest.get(skipped..) else { break };
        if looks::ethernet(context, inside) {
            return link::ethernet(&inner, inside);
        }
        if ppp::looks_like_ip(context, inside) {
            return ppp::ppp(&inner, inside);
        }
        if looks::ip(context, inside) {
            return ip::by_version(&inner, inside);
        }
    }
    Err(context.unread_inside(Tunnel::L2tpV3))
}
