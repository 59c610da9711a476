//! Teredo (RFC 4380): IPv6 over UDP through address translators.

use super::super::ip;
use super::{Context, Drop, Outcome, Wrapping, header, looks};

/// An authentication and an origin indication, both of which may be there, then IPv6.
pub(super) fn teredo<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let mut rest = data;
    if rest.starts_with(&[0, 1]) {
        let lens;
        (lens, rest) = header::<4>(rest)?;
        // Client and authentication value, a nonce of eight bytes, a confirmation.
        let len = usize::from(lens[2]) + usize::from(lens[3]) + 9;
        rest = rest.get(len..).ok_or(Drop::NotIp)?;
    }
    if rest.starts_with(&[0, 0]) {
        // Port and address, each bit of them turned over.
        rest = rest.get(8..).ok_or(Drop::NotIp)?;
    }
    match looks::v6(context, rest) {
        true => ip::v6(&context.inside(Wrapping::Teredo, 0)?, rest),
        false => Err(Drop::NotIp),
    }
}
