//! Against hand-built frames, and against etherparse where both speak.

use super::*;
use crate::packet::LinkType;
use etherparse::{
    LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice, UdpSlice, VlanId,
};
use proptest::prelude::*;
use std::net::IpAddr;

fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::from_nanos(1),
        link,
        original_len: data.len() as u32,
        data,
    }
}

const TUNNELS: Decoder = Decoder::new(true, false);

fn packet<'a>(link: LinkType, data: &'a [u8]) -> Packet<'a> {
    match TUNNELS.frame(&frame(link, data)) {
        Decoded::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn dropped(link: LinkType, data: &[u8]) -> Drop {
    match TUNNELS.frame(&frame(link, data)) {
        Decoded::Drop(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// An IPv4 UDP datagram from its IP header on.
fn udp4(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64)
        .udp(1_000, 2_000)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn udp6(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([0xfd; 16], [0xfe; 16], 64)
        .udp(1_000, 2_000)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn ethernet(tags: &[u8], body: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], tags, body].concat()
}

#[test]
fn every_link_type_leads_to_the_same_packet() {
    let (v4, v6) = (udp4(b"payload"), udp6(b"payload"));
    let cases = [
        (LinkType::ETHERNET, ethernet(&[8, 0], &v4)),
        (LinkType::ETHERNET, ethernet(&[0x86, 0xdd], &v6)),
        (LinkType::ETHERNET, ethernet(&[0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4)),
        (LinkType::ETHERNET, ethernet(&[0x81, 0, 0, 5, 8, 0], &v4)),
        (
            LinkType::ETHERNET,
            ethernet(&[0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 0x91, 0, 0, 1, 8, 0], &v4),
        ),
        (LinkType::ETHERNET, ethernet(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64], &v4)),
        (LinkType::ETHERNET, ethernet(&[0x88, 0x64, 0x11, 0, 0, 7, 0, 40, 0, 0x21], &v4)),
        (LinkType::ETHERNET, ethernet(&[0x88, 0x64, 0x11, 0, 0, 7, 0, 60, 0, 0x57], &v6)),
        (LinkType::NULL, [&[2, 0, 0, 0], &v4[..]].concat()),
        (LinkType::NULL, [&[30, 0, 0, 0], &v6[..]].concat()),
        (LinkType::LOOP, [&[0, 0, 0, 24], &v6[..]].concat()),
        (LinkType::RAW, v4.clone()),
        (LinkType::RAW_BSD, v6.clone()),
        (LinkType::RAW_OPENBSD, v4.clone()),
        (LinkType::IPV4, v4.clone()),
        (LinkType::IPV6, v6.clone()),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[8, 0], &v4].concat()),
        (LinkType::LINUX_SLL2, [&[0x86, 0xdd][..], &[0; 18], &v6].concat()),
    ];
    for (link, bytes) in cases {
        let packet = packet(link, &bytes);
        assert_eq!(packet.payload, b"payload", "{link:?}");
        assert_eq!(
            (packet.source_port, packet.destination_port, packet.protocol),
            (1_000, 2_000, 17)
        );
    }
}

#[test]
fn tunnels_are_looked_through_and_change_the_flow() {
    let inner = udp4(b"inside");
    let wrap = |protocol: u8, body: &[u8]| {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .write(&mut bytes, etherparse::IpNumber(protocol), body)
            .unwrap();
        bytes
    };
    let over_udp = |port: u16, body: &[u8]| {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(5, port)
            .write(&mut bytes, body)
            .unwrap();
        bytes
    };
    let bridged = ethernet(&[8, 0], &inner);
    let cases = [
        wrap(4, &inner),
        wrap(41, &udp6(b"inside")),
        wrap(47, &[&[0, 0, 8, 0][..], &inner].concat()),
        wrap(
            47,
            &[&[0xb0, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 9, 0, 0, 0, 1][..], &inner].concat(),
        ),
        wrap(47, &[&[0, 0, 0x65, 0x58][..], &bridged].concat()),
        over_udp(4_789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &bridged].concat()),
        over_udp(
            6_081,
            &[&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4][..], &bridged].concat(),
        ),
    ];
    let plain = packet(LinkType::RAW, &inner).encapsulation;
    assert_eq!(plain, 0);
    for bytes in &cases {
        let found = packet(LinkType::RAW, bytes);
        assert_eq!(found.payload, b"inside");
        assert_ne!(found.encapsulation, plain);
        let outer = Decoder::new(false, false).frame(&frame(LinkType::RAW, bytes));
        let Decoded::Packet(outer) = outer else { panic!("{outer:?}") };
        assert_eq!(outer.source, IpAddr::from([10, 0, 0, 1]));
    }
    let broken = over_udp(4_789, b"not vxlan at all");
    let found = packet(LinkType::RAW, &broken);
    assert_eq!(
        (found.destination_port, found.payload),
        (4_789, &b"not vxlan at all"[..])
    );
}

