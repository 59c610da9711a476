//! Every encapsulation above the link layer, by headers written out byte for byte.

use super::*;
use crate::decode::{Layer, Stop, tunnel};
use std::collections::BTreeSet;

const RAW: LinkType = LinkType::RAW;

/// An Ethernet frame around the sample.
fn framed() -> Vec<u8> {
    ethernet(0x0800, &sample())
}

/// An Ethernet frame whose destination begins with the given byte.
fn framed_to(first: u8) -> Vec<u8> {
    let mut frame = framed();
    frame[0] = first;
    frame
}

fn gre(flags: u16, protocol: u16, fields: &[u8], inner: &[u8]) -> Vec<u8> {
    v4(47, &join(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), fields, inner]))
}

fn over(port: u16, payload: &[u8]) -> Vec<u8> {
    v4(17, &udp(40_000, port, payload))
}

fn label(label: u32, inner: &[u8]) -> Vec<u8> {
    join(&[&((label << 12) | 0x140).to_be_bytes(), inner])
}

fn mpls(inner: &[u8]) -> Vec<u8> {
    gre(0, 0x8847, &[], &label(100, inner))
}

fn gtp(flags: u8, options: &[u8], inner: &[u8]) -> Vec<u8> {
    let len = (options.len() + inner.len()) as u16;
    let start = [flags, 255, (len >> 8) as u8, len as u8, 0, 0, 0, 77];
    over(2_152, &join(&[&start, options, inner]))
}

fn ppp_ip() -> Vec<u8> {
    join(&[&[0x00, 0x21], &sample()])
}

/// A header of ERSPAN type III; `last` holds the direction and whether eight bytes more
/// follow.
fn erspan_3(frame_type: u8, last: u8) -> [u8; 12] {
    [0x20, 5, 0, 9, 0, 0, 0, 1, 0, 0, frame_type << 2, last]
}

