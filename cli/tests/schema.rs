//! Every line that the program prints is told in the committed schema.

use crate::common::{self, key_types, schema};
use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_line_is_of_a_type_and_has_fields_that_the_schema_names() {
    let folder = folder("schema");
    let trace = file(&folder, "outbreak.pcap", &outbreak());
    let nothing = file(&folder, "nothing.pcap", &common::pcap(&[]));
    let all = ["--sampling", "1", "--memory", "64MiB"];
    let output = run(&[&["detect", "--json", &trace][..], &all].concat());
    let found = file(&folder, "found.jsonl", &output.stdout);
    let line: Value = serde_json::from_str(stdout(&output).lines().next().unwrap())
        .expect("a signature");
    let id = line["id"].as_str().unwrap();
    let mut kinds = BTreeSet::new();
    let mut types = key_types::Types::default();
    types.schema(&schema::schema());
    let made = folder.join("made.pcap");
    let made = made.to_str().unwrap();
    for arguments in [
        vec!["detect", "--json", &trace],
        // With a warning.
        vec!["detect", "--json", &nothing],
        vec!["match", "--json", "--hits", "--signatures", &found, &trace],
        vec!["explain", "--json", "--signatures", &found, id, &trace],
        vec!["detect", "--json", "--home-net", "10.0.0.0/16", &trace],
        vec!["generate", "--json", "outbreak", "--packets", "1", "-o", made],
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        for line in stdout(&output).lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(schema::unnamed(&line), [""; 0], "{arguments:?}");
            types.line(&line);
            kinds.insert(line["type"].as_str().unwrap().to_owned());
        }
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "capture",
            "explanation",
            "hit",
            "match_stats",
            "matches",
            "signature",
            "stats",
            "summary",
            "warning"
        ]
    );
    assert_eq!(types.ambiguous().1, [""; 0]);
}
