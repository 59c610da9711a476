//! Headers of capture tools and hardware around another link header.

use super::super::{Context, Drop, Outcome, ip};
use super::{after, decode, ethernet, frame_relay, hdlc, header, ppp};
use crate::packet::LinkType;

/// Apple PKTAP: its own length, the kind of record, a link type, names of interface and
/// process. It also goes by a number for private use, so it must look like one.
pub(super) fn pktap<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    /// Bytes of the first version.
    const LEAST: u32 = 108;
    /// More than any version has: the bytes are not in this order.
    const MOST: u32 = 0xffff;
    const PACKET: u32 = 1;
    let (start, _) = header::<12>(data)?;
    let [len, kind, link] = words(start);
    let swapped = len > MOST;
    let order = |word: u32| if swapped { word.swap_bytes() } else { word };
    let (len, kind, link) = (order(len), order(kind), order(link));
    if !(LEAST..=MOST).contains(&len) {
        return Err(Drop::UnknownLinkType);
    }
    if kind != PACKET {
        return Err(Drop::LinkControl);
    }
    inner(context, link, after(data, len as usize)?)
}

/// Per-Packet Information: version, flags, its own length, a link type, fields.
pub(super) fn ppi<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, _) = header::<8>(data)?;
    let len = usize::from(u16::from_le_bytes([start[2], start[3]]));
    let link = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
    if start[0] != 0 || len < start.len() {
        return Err(Drop::NotIp);
    }
    inner(context, link, after(data, len)?)
}

/// A frame of another link type, which may be a wrapped one again.
fn inner<'a>(context: &Context, link: u32, data: &'a [u8]) -> Outcome<'a> {
    decode(&context.deeper()?, LinkType(link), data)
}

/// Three words in little-endian order.
fn words(bytes: &[u8; 12]) -> [u32; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes)
}

/// Endace ERF: time, type, flags, lengths in 16 bytes, then extensions.
pub(super) fn erf<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    const MORE: u8 = 0x80;
    let (start, mut rest) = header::<16>(data)?;
    let mut more = start[8] & MORE != 0;
    while more {
        let extension;
        (extension, rest) = header::<8>(rest)?;
        more = extension[0] & MORE != 0;
    }
    match start[8] & !MORE {
        // Ethernet, plain and with colours or hashes, after two bytes of padding.
        2 | 11 | 16 | 20 => ethernet(context, after(rest, 2)?),
        // Packet over SONET likewise: PPP or Cisco HDLC.
        1 | 10 | 15 | 19 => ppp::link(context, rest),
        22 => ip::v4(context, rest),
        23 => ip::v6(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// Juniper's header: a magic number, flags, perhaps extensions. `read` takes the rest,
/// unless the flags say that the link header was left out.
fn juniper<'a>(
    context: &Context,
    data: &'a [u8],
    read: fn(&Context, &'a [u8]) -> Outcome<'a>,
) -> Outcome<'a> {
    const MAGIC: [u8; 3] = *b"MGC";
    const EXTENSIONS: u8 = 0x80;
    const NO_LINK_HEADER: u8 = 0x02;
    let (start, mut rest) = header::<4>(data)?;
    let [magic @ .., flags] = *start;
    if magic != MAGIC {
        return Err(Drop::NotIp);
    }
    if flags & EXTENSIONS != 0 {
        let len;
        (len, rest) = header::<2>(rest)?;
        rest = after(rest, u16::from_be_bytes(*len).into())?;
    }
    match flags & NO_LINK_HEADER {
        0 => read(context, rest),
        // An address family stands there instead.
        _ => ip::by_version(context, after(rest, 4)?),
    }
}

/// Ethernet as Juniper captures it.
pub(super) fn juniper_ethernet<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    juniper(context, data, ethernet)
}

/// PPP as Juniper captures it.
pub(super) fn juniper_ppp<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    juniper(context, data, ppp::link)
}

/// Frame Relay as Juniper captures it.
pub(super) fn juniper_frame_relay<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    juniper(context, data, frame_relay::link)
}

/// Cisco HDLC as Juniper captures it.
pub(super) fn juniper_hdlc<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    juniper(context, data, hdlc::cisco)
}

/// Hilscher netANALYZER: four bytes, then Ethernet.
pub(super) fn netanalyzer<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    ethernet(context, after(data, 4)?)
}

/// The same with the preamble up to its end mark.
pub(super) fn netanalyzer_transparent<'a>(
    context: &Context,
    data: &'a [u8],
) -> Outcome<'a> {
    const PREAMBLE: u8 = 0x55;
    const START: u8 = 0xd5;
    let mut rest = after(data, 4)?;
    while let [PREAMBLE, more @ ..] = rest {
        rest = more;
    }
    match rest {
        [START, frame @ ..] => ethernet(context, frame),
        [] => Err(Drop::LinkHeaderShort),
        _ => Err(Drop::NotIp),
    }
}

/// EPON: a preamble of eight bytes, then Ethernet.
pub(super) fn epon<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    ethernet(context, after(data, 8)?)
}

/// Broadcom's switch tag of four bytes before the addresses.
pub(super) fn broadcom<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    ethernet(context, after(data, 4)?)
}
