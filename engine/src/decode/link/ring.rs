//! Token Ring, FDDI, Fibre Channel, IEEE 1394: addresses, then LLC or a type.

use super::super::{Context, Drop, Outcome};
use super::{after, follow, header, llc, tags};

/// Token Ring (802.5): access and frame control, addresses, perhaps a source route, LLC.
pub(super) fn token_ring<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    const ROUTED: u8 = 0x80;
    let (header, rest) = header::<14>(data)?;
    // Frames of the ring itself carry no data.
    if header[1] & 0xc0 != 0x40 {
        return Err(Drop::LinkControl);
    }
    let rest = if header[8] & ROUTED == 0 {
        rest
    } else {
        let control = rest.first().ok_or(Drop::LinkHeaderShort)?;
        after(rest, usize::from(control & 0x1f).max(2))?
    };
    follow(*context, llc::decode(context, rest)?)
}

/// FDDI: frame control, addresses, LLC.
pub(super) fn fddi<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<13>(data)?;
    // Class and length of address aside, the format bits of LLC frames.
    if header[0] & 0x70 != 0x50 {
        return Err(Drop::LinkControl);
    }
    follow(*context, llc::decode(context, rest)?)
}

/// IP over Fibre Channel (RFC 2625): two addresses of eight bytes, LLC.
pub(super) fn fibre_channel<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (_, rest) = header::<16>(data)?;
    follow(*context, llc::decode(context, rest)?)
}

/// Apple's IP over IEEE 1394: two addresses of eight bytes, an Ethernet type.
pub(super) fn firewire<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<18>(data)?;
    let ethertype = u16::from_be_bytes([header[16], header[17]]);
    follow(*context, tags::by_type(ethertype, rest)?)
}
