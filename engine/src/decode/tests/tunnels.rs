//! Packets in packets.

use super::*;
use crate::decode::MAX_DEPTH;
use crate::packet::Network;
use std::net::IpAddr;

const RAW: LinkType = LinkType::RAW;

fn vxlan(network: u8, inner: &[u8]) -> Vec<u8> {
    join(&[&[8, 0, 0, 0, 0, 0, network, 0], inner])
}

fn geneve(options: &[u8], ethertype: u16, inner: &[u8]) -> Vec<u8> {
    let words = (options.len() / 4) as u8;
    join(&[&[words, 0], &ethertype.to_be_bytes(), &[0, 0, 5, 0], options, inner])
}

/// Every tunnel that is followed, around the sample.
pub(super) fn every_tunnel() -> Vec<(&'static str, Vec<u8>)> {
    let gre = |flags: u16, ethertype: u16, fields: &[u8], inner: &[u8]| {
        join(&[&flags.to_be_bytes(), &ethertype.to_be_bytes(), fields, inner])
    };
    let framed = ethernet(0x0800, &sample());
    vec![
        ("4 in 4", v4(4, &sample())),
        ("6 in 4", v4(41, &sample_6())),
        ("4 in 6", v6(4, &sample())),
        ("6 in 6", v6(41, &sample_6())),
        ("gre", v4(47, &gre(0, 0x0800, &[], &sample()))),
        ("gre 6", v6(47, &gre(0, 0x86dd, &[], &sample_6()))),
        ("gre checksum", v4(47, &gre(0x8000, 0x0800, &[0; 4], &sample()))),
        ("gre key", v4(47, &gre(0x2000, 0x0800, &[0, 0, 0, 9], &sample()))),
        ("gre sequence", v4(47, &gre(0x1000, 0x0800, &[0; 4], &sample()))),
        ("gre all", v4(47, &gre(0xb000, 0x0800, &[1; 12], &sample()))),
        ("gre ethernet", v4(47, &gre(0, 0x6558, &[], &framed))),
        ("gre mpls", v4(47, &gre(0, 0x8847, &[0, 6, 65, 64], &sample()))),
        ("vxlan", v4(17, &udp(9, 4_789, &vxlan(5, &framed)))),
        ("vxlan in 6", v6(17, &udp(9, 4_789, &vxlan(5, &framed)))),
        ("geneve", v4(17, &udp(9, 6_081, &geneve(&[], 0x6558, &framed)))),
        ("geneve options", v4(17, &udp(9, 6_081, &geneve(&[0; 12], 0x6558, &framed)))),
        ("geneve ip", v4(17, &udp(9, 6_081, &geneve(&[], 0x0800, &sample())))),
    ]
}

#[test]
fn the_innermost_packet_counts() {
    for (name, data) in every_tunnel() {
        println!("{name}");
        let packet = packet(RAW, &data);
        assert_sample(&packet);
        assert_ne!(packet.encapsulation, 0);
    }
}

#[test]
fn a_tunnel_is_trusted_between_trusted_ends_alone() {
    let [from_4, to_4] = [SOURCE_4, DESTINATION_4].map(IpAddr::from);
    let [from_6, to_6] = [SOURCE_6, DESTINATION_6].map(IpAddr::from);
    let network = |end: IpAddr| Network::around(end, 128);
    let all = [from_4, to_4, from_6, to_6].map(network);
    let is_untrusted = |trusted: &[Network], data: &[u8]| {
        let decoder = Decoder::new(true, false).with_trusted_tunnels(trusted);
        match decoder.frame(&frame(RAW, data)) {
            Decoded::Packet(packet) => packet.untrusted_tunnel,
            Decoded::Fragment(fragment) => fragment.untrusted_tunnel,
            Decoded::Drop(reason) => panic!("{reason:?}"),
        }
    };
    for (name, data) in every_tunnel() {
        assert!(is_untrusted(&[], &data), "{name}");
        assert!(!is_untrusted(&all, &data), "{name}");
        assert!(is_untrusted(&[network(from_4), network(from_6)], &data), "{name}");
        assert!(is_untrusted(&[network(to_4), network(to_6)], &data), "{name}");
    }
    assert!(!is_untrusted(&[], &sample()), "no tunnel");
    // One within another is trusted where both are.
    let framed = ethernet(0x0800, &sample());
    let within = v4(41, &v6(17, &udp(9, 4_789, &vxlan(5, &framed))));
    assert!(!is_untrusted(&all, &within));
    assert!(is_untrusted(&all[..2], &within));
    assert!(is_untrusted(&all[2..], &within));
    // So is a fragment, and what it is put together to.
    let fragment = v4(4, &v4_at(17, 0x2000, &[7; 16]));
    assert!(is_untrusted(&[], &fragment));
    assert!(!is_untrusted(&all, &fragment));
}

