//! Fragments, in packet order: to datagrams, and to pieces of those that are given up.
//!
//! What a fragment completes fills the record that was kept for it. What its arrival lets
//! go of (see [`Defragmenter`]) becomes packets of pieces, whose records come right before
//! that one. A piece has the ports and the sequence number that the datagram's first bytes
//! say. Where those are not known it has none, belongs to no conversation, and counts over
//! all ports only. Its time is that at which it is let go.

use super::batch::{Chunk, PayloadAt};
use super::coverage::{StopAt, reach, wire_len};
use super::frames::{FrameList, SCRATCH};
use super::several_taps::SeveralTaps;
use super::worker::Sifter;
use crate::decode::{
    Carried, Datagram, Decoded, Decoder, Defragmenter, DropCounters, Leftover, Stop,
};
use crate::packet::{Packet, Timestamp, tcp_flags};

/// What puts datagrams together.
pub(crate) struct Reassembly<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) defragmenter: &'a mut Defragmenter,
    pub(crate) taps: &'a mut Option<SeveralTaps>,
    pub(crate) sifter: &'a Sifter,
    pub(crate) drops: &'a mut DropCounters,
}

impl Reassembly<'_> {
    /// Takes a chunk's fragments. A datagram may hold a tunnel, and that a fragment.
    pub(crate) fn take<L: FrameList + ?Sized>(&mut self, chunk: &mut Chunk, frames: &L) {
        if chunk.fragments.is_empty() {
            return;
        }
        // Before which record each record of a piece comes.
        let mut before = Vec::new();
        let mut leftovers = Vec::new();
        for at in std::mem::take(&mut chunk.fragments) {
            let frame = frames.frame(at.frame as usize);
            let Decoded::Fragment(fragment) = self.decoder.frame(&frame) else {
                continue;
            };
            if let Some(taps) = &mut *self.taps
                && taps.has_fragment(
                    self.sifter.fragment_identity(&fragment),
                    fragment.time,
                    fragment.tap,
                )
            {
                continue;
            }
            let carried = Carried { frames: 1, bytes: wire_len(&frame) };
            let pool = &mut *self.defragmenter;
            let mut complete = pool.insert_carried(&fragment, carried, &mut leftovers);
            while let Some(datagram) = complete.take() {
                complete =
                    self.take_datagram(&datagram, at.record, chunk, &mut leftovers);
            }
            let first = chunk.records.len();
            self.sift_leftovers(&mut leftovers, frame.time, chunk);
            // One frame bears witness to its time once.
            chunk.records.iter_mut().skip(first + 1).for_each(|it| it.untimed = true);
            before.resize(before.len() + chunk.records.len() - first, at.record);
        }
        chunk.move_last_before(&before);
        // The datagrams' stops and sightings came last; back into packet order.
        chunk.stops.sort_by_key(|at| at.number);
        for list in &mut chunk.sightings {
            list.sort_by_key(|sighting| (sighting.record, sighting.offset));
        }
        for list in &mut chunk.flows {
            list.sort_unstable();
        }
    }

    /// Gives up all datagrams that are not complete.
    pub(crate) fn finish(&mut self, chunk: &mut Chunk) {
        let mut leftovers = Vec::new();
        self.defragmenter.give_up_all(&mut leftovers);
        self.sift_leftovers(&mut leftovers, Timestamp::default(), chunk);
        chunk.records.iter_mut().for_each(|record| record.untimed = true);
    }

    fn take_datagram(
        &mut self,
        datagram: &Datagram,
        record: u32,
        chunk: &mut Chunk,
        leftovers: &mut Vec<Leftover>,
    ) -> Option<Datagram> {
        let (decoded, stop) = self.decoder.datagram_and_stop(datagram);
        self.sifter.note_datagram(datagram, stop, &decoded, chunk);
        match decoded {
            Decoded::Packet(packet) => {
                self.sift(&packet, PayloadAt::OWN, Some(record), chunk);
                None
            }
            Decoded::Fragment(inner) => {
                self.defragmenter.insert_carried(&inner, datagram.carried, leftovers)
            }
            Decoded::Drop(reason) => {
                self.drops.add(reason);
                None
            }
        }
    }

    fn sift_leftovers(
        &mut self,
        leftovers: &mut Vec<Leftover>,
        time: Timestamp,
        chunk: &mut Chunk,
    ) {
        for leftover in leftovers.drain(..) {
            self.defragmenter.count_pieces(leftover.pieces.len() as u64);
            for (offset, bytes) in &leftover.pieces {
                match piece_packet(self.decoder, &leftover, *offset, bytes, time) {
                    Some(packet) => self.sift(&packet, PayloadAt::OWN_CUT, None, chunk),
                    None => {
                        let number = leftover.number;
                        let (source, destination) =
                            (leftover.source, leftover.destination);
                        let piece = Packet {
                            number,
                            time,
                            source,
                            destination,
                            protocol: leftover.protocol,
                            source_port: 0,
                            destination_port: 0,
                            sequence: 0,
                            acknowledgement: 0,
                            tcp_flags: 0,
                            encapsulation: leftover.encapsulation,
                            to_group: false,
                            untrusted_tunnel: leftover.untrusted_tunnel,
                            identification: None,
                            tap: leftover.tap,
                            payload: bytes,
                        };
                        let payload = own(chunk, bytes, PayloadAt::OWN_CUT);
                        SCRATCH.with_borrow_mut(|scratch| {
                            self.sifter.sift_headless(&piece, payload, scratch, chunk);
                        });
                    }
                }
            }
        }
    }

    fn sift(
        &self,
        packet: &Packet<'_>,
        origin: u32,
        fill: Option<u32>,
        chunk: &mut Chunk,
    ) {
        let payload = own(chunk, packet.payload, origin);
        SCRATCH.with_borrow_mut(|scratch| {
            self.sifter.sift(packet, payload, fill, scratch, chunk);
        });
    }
}

