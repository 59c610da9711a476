//! Geneve (RFC 8926).

use super::super::link::ethertype;
use super::{Context, Drop, Outcome, Wrapping, carried, header};

/// Geneve, from the version on.
pub(super) fn geneve<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<8>(data)?;
    let (version, options_len) = (start[0] >> 6, usize::from(start[0] & 0x3f) * 4);
    let control = start[1] & 0x80 != 0;
    let protocol = u16::from_be_bytes([start[2], start[3]]);
    // The length of a frame is no type.
    if version != 0 || control || protocol <= ethertype::LENGTH_MAX {
        return Err(Drop::NotIp);
    }
    let network = u32::from_be_bytes([0, start[4], start[5], start[6]]);
    let inner = context.inside(Wrapping::Geneve, network)?;
    let rest = rest.get(options_len..).ok_or(Drop::LinkHeaderShort)?;
    let outcome = carried(&inner, protocol, rest);
    let in_order = start[1] & 0x3f == 0 && start[7] == 0;
    if outcome.is_err() && !in_order {
        context.forget();
    }
    outcome
}
