//! Every link type and tag of the tables is read, and cut or damaged it is survived.

use proptest::prelude::*;
use std::collections::BTreeSet;

use super::link_frames::{Wrapped, all, radiotap, wlan};
use super::robustness::assert_within;
use super::*;
use crate::decode::{layer_2_tags, link_types};

#[test]
fn each_gives_the_packet_inside() {
    for Wrapped { link, what, data, apart } in all() {
        let Decoded::Packet(packet) = decode(link, &data) else {
            panic!("{what}: {:?}", decode(link, &data));
        };
        assert_eq!(packet.payload, b"wormsift", "{what}");
        assert_sample(&packet);
        assert_eq!(packet.encapsulation != 0, apart, "{what}");
    }
}

#[test]
fn each_line_of_the_tables_has_a_frame_here() {
    let frames = all();
    let read: BTreeSet<u32> = frames.iter().map(|it| it.link.0).collect();
    let listed: BTreeSet<u32> =
        link_types().flat_map(|(numbers, _)| numbers.iter().copied()).collect();
    assert_eq!(
        read, listed,
        "each link type of link/types.rs has a frame in link_frames.rs"
    );
    for (ethertype, what) in layer_2_tags() {
        let tagged = |it: &&Wrapped| {
            it.link.0 == 1 && it.data.windows(2).any(|it| it == ethertype.to_be_bytes())
        };
        let there = frames.iter().any(|it| tagged(&it));
        assert!(
            there,
            "{what}: give `tags` in link_frames.rs a frame of {ethertype:#06x}"
        );
    }
}

#[test]
fn link_types_and_tags_are_listed_once_and_named() {
    let mut numbers = BTreeSet::new();
    for (all, what) in link_types() {
        assert!(!what.is_empty());
        for number in all {
            assert!(numbers.insert(*number), "{what}");
            let named = LinkType(*number).name().is_some();
            assert!(
                named,
                "{what}: link type {number} has no name in packet/link_type.rs"
            );
        }
    }
    let types: BTreeSet<u16> = layer_2_tags().map(|(ethertype, _)| ethertype).collect();
    assert_eq!(types.len(), layer_2_tags().count());
}

#[test]
fn a_cut_at_any_length_gives_a_prefix_or_a_named_drop() {
    for Wrapped { link, what, data, .. } in all() {
        for end in 0..data.len() {
            match decode(link, &data[..end]) {
                Decoded::Packet(cut) => {
                    assert!(b"wormsift".starts_with(cut.payload), "{what} to {end}");
                    assert_eq!(cut.destination_port, 5_678, "{what} to {end}");
                }
                Decoded::Drop(reason) => {
                    assert!(reason.is_short(), "{what} to {end}: {reason:?}");
                }
                Decoded::Fragment(_) => panic!("{what} to {end}"),
            }
        }
    }
}

