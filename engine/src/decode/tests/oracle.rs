//! Where etherparse speaks too, both must say the same.

use etherparse::{
    IpAuthHeader, IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header,
    Ipv4Options, Ipv6Extensions, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader,
    Ipv6RoutingExtensions, LaxNetSlice, LaxSlicedPacket, PacketBuilder, TcpHeader,
    TransportSlice,
};
use proptest::prelude::*;

use super::*;
use std::net::IpAddr;

/// What etherparse makes of a frame, in our words.
#[derive(Debug)]
enum Expected<'a> {
    Packet {
        flow: (IpAddr, IpAddr, u8, u16, u16),
        tcp: (u32, u32, u8),
        payload: &'a [u8],
    },
    Fragment {
        flow: (IpAddr, IpAddr),
        place: (u32, u16, bool),
        bytes: &'a [u8],
    },
    /// A header is not all there, or a fragment is not.
    Short,
    /// A protocol that etherparse does not read, or a fragment in which it goes
    /// on to the next header: we do so in the whole datagram only.
    NotJudged,
}

fn expected(data: &[u8]) -> Expected<'_> {
    let Ok(sliced) = LaxSlicedPacket::from_ethernet(data) else { return Expected::Short };
    let Some(net) = &sliced.net else { return Expected::Short };
    // Its walk over extension headers reads out of bounds where one is cut off,
    // so the walk below must not begin.
    if sliced.stop_err.is_some() {
        return Expected::Short;
    }
    let (source, destination, place): (IpAddr, IpAddr, _) = match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let place = (
                header.identification().into(),
                header.fragments_offset().byte_offset(),
                header.more_fragments(),
            );
            if ip.is_payload_fragmented() && ip.extensions().auth.is_some() {
                return Expected::NotJudged;
            }
            (header.source_addr().into(), header.destination_addr().into(), place)
        }
        LaxNetSlice::Ipv6(ip) => {
            let mut place = (0, 0, false);
            for extension in ip.extensions().clone() {
                if place.1 > 0 || place.2 {
                    return Expected::NotJudged;
                }
                if let etherparse::Ipv6ExtensionSlice::Fragment(header) = extension {
                    place = (
                        header.identification(),
                        header.fragment_offset().byte_offset(),
                        header.more_fragments(),
                    );
                }
            }
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), place)
        }
        LaxNetSlice::Arp(_) => return Expected::Short,
    };
    let ip = net.ip_payload_ref().expect("it is IP");
    if ip.fragmented && ip.incomplete {
        return Expected::Short;
    }
    if ip.fragmented {
        return Expected::Fragment {
            flow: (source, destination),
            place,
            bytes: ip.payload,
        };
    }
    let icmp_port = |kind, code| u16::from_be_bytes([kind, code]);
    let (ports, tcp, payload) = match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => (
            (tcp.source_port(), tcp.destination_port()),
            (tcp.sequence_number(), tcp.acknowledgment_number(), tcp.slice()[13]),
            tcp.payload(),
        ),
        Some(TransportSlice::Udp(udp)) => {
            ((udp.source_port(), udp.destination_port()), (0, 0, 0), udp.payload())
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            ((0, icmp_port(icmp.type_u8(), icmp.code_u8())), (0, 0, 0), icmp.payload())
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            ((0, icmp_port(icmp.type_u8(), icmp.code_u8())), (0, 0, 0), icmp.payload())
        }
        // Their ports are not its business.
        None if [33, 132, 136].contains(&ip.ip_number.0) => return Expected::NotJudged,
        // IGMP is one of the other protocols here.
        Some(TransportSlice::Igmp(_)) | None => ((0, 0), (0, 0, 0), ip.payload),
    };
    let flow = (source, destination, ip.ip_number.0, ports.0, ports.1);
    Expected::Packet { flow, tcp, payload }
}

