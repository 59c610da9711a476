use super::super::{DarkClass, Tool, read};
use super::{address, packet};
use crate::packet::{Host, Packet, protocol, tcp_flags};

const SOURCE: &str = "198.51.100.7";
const DARK: &str = "10.0.1.2";

fn class(packet: &Packet<'_>) -> DarkClass {
    read(packet, 64, 0).class
}

fn udp(from: u16, to: u16, payload: &'static [u8]) -> Packet<'static> {
    let udp = packet(SOURCE, DARK, protocol::UDP);
    Packet { source_port: from, destination_port: to, payload, ..udp }
}

#[test]
fn tcp_is_told_apart_by_its_flags_and_payload() {
    use tcp_flags::{ACK, FIN, RST, SYN};
    for (flags, payload, expected) in [
        (SYN, &b""[..], DarkClass::Scan),
        // ECE and CWR say nothing.
        (SYN | 0xc0, b"", DarkClass::Scan),
        (SYN, b"data", DarkClass::Probe),
        (SYN | ACK, b"", DarkClass::Backscatter),
        (SYN | ACK, b"data", DarkClass::Backscatter),
        (RST, b"", DarkClass::Backscatter),
        (RST | ACK, b"why", DarkClass::Backscatter),
        (ACK, b"", DarkClass::Other),
        (FIN, b"", DarkClass::Other),
        (0, b"", DarkClass::Other),
        (ACK, b"GET / HTTP/1.0", DarkClass::Probe),
    ] {
        let tcp = packet(SOURCE, DARK, protocol::TCP);
        let tcp = Packet { tcp_flags: flags, payload, ..tcp };
        assert_eq!(class(&tcp), expected, "{flags:#x} {payload:?}");
    }
}

#[test]
fn udp_from_a_service_is_an_answer_unless_the_message_says_otherwise() {
    use DarkClass::{Backscatter, Probe, Scan};
    const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
    const FIRST_IKE: &[u8] = b"initiato\0\0\0\0\0\0\0\0\x01\x10\x02\0";
    const NEXT_IKE: &[u8] = b"initiatoresponde\x01\x10\x02\0";
    for (from, to, payload, expected) in [
        (53, 40_000, ANSWER, Backscatter),
        (53, 53, ANSWER, Backscatter),
        (53, 40_000, QUERY, Probe),
        (53, 53, QUERY, Probe),
        (40_000, 53, QUERY, Probe),
        (123, 40_000, b"\x24\x01\0\0", Backscatter),
        (123, 123, b"\x23\x01\0\0", Scan),
        (123, 80, b"\xd7\0\x03\x2a\0\0\0\0", Backscatter),
        (123, 123, b"\x17\0\x03\x2a\0\0\0\0", Scan),
        (500, 500, FIRST_IKE, Probe),
        (500, 500, NEXT_IKE, Backscatter),
        (11_211, 40_000, b"VALUE a 0 1", Backscatter),
        (11_211, 11_211, b"stats\r\n", Scan),
        (1_900, 5_000, b"HTTP/1.1 200 OK\r\n", Backscatter),
        (443, 40_000, b"\xc0\0\0\0\x01", Backscatter),
        (443, 40_000, b"\x40short header of QUIC", Probe),
        (5_060, 5_060, b"OPTIONS sip:100@10.0.1.2", Probe),
        (40_000, 1_900, b"M-SEARCH", Scan),
        (40_000, 1_900, b"", Scan),
        (40_000, 9, b"fifteen bytes..", Scan),
        (40_000, 9, b"sixteen bytes...", Probe),
    ] {
        assert_eq!(
            class(&udp(from, to, payload)),
            expected,
            "{from} to {to}: {payload:?}"
        );
    }
}

#[test]
fn icmp_is_told_apart_by_its_type_and_an_error_names_the_victim_that_it_quotes() {
    use DarkClass::{Backscatter, Other, Scan};
    let icmp = |number, kind: u8, payload| Packet {
        destination_port: u16::from(kind) << 8,
        payload,
        ..packet(SOURCE, DARK, number)
    };
    for (kind, payload, expected) in [
        (8, &b"ping"[..], Scan),
        (0, b"ping", Backscatter),
        (3, b"", Backscatter),
        (11, b"", Backscatter),
        (14, b"", Backscatter),
        (13, b"", Other),
        (13, b"stamp", Other),
    ] {
        assert_eq!(class(&icmp(protocol::ICMP, kind, payload)), expected, "{kind}");
    }
    for (kind, expected) in [
        (128, Scan),
        (129, Backscatter),
        (1, Backscatter),
        (3, Backscatter),
        (135, Other),
    ] {
        assert_eq!(class(&icmp(protocol::ICMPV6, kind, b"")), expected, "{kind}");
    }
    // A datagram to 203.0.113.9, port 7,000, that claimed to come from the dark address.
    const QUOTE: &[u8] =
        b"\x45\0\0\x28\0\0\0\0\x40\x11\0\0\x0a\0\x01\x02\xcb\0\x71\x09\x04\xd2\x1b\x58";
    let error = read(&icmp(protocol::ICMP, 3, QUOTE), 64, 0);
    assert_eq!(error.host, Host::of(address("203.0.113.9"), 128));
    assert_eq!((error.protocol, error.port), (protocol::UDP, Some(7_000)));
    assert!(!error.quotes_foreign);
    // Of another source, and cut short.
    let foreign =
        Packet { destination: address("10.0.1.3"), ..icmp(protocol::ICMP, 3, QUOTE) };
    assert!(read(&foreign, 64, 0).quotes_foreign);
    assert!(read(&icmp(protocol::ICMP, 3, &QUOTE[..19]), 64, 0).quotes_foreign);
    // Without its ports it still names a host.
    let cut = read(&icmp(protocol::ICMP, 3, &QUOTE[..20]), 64, 0);
    assert_eq!((cut.host, cut.port), (Host::of(address("203.0.113.9"), 128), None));
}

#[test]
fn tools_are_known_by_their_marks() {
    let destination = u32::from_be_bytes([10, 0, 1, 2]);
    let syn = |sequence, identification| Packet {
        tcp_flags: tcp_flags::SYN,
        destination_port: 443,
        sequence,
        identification,
        ..packet(SOURCE, DARK, protocol::TCP)
    };
    let masscan = (destination ^ 443 ^ 0x1234_5678) as u16;
    for (packet, expected) in [
        (syn(destination, Some(7)), Some(Tool::Mirai)),
        (syn(0x1234_5678, Some(54_321)), Some(Tool::Zmap)),
        (syn(0x1234_5678, Some(masscan)), Some(Tool::Masscan)),
        (syn(0x1234_5678, Some(masscan ^ 1)), None),
        (syn(0x1234_5678, None), None),
        (Packet { tcp_flags: 0x12, ..syn(destination, Some(54_321)) }, None),
        (
            Packet { identification: Some(54_321), ..udp(4_000, 161, b"probe") },
            Some(Tool::Zmap),
        ),
        (Packet { sequence: destination, ..udp(4_000, 161, b"probe") }, None),
    ] {
        assert_eq!(read(&packet, 64, 0).tool, expected, "{packet:?}");
    }
    let v6 = packet("2001:db8::1", "2001:db8::2", protocol::TCP);
    let v6 = Packet { tcp_flags: tcp_flags::SYN, identification: Some(54_321), ..v6 };
    assert_eq!(read(&v6, 64, 0).tool, None);
}
