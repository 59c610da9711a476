//! JSON lines: one finding, one line, schema `wormsift/1`.

use crate::packet::protocol;
use crate::signature::{Finding, Relay, SampleInfo, Signature};
use serde_json::{Value, json};

/// The schema that every line names.
pub const SCHEMA: &str = "wormsift/1";

/// A finding as one line of JSON, without the line's end.
///
/// Bytes are lower-case hex, times RFC 3339 in UTC, unknown times null; keys are in
/// alphabetical order.
pub fn line(finding: &Finding) -> String {
    let (kind, signature) = match finding {
        Finding::Signature(signature) => ("signature", signature),
        Finding::Update(signature) => ("update", signature),
        Finding::Summary(signature) => ("summary", signature),
    };
    let mut value = value_of(signature);
    value["schema"] = SCHEMA.into();
    value["type"] = kind.into();
    value.to_string()
}

/// The name of an IP protocol, or its number.
pub fn protocol_name(number: u8) -> String {
    match number {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        33 => "dccp".to_owned(),
        47 => "gre".to_owned(),
        50 => "esp".to_owned(),
        132 => "sctp".to_owned(),
        136 => "udplite".to_owned(),
        other => other.to_string(),
    }
}

/// Printable ASCII as it is, every other byte as a dot.
pub fn ascii(bytes: &[u8]) -> String {
    bytes.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

fn value_of(signature: &Signature) -> Value {
    json!({
        "id": signature.id,
        "alarm": signature.alarm,
        "confidence": signature.confidence,
        "protocol": protocol_name(signature.protocol),
        "port": signature.port,
        "port_rule": signature.port_rule,
        "content_hex": hex(&signature.content),
        "length": signature.content.len(),
        "ascii": ascii(&signature.content),
        "tokens_hex": signature.tokens.iter().map(|token| hex(token)).collect::<Vec<_>>(),
        "packets": signature.packets,
        "sources": signature.sources,
        "destinations": signature.destinations,
        "source_list": signature.source_list,
        "destination_list": signature.destination_list,
        "spread": signature.spread,
        "relays": signature.relays.iter().map(relay).collect::<Vec<_>>(),
        "first_seen": signature.first_seen.to_string(),
        "last_seen": signature.last_seen.to_string(),
        "detected_at": signature.detected_at.to_string(),
        "evidence": signature.evidence,
        "samples": signature.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn relay(relay: &Relay) -> Value {
    json!({
        "host": relay.host.to_string(),
        "received_at": relay.received_at.map(|time| time.to_string()),
        "sent_at": relay.sent_at.to_string(),
        "fan_out": relay.fan_out,
    })
}

fn sample(info: &SampleInfo) -> Value {
    json!({
        "packet": info.packet,
        "time": info.time.to_string(),
        "source": info.source.to_string(),
        "destination": info.destination.to_string(),
        "source_port": info.source_port,
        "destination_port": info.destination_port,
        "offset": info.offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Host, Timestamp};
    use crate::signature::{Alarm, Confidence, Evidence};

    fn signature() -> Signature {
        let host = |text: &str| Host::of(text.parse().unwrap(), 64);
        Signature {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            alarm: Alarm::Propagation,
            confidence: Confidence::Medium,
            protocol: 17,
            port: Some(1_434),
            port_rule: "destination",
            content: b"\x00worm\xff\"\n".to_vec(),
            tokens: vec![b"worm".to_vec()],
            packets: 9,
            sources: 3,
            destinations: 7,
            source_list: vec!["192.0.2.1".parse().unwrap()],
            destination_list: vec!["2001:db8::".parse().unwrap()],
            spread: 4,
            relays: vec![Relay {
                host: host("192.0.2.9"),
                received_at: None,
                sent_at: Timestamp::from_nanos(2_000_000_000),
                fan_out: 4,
            }],
            first_seen: Timestamp::from_nanos(1_000_000_000),
            last_seen: Timestamp::from_nanos(3_000_000_001),
            detected_at: Timestamp::from_nanos(4_000_000_000),
            evidence: Evidence { windows: 2, ..Evidence::default() },
            samples: vec![SampleInfo {
                packet: 5,
                time: Timestamp::from_nanos(1_500_000_000),
                source: host("192.0.2.1"),
                destination: host("2001:db8::7"),
                source_port: 4_000,
                destination_port: 1_434,
                offset: 12,
            }],
        }
    }

    #[test]
    fn a_line_is_as_documented() {
        let line = line(&Finding::Signature(signature()));
        assert!(!line.contains('\n'));
        let value: Value = serde_json::from_str(&line).unwrap();
        let expected = json!({
            "schema": "wormsift/1", "type": "signature",
            "id": "00112233445566778899aabbccddeeff",
            "alarm": "propagation", "confidence": "medium", "protocol": "udp",
            "port": 1434, "port_rule": "destination",
            "content_hex": "00776f726dff220a", "length": 8, "ascii": ".worm.\".",
            "tokens_hex": ["776f726d"], "packets": 9, "sources": 3, "destinations": 7,
            "source_list": ["192.0.2.1"], "destination_list": ["2001:db8::"], "spread": 4,
            "relays": [{"host": "192.0.2.9", "received_at": null,
                "sent_at": "1970-01-01T00:00:02.000000000Z", "fan_out": 4}],
            "first_seen": "1970-01-01T00:00:01.000000000Z",
            "last_seen": "1970-01-01T00:00:03.000000001Z",
            "detected_at": "1970-01-01T00:00:04.000000000Z",
            "evidence": {"alarms": [], "windows": 2, "sample_sources": 0,
                "distinct_bytes": 0, "reasons": []},
            "samples": [{"packet": 5, "time": "1970-01-01T00:00:01.500000000Z",
                "source": "192.0.2.1", "destination": "2001:db8::", "source_port": 4000,
                "destination_port": 1434, "offset": 12}],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn the_kind_of_finding_is_the_type() {
        for (finding, kind) in [
            (Finding::Update(signature()), "update"),
            (Finding::Summary(signature()), "summary"),
        ] {
            let value: Value = serde_json::from_str(&line(&finding)).unwrap();
            assert_eq!(value["type"], kind);
        }
    }

    #[test]
    fn without_a_port_rule_the_port_is_null() {
        let signature = Signature { port: None, port_rule: "none", ..signature() };
        let value: Value = serde_json::from_str(&line(&Finding::Signature(signature))).unwrap();
        assert_eq!(value["port"], Value::Null);
    }
}
