//! Frame Relay with the encapsulations of RFC 2427 and of Cisco.

use super::super::encapsulation::{Wrapping, fold};
use super::super::{Context, Drop, Outcome};
use super::{Next, Step, after, follow, header, llc, tags};

/// From the address on.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let mut context = *context;
    let next = payload(&mut context, data)?;
    follow(context, next)
}

/// A byte for the direction before it.
pub(super) fn with_direction<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    link(context, after(data, 1)?)
}

/// Control byte of an unnumbered information frame.
const INFORMATION: u8 = 0x03;

/// Network layer protocol numbers of this layer.
mod number {
    pub(super) const PADDING: u8 = 0x00;
    pub(super) const SNAP: u8 = 0x80;
    pub(super) const COMPRESSED: u8 = 0xb0;
    pub(super) const FRAGMENT: u8 = 0xb1;
    pub(super) const PPP: u8 = 0xcf;
}

/// An address, and what it carries.
pub(super) fn payload<'a>(context: &mut Context, data: &'a [u8]) -> Step<'a> {
    let (circuit, rest) = address(data)?;
    context.encapsulation = fold(context.encapsulation, Wrapping::FrameRelay, circuit);
    match rest {
        [INFORMATION, number::PADDING, rest @ ..] | [INFORMATION, rest @ ..] => {
            let (number, rest) = rest.split_first().ok_or(Drop::LinkHeaderShort)?;
            numbered(context, *number, rest)
        }
        // Cisco's: an Ethernet type at once.
        [high, low, rest @ ..] => tags::by_type(u16::from_be_bytes([*high, *low]), rest),
        _ => Err(Drop::LinkHeaderShort),
    }
}

fn numbered<'a>(context: &Context, number: u8, rest: &'a [u8]) -> Step<'a> {
    match number {
        number::SNAP => {
            let (header, rest) = header::<5>(rest)?;
            let [a, b, c, high, low] = *header;
            llc::snap(context, [a, b, c], u16::from_be_bytes([high, low]), rest)
        }
        number::PPP => Ok(Next::Ppp(rest)),
        number::FRAGMENT => Err(Drop::LinkFragment),
        number::COMPRESSED => Err(Drop::LinkCompressed),
        number => llc::by_number(number, rest).ok_or(Drop::NotIp),
    }
}

/// The number of the virtual circuit in an address of two to four bytes (Q.922), and
/// the bytes after it.
fn address(data: &[u8]) -> Result<(u32, &[u8]), Drop> {
    let (start, mut rest) = header::<2>(data)?;
    // The lowest bit of a byte says that it is the last.
    if start[0] & 1 != 0 {
        return Err(Drop::NotIp);
    }
    let mut circuit = u32::from(start[0] >> 2) << 4 | u32::from(start[1] >> 4);
    let mut last = start[1];
    for _ in 0..2 {
        if last & 1 != 0 {
            return Ok((circuit, rest));
        }
        (last, rest) = match rest {
            [byte, rest @ ..] => (*byte, rest),
            [] => return Err(Drop::LinkHeaderShort),
        };
        circuit = circuit << 7 | u32::from(last >> 1);
    }
    if last & 1 == 0 { Err(Drop::NotIp) } else { Ok((circuit, rest)) }
}
