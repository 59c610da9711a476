//! Frames against their known bytes, and checksums against their slow twin.

use super::*;

fn udp<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Datagram<'a> {
    Datagram {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        hop_limit: 64,
        identification: 0x1234,
        transport: Transport::Udp { source_port: 1_000, destination_port: 2_000 },
        payload,
    }
}

fn frame(builder: &FrameBuilder, datagram: &Datagram<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.frame(datagram, &mut frame);
    frame
}

fn unpadded() -> FrameBuilder {
    FrameBuilder { pad: false, ..FrameBuilder::default() }
}

/// The sum as RFC 1071 first states it: word by word, end-around carry.
fn slow_checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0u16;
    for word in bytes.chunks(2) {
        let word = u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]);
        let (added, carry) = sum.overflowing_add(word);
        sum = added + u16::from(carry);
    }
    !sum
}

#[test]
fn a_udp_datagram_has_its_known_bytes() {
    // Lengths and sums by hand: 10.0.0.1 to 10.0.0.2, payload "hi!".
    let expected = [
        &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..],
        &[0x45, 0, 0, 31, 0x12, 0x34, 0, 0, 64, 17, 0x54, 0x98],
        &[10, 0, 0, 1, 10, 0, 0, 2],
        &[0x03, 0xe8, 0x07, 0xd0, 0, 11, 0x56, 0xb4],
        b"hi!",
    ]
    .concat();
    assert_eq!(frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", b"hi!")), expected);
    let padded = frame(&FrameBuilder::default(), &udp("10.0.0.1", "10.0.0.2", b"hi!"));
    assert_eq!(padded.len(), 60);
    assert_eq!(padded[..45], expected[..]);
    assert!(padded[45..].iter().all(|&byte| byte == 0));
}

#[test]
fn the_checksum_agrees_with_the_slow_one() {
    let bytes: Vec<u8> = (0..997u32).map(|i| (i * i % 251) as u8).collect();
    for length in 0..bytes.len() {
        let part = &bytes[..length];
        assert_eq!(checksum(0, part), slow_checksum(part), "{length}");
    }
    // The example of RFC 1071, section 3.
    let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(checksum(0, &words), !0xddf2);
    assert_eq!(checksum(0, &[0xff; 4_000]), 0);
}

#[test]
fn wrappings_stand_in_their_order() {
    let datagram = udp("10.0.0.1", "10.0.0.2", b"payload");
    let plain = frame(&unpadded(), &datagram);
    let qinq = FrameBuilder { vlans: vec![10, 20], ..unpadded() };
    let bytes = frame(&qinq, &datagram);
    assert_eq!(bytes[12..22], [0x88, 0xa8, 0, 10, 0x81, 0, 0, 20, 8, 0]);
    assert_eq!(bytes[22..], plain[14..]);

    let tunnel = |kind| Tunnel {
        source: Ipv4Addr::new(192, 0, 2, 1),
        destination: Ipv4Addr::new(192, 0, 2, 2),
        kind,
    };
    let gre = FrameBuilder { tunnel: Some(tunnel(TunnelKind::Gre)), ..unpadded() };
    let bytes = frame(&gre, &datagram);
    assert_eq!(bytes[23], 47);
    assert_eq!(bytes[34..38], [0, 0, 8, 0]);
    assert_eq!(bytes[38..], plain[14..]);
    assert_eq!(slow_checksum(&bytes[14..34]), 0);

    let kind = TunnelKind::Vxlan(0x01_0203);
    let vxlan = FrameBuilder { tunnel: Some(tunnel(kind)), ..unpadded() };
    let bytes = frame(&vxlan, &datagram);
    assert_eq!(bytes[36..38], 4_789u16.to_be_bytes());
    assert_eq!(usize::from(bytes[38]) * 256 + usize::from(bytes[39]), bytes.len() - 34);
    assert_eq!(bytes[42..50], [8, 0, 0, 0, 1, 2, 3, 0]);
    assert_eq!(bytes[50..], plain[..]);
}

