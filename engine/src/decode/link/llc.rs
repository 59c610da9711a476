//! LLC (802.2) with and without SNAP, and network layer protocol numbers.

use super::super::{Context, Drop, Layer};
use super::{Next, Step, ethertype};

/// The service access point of SNAP.
const SNAP: u8 = 0xaa;

/// Notes an access point behind which nothing is read.
fn unread(context: &Context, point: u8) -> Drop {
    context.unread(Layer::Llc, point.into());
    Drop::Llc
}

/// From the destination service access point on.
pub(super) fn decode<'a>(context: &Context, data: &'a [u8]) -> Step<'a> {
    match data {
        [0xaa, 0xaa, 3, a, b, c, high, low, rest @ ..] => {
            snap(context, [*a, *b, *c], u16::from_be_bytes([*high, *low]), rest)
        }
        [0xaa, 0xaa, ..] if data.len() < 8 => Err(Drop::LinkHeaderShort),
        [6, 6] | [0xfe, 0xfe] | [0xfe, 0xfe, 3] => Err(Drop::LinkHeaderShort),
        // IP has a service access point of its own, though hardly in use.
        [6, 6, 3, rest @ ..] => Ok(Next::Type(ethertype::IPV4, rest)),
        [0xfe, 0xfe, 3, number, rest @ ..] => {
            by_number(*number, rest).ok_or_else(|| unread(context, 0xfe))
        }
        [point, _, ..] => Err(unread(context, *point)),
        _ => Err(Drop::LinkHeaderShort),
    }
}

/// What a SNAP header names: an organisation, and a protocol of it.
pub(super) fn snap<'a>(
    context: &Context,
    organisation: [u8; 3],
    protocol: u16,
    rest: &'a [u8],
) -> Step<'a> {
    match (organisation, protocol) {
        // A length here would be LLC in LLC.
        ([0, 0, 0] | [0, 0, 0xf8], 0..=ethertype::LENGTH_MAX) => {
            Err(unread(context, SNAP))
        }
        // Ethernet types, as such and as bridges translate them (802.1H).
        ([0, 0, 0] | [0, 0, 0xf8], _) => Ok(Next::Type(protocol, rest)),
        // Bridged Ethernet, with and without its check sequence (RFC 2427, 2684).
        ([0, 0x80, 0xc2], 1 | 7) => Ok(Next::Frame(rest)),
        _ => Err(unread(context, SNAP)),
    }
}

/// IP by its network layer protocol number (ISO TR 9577).
pub(super) fn by_number(number: u8, rest: &[u8]) -> Option<Next<'_>> {
    match number {
        0xcc => Some(Next::Type(ethertype::IPV4, rest)),
        0x8e => Some(Next::Type(ethertype::IPV6, rest)),
        _ => None,
    }
}