fn assert_agreement(data: &[u8]) -> Result<(), TestCaseError> {
    let found = Decoder::new(false, false).frame(&frame(LinkType::ETHERNET, data));
    let wanted = expected(data);
    match (&found, &wanted) {
        (Decoded::Packet(found), Expected::Packet { flow, tcp, payload }) => {
            let found_flow = (
                found.source,
                found.destination,
                found.protocol,
                found.source_port,
                found.destination_port,
            );
            prop_assert_eq!(found_flow, *flow);
            prop_assert_eq!(
                (found.sequence, found.acknowledgement, found.tcp_flags),
                *tcp
            );
            prop_assert_eq!(found.payload, *payload);
        }
        (Decoded::Fragment(found), Expected::Fragment { flow, place, bytes }) => {
            prop_assert_eq!((found.source, found.destination), *flow);
            prop_assert_eq!((found.identification, found.offset, found.more), *place);
            prop_assert_eq!(found.bytes, *bytes);
        }
        (_, Expected::NotJudged) | (Decoded::Drop(_), Expected::Short) => {}
        // Type and code are enough for us; etherparse wants all eight bytes.
        (Decoded::Packet(found), Expected::Short)
            if [protocol::ICMP, protocol::ICMPV6].contains(&found.protocol)
                && found.payload.is_empty() => {}
        _ => prop_assert!(false, "{found:?} for {wanted:?}"),
    }
    Ok(())
}

/// A 13-bit offset in units of 8 bytes, and whether more follow; often neither.
fn position() -> impl Strategy<Value = (u16, bool)> {
    prop_oneof![3 => Just((0, false)), 1 => (0_u16..0x2000, any::<bool>())]
}

fn extension() -> impl Strategy<Value = Option<Ipv6RawExtHeader>> {
    prop::option::of((0_usize..4, any::<u8>()).prop_map(|(words, fill)| {
        // No segments left, so that the checksum covers the destination shown.
        let mut body = vec![fill; 6 + 8 * words];
        body[1] = 0;
        Ipv6RawExtHeader::new_raw(IpNumber(0), &body).unwrap()
    }))
}

fn authentication() -> impl Strategy<Value = Option<IpAuthHeader>> {
    prop::option::weighted(
        0.2,
        (any::<u32>(), 0_usize..4).prop_map(|(spi, words)| {
            IpAuthHeader::new(IpNumber(0), spi, 1, &vec![7; 8 * words + 4]).unwrap()
        }),
    )
}

fn ip() -> impl Strategy<Value = IpHeaders> {
    let v4 = (
        any::<[u8; 4]>(),
        any::<[u8; 4]>(),
        any::<u16>(),
        position(),
        0_usize..11,
        authentication(),
    )
        .prop_map(
            |(source, destination, identification, (offset, more), words, auth)| {
                let mut header =
                    Ipv4Header::new(0, 64, IpNumber(0), source, destination).unwrap();
                header.identification = identification;
                // Not judged: see there.
                let auth = auth.filter(|_| offset == 0 && !more);
                header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
                header.more_fragments = more;
                header.dont_fragment = identification % 2 == 0;
                header.options = Ipv4Options::try_from(&vec![1; 4 * words][..]).unwrap();
                IpHeaders::Ipv4(header, Ipv4Extensions { auth })
            },
        );
    let v6 = (
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        (extension(), extension(), extension(), extension()),
        prop::option::of((position(), any::<u32>())),
        authentication(),
    )
        .prop_map(|(source, destination, options, fragment, auth)| {
            let header = Ipv6Header { source, destination, ..Default::default() };
            let (hop_by_hop_options, destination_options, routing, last) = options;
            let routing = routing.map(|routing| Ipv6RoutingExtensions {
                routing,
                final_destination_options: last,
            });
            let fragment = fragment.map(|((offset, more), identification)| {
                let offset = IpFragOffset::try_new(offset).unwrap();
                Ipv6FragmentHeader::new(IpNumber(0), offset, more, identification)
            });
            let whole = fragment.as_ref().is_none_or(|it| !it.is_fragmenting_payload());
            let auth = auth.filter(|_| whole);
            let routing = routing.filter(|_| whole);
            let extensions = Ipv6Extensions {
                hop_by_hop_options,
                destination_options,
                routing,
                fragment,
                auth,
            };
            IpHeaders::Ipv6(header, extensions)
        });
    prop_oneof![v4, v6]
}

