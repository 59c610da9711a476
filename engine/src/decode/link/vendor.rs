//! Tags of switch makers: metadata, time stamps, ports of a switch.

use super::super::{Context, Drop, Outcome};
use super::{Next, Step, after, follow, header, tags};

/// Cisco metadata: version, number of words, security group; then the Ethernet type.
pub(super) fn cisco_metadata<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (start, rest) = header::<2>(data)?;
    typed(after(rest, usize::from(start[1]).max(1) * 4)?)
}

/// Arista's time stamp: subtype, version, and seconds with nanoseconds in 64 or 48 bits.
pub(super) fn arista<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    const TIME_STAMP: u16 = 1;
    let (start, rest) = header::<4>(data)?;
    if u16::from_be_bytes([start[0], start[1]]) != TIME_STAMP {
        return Err(Drop::NotIp);
    }
    // The upper byte says TAI or UTC, the lower digit the hardware.
    let len = match start[3] >> 4 {
        1 => 8,
        2 => 6,
        _ => return Err(Drop::NotIp),
    };
    typed(after(rest, len)?)
}

/// Marvell's tag behind an Ethernet type of its own: two reserved bytes, then as
/// [`dsa`].
pub(super) fn marvell<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    dsa(context, after(data, 2)?)
}

/// Marvell's tag: ports, and a VLAN if the frame had a tag, whose place this one takes.
fn dsa<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    const TAGGED: u8 = 0x20;
    let (tag, rest) = header::<4>(data)?;
    if tag[0] & TAGGED != 0 {
        tags::enter_vlan(context, u16::from_be_bytes([tag[2], tag[3]]));
    }
    typed(rest)
}

/// Ethernet with Marvell's tag after the addresses.
pub(super) fn dsa_link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (_, rest) = header::<12>(data)?;
    let mut context = *context;
    let next = dsa(&mut context, rest)?;
    follow(context, next)
}

/// Ethernet with Broadcom's tag of four bytes after the addresses.
pub(super) fn broadcom<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (_, rest) = header::<16>(data)?;
    follow(*context, typed(rest)?)
}

/// Realtek's tags: the older of two bytes, the newer of six, by what they begin with.
/// Other protocols under this Ethernet type carry no packets.
pub(super) fn realtek<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    match header::<2>(data)?.0 {
        [4, _] => typed(after(data, 6)?),
        [0x90..=0xaf, _] => typed(after(data, 2)?),
        _ => Err(Drop::NotIp),
    }
}

/// From an Ethernet type on.
fn typed(data: &[u8]) -> Step<'_> {
    let (ethertype, rest) = header::<2>(data)?;
    Ok(Next::Type(u16::from_be_bytes(*ethertype), rest))
}
