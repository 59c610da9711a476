//! `wormsift evaluate`: runs, sweeps, captures, what is kept and what is written.

use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use serde_json::Value;
use std::path::Path;

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The evaluation without what depends on clock and machine.
fn timeless(mut value: Value) -> Value {
    for row in value["rows"].as_array_mut().unwrap() {
        row["bytes_per_second"] = Value::Null;
        for run in row["runs"].as_array_mut().unwrap() {
            run["seconds"] = Value::Null;
        }
    }
    value["setting"] = Value::Null;
    value
}

#[test]
fn a_worm_is_found_by_both_alarms_and_an_encrypted_one_by_none() {
    let folder = folder("evaluate");
    let paths = ["a.json", "b.json", "out.csv", "out.html"].map(|name| folder.join(name));
    let [a, b, csv, html] = paths.each_ref().map(|path| path.to_str().unwrap());
    let scenarios =
        ["evaluate", "--scenario", "outbreak", "--scenario", "encrypted", "--seeds", "2"];
    let mut command: Vec<&str> = scenarios.to_vec();
    command.extend([
        "--strict",
        "--runs-only",
        "--json-file",
        a,
        "--csv",
        csv,
        "--report",
        html,
    ]);
    let output = run(&command);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output).contains("3 of 3 rows as expected"), "{}", stdout(&output));

    let evaluation = json(&paths[0]);
    let row = &evaluation["rows"][0];
    assert_eq!((&row["name"], &row["as_expected"]), (&"outbreak".into(), &true.into()));
    for alarm in ["dispersion", "propagation"] {
        assert_eq!(row[alarm]["detected"], 2);
        let infected = row[alarm]["infected"]["median"].as_f64().unwrap();
        assert!((1.0..120.0).contains(&infected), "{infected}");
        assert_eq!(evaluation["rows"][1][alarm]["detected"], 0);
    }
    assert_eq!(row["recall"]["mean"], 1.0);
    assert_eq!(row["runs"][1]["seed"], 2);
    assert!(row["runs"][0]["growth"].as_array().unwrap().len() > 50);
    assert_eq!(std::fs::read_to_string(&paths[2]).unwrap().lines().count(), 4);
    assert!(std::fs::read_to_string(&paths[3]).unwrap().contains("encrypted"));

    // The same again, on another number of threads.
    let mut command: Vec<&str> = scenarios.to_vec();
    command.extend(["--runs-only", "--threads", "1", "--json-file", b]);
    assert_eq!(code(&run(&command)), 0);
    assert_eq!(timeless(json(&paths[1])), timeless(evaluation));
}

#[test]
fn a_sweep_gives_a_row_a_value_and_finished_runs_are_taken_up() {
    let folder = folder("evaluate_sweep");
    let paths = ["kept.jsonl", "a.json", "b.json"].map(|name| folder.join(name));
    let [kept, a, b] = paths.each_ref().map(|path| path.to_str().unwrap());
    let evaluate = |json: &str, values: &str| {
        run(&[
            "evaluate",
            "--scenario",
            "outbreak",
            "--seeds",
            "1",
            "--runs-only",
            "--sweep",
            values,
            "--resume",
            kept,
            "--json-file",
            json,
        ])
    };
    assert_eq!(code(&evaluate(a, "sources=10,400")), 0);
    let evaluation = json(&paths[1]);
    let detected = |at: usize| evaluation["rows"][at]["dispersion"]["detected"].clone();
    assert_eq!((detected(0), detected(1)), (1.into(), 0.into()));
    assert_eq!(evaluation["rows"][1]["swept"], "400");

    // A run was cut off while it was written; another is told as what it is not.
    let text = std::fs::read_to_string(&paths[0]).unwrap();
    assert_eq!(text.lines().count(), 2);
    let forged =
        text.lines().next().unwrap().replace("\"seconds\":", "\"seconds\":7e9,\"x\":");
    std::fs::write(
        &paths[0],
        format!("{forged}\n{}", &text[text.len() / 2..text.len() - 9]),
    )
    .unwrap();
    let output = evaluate(b, "sources=10..400:390");
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("line 2: expected a run"), "{}", stderr(&output));
    let resumed = json(&paths[2]);
    assert_eq!(resumed["rows"][0]["runs"][0]["seconds"], 7e9, "done again");
    assert_eq!(timeless(resumed)["rows"][1], timeless(evaluation)["rows"][1]);
}

