//! The committed schema of JSON lines names every field that is written.

#[path = "common/key_types.rs"]
mod key_types;
#[path = "common/schema.rs"]
mod schema;

use serde_json::{Value, json};
use wormsift::config::Config;
use wormsift::pipeline::Sensor;
use wormsift_export::json_lines;

const FULL: &str = include_str!("../schema/full.jsonl");
const OLDER: &str = include_str!("../schema/older.jsonl");

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// The example leaves nothing out: a new field, or one that is no longer written, makes
/// the written line another one than the example.
#[test]
fn every_field_of_a_finding_is_in_the_example_and_in_the_schema() {
    let mut lines = 0;
    for line in FULL.lines() {
        let finding = json_lines::read(line).unwrap().expect("a finding");
        assert_eq!(json_lines::write(&finding), line);
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(!has_null(&value), "a field that the example does not show");
        assert_eq!(schema::unnamed(&value), [""; 0]);
        lines += 1;
    }
    assert_eq!(lines, 3, "signature, update and summary");
}

#[test]
fn every_counter_and_gauge_is_in_the_schema() {
    let config = Config::from_toml("memory = '16MiB'").unwrap();
    let mut line = serde_json::to_value(Sensor::new(config).unwrap().stats()).unwrap();
    line["type"] = json!("stats");
    assert_eq!(schema::unnamed(&line), [""; 0]);
}

#[test]
fn a_name_that_the_schema_lacks_is_found_at_any_depth() {
    let mut line: Value = serde_json::from_str(FULL.lines().next().unwrap()).unwrap();
    line["new"] = json!(1);
    line["relays"][0]["new"] = json!(1);
    line["evidence"]["growth"]["new"] = json!(1);
    let mut found = schema::unnamed(&line);
    found.sort();
    let expected =
        ["signature.evidence.growth.new", "signature.new", "signature.relays.new"];
    assert_eq!(found, expected);
    assert_eq!(schema::unnamed(&json!({"type": "news"})), ["news"]);
}

#[test]
fn each_key_has_one_type_in_lines_of_all_types() {
    let mut types = key_types::Types::default();
    types.schema(&schema::schema());
    let (keys, ambiguous) = types.ambiguous();
    assert!(keys > 150, "{keys}");
    assert_eq!(ambiguous, [""; 0]);
    // And in what is written.
    let mut types = key_types::Types::default();
    FULL.lines().for_each(|line| types.line(&serde_json::from_str(line).unwrap()));
    let config = Config::from_toml("memory = '16MiB'").unwrap();
    types.line(&serde_json::to_value(Sensor::new(config).unwrap().stats()).unwrap());
    assert_eq!(types.ambiguous().1, [""; 0]);
}

/// It finds what was wrong with version 1.
#[test]
fn version_1_had_keys_of_several_types() {
    let first: Value =
        serde_json::from_str(include_str!("../schema/wormsift-1.schema.json")).unwrap();
    let mut types = key_types::Types::default();
    types.schema(&first);
    let (_, ambiguous) = types.ambiguous();
    let names: Vec<&str> =
        ambiguous.iter().filter_map(|it| Some(it.split_once(':')?.0)).collect();
    assert_eq!(
        names,
        [
            "alarms",
            "candidates",
            "fragments",
            "growth",
            "packets",
            "propagation",
            "relays",
            "samples",
            "signatures",
            "suppressed"
        ]
    );
}

#[test]
fn lines_of_an_earlier_writer_are_read() {
    let findings: Vec<_> =
        OLDER.lines().filter_map(|line| json_lines::read(line).unwrap()).collect();
    assert_eq!(findings.len(), 3);
    let first = findings[0].signature();
    assert_eq!(first.id, "02abe83a780c224f6d1bd4c4a1e3614a");
    assert_eq!((first.content.len(), first.evidence.growth), (320, None));
}
