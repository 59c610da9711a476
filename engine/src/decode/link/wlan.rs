//! IEEE 802.11: data frames that are not encrypted.
//!
//! Management, control and empty frames are [`Drop::LinkControl`], protected ones
//! [`Drop::LinkEncrypted`], pieces of a frame [`Drop::LinkFragment`], several frames in
//! one (A-MSDU) [`Drop::LinkAggregate`].

use super::super::{Context, Drop, Outcome};
use super::{after, follow, header, llc};

/// The kind of frame that carries data, in bits 2 and 3 of the first byte.
const DATA: u8 = 2;
/// Bits of a data frame's subtype.
mod subtype {
    pub(super) const EMPTY: u8 = 0x4;
    pub(super) const QOS: u8 = 0x8;
}
/// Bits of the second byte.
mod flag {
    /// To and from the distribution system: there is a fourth address.
    pub(super) const BOTH_WAYS: u8 = 0x03;
    pub(super) const MORE_FRAGMENTS: u8 = 0x04;
    pub(super) const PROTECTED: u8 = 0x40;
    /// In frames with quality of service: HT control follows.
    pub(super) const ORDER: u8 = 0x80;
}
/// Bits of the quality of service field.
mod qos {
    pub(super) const AGGREGATE: u16 = 0x0080;
    pub(super) const MESH: u16 = 0x0100;
}

/// From the frame control on.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    frame(context, data, false)
}

/// The same; where `padded`, the header is filled up to a multiple of four bytes.
pub(super) fn frame<'a>(context: &Context, data: &'a [u8], padded: bool) -> Outcome<'a> {
    let (&[control, flags], _) = header::<2>(data)?;
    if control & 3 != 0 {
        return Err(Drop::NotIp);
    }
    let subtype = control >> 4;
    if control >> 2 & 3 != DATA || subtype & subtype::EMPTY != 0 {
        return Err(Drop::LinkControl);
    }
    if flags & flag::PROTECTED != 0 {
        return Err(Drop::LinkEncrypted);
    }
    let (start, _) = header::<24>(data)?;
    if flags & flag::MORE_FRAGMENTS != 0 || start[22] & 0x0f != 0 {
        return Err(Drop::LinkFragment);
    }
    let both_ways = flags & flag::BOTH_WAYS == flag::BOTH_WAYS;
    let mut len = if both_ways { 30 } else { 24 };
    let mut quality = 0;
    if subtype & subtype::QOS != 0 {
        let (field, _) = header::<2>(after(data, len)?)?;
        quality = u16::from_le_bytes(*field);
        len += if flags & flag::ORDER != 0 { 6 } else { 2 };
    }
    if padded {
        len = len.next_multiple_of(4);
    }
    let mut body = after(data, len)?;
    if quality & qos::MESH != 0 {
        body = after(body, mesh_header_len(body))?;
    }
    if quality & qos::AGGREGATE != 0 {
        body = only_of_aggregate(body)?;
    }
    follow(*context, llc::decode(context, body)?)
}

/// Bytes of a mesh header: flags, hop count, number, further addresses. The bit that
/// announces it means something else outside of meshes, where LLC stands at once.
fn mesh_header_len(body: &[u8]) -> usize {
    match body.first() {
        Some(0) => 6,
        Some(1) => 12,
        Some(2) => 18,
        _ => 0,
    }
}

/// The frame in an aggregate (A-MSDU): addresses, length, LLC. One capture frame gives
/// one packet at most, so an aggregate of several is not read.
fn only_of_aggregate(body: &[u8]) -> Result<&[u8], Drop> {
    const HEADER: usize = 14;
    let (start, rest) = header::<HEADER>(body)?;
    let len = usize::from(u16::from_be_bytes([start[12], start[13]]));
    let padded = (HEADER + len).next_multiple_of(4);
    // A check sequence or padding of the capture is too short for another one.
    if body.len() >= padded + HEADER {
        return Err(Drop::LinkAggregate);
    }
    Ok(rest.get(..len).unwrap_or(rest))
}
