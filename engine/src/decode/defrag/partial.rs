//! One datagram under way, and what is sifted of it if it is given up.

use std::net::IpAddr;

use super::assembly::{Added, Assembly, Placed};
use super::{Carried, Datagram, REASSEMBLY_NANOS};
use crate::decode::Fragment;
use crate::packet::Timestamp;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a datagram's beginning that are looked at for its headers.
const HEADERS: usize = 256;

/// What tells one datagram from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// 0 for IPv6, where fragments need not agree on it.
    protocol: u8,
    encapsulation: u64,
    /// The address space.
    space: u16,
}

impl Key {
    pub(super) fn of(fragment: &Fragment<'_>, space: u16) -> Self {
        Self {
            source: fragment.source,
            destination: fragment.destination,
            identification: fragment.identification,
            protocol: if fragment.source.is_ipv4() { fragment.protocol } else { 0 },
            encapsulation: fragment.encapsulation,
            space,
        }
    }

    /// That of the datagram's own header, of IPv4.
    fn identification_of_v4(&self) -> Option<u16> {
        self.source.is_ipv4().then_some(self.identification as u16)
    }

    /// Eight bytes of the key. Tags that collide cost a comparison, no more, so
    /// nobody gains by making them collide.
    pub(super) fn tag(&self) -> u64 {
        let low = |address| match address {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6) as u64,
        };
        (low(self.source) ^ low(self.destination).rotate_left(32) ^ self.encapsulation)
            .wrapping_add(u64::from(self.identification) << 16 | u64::from(self.protocol))
            .wrapping_add(u64::from(self.space) << 48)
    }
}

/// A keyed hash of who sent a fragment: of an IPv6 address its /64, which one host may
/// have all of.
pub(super) fn source_hash(source: IpAddr, seed: u64) -> u64 {
    match source {
        IpAddr::V4(v4) => xxh3_64_with_seed(&v4.octets(), seed),
        IpAddr::V6(v6) => xxh3_64_with_seed(&v6.octets()[..8], seed),
    }
}

/// A datagram that still lacks bytes.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) key: Key,
    /// See [`source_hash`].
    pub(super) source: u64,
    /// Its place among all that began to wait.
    pub(super) arrival: u64,
    started: Timestamp,
    /// The latest fragment with something new in it.
    latest: u64,
    /// The tap that saw it.
    tap: u16,
    protocol: u8,
    depth: u8,
    routed: bool,
    untrusted_tunnel: bool,
    /// Fragments with something new in them.
    pub(super) fragments: u64,
    pub(super) carried: Carried,
    pub(super) assembly: Assembly,
}

impl Partial {
    pub(super) fn new(
        key: &Key,
        source: u64,
        arrival: u64,
        fragment: &Fragment<'_>,
    ) -> Self {
        Self {
            key: *key,
            source,
            arrival,
            started: fragment.time,
            latest: fragment.number,
            tap: fragment.tap,
            protocol: fragment.protocol,
            depth: fragment.depth,
            routed: false,
            untrusted_tunnel: false,
            fragments: 0,
            carried: Carried::default(),
            assembly: Assembly::default(),
        }
    }

    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        now.as_nanos().saturating_sub(self.started.as_nanos()) > REASSEMBLY_NANOS
    }

    /// Adds what is new of a fragment for which there is memory.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, context: usize) -> Added {
        let start = usize::from(fragment.offset);
        let added = self.assembly.add(start, fragment.bytes, !fragment.more, context);
        if added.is_news() {
            if start == 0 {
                // RFC 8200, 4.5: the first fragment's headers count.
                self.protocol = fragment.protocol;
            }
            self.fragments += 1;
            (self.latest, self.tap) = (fragment.number, fragment.tap);
            self.depth = self.depth.max(fragment.depth);
            self.routed |= fragment.routed;
            self.untrusted_tunnel |= fragment.untrusted_tunnel;
        }
        added
    }

    /// The whole datagram, and what is not in it.
    pub(super) fn into_datagram(
        mut self,
        last: &Fragment<'_>,
        context: usize,
    ) -> (Datagram, Option<Leftover>) {
        let others = self.assembly.not_in_whole(context);
        let leftover = (!others.is_empty()).then(|| self.leftover(others));
        let datagram = Datagram {
            number: last.number,
            time: last.time,
            source: self.key.source,
            destination: self.key.destination,
            protocol: self.protocol,
            encapsulation: self.key.encapsulation,
            tap: last.tap,
            identification: self.key.identification_of_v4(),
            untrusted_tunnel: self.untrusted_tunnel,
            depth: self.depth,
            routed: self.routed,
            bytes: self.assembly.take_whole(),
            carried: self.carried,
        };
        (datagram, leftover)
    }

    /// All that is there of a datagram that will not be whole.
    pub(super) fn into_leftover(self, context: usize) -> Leftover {
        let mut pieces: Vec<Placed> = self.assembly.runs().collect();
        pieces.extend(self.assembly.other_pieces(context));
        self.leftover(pieces)
    }

    /// Pieces of it.
    pub(super) fn leftover(&self, pieces: Vec<Placed>) -> Leftover {
        let Key { source, destination, encapsulation, .. } = self.key;
        Leftover {
            number: self.latest,
            source,
            destination,
            protocol: self.protocol,
            encapsulation,
            tap: self.tap,
            depth: self.depth,
            routed: self.routed,
            untrusted_tunnel: self.untrusted_tunnel,
            beginning: self.assembly.beginning(HEADERS).to_vec(),
            pieces,
        }
    }
}

impl Added {
    pub(super) fn is_news(&self) -> bool {
        self.new_bytes > 0 || self.new_end || self.differs
    }
}

/// Bytes of a datagram that are no part of a whole one: of one that was given up, or
/// copies that differ from those in the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Place in the input of the fragment that brought the latest of them.
    pub(crate) number: u64,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) encapsulation: u64,
    pub(crate) tap: u16,
    pub(crate) depth: u8,
    pub(crate) routed: bool,
    pub(crate) untrusted_tunnel: bool,
    /// What is known of the datagram's beginning, at most as much as headers take.
    pub(crate) beginning: Vec<u8>,
    /// The bytes, each run with its place in the datagram.
    pub(crate) pieces: Vec<Placed>,
}

impl Leftover {
    /// A fragment that no datagram takes.
    pub(super) fn of(fragment: &Fragment<'_>) -> Self {
        Self {
            number: fragment.number,
            source: fragment.source,
            destination: fragment.destination,
            protocol: fragment.protocol,
            encapsulation: fragment.encapsulation,
            tap: fragment.tap,
            depth: fragment.depth,
            routed: fragment.routed,
            untrusted_tunnel: fragment.untrusted_tunnel,
            beginning: Vec::new(),
            pieces: vec![(fragment.offset.into(), fragment.bytes.to_vec())],
        }
    }
}