/// Every encapsulation: name and bytes from the IP header on; each must give the sample.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let sequence = [0, 0, 0, 1];
    let erspan_2 = [0x10, 5, 0, 9, 0, 0, 0, 1];
    let l2tp = |start: &[u8], inner: &[u8]| over(1_701, &join(&[start, inner]));
    let session = [0, 0, 0, 33];
    let nsh = |next: u8, inner: &[u8]| {
        join(&[&[0x0f, 0xc6, 1, next, 0, 0, 7, 255], &[9; 16], inner])
    };
    let gpe = |next: u8, inner: &[u8]| {
        over(4_790, &join(&[&[0x0c, 0, 0, next, 0, 0, 5, 0], inner]))
    };
    let teredo = |start: &[u8]| over(3_544, &join(&[start, &sample_6()]));
    let authentication = join(&[&[0, 1, 2, 3], b"id", b"val", &[7; 8], &[0]]);
    let origin = [0, 0, 0x12, 0x34, 1, 2, 3, 4];
    let ah = |next: u8| join(&[&[next, 4, 0, 0], &[1; 8], &[2; 12]]);
    let full_l2tp = join(&[
        &[0x4a, 2],
        &(2 + 2 + 4 + 4 + 2 + 4 + ppp_ip().len() as u16 + 2).to_be_bytes(),
        &[0, 1, 0, 2, 0, 3, 0, 4, 0, 4, 9, 9, 9, 9, 0xff, 0x03],
    ]);
    let pptp_len = (ppp_ip().len() as u16).to_be_bytes();
    vec![
        ("erspan 1", gre(0, 0x88be, &[], &framed())),
        ("erspan 1, address begins with 1", gre(0, 0x88be, &[], &framed_to(0x10))),
        ("erspan 2", gre(0x1000, 0x88be, &sequence, &join(&[&erspan_2, &framed()]))),
        ("erspan 2 keyed", gre(0x3000, 0x88be, &[7; 8], &join(&[&erspan_2, &framed()]))),
        ("erspan 2 no sequence", gre(0, 0x88be, &[], &join(&[&erspan_2, &framed()]))),
        (
            "erspan 3",
            gre(0x1000, 0x22eb, &sequence, &join(&[&erspan_3(0, 0), &framed()])),
        ),
        (
            "erspan 3 platform",
            gre(0x1000, 0x22eb, &sequence, &join(&[&erspan_3(0, 9), &[6; 8], &framed()])),
        ),
        (
            "erspan 3 ip",
            gre(0x1000, 0x22eb, &sequence, &join(&[&erspan_3(2, 0), &sample()])),
        ),
        (
            "erspan 3 under the older number",
            gre(0x1000, 0x88be, &sequence, &join(&[&erspan_3(0, 0), &framed()])),
        ),
        ("gre ppp", gre(0, 0x880b, &[], &join(&[&[0xff, 0x03], &ppp_ip()]))),
        ("pptp", gre(0x3001, 0x880b, &join(&[&pptp_len, &[0, 7], &sequence]), &ppp_ip())),
        (
            "pptp acknowledging, short protocol",
            gre(
                0x3081,
                0x880b,
                &join(&[&[0, pptp_len[1] - 1, 0, 7], &[1; 8]]),
                &ppp_ip()[1..],
            ),
        ),
        ("wccp 2", gre(0, 0x883e, &[], &join(&[&[0, 1, 2, 3], &sample()]))),
        ("wccp 1", gre(0, 0x883e, &[], &sample())),
        ("gre nsh", gre(0, 0x894f, &[], &nsh(1, &sample()))),
        ("gre nsh 6", gre(0, 0x894f, &[], &nsh(2, &sample_6()))),
        ("gre nsh ethernet", gre(0, 0x894f, &[], &nsh(3, &framed()))),
        ("gre nsh mpls", gre(0, 0x894f, &[], &nsh(5, &label(99, &sample())))),
        ("gtp-u", gtp(0x30, &[], &sample())),
        ("gtp-u 6", gtp(0x30, &[], &sample_6())),
        ("gtp-u ethernet", gtp(0x30, &[], &framed())),
        ("gtp-u sequence", gtp(0x32, &[0, 1, 0, 0], &sample())),
        ("gtp-u session", gtp(0x34, &[0, 0, 0, 0x85, 1, 0x10, 9, 0], &sample())),
        (
            "gtp-u two extensions",
            gtp(0x36, &[0, 1, 0, 0xc0, 1, 0, 1, 0x85, 2, 1, 2, 3, 4, 5, 6, 0], &sample()),
        ),
        (
            "gtp 0",
            over(
                3_386,
                &join(&[
                    &[0x1e, 255],
                    &(sample().len() as u16).to_be_bytes(),
                    &[0; 16],
                    &sample(),
                ]),
            ),
        ),
        ("vxlan 8472", over(8_472, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &framed()]))),
        ("vxlan policy", over(4_789, &join(&[&[0x88, 0, 9, 9, 0, 0, 5, 0], &framed()]))),
        ("gpe 4", gpe(1, &sample())),
        ("gpe 6", gpe(2, &sample_6())),
        ("gpe ethernet", gpe(3, &framed())),
        ("gpe nsh", gpe(4, &nsh(3, &framed()))),
        ("gpe mpls", gpe(5, &label(99, &sample()))),
        ("gpe none named", over(4_790, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &framed()]))),
        ("l2tp 2", l2tp(&[0, 2, 0, 1, 0, 2], &join(&[&[0xff, 0x03], &ppp_ip()]))),
        ("l2tp 2 all fields", l2tp(&full_l2tp, &ppp_ip())),
        ("l2tp 3 over udp", l2tp(&join(&[&[0, 3, 0, 0], &session, &[8; 4]]), &framed())),
        ("l2tp 3", v4(115, &join(&[&session, &framed()]))),
        ("l2tp 3 sublayer", v4(115, &join(&[&session, &[0x40, 0, 0, 1], &framed()]))),
        ("l2tp 3 cookie", v4(115, &join(&[&session, &[3; 12], &framed()]))),
        ("l2tp 3 ppp", v4(115, &join(&[&session, &[0xff, 0x03], &ppp_ip()]))),
        ("l2tp 3 ip", v6(115, &join(&[&session, &sample()]))),
        ("teredo", teredo(&[])),
        ("teredo origin", teredo(&origin)),
        ("teredo authentication", teredo(&authentication)),
        ("teredo both", teredo(&join(&[&authentication, &origin]))),
        ("teredo from the port", v4(17, &udp(3_544, 9, &sample_6()))),
        ("pseudowire", mpls(&join(&[&[0, 0, 0, 9], &framed_to(0x02)]))),
        ("pseudowire bare", mpls(&framed_to(0x02))),
        ("pseudowire bare, address begins with 4", mpls(&framed_to(0x44))),
        ("pseudowire bare, address begins with 6", mpls(&framed_to(0x60))),
        ("pseudowire bare, address begins with 1", mpls(&framed_to(0x1c))),
        ("pseudowire bare, tagged", mpls(&ethernet(0x8100, &vlan(7, 0x0800, &sample())))),
        ("pseudowire of ip", mpls(&join(&[&[0, 0, 0, 9], &sample()]))),
        ("mpls in udp", over(6_635, &label(70, &sample()))),
        ("mpls in ip", v4(137, &label(70, &sample()))),
        ("gre in udp", over(4_754, &join(&[&[0, 0, 8, 0], &sample()]))),
        ("ah 4", v4(51, &join(&[&ah(17), &udp(1_234, 5_678, b"wormsift")]))),
        ("ah 6", v6(51, &join(&[&ah(17), &udp(1_234, 5_678, b"wormsift")]))),
        ("ah 4 in 6", v6(51, &join(&[&ah(4), &sample()]))),
        ("pim register", v4(103, &join(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &sample()]))),
        ("pim register 6", v6(103, &join(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &sample_6()]))),
        ("etherip", v4(97, &join(&[&[0x30, 0], &framed()]))),
        ("ipip", v4(94, &sample())),
        ("lisp", over(4_341, &join(&[&[0x80, 1, 2, 3, 0, 0, 0, 1], &sample()]))),
        ("lisp 6", over(4_341, &join(&[&[0x80, 1, 2, 3, 0, 0, 0, 1], &sample_6()]))),
        ("gue", over(6_080, &join(&[&[0x01, 4, 0, 0], &[0; 4], &sample()]))),
        ("gue of ip at once", over(6_080, &sample())),
        ("tzsp", over(37_008, &join(&[&[1, 0, 0, 1, 0, 10, 1, 5, 1], &framed()]))),
        ("capwap", over(5_247, &join(&[&[0, 0x10, 0, 0, 0, 0, 0, 0], &framed()]))),
        (
            "ayiya",
            over(
                5_072,
                &join(&[
                    &[0x41, 0x52, 0x11, 41],
                    &[0; 4],
                    &[5; 16],
                    &[6; 20],
                    &sample_6(),
                ]),
            ),
        ),
    ]
}

