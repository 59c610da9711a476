//! Radio headers before IEEE 802.11: radiotap, Prism, AVS.

use super::super::{Context, Drop, Outcome};
use super::{after, header, wlan};

/// Radiotap: version, its own length, words that say which fields follow, the fields.
pub(super) fn radiotap<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    /// Bits of the flags field.
    const PADDED: u8 = 0x20;
    const BAD_CHECK_SEQUENCE: u8 = 0x40;
    let (start, _) = header::<8>(data)?;
    let len = usize::from(u16::from_le_bytes([start[2], start[3]]));
    if start[0] != 0 || len < start.len() {
        return Err(Drop::NotIp);
    }
    let fields = data.get(..len).ok_or(Drop::LinkHeaderShort)?;
    let flags = radiotap_flags(fields).ok_or(Drop::NotIp)?;
    if flags & BAD_CHECK_SEQUENCE != 0 {
        return Err(Drop::LinkDamaged);
    }
    wlan::frame(context, after(data, len)?, flags & PADDED != 0)
}

/// The flags field, 0 without one; none where the header ends before it.
fn radiotap_flags(fields: &[u8]) -> Option<u8> {
    const TIME: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    let word = |place: usize| {
        let bytes = fields.get(place..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let present = word(4)?;
    let mut place = 8;
    let mut last = present;
    while last & MORE != 0 {
        last = word(place)?;
        place += 4;
    }
    if present & FLAGS == 0 {
        return Some(0);
    }
    if present & TIME != 0 {
        place = place.next_multiple_of(8) + 8;
    }
    fields.get(place).copied()
}

/// Prism: a message of its own length, in the byte order of the machine. Some drivers
/// write an AVS header under this number.
pub(super) fn prism<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, _) = header::<8>(data)?;
    let [a, b, c, _, len @ ..] = *start;
    if [a, b, c] == AVS {
        return avs(context, data);
    }
    let len = match u32::from_le_bytes(len) {
        len @ 0..=0xffff => len,
        len => len.swap_bytes(),
    };
    wlan_after(context, data, len)
}

/// The first bytes of an AVS header's version.
const AVS: [u8; 3] = [0x80, 0x21, 0x10];

/// AVS: version and its own length, in network order.
pub(super) fn avs<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, _) = header::<8>(data)?;
    let [a, b, c, _, len @ ..] = *start;
    if [a, b, c] != AVS {
        return Err(Drop::NotIp);
    }
    wlan_after(context, data, u32::from_be_bytes(len))
}

fn wlan_after<'a>(context: &Context, data: &'a [u8], len: u32) -> Outcome<'a> {
    match len {
        8..=0xffff => wlan::frame(context, after(data, len as usize)?, false),
        _ => Err(Drop::NotIp),
    }
}