#[test]
fn nesting_is_bounded() {
    let mut bytes = udp4(b"deep");
    for _ in 0..20 {
        let mut outer = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .write(&mut outer, etherparse::IpNumber(4), &bytes)
            .unwrap();
        bytes = outer;
    }
    assert_eq!(dropped(LinkType::RAW, &bytes), Drop::TooDeep);
    let tags = [&[0x81, 0, 0, 1].repeat(30)[..], &[8, 0]].concat();
    assert_eq!(dropped(LinkType::ETHERNET, &ethernet(&tags, &udp4(b""))), Drop::TooDeep);
}

#[test]
fn the_payload_ends_where_ip_says() {
    let mut bytes = ethernet(&[8, 0], &udp4(b"short"));
    bytes.resize(60, 0);
    assert_eq!(packet(LinkType::ETHERNET, &bytes).payload, b"short");
    let mut offloaded = udp4(b"as far as the frame goes");
    offloaded[2..4].fill(0);
    offloaded[24..26].fill(0);
    assert_eq!(packet(LinkType::RAW, &offloaded).payload, b"as far as the frame goes");
}

#[test]
fn icmp_type_and_code_are_the_port() {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .icmpv4_echo_request(7, 8)
        .write(&mut bytes, b"ping filler")
        .unwrap();
    let found = packet(LinkType::RAW, &bytes);
    assert_eq!((found.destination_port, found.payload), (8 * 256, &b"ping filler"[..]));
}

#[test]
fn what_is_not_ip_has_a_name() {
    let arp = ethernet(&[8, 6], &[0; 28]);
    assert_eq!(dropped(LinkType::ETHERNET, &arp), Drop::NotIp);
    assert_eq!(dropped(LinkType::ETHERNET, &arp[..9]), Drop::LinkShort);
    assert_eq!(dropped(LinkType(147), &arp), Drop::LinkType);
    assert_eq!(dropped(LinkType::RAW, &[0x50; 40]), Drop::IpVersion);
    assert_eq!(dropped(LinkType::RAW, &[0x43; 40]), Drop::IpLength);
    assert_eq!(dropped(LinkType::RAW, &[]), Drop::IpShort);
}

#[test]
fn wrong_checksums_are_dropped_only_when_asked_for() {
    let mut tcp = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .tcp(1, 2, 3, 4)
        .write(&mut tcp, b"odd")
        .unwrap();
    for bytes in [udp4(b"odd"), udp6(b"even"), tcp] {
        let strict = |bytes: &[u8]| {
            matches!(
                Decoder::new(true, true).frame(&frame(LinkType::RAW, bytes)),
                Decoded::Packet(_)
            )
        };
        assert!(strict(&bytes));
        let mut broken = bytes.clone();
        *broken.last_mut().unwrap() ^= 1;
        assert!(!strict(&broken));
        assert!(matches!(
            TUNNELS.frame(&frame(LinkType::RAW, &broken)),
            Decoded::Packet(_)
        ));
        // A packet that the capture cut cannot be judged.
        assert!(strict(&broken[..broken.len() - 1]));
    }
}

