//! Frames of every link type and tag around one IP packet, written byte by byte from the
//! specifications, with no code of the decoder.

use super::*;

/// A frame, and what is known of it.
pub(super) struct Wrapped {
    pub(super) link: LinkType,
    pub(super) what: &'static str,
    pub(super) data: Vec<u8>,
    /// Whether its headers set equal addresses apart.
    pub(super) apart: bool,
}

/// What stands for the version of IP in the headers around it.
struct Numbers {
    ethertype: [u8; 2],
    ppp: u8,
    network_layer: u8,
    bsd: [u8; 3],
    solaris: u8,
    linux: u8,
    erf: u8,
    raw: u32,
}

const FOUR: Numbers = Numbers {
    ethertype: [8, 0],
    ppp: 0x21,
    network_layer: 0xcc,
    bsd: [2, 2, 2],
    solaris: 2,
    linux: 2,
    erf: 22,
    raw: 228,
};

const SIX: Numbers = Numbers {
    ethertype: [0x86, 0xdd],
    ppp: 0x57,
    network_layer: 0x8e,
    bsd: [24, 28, 30],
    solaris: 26,
    linux: 10,
    erf: 23,
    raw: 229,
};

const ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// Every kind of frame around [`sample`] and [`sample_6`].
pub(super) fn all() -> Vec<Wrapped> {
    let mut all = around(&FOUR, &sample());
    all.extend(around(&SIX, &sample_6()));
    all
}

fn around(it: &Numbers, ip: &[u8]) -> Vec<Wrapped> {
    let mut all = Vec::new();
    links(it, ip, &mut all);
    serial(it, ip, &mut all);
    air(it, ip, &mut all);
    wrappers(it, ip, &mut all);
    tags(it, ip, &mut all);
    all
}

fn add(all: &mut Vec<Wrapped>, link: u32, what: &'static str, parts: &[&[u8]]) {
    all.push(Wrapped { link: LinkType(link), what, data: join(parts), apart: false });
}

/// The same, where the headers set flows apart.
fn apart(all: &mut Vec<Wrapped>, link: u32, what: &'static str, parts: &[&[u8]]) {
    all.push(Wrapped { link: LinkType(link), what, data: join(parts), apart: true });
}

fn plain(it: &Numbers, ip: &[u8]) -> Vec<u8> {
    join(&[&ADDRESSES, &it.ethertype, ip])
}

fn snap(it: &Numbers, ip: &[u8]) -> Vec<u8> {
    join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &it.ethertype, ip])
}

