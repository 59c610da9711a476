//! Every line that the program prints keeps to the committed schema and is named in it.

use crate::common::schema;
use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_line_is_of_a_type_and_has_fields_that_the_schema_names() {
    let folder = folder("schema");
    let trace = file(&folder, "outbreak.pcap", &outbreak());
    let nothing = file(&folder, "nothing.pcap", &crate::common::pcap(&[]));
    let all = ["--sampling", "1", "--memory", "64MiB"];
    let output = run(&[&["detect", "--json", &trace][..], &all].concat());
    let found = file(&folder, "found.jsonl", &output.stdout);
    let line: Value = serde_json::from_str(stdout(&output).lines().next().unwrap())
        .expect("a signature");
    let id = line["id"].as_str().unwrap();
    let mut kinds = BTreeSet::new();
    let strict = schema::strict();
    let made = folder.join("made.pcap");
    let made = made.to_str().unwrap();
    let [dark, farm] = ["telescope", "honey-farm"].map(|name| {
        let path = folder.join(format!("{name}.pcap"));
        let path = path.to_str().unwrap().to_owned();
        assert_eq!(code(&run(&["generate", name, "-o", &path])), 0);
        path
    });
    for arguments in [
        vec!["detect", "--json", &trace],
        // With a warning.
        vec!["detect", "--json", &nothing],
        vec!["match", "--json", "--hits", "--signatures", &found, &trace],
        vec!["explain", "--json", "--signatures", &found, id, &trace],
        vec!["detect", "--json", "--home-net", "10.0.0.0/16", &trace],
        vec!["detect", "--json", "--dark", "10.64.0.0/16", &dark],
        vec!["detect", "--json", "--decoys", "10.20.16.32/28", &farm],
        vec!["generate", "--json", "outbreak", "--packets", "1", "-o", made],
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        for line in stdout(&output).lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(schema::faults(&strict, &line), [""; 0], "{arguments:?}");
            kinds.insert(line["type"].as_str().unwrap().to_owned());
        }
    }
    let schema = schema::schema();
    let named = schema::kinds(&schema).iter().map(|it| it.to_string()).collect();
    assert_eq!(kinds, named);
}