/// Copies a payload to the chunk's own bytes.
fn own(chunk: &mut Chunk, payload: &[u8], origin: u32) -> PayloadAt {
    let start = chunk.own.len() as u64;
    chunk.own.extend_from_slice(payload);
    PayloadAt { origin, start, len: payload.len() as u32 }
}

/// A piece of a datagram as a packet, if its headers are known.
fn piece_packet<'a>(
    decoder: &Decoder,
    leftover: &Leftover,
    offset: usize,
    bytes: &'a [u8],
    time: Timestamp,
) -> Option<Packet<'a>> {
    if offset == 0 {
        return decoder.beginning(leftover, bytes, time);
    }
    let beginning = &leftover.beginning[..];
    let first = decoder.beginning(leftover, beginning, time)?;
    let ends = (first.source, first.destination, first.encapsulation);
    // What a tunnel holds is another packet than the datagram.
    if ends != (leftover.source, leftover.destination, leftover.encapsulation) {
        return None;
    }
    let header = match first.payload {
        [] => beginning.len(),
        payload => payload.as_ptr().addr() - beginning.as_ptr().addr(),
    };
    let into_payload = offset.checked_sub(header)?;
    let syn = u32::from(first.tcp_flags & tcp_flags::SYN != 0);
    Some(Packet {
        sequence: first.sequence.wrapping_add(syn + into_payload as u32),
        tcp_flags: first.tcp_flags & !(tcp_flags::SYN | tcp_flags::FIN),
        payload: bytes,
        ..first
    })
}

impl Sifter {
    /// Counts the frames of a datagram that is complete as what it turned out to be.
    fn note_datagram(
        &self,
        datagram: &Datagram,
        stop: Stop,
        decoded: &Decoded<'_>,
        chunk: &mut Chunk,
    ) {
        let packet = match decoded {
            Decoded::Packet(packet) => Some(packet),
            // Its frames stay what they are: fragments, of another datagram now.
            Decoded::Fragment(_) => return,
            Decoded::Drop(_) => None,
        };
        let Carried { frames, bytes } = datagram.carried;
        chunk.coverage.complete(reach(stop, packet), frames, bytes);
        if !stop.is_none() {
            let flow = packet.map(|packet| self.connection(packet).0);
            chunk.stops.push(StopAt::new(datagram.number, stop, frames, flow));
        }
    }
}
