//! Frames to packets.
//!
//! A [`Frame`] goes in; out comes a [`Packet`] (addresses, ports and payload of
//! the innermost headers), a [`Fragment`] to be put together with its siblings,
//! or the named reason ([`Drop`]) why there is neither. The way down is
//! `link` -> `ip` -> `transport`, and from `transport` through `tunnel` back to
//! one of the two above. No step allocates, copies or keeps state; only the
//! [`Defragmenter`] does, which is a pool of its own.
//!
//! Four rules hold at every layer:
//!
//! - The payload ends where IP says, not where the frame does: what follows is
//!   Ethernet padding or a trailer. Where IP says nothing (an IPv4 total length
//!   or an IPv6 payload length of 0, as segmentation offload and jumbograms
//!   leave it) it ends with the frame.
//! - A frame that the capture cut short is used as far as it goes.
//! - Innermost addresses count. Every VLAN tag, label and tunnel on the way is
//!   folded into [`Packet::encapsulation`].
//! - What looks like a tunnel but holds no packet is no tunnel: the outer packet
//!   counts, whole.
//!
//! VLAN tags, MPLS labels and IPv6 extension headers may be many: each takes
//! bytes of the frame, so their number is bounded by its length. Tunnels and
//! reassemblies are bounded by [`MAX_DEPTH`].
#![forbid(unsafe_code)]

mod checksum;
mod defrag;
mod drops;
mod encapsulation;
mod fragments;
mod ip;
mod link;
mod list;
mod names;
mod stop;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

pub(crate) use defrag::Leftover;
pub use defrag::{Carried, Datagram, Defragmenter, FragmentCounters, REASSEMBLY_NANOS};
pub use drops::{Drop, DropCounters};
pub use fragments::Fragments;
#[doc(hidden)]
pub use list::list;
pub use names::Unread;
pub use stop::{Layer, Reach, Stop};

use crate::packet::{self, Frame, Packet, Timestamp};
use encapsulation::{Wrapping, fold};
use tunnel::ports::VxlanPorts;
pub use tunnel::ports::{DEFAULT_VXLAN_PORTS, MOST_VXLAN_PORTS};

/// The most tunnels and reassemblies that one packet is followed through;
/// what lies deeper is [`Drop::TunnelTooDeep`].
pub const MAX_DEPTH: u8 = 8;

/// Reads frames; holds options and no state.
#[derive(Clone, Debug)]
pub struct Decoder {
    tunnels: bool,
    checksums: bool,
    vxlan: VxlanPorts,
    trusted: Option<Arc<[packet::Network]>>,
}

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole packet, or as much of it as was captured.
    Packet(Packet<'a>),
    /// A piece of a datagram, for the [`Defragmenter`].
    Fragment(Fragment<'a>),
    /// Neither, and why.
    Drop(Drop),
}

/// One piece of an IP datagram, never the whole of it: a fragment at offset 0
/// with none to follow is decoded at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Place in the input of the frame that carried it.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Who sent it; with the destination it also tells IPv4 from IPv6.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// The number that all fragments of a datagram share (16 bits in IPv4).
    pub identification: u32,
    /// IP protocol number of the datagram; for IPv6 the header that follows the
    /// fragment header, of which only the first fragment's counts (RFC 8200, 4.5).
    pub protocol: u8,
    /// See [`Packet::encapsulation`].
    pub encapsulation: u64,
    /// See [`Packet::untrusted_tunnel`].
    pub untrusted_tunnel: bool,
    /// See [`Frame::tap`].
    pub tap: u16,
    /// Where `bytes` begin in the datagram, in bytes; a multiple of 8.
    pub offset: u16,
    /// Whether bytes of the datagram follow this fragment's.
    pub more: bool,
    /// Tunnels and reassemblies passed so far, at most [`MAX_DEPTH`].
    pub depth: u8,
    /// Whether an IPv6 routing header still had addresses to visit, so that
    /// the transport checksum covers a destination not known here.
    pub routed: bool,
    /// The piece, always as long as its IP header says.
    pub bytes: &'a [u8],
}

impl Decoder {
    /// A decoder.
    ///
    /// - `tunnels`: look into tunnels, see `docs/decoders.md`. Tags and labels of the link
    ///   layer, PPPoE and the authentication header are always passed.
    /// - `checksums`: drop packets whose IPv4, TCP, UDP or ICMP checksum is
    ///   wrong. One that cannot be computed, because bytes are missing, passes.
    pub const fn new(tunnels: bool, checksums: bool) -> Self {
        Self { tunnels, checksums, vxlan: VxlanPorts::DEFAULT, trusted: None }
    }

    /// The same with other UDP ports of VXLAN, of which the first [`MOST_VXLAN_PORTS`]
    /// count.
    pub fn with_vxlan_ports(self, ports: &[u16]) -> Self {
        Self { vxlan: VxlanPorts::new(ports), ..self }
    }