/// An Ethernet frame of random headers, with its padding, and the length of its padding.
fn frames() -> impl Strategy<Value = (Vec<u8>, usize)> {
    (
        prop::collection::vec(0_u16..4_096, 0..=3),
        ip(),
        0_u8..4,
        any::<(u16, u16, u32, u16)>(),
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 0..200),
        0_usize..20,
    )
        .prop_map(|(vlans, ip, kind, numbers, options, payload, padding)| {
            let is_v4 = ip.ipv4().is_some();
            let builder = PacketBuilder::ip(ip);
            let (source, destination, sequence, flags) = numbers;
            let mut bytes = Vec::new();
            match kind {
                0 => {
                    let mut header = TcpHeader::new(source, destination, sequence, 100);
                    (header.fin, header.syn) = (flags & 1 != 0, flags & 2 != 0);
                    (header.rst, header.ack) = (flags & 4 != 0, flags & 8 != 0);
                    (header.psh, header.urg) = (flags & 16 != 0, flags & 32 != 0);
                    header.set_options_raw(&options).unwrap();
                    builder.tcp_header(header).write_to_vec(&mut bytes, &payload)
                }
                1 => builder.udp(source, destination).write_to_vec(&mut bytes, &payload),
                2 if is_v4 => builder
                    // Timestamps have a header of their own length in etherparse.
                    .icmpv4_raw(flags as u8 % 13, source as u8, sequence.to_be_bytes())
                    .write_to_vec(&mut bytes, &payload),
                2 => builder
                    .icmpv6_raw(flags as u8, source as u8, sequence.to_be_bytes())
                    .write_to_vec(&mut bytes, &payload),
                // Numbers that nobody decodes further.
                _ => builder.write_to_vec(
                    &mut bytes,
                    IpNumber(90 + flags as u8 % 30),
                    &payload,
                ),
            }
            .unwrap();
            let mut ethertype = if is_v4 { 0x0800 } else { 0x86dd };
            for id in vlans {
                bytes = vlan(id, ethertype, &bytes);
                ethertype = if id % 2 == 0 { 0x8100 } else { 0x88a8 };
            }
            let mut data = ethernet(ethertype, &bytes);
            data.resize(data.len() + padding, 0x5a);
            (data, padding)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whole_padded_and_cut_frames_are_read_as_etherparse_reads_them(
        (data, _) in frames(),
        cut in any::<prop::sample::Index>(),
    ) {
        assert_agreement(&data)?;
        assert_agreement(&data[..cut.index(data.len())])?;
    }

    #[test]
    fn damaged_frames_that_both_accept_are_read_alike(
        (mut data, _) in frames(),
        damage in prop::collection::vec((0_usize..110, any::<u8>()), 1..4),
    ) {
        for (place, value) in damage {
            if let Some(byte) = data.get_mut(place) {
                *byte = value;
            }
        }
        let found = Decoder::new(false, false).frame(&frame(LinkType::ETHERNET, &data));
        if !matches!((found, expected(&data)), (Decoded::Drop(_), _) | (_, Expected::Short)) {
            assert_agreement(&data)?;
        }
    }

    #[test]
    fn checksums_that_etherparse_writes_hold_and_a_flipped_bit_does_not(
        (data, padding) in frames(),
        bit in 0_u32..8,
    ) {
        let strict = Decoder::new(false, true);
        let found = strict.frame(&frame(LinkType::ETHERNET, &data));
        prop_assert!(!matches!(found, Decoded::Drop(_)), "{found:?}");
        let Decoded::Packet(packet) = found else { return Ok(()) };
        let checked = [6, 17, 58].contains(&packet.protocol)
            || (packet.protocol == protocol::ICMP && packet.source.is_ipv4());
        let last = data.len() - padding - 1;
        if checked && !packet.payload.is_empty() {
            let mut wrong = data.clone();
            wrong[last] ^= 1 << bit;
            let found = strict.frame(&frame(LinkType::ETHERNET, &wrong));
            prop_assert!(matches!(found, Decoded::Drop(_)), "{found:?}");
        }
    }
}

#[test]
fn the_generator_reaches_packets_fragments_and_drops_of_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..1_000 {
        let (data, _) = frames().new_tree(&mut runner).unwrap().current();
        let kind = match expected(&data) {
            Expected::Packet { flow: (source, _, number, ..), .. } => {
                (source.is_ipv4(), number.min(90))
            }
            Expected::Fragment { flow: (source, _), .. } => (source.is_ipv4(), 255),
            Expected::Short | Expected::NotJudged => {
                panic!("etherparse cannot read its own frame: {data:?}")
            }
        };
        *seen.entry(kind).or_insert(0) += 1;
    }
    let kinds: Vec<_> = seen.keys().copied().collect();
    assert_eq!(
        kinds,
        [
            (false, 6),
            (false, 17),
            (false, 58),
            (false, 90),
            (false, 255),
            (true, 1),
            (true, 6),
            (true, 17),
            (true, 90),
            (true, 255),
        ]
    );
}