#[test]
fn each_encapsulation_gives_the_innermost_packet() {
    for (name, data) in all() {
        println!("{name}");
        let (decoded, stop) =
            Decoder::new(true, false).frame_and_stop(&frame(RAW, &data));
        let Decoded::Packet(packet) = decoded else { panic!("{name}: {decoded:?}") };
        assert_sample(&packet);
        assert_eq!(stop, Stop::NONE, "{name}");
    }
}

/// What the decoder lists as opened is among the bytes that the tests here begin from.
#[test]
fn each_tunnel_of_the_tables_has_bytes_here() {
    let (mut protocols, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for (_, data) in all().into_iter().chain(super::tunnels::every_tunnel()) {
        let (protocol, inner) = match data[0] >> 4 {
            4 => (data[9], &data[20..]),
            _ => (data[6], &data[40..]),
        };
        protocols.insert(protocol);
        if protocol == 17 {
            ports.insert(u16::from_be_bytes([inner[2], inner[3]]));
        }
    }
    let opened = |read: &str| !read.starts_with("counted as ");
    for row in tunnel::PROTOCOLS.iter().filter(|row| opened(row.read)) {
        let there = protocols.contains(&row.number);
        assert!(there, "{}: give `all` a row of IP protocol {}", row.name, row.number);
    }
    for row in tunnel::ports::UDP_TUNNELS.iter().filter(|row| opened(row.read)) {
        let there = ports.contains(&row.port);
        assert!(there, "{}: give `all` a row to UDP port {}", row.name, row.port);
    }
}

#[test]
fn a_cut_anywhere_gives_no_wrong_packet_and_no_panic() {
    for (name, data) in all() {
        for end in 0..data.len() {
            let whole =
                Frame { original_len: data.len() as u32, ..frame(RAW, &data[..end]) };
            let (decoded, stop) = Decoder::new(true, false).frame_and_stop(&whole);
            match decoded {
                Decoded::Packet(packet) if packet.protocol == 17 => {
                    let known = [1_234, 40_000, 3_544].contains(&packet.source_port);
                    assert!(known || end < 40, "{name}");
                }
                Decoded::Packet(_) | Decoded::Fragment(_) => {}
                Decoded::Drop(reason) => {
                    assert!(reason.is_short(), "{name}: {reason:?}");
                    assert_eq!(stop.layer, Layer::Truncated, "{name}");
                }
            }
        }
    }
}

#[test]
fn any_byte_may_be_wrong() {
    for (_, data) in all() {
        for place in 0..data.len() {
            for value in [0, 1, 0x45, 0x7f, 0xff] {
                let mut damaged = data.clone();
                damaged[place] = value;
                Decoder::new(true, true).frame_and_stop(&frame(RAW, &damaged));
            }
        }
    }
}

/// The outer packet's payload, and what was noted.
fn outer(data: &[u8]) -> (usize, Stop) {
    let (decoded, stop) = Decoder::new(true, false).frame_and_stop(&frame(RAW, data));
    match decoded {
        Decoded::Packet(packet) => (packet.payload.len(), stop),
        other => panic!("no packet but {other:?}"),
    }
}

#[test]
fn a_port_alone_makes_no_tunnel() {
    let noise = b"this port is used by something else, as any port may be";
    let rows = tunnel::ports::UDP_TUNNELS.iter();
    let ports: Vec<u16> = rows.map(|row| row.port).chain([4_789, 8_472]).collect();
    for port in ports {
        for data in [noise.to_vec(), vec![0; 60], vec![0xff; 60], noise[..3].to_vec()] {
            // ESP begins with any number but zero, and QUIC and OpenVPN have no more
            // than a few bits that are fixed.
            let (payload, stop) = outer(&over(port, &data));
            assert_eq!(payload, data.len(), "{port}: the datagram is kept whole");
            let sealed =
                stop.layer == Layer::Sealed && [4_500, 443, 1_194].contains(&port);
            assert!(stop.is_none() || sealed, "{port}: {stop:?} {data:?}");
        }
    }
}

#[test]
fn what_is_in_a_tunnel_and_not_read_is_noted_and_the_outer_packet_counts() {
    let noted = |data: &[u8]| {
        let (_, stop) = outer(data);
        (stop.layer, stop.code)
    };
    let vxlan = |inner: &[u8]| over(4_789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], inner]));
    assert_eq!(noted(&vxlan(&ethernet(0x8906, &[0; 40]))), (Layer::Ethertype, 0x8906));
    assert_eq!(noted(&vxlan(&ethernet(0x0806, &[0; 28]))), (Layer::Ethertype, 0x0806));
    assert_eq!(noted(&gre(0, 0x880b, &[], &[0xc0, 0x21, 1, 1])), (Layer::Ppp, 0xc021));
    assert_eq!(noted(&gre(0, 0x1234, &[], &[0; 40])), (Layer::Ethertype, 0x1234));
    assert_eq!(noted(&gre(0x2001, 0x880b, &[0, 0, 0, 7], &[])), (Layer::Control, 0));
    assert_eq!(noted(&gtp(0x30, &[], &[0xc0; 40])).0, Layer::Tunnel);
    let echo = over(2_152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(noted(&echo), (Layer::Control, 0));
    assert_eq!(
        noted(&over(1_701, &[0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0])).0,
        Layer::Control
    );
    assert_eq!(noted(&v4(103, &[0x20, 0, 0, 0, 0, 1, 0, 2])), (Layer::IpProtocol, 103));
    assert_eq!(noted(&v4(200, &[7; 40])), (Layer::IpProtocol, 200));
    assert_eq!(noted(&v4(17, &udp(9, 53, b"plain"))), (Layer::None, 0));
}

