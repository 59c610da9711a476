//! Whatever bytes come in: no panic, and no byte that was not in the frame.

use proptest::prelude::*;

use super::*;

const LINKS: [u32; 13] = [0, 1, 12, 14, 101, 108, 113, 147, 228, 229, 276, 2, 240];

/// Valid frames of every link type and layer, to be damaged.
fn seeds() -> Vec<(LinkType, Vec<u8>)> {
    let framed = ethernet(0x0800, &sample());
    let vxlan = udp(9, 4_789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &framed]));
    let geneve =
        udp(9, 6_081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 3, 4], &framed]));
    let gre = join(&[&[0xb0, 0, 0x65, 0x58], &[1; 12], &framed]);
    let extended = join(&[
        &[43, 0, 1, 2, 3, 4, 5, 6],
        &[51, 0, 0, 0, 3, 4, 5, 6],
        &[60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[44, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0, 0, 0, 0, 0, 0, 1],
        &tcp(1, 2, 0x18, b"payload"),
    ]);
    let packets = vec![
        sample(),
        v4(6, &tcp(1, 2, 0x18, b"some payload")),
        v4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &sample()])),
        v4(132, &[1; 40]),
        v4(33, &[4; 40]),
        v4(47, &gre),
        v4(17, &vxlan),
        v4(17, &geneve),
        v4(4, &v4(41, &sample_6())),
        v4_at(17, 0x2001, &[7; 24]),
        v4(50, &[9; 30]),
    ];
    let packets_6 = vec![
        sample_6(),
        v6(0, &extended),
        v6(58, &[128, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3]),
        v6(41, &v6(17, &vxlan)),
        v6(44, &join(&[&[17, 0, 0, 9, 0, 0, 0, 1], &[7; 24]])),
    ];
    let mut seeds = Vec::new();
    for (packets, ethertype, families) in
        [(packets, 0x0800_u16, [2_u8, 2, 2]), (packets_6, 0x86dd, [24, 28, 30])]
    {
        for (place, ip) in packets.iter().enumerate() {
            let kind = ethertype.to_be_bytes();
            let family = families[place % 3];
            let ppp = if ethertype == 0x0800 { 0x21 } else { 0x57 };
            let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &kind, ip]);
            let labelled = ethernet(0x8847, &join(&[&[0, 6, 64, 9, 0, 6, 65, 9], ip]));
            let session = join(&[&[0x11, 0, 0, 3, 0, 99, 0, ppp], ip]);
            let tagged = vlan(3, 0x8100, &vlan(4, ethertype, ip));
            seeds.extend([
                (LinkType::ETHERNET, ethernet(ethertype, ip)),
                (LinkType::ETHERNET, ethernet(0x88a8, &tagged)),
                (LinkType::ETHERNET, labelled),
                (LinkType::ETHERNET, ethernet(0x8864, &session)),
                (LinkType::ETHERNET, ethernet(snap.len() as u16, &snap)),
                (LinkType::NULL, join(&[&[family, 0, 0, 0], ip])),
                (LinkType::LOOP, join(&[&[0, 0, 0, family], ip])),
                (LinkType::RAW, ip.clone()),
                (LinkType::LINUX_SLL, join(&[&[0, 0, 0, 1], &[6; 10], &kind, ip])),
                (LinkType::LINUX_SLL2, join(&[&kind, &[0; 6], &[0, 1], &[6; 10], ip])),
                (LinkType(if ethertype == 0x0800 { 228 } else { 229 }), ip.clone()),
            ]);
        }
    }
    seeds.push((LinkType::ETHERNET, ethernet(0x0806, &[1; 28])));
    seeds
}

/// Decodes under every option and checks that what comes out lies in the frame.
pub(super) fn assert_within(link: LinkType, data: &[u8]) {
    for (tunnels, checksums) in
        [(true, false), (true, true), (false, false), (false, true)]
    {
        let bytes = match Decoder::new(tunnels, checksums).frame(&frame(link, data)) {
            Decoded::Packet(packet) => {
                assert_eq!((packet.number, packet.time.as_nanos()), (7, 9));
                packet.payload
            }
            Decoded::Fragment(fragment) => {
                assert!(fragment.more || fragment.offset > 0);
                assert_eq!(fragment.offset % 8, 0);
                fragment.bytes
            }
            Decoded::Drop(_) => continue,
        };
        let (whole, part) = (data.as_ptr_range(), bytes.as_ptr_range());
        assert!(whole.start <= part.start && part.end <= whole.end);
    }
}

#[test]
fn every_seed_is_decoded_but_the_one_that_cannot_be() {
    let dropped = seeds()
        .iter()
        .filter(|(link, data)| matches!(decode(*link, data), Decoded::Drop(_)))
        .count();
    assert_eq!(dropped, 1, "ARP");
}

#[test]
fn a_frame_cut_anywhere_gives_a_prefix_of_its_payload_or_a_named_drop() {
    for (link, data) in seeds() {
        let whole = decode(link, &data);
        for end in 0..data.len() {
            match (decode(link, &data[..end]), whole) {
                (Decoded::Packet(cut), Decoded::Packet(whole)) => {
                    assert!(whole.payload.starts_with(cut.payload), "{whole:?} to {end}");
                    assert_eq!(Packet { payload: whole.payload, ..cut }, whole);
                }
                (Decoded::Drop(reason), Decoded::Fragment(_)) => {
                    assert!(reason.is_short() || reason == Drop::FragmentCut);
                }
                (Decoded::Drop(reason), Decoded::Packet(_)) => {
                    assert!(
                        reason.is_short() || reason == Drop::Llc,
                        "{reason:?} at {end}"
                    );
                }
                (Decoded::Drop(_), Decoded::Drop(_)) => {}
                (cut, whole) => panic!("{cut:?} of {whole:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn random_bytes_are_survived(
        link in prop::sample::select(&LINKS[..]),
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        assert_within(LinkType(link), &data);
    }

    #[test]
    fn damaged_frames_are_survived(
        seed in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
        padding in 0_usize..40,
    ) {
        let seeds = shared_seeds();
        let (link, mut data) = seeds[seed.index(seeds.len())].clone();
        for (place, value) in damage {
            let place = place.index(data.len());
            data[place] = value;
        }
        data.resize(data.len() + padding, 0);
        let end = if shorten { end.index(data.len()) } else { data.len() };
        assert_within(link, &data[..end]);
    }
}

fn shared_seeds() -> &'static [(LinkType, Vec<u8>)] {
    static SEEDS: std::sync::OnceLock<Vec<(LinkType, Vec<u8>)>> =
        std::sync::OnceLock::new();
    SEEDS.get_or_init(seeds)
}
