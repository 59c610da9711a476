//! Cisco HDLC: address, control and an Ethernet type.

use super::super::{Context, Outcome};
use super::{after, follow, header, tags};

/// Address bytes.
pub(super) const UNICAST: u8 = 0x0f;
pub(super) const MULTICAST: u8 = 0x8f;

/// From the address on.
pub(super) fn cisco<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<4>(data)?;
    let next = tags::by_type(u16::from_be_bytes([header[2], header[3]]), rest)?;
    follow(*context, next)
}

/// A byte for the direction before it.
pub(super) fn with_direction<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    cisco(context, after(data, 1)?)
}