fn links(it: &Numbers, ip: &[u8], all: &mut Vec<Wrapped>) {
    let (frame, snap) = (plain(it, ip), snap(it, ip));
    add(all, 1, "Ethernet", &[&frame]);
    for link in [101, 12, 14, it.raw] {
        add(all, link, "IP", &[ip]);
    }
    for family in it.bsd {
        add(all, 0, "loopback", &[&[family, 0, 0, 0], ip]);
        add(all, 0, "loopback, big-endian", &[&[0, 0, 0, family], ip]);
        add(all, 108, "OpenBSD loopback", &[&[0, 0, 0, family], ip]);
        add(all, 109, "enc", &[&[family, 0, 0, 0], &[1; 4], &[0, 0, 0, 3], ip]);
        for len in [45, 61, 64, 69, 72, 100] {
            let rest = vec![0; (len as usize).next_multiple_of(4) - 2];
            add(all, 117, "pf log", &[&[len, family], &rest, ip]);
        }
    }
    add(all, 226, "ipnet", &[&[1, it.solaris], &[0; 22], ip]);
    add(all, 8, "SLIP", &[&[0, 0x45], &[0; 14], ip]);
    let cooked = [&[0, 0, 0, 1, 0, 6][..], &[9; 8]].concat();
    add(all, 113, "cooked", &[&cooked, &it.ethertype, ip]);
    add(all, 113, "cooked: LLC", &[&cooked, &[0, 4], &snap]);
    add(all, 113, "cooked: Ethernet", &[&cooked, &[0, 3], &frame]);
    add(all, 113, "cooked: bridged GRE", &[&cooked, &[0x65, 0x58], &frame]);
    add(all, 113, "cooked: PPP", &[&cooked, &[0, 7, 0xff, 3, 0, it.ppp], ip]);
    let cooked_2 = [&[0; 6][..], &[0, 1, 0, 6], &[9; 8]].concat();
    add(all, 276, "cooked 2", &[&it.ethertype, &cooked_2, ip]);
    add(all, 6, "Token Ring", &[&[0x10, 0x40], &ADDRESSES, &snap]);
    let routed = [&[0x10, 0x40][..], &[9; 6], &[0x82, 1, 1, 1, 1, 1]].concat();
    add(all, 6, "Token Ring, routed", &[&routed, &[6, 0, 1, 2, 3, 4], &snap]);
    add(all, 10, "FDDI", &[&[0x50], &ADDRESSES, &snap]);
    add(all, 122, "Fibre Channel", &[&[0x10; 16], &snap]);
    add(all, 138, "IEEE 1394", &[&[7; 16], &it.ethertype, ip]);
    add(all, 242, "InfiniBand", &[&[5; 40], &it.ethertype, &[0, 0], ip]);
    for link in [100, 11, 106, 19] {
        add(all, link, "ATM: LLC", &[&snap]);
        add(all, link, "ATM: IP", &[ip]);
    }
    let bridged = [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0];
    add(all, 100, "ATM: bridged", &[&bridged, &frame]);
    let routed = [0xfe, 0xfe, 3, it.network_layer];
    add(all, 100, "ATM: routed", &[&routed, ip]);
    apart(all, 123, "SunATM: LLC", &[&[0x82, 0, 0, 33], &snap]);
    apart(all, 123, "SunATM: LAN emulation", &[&[1, 0, 0, 33, 0, 7], &frame]);
    let label = [0, 6, 0x41, 64];
    apart(all, 219, "MPLS", &[&label, ip]);
    add(all, 143, "DOCSIS", &[&[0, 0, 0, 99, 1, 1], &frame]);
    // An element of privacy that is switched off.
    let privacy = [1, 5, 0, 99, 0x34, 0x11, 0x00, 0x07, 0, 1, 1];
    add(all, 143, "DOCSIS, extended", &[&privacy, &frame]);
}

fn serial(it: &Numbers, ip: &[u8], all: &mut Vec<Wrapped>) {
    let frame = plain(it, ip);
    let hdlc = [&[0x0f, 0][..], &it.ethertype].concat();
    for link in [9, 50] {
        add(all, link, "PPP, framed", &[&[0xff, 3, 0, it.ppp], ip]);
        add(all, link, "PPP, short number", &[&[0xff, 3, it.ppp], ip]);
        add(all, link, "PPP, bare", &[&[0, it.ppp], ip]);
        add(all, link, "Cisco HDLC", &[&hdlc, ip]);
    }
    let label = [0, 6, 0x41, 64];
    apart(all, 9, "PPP: MPLS", &[&[0xff, 3, 2, 0x81], &label, ip]);
    apart(all, 9, "PPP: MPLS multicast", &[&[0xff, 3, 2, 0x83], &label, ip]);
    add(all, 9, "PPP: bridged", &[&[0, 0x31, 0, 1], &frame]);
    add(all, 9, "PPP: bridged, LAN", &[&[0, 0x31, 0x40, 1, 0, 0, 0, 9], &frame]);
    let whole = [0, 0x3d, 0xc0, 0, 0, 1, 0, it.ppp];
    add(all, 9, "PPP: multilink, whole", &[&whole, ip]);
    let session = [0x11, 0, 0, 7, 0, 99, 0, it.ppp];
    apart(all, 51, "PPPoE", &[&session, ip]);
    for direction in [0, 1] {
        add(all, 166, "PPP of pppd", &[&[direction, 3, 0, it.ppp], ip]);
        let framed = [direction, 0xff, 3, 0, it.ppp];
        add(all, 204, "PPP with direction", &[&framed, ip]);
        add(all, 204, "PPP with direction, bare", &[&[direction, 0, it.ppp], ip]);
        add(all, 205, "HDLC with direction", &[&[direction], &hdlc, ip]);
        let relay = [direction, 0x18, 0x41, 3, it.network_layer];
        apart(all, 206, "Frame Relay with direction", &[&relay, ip]);
    }
    add(all, 104, "Cisco HDLC", &[&hdlc, ip]);
    let multicast = [&[0x8f, 0][..], &it.ethertype].concat();
    add(all, 104, "Cisco HDLC, multicast", &[&multicast, ip]);
    for address in [&[0x18, 0x41][..], &[0x18, 0x40, 0x03], &[0x18, 0x40, 2, 5]] {
        let number = [3, it.network_layer];
        apart(all, 107, "Frame Relay", &[address, &number, ip]);
        apart(all, 107, "Frame Relay, padded", &[address, &[3, 0, it.network_layer], ip]);
        apart(all, 107, "Frame Relay: Cisco", &[address, &it.ethertype, ip]);
        let snap = [&[3, 0, 0x80, 0, 0, 0][..], &it.ethertype].concat();
        apart(all, 107, "Frame Relay: SNAP", &[address, &snap, ip]);
        let bridged = [3, 0, 0x80, 0, 0x80, 0xc2, 0, 7];
        apart(all, 107, "Frame Relay: bridged", &[address, &bridged, &frame]);
        apart(all, 107, "Frame Relay: PPP", &[address, &[3, 0xcf, 0, it.ppp], ip]);
    }
}