#[test]
fn captures_are_labelled_by_the_truth_beside_them_or_clean() {
    let folder = folder("evaluate_captures");
    let labelled = folder.join("worm.pcapng");
    let labelled = labelled.to_str().unwrap();
    assert_eq!(code(&run(&["generate", "outbreak", "-q", "-o", labelled])), 0);
    let dirty = file(&folder, "dirty.pcap", &outbreak());
    let report = folder.join("out.json");
    let output = run(&[
        "evaluate",
        "--runs-only",
        "--strict",
        "--json-file",
        report.to_str().unwrap(),
        labelled,
        "--clean",
        &dirty,
        "--held-out",
        &dirty,
    ]);
    assert_eq!(code(&output), 4, "what spreads in a clean capture is not expected");
    let evaluation = json(&report);
    assert_eq!(evaluation["rows"][0]["subject"], "labelled");
    assert_eq!(evaluation["rows"][0]["recall"]["mean"], 1.0);
    assert_eq!(evaluation["rows"][0]["benign_packets_matched"]["mean"], 0.0);
    assert_eq!(evaluation["rows"][1]["subject"], "clean");
    assert_eq!(evaluation["rows"][1]["false_signatures"]["mean"], 1.0);
    assert_eq!(evaluation["rows"][1]["benign_packets_matched"]["mean"], 72.0);
    let inputs = evaluation["setting"]["inputs"].as_array().unwrap();
    assert_eq!(inputs[0]["packets"], 144);
    assert_eq!(inputs[0]["sha256"].as_str().unwrap().len(), 64);
    let counts: Vec<usize> = evaluation["benign"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count["signatures"].as_array().unwrap().len())
        .collect();
    // At three hosts the noise counts too: it is the same in every packet.
    assert_eq!(counts, [0, 1, 2, 1], "30, 10, 3 and propagation");
}

/// The exit code, the table, and the only row of a strict run over a capture.
fn strictly(capture: &str, report: &str) -> (i32, String, Value) {
    let flags = ["--runs-only", "--strict", "--json-file", report];
    let output = run(&[&["evaluate", capture][..], &flags].concat());
    let row = json(Path::new(report))["rows"][0].clone();
    (code(&output), stdout(&output), row)
}

/// Hosts and first sighting are held against the packets that the truth names: against a
/// truth that names every second of their runs alone, they are wrong.
#[test]
fn what_a_signature_counts_is_compared_with_the_truth() {
    let folder = folder("evaluate_counted");
    let [capture, truth, report] =
        ["worm.pcapng", "worm.truth.json", "out.json"].map(|name| folder.join(name));
    let [capture, report] = [&capture, &report].map(|path| path.to_str().unwrap());
    assert_eq!(code(&run(&["generate", "outbreak", "-q", "-o", capture])), 0);
    let evaluate = || strictly(capture, report);
    let (code, table, row) = evaluate();
    assert_eq!((code, &row["counted"]["wrong"]), (0, &"".into()), "{table}");
    let said = "what is said of hosts and first sightings holds for 1 of 1 signature\n";
    assert!(table.contains(said), "{table}");
    let counted = &row["runs"][0]["counted"][0];
    for side in ["sources", "destinations"] {
        assert_eq!(counted[side]["precision"], "about");
        assert!(counted[side]["truth"][0].as_u64().unwrap() > 64, "{counted}");
    }
    assert_eq!(counted["first_seen"]["seconds"], 0.0);

    let mut half = json(&truth);
    let runs = half["contents"][0]["carriers"]["runs"].as_array_mut().unwrap();
    let mut count = 0;
    runs.retain(|_| {
        count += 1;
        count % 2 == 0
    });
    std::fs::write(&truth, half.to_string()).unwrap();
    let (code, table, row) = evaluate();
    assert_eq!((code, &row["counted"]["within"]), (4, &0.into()), "{table}");
    assert!(table.contains(" sources (about), in truth "), "{table}");
}