#[test]
fn tunnels_can_be_left_unopened() {
    for (name, data) in every_tunnel() {
        match Decoder::new(false, false).frame(&frame(RAW, &data)) {
            Decoded::Packet(packet) => {
                assert_eq!(packet.encapsulation, 0, "{name}");
                assert!([4, 41, 47, 17].contains(&packet.protocol), "{name}");
                assert!(packet.payload.len() > sample().len() - 1, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn wrappings_of_another_kind_or_number_are_other_flows() {
    let number = |data: &[u8]| packet(RAW, data).encapsulation;
    let inner = ethernet(0x0800, &sample());
    let five = v4(17, &udp(9, 4_789, &vxlan(5, &inner)));
    let six = v4(17, &udp(9, 4_789, &vxlan(6, &inner)));
    assert_ne!(number(&five), number(&six));
    let other_port = v6(17, &udp(10, 4_789, &vxlan(5, &inner)));
    assert_eq!(number(&five), number(&other_port), "ends of the tunnel do not count");
    let geneve = v4(17, &udp(9, 6_081, &geneve(&[], 0x6558, &inner)));
    assert_ne!(number(&five), number(&geneve));
    let twice = v4(4, &v4(4, &sample()));
    assert_ne!(number(&v4(4, &sample())), number(&twice));
}

#[test]
fn what_only_looks_like_a_tunnel_is_the_outer_packet() {
    let noise = b"this port is used by something else";
    let mut data = vec![
        v4(17, &udp(9, 4_789, noise)),
        v4(17, &udp(9, 6_081, noise)),
        v4(17, &udp(9, 4_789, &vxlan(5, &ethernet(0x0806, &[0; 28])))),
        v4(17, &udp(9, 4_789, &vxlan(5, &[0; 3]))),
        v4(17, &udp(9, 6_081, &geneve(&[], 0x88cc, &[0; 28]))),
        v4(17, &udp(9, 6_081, &[0x3f, 0, 8, 0, 0, 0, 0, 0])),
        v4(17, &udp(9, 6_081, &[0, 0x80, 8, 0, 0, 0, 0, 0])),
    ];
    for data in &data {
        let packet = packet(RAW, data);
        assert_eq!((packet.protocol, packet.source_port), (17, 9));
        assert_eq!(packet.payload, &data[28..]);
        assert_eq!(packet.encapsulation, 0);
    }
    data = vec![
        v4(47, &join(&[&[0x20, 1, 0x88, 0x0b], noise])),
        v4(47, &join(&[&[0x40, 0, 8, 0], &[0; 4], &sample()])),
        v4(47, &[0x20, 0, 8]),
        v4(4, noise),
        v4(41, &sample()),
    ];
    for data in &data {
        let packet = packet(RAW, data);
        assert_eq!((packet.protocol, packet.destination_port), (data[9], 0));
        assert_eq!(packet.payload, &data[20..]);
    }
}

#[test]
fn a_tunnel_whose_inner_headers_were_cut_off_is_dropped() {
    for (name, data) in every_tunnel() {
        let inner_headers = data.len() - b"wormsift".len();
        for end in inner_headers - 20..inner_headers {
            let dropped = decode(RAW, &data[..end]);
            assert!(
                matches!(dropped, Decoded::Drop(reason) if reason.is_short()),
                "{name}"
            );
        }
    }
}

#[test]
fn tunnels_are_followed_to_a_fixed_depth() {
    let mut data = sample();
    for _ in 0..MAX_DEPTH {
        data = v4(4, &data);
    }
    assert_sample(&packet(RAW, &data));
    assert_eq!(dropped(RAW, &v4(4, &data)), Drop::TunnelTooDeep);
    let mut data = ethernet(0x0800, &sample());
    for _ in 0..=MAX_DEPTH {
        data = ethernet(0x8847, &join(&[&[0, 6, 65, 64, 0, 0, 0, 0], &data]));
    }
    assert_eq!(dropped(LinkType::ETHERNET, &data), Drop::TunnelTooDeep);
    for _ in 0..1_500 {
        data = v4(4, &data[..data.len().min(60_000)]);
    }
    assert_eq!(dropped(RAW, &data), Drop::TunnelTooDeep);
}

#[test]
fn a_wrong_checksum_inside_does_not_make_the_outer_packet_good() {
    let mut inner = sample();
    inner[8] ^= 1;
    let data = v4(4, &inner);
    let strict = Decoder::new(true, true).frame(&frame(RAW, &data));
    assert_eq!(strict, Decoded::Drop(Drop::ChecksumIpv4));
}

#[test]
fn a_fragment_in_a_tunnel_keeps_its_wrapping_and_depth() {
    let data = v4(4, &v4_at(17, 0x2000, &[7; 16]));
    let piece = fragment(RAW, &data);
    assert_eq!(piece.depth, 1);
    assert_eq!(piece.encapsulation, packet(RAW, &v4(4, &sample())).encapsulation);
}
