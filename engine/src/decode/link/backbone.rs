//! Frames in frames: FabricPath, 802.1ah, TRILL, Cisco ISL.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop};
use super::{Next, Step, after, header, tags};

/// Cisco FabricPath: tree and hop count, then the frame. The tree is one of several ways
/// through one network, so it sets no flows apart.
pub(super) fn fabric_path<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    Ok(Next::Frame(after(data, 2)?))
}

/// Provider backbone bridging (802.1ah): the number of a service, then the frame.
pub(super) fn provider<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (tag, rest) = header::<4>(data)?;
    let service = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]);
    context.encapsulation =
        fold(context.encapsulation, Wrapping::BackboneService, service);
    Ok(Next::Frame(rest))
}

/// TRILL (RFC 6325): version, length of options in words, hop count, two bridges.
pub(super) fn trill<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (start, rest) = header::<6>(data)?;
    let start = u16::from_be_bytes([start[0], start[1]]);
    if start >> 14 != 0 {
        return Err(Drop::NotIp);
    }
    Ok(Next::Frame(after(rest, usize::from(start >> 6 & 0x1f) * 4)?))
}

/// Whether an Ethernet header is the start of an ISL header around another frame: by
/// its destination, and the LLC header that stands in it.
#[inline]
pub(super) fn is_isl(header: &[u8; 14], rest: &[u8]) -> bool {
    matches!(header, [1 | 3, 0, 0x0c, 0, 0, 0..=0x0f, ..])
        && matches!(rest, [0xaa, 0xaa, 3, ..])
}

/// Cisco ISL: 26 bytes, the VLAN among them, then the frame.
pub(super) fn isl<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (header, rest) = header::<26>(data)?;
    tags::enter_vlan(context, u16::from_be_bytes([header[20], header[21]]) >> 1);
    Ok(Next::Frame(rest))
}
