//! `wormsift evaluate --manifest`: a corpus of small stories whose answer is known.

use crate::common::evaluation::{SMALL, capture, evaluate, rows};
use crate::common::{code, file, folder, run, stderr, stdout};
use serde_json::{Value, json};

#[test]
fn both_alarms_find_an_outbreak_and_every_form_says_so() {
    let folder = folder("corpus_forms");
    let (csv, page) = (folder.join("out.csv"), folder.join("out.html"));
    let (csv, page) = (csv.to_str().unwrap(), page.to_str().unwrap());
    let manifest = format!(
        "title = \"two of them\"\nscenarios = [\"zero-padding\"]\nseeds = 1\n{SMALL}"
    );
    let (output, evaluation) =
        evaluate(&folder, &manifest, &["--csv", csv, "--report", page, "--strict"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_eq!(evaluation["schema"], "wormsift-evaluation/1");
    assert_eq!(evaluation["title"], "two of them");
    let [worm, benign] = rows(&evaluation) else { panic!("{evaluation}") };
    assert_eq!((&worm["name"], &worm["subject"]), (&json!("small"), &json!("worm")));
    assert_eq!(benign["name"], "zero-padding");
    assert_eq!(benign["subject"], "benign");
    for alarm in ["dispersion", "propagation"] {
        let found = &worm[alarm];
        assert_eq!((&found["detected"], &found["runs"]), (&json!(2), &json!(2)));
        // Wilson, two of two.
        assert!((found["rate_interval"][0].as_f64().unwrap() - 0.3424).abs() < 1e-3);
        let infected = found["infected"]["median"].as_f64().unwrap();
        assert!((1.0..=45.0).contains(&infected), "{alarm}: {infected}");
        assert_eq!(benign[alarm]["detected"], 0);
        assert_eq!(benign[alarm]["expected"], "silent");
    }
    let infected = |alarm: &str| worm[alarm]["infected"]["median"].as_f64().unwrap();
    assert!(infected("propagation") < infected("dispersion"), "{worm}");
    assert_eq!(worm["recall"]["mean"], 1.0);
    assert_eq!(worm["false_signatures"]["mean"], 0.0);
    assert_eq!((&worm["exact"], &worm["edge_bytes"]), (&json!([2, 2]), &json!(0)));
    assert_eq!(
        (&worm["rules_hit"]["mean"], &worm["rules_wrong"]),
        (&json!(1.0), &json!(""))
    );
    for run in worm["runs"].as_array().unwrap() {
        let hits = &run["rules_hit"];
        assert!(hits[0].as_u64() > Some(100) && hits[0] == hits[1], "{run}");
    }
    let seeds: Vec<&Value> =
        worm["runs"].as_array().unwrap().iter().map(|run| &run["seed"]).collect();
    assert_eq!(seeds, [1, 2]);
    // Detection lies on the curve of growth, and packets are counted from the first.
    let first = &worm["runs"][0];
    let points = first["growth"].as_array().unwrap();
    let last = points.last().unwrap();
    assert!(first["dispersion"]["at"].as_f64() <= last[0].as_f64(), "{first}");
    assert!(
        first["dispersion"]["packets"].as_u64()
            > first["propagation"]["packets"].as_u64()
    );

    let table = stdout(&output);
    assert!(table.contains("small") && table.contains("2/2 (fires)"), "{table}");
    assert!(table.ends_with("2 of 2 rows as expected\n"), "{table}");
    let csv = std::fs::read_to_string(csv).unwrap();
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[0].starts_with("name,subject,settings,swept,as_expected,"));
    assert!(lines[1].starts_with("small,worm,,,true,fires,,2,2,"), "{}", lines[1]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("zero-padding"));
}

#[test]
fn a_sweep_is_a_row_a_value() {
    let folder = folder("corpus_sweep");
    let (output, evaluation) = evaluate(&folder, SMALL, &["--sweep", "sources=4..40:18"]);
    assert_eq!(
        evaluation["sweep"],
        json!({"key": "sources", "values": ["4", "22", "40"]})
    );
    let rows = rows(&evaluation);
    let swept: Vec<&Value> = rows.iter().map(|row| &row["swept"]).collect();
    assert_eq!(swept, ["4", "22", "40"]);
    // More sources asked for, more hosts infected by then; what was expected was
    // expected of other settings.
    let infected: Vec<f64> = rows
        .iter()
        .filter_map(|row| row["dispersion"]["infected"]["mean"].as_f64())
        .collect();
    assert!(infected.len() >= 2 && infected.is_sorted(), "{infected:?}");
    assert!(infected[0] < infected[1], "{infected:?}");
    assert!(rows.iter().all(|row| row["dispersion"]["expected"] == ""));
    assert!(stdout(&output).ends_with("\nno expectation is written down for 3 rows\n"));
}

#[test]
fn the_truth_is_laid_beside_what_detect_says_and_changes_nothing_of_it() {
    let folder = folder("corpus_truth");
    let labelled = capture(&folder, "day.pcapng", &[]);
    let truth = folder.join("day.truth.json");
    let held: &[&str] = &["--memory", "64MiB"];
    let (_, evaluation) =
        evaluate(&folder, &format!("labelled = [\"day.pcapng\"]\n{SMALL}"), held);
    let [story, day] = rows(&evaluation) else { panic!("{evaluation}") };
    assert_eq!(day["subject"], "labelled");
    // A capture of a story is that story.
    let (told, read) = (&story["runs"][0], &day["runs"][0]);
    for key in ["packets", "bytes", "frames_hash", "dispersion", "propagation", "recall"]
    {
        assert_eq!(told[key], read[key], "{key}");
    }
    assert_eq!(read["false_signatures"], json!([]));
    // A capture in which nothing spreads, they say: whatever `detect` finds is false.
    let detect = run(&[&["detect", "--json", &labelled], held].concat());
    let mut ids: Vec<String> = stdout(&detect)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["type"] == "signature")
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert!(!ids.is_empty());
    let false_ids = |evaluation: &Value| -> Vec<String> {
        let found =
            rows(evaluation)[0]["runs"][0]["false_signatures"].as_array().unwrap();
        found.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (output, clean) =
        evaluate(&folder, "clean = [\"day.pcapng\"]", &[held, &["--strict"]].concat());
    assert_eq!(false_ids(&clean), ids);
    assert_eq!(code(&output), 4, "{}", stdout(&output));
    assert_eq!(rows(&clean)[0]["subject"], "clean");
    let thresholds: Vec<&Value> = clean["benign"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["thresholds"])
        .collect();
    assert_eq!(thresholds, ["30 x 30", "10 x 10", "3 x 3", "propagation"]);
    // Nor does another truth change what is found: it is only another yardstick.
    let truth_text = std::fs::read_to_string(&truth).unwrap();
    let mut other: Value = serde_json::from_str(&truth_text).unwrap();
    other["contents"] = json!([]);
    let other = file(&folder, "other.json", other.to_string().as_bytes());
    let manifest =
        format!("labelled = [{{ capture = \"day.pcapng\", truth = {other:?} }}]");
    let (output, lied_to) = evaluate(&folder, &manifest, held);
    assert_eq!(stderr(&output), "");
    assert_eq!(false_ids(&lied_to), ids);
    // The truth of another capture is no use; one without a truth cannot be labelled.
    let mut other: Value = serde_json::from_str(&truth_text).unwrap();
    other["packets"] = json!(7);
    file(&folder, "other.json", other.to_string().as_bytes());
    let (output, _) = evaluate(&folder, &manifest, held);
    let said = stderr(&output);
    assert!(said.contains("other.json: is about 7 packets, and "), "{said}");
    std::fs::remove_file(truth).unwrap();
    let output = run(&["evaluate", &labelled]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("day.truth.json: No such file"));
}

#[test]
fn held_out_packets_are_those_that_the_rules_alert_on() {
    let folder = folder("corpus_held_out");
    capture(&folder, "worm.pcapng", &["--seed", "1"]);
    capture(&folder, "calm.pcapng", &["--no-worm", "--packets", "2000"]);
    let matched = |name: &str| {
        let (_, found) =
            evaluate(&folder, &format!("held_out = [{name:?}]\n{SMALL}"), &[]);
        let inputs = found["setting"]["inputs"].as_array().unwrap().clone();
        assert_eq!(inputs.len(), 1);
        assert_eq!(inputs[0]["sha256"].as_str().unwrap().len(), 64);
        (rows(&found)[0]["runs"].clone(), inputs[0]["packets"].as_u64().unwrap())
    };
    let (runs, packets) = matched("calm.pcapng");
    assert_eq!(packets, 2000);
    assert_eq!(runs[0]["benign_packets_matched"], 0);
    // The worm's own capture: each packet that carries it, and no other.
    let (runs, packets) = matched("worm.pcapng");
    let truth = std::fs::read_to_string(folder.join("worm.truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let carriers = truth["contents"][0]["carriers"]["count"].as_u64().unwrap();
    assert!(0 < carriers && carriers < packets);
    assert_eq!(runs[0]["benign_packets_matched"].as_u64(), Some(carriers));
    // Another seed spreads other bytes.
    assert_eq!(runs[1]["benign_packets_matched"], 0);
    // Fragments are put together first.
    capture(&folder, "parts.pcapng", &["--carriage", "fragment:64"]);
    let (runs, _) = matched("parts.pcapng");
    let matched = runs[0]["benign_packets_matched"].as_u64().unwrap();
    assert!(carriers / 2 < matched && matched < 2 * carriers, "{matched} of {carriers}");
}

#[test]
fn a_stage_that_was_missed_counts_against_recall() {
    let folder = folder("corpus_recall");
    let (_, evaluation) =
        evaluate(&folder, "scenarios = [\"multi-stage\"]\nseeds = 3", &[]);
    let runs = |row: &Value| row["runs"].as_array().unwrap().clone();
    let [_, as_in_the_paper, sure] = rows(&evaluation) else { panic!("three rows") };
    for run in runs(sure) {
        assert_eq!(run["recall"], 1.0, "{run}");
    }
    // Of two contents one is short enough to be missed by sampling.
    let missed: Vec<Value> = runs(as_in_the_paper)
        .into_iter()
        .filter(|run| run["dispersion"].is_null() && run["propagation"].is_null())
        .collect();
    assert!(!missed.is_empty(), "{as_in_the_paper}");
    for run in missed {
        let recall = run["recall"].as_f64().unwrap_or(0.0);
        assert!(recall < 0.9 && run["precision"] == 1.0, "{run}");
    }
}

#[test]
fn what_is_not_as_expected_is_named_and_can_fail() {
    let folder = folder("corpus_strict");
    let wrong = SMALL.replace("propagation = \"fires\"", "propagation = \"silent\"");
    let (output, evaluation) = evaluate(&folder, &wrong, &[]);
    assert_eq!(code(&output), 0);
    assert_eq!(rows(&evaluation)[0]["as_expected"], false);
    assert!(stdout(&output).contains("not as expected"), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("0 of 1 rows as expected\n"));
    let (output, _) = evaluate(&folder, &wrong, &["--strict"]);
    assert_eq!(code(&output), 4);
}

#[test]
fn json_to_stdout_stands_alone_and_takes_no_file_away() {
    let folder = folder("corpus_stdout");
    let calm = capture(&folder, "calm.pcapng", &["--no-worm", "--packets", "2000"]);
    // Sampling by value, which has a formula.
    let manifest = file(&folder, "corpus.toml", SMALL.as_bytes());
    let page = folder.join("page.html");
    let output = run(&[
        "evaluate",
        "--manifest",
        &manifest,
        "--seeds",
        "1",
        "--clean",
        &calm,
        "--sampling",
        "64",
        "--json",
        "--report",
        page.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let evaluation: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(page.exists());
    assert_eq!(rows(&evaluation)[0]["runs"].as_array().unwrap().len(), 1);
    // The curves beside the runs: sampling follows its formula, sketches err upwards,
    // and planted content stands alone where everything is dispersed.
    let array = |key: &str| evaluation[key].as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(array("sampling").len(), 12);
    for point in array("sampling") {
        let (expected, tracked) = (number(&point["expected"]), number(&point["tracked"]));
        assert!((expected - tracked).abs() < 0.02, "{point}");
    }
    assert!(array("sketches").iter().any(|point| number(&point["exact"]) >= 30.0));
    let cells = evaluation["maps"][0]["cells"].as_array().unwrap();
    let dispersed = cells.iter().filter(|cell| number(&cell["dispersion_log2"]) >= 5.0);
    let count = |key: &str| dispersed.clone().map(|cell| number(&cell[key])).sum::<f64>();
    assert!(count("planted") > 0.0);
    assert_eq!(count("ordinary"), 0.0);
    assert!(array("detection_rule").len() >= 6);
    let calm_map = &evaluation["maps"][1];
    assert_eq!(calm_map["name"], calm);
    let cells = calm_map["cells"].as_array().unwrap();
    assert!(!cells.is_empty() && cells.iter().all(|cell| cell["planted"] == 0));
}

#[test]
fn a_damaged_capture_is_used_as_far_as_it_goes_and_said() {
    let folder = folder("corpus_damaged");
    let whole = std::fs::read(capture(&folder, "day.pcap", &["--no-worm"])).unwrap();
    file(&folder, "cut.pcap", &whole[..whole.len() / 2]);
    let (output, evaluation) = evaluate(&folder, "clean = [\"cut.pcap\"]", &[]);
    assert_eq!(code(&output), 3);
    let said = stderr(&output);
    assert_eq!(said.matches("cut.pcap").count(), 1, "{said}");
    let packets = |evaluation: &Value| rows(evaluation)[0]["packets"]["mean"].as_f64();
    let (_, all) = evaluate(&folder, "clean = [\"day.pcap\"]", &[]);
    assert!(packets(&evaluation) > Some(0.0) && packets(&evaluation) < packets(&all));
}

#[test]
fn wrong_usage_is_named() {
    let folder = folder("corpus_usage");
    let manifest = file(&folder, "wrong.toml", b"scenarois = [\"mail\"]\n");
    let twice = file(&folder, "twice.toml", format!("{SMALL}{SMALL}").as_bytes());
    for (arguments, said) in [
        (vec![], "nothing to evaluate: give --suite"),
        (vec!["--scenario", "picnic"], "no scenario is called \"picnic\"; there are: "),
        (vec!["--scenario", "mail", "--sweep", "sorces=1..2"], "did you mean `sources`?"),
        (vec!["--scenario", "mail", "--sweep", "sources=1..2:0"], "expected 1 to 1,001"),
        (vec!["--scenario", "mail", "--sweep", "sources=0..4"], "`sources`: expected"),
        (vec!["--clean", "-"], "standard input cannot be evaluated"),
        (
            vec!["--manifest", &manifest],
            "wrong.toml: `scenarois`: no such key in the manifest; did you mean `scenarios`?",
        ),
        (vec!["--manifest", &twice], "scenario small: listed twice"),
        (vec!["--manifest", "/nonexistent.toml"], "/nonexistent.toml: No such file"),
    ] {
        let output = run(&[&["evaluate"][..], &arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let output = run(&["evaluate", "--clean", "/nonexistent.pcap"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("/nonexistent.pcap: "), "{}", stderr(&output));
}
