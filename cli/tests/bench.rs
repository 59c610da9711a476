//! `wormsift bench`: every stage is told, as a table, as JSON, beside an earlier run.
//! Nothing here depends on how fast the machine is.

use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use serde_json::Value;

const FRAMES: u64 = 144;
/// Payload bytes of an attack and of the talk after it, 72 times.
const PAYLOAD: u64 = 72 * (400 + 90);

const STAGES: [&str; 9] = [
    "read",
    "sampling kernel",
    "decode",
    "fingerprint",
    "tails",
    "prevalence",
    "dispersion",
    "signatures",
    "sum",
];

#[test]
fn every_stage_is_in_the_json_and_its_figures_fit_together() {
    let folder = folder("bench_json");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let output =
        run(&["bench", "-q", "--json", "--passes", "2", "--threads", "2", &capture]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    let results: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(results["schema"], "wormsift-bench/1");
    assert_eq!(results["packets"], FRAMES);
    assert_eq!(results["payload_bytes"], PAYLOAD);
    assert_eq!(results["file_bytes"], outbreak().len());
    assert!(results["memory"]["total"].as_u64() <= results["memory"]["budget"].as_u64());
    let rows = results["stages"].as_array().expect("stages");
    let names: Vec<_> = rows.iter().filter_map(|row| row["stage"].as_str()).collect();
    assert_eq!(names[..9], STAGES);
    let last = ["sensor, 1 thread", "sensor, 2 threads", "detect from disk, 2 threads"];
    assert_eq!(names[9..], last);
    for row in rows {
        let number = |name: &str| row[name].as_f64().expect("a number");
        let seconds = number("seconds");
        assert!(seconds >= 0.0, "{row}");
        let per_packet = number("ns_per_packet") * FRAMES as f64;
        assert!((per_packet - seconds * 1e9).abs() <= 1e-6 * per_packet, "{row}");
        let bits = number("gigabytes_per_second") * 8.0;
        assert!((bits - number("gigabits_per_second")).abs() <= 1e-6 * bits, "{row}");
        assert!(row.get("times_as_fast").is_none(), "{row}");
    }
}

#[test]
fn a_run_is_compared_with_an_earlier_one() {
    let folder = folder("bench_compare");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let first =
        run(&["bench", "-q", "--json", "--passes", "1", "--threads", "1", &capture]);
    let mut earlier: Value = serde_json::from_str(&stdout(&first)).expect("JSON");
    for row in earlier["stages"].as_array_mut().expect("stages") {
        // As if each byte had taken a second.
        row["ns_per_byte"] = 1e9.into();
    }
    earlier["kernel"] = "abacus".into();
    let earlier = file(&folder, "before.json", earlier.to_string().as_bytes());
    let compared = ["bench", "--passes", "1", "--threads", "1", "--compare", &earlier];
    let json = run(&[&compared[..], &["--json", &capture]].concat());
    assert_eq!(code(&json), 0, "{}", stderr(&json));
    let said = stderr(&json);
    assert!(said.contains("the kernel is ") && said.contains("was abacus"), "{said}");
    assert!(!said.contains("payload bytes"), "{said}");
    let results: Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    for row in results["stages"].as_array().expect("stages") {
        if let Some(now) = row["ns_per_byte"].as_f64().filter(|now| *now > 0.0) {
            let times = row["times_as_fast"].as_f64().expect("a ratio");
            assert!((times * now / 1e9 - 1.0).abs() < 1e-6, "{row}");
        }
    }
    let table = stdout(&run(&[&compared[..], &["-q", &capture]].concat()));
    assert!(table.contains("x before"), "{table}");
    for stage in STAGES {
        assert!(table.lines().any(|line| line.starts_with(stage)), "{stage}: {table}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = folder("bench_refused");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let other = file(&folder, "other.json", b"{\"schema\": \"wormsift/1\"}");
    for (arguments, expected, said) in [
        (vec!["bench"], 2, "<CAPTURE>"),
        (vec!["bench", "-"], 2, "reads its captures several times"),
        (vec!["bench", "--passes", "0", &capture], 2, "--passes"),
        (vec!["bench", "--compare", &other, &capture], 2, "expected the JSON of a bench"),
        (vec!["bench", "/nonexistent.pcap"], 1, "no packet with a payload"),
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn damaged_input_is_measured_as_far_as_it_goes() {
    let folder = folder("bench_damaged");
    let whole = outbreak();
    let capture = file(&folder, "cut.pcap", &whole[..whole.len() - 10]);
    let output = run(&["bench", "--json", "--passes", "1", "--threads", "1", &capture]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("cut.pcap"), "{}", stderr(&output));
    let results: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(results["packets"], FRAMES - 1);
}
