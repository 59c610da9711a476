//! What is encrypted, known by its port and first bytes.
//!
//! Nothing is opened: the datagram is the packet, and its kind is noted.

use super::super::names::Seal;
use super::{Context, Drop, Outcome};

/// ESP behind an address translator (RFC 3948); four zero bytes stand before the key
/// exchange, one byte alone keeps the translation.
pub(super) fn esp_in_udp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    match data {
        [0, 0, 0, 0, ..] => Err(Drop::NotIp),
        // A number of the association, a sequence number, and a block at least.
        _ if data.len() >= 16 => Err(context.sealed(Seal::EspInUdp)),
        _ => Err(Drop::NotIp),
    }
}

/// WireGuard's four messages by type, reserved bytes and length.
pub(super) fn wireguard<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    match (data, data.len()) {
        ([1, 0, 0, 0, ..], 148)
        | ([2, 0, 0, 0, ..], 92)
        | ([3, 0, 0, 0, ..], 64)
        | ([4, 0, 0, 0, ..], 32..) => Err(context.sealed(Seal::WireGuard)),
        _ => Err(Drop::NotIp),
    }
}

/// OpenVPN by the operation in its first five bits.
pub(super) fn openvpn<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    match data.first().map(|first| first >> 3) {
        Some(1..=11) if data.len() >= 14 => Err(context.sealed(Seal::OpenVpn)),
        _ => Err(Drop::NotIp),
    }
}

/// QUIC of a known version or in its short form, or DTLS, at the port of both.
pub(super) fn port_443<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    match data {
        // Record type and version of DTLS.
        [20..=25, 0xfe, 0xfd | 0xff, ..] => Err(context.sealed(Seal::Dtls)),
        // Long form: versions 1 and 2, drafts, and the ones that Google numbered.
        [0xc0..=0xff, 0, 0, 0, 0 | 1, ..]
        | [0xc0..=0xff, 0x6b, 0x33, 0x43, 0xcf, ..]
        | [0xc0..=0xff, 0xff, 0x00, 0x00, ..]
        | [0xc0..=0xff, b'Q' | b'T', b'0', ..] => Err(context.sealed(Seal::Quic)),
        // Short form: no number of a version, at least a sealed byte with its tag.
        [0x40..=0x7f, ..] if data.len() >= 21 => Err(context.sealed(Seal::Quic)),
        _ => Err(Drop::NotIp),
    }
}
