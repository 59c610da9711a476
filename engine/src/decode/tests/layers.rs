//! IP, its extensions, and the transports.

use super::*;
use crate::packet::tcp_flags;

const RAW: LinkType = LinkType::RAW;

#[test]
fn the_payload_ends_where_ip_says_not_where_the_frame_does() {
    let padded = join(&[&sample(), &[0; 18]]);
    assert_sample(&packet(RAW, &padded));
    assert_sample(&packet(RAW, &join(&[&sample_6(), &[0; 18]])));
    let segment = v4(6, &tcp(1, 2, tcp_flags::ACK, b""));
    assert_eq!(packet(RAW, &join(&[&segment, &[0; 6]])).payload, b"");
}

#[test]
fn a_length_of_zero_reaches_as_far_as_the_frame() {
    let mut data = v4(6, &tcp(1, 2, tcp_flags::ACK, b"offloaded"));
    data[2..4].fill(0);
    assert_eq!(packet(RAW, &data).payload, b"offloaded");
    let mut data = v6(6, &tcp(1, 2, tcp_flags::ACK, b"offloaded"));
    data[4..6].fill(0);
    assert_eq!(packet(RAW, &data).payload, b"offloaded");
    let jumbo = [6, 0, 0xc2, 4, 0, 1, 0, 0];
    let mut data = v6(0, &join(&[&jumbo, &tcp(1, 2, tcp_flags::ACK, b"jumbo")]));
    data[4..6].fill(0);
    assert_eq!(packet(RAW, &data).payload, b"jumbo");
    let nothing = join(&[&v6(59, &[]), b"padding"]);
    assert_eq!(
        (packet(RAW, &nothing).protocol, packet(RAW, &nothing).payload),
        (59, &b""[..])
    );
}

#[test]
fn frames_cut_by_the_capture_are_used_as_far_as_they_go() {
    let data = v4(6, &tcp(80, 2, tcp_flags::ACK, b"cut short"));
    let packet = packet(RAW, &data[..data.len() - 6]);
    assert_eq!((packet.source_port, packet.payload), (80, &b"cut"[..]));
    assert_eq!(dropped(RAW, &data[..20 + 23]), Drop::TransportHeaderShort);
    assert_eq!(dropped(RAW, &data[..19]), Drop::IpHeaderShort);
}

#[test]
fn impossible_ip_lengths_are_dropped_by_name() {
    let mut short_header = sample();
    short_header[0] = 0x44;
    assert_eq!(dropped(RAW, &short_header), Drop::IpLength);
    let mut short_total = sample();
    short_total[3] = 19;
    assert_eq!(dropped(RAW, &short_total), Drop::IpLength);
    let mut long_header = sample();
    long_header[0] = 0x4f;
    assert_eq!(dropped(RAW, &long_header), Drop::IpLength);
    long_header[3] = 60;
    assert_eq!(dropped(RAW, &long_header), Drop::IpHeaderShort);
}

#[test]
fn ipv4_options_are_skipped() {
    let mut data = sample();
    data[0] = 0x47;
    data[3] += 8;
    let data = join(&[&data[..20], &[1, 1, 1, 1, 1, 1, 1, 0], &data[20..]]);
    assert_sample(&packet(RAW, &data));
}

#[test]
fn ipv6_extension_headers_are_skipped_in_any_number() {
    let udp = udp(1_234, 5_678, b"wormsift");
    for extension in [0, 43, 60] {
        let short = join(&[&[17, 0, 0, 0, 0, 0, 0, 0], &udp]);
        assert_sample(&packet(RAW, &v6(extension, &short)));
        let long = join(&[&[17, 2], &[0; 22], &udp]);
        assert_sample(&packet(RAW, &v6(extension, &long)));
        assert_eq!(
            dropped(RAW, &v6(extension, &[17, 1, 0, 0, 0, 0, 0, 0])),
            Drop::IpHeaderShort
        );
        assert_eq!(
            packet(RAW, &v4(extension, &short)).protocol,
            extension,
            "not in IPv4"
        );
    }
    let mut many = join(&[&[17, 0, 0, 0, 0, 0, 0, 0], &udp]);
    for _ in 0..500 {
        many = join(&[&[60, 0, 0, 0, 0, 0, 0, 0], &many]);
    }
    assert_sample(&packet(RAW, &v6(60, &many)));
}

