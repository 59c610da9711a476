//! MACsec (802.1AE), where it only protects integrity.

use super::super::{Context, Drop};
use super::{Next, Step, after, header};

/// Control, length, packet number, perhaps a channel number; then the Ethernet type.
pub(super) fn tag<'a>(_: &mut Context, data: &'a [u8]) -> Step<'a> {
    const VERSION: u8 = 0x80;
    const CHANNEL: u8 = 0x20;
    /// Encrypted, or changed though not encrypted.
    const ENCRYPTED: u8 = 0x0c;
    let (start, rest) = header::<6>(data)?;
    if start[0] & VERSION != 0 {
        return Err(Drop::NotIp);
    }
    if start[0] & ENCRYPTED != 0 {
        return Err(Drop::LinkEncrypted);
    }
    let channel_len = if start[0] & CHANNEL == 0 { 0 } else { 8 };
    let (ethertype, rest) = header::<2>(after(rest, channel_len)?)?;
    Ok(Next::Type(u16::from_be_bytes(*ethertype), rest))
}