/// A frame of 802.11 with flags, its header filled up to `pad` more bytes.
pub(super) fn wlan(control: u8, flags: u8, more: &[u8], body: &[u8]) -> Vec<u8> {
    let addresses = [&[0x11; 6][..], &[0x22; 6], &[0x33; 6]].concat();
    join(&[&[control, flags, 0x2c, 0], &addresses, &[0x50, 0x1f], more, body])
}

/// A radiotap header with time and flags.
pub(super) fn radiotap(flags: u8) -> Vec<u8> {
    join(&[&[0, 0, 17, 0, 3, 0, 0, 0], &[0x77; 8], &[flags]])
}

fn air(it: &Numbers, ip: &[u8], all: &mut Vec<Wrapped>) {
    let snap = snap(it, ip);
    let data = wlan(0x08, 1, &[], &snap);
    let quality = wlan(0x88, 2, &[0, 0], &snap);
    for link in [105] {
        add(all, link, "802.11", &[&data]);
        add(all, link, "802.11 with CF-Ack", &[&wlan(0x18, 1, &[], &snap)]);
        add(all, link, "802.11 QoS", &[&quality]);
        add(all, link, "802.11 four addresses", &[&wlan(8, 3, &[0x44; 6], &snap)]);
        let both = [&[0x44; 6][..], &[5, 0]].concat();
        add(all, link, "802.11 four addresses, QoS", &[&wlan(0x88, 3, &both, &snap)]);
        let control = [0, 0, 1, 2, 3, 4];
        add(all, link, "802.11 HT control", &[&wlan(0x88, 0x81, &control, &snap)]);
        for extra in [0_u8, 1, 2] {
            let mesh = vec![7; 5 + 6 * usize::from(extra)];
            let both = [&[0x44; 6][..], &[0, 1, extra], &mesh].concat();
            add(all, link, "802.11 mesh", &[&wlan(0x88, 3, &both, &snap)]);
        }
        let no_mesh = wlan(0x88, 1, &[0, 1], &snap);
        add(all, link, "802.11 QoS, queue size", &[&no_mesh]);
        let length = (snap.len() as u16).to_be_bytes();
        let one = [&[0x80, 0][..], &ADDRESSES, &length].concat();
        add(all, link, "802.11 A-MSDU", &[&wlan(0x88, 1, &one, &snap)]);
    }
    let bare = [0, 0, 8, 0, 0, 0, 0, 0];
    add(all, 127, "radiotap", &[&bare, &quality]);
    add(all, 127, "radiotap with flags", &[&radiotap(0x10), &data, &[1, 2, 3, 4]]);
    let filled = wlan(0x88, 1, &[0, 0, 0xee, 0xee], &snap);
    add(all, 127, "radiotap, padded", &[&radiotap(0x20), &filled]);
    // Three words of fields; the flags stand after them and the time, at 32.
    let words = [0, 0, 33, 0, 3, 0, 0, 0x80, 0, 0, 0, 0x80, 1, 0, 0, 0];
    let padded = [&words[..], &[7; 8], &[7; 8], &[0x20]].concat();
    let padded_2 = [&words[..], &[7; 8], &[0x20], &[7; 8]].concat();
    add(all, 127, "radiotap, more words, no padding", &[&padded, &data]);
    add(all, 127, "radiotap, more words", &[&padded_2, &filled]);
    let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[9; 136]].concat();
    add(all, 119, "Prism", &[&prism, &data]);
    let swapped = [&[0, 0, 0, 0x44, 0, 0, 0, 144][..], &[9; 136]].concat();
    add(all, 119, "Prism, big-endian", &[&swapped, &data]);
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[9; 56]].concat();
    add(all, 119, "AVS as Prism", &[&avs, &data]);
    add(all, 163, "AVS", &[&avs, &quality]);
    let cooked = |kind| [&[0, 0, 3, kind, 0, 6][..], &[9; 8], &[0, 4]].concat();
    add(all, 113, "cooked: 802.11", &[&cooked(0x21), &data]);
    add(all, 113, "cooked: Prism", &[&cooked(0x22), &prism, &data]);
    add(all, 113, "cooked: radiotap", &[&cooked(0x23), &bare, &data]);
}

