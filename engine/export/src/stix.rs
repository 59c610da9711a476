//! STIX 2.1: one bundle of indicators, each with the Suricata rule as its pattern.
//!
//! Identifiers follow from the signature's, so that the same finding shared twice is
//! one object.

use super::rule::{Rule, RuleOptions};
use super::suricata;
use serde_json::{Value, json};
use uuid::Uuid;
use wormsift::packet::Timestamp;
use wormsift::signature::Confidence;

/// The name space of our identifiers, drawn once.
const NAMESPACE: Uuid = Uuid::from_u128(0x8e0f_6a1d_93c4_4b57_a2d1_5c70_be94_17f3);

/// A bundle of these rules' indicators, JSON.
pub fn bundle(rules: &[Rule<'_>], options: &RuleOptions) -> String {
    of_objects(rules.iter().map(|rule| indicator(rule, options)).collect())
}

/// A bundle of these objects, whose identifier follows from theirs.
pub(super) fn of_objects(objects: Vec<Value>) -> String {
    let ids: Vec<&str> = objects.iter().filter_map(|one| one["id"].as_str()).collect();
    let mut bundle = json!({
        "type": "bundle",
        "id": format!("bundle--{}", uuid(&ids.join(" "))),
    });
    // The schema wants objects to be there or the key not to be.
    if !objects.is_empty() {
        bundle["objects"] = Value::Array(objects);
    }
    format!("{bundle:#}\n")
}

fn indicator(rule: &Rule<'_>, options: &RuleOptions) -> Value {
    let it = rule.signature;
    let created = milliseconds(it.detected_at);
    json!({
        "type": "indicator",
        "spec_version": "2.1",
        "id": format!("indicator--{}", uuid(&format!("indicator {}", it.id))),
        "created": created,
        "modified": created,
        "name": rule.title(),
        "description": description(rule),
        "indicator_types": ["malicious-activity"],
        "pattern": suricata::rule(rule, options),
        "pattern_type": "suricata",
        "valid_from": milliseconds(it.first_seen.min(it.detected_at)),
        "confidence": confidence(it.confidence),
    })
}

/// The middle of each range of STIX's own scale "None / Low / Med / High".
pub(super) fn confidence(confidence: Confidence) -> u8 {
    match confidence {
        Confidence::Low => 15,
        Confidence::Medium => 50,
        Confidence::High => 85,
    }
}

/// The evidence in one sentence.
pub(super) fn description(rule: &Rule<'_>) -> String {
    let it = rule.signature;
    format!(
        "Content of {} bytes seen to spread: {} alarm, {} packets from {} sources to {} \
         destinations, passed on to {} hosts by those who received it; confidence {}. For a \
         person to judge.",
        it.content.len(),
        it.alarm.name(),
        it.packets,
        it.source_count(),
        it.destination_count(),
        it.spread_count(),
        it.confidence.name()
    )
}

/// A UUID of version 5 from a text: the same text has the same everywhere.
pub(super) fn uuid(text: &str) -> String {
    Uuid::new_v5(&NAMESPACE, text.as_bytes()).to_string()
}

/// RFC 3339 to the millisecond, as STIX compares them.
pub(super) fn milliseconds(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}Z", text.get(..23).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::rule::tests::{SID, signature};
    use super::*;
    use wormsift::signature::{Precision, Signature};

    #[test]
    fn identifiers_are_uuids_that_follow_from_the_signature() {
        let one = uuid("a");
        assert_eq!(one, uuid("a"));
        assert_ne!(one, uuid("b"));
        assert_eq!((one.len(), &one[14..15]), (36, "5"));
        assert!("89ab".contains(&one[19..20]));
    }

    #[test]
    fn the_sentence_says_what_is_known_of_each_number() {
        let mut signature = signature(b"some content that is long enough");
        signature.sources_precision = Precision::Exact;
        signature.destinations_precision = Precision::AtLeast;
        let text = |signature: &Signature| {
            let options = RuleOptions::default();
            description(&Rule::new(signature, SID, &options).unwrap())
        };
        let (sources, destinations) = (signature.sources, signature.destinations);
        let expected = format!("from {sources} sources to at least {destinations} dest");
        assert!(text(&signature).contains(&expected), "{}", text(&signature));
        signature.sources_precision = Precision::About;
        let expected = format!("from about {sources} sources");
        assert!(text(&signature).contains(&expected), "{}", text(&signature));
    }

    #[test]
    fn a_bundle_holds_an_indicator_a_rule() {
        let signature = signature(b"some content that is long enough");
        let options = RuleOptions::default();
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let value: Value = serde_json::from_str(&bundle(&[rule], &options)).unwrap();
        let indicator = &value["objects"][0];
        assert_eq!(indicator["pattern_type"], "suricata");
        assert_eq!(indicator["created"], "2023-11-14T22:14:10.000Z");
        assert!(indicator["pattern"].as_str().unwrap().starts_with("alert udp "));
        let empty: Value = serde_json::from_str(&bundle(&[], &options)).unwrap();
        assert!(empty.get("objects").is_none());
    }
}
