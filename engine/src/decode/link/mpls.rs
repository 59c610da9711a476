//! MPLS label stacks, as a tag and as a link type.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop, Outcome, ip};
use super::{Next, Step, ethernet, header};

/// Labels after an Ethernet type.
pub(super) fn tag<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    Ok(Next::Done(mpls(*context, data)?))
}

/// Frames that begin with labels.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    mpls(*context, data)
}

/// A stack of MPLS labels (RFC 3032) and what its bottom carries. The labels do
/// not say what that is; the first nibble does, as routers also guess it (RFC 4928).
fn mpls<'a>(mut context: Context, mut data: &'a [u8]) -> Outcome<'a> {
    loop {
        let (entry, rest) = header::<4>(data)?;
        let entry = u32::from_be_bytes(*entry);
        let label = entry >> 12;
        // Labels 0 to 15 say how to handle a packet, not which path it is on.
        if label > 15 {
            context.encapsulation = fold(context.encapsulation, Wrapping::Mpls, label);
        }
        data = rest;
        if entry & 0x100 != 0 {
            break;
        }
    }
    match data.first().map(|first| first >> 4) {
        Some(4) => ip::v4(&context, data),
        Some(6) => ip::v6(&context, data),
        // The control word of an Ethernet pseudowire (RFC 4448).
        Some(0) => {
            let (_, rest) = header::<4>(data)?;
            let mut inner = context.deeper()?;
            inner.encapsulation = fold(inner.encapsulation, Wrapping::Pseudowire, 0);
            ethernet(&inner, rest)
        }
        Some(_) => Err(Drop::NotIp),
        None => Err(Drop::LinkHeaderShort),
    }
}
