//! One datagram under way: the bytes that are there.

use std::net::IpAddr;

use etherparse::defrag::{IpDefragBuf, IpFragRange};
use etherparse::{IpFragOffset, IpNumber};

use super::{Carried, Datagram, REASSEMBLY_NANOS};
use crate::decode::Fragment;
use crate::packet::Timestamp;

/// The most pieces with gaps between them in one datagram. A full datagram in
/// fragments of 576 bytes has 119 pieces, so at most 60 gaps in the worst order;
/// a scan over them must stay cheap when somebody sends every other fragment.
pub(super) const MAX_PIECES: usize = 64;

/// Bytes that a waiting datagram takes for its list of pieces.
pub(super) const PIECES_BYTES: usize = (MAX_PIECES + 1) * size_of::<IpFragRange>();

/// What tells one datagram from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// 0 for IPv6, where fragments need not agree on it.
    protocol: u8,
    encapsulation: u64,
}

impl Key {
    pub(super) fn of(fragment: &Fragment<'_>) -> Self {
        Self {
            source: fragment.source,
            destination: fragment.destination,
            identification: fragment.identification,
            protocol: if fragment.source.is_ipv4() { fragment.protocol } else { 0 },
            encapsulation: fragment.encapsulation,
        }
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
    }
}

/// A datagram that still lacks bytes.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) key: Key,
    started: Timestamp,
    protocol: u8,
    depth: u8,
    routed: bool,
    untrusted_tunnel: bool,
    /// Fragments with something new in them.
    pub(super) fragments: u64,
    pub(super) carried: Carried,
    pub(super) buffer: IpDefragBuf,
}

/// How much of a fragment was not there before.
pub(super) enum News {
    Nothing,
    Part,
    All,
}

impl Partial {
    pub(super) fn new(key: &Key, fragment: &Fragment<'_>, end: usize) -> Self {
        Self {
            key: *key,
            started: fragment.time,
            protocol: fragment.protocol,
            depth: fragment.depth,
            routed: false,
            untrusted_tunnel: false,
            fragments: 0,
            carried: Carried::default(),
            // The number is kept beside it, for the first fragment's counts.
            buffer: IpDefragBuf::new(
                IpNumber(fragment.protocol),
                Vec::with_capacity(end),
                Vec::with_capacity(MAX_PIECES + 1),
            ),
        }
    }

    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        now.as_nanos().saturating_sub(self.started.as_nanos()) > REASSEMBLY_NANOS
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.buffer.data().capacity() + PIECES_BYTES
    }

    /// The memory it takes once it reaches `end`: a vector that must grow at
    /// least doubles.
    pub(super) fn memory_bytes_with(&self, end: usize) -> usize {
        let capacity = self.buffer.data().capacity();
        let grown = if end <= capacity { capacity } else { end.max(2 * capacity).max(8) };
        grown + PIECES_BYTES
    }

    /// Whether the fragment reaches past the known end, or names another, or
    /// one short of bytes that are there.
    pub(super) fn contradicts_end(&self, fragment: &Fragment<'_>, end: usize) -> bool {
        let furthest =
            self.buffer.sections().iter().map(|piece| usize::from(piece.end)).max();
        match self.buffer.end() {
            Some(known) => {
                let known = usize::from(known);
                end > known || (!fragment.more && end != known)
            }
            None => !fragment.more && furthest.is_some_and(|furthest| end < furthest),
        }
    }

    /// Whether the fragment would be one piece too many.
    pub(super) fn is_scattered(&self, offset: u16, end: usize) -> bool {
        let pieces = self.buffer.sections();
        pieces.len() >= MAX_PIECES
            && !pieces
                .iter()
                .any(|piece| piece.start <= end as u16 && piece.end >= offset)
    }

    /// Adds what is new of a fragment that was found fit.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, end: usize) -> News {
        let start = usize::from(fragment.offset);
        let had_end = self.buffer.end().is_some();
        let mut new_bytes = 0;
        let mut at = start;
        while let Some((from, to)) = self.gap(at, end) {
            if from == 0 {
                // RFC 8200, 4.5: the first fragment's headers count.
                self.protocol = fragment.protocol;
            }
            let bytes = fragment.bytes.get(from - start..to - start).unwrap_or_default();
            if !self.put(from, !fragment.more && to == end, bytes) {
                break;
            }
            new_bytes += to - from;
            at = to;
        }
        // The end may be news although all bytes before it are old.
        if !fragment.more && self.buffer.end().is_none() {
            self.put(end, true, &[]);
        }
        if new_bytes == 0 && had_end == self.buffer.end().is_some() {
            return News::Nothing;
        }
        self.fragments += 1;
        self.depth = self.depth.max(fragment.depth);
        self.routed |= fragment.routed;
        self.untrusted_tunnel |= fragment.untrusted_tunnel;
        if new_bytes == fragment.bytes.len() { News::All } else { News::Part }
    }

    /// The first run of missing bytes in `at..end`.
    fn gap(&self, mut at: usize, end: usize) -> Option<(usize, usize)> {
        let pieces = self.buffer.sections();
        // Pieces never touch, so a position lies in one at most.
        let inside = |piece: &&IpFragRange| {
            usize::from(piece.start) <= at && at < usize::from(piece.end)
        };
        if let Some(piece) = pieces.iter().find(inside) {
            at = usize::from(piece.end);
        }
        let next = pieces.iter().map(|piece| usize::from(piece.start));
        let to = next.filter(|start| *start > at).min().unwrap_or(end).min(end);
        (at < to).then_some((at, to))
    }

    /// Hands bytes that are missing to the buffer; whether it took them. It
    /// always does: gaps begin at multiples of 8, and the ends were checked.
    fn put(&mut self, from: usize, last: bool, bytes: &[u8]) -> bool {
        u16::try_from(from / 8)
            .ok()
            .and_then(|offset| IpFragOffset::try_new(offset).ok())
            .is_some_and(|offset| self.buffer.add(offset, !last, bytes).is_ok())
    }

    pub(super) fn into_datagram(self, last: &Fragment<'_>) -> Datagram {
        let (bytes, _) = self.buffer.take_bufs();
        Datagram {
            number: last.number,
            time: last.time,
            source: self.key.source,
            destination: self.key.destination,
            protocol: self.protocol,
            encapsulation: self.key.encapsulation,
            untrusted_tunnel: self.untrusted_tunnel,
            depth: self.depth,
            routed: self.routed,
            bytes,
            carried: self.carried,
        }
    }
}