#[test]
fn what_is_encrypted_is_noted_by_kind() {
    let kind = |data: &[u8]| {
        let (_, stop) = outer(data);
        assert_eq!(stop.layer, Layer::Sealed);
        let (packets, _) = stop.unread().unwrap().names();
        packets.trim_end_matches("_packets")
    };
    let padded = |start: &[u8], len: usize| {
        let mut bytes = start.to_vec();
        bytes.resize(len, 0xa5);
        bytes
    };
    assert_eq!(kind(&v4(50, &[7; 60])), "esp");
    assert_eq!(kind(&v6(108, &[7; 60])), "ipcomp");
    assert_eq!(kind(&over(4_500, &[7; 60])), "esp_in_udp");
    assert_eq!(kind(&over(51_820, &padded(&[4, 0, 0, 0], 96))), "wireguard");
    assert_eq!(kind(&v4(17, &udp(51_820, 9, &padded(&[1, 0, 0, 0], 148)))), "wireguard");
    assert_eq!(kind(&over(1_194, &padded(&[9 << 3], 80))), "openvpn");
    assert_eq!(kind(&over(443, &padded(&[0xc3, 0, 0, 0, 1], 1_200))), "quic");
    assert_eq!(kind(&v4(17, &udp(443, 50_000, &padded(&[0x41], 60)))), "quic");
    assert_eq!(kind(&over(443, &padded(&[23, 0xfe, 0xfd], 60))), "dtls");
    assert_eq!(kind(&gre(0, 0x880b, &[], &padded(&[0x00, 0xfd], 60))), "ppp_sealed");
    let key_exchange = outer(&over(4_500, &padded(&[0, 0, 0, 0, 1], 60)));
    assert_eq!(key_exchange.1, Stop::NONE);
}