#[test]
fn authentication_headers_are_skipped_in_both_versions() {
    let authenticated = join(&[&[17, 4], &[0; 22], &udp(1_234, 5_678, b"wormsift")]);
    assert_sample(&packet(RAW, &v4(51, &authenticated)));
    assert_sample(&packet(RAW, &v6(51, &authenticated)));
    assert_eq!(
        dropped(RAW, &v4(51, &[17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        Drop::IpLength
    );
    assert_eq!(dropped(RAW, &v4(51, &[17, 4, 0, 0])), Drop::IpHeaderShort);
}

#[test]
fn fragments_say_which_piece_of_which_datagram_they_are() {
    let data = v4_at(17, 0x2000 | 3, &[7; 16]);
    let piece = fragment(RAW, &data);
    assert_eq!((piece.offset, piece.more, piece.identification), (24, true, 0xbeef));
    assert_eq!((piece.protocol, piece.depth, piece.bytes), (17, 0, &[7; 16][..]));
    let data = v4_at(17, 3, &[7; 5]);
    assert_eq!((fragment(RAW, &data).offset, fragment(RAW, &data).more), (24, false));

    let extension = [17, 0, 0, 25, 0xde, 0xad, 0xbe, 0xef];
    let data = v6(44, &join(&[&extension, &[7; 16]]));
    let piece = fragment(RAW, &data);
    assert_eq!((piece.offset, piece.more, piece.identification), (24, true, 0xdead_beef));
    assert_eq!((piece.protocol, piece.bytes), (17, &[7; 16][..]));
}

#[test]
fn an_atomic_fragment_is_a_whole_packet() {
    let data =
        v6(44, &join(&[&[17, 0, 0, 0, 1, 2, 3, 4], &udp(1_234, 5_678, b"wormsift")]));
    assert_sample(&packet(RAW, &data));
    let dont_fragment = v4_at(17, 0x4000, &udp(1_234, 5_678, b"wormsift"));
    assert_sample(&packet(RAW, &dont_fragment));
}

#[test]
fn a_fragment_that_the_capture_cut_is_dropped() {
    let data = v4_at(17, 0x2000, &[7; 16]);
    assert_eq!(dropped(RAW, &data[..data.len() - 1]), Drop::FragmentCut);
    let mut unsized_fragment = data.clone();
    unsized_fragment[2..4].fill(0);
    assert_eq!(dropped(RAW, &unsized_fragment), Drop::FragmentCut);
    let data = v6(44, &join(&[&[17, 0, 0, 25, 0, 0, 0, 1], &[7; 16]]));
    assert_eq!(dropped(RAW, &data[..data.len() - 1]), Drop::FragmentCut);
}

#[test]
fn tcp_gives_ports_sequence_flags_and_payload_after_its_options() {
    let flags = tcp_flags::ACK | tcp_flags::FIN;
    let data = v4(6, &tcp(40_000, 443, flags, b"hello"));
    let packet = packet(RAW, &data);
    assert_eq!(packet.protocol, protocol::TCP);
    assert_eq!((packet.source_port, packet.destination_port), (40_000, 443));
    assert_eq!((packet.sequence, packet.tcp_flags), (0x0102_0304, flags));
    assert_eq!(packet.acknowledgement, 0x0506_0708);
    assert_eq!(packet.payload, b"hello");
    let mut short = data.clone();
    short[20 + 12] = 0x40;
    assert_eq!(dropped(RAW, &short), Drop::TransportLength);
    let mut long = data;
    long[20 + 12] = 0xf0;
    assert_eq!(dropped(RAW, &long), Drop::TransportHeaderShort);
}

#[test]
fn a_udp_payload_ends_where_udp_says_within_ip() {
    let with_length = |length: u16| {
        let mut data = sample();
        data[24..26].copy_from_slice(&length.to_be_bytes());
        data
    };
    assert_eq!(packet(RAW, &with_length(12)).payload, b"worm");
    assert_eq!(packet(RAW, &with_length(8)).payload, b"");
    assert_eq!(packet(RAW, &with_length(0)).payload, b"wormsift");
    assert_eq!(packet(RAW, &with_length(900)).payload, b"wormsift");
    assert_eq!(dropped(RAW, &with_length(7)), Drop::TransportLength);
    assert_eq!(dropped(RAW, &v4(17, &[0; 7])), Drop::TransportHeaderShort);
}

#[test]
fn icmp_has_type_and_code_for_its_port_and_eight_bytes_of_header() {
    for (number, header) in [(1, [3, 1]), (58, [1, 4])] {
        let quoted = sample();
        let data = v4(number, &join(&[&header, &[0; 6], &quoted]));
        let packet = packet(RAW, &data);
        assert_eq!(packet.protocol, number);
        assert_eq!(packet.source_port, 0);
        assert_eq!(packet.destination_port, u16::from_be_bytes(header));
        assert_eq!(packet.payload, quoted);
    }
    let data = v4(1, &[8, 0, 0, 0, 1]);
    assert_eq!(packet(RAW, &data).payload, b"");
    assert_eq!(dropped(RAW, &v4(1, &[8, 0, 0])), Drop::TransportHeaderShort);
}

#[test]
fn sctp_udp_lite_and_dccp_have_ports() {
    let ports = [0x12, 0x34, 0x56, 0x78];
    let sctp = v4(132, &join(&[&ports, &[0; 8], b"chunk"]));
    let lite = v4(136, &join(&[&ports, &[0, 8, 0, 0], b"chunk"]));
    let dccp = v6(33, &join(&[&ports, &[4], &[0; 11], b"chunk"]));
    for data in [&sctp, &lite, &dccp] {
        let packet = packet(RAW, data);
        assert_eq!((packet.source_port, packet.destination_port), (0x1234, 0x5678));
        assert_eq!(packet.payload, b"chunk");
    }
    let mut short = dccp.clone();
    short[44] = 2;
    assert_eq!(dropped(RAW, &short), Drop::TransportLength);
}

#[test]
fn other_protocols_keep_their_number_and_their_whole_payload() {
    for number in [2, 50, 89, 135, 255] {
        let data = v6(number, b"opaque");
        let packet = packet(RAW, &data);
        assert_eq!(packet.protocol, number);
        assert_eq!((packet.source_port, packet.destination_port), (0, 0));
        assert_eq!(packet.payload, b"opaque");
    }
}

/// A packet of each checked protocol, right, with the place of its checksum.
fn checked_packets() -> Vec<(Vec<u8>, Drop)> {
    let pseudo_4 = |number: u8, body: &[u8]| {
        let length = (body.len() as u16).to_be_bytes();
        join(&[&SOURCE_4, &DESTINATION_4, &[0, number], &length, body])
    };
    let pseudo_6 = |number: u8, body: &[u8]| {
        let length = (body.len() as u32).to_be_bytes();
        join(&[&SOURCE_6, &DESTINATION_6, &length, &[0, 0, 0, number], body])
    };
    let set = |mut body: Vec<u8>, at: usize, sum: u16| {
        body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        body
    };
    let tcp = tcp(1, 2, tcp_flags::ACK, b"odd bytes");
    let udp = udp(1, 2, b"odd bytes");
    let icmp = join(&[&[8, 0, 0, 0, 1, 2, 3, 4], b"odd bytes"]);
    let mut packets = Vec::new();
    for (number, at, body, reason) in [
        (6, 16, tcp, Drop::ChecksumTcp),
        (17, 6, udp, Drop::ChecksumUdp),
        (58, 2, icmp.clone(), Drop::ChecksumIcmp),
    ] {
        let sum = ones_complement(&pseudo_4(number, &body));
        packets.push((v4(number, &set(body.clone(), at, sum)), reason));
        let sum = ones_complement(&pseudo_6(number, &body));
        packets.push((v6(number, &set(body, at, sum)), reason));
    }
    let sum = ones_complement(&icmp);
    packets.push((v4(1, &set(icmp, 2, sum)), Drop::ChecksumIcmp));
    packets
}

#[test]
fn wrong_checksums_are_dropped_by_name_when_asked_for() {
    let strict = Decoder::new(true, true);
    for (data, reason) in checked_packets() {
        let right = strict.frame(&frame(RAW, &data));
        assert!(matches!(right, Decoded::Packet(_)), "{reason:?}: {right:?}");
        let mut wrong = data.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(strict.frame(&frame(RAW, &wrong)), Decoded::Drop(reason));
        assert!(matches!(decode(RAW, &wrong), Decoded::Packet(_)), "not asked for");
        let cut = strict.frame(&frame(RAW, &wrong[..wrong.len() - 1]));
        assert!(matches!(cut, Decoded::Packet(_)), "cannot be checked");
        if data[0] >> 4 == 4 {
            let mut wrong = data;
            wrong[8] ^= 1;
            let dropped = strict.frame(&frame(RAW, &wrong));
            assert_eq!(dropped, Decoded::Drop(Drop::ChecksumIpv4));
        }
    }
}

#[test]
fn a_udp_checksum_of_zero_is_none_in_ipv4_and_wrong_in_ipv6_but_for_tunnels() {
    let strict = Decoder::new(true, true);
    assert!(matches!(strict.frame(&frame(RAW, &sample())), Decoded::Packet(_)));
    let unset = sample_6();
    let wrong = strict.frame(&frame(RAW, &unset));
    assert_eq!(wrong, Decoded::Drop(Drop::ChecksumUdp));
    let tunnel = v6(17, &udp(1, 4_789, b"no tunnel at all"));
    assert!(matches!(strict.frame(&frame(RAW, &tunnel)), Decoded::Packet(_)));
}

#[test]
fn a_checksum_over_a_destination_yet_to_come_is_not_judged() {
    let (data, _) = checked_packets().swap_remove(1);
    let routed = |left: u8| v6(43, &join(&[&[6, 0, 4, left, 0, 0, 0, 0], &data[40..]]));
    let strict = Decoder::new(true, true);
    let mut wrong = routed(0);
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(strict.frame(&frame(RAW, &wrong)), Decoded::Drop(Drop::ChecksumTcp));
    let mut unknown = routed(1);
    *unknown.last_mut().unwrap() ^= 1;
    assert!(matches!(strict.frame(&frame(RAW, &unknown)), Decoded::Packet(_)));
}
