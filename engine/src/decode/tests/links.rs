//! One test a link header.

use super::*;

#[test]
fn ethernet_carries_both_versions_of_ip() {
    let data = ethernet(0x0800, &sample());
    assert_sample(&packet(LinkType::ETHERNET, &data));
    assert_eq!(packet(LinkType::ETHERNET, &data).encapsulation, 0);
    assert_sample(&packet(LinkType::ETHERNET, &ethernet(0x86dd, &sample_6())));
}

#[test]
fn other_network_protocols_are_dropped_by_name() {
    let drop = |ethertype, bytes: &[u8]| {
        dropped(LinkType::ETHERNET, &ethernet(ethertype, bytes))
    };
    assert_eq!(drop(0x0806, &[0; 28]), Drop::Arp);
    assert_eq!(drop(0x88cc, &[0; 28]), Drop::NotIp);
    assert_eq!(drop(0x8863, &[0; 28]), Drop::NotIp);
    assert_eq!(drop(0x0800, &sample_6()), Drop::IpVersion);
    assert_eq!(drop(0x86dd, &sample()), Drop::IpVersion);
    assert_eq!(dropped(LinkType::ETHERNET, &[0; 13]), Drop::LinkHeaderShort);
    assert_eq!(dropped(LinkType(147), &sample()), Drop::UnknownLinkType);
}

#[test]
fn llc_is_dropped_but_snap_with_ip_is_decoded() {
    let spanning_tree = ethernet(38, &[0x42, 0x42, 3, 0, 0, 0, 0, 0]);
    assert_eq!(dropped(LinkType::ETHERNET, &spanning_tree), Drop::Llc);
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &sample()]);
    assert_sample(&packet(LinkType::ETHERNET, &ethernet(snap.len() as u16, &snap)));
    let cisco = join(&[&[0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0], &[0; 40]]);
    assert_eq!(dropped(LinkType::ETHERNET, &ethernet(48, &cisco)), Drop::Llc);
    let llc_in_llc = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 0, 8], &snap]);
    assert_eq!(dropped(LinkType::ETHERNET, &ethernet(48, &llc_in_llc)), Drop::Llc);
    assert_eq!(
        dropped(LinkType::ETHERNET, &ethernet(3, &[0xaa, 0xaa, 3])),
        Drop::LinkHeaderShort
    );
}

#[test]
fn vlan_tags_of_every_kind_and_depth_are_passed() {
    for tag in [0x8100, 0x88a8, 0x9100] {
        let data = ethernet(tag, &vlan(5, 0x0800, &sample()));
        let packet = packet(LinkType::ETHERNET, &data);
        assert_sample(&packet);
        assert_ne!(packet.encapsulation, 0);
    }
    let mut payload = vlan(1, 0x0800, &sample());
    for id in 2..100 {
        payload = vlan(id, 0x8100, &payload);
    }
    assert_sample(&packet(LinkType::ETHERNET, &ethernet(0x88a8, &payload)));
    let cut = ethernet(0x8100, &[0, 5, 8]);
    assert_eq!(dropped(LinkType::ETHERNET, &cut), Drop::LinkHeaderShort);
}

#[test]
fn vlans_set_flows_apart_and_priority_tags_do_not() {
    let tagged = |id| {
        packet(LinkType::ETHERNET, &ethernet(0x8100, &vlan(id, 0x0800, &sample())))
            .encapsulation
    };
    assert_ne!(tagged(5), tagged(6));
    assert_eq!(tagged(0), 0);
    let stacked = |outer, inner| {
        let inner = vlan(inner, 0x0800, &sample());
        packet(LinkType::ETHERNET, &ethernet(0x88a8, &vlan(outer, 0x8100, &inner)))
            .encapsulation
    };
    assert_ne!(stacked(5, 6), stacked(6, 5));
    assert_eq!(stacked(0, 6), tagged(6));
}

#[test]
fn mpls_stacks_are_passed_and_their_bottom_is_guessed_by_its_first_nibble() {
    let label = |label: u32, bottom: bool| {
        (label << 12 | u32::from(bottom) << 8 | 64).to_be_bytes()
    };
    let stack = |payload: &[u8]| {
        ethernet(0x8847, &join(&[&label(100, false), &label(200, true), payload]))
    };
    assert_sample(&packet(LinkType::ETHERNET, &stack(&sample())));
    assert_sample(&packet(LinkType::ETHERNET, &stack(&sample_6())));
    let pseudowire = join(&[&[0; 4], &ethernet(0x0800, &sample())]);
    assert_sample(&packet(LinkType::ETHERNET, &stack(&pseudowire)));
    assert_eq!(dropped(LinkType::ETHERNET, &stack(&[0x10; 9])), Drop::NotIp);
    assert_eq!(dropped(LinkType::ETHERNET, &stack(&[])), Drop::LinkHeaderShort);
    let endless = ethernet(0x8848, &label(100, false));
    assert_eq!(dropped(LinkType::ETHERNET, &endless), Drop::LinkHeaderShort);

    let encapsulation = |label: [u8; 4]| {
        packet(LinkType::ETHERNET, &ethernet(0x8847, &join(&[&label, &sample()])))
            .encapsulation
    };
    assert_ne!(encapsulation(label(100, true)), encapsulation(label(101, true)));
    assert_eq!(encapsulation(label(0, true)), 0, "explicit null is no path");
}

