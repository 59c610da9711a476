//! PPP over Ethernet (RFC 2516).

use super::super::encapsulation::fold;
use super::{Context, Drop, Outcome, Wrapping, header, ppp};

/// A session, from its version on.
pub(in crate::decode) fn pppoe<'a>(
    mut context: Context<'_>,
    data: &'a [u8],
) -> Outcome<'a> {
    let (header, rest) = header::<6>(data)?;
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Drop::NotIp);
    }
    let session = u16::from_be_bytes([header[2], header[3]]);
    context.encapsulation = fold(context.encapsulation, Wrapping::Pppoe, session.into());
    ppp::protocol(&context, rest)
}