#[test]
fn fragments_inside_a_tunnel_and_a_tunnel_in_fragments_come_together() {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .write(&mut bytes, etherparse::IpNumber(4), &udp4(&[7; 100]))
        .unwrap();
    let (header, body) = bytes.split_at(20);
    let part = |offset: usize, end: usize, more: bool| {
        let mut part = header.to_vec();
        part[2..4].copy_from_slice(&((20 + end - offset) as u16).to_be_bytes());
        let place = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
        part[6..8].copy_from_slice(&place.to_be_bytes());
        part.extend_from_slice(&body[offset..end]);
        part
    };
    let mut pool = Defragmenter::new(4, 1 << 20);
    let mut datagram = None;
    for part in [part(64, body.len(), false), part(0, 64, true)] {
        let Decoded::Fragment(fragment) = TUNNELS.frame(&frame(LinkType::RAW, &part))
        else {
            panic!()
        };
        datagram = pool.insert(&fragment);
    }
    let datagram = datagram.unwrap();
    let Decoded::Packet(found) = TUNNELS.datagram(&datagram) else { panic!() };
    assert_eq!(
        (found.source, found.payload),
        (IpAddr::from([192, 0, 2, 1]), &[7; 100][..])
    );
    let whole = packet(LinkType::RAW, &bytes);
    assert_eq!(whole.encapsulation, found.encapsulation);
}

/// What etherparse says of a frame, where it says that all is well.
fn oracle(data: &[u8]) -> Option<(IpAddr, IpAddr, u8, u16, u16, Vec<u8>)> {
    let sliced = LaxSlicedPacket::from_ethernet(data).ok()?;
    if sliced.stop_err.is_some() {
        return None;
    }
    let (source, destination): (IpAddr, IpAddr) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            if ip.payload().fragmented {
                return None;
            }
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Ipv6(ip) => {
            if ip.payload().fragmented {
                return None;
            }
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    Some(match sliced.transport? {
        TransportSlice::Igmp(_) => return None,
        TransportSlice::Tcp(tcp) => (
            source,
            destination,
            6,
            tcp.source_port(),
            tcp.destination_port(),
            tcp.payload().to_vec(),
        ),
        TransportSlice::Udp(udp) => {
            let udp: UdpSlice<'_> = udp;
            (
                source,
                destination,
                17,
                udp.source_port(),
                udp.destination_port(),
                udp.payload().to_vec(),
            )
        }
        TransportSlice::Icmpv4(icmp) => {
            let bytes = icmp.slice();
            (
                source,
                destination,
                1,
                0,
                u16::from(bytes[0]) << 8 | u16::from(bytes[1]),
                bytes[8..].to_vec(),
            )
        }
        TransportSlice::Icmpv6(icmp) => {
            let bytes = icmp.slice();
            (
                source,
                destination,
                58,
                0,
                u16::from(bytes[0]) << 8 | u16::from(bytes[1]),
                bytes[8..].to_vec(),
            )
        }
    })
}

/// A valid frame from random choices.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let parts = (
        any::<bool>(),
        0..3_u8,
        0..3_u8,
        any::<[u8; 32]>(),
        any::<(u16, u16)>(),
        prop::collection::vec(any::<u8>(), 0..300),
    );
    parts.prop_map(|(v6, vlans, transport, addresses, ports, payload)| {
        let link = PacketBuilder::ethernet2([1; 6], [2; 6]);
        let (s, d) = addresses.split_at(16);
        let (s4, d4) = ([s[0], s[1], s[2], s[3]], [d[0], d[1], d[2], d[3]]);
        let (s6, d6) = (s.try_into().unwrap(), d.try_into().unwrap());
        let id = |n: u16| VlanId::try_new(n).unwrap();
        let ip = match (vlans, v6) {
            (0, false) => link.ipv4(s4, d4, 9),
            (0, true) => link.ipv6(s6, d6, 9),
            (1, false) => link.single_vlan(id(5)).ipv4(s4, d4, 9),
            (1, true) => link.single_vlan(id(5)).ipv6(s6, d6, 9),
            (_, false) => link.double_vlan(id(5), id(6)).ipv4(s4, d4, 9),
            (_, true) => link.double_vlan(id(5), id(6)).ipv6(s6, d6, 9),
        };
        let mut bytes = Vec::new();
        match transport {
            0 => ip.udp(ports.0, ports.1).write(&mut bytes, &payload).unwrap(),
            1 => ip.tcp(ports.0, ports.1, 77, 1_024).write(&mut bytes, &payload).unwrap(),
            _ if v6 => ip.icmpv6_echo_request(1, 2).write(&mut bytes, &payload).unwrap(),
            _ => ip.icmpv4_echo_request(1, 2).write(&mut bytes, &payload).unwrap(),
        }
        bytes
    })
}

