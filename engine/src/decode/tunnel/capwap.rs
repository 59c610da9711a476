//! The data channel between access points and their controller (CAPWAP, RFC 5415).

use super::super::names::{Seal, Tunnel};
use super::{Context, Drop, Outcome, Wrapping, header, link, looks};

pub(super) const READ: &str = "Ethernet; 802.11 counted as not read, DTLS as encrypted";

/// From the preamble on.
pub(super) fn capwap<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;

    let (start, _) = header::<8>(data)?;
    match start[0] {
        0x00 => {}
        // The preamble before DTLS: three reserved bytes, then a record of version 1.
        0x01 if start[1..4] == [0; 3] && start[5] == 0xfe => {
            return Err(context.sealed(Seal::CapwapDtls));
        }
        _ => return Err(Drop::NotIp),
    }
    let len = usize::from(start[1] >> 3) * 4;
    let rest = data.get(len..).filter(|_| len >= 8).ok_or(Drop::NotIp)?;
    if start[3] & KEEP_ALIVE != 0 {
        return Err(context.control());
    }
    let (native, whole) = (start[2] & NATIVE != 0, start[3] & FRAGMENT == 0);
    match native {
        false if whole && looks::ethernet(context, rest) => {
            link::ethernet(&context.inside(Wrapping::Capwap, 0)?, rest)
        }
        _ => Err(context.unread_inside(Tunnel::Capwap)),
    }
}