#[test]
fn what_is_not_read_is_dropped_by_name() {
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &sample()]);
    let air = |control, flags, more: &[u8]| {
        dropped(LinkType(105), &wlan(control, flags, more, &snap))
    };
    assert_eq!(air(0x80, 0, &[]), Drop::LinkControl, "beacon");
    assert_eq!(air(0xd4, 0, &[]), Drop::LinkControl, "acknowledgement");
    assert_eq!(air(0x48, 1, &[]), Drop::LinkControl, "no data");
    assert_eq!(air(0xc8, 1, &[0, 0]), Drop::LinkControl, "no data, QoS");
    assert_eq!(air(0x08, 0x41, &[]), Drop::LinkEncrypted);
    assert_eq!(air(0x08, 0x05, &[]), Drop::LinkFragment);
    assert_eq!(air(0x09, 1, &[]), Drop::NotIp, "version 1");
    let mut second = wlan(8, 1, &[], &snap);
    second[22] |= 1;
    assert_eq!(dropped(LinkType(105), &second), Drop::LinkFragment);
    let frame = join(&[&[2; 12], &[0, snap.len() as u8], &snap]);
    let (quality, padding) =
        ([0x80, 0], vec![0; frame.len().next_multiple_of(4) - frame.len()]);
    let several = wlan(0x88, 1, &quality, &join(&[&frame, &padding, &frame]));
    assert_eq!(dropped(LinkType(105), &several), Drop::LinkAggregate);
    let one = wlan(0x88, 1, &quality, &join(&[&frame, &padding, &[0xfc; 4]]));
    assert_sample(&packet(LinkType(105), &one));
    let damaged = join(&[&radiotap(0x50), &wlan(8, 1, &[], &snap)]);
    assert_eq!(dropped(LinkType(127), &damaged), Drop::LinkDamaged);

    let ppp = |bytes: &[u8]| dropped(LinkType(9), &join(&[bytes, &sample()]));
    assert_eq!(ppp(&[0xff, 3, 0xc0, 0x21]), Drop::NotIp, "link control protocol");
    assert_eq!(ppp(&[0, 0x3d, 0x80, 0, 0, 1]), Drop::LinkFragment);
    for compressed in [3, 5, 0x2d, 0x2f, 0xfb, 0xfd] {
        assert_eq!(ppp(&[0, compressed]), Drop::LinkCompressed);
    }
    assert_eq!(ppp(&[0, 0x53]), Drop::LinkEncrypted);

    let relay = |bytes: &[u8]| dropped(LinkType(107), &join(&[bytes, &sample()]));
    assert_eq!(relay(&[0x18, 0x41, 3, 0xb1]), Drop::LinkFragment);
    assert_eq!(relay(&[0x18, 0x41, 3, 0xb0]), Drop::LinkCompressed);
    assert_eq!(relay(&[0x00, 0x01, 3, 8]), Drop::NotIp, "signalling");
    assert_eq!(relay(&[0x19, 0x41, 3, 0xcc]), Drop::NotIp, "an address of one byte");
    assert_eq!(relay(&[0x18, 0x40, 2, 2, 3]), Drop::NotIp, "an address of five");

    let tag = |ethertype, bytes: &[u8]| {
        dropped(LinkType::ETHERNET, &ethernet(ethertype, &join(&[bytes, &sample()])))
    };
    assert_eq!(tag(0x88e5, &[0x0c, 0, 0, 0, 0, 1]), Drop::LinkEncrypted);
    assert_eq!(tag(0x88e5, &[0x04, 0, 0, 0, 0, 1]), Drop::LinkEncrypted);
    assert_eq!(tag(0xd28b, &[0, 3, 0, 0x20]), Drop::NotIp, "another subtype");
    assert_eq!(tag(0xd28b, &[0, 1, 0, 0x30]), Drop::NotIp, "another version");
    assert_eq!(tag(0x8899, &[0x23, 0]), Drop::NotIp, "loop detection");
    assert_eq!(tag(0x88fb, &[0, 0]), Drop::NotIp, "PRP supervision");
    assert_eq!(tag(0x22f3, &[0x40, 0, 0, 1, 0, 2]), Drop::NotIp, "version 1");

    let docsis = |start: &[u8]| {
        dropped(LinkType(143), &join(&[start, &ethernet(0x0800, &sample())]))
    };
    assert_eq!(docsis(&[0xc2, 0, 0, 99, 1, 1]), Drop::LinkControl);
    assert_eq!(docsis(&[0xc6, 0, 0, 99, 1, 1]), Drop::LinkFragment);
    let privacy = [1, 5, 0, 99, 0x44, 0x11, 0x80, 7, 0, 1, 1];
    assert_eq!(docsis(&privacy), Drop::LinkEncrypted);
    assert_eq!(
        dropped(LinkType(6), &[0x10, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0]),
        Drop::LinkControl
    );
    assert_eq!(dropped(LinkType(149), &[9; 200]), Drop::UnknownLinkType);
    for link in [2, 129, 147, 189, 230, 271, 299, 300, u32::MAX] {
        assert_eq!(dropped(LinkType(link), &sample()), Drop::UnknownLinkType);
    }
}

