//! Numbers, names and bytes as text.

use std::fmt::Write as _;
use wormsift::packet::{Host, Timestamp, protocol};
pub use wormsift::pipeline::grouped;
use wormsift::signature::{DecoyReport, Signature};

/// A time of RFC 3339 from 1970 on.
pub(crate) fn time_of(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// Whether it is an id as they are written: 32 hexadecimal digits, lower case.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `tcp/445`, `udp`, `icmp 8/0`.
pub fn service(signature: &Signature) -> String {
    service_name(signature.protocol, signature.port)
}

/// An address and port as settings take them.
pub fn end(host: Host, port: u16) -> String {
    let host = host.to_string();
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// The same of a protocol's number and the port in the key.
pub fn service_name(protocol: u8, port: Option<u16>) -> String {
    let (name, has_ports) = match protocol {
        protocol::TCP => ("tcp".to_owned(), true),
        protocol::UDP => ("udp".to_owned(), true),
        132 => ("sctp".to_owned(), true),
        33 => ("dccp".to_owned(), true),
        136 => ("udplite".to_owned(), true),
        protocol::ICMP => ("icmp".to_owned(), false),
        protocol::ICMPV6 => ("icmpv6".to_owned(), false),
        number => (format!("proto {number}"), false),
    };
    match port {
        Some(port) if has_ports => format!("{name}/{port}"),
        Some(port) if name.starts_with("icmp") => {
            format!("{name} {}/{}", port >> 8, port & 0xff)
        }
        _ => name,
    }
}

/// `1 packet`, `12,345 packets`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Printable ASCII, and a dot for every other byte. For a page still to be escaped.
pub fn printable(bytes: &[u8]) -> String {
    let shown = |&byte: &u8| {
        if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
    };
    bytes.iter().map(shown).collect()
}

/// A report of a decoy in one line.
pub fn decoy_news(it: &DecoyReport) -> String {
    let mut line = format!(
        "decoy {} started {} to {}, packet {}",
        it.decoy,
        service_name(it.protocol, it.port),
        it.destination,
        it.packet
    );
    /// Bytes of a content that the line shows.
    const SHOWN: usize = 40;
    let shown = |bytes: &[u8]| printable(&bytes[..bytes.len().min(SHOWN)]);
    if !it.payload.is_empty() {
        let _ = write!(line, ", with `{}`", shown(&it.payload));
    }
    match it.suspects.first() {
        None => line.push_str("; it is not known to have received anything"),
        Some(last) => {
            let _ = write!(
                line,
                "; it had received {}, the last from {} at {}: `{}`",
                counted(it.suspects.len() as u64, "content"),
                last.sender,
                service_name(last.protocol, last.port),
                shown(&last.content)
            );
        }
    }
    line
}

/// Two lower-case hexadecimal digits a byte, `separator` between bytes.
pub fn hex(bytes: &[u8], separator: &str) -> String {
    let mut text = String::with_capacity((2 + separator.len()) * bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        text.push_str(if index > 0 { separator } else { "" });
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that a hexadecimal text stands for, if it is one.
pub fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<_>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::signature::Suspect;

    #[test]
    fn ends_are_written_as_settings_take_them() {
        let host = |text: &str| Host::of(text.parse().unwrap(), 128);
        assert_eq!(end(host("192.0.2.1"), 53), "192.0.2.1:53");
        assert_eq!(end(host("2001:db8::1"), 53), "[2001:db8::1]:53");
    }

    #[test]
    fn hexadecimal_is_read_strictly() {
        assert_eq!(bytes_of("00fF"), Some(vec![0, 255]));
        assert_eq!(bytes_of(""), Some(vec![]));
        for bad in ["0", "zz", "+1", "é", "<b>!"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn services_and_numbers_read_as_people_write_them() {
        let named = service_name;
        assert_eq!(named(6, Some(445)), "tcp/445");
        assert_eq!(named(6, None), "tcp");
        assert_eq!(named(1, Some(8 * 256)), "icmp 8/0");
        assert_eq!(named(47, Some(0)), "proto 47");
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!([1, 2].map(|count| counted(count, "host")), ["1 host", "2 hosts"]);
    }

    #[test]
    fn a_line_says_what_was_started_and_what_came_before() {
        let host = |text: &str| Host::of(text.parse().unwrap(), 128);
        let mut report = DecoyReport {
            decoy: host("192.0.2.7"),
            destination: host("198.51.100.1"),
            protocol: 6,
            port: Some(445),
            packet: 41,
            ..DecoyReport::default()
        };
        assert_eq!(
            decoy_news(&report),
            "decoy 192.0.2.7 started tcp/445 to 198.51.100.1, packet 41; it is not known to \
             have received anything"
        );
        report.payload = b"attack".to_vec();
        report.suspects = vec![Suspect {
            content: [b"\x1bworm", &[b'x'; 60][..]].concat(),
            sender: host("203.0.113.9"),
            protocol: 17,
            port: Some(4_444),
            ..Suspect::default()
        }];
        assert_eq!(
            decoy_news(&report),
            format!(
                "decoy 192.0.2.7 started tcp/445 to 198.51.100.1, packet 41, with `attack`; it \
                 had received 1 content, the last from 203.0.113.9 at udp/4444: `.worm{}`",
                "x".repeat(35)
            )
        );
    }
}
