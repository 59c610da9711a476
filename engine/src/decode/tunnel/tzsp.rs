//! The TaZmen sniffer protocol: what sensors and MikroTik routers send of what they see.

use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, header, link};

/// Version, type, the kind of frame, and tagged fields up to an end mark.
pub(super) fn tzsp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const RECEIVED: u8 = 0;
    const FOR_TRANSMIT: u8 = 1;
    const ETHERNET: u16 = 1;
    const PADDING: u8 = 0;
    const END: u8 = 1;

    let (start, mut rest) = header::<4>(data)?;
    if start[0] != 1 {
        return Err(Drop::NotIp);
    }
    if !matches!(start[1], RECEIVED | FOR_TRANSMIT) {
        return Err(context.control());
    }
    loop {
        rest = match rest {
            [PADDING, rest @ ..] => rest,
            [END, frame @ ..] => {
                let inner = context.inside(Wrapping::Tzsp, 0)?;
                return match u16::from_be_bytes([start[2], start[3]]) {
                    ETHERNET => link::ethernet(&inner, frame),
                    _ => Err(context.unread_inside(Tunnel::Tzsp)),
                };
            }
            [_, len, rest @ ..] => {
                rest.get(usize::from(*len)..).ok_or(Drop::LinkHeaderShort)?
            }
            _ => return Err(Drop::LinkHeaderShort),
        };
    }
}