#[test]
fn frames_in_frames_are_bounded_and_many_tags_are_not() {
    for header in [
        &[2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0x89, 3, 0, 0][..],
        &[2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0x88, 0xe7, 0, 0, 0, 1],
        &[2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0x22, 0xf3, 0, 0, 0, 1, 0, 2],
    ] {
        let nested = |depth| join(&[&header.repeat(depth), &ethernet(0x0800, &sample())]);
        assert_sample(&packet(LinkType::ETHERNET, &nested(8)));
        assert_eq!(dropped(LinkType::ETHERNET, &nested(9)), Drop::TunnelTooDeep);
        assert_eq!(dropped(LinkType::ETHERNET, &nested(9_000)), Drop::TunnelTooDeep);
    }
    let pktap = [&[108, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0][..], &[0; 96]].concat();
    assert_eq!(dropped(LinkType(258), &pktap.repeat(900)), Drop::TunnelTooDeep);
    let tags = [0x89, 0x26, 0, 0, 0, 1].repeat(20_000);
    let data = join(&[&[2; 12], &tags, &[8, 0], &sample()]);
    assert_sample(&packet(LinkType::ETHERNET, &data));
    let llc = [0x88, 0x70, 0xaa, 0xaa, 3, 0, 0, 0].repeat(20_000);
    let data = join(&[&[2; 12], &llc, &[8, 0], &sample()]);
    assert_sample(&packet(LinkType::ETHERNET, &data));
    let multilink = [0, 0x3d, 0xc0, 0, 0, 1].repeat(20_000);
    let data = join(&[&multilink, &[0, 0x21], &sample()]);
    assert_eq!(dropped(LinkType(9), &data), Drop::TunnelTooDeep);
}

#[test]
fn numbers_that_both_directions_share_set_flows_apart() {
    let relay = |address: [u8; 2]| {
        let data = join(&[&address, &[3, 0xcc], &sample()]);
        packet(LinkType(107), &data).encapsulation
    };
    // Congestion and discard bits are no part of the circuit's number.
    assert_eq!(relay([0x18, 0x41]), relay([0x1a, 0x4f]));
    assert_ne!(relay([0x18, 0x41]), relay([0x18, 0x51]));
    let service = |tag: [u8; 4]| {
        let data = ethernet(0x88e7, &join(&[&tag, &ethernet(0x0800, &sample())]));
        packet(LinkType::ETHERNET, &data).encapsulation
    };
    assert_eq!(service([0, 0, 0, 1]), service([0xe0, 0, 0, 1]));
    assert_ne!(service([0, 0, 0, 1]), service([0, 0, 0, 2]));
    let isl = |vlan: u16| {
        let start =
            [1, 0, 0x0c, 0, 0, 0, 2, 2, 2, 2, 2, 2, 0, 99, 0xaa, 0xaa, 3, 0, 0, 0];
        let vlan = (vlan << 1 | 1).to_be_bytes();
        let data = join(&[&start, &vlan, &[0; 4], &ethernet(0x0800, &sample())]);
        packet(LinkType::ETHERNET, &data).encapsulation
    };
    let tagged = ethernet(0x8100, &vlan(7, 0x0800, &sample()));
    assert_eq!(isl(7), packet(LinkType::ETHERNET, &tagged).encapsulation);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn random_bytes_of_all_link_types_are_survived(
        link in 0_u32..310,
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        assert_within(LinkType(link), &data);
    }

    #[test]
    fn damaged_frames_of_all_link_types_are_survived(
        frame in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let frames = shared();
        let Wrapped { link, data, .. } = &frames[frame.index(frames.len())];
        let mut data = data.clone();
        for (place, value) in damage {
            // Mostly the headers around the packet.
            let place = place.index(data.len().min(64));
            data[place] = value;
        }
        assert_within(*link, &data[..end.index(data.len() + 1)]);
        assert_within(*link, &data);
    }
}

fn shared() -> &'static [Wrapped] {
    static FRAMES: std::sync::OnceLock<Vec<Wrapped>> = std::sync::OnceLock::new();
    FRAMES.get_or_init(all)
}