/// A PKTAP header in front of a frame of another link type.
fn pktap(link: u8, big_endian: bool) -> Vec<u8> {
    let word = |value: u8| {
        if big_endian { [0, 0, 0, value] } else { [value, 0, 0, 0] }
    };
    join(&[&word(108), &word(1), &word(link), &[0x65; 96]])
}

fn wrappers(it: &Numbers, ip: &[u8], all: &mut Vec<Wrapped>) {
    let frame = plain(it, ip);
    for link in [258, 149] {
        for big_endian in [false, true] {
            add(all, link, "PKTAP: Ethernet", &[&pktap(1, big_endian), &frame]);
            add(all, link, "PKTAP: IP", &[&pktap(12, big_endian), ip]);
        }
        let family = [it.bsd[2], 0, 0, 0];
        add(all, link, "PKTAP: loopback", &[&pktap(0, false), &family, ip]);
    }
    let ppi = [0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 0, 0];
    add(all, 192, "PPI: Ethernet", &[&ppi, &frame]);
    let ppi = [0, 0, 8, 0, 105, 0, 0, 0];
    let data = wlan(0x88, 1, &[0, 0], &snap(it, ip));
    add(all, 192, "PPI: 802.11", &[&ppi, &data]);
    let erf = |kind: u8| [&[3; 8][..], &[kind, 4, 0, 99, 0, 0, 0, 99]].concat();
    for link in [197, 175] {
        for kind in [2, 11, 16, 20] {
            add(all, link, "ERF: Ethernet", &[&erf(kind), &[0, 0], &frame]);
        }
    }
    let more = [0x85, 1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1];
    add(all, 197, "ERF, extended", &[&erf(0x82), &more, &[0, 0], &frame]);
    add(all, 197, "ERF: IP", &[&erf(it.erf), ip]);
    for link in [197, 176] {
        add(all, link, "ERF: PPP", &[&erf(1), &[0xff, 3, 0, it.ppp], ip]);
        let hdlc = [&[0x8f, 0][..], &it.ethertype].concat();
        add(all, link, "ERF: Cisco HDLC", &[&erf(10), &hdlc, ip]);
    }
    let (bare, extended) = (b"MGC\x01", b"MGC\x81\0\x06\x01\x04abcd");
    for juniper in [&bare[..], extended] {
        add(all, 178, "Juniper: Ethernet", &[juniper, &frame]);
        add(all, 179, "Juniper: PPP", &[juniper, &[0xff, 3, 0, it.ppp], ip]);
        let hdlc = [&[0x0f, 0][..], &it.ethertype].concat();
        add(all, 181, "Juniper: Cisco HDLC", &[juniper, &hdlc, ip]);
        let relay = [0x18, 0x41, 3, it.network_layer];
        apart(all, 180, "Juniper: Frame Relay", &[juniper, &relay, ip]);
    }
    add(all, 178, "Juniper: IP", &[b"MGC\x03", &[2, 0, 0, 0], ip]);
    add(all, 240, "netANALYZER", &[&[1, 2, 3, 4], &frame, &[9; 4]]);
    let preamble = [1, 2, 3, 4, 0x55, 0x55, 0x55, 0xd5];
    add(all, 241, "netANALYZER, preamble", &[&preamble, &frame]);
    add(all, 259, "EPON", &[&[0x55, 0x55, 0xd5, 0x55, 0x55, 0, 0, 9], &frame]);
    add(all, 282, "Broadcom, before", &[&[0x10, 0, 0, 1], &frame]);
    add(all, 281, "Broadcom", &[&ADDRESSES, &[0x10, 0, 0, 1], &it.ethertype, ip]);
    add(all, 284, "DSA", &[&ADDRESSES, &[0xc0, 8, 0, 5], &it.ethertype, ip]);
    apart(all, 284, "DSA, VLAN", &[&ADDRESSES, &[0xe0, 8, 0, 5], &it.ethertype, ip]);
    let marvell = [0xda, 0xda, 0, 0, 0xc0, 8, 0, 5];
    add(all, 285, "DSA behind a type", &[&ADDRESSES, &marvell, &it.ethertype, ip]);
    let attribute = |len: u16, kind: u16, big_endian: bool| {
        if big_endian {
            [len.to_be_bytes(), kind.to_be_bytes()].concat()
        } else {
            [len.to_le_bytes(), kind.to_le_bytes()].concat()
        }
    };
    for big_endian in [false, true] {
        for family in [it.linux, 7] {
            let header =
                [&attribute(8, 1, big_endian)[..], &it.ethertype, &[1, 0]].concat();
            let prefix = [&attribute(7, 10, big_endian)[..], b"fw\0\0"].concat();
            let payload = attribute(4 + ip.len() as u16, 9, big_endian);
            let start = [family, 0, 0, 1];
            let parts = [&start[..], &header, &prefix, &payload, ip];
            add(all, 239, "netfilter log", &parts);
        }
    }
}

