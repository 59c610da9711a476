//! The committed schema of JSON lines: what it takes and refuses, and what it promises.

#[path = "common/schema.rs"]
mod schema;

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wormsift_export::json_lines;

const FULL: &str = include_str!("../schema/full.jsonl");
const OLDER: &str = include_str!("../schema/older.jsonl");

fn first() -> Value {
    serde_json::from_str(FULL.lines().next().unwrap()).unwrap()
}

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
    let strict = schema::strict();
    let mut lines = 0;
    for line in FULL.lines() {
        assert_eq!(rewritten(line), line);
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(!has_null(&value), "a field that the example does not show");
        assert_eq!(schema::faults(&strict, &value), [""; 0]);
        lines += 1;
    }
    assert_eq!(lines, 8, "signature, update, summary, incident, decoy, and three events");
}

/// The line that is written of what is read.
fn rewritten(line: &str) -> String {
    if let Some((finding, muted)) = json_lines::read_marked(line).unwrap() {
        return json_lines::write_marked(&finding, muted.as_ref());
    }
    if let Some(report) = json_lines::read_decoy(line).unwrap() {
        return json_lines::write_decoy(&report);
    }
    if let Some(event) = json_lines::read_event(line).unwrap() {
        return json_lines::write_event(&event);
    }
    if let Some(wave) = json_lines::read_wave(line).unwrap() {
        return json_lines::write_wave(&wave);
    }
    let incident = json_lines::read_marked_incident(line).unwrap();
    let (incident, muted) = incident.expect("a line of a type that is known");
    json_lines::write_marked_incident(&incident, muted.as_ref())
}

#[test]
fn what_the_schema_lacks_is_found_at_any_depth() {
    let strict = schema::strict();
    let public = jsonschema::draft202012::new(&schema::schema()).unwrap();
    let mut changed = Vec::new();
    for pointer in ["", "/relays/0", "/evidence/growth"] {
        let mut line = first();
        line.pointer_mut(pointer).unwrap()["new"] = json!(1);
        changed.push(line);
    }
    changed.push(json!({"schema": "wormsift/2", "type": "news"}));
    for line in changed {
        assert!(public.is_valid(&line), "a later writer's line: {line}");
        assert_eq!(schema::faults(&strict, &line).len(), 1, "{line}");
    }
}

#[test]
fn wrong_values_are_refused() {
    let public = jsonschema::draft202012::new(&schema::schema()).unwrap();
    for (pointer, wrong) in [
        ("/schema", json!("wormsift/1")),
        ("/id", json!("x")),
        ("/port", json!(-1)),
        ("/port", json!(65_536)),
        ("/port_rule", json!("both")),
        ("/confidence", json!("certain")),
        ("/alarm", json!("both")),
        ("/content_hex", json!("0")),
        ("/relays", Value::Null),
        ("/relays/0/sent_at", json!("1970-01-01")),
        ("/source_list/0", json!("a host")),
        ("/source_list", json!(vec!["192.0.2.1"; 65])),
        ("/sources_precision", json!("sure")),
        ("/v6_prefix", json!(129)),
        ("/evidence/distinct_bytes", json!(257)),
        ("/evidence/load/prevalence_fill", json!(1.5)),
        ("/samples/0/packet", json!(0)),
    ] {
        let mut line = first();
        assert!(public.is_valid(&line));
        *line.pointer_mut(pointer).unwrap() = wrong;
        assert!(!public.is_valid(&line), "{pointer}");
    }
    for field in ["id", "type", "home_net", "evidence"] {
        let mut line = first();
        line.as_object_mut().unwrap().remove(field);
        assert!(!public.is_valid(&line), "without {field}");
    }
}

/// The JSON types of each key, null aside, wherever a schema names it.
type Types = BTreeMap<String, BTreeSet<String>>;

fn enter(schema: &Value, root: &Value, types: &mut Types) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                for (name, it) in properties {
                    let found = types.entry(name.clone()).or_default();
                    found.extend(types_of(it, root));
                }
            }
            fields.values().for_each(|it| enter(it, root, types));
        }
        Value::Array(items) => items.iter().for_each(|it| enter(it, root, types)),
        _ => {}
    }
}

fn types_of(schema: &Value, root: &Value) -> BTreeSet<String> {
    if let Some(target) = schema["$ref"].as_str() {
        return types_of(root.pointer(target.trim_start_matches('#')).unwrap(), root);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().flat_map(|it| types_of(it, root)).collect();
    }
    let several = schema["type"].as_array().cloned();
    let names = several.unwrap_or_else(|| vec![schema["type"].clone()]).into_iter();
    let names =
        names.filter_map(|name| Some(name.as_str()?.replace("integer", "number")));
    names.filter(|name| name != "null").collect()
}

fn ambiguous(root: &Value) -> (usize, Vec<(String, BTreeSet<String>)>) {
    let mut types = Types::new();
    enter(&root["$defs"], root, &mut types);
    let keys = types.len();
    (keys, types.into_iter().filter(|(_, types)| types.len() != 1).collect())
}

#[test]
fn each_key_has_one_type_in_lines_of_all_types() {
    let (keys, several) = ambiguous(&schema::schema());
    assert!(keys > 150, "{keys}");
    assert_eq!(several, []);
    // A section of counters that is named as a list is found.
    let mut other = schema::schema();
    let stats = &mut other["$defs"]["stats_of_detect"]["properties"];
    stats["relays"] = stats["propagation_counters"].clone();
    let (_, several) = ambiguous(&other);
    let both = ["array", "object"].map(str::to_owned).into();
    assert_eq!(several, [("relays".to_owned(), both)]);
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