const LINKS: [u32; 12] = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 147, 10];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn etherparse_agrees_on_whole_frames(bytes in any_frame()) {
        let expected = oracle(&bytes).expect("a valid frame");
        let plain = Decoder::new(false, true);
        let Decoded::Packet(p) = plain.frame(&frame(LinkType::ETHERNET, &bytes)) else {
            panic!("not a packet")
        };
        let found =
            (p.source, p.destination, p.protocol, p.source_port, p.destination_port, p.payload.to_vec());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn etherparse_agrees_on_frames_with_a_byte_changed(
        bytes in any_frame(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] = to;
        // Where the oracle finds all in order, so must we.
        if let Some(expected) = oracle(&bytes) {
            let decoded = Decoder::new(false, false).frame(&frame(LinkType::ETHERNET, &bytes));
            if let Decoded::Packet(p) = decoded {
                let found =
                    (p.source, p.destination, p.protocol, p.source_port, p.destination_port, p.payload.to_vec());
                prop_assert_eq!(found, expected);
            } else {
                // Lengths that are lies, which etherparse lets pass: an IPv4 total below
                // its header, a UDP length of 1 to 7.
                let lie =
                    matches!(decoded, Decoded::Drop(Drop::TransportLength | Drop::IpLength));
                prop_assert!(lie, "{:?}", decoded);
            }
        }
    }

    #[test]
    fn a_cut_frame_gives_a_prefix_of_its_payload(bytes in any_frame()) {
        let Decoded::Packet(whole) = TUNNELS.frame(&frame(LinkType::ETHERNET, &bytes)) else {
            panic!("not a packet")
        };
        for end in 0..bytes.len() {
            match TUNNELS.frame(&frame(LinkType::ETHERNET, &bytes[..end])) {
                Decoded::Packet(cut) => {
                    prop_assert!(whole.payload.starts_with(cut.payload));
                    prop_assert_eq!(cut.flow(), whole.flow());
                }
                Decoded::Fragment(_) => prop_assert!(false, "no fragment was there"),
                Decoded::Drop(_) => {}
            }
        }
    }

    #[test]
    fn nothing_panics_on_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        link in prop::sample::select(&LINKS[..]),
        checksums in any::<bool>(),
    ) {
        let decoder = Decoder::new(true, checksums);
        let mut pool = Defragmenter::new(4, 1 << 16);
        if let Decoded::Fragment(fragment) = decoder.frame(&frame(LinkType(link), &bytes))
            && let Some(datagram) = pool.insert(&fragment)
        {
            decoder.datagram(&datagram);
        }
        // The same bytes as what IP carries.
        for protocol in [0, 4, 41, 43, 44, 47, 51, 60, 6, 17, 1, 58, 132, 33, 136] {
            let datagram = Datagram {
                number: 1,
                time: Timestamp::default(),
                source: IpAddr::from([1; 16]),
                destination: IpAddr::from([2; 16]),
                protocol,
                encapsulation: 0,
                depth: 0,
                payload: bytes.clone(),
            };
            decoder.datagram(&datagram);
        }
    }
}
