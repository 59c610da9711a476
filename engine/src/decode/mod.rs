//! Who sent what to whom?
//!
//! A stateless front end from frames to packets. What it cannot decode is data,
//! not an error: it has a named reason ([`Drop`]). Addresses and ports are those of
//! the innermost IP header, tunnels included; the payload ends where IP says, not
//! where the frame does; frames cut by the capture are used as far as they go.
#![forbid(unsafe_code)]

mod checksum;
mod defrag;
mod drops;
mod ip;
mod link;
mod transport;

pub use defrag::{Datagram, DefragCounters, Defragmenter, Fragment};
pub use drops::{Drop, DropCounters};

use crate::packet::{Frame, Packet, Timestamp};

/// What became of a frame.
#[derive(Clone, Debug)]
pub enum Decoded<'a> {
    /// Headers and payload.
    Packet(Packet<'a>),
    /// A part of a datagram: for the [`Defragmenter`].
    Fragment(Fragment<'a>),
    /// Nothing to be used, and why.
    Drop(Drop),
}

/// Decodes frames; holds nothing but its options.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    tunnels: bool,
    checksums: bool,
}

/// Headers of encapsulation that are looked through: deeper is not met outside of
/// attacks on decoders.
pub(crate) const DEEPEST: u8 = 8;

/// What all layers of one frame share.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) options: Decoder,
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    /// VLAN and tunnel identifiers so far, folded.
    pub(crate) encapsulation: u64,
    /// Headers of encapsulation so far.
    pub(crate) depth: u8,
}

impl Context {
    /// Inside another header of encapsulation: its kind and identifier.
    pub(crate) fn wrapped(self, kind: u8, identifier: u64) -> Result<Self, Drop> {
        if self.depth >= DEEPEST {
            return Err(Drop::TooDeep);
        }
        let mixed = (self.encapsulation ^ u64::from(kind) << 56 ^ identifier)
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Ok(Self {
            encapsulation: (mixed ^ mixed >> 29).max(1),
            depth: self.depth + 1,
            ..self
        })
    }
}

impl Decoder {
    /// A decoder that looks through tunnels or not, and drops wrong checksums or not.
    pub const fn new(tunnels: bool, checksums: bool) -> Self {
        Self { tunnels, checksums }
    }

    /// Decodes a frame.
    pub fn frame<'a>(&self, frame: &Frame<'a>) -> Decoded<'a> {
        let context = Context {
            options: *self,
            number: frame.number,
            time: frame.time,
            encapsulation: 0,
            depth: 0,
        };
        link::frame(context, frame.link, frame.data).unwrap_or_else(Decoded::Drop)
    }

    /// Decodes a datagram that was put together again. It may hold a tunnel, and
    /// that another fragment.
    pub fn datagram<'a>(&self, datagram: &'a Datagram) -> Decoded<'a> {
        let context = Context {
            options: *self,
            number: datagram.number,
            time: datagram.time,
            encapsulation: datagram.encapsulation,
            depth: datagram.depth,
        };
        let ends = transport::Ends {
            source: datagram.source,
            destination: datagram.destination,
            whole: true,
        };
        ip::upper(context, ends, datagram.protocol, &datagram.payload)
            .unwrap_or_else(Decoded::Drop)
    }
}

/// The first `N` bytes and the rest.
pub(crate) fn take<const N: usize>(
    bytes: &[u8],
    short: Drop,
) -> Result<(&[u8; N], &[u8]), Drop> {
    bytes.split_first_chunk().ok_or(short)
}

pub(crate) fn be16(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