#[test]
fn pppoe_sessions_are_passed_with_long_and_short_protocol_numbers() {
    let session = |id: u8, ppp: &[u8], payload: &[u8]| {
        let length = ((ppp.len() + payload.len()) as u16).to_be_bytes();
        ethernet(0x8864, &join(&[&[0x11, 0, 0, id], &length, ppp, payload]))
    };
    let long = session(1, &[0, 0x21], &sample());
    assert_sample(&packet(LinkType::ETHERNET, &long));
    assert_sample(&packet(LinkType::ETHERNET, &session(1, &[0x21], &sample())));
    assert_sample(&packet(LinkType::ETHERNET, &session(1, &[0, 0x57], &sample_6())));
    assert_sample(&packet(LinkType::ETHERNET, &session(1, &[0x57], &sample_6())));
    let labelled = session(1, &[2, 0x81, 0, 0x10, 1, 64], &sample());
    assert_sample(&packet(LinkType::ETHERNET, &labelled));
    let other = session(2, &[0, 0x21], &sample());
    let (long, other) =
        (packet(LinkType::ETHERNET, &long), packet(LinkType::ETHERNET, &other));
    assert_ne!(long.encapsulation, other.encapsulation);
    let control = session(1, &[0xc0, 0x21], &[1, 1, 0, 4]);
    assert_eq!(dropped(LinkType::ETHERNET, &control), Drop::NotIp);
    assert_eq!(dropped(LinkType::ETHERNET, &session(1, &[], &[])), Drop::LinkHeaderShort);
    let mut discovery = session(1, &[0, 0x21], &sample());
    discovery[15] = 9;
    assert_eq!(dropped(LinkType::ETHERNET, &discovery), Drop::NotIp);
}

#[test]
fn linux_cooked_captures_of_both_versions_are_read() {
    let cooked = |hardware: u16, protocol: u16, payload: &[u8]| {
        let hardware = hardware.to_be_bytes();
        let address = [0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        let protocol = protocol.to_be_bytes();
        let first = join(&[&[0, 0], &hardware, &address, &protocol, payload]);
        let head = [&protocol[..], &[0, 0, 0, 0, 0, 3], &hardware].concat();
        let second = join(&[&head, &[0, 6, 1, 2, 3, 4, 5, 6, 0, 0], payload]);
        [(LinkType::LINUX_SLL, first), (LinkType::LINUX_SLL2, second)]
    };
    for (link, data) in cooked(1, 0x0800, &sample()) {
        assert_sample(&packet(link, &data));
    }
    for (link, data) in cooked(772, 0x86dd, &sample_6()) {
        assert_sample(&packet(link, &data));
    }
    for (link, data) in cooked(1, 0x8100, &vlan(9, 0x0800, &sample())) {
        assert_sample(&packet(link, &data));
    }
    for (link, data) in cooked(1, 4, &[0x42, 0x42, 3, 0, 0, 0, 0, 0]) {
        assert_eq!(dropped(link, &data), Drop::Llc);
    }
    for (link, data) in cooked(1, 1, &[0xff, 0xff, 3, 0, 0, 0, 0, 0]) {
        assert_eq!(dropped(link, &data), Drop::NotIp);
    }
    for (link, data) in cooked(824, 0x0800, &sample()) {
        assert_eq!(dropped(link, &data), Drop::NotIp, "netlink");
    }
    for (link, data) in cooked(1, 0x0800, &[]) {
        assert_eq!(dropped(link, &data), Drop::IpHeaderShort);
        assert_eq!(dropped(link, &data[..data.len() - 1]), Drop::LinkHeaderShort);
    }
}

#[test]
fn loopback_families_are_read_in_either_byte_order() {
    for link in [LinkType::NULL, LinkType::LOOP] {
        for family in [2_u32, 24, 28, 30] {
            let ip = if family == 2 { sample() } else { sample_6() };
            for bytes in [family.to_be_bytes(), family.to_le_bytes()] {
                assert_sample(&packet(link, &join(&[&bytes, &ip])));
            }
        }
        assert_eq!(dropped(link, &join(&[&[0, 0, 0, 7], &sample()])), Drop::NotIp);
        assert_eq!(dropped(link, &[2, 0, 0]), Drop::LinkHeaderShort);
    }
}

#[test]
fn raw_links_begin_with_ip() {
    for link in [12, 14, 101].map(LinkType) {
        assert_sample(&packet(link, &sample()));
        assert_sample(&packet(link, &sample_6()));
        assert_eq!(dropped(link, &[0x50; 40]), Drop::IpVersion);
        assert_eq!(dropped(link, &[]), Drop::IpHeaderShort);
    }
    assert_sample(&packet(LinkType(228), &sample()));
    assert_sample(&packet(LinkType(229), &sample_6()));
    assert_eq!(dropped(LinkType(228), &sample_6()), Drop::IpVersion);
    assert_eq!(dropped(LinkType(229), &sample()), Drop::IpVersion);
}
