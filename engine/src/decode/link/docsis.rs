//! DOCSIS: the MAC header of cable modems, then Ethernet.

use super::super::{Context, Drop, Outcome};
use super::{after, ethernet, header};

/// Types of frames, in the two upper bits.
const PACKET: u8 = 0;
const MAC_SPECIFIC: u8 = 3;
/// Of those with MAC-specific headers: the parameters of pieces and of concatenations.
const FRAGMENT: u8 = 3;
const CONCATENATION: u8 = 0x1c;

/// From the frame control on.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    // Control, parameter, length.
    let (header, rest) = header::<4>(data)?;
    let extended_len = if header[0] & 1 == 0 { 0 } else { usize::from(header[1]) };
    match (header[0] >> 6, header[0] >> 1 & 0x1f) {
        (PACKET, _) => {}
        (MAC_SPECIFIC, FRAGMENT | CONCATENATION) => return Err(Drop::LinkFragment),
        _ => return Err(Drop::LinkControl),
    }
    let extended = rest.get(..extended_len).ok_or(Drop::LinkHeaderShort)?;
    if is_encrypted(extended) {
        return Err(Drop::LinkEncrypted);
    }
    // Two bytes of checksum end the header.
    ethernet(context, after(rest, extended_len + 2)?)
}

/// Whether an element of baseline privacy says that the frame is encrypted.
fn is_encrypted(mut elements: &[u8]) -> bool {
    const PRIVACY_UP: u8 = 3;
    const PRIVACY_DOWN: u8 = 4;
    const ENABLED: u8 = 0x80;
    while let [start, rest @ ..] = elements {
        let (kind, len) = (start >> 4, usize::from(start & 0x0f));
        let value = rest.get(..len).unwrap_or(rest);
        if matches!(kind, PRIVACY_UP | PRIVACY_DOWN)
            && value.get(1).is_some_and(|byte| byte & ENABLED != 0)
        {
            return true;
        }
        elements = rest.get(len..).unwrap_or_default();
    }
    false
}
