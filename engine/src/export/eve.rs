//! Findings as EVE alerts, the JSON lines of Suricata, for what reads those already.
//!
//! Standard keys only: what is ours stands in `alert.metadata`, whose values are lists
//! of texts. The addresses are those of the first sample.

use super::rule::Rule;
use crate::packet::Timestamp;
use crate::signature::Confidence;
use serde_json::{Map, Value, json};

/// One alert as one line, without the line feed.
pub fn alert(rule: &Rule<'_>) -> String {
    let it = rule.signature;
    let metadata: Map<String, Value> = rule
        .metadata()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), json!([value])))
        .collect();
    let mut line = json!({
        "timestamp": timestamp(it.detected_at),
        "event_type": "alert",
        "proto": rule.protocol().to_uppercase(),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": rule.sid.sid,
            "rev": rule.sid.rev,
            "signature": rule.title(),
            "category": "Potentially Bad Traffic",
            "severity": severity(it.confidence),
            "metadata": metadata,
        },
    });
    if let Some(sample) = it.samples.first() {
        line["src_ip"] = json!(sample.source.to_string());
        line["dest_ip"] = json!(sample.destination.to_string());
        line["pcap_cnt"] = json!(sample.packet);
        if matches!(rule.protocol(), "tcp" | "udp") {
            line["src_port"] = json!(sample.source_port);
            line["dest_port"] = json!(sample.destination_port);
        }
    }
    line.to_string()
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

    #[test]
    fn an_alert_has_only_the_standard_keys() {
        let signature = signature(b"some content that is long enough");
        let rule = Rule::new(&signature, SID, &RuleOptions::default()).unwrap();
        let value: Value = serde_json::from_str(&alert(&rule)).unwrap();
        assert_eq!(value["timestamp"], "2023-11-14T22:14:10.000000+0000");
        assert_eq!(value["src_ip"], "10.0.0.0");
        assert_eq!(value["dest_port"], 445);
        assert_eq!(value["alert"]["signature_id"], 1_500_001);
        assert_eq!(value["alert"]["metadata"]["wormsift_sources"], json!(["31"]));
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "alert",
                "dest_ip",
                "dest_port",
                "event_type",
                "pcap_cnt",
                "proto",
                "src_ip",
                "src_port",
                "timestamp"
            ]
        );
    }
}