    /// The same with networks whose hosts are trusted as ends of tunnels, see
    /// [`Packet::untrusted_tunnel`]. Without this, none are.
    pub fn with_trusted_tunnels(self, networks: &[packet::Network]) -> Self {
        let trusted = (!networks.is_empty()).then(|| networks.into());
        Self { trusted, ..self }
    }

    /// Whether both ends of a tunnel are trusted.
    fn trusts(&self, tunnel: &Network) -> bool {
        let trusted = self.trusted.as_deref().unwrap_or_default();
        let is_trusted = |end| trusted.iter().any(|network| network.contains(end));
        let (source, destination) = tunnel.addresses();
        is_trusted(source) && is_trusted(destination)
    }

    /// Decodes one frame.
    #[inline]
    pub fn frame<'a>(&self, frame: &Frame<'a>) -> Decoded<'a> {
        self.decode(frame, &Cell::default()).unwrap_or_else(Decoded::Drop)
    }

    /// Decodes one frame, and tells what of it was not read: nothing
    /// ([`Stop::is_none`]) of a packet whose payload was reached.
    pub fn frame_and_stop<'a>(&self, frame: &Frame<'a>) -> (Decoded<'a>, Stop) {
        let noted = Cell::default();
        let outcome = self.decode(frame, &noted);
        let stop = stop_of(&outcome, frame, noted.get());
        (outcome.unwrap_or_else(Decoded::Drop), stop)
    }

    /// The same, as it comes from below: who only looks at it need not copy a packet of
    /// a hundred bytes, and wait for its fields to be written before. What was noted on
    /// the way is for [`stop_of`].
    #[inline]
    pub(crate) fn decode<'a>(
        &self,
        frame: &Frame<'a>,
        noted: &Cell<Stop>,
    ) -> Outcome<'a> {
        let context = Context {
            cut: frame.original_len as usize > frame.data.len(),
            tap: frame.tap,
            ..self.context(frame.number, frame.time, noted)
        };
        link::decode(&context, frame.link, frame.data)
    }

    /// Decodes a datagram that was put together again, on from its protocol. It
    /// may hold a tunnel, and in it another fragment.
    pub fn datagram<'a>(&self, datagram: &'a Datagram) -> Decoded<'a> {
        self.datagram_and_stop(datagram).0
    }

    /// The same, and what of it was not read.
    pub(crate) fn datagram_and_stop<'a>(
        &self,
        datagram: &'a Datagram,
    ) -> (Decoded<'a>, Stop) {
        let noted = Cell::default();
        let context = Context {
            encapsulation: datagram.encapsulation,
            untrusted_tunnel: datagram.untrusted_tunnel,
            tap: datagram.tap,
            depth: datagram.depth,
            ..self.context(datagram.number, datagram.time, &noted)
        };
        let ends = Ends::of(datagram.source, datagram.destination);
        let network = Network {
            ends,
            whole: true,
            routed: datagram.routed,
            identification: datagram.identification,
        };
        let outcome = context.deeper().and_then(|context| {
            ip::headers(&context, network, datagram.protocol, &datagram.bytes)
        });
        let stop = match &outcome {
            Ok(Decoded::Fragment(_)) => Stop::new(Layer::Fragment, 0),
            Err(reason) if noted.get().is_none() => Stop::of_drop(*reason, 0, false),
            _ => noted.get(),
        };
        (outcome.unwrap_or_else(Decoded::Drop), stop)
    }

    /// Decodes the beginning of a datagram of which no more is there, as far as it goes.
    /// What its checksums say is not known.
    pub(crate) fn beginning<'a>(
        &self,
        of: &Leftover,
        bytes: &'a [u8],
        time: Timestamp,
    ) -> Option<Packet<'a>> {
        let noted = Cell::default();
        let context = Context {
            encapsulation: of.encapsulation,
            untrusted_tunnel: of.untrusted_tunnel,
            tap: of.tap,
            depth: of.depth,
            cut: true,
            ..self.context(of.number, time, &noted)
        };
        let ends = Ends::of(of.source, of.destination);
        let network =
            Network { ends, whole: false, routed: of.routed, identification: None };
        let outcome = context
            .deeper()
            .and_then(|context| ip::headers(&context, network, of.protocol, bytes));
        match outcome {
            Ok(Decoded::Packet(packet)) => Some(packet),
            _ => None,
        }
    }

    #[inline]
    fn context<'c>(
        &'c self,
        number: u64,
        time: Timestamp,
        noted: &'c Cell<Stop>,
    ) -> Context<'c> {
        Context {
            number,
            time,
            encapsulation: 0,
            untrusted_tunnel: false,
            to_group: false,
            tap: 0,
            depth: 0,
            cut: false,
            decoder: self,
            noted,
        }
    }
}