#[test]
fn fragments_join_to_the_whole_and_say_where_they_lie() {
    let payload: Vec<u8> = (0..=255).cycle().take(1_001).collect();
    for (source, destination, header) in
        [("10.0.0.1", "10.0.0.2", 20), ("2001:db8::1", "2001:db8::2", 40)]
    {
        let datagram = udp(source, destination, &payload);
        let whole = frame(&unpadded(), &datagram).split_off(14 + header);
        for size in [0, 8, 100, 500, 1_008, 1_009, 5_000] {
            let fragments = unpadded().fragments(&datagram, size);
            let step = (size / 8).max(1) * 8;
            assert_eq!(fragments.len(), whole.len().div_ceil(step));
            let mut joined = Vec::new();
            for (index, fragment) in fragments.iter().enumerate() {
                let more = index + 1 < fragments.len();
                let extra = if header == 40 && fragments.len() > 1 { 8 } else { 0 };
                let field = if header == 20 {
                    assert_eq!(slow_checksum(&fragment[14..34]), 0);
                    let field = u16::from_be_bytes([fragment[20], fragment[21]]);
                    (field >> 13 == 1, field & 0x1fff)
                } else if extra == 8 {
                    assert_eq!((fragment[20], fragment[54]), (44, 17));
                    let field = u16::from_be_bytes([fragment[56], fragment[57]]);
                    (field & 1 == 1, field >> 3)
                } else {
                    (false, 0)
                };
                assert_eq!(field, (more, (index * step / 8) as u16));
                joined.extend_from_slice(&fragment[14 + header + extra..]);
            }
            assert_eq!(joined, whole, "{size}");
        }
    }
}

#[test]
fn transport_checksums_hold_over_the_pseudo_header() {
    let transports = [
        Transport::Udp { source_port: 53, destination_port: 40_000 },
        Transport::Tcp {
            source_port: 80,
            destination_port: 50_000,
            sequence: 0xffff_fff0,
            acknowledgement: 7,
            flags: tcp::SYN | tcp::ACK,
            window: 1_024,
            maximum_segment: Some(1_460),
        },
        Transport::Icmp { kind: 8, code: 0, rest: 0x0001_0002 },
    ];
    for transport in transports {
        for length in 0..70 {
            let payload: Vec<u8> = (0..length).map(|i: u8| i.wrapping_mul(7)).collect();
            for (source, destination, header, protocol_at) in [
                ("10.1.2.3", "10.3.2.1", 20, 23),
                ("2001:db8::1", "2001:db8:0:ffff::2", 40, 20),
            ] {
                let mut datagram = udp(source, destination, &payload);
                datagram.transport = transport;
                let bytes = frame(&unpadded(), &datagram);
                let body = &bytes[14 + header..];
                let addresses = if header == 20 { 26..34 } else { 22..54 };
                let mut covered = bytes[addresses].to_vec();
                covered.extend_from_slice(&(body.len() as u32).to_be_bytes());
                covered.extend_from_slice(&[0, 0, 0, bytes[protocol_at]]);
                if bytes[protocol_at] == 1 {
                    covered.clear();
                }
                covered.extend_from_slice(body);
                assert_eq!(slow_checksum(&covered), 0, "{transport:?} {length}");
            }
        }
    }
}

#[test]
fn a_udp_checksum_is_never_zero() {
    // The payload's two bytes are chosen to bring the sum to zero.
    let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &[0, 0]));
    let sum = [bytes[40], bytes[41]];
    let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &sum));
    assert_eq!(bytes[40..42], [0xff, 0xff]);
}

#[test]
fn odd_input_is_cut_or_mapped_and_never_panics() {
    let long = vec![1; 70_000];
    let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &long));
    assert_eq!(bytes.len(), 14 + 20 + 8 + MAX_PAYLOAD);
    let mixed = frame(&unpadded(), &udp("10.0.0.1", "2001:db8::1", b"x"));
    assert_eq!(mixed[12..14], [0x86, 0xdd]);
    assert_eq!(mixed[32..38], [0xff, 0xff, 10, 0, 0, 1]);
}
