//! ERSPAN types I, II and III: a mirror port's frames in GRE (draft-foschiano-erspan).

use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, header, link, looks};

/// Types I and II share a protocol number of GRE; type I has neither a sequence number
/// nor a header. Some senders leave the sequence number of type II out, or send type III
/// under this number.
pub(super) fn by_version<'a>(
    context: &Context<'_>,
    sequence: bool,
    data: &'a [u8],
) -> Outcome<'a> {
    let inner = context.inside(Wrapping::Erspan, 0)?;
    let version = data.first().map(|first| first >> 4);
    let bare = |data: &'a [u8]| link::ethernet(&inner, data);
    match (version, sequence) {
        (Some(1), true) => bare(header::<8>(data)?.1),
        (Some(2), true) => type_3(context, data),
        (Some(1), false) if !looks::ethernet(&inner, data) => match data.get(8..) {
            Some(rest) if looks::ethernet(&inner, rest) => bare(rest),
            _ => bare(data),
        },
        (_, false) => bare(data),
        (_, true) => Err(inner.unread_inside(Tunnel::Erspan)),
    }
}

/// Type III: twelve bytes, and eight more of the platform where a flag says so.
pub(super) fn type_3<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const ETHERNET: u8 = 0;
    const IP: u8 = 2;

    let (start, mut rest) = header::<12>(data)?;
    if start[0] >> 4 != 2 {
        return Err(Drop::NotIp);
    }
    if start[11] & 1 != 0 {
        (_, rest) = header::<8>(rest)?;
    }
    let inner = context.inside(Wrapping::Erspan, 0)?;
    match start[10] >> 2 & 0x1f {
        ETHERNET => link::ethernet(&inner, rest),
        IP => super::super::ip::by_version(&inner, rest),
        _ => Err(inner.unread_inside(Tunnel::Erspan)),
    }
}