/// Where the decode of a frame ended, from its outcome and what was noted on the way.
pub(crate) fn stop_of(outcome: &Outcome<'_>, frame: &Frame<'_>, noted: Stop) -> Stop {
    let cut = frame.original_len as usize > frame.data.len();
    match outcome {
        Ok(Decoded::Fragment(_)) => Stop::new(Layer::Fragment, 0),
        Ok(Decoded::Packet(packet)) if packet.payload.is_empty() && cut => {
            Stop::new(Layer::Truncated, 0)
        }
        Ok(Decoded::Drop(reason)) | Err(reason) if noted.is_none() => {
            Stop::of_drop(*reason, frame.link.0, cut)
        }
        _ => noted,
    }
}

fn v6_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The link types that are read: their `LINKTYPE_` numbers, the registered one first, and
/// what they are.
pub fn link_types() -> impl Iterator<Item = (&'static [u32], &'static str)> {
    link::types::KINDS.iter().map(|kind| (kind.numbers, kind.what))
}

/// What is read between a link header and IP: Ethernet types with what they are.
pub fn layer_2_tags() -> impl Iterator<Item = (u16, &'static str)> {
    link::tags::TAGS.iter().map(|tag| (tag.ethertype, tag.what))
}

/// What a step of the way down hands back.
pub(crate) type Outcome<'a> = Result<Decoded<'a>, Drop>;

/// What is known above the header that is being read, but for the nearest IP header.
#[derive(Clone, Copy)]
struct Context<'c> {
    number: u64,
    time: Timestamp,
    encapsulation: u64,
    /// Whether a datagram that was put together came through such a tunnel.
    untrusted_tunnel: bool,
    /// Whether the nearest Ethernet header names a group.
    to_group: bool,
    tap: u16,
    depth: u8,
    /// Whether the capture kept less of the frame than there was.
    cut: bool,
    decoder: &'c Decoder,
    noted: &'c Cell<Stop>,
}

impl Context<'_> {
    /// One tunnel or reassembly further down.
    fn deeper(&self) -> Result<Self, Drop> {
        if self.depth >= MAX_DEPTH {
            return Err(Drop::TunnelTooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..*self })
    }

    /// Inside a tunnel, whose `id` is one that both directions share, or 0.
    fn inside(&self, wrapping: Wrapping, id: u32) -> Result<Self, Drop> {
        let mut inner = self.deeper()?;
        inner.encapsulation = fold(inner.encapsulation, wrapping, id);
        Ok(inner)
    }

    /// Notes what cannot be passed here. The reason is that of a frame that is dropped
    /// for it; in a tunnel the outer packet is used instead.
    #[cold]
    fn unread(&self, layer: Layer, code: u32) -> Drop {
        self.noted.set(Stop::new(layer, code));
        Drop::NotIp
    }

    fn control(&self) -> Drop {
        self.unread(Layer::Control, 0)
    }

    fn sealed(&self, seal: names::Seal) -> Drop {
        self.unread(Layer::Sealed, seal as u32);
        Drop::LinkEncrypted
    }

    fn unread_inside(&self, tunnel: names::Tunnel) -> Drop {
        self.unread(Layer::Tunnel, tunnel as u32)
    }

    /// Takes back what was noted: it was no such header after all.
    fn forget(&self) {
        self.noted.set(Stop::NONE);
    }
}

/// What the nearest IP header says.
#[derive(Clone, Copy)]
struct Network {
    ends: Ends,
    /// Whether it gave a length, and all of it is there.
    whole: bool,
    routed: bool,
    /// Of an IPv4 header.
    identification: Option<u16>,
}

/// Source and destination as plain numbers. An [`IpAddr`] is written in parts
/// and read as a whole, which stalls the processor each time one is passed on;
/// so it is made once, at the end.
#[derive(Clone, Copy)]
enum Ends {
    V4(u32, u32),
    V6(u128, u128),
}

impl Ends {
    fn of(source: IpAddr, destination: IpAddr) -> Self {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Self::V4(source.to_bits(), destination.to_bits())
            }
            // Both are IPv6, unless somebody made up the datagram.
            (source, destination) => Self::V6(v6_bits(source), v6_bits(destination)),
        }
    }
}

impl Network {
    fn is_ipv4(&self) -> bool {
        matches!(self.ends, Ends::V4(..))
    }

    #[inline]
    fn addresses(&self) -> (IpAddr, IpAddr) {
        match self.ends {
            Ends::V4(source, destination) => (
                IpAddr::V4(Ipv4Addr::from_bits(source)),
                IpAddr::V4(Ipv4Addr::from_bits(destination)),
            ),
            Ends::V6(source, destination) => (
                IpAddr::V6(Ipv6Addr::from_bits(source)),
                IpAddr::V6(Ipv6Addr::from_bits(destination)),
            ),
        }
    }
}
