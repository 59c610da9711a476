//! `detect --durations`: hosts estimated from the addresses that sent a content.

use crate::common::{code, file, folder, outbreak, run, schema, stderr, stdout};
use serde_json::Value;

#[test]
fn durations_give_an_estimate_and_a_bad_file_stops_the_run() {
    let folder = folder("durations");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let population = |arguments: &[&str]| -> Value {
        let output = run(&[&["detect", "-q", "--json", &capture], arguments].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let strict = schema::strict();
        let text = stdout(&output);
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines: Vec<Value> = lines
            .inspect(|it| assert_eq!(schema::faults(&strict, it), [""; 0]))
            .collect();
        let summary = lines.iter().rfind(|line| line["type"] == "summary").unwrap();
        assert_eq!(summary["population"]["addresses"], summary["sources"]);
        summary["population"].clone()
    };
    let plain = population(&[]);
    assert_eq!(plain["hosts_method"], "window");
    assert_eq!(plain["hosts_estimate"], Value::Null);
    assert_eq!(plain["hosts_high"], plain["addresses"]);
    // Nobody changes an address in so short a time: as many hosts as addresses.
    let good = file(&folder, "good.csv", b"prefix,seconds\n0.0.0.0/0,1e9\n");
    let found = population(&["--durations", &good]);
    assert_eq!(found["hosts_method"], "cardcount");
    assert_eq!(found["hosts_estimate"], plain["addresses"]);
    // Of other networks nothing is said.
    let other = file(&folder, "other.csv", b"203.0.113.0/24,60\n");
    assert_eq!(population(&["--durations", &other]), plain);
    let bad = file(&folder, "bad.csv", b"0.0.0.0/0,60\n0.0.0.0/0\n");
    let output = run(&["detect", "--json", &capture, "--durations", &bad]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("line 2: "), "{}", stderr(&output));
}
