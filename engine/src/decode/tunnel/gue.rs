//! Generic UDP encapsulation (draft-ietf-intarea-gue).

use super::ip::{Number, PROTOCOLS};
use super::{Context, Drop, Outcome, Wrapping, header, looks};

/// Variant 0 has a header with an IP protocol number, variant 1 is IP at once.
pub(super) fn gue<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let inner = context.inside(Wrapping::Gue, 0)?;
    if data.first().is_some_and(|first| first >> 6 == 1) {
        return match looks::ip(context, data) {
            true => super::super::ip::by_version(&inner, data),
            false => Err(Drop::NotIp),
        };
    }
    let (start, rest) = header::<4>(data)?;
    let (variant, control) = (start[0] >> 6, start[0] & 0x20 != 0);
    let options = usize::from(start[0] & 0x1f) * 4;
    if variant != 0 {
        return Err(Drop::NotIp);
    }
    let rest = rest.get(options..).ok_or(Drop::NotIp)?;
    if control {
        return Err(context.control());
    }
    match start[1] {
        Number::IPV4 | Number::IPV6 if !looks::ip(context, rest) => Err(Drop::NotIp),
        number => match PROTOCOLS.iter().find(|row| row.number == number) {
            Some(row) => (row.decode)(&inner, rest),
            None => Err(Drop::NotIp),
        },
    }
}
