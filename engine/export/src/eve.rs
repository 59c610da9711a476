//! Findings as EVE alerts, the JSON lines of Suricata.
//!
//! Standard keys only, of the types and formats that Suricata 8 writes: our own fields stand
//! in `alert.metadata`, whose values are lists of texts. Addresses, ports, `flow_id` and
//! `pcap_cnt` are those of one sighting, the first of the samples; without a sample they
//! are the first listed source and destination. `timestamp` is when the content was
//! reported; `wormsift_sighting_at` is the sighting's own time.

use super::rule::{Rule, Service};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use wormsift::packet::protocol::{ICMP, ICMPV6, TCP, UDP};
use wormsift::packet::{Host, Site, Timestamp};
use wormsift::signature::{Confidence, SignatureSample};
use xxhash_rust::xxh3::xxh3_64;

/// Relays that an alert names at most.
const MOST_RELAYS: usize = 64;

/// One alert as one line, without the line feed; `interface` where it was seen live.
pub fn alert(rule: &Rule<'_>, interface: Option<&str>) -> String {
    let it = rule.signature;
    let mut line = json!({
        "timestamp": timestamp(it.detected_at),
        "event_type": "alert",
        "proto": protocol_name(it.protocol),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": rule.sid.sid,
            "rev": rule.sid.rev,
            "signature": rule.title(),
            "category": "Potentially Bad Traffic",
            "severity": severity(it.confidence),
            "metadata": metadata(rule),
        },
    });
    if let Some(interface) = interface {
        line["in_iface"] = json!(interface);
    }
    let ends = match it.samples.first() {
        Some(sample) => Some((sample.source, sample.destination)),
        None => it.source_list.first().copied().zip(it.destination_list.first().copied()),
    };
    if let Some((source, destination)) = ends {
        line["src_ip"] = json!(address(source));
        line["dest_ip"] = json!(address(destination));
        line["ip_v"] = json!(if source.address().is_ipv4() { 4 } else { 6 });
    }
    if let Some(sample) = it.samples.first() {
        line["flow_id"] = json!(flow_id(it.protocol, sample));
        // Packets are numbered in files alone.
        if interface.is_none() {
            line["pcap_cnt"] = json!(sample.packet);
        }
        if matches!(it.protocol, TCP | UDP) {
            line["src_port"] = json!(sample.source_port);
            line["dest_port"] = json!(sample.destination_port);
        }
    }
    if let Service::Icmp(kind, code) = rule.service {
        line["icmp_type"] = json!(kind);
        line["icmp_code"] = json!(code);
    }
    line.to_string()
}

/// The evidence, each value a list of texts.
fn metadata(rule: &Rule<'_>) -> Map<String, Value> {
    let it = rule.signature;
    let mut metadata: Map<String, Value> = rule
        .metadata()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), json!([value])))
        .collect();
    let mut more = |key: &str, values: Vec<String>| {
        if !values.is_empty() {
            metadata.insert(key.to_owned(), json!(values));
        }
    };
    let relays = it.relays.iter().take(MOST_RELAYS);
    more("wormsift_relays", relays.map(|relay| at_site(relay.host)).collect());
    more("wormsift_taps", it.taps.keys().cloned().collect());
    let ends = it.samples.first().map(|sample| [sample.source, sample.destination]);
    let sites: BTreeSet<_> = ends.into_iter().flatten().filter_map(Host::site).collect();
    more("wormsift_sites", sites.iter().map(Site::to_string).collect());
    more("wormsift_first_seen", vec![timestamp(it.first_seen)]);
    more("wormsift_last_seen", vec![timestamp(it.last_seen)]);
    let sighting = it.samples.first();
    more(
        "wormsift_sighting_at",
        sighting.map(|sample| timestamp(sample.time)).into_iter().collect(),
    );
    metadata
}

/// The name that Suricata gives a protocol: that of the system's list in upper case, or
/// three digits.
fn protocol_name(number: u8) -> String {
    let name = match number {
        ICMP => "ICMP",
        2 => "IGMP",
        TCP => "TCP",
        UDP => "UDP",
        33 => "DCCP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        ICMPV6 => "IPv6-ICMP",
        132 => "SCTP",
        other => return format!("{other:03}"),
    };
    name.to_owned()
}

/// An address with its site, where it has one.
fn at_site(host: Host) -> String {
    let site = host.site().map_or_else(String::new, |site| format!("%{site}"));
    address(host) + &site
}

/// As Suricata writes them: IPv6 in full.
fn address(host: Host) -> String {
    match host.address() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let parts = address.segments().map(|part| format!("{part:04x}"));
            parts.join(":")
        }
    }
}