/// What the truth expects of incidents is held against what the sensor reports: where it
/// expects something else, a strict run fails and says so.
#[test]
fn incidents_are_compared_with_the_truth() {
    let folder = folder("evaluate_incidents");
    let [capture, truth, report] =
        ["relays.pcapng", "relays.truth.json", "out.json"].map(|name| folder.join(name));
    let [capture, report] = [&capture, &report].map(|path| path.to_str().unwrap());
    assert_eq!(code(&run(&["generate", "load-balancers", "-q", "-o", capture])), 0);
    let evaluate = || strictly(capture, report);
    let (code, table, row) = evaluate();
    assert_eq!((code, &row["incidents"]["wrong"]), (0, &"".into()), "{table}");
    let subject = &row["incidents"]["subjects"][0];
    assert_eq!(
        (&subject["subject"], &subject["as_expected"]),
        (&"load-balancers".into(), &1.into())
    );
    assert_eq!(subject["kinds"]["forwarding_service"], 1);
    let incident = &row["runs"][0]["incidents"]["all"][0];
    assert_eq!(incident["subjects"][0], "load-balancers");

    let mut other = json(&truth);
    other["incidents"][0]["kind"] = "peer_protocol".into();
    std::fs::write(&truth, other.to_string()).unwrap();
    let (code, table, row) = evaluate();
    assert_eq!((code, &row["incidents"]["subjects"][0]["as_expected"]), (4, &0.into()));
    assert!(table.contains(" in place of peer_protocol"), "{table}");
}

#[test]
fn what_cannot_be_evaluated_is_wrong_usage() {
    let folder = folder("evaluate_usage");
    let manifest = file(&folder, "corpus.toml", b"seeds = 1\nsuites = \"standard\"\n");
    for (arguments, said) in [
        (vec!["evaluate"], "nothing to evaluate"),
        (vec!["evaluate", "--scenario", "outbreaks"], "outbreaks"),
        (vec!["evaluate", "--suite", "standard", "--sweep", "sauces=1"], "sauces"),
        (vec!["evaluate", "--manifest", &manifest], "suites"),
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

/// What good captures repeat raises no alarm in runs that have learned from them, and a
/// worm does.
#[test]
fn what_was_learned_is_known_in_every_run() {
    let folder = folder("evaluate-learn");
    let good = folder.join("good.pcapng");
    let good = good.to_str().expect("a plain name");
    let written = run(&["generate", "-q", "bulk-mail", "--seed", "1", "-o", good]);
    assert_eq!(code(&written), 0, "{}", stderr(&written));
    let counts = |learn: &[&str]| {
        let arguments = ["evaluate", "-q", "--clean", good, "--scenario", "mail"];
        let rest = ["--seeds", "1", "--sources", "10", "--destinations", "10"];
        let last = ["--runs-only", "--json"];
        let output = run(&[&arguments, learn, &rest[..], &last].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let page: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        let rows = page["rows"].as_array().expect("rows").clone();
        let clean = page["benign"].as_array().expect("counts").clone();
        let of = |one: &Value| one["signatures"].as_array().expect("a list").len();
        (clean.iter().map(of).sum::<usize>(), rows)
    };
    let (before, rows) = counts(&[]);
    assert!(before > 0, "nothing to learn: the test says nothing");
    let worm = |rows: &[Value]| rows.iter().find(|row| row["name"] == "mail").cloned();
    let found = worm(&rows).expect("the worm's row");
    let (after, rows) = counts(&["--learn", good]);
    assert_eq!(after, 0);
    let still = worm(&rows).expect("the worm's row");
    assert_eq!(still["as_expected"], found["as_expected"]);
    assert_eq!(still["as_expected"], true, "{still}");
}

#[test]
fn a_list_is_applied_after_spans_of_time() {
    for wrong in ["soon", "10s,", "-1s"] {
        let output = run(&["evaluate", "--isolate-after", wrong]);
        assert_eq!(code(&output), 2, "{wrong}: {}", stderr(&output));
    }
    let output = run(&["evaluate", "--help"]);
    assert!(stdout(&output).contains("--isolate-after <SPAN>"), "{}", stdout(&output));
}
