//! Linux's netfilter log (NFLOG): attributes, one of them the packet.

use super::super::{Context, Drop, Outcome, ip};
use super::{header, network};

/// Kinds of attributes.
mod attribute {
    pub(super) const PACKET_HEADER: u16 = 1;
    pub(super) const PAYLOAD: u16 = 9;
}

/// Linux's address families.
mod family {
    pub(super) const INET: u8 = 2;
    pub(super) const INET6: u8 = 10;
}

/// Family, version and resource, then attributes of length, kind and value, each padded
/// to four bytes. Lengths and kinds are in the byte order of the machine that wrote them.
pub(super) fn log<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, mut rest) = header::<4>(data)?;
    let [family, version, ..] = *start;
    if version != 0 {
        return Err(Drop::NotIp);
    }
    let mut protocol = None;
    let mut order = None;
    loop {
        let (head, values) = header::<4>(rest)?;
        // Kinds are small numbers, so the first one tells the order.
        let big_endian = *order.get_or_insert(head[3] != 0 && head[2] == 0);
        let number = |bytes: [u8; 2]| {
            if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
        };
        let (len, kind) = (number([head[0], head[1]]), number([head[2], head[3]]));
        let len = usize::from(len).checked_sub(4).ok_or(Drop::NotIp)?;
        if kind == attribute::PAYLOAD {
            // A packet that the capture cut is used as far as it goes.
            let packet = values.get(..len).unwrap_or(values);
            return match (family, protocol) {
                (family::INET, _) => ip::v4(context, packet),
                (family::INET6, _) => ip::v6(context, packet),
                // Bridges log by the Ethernet type of the frame.
                (_, Some(protocol)) => network(context, protocol, packet),
                _ => Err(Drop::NotIp),
            };
        }
        if kind == attribute::PACKET_HEADER {
            protocol = values.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        }
        rest = values.get(len.next_multiple_of(4)..).ok_or(Drop::LinkHeaderShort)?;
    }
}
