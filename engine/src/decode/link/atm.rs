//! Packets that ATM carried, put together from their cells.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop, Outcome, ip};
use super::{Next, after, ethernet, follow, header, llc};

/// LLC (RFC 2684); without it, where it begins as IP does.
pub(super) fn rfc_2684<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    match data {
        [0x45..=0x4f | 0x60, ..] => ip::by_version(context, data),
        _ => match llc::decode(context, data)? {
            // A bridged frame stands behind two bytes of padding.
            Next::Frame(padded) => follow(*context, Next::Frame(after(padded, 2)?)),
            next => follow(*context, next),
        },
    }
}

/// Linux's Classical IP over ATM: LLC or IP.
pub(super) fn clip<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    match data.first() {
        Some(0xaa) => follow(*context, llc::decode(context, data)?),
        _ => ip::by_version(context, data),
    }
}

/// SunATM: kind of traffic, path and channel, then what the channel carries.
pub(super) fn sun<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    const LANE: u8 = 1;
    const LLC: u8 = 2;
    let (header, rest) = header::<4>(data)?;
    let channel = u32::from_be_bytes([0, header[1], header[2], header[3]]);
    let mut context = *context;
    context.encapsulation = fold(context.encapsulation, Wrapping::Atm, channel);
    match header[0] & 0x0f {
        // LAN emulation: the sender's number, then Ethernet.
        LANE => ethernet(&context, after(rest, 2)?),
        LLC => rfc_2684(&context, rest),
        _ => Err(Drop::LinkControl),
    }
}