#[test]
fn macsec_is_read_where_it_only_protects_integrity() {
    let tag = |first: u8, inner: &[u8]| {
        let channel: &[u8] = if first & 0x20 != 0 { &[5; 8] } else { &[] };
        ethernet(0x88e5, &join(&[&[first, 0, 0, 0, 0, 1], channel, inner, &[0xee; 16]]))
    };
    let clear = join(&[&[0x08, 0x00], &sample()]);
    for first in [0x00, 0x20] {
        let data = tag(first, &clear);
        let (decoded, stop) =
            Decoder::new(true, false).frame_and_stop(&frame(LinkType::ETHERNET, &data));
        let Decoded::Packet(packet) = decoded else { panic!("{decoded:?}") };
        assert_sample(&packet);
        assert!(stop.is_none());
    }
    let data = tag(0x2c, &[0x99; 60]);
    let (decoded, stop) =
        Decoder::new(true, false).frame_and_stop(&frame(LinkType::ETHERNET, &data));
    assert_eq!(decoded, Decoded::Drop(Drop::LinkEncrypted));
    assert_eq!(stop.layer, Layer::Sealed);
}

#[test]
fn vxlan_is_read_at_the_ports_that_are_set_and_suspected_at_others() {
    let data = over(12_345, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &framed()]));
    let (_, stop) = outer(&data);
    assert_eq!((stop.layer, stop.code), (Layer::VxlanPort, 12_345));
    let told = Decoder::new(true, false).with_vxlan_ports(&[12_345]);
    let Decoded::Packet(packet) = told.frame(&frame(RAW, &data)) else { panic!() };
    assert_sample(&packet);
    let at_4789 = over(4_789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &framed()]));
    let Decoded::Packet(packet) = told.frame(&frame(RAW, &at_4789)) else { panic!() };
    assert_eq!(packet.destination_port, 4_789, "the list replaces the default");
}

#[test]
fn an_ip_packet_in_an_echo_is_noted_and_stays_an_echo() {
    let echo =
        |kind: u8, inner: &[u8]| v4(1, &join(&[&[kind, 0, 0, 0, 0, 1, 0, 1], inner]));
    assert_eq!(outer(&echo(8, &sample())).1.layer, Layer::IcmpEcho);
    assert_eq!(outer(&echo(8, &sample())).0, sample().len());
    // An error quotes a packet by right.
    assert_eq!(outer(&echo(3, &sample())).1, Stop::NONE);
    let mut wrong = sample();
    wrong[8] ^= 1;
    assert_eq!(outer(&echo(8, &wrong)).1, Stop::NONE);
}

#[test]
fn guesses_below_labels_do_not_multiply() {
    // Each level can be read in three ways, and none of them ends in a packet.
    let mut data = vec![0_u8; 60];
    for _ in 0..40 {
        data = label(100, &join(&[&[0; 4], &ethernet(0x8847, &data)]));
    }
    let data = ethernet(0x8847, &data);
    assert_eq!(dropped(LinkType::ETHERNET, &data), Drop::TunnelTooDeep);
}

#[test]
fn both_directions_of_a_tunnel_are_one_flow() {
    let number = |data: &[u8]| packet(RAW, data).encapsulation;
    let there = gtp(0x30, &[], &sample());
    let mut back = there.clone();
    // The number of the other direction's end.
    back[20 + 8 + 7] = 200;
    assert_eq!(number(&there), number(&back));
    assert_ne!(number(&there), number(&v4(4, &sample())));
}
