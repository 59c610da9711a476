//! The same traffic once more, and yet none that was seen before: addresses and
//! payloads under a key.
//!
//! Every payload byte is xored with one and the same, so that what repeats inside a
//! round still does, at any offset, and nothing repeats from round to round but runs
//! of one byte. Of an address, the lower 16 bits change (IPv6: of its /64, which counts
//! as one host). Ports, lengths and checksums stay as they are: the last are wrong then.

use std::net::IpAddr;
use std::ops::Range;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{Frame, Host, LinkType, Timestamp, protocol};
use wormsift_corpora::CapturedFrame;

/// Round 0 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u8);

impl Key {
    pub(super) fn of(round: u8) -> Self {
        Self(round)
    }

    /// The frame under the key, its bytes in `altered`. Frames that are no IP packets
    /// stay as they are.
    pub(super) fn turn<'a>(
        self,
        frame: CapturedFrame<'a>,
        altered: &'a mut Vec<u8>,
    ) -> CapturedFrame<'a> {
        if self.0 == 0 {
            return frame;
        }
        let Some(place) = Place::of(&frame) else { return frame };
        altered.clear();
        altered.extend_from_slice(frame.bytes);
        for byte in &mut altered[place.payload] {
            *byte ^= self.0;
        }
        for range in place.hosts {
            for byte in &mut altered[range] {
                *byte ^= self.0;
            }
        }
        CapturedFrame { bytes: altered, ..frame }
    }
}

/// What a key changes in a frame.
struct Place {
    payload: Range<usize>,
    /// In the source and in the destination; empty for groups.
    hosts: [Range<usize>; 2],
}

impl Place {
    fn of(frame: &CapturedFrame<'_>) -> Option<Self> {
        let bytes = frame.bytes;
        let decoder = Decoder::new(true, false);
        let decoded = decoder.frame(&Frame {
            number: 1,
            time: Timestamp::from_nanos(frame.time_ns),
            link: LinkType(frame.link_type),
            original_len: frame.original_length,
            tap: 0,
            data: bytes,
        });
        let (ends, part, headers) = match &decoded {
            Decoded::Packet(packet) => {
                ((packet.source, packet.destination), packet.payload, 0)
            }
            // The transport header in front of a first fragment stays, too.
            Decoded::Fragment(piece) => {
                let headers = match (piece.offset, piece.protocol) {
                    (0, protocol::TCP) => {
                        piece.bytes.get(12).map_or(20, |byte| usize::from(byte >> 4) * 4)
                    }
                    (0, _) => 8,
                    _ => 0,
                };
                ((piece.source, piece.destination), piece.bytes, headers)
            }
            Decoded::Drop(_) => return None,
        };
        // It is a part of the frame, or empty and anywhere.
        let start = (part.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
        let payload = match start.checked_add(part.len()) {
            Some(end) if end <= bytes.len() => (start + headers).min(end)..end,
            _ => bytes.len()..bytes.len(),
        };
        // The innermost header is the last that names both ends, one after the other.
        let pattern = [octets(ends.0), octets(ends.1)].concat();
        let before = &bytes[..payload.start];
        let at = before.windows(pattern.len()).rposition(|found| found == pattern)?;
        let host = |address: IpAddr, at: usize| {
            let lower = if address.is_ipv4() { at + 2 } else { at + 6 };
            let changes = !Host::of(address, 128).is_group();
            lower..lower + if changes { 2 } else { 0 }
        };
        let hosts = [host(ends.0, at), host(ends.1, at + pattern.len() / 2)];
        Some(Self { payload, hosts })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: usize = 14 + 20 + 8;

    fn udp(destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0, 0, (28 + payload.len()) as u8]);
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1]);
        frame.extend(destination);
        frame.extend([0x30, 0x39, 0, 53, 0, (8 + payload.len()) as u8, 0, 0]);
        frame.extend(payload);
        frame
    }

    fn turned(round: u8, frame: &[u8]) -> Vec<u8> {
        let mut altered = Vec::new();
        let frame = CapturedFrame::ethernet(1, frame);
        Key::of(round).turn(frame, &mut altered).bytes.to_vec()
    }

    #[test]
    fn only_payload_and_hosts_change_each_with_the_key() {
        let frame = udp([198, 51, 100, 7], b"any payload");
        assert_eq!(turned(0, &frame), frame);
        for key in 1..=255 {
            let turned = turned(key, &frame);
            let changed = |at: &usize| turned[*at] != frame[*at];
            let places: Vec<usize> = (0..frame.len()).filter(changed).collect();
            let hosts = [28, 29, 32, 33];
            let payload = HEADERS..frame.len();
            assert_eq!(places, hosts.into_iter().chain(payload).collect::<Vec<_>>());
            assert!(places.iter().all(|at| turned[*at] ^ frame[*at] == key));
        }
    }

    #[test]
    fn groups_packets_without_payload_and_what_is_no_packet_are_let_be() {
        let multicast = udp([224, 0, 0, 251], b"name");
        assert_eq!(turned(9, &multicast)[30..34], [224, 0, 0, 251]);
        let empty = udp([198, 51, 100, 7], b"");
        assert_eq!(turned(9, &empty)[30..34], [198, 51, 100 ^ 9, 7 ^ 9]);
        assert_eq!(turned(9, &empty).len(), HEADERS);
        let other = [7; 60];
        assert_eq!(turned(9, &other), other);
    }

    #[test]
    fn a_first_fragment_keeps_its_ports() {
        let mut frame = udp([198, 51, 100, 7], &[5; 16]);
        frame[20] = 0x20;
        let turned = turned(1, &frame);
        assert_eq!(turned[34..HEADERS], frame[34..HEADERS]);
        assert_eq!(turned[HEADERS..], [4; 16]);
    }
}