fn tags(it: &Numbers, ip: &[u8], all: &mut Vec<Wrapped>) {
    let frame = plain(it, ip);
    let mut tag = |what, flows_apart, bytes: &[u8], rest: &[u8]| {
        let data = join(&[&ADDRESSES, bytes, rest]);
        all.push(Wrapped { link: LinkType(1), what, data, apart: flows_apart });
    };
    let typed = [&it.ethertype[..], ip].concat();
    for kind in [[0x81, 0], [0x88, 0xa8], [0x91, 0], [0x92, 0]] {
        tag("VLAN", true, &[kind[0], kind[1], 0x60, 5], &typed);
        tag("VLAN 0", false, &[kind[0], kind[1], 0x60, 0], &typed);
    }
    tag("MPLS", true, &[0x88, 0x47, 0, 6, 0x41, 64], ip);
    tag("MPLS, upstream", true, &[0x88, 0x48, 0, 6, 0x41, 64], ip);
    tag("PPPoE", true, &[0x88, 0x64, 0x11, 0, 0, 7, 0, 99, 0, it.ppp], ip);
    tag("VN-Tag", false, &[0x89, 0x26, 0, 0, 0, 0x14], &typed);
    tag("VN-Tag, VLAN", true, &[0x89, 0x26, 0x80, 3, 0, 0, 0x81, 0, 0, 5], &typed);
    tag("FabricPath", false, &[0x89, 3, 0x0a, 0x40], &frame);
    let inner = [&ADDRESSES[..], &[0x81, 0, 0, 5], &typed].concat();
    tag("FabricPath, VLAN", true, &[0x89, 3, 0x0a, 0x40], &inner);
    tag("802.1ah", true, &[0x88, 0xe7, 0, 0, 0x12, 0x34], &frame);
    let backbone = [0x88, 0xa8, 0, 10, 0x88, 0xe7, 0x60, 0, 0x12, 0x34];
    tag("802.1ah, VLAN", true, &backbone, &frame);
    tag("Cisco metadata", false, &[0x89, 9, 1, 1, 0, 1, 0, 5], &typed);
    let two = [0x89, 9, 1, 2, 0, 1, 0, 5, 0, 2, 0, 0];
    tag("Cisco metadata, two options", false, &two, &typed);
    for version in [[0, 0x10], [1, 0x10], [0, 0x11], [1, 0x11]] {
        let stamp = [&[0xd2, 0x8b, 0, 1][..], &version, &[9; 8]].concat();
        tag("Arista time stamp, 64 bits", false, &stamp, &typed);
    }
    for version in [[0, 0x20], [1, 0x20], [0, 0x21], [1, 0x21]] {
        let stamp = [&[0xd2, 0x8b, 0, 1][..], &version, &[9; 6]].concat();
        tag("Arista time stamp, 48 bits", false, &stamp, &typed);
    }
    let checked = [&typed[..], &[3; 16]].concat();
    // A check value of 16 bytes ends the frame.
    tag("MACsec", false, &[0x88, 0xe5, 0x01, 0, 0, 0, 0, 9], &checked);
    let channel = [&[0x88, 0xe5, 0x20, 0, 0, 0, 0, 9][..], &[8; 8]].concat();
    tag("MACsec, channel", false, &channel, &checked);
    let service = [&[0x89, 0x4f, 0x0f, 0xc6, 1, 3, 0, 0, 1, 0xff][..], &[7; 16]].concat();
    tag("NSH", true, &service, &frame);
    tag("TRILL", false, &[0x22, 0xf3, 0, 0x3f, 0, 1, 0, 2], &frame);
    let options = [&[0x22, 0xf3, 0, 0xbf, 0, 1, 0, 2][..], &[7; 8]].concat();
    tag("TRILL, options", false, &options, &frame);
    tag("802.1BR", false, &[0x89, 0x3f, 0, 1, 0, 2, 0, 0], &typed);
    tag("HSR", false, &[0x89, 0x2f, 0, 0x60, 0, 1], &typed);
    tag("Marvell", false, &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 5], &typed);
    tag("Marvell, VLAN", true, &[0xda, 0xda, 0, 0, 0xe0, 8, 0, 5], &typed);
    tag("Realtek, two bytes", false, &[0x88, 0x99, 0xa0, 3], &typed);
    tag("Realtek, six bytes", false, &[0x88, 0x99, 4, 0, 0, 0, 0, 3], &typed);
    let snap = snap(it, ip);
    tag("jumbo LLC", false, &[0x88, 0x70], &snap);
    let length = (snap.len() as u16).to_be_bytes();
    tag("SNAP", false, &length, &snap);
    let translated = [&[0xaa, 0xaa, 3, 0, 0, 0xf8][..], &typed].concat();
    tag("SNAP of bridges", false, &length, &translated);
    let bridged = [&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1][..], &frame].concat();
    tag("SNAP, bridged", false, &length, &bridged);
    if it.linux == 2 {
        tag("LLC: IP", false, &length, &[&[6, 6, 3], ip].concat());
    }
    tag("PPP", false, &[0x88, 0x0b, 0xff, 3, 0, it.ppp], ip);
    tag("Frame Relay", true, &[0x65, 0x59, 0x18, 0x41, 3, it.network_layer], ip);
    // 802.1Q in Arista's, Cisco's in 802.1Q: any order.
    let both = [0xd2, 0x8b, 0, 1, 0, 0x20, 9, 9, 9, 9, 9, 9, 0x81, 0, 0, 5];
    let metadata = [0x89, 9, 1, 1, 0, 1, 0, 5];
    tag("three tags", true, &[&both[..], &metadata].concat(), &typed);
    for (start, vlan) in [(1, 10), (3, 0)] {
        let isl = [
            &[start, 0, 0x0c, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 99][..],
            &[0xaa, 0xaa, 3, 2, 0, 0, 0, vlan, 0, 0, 0, 0],
            &frame,
        ]
        .concat();
        let link = LinkType(1);
        all.push(Wrapped { link, what: "ISL", data: isl, apart: vlan > 0 });
    }
}
