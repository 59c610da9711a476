//! Numbers and names as people write them.

use wormsift::packet::protocol;
pub use wormsift::pipeline::grouped;
use wormsift::signature::Signature;

/// `tcp/445`, `udp`, `icmp 8/0`.
pub fn service(signature: &Signature) -> String {
    service_name(signature.protocol, signature.port)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
