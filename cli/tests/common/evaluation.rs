//! What the tests of `evaluate` share: a small corpus, and what is said of it.

use super::{code, file, run, stderr};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// One scenario, small enough to be sifted in a moment.
pub(crate) const SMALL: &str = "
[[scenario]]
name = \"outbreak\"
label = \"small\"
seeds = 2
options = { until_infected = 45, background_hosts = 10 }
expect = { dispersion = \"fires\", propagation = \"fires\" }
";

/// Evaluates this manifest, and returns what the JSON says.
pub(crate) fn evaluate(folder: &Path, manifest: &str, flags: &[&str]) -> (Output, Value) {
    let manifest = file(folder, "corpus.toml", manifest.as_bytes());
    let json = folder.join("out.json");
    let json = json.to_str().unwrap();
    let all = [
        &["evaluate", "--manifest", &manifest, "--json-file", json, "--runs-only"],
        flags,
    ];
    let output = run(&all.concat());
    assert!([0, 3, 4].contains(&code(&output)), "{}", stderr(&output));
    let text = std::fs::read_to_string(json).unwrap();
    (output, serde_json::from_str(&text).unwrap())
}

pub(crate) fn rows(evaluation: &Value) -> &[Value] {
    evaluation["rows"].as_array().unwrap()
}

/// Generates the story of [`SMALL`] under seed 1; the truth lies beside it.
pub(crate) fn capture(folder: &Path, name: &str, flags: &[&str]) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let all = ["generate", "outbreak", "--until-infected", "45", "--background-hosts"];
    let output = run(&[&all[..], &["10", "-o", &path], flags].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    path
}

/// Takes out what may differ between two runs: times, speeds, and how it was called.
pub(crate) fn without_times(mut evaluation: Value) -> Value {
    let setting = evaluation["setting"].as_object_mut().unwrap();
    for key in ["command", "started", "threads", "seconds"] {
        assert!(setting.remove(key).is_some(), "{key}");
    }
    for row in evaluation["rows"].as_array_mut().unwrap() {
        assert!(row.as_object_mut().unwrap().remove("bytes_per_second").is_some());
        for run in row["runs"].as_array_mut().unwrap() {
            assert!(run.as_object_mut().unwrap().remove("seconds").is_some());
        }
    }
    evaluation
}
