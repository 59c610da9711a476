//! The network service header (RFC 8300).

use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, carried_by_next_protocol, header};

/// From the version on. The path's number is another for each direction.
pub(in crate::decode) fn nsh<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, _) = header::<8>(data)?;
    let version = start[0] >> 6;
    let maintenance = start[0] & 0x20 != 0;
    let len = usize::from(start[1] & 0x3f) * 4;
    if version != 0 || len < 8 {
        return Err(Drop::NotIp);
    }
    let inner = context.inside(Wrapping::Nsh, 0)?;
    if maintenance {
        return Err(context.control());
    }
    let rest = data.get(len..).ok_or(Drop::LinkHeaderShort)?;
    carried_by_next_protocol(&inner, start[3], rest, Tunnel::Nsh)
}
