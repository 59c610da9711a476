//! The user plane of the GPRS tunnelling protocol (3GPP TS 29.281; version 0: GSM 09.60).

use super::super::ip;
use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, header, link, looks};

/// A user's packet; all other messages are between the ends of the tunnel.
const PACKET: u8 = 255;

/// Version 1, from the flags on.
pub(super) fn v1<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const EXTENSION: u8 = 0x04;
    const OPTIONS: u8 = 0x07;

    let (start, mut rest) = header::<8>(data)?;
    // Version 1, protocol type GTP, the reserved bit clear.
    if start[0] & 0xf8 != 0x30 || !fits(context, start, rest) {
        return Err(Drop::NotIp);
    }
    if start[1] != PACKET {
        return Err(context.control());
    }
    if start[0] & OPTIONS != 0 {
        let options;
        // They come together; only those whose flag is set count.
        (options, rest) = header::<4>(rest)?;
        let mut next = if start[0] & EXTENSION != 0 { options[3] } else { 0 };
        while next != 0 {
            let words = rest.first().map_or(0, |words| usize::from(*words));
            if words == 0 {
                return Err(Drop::NotIp);
            }
            let (extension, after) =
                rest.split_at_checked(words * 4).ok_or(Drop::LinkHeaderShort)?;
            next = extension.last().copied().unwrap_or(0);
            rest = after;
        }
    }
    user(context, rest)
}

/// Version 0, from the flags on.
pub(super) fn v0<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<20>(data)?;
    // Version 0, protocol type GTP, spare bits set.
    if start[0] & 0xfe != 0x1e || !fits(context, start, rest) {
        return Err(Drop::NotIp);
    }
    match start[1] {
        PACKET => user(context, rest),
        _ => Err(context.control()),
    }
}

/// Whether the length is that of what is there.
fn fits(context: &Context<'_>, start: &[u8], rest: &[u8]) -> bool {
    let len = usize::from(u16::from_be_bytes([start[2], start[3]]));
    len == rest.len() || (context.cut && len > rest.len())
}

/// The tunnel says nowhere of which kind its packets are. Each direction has a number of
/// its own.
fn user<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let inner = context.inside(Wrapping::Gtp, 0)?;
    if looks::ip(context, data) {
        ip::by_version(&inner, data)
    } else if looks::ethernet(context, data) {
        link::ethernet(&inner, data)
    } else {
        Err(context.unread_inside(Tunnel::Gtp))
    }
}
