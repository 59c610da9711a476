//! AYIYA (draft-massar-v6ops-ayiya): IPv6 of tunnel brokers.

use super::super::ip;
use super::{Context, Drop, Outcome, Wrapping, header, looks};

/// A header with the sender's name and a signature, of lengths that it gives.
pub(super) fn ayiya<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    const FORWARD: u8 = 1;
    const MOST_OPCODE: u8 = 6;

    let (start, rest) = header::<8>(data)?;
    let (identity, signature) = (1 << (start[0] >> 4), usize::from(start[1] >> 4) * 4);
    let opcode = start[2] & 0x0f;
    if opcode > MOST_OPCODE || identity > 32 {
        return Err(Drop::NotIp);
    }
    let rest = rest.get(identity + signature..).ok_or(Drop::NotIp)?;
    match opcode {
        FORWARD if looks::ip(context, rest) => {
            ip::by_version(&context.inside(Wrapping::Ayiya, 0)?, rest)
        }
        FORWARD => Err(Drop::NotIp),
        _ if rest.is_empty() => Err(context.control()),
        _ => Err(Drop::NotIp),
    }
}
