//! MPLS labels (RFC 3032) and the pseudowires below them (RFC 4385, 4448).
//!
//! Labels do not say what they carry, and neither does a capture of them. It is guessed
//! from the bytes: an IP header of fitting lengths, a control word before an Ethernet
//! frame, or the frame at once.

use super::super::encapsulation::fold;
use super::super::ip;
use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, header, link, looks};

/// A stack of labels and what its bottom carries.
pub(in crate::decode) fn mpls<'a>(
    mut context: Context<'_>,
    mut data: &'a [u8],
) -> Outcome<'a> {
    loop {
        let (entry, rest) = header::<4>(data)?;
        let entry = u32::from_be_bytes(*entry);
        let label = entry >> 12;
        // Labels 0 to 15 say how to handle a packet, not which path it is on.
        if label > 15 {
            context.encapsulation = fold(context.encapsulation, Wrapping::Mpls, label);
        }
        data = rest;
        if entry & 0x100 != 0 {
            return bottom(&context, data);
        }
    }
}

fn bottom<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let Some(nibble) = data.first().map(|first| first >> 4) else {
        return Err(Drop::LinkHeaderShort);
    };
    if matches!(nibble, 4 | 6) && looks::ip(context, data) {
        return ip::by_version(context, data);
    }
    let after_control_word = data.get(4..).filter(|_| nibble == 0);
    if let Some(rest) = after_control_word {
        if looks::ethernet(context, rest) {
            return pseudowire(context, rest);
        }
        if looks::ip(context, rest) {
            return ip::by_version(&context.inside(Wrapping::Pseudowire, 0)?, rest);
        }
    }
    // Without a control word an address of Ethernet comes first, whatever its nibble.
    if looks::ethernet(context, data) {
        return pseudowire(context, data);
    }
    match nibble {
        4 | 6 => ip::by_version(context, data),
        0 => pseudowire(context, header::<4>(data)?.1),
        // Operation and maintenance of the path (RFC 5586), or something unknown.
        _ => Err(context.unread_inside(Tunnel::Mpls)),
    }
}

fn pseudowire<'a>(context: &Context<'_>, frame: &'a [u8]) -> Outcome<'a> {
    link::ethernet(&context.inside(Wrapping::Pseudowire, 0)?, frame)
}

/// The same in UDP (RFC 7510), where a port alone says that it is MPLS: only where the
/// labels end within the first eight, and something known follows.
pub(super) fn in_udp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let mut rest = data;
    for _ in 0..8 {
        let (entry, after) = header::<4>(rest)?;
        rest = after;
        if entry[2] & 1 != 0 {
            let control_word = rest.strip_prefix(&[0]).and_then(|rest| rest.get(3..));
            let known = looks::ip(context, rest)
                || looks::ethernet(context, rest)
                || control_word.is_some_and(|rest| looks::ethernet(context, rest));
            return match known {
                true => mpls(context.inside(Wrapping::MplsInIp, 0)?, data),
                false => Err(Drop::NotIp),
            };
        }
    }
    Err(Drop::NotIp)
}
