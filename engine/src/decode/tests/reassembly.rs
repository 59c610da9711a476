//! From frames through the pool and back into the decoder.

use super::*;
use crate::decode::{Datagram, Defragmenter, MAX_DEPTH};

const RAW: LinkType = LinkType::RAW;

/// The IPv4 fragments of a packet, each with at most `size` payload bytes.
fn fragments_4(whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (payload, last) = (&whole[20..], (whole.len() - 21) / size);
    payload
        .chunks(size)
        .enumerate()
        .map(|(place, bytes)| {
            let more = if place < last { 0x2000 } else { 0 };
            v4_at(whole[9], more | (place * size / 8) as u16, bytes)
        })
        .collect()
}

/// The same for IPv6.
fn fragments_6(whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (payload, last) = (&whole[40..], (whole.len() - 41) / size);
    payload
        .chunks(size)
        .enumerate()
        .map(|(place, bytes)| {
            let position = (place * size) as u16 | u16::from(place < last);
            let extension =
                join(&[&[whole[6], 0], &position.to_be_bytes(), &[0, 0, 0, 9]]);
            v6(44, &join(&[&extension, bytes]))
        })
        .collect()
}

#[track_caller]
fn reassemble(pool: &mut Defragmenter, frames: &[Vec<u8>]) -> Datagram {
    let mut whole = None;
    for data in frames {
        assert!(whole.is_none(), "complete before its last fragment");
        whole = pool.insert(&fragment(RAW, data));
    }
    whole.expect("a datagram")
}

#[test]
fn a_fragmented_packet_decodes_to_the_same_as_the_whole() {
    let payload: Vec<u8> = (0..3_000_u32).map(|at| (at * 7) as u8).collect();
    let decoder = Decoder::new(true, false);
    for transport in [(17, udp(1, 2, &payload)), (6, tcp(1, 2, 0x10, &payload))] {
        let (number, body) = transport;
        let (whole_4, whole_6) = (v4(number, &body), v6(number, &body));
        for size in [8, 64, 1_480] {
            let mut pool = Defragmenter::new(4, 1 << 20);
            let datagram = reassemble(&mut pool, &fragments_4(&whole_4, size));
            assert_eq!(decoder.datagram(&datagram), decode(RAW, &whole_4));
            let datagram = reassemble(&mut pool, &fragments_6(&whole_6, size));
            assert_eq!(decoder.datagram(&datagram), decode(RAW, &whole_6));
        }
    }
}

#[test]
fn checksums_are_judged_once_the_datagram_is_whole() {
    let mut body = udp(1, 2, &[7; 100]);
    let pseudo = join(&[&SOURCE_4, &DESTINATION_4, &[0, 17, 0, 108], &body]);
    body[6..8].copy_from_slice(&ones_complement(&pseudo).to_be_bytes());
    let strict = Decoder::new(true, true);
    let mut pool = Defragmenter::new(4, 1 << 20);
    let datagram = reassemble(&mut pool, &fragments_4(&v4(17, &body), 48));
    assert!(matches!(strict.datagram(&datagram), Decoded::Packet(_)));
    body[50] ^= 1;
    let datagram = reassemble(&mut pool, &fragments_4(&v4(17, &body), 48));
    assert_eq!(strict.datagram(&datagram), Decoded::Drop(Drop::ChecksumUdp));
}

#[test]
fn a_tunnel_in_fragments_is_followed() {
    let decoder = Decoder::new(true, false);
    let inner = ethernet(0x0800, &sample());
    let vxlan = v4(17, &udp(9, 4_789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inner])));
    for whole in [vxlan, v4(4, &sample()), v4(41, &sample_6())] {
        let mut pool = Defragmenter::new(4, 1 << 20);
        let datagram = reassemble(&mut pool, &fragments_4(&whole, 24));
        let Decoded::Packet(packet) = decoder.datagram(&datagram) else {
            panic!("no packet")
        };
        assert_sample(&packet);
        assert_eq!(packet.encapsulation, self::packet(RAW, &whole).encapsulation);
    }
}

#[test]
fn fragments_in_a_tunnel_in_fragments_come_together() {
    let decoder = Decoder::new(true, false);
    let mut pool = Defragmenter::new(4, 1 << 20);
    let mut found = None;
    for inner in fragments_4(&sample(), 8) {
        let datagram = reassemble(&mut pool, &fragments_4(&v4(4, &inner), 16));
        let Decoded::Fragment(fragment) = decoder.datagram(&datagram) else {
            panic!("no fragment")
        };
        assert_eq!(fragment.depth, 2, "one reassembly and one tunnel");
        found = pool.insert(&fragment);
    }
    let datagram = found.expect("the inner datagram");
    let Decoded::Packet(packet) = decoder.datagram(&datagram) else {
        panic!("no packet")
    };
    assert_sample(&packet);
    assert_eq!(packet.encapsulation, self::packet(RAW, &v4(4, &sample())).encapsulation);
}

#[test]
fn reassemblies_in_reassemblies_end_at_the_depth_limit() {
    // Fragment headers one after the other, each of which says that more follows.
    let mut body = udp(1_234, 5_678, b"wormsift");
    for _ in 0..20 {
        body = join(&[&[44, 0, 0, 1, 0, 0, 0, 9], &body]);
    }
    let outermost = v6(44, &body);
    let decoder = Decoder::new(true, false);
    let mut pool = Defragmenter::new(4, 1 << 20);
    let mut complete = |fragment: Fragment<'_>| {
        assert!(pool.insert(&fragment).is_none());
        let offset = fragment.bytes.len() as u16;
        pool.insert(&Fragment { offset, more: false, bytes: &[], ..fragment })
            .expect("a datagram")
    };
    let mut datagram = complete(fragment(RAW, &outermost));
    for depth in 1..=MAX_DEPTH {
        let Decoded::Fragment(fragment) = decoder.datagram(&datagram) else {
            panic!("no fragment")
        };
        assert_eq!(fragment.depth, depth);
        datagram = complete(fragment);
    }
    assert_eq!(decoder.datagram(&datagram), Decoded::Drop(Drop::TunnelTooDeep));
}
