//! The data plane of LISP (RFC 9300).

use super::super::ip;
use super::{Context, Drop, Outcome, Wrapping, header, looks};

/// Eight bytes of flags, nonce and locators, then IP.
pub(super) fn lisp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (_, rest) = header::<8>(data)?;
    match looks::ip(context, rest) {
        true => ip::by_version(&context.inside(Wrapping::Lisp, 0)?, rest),
        false => Err(Drop::NotIp),
    }
}
