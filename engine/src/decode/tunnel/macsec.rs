//! MACsec (IEEE 802.1AE): read where it only protects integrity.

use super::super::names::Seal;
use super::{Context, Drop, Outcome, header, link};

/// From the tag's first byte after the Ethernet type on.
pub(in crate::decode) fn macsec<'a>(
    context: &Context<'_>,
    data: &'a [u8],
) -> Outcome<'a> {
    const VERSION: u8 = 0x80;
    const CHANNEL: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    /// The integrity check value of every suite that is in use.
    const CHECK_VALUE: usize = 16;

    let (tag, mut rest) = header::<6>(data)?;
    if tag[0] & VERSION != 0 {
        return Err(Drop::NotIp);
    }
    if tag[0] & CHANNEL != 0 {
        (_, rest) = header::<8>(rest)?;
    }
    if tag[0] & (ENCRYPTED | CHANGED) != 0 {
        return Err(context.sealed(Seal::MacSec));
    }
    let user = match context.cut {
        true => rest,
        false => &rest[..rest.len().saturating_sub(CHECK_VALUE)],
    };
    let (ethertype, user) = header::<2>(user)?;
    link::network(context, u16::from_be_bytes(*ethertype), user)
}