/// A number of the sighting's flow: the same for both directions and in every alert of
/// this program. Positive and below 2^53, so that no reader rounds it. Suricata's own is
/// drawn anew in each of its runs; it is not that one.
fn flow_id(protocol: u8, sample: &SignatureSample) -> u64 {
    let mut ends = [
        (sample.source.0, sample.source_port),
        (sample.destination.0, sample.destination_port),
    ];
    if !matches!(protocol, TCP | UDP) {
        ends.iter_mut().for_each(|end| end.1 = 0);
    }
    ends.sort_unstable();
    let mut bytes = vec![protocol];
    for (host, port) in ends {
        bytes.extend(host.to_be_bytes());
        bytes.extend(port.to_be_bytes());
    }
    (xxh3_64(&bytes) >> 11).max(1)
}

/// Suricata's 1 is the most severe; a candidate is never that.
fn severity(confidence: Confidence) -> u8 {
    match confidence {
        Confidence::High => 2,
        Confidence::Medium | Confidence::Low => 3,
    }
}

/// `2026-11-23T04:05:06.000000+0000`.
fn timestamp(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}+0000", text.get(..26).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::rule::tests::{SID, signature};
    use super::super::rule::{Rule, RuleOptions};
    use super::*;
    use wormsift::signature::{Relay, Signature};

    fn value(signature: &Signature, interface: Option<&str>) -> Value {
        let rule = Rule::new(signature, SID, &RuleOptions::default()).unwrap();
        serde_json::from_str(&alert(&rule, interface)).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn an_alert_has_the_standard_keys_and_those_of_its_sighting() {
        let mut signature = signature(b"some content that is long enough");
        signature.relays = vec![Relay {
            host: signature.samples[1].source,
            received_at: None,
            sent_at: signature.first_seen,
            fan_out: 3,
            ..Relay::default()
        }];
        let alert = value(&signature, None);
        assert_eq!(alert["timestamp"], "2023-11-14T22:14:10.000000+0000");
        assert_eq!(
            (&alert["src_ip"], &alert["src_port"]),
            (&"10.0.0.0".into(), &40_000.into())
        );
        assert_eq!(
            (&alert["dest_ip"], &alert["dest_port"]),
            (&"10.1.0.0".into(), &445.into())
        );
        assert_eq!(alert["alert"]["signature_id"], 1_500_001);
        let metadata = &alert["alert"]["metadata"];
        assert_eq!(metadata["wormsift_sources"], json!(["31"]));
        assert_eq!(metadata["wormsift_relays"], json!(["10.0.0.1"]));
        let at = "2023-11-14T22:13:20.123456+0000";
        assert_eq!(metadata["wormsift_sighting_at"], json!([at]));
        let flow = alert["flow_id"].as_u64().unwrap();
        assert!(flow > 0 && flow < 1 << 53);
        assert_eq!(
            keys(&alert),
            [
                "alert",
                "dest_ip",
                "dest_port",
                "event_type",
                "flow_id",
                "ip_v",
                "pcap_cnt",
                "proto",
                "src_ip",
                "src_port",
                "timestamp"
            ]
        );
        let live = value(&signature, Some("eth1"));
        assert_eq!(live["in_iface"], "eth1");
        assert!(live.get("pcap_cnt").is_none());
        // The other direction is of the same flow, another port is not.
        let one = &mut signature.samples[0];
        (one.source, one.destination) = (one.destination, one.source);
        (one.source_port, one.destination_port) = (one.destination_port, one.source_port);
        assert_eq!(value(&signature, None)["flow_id"], flow);
        signature.samples[0].source_port += 1;
        assert_ne!(value(&signature, None)["flow_id"], flow);
    }

    #[test]
    fn icmp_has_a_type_in_place_of_ports_and_names_are_those_of_suricata() {
        let mut signature = signature(b"some content that is long enough");
        (signature.protocol, signature.port) = (58, Some(0x8000));
        signature.samples[0].source = Host::of("2001:db8::7".parse().unwrap(), 128);
        let alert = value(&signature, None);
        assert_eq!((&alert["proto"], &alert["ip_v"]), (&"IPv6-ICMP".into(), &6.into()));
        assert_eq!((&alert["icmp_type"], &alert["icmp_code"]), (&128.into(), &0.into()));
        assert_eq!(alert["src_ip"], "2001:0db8:0000:0000:0000:0000:0000:0007");
        assert!(alert.get("src_port").is_none() && alert.get("dest_port").is_none());
        signature.protocol = 253;
        assert_eq!(value(&signature, None)["proto"], "253");
    }

    #[test]
    fn without_samples_the_ends_are_listed_hosts() {
        let mut signature = signature(b"some content that is long enough");
        signature.samples.clear();
        let alert = value(&signature, None);
        assert_eq!(
            (&alert["src_ip"], &alert["dest_ip"]),
            (&"10.0.0.0".into(), &"10.1.0.0".into())
        );
        assert!(alert.get("flow_id").is_none() && alert.get("src_port").is_none());
    }
}
