//! `wormsift evaluate --resume`: what is kept, and what is taken up again.

use crate::common::evaluation::{SMALL, capture, evaluate, rows, without_times};
use crate::common::{file, folder, stderr, wormsift};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn finished_runs_are_taken_up_again() {
    let folder = folder("corpus_resume");
    let kept = folder.join("kept.jsonl");
    let resume = ["--resume", kept.to_str().unwrap()];
    let (_, first) = evaluate(&folder, SMALL, &resume);
    let lines = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(lines.lines().count(), 2);
    // Times, too, are those of the first: nothing was sifted again.
    let (output, again) = evaluate(&folder, SMALL, &resume);
    assert_eq!(again["rows"], first["rows"]);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), lines);
    assert_eq!(stderr(&output), "");
    // What changes the result is another run.
    let (_, other) =
        evaluate(&folder, SMALL, &[&resume[..], &["--sources", "20"]].concat());
    assert_eq!(std::fs::read_to_string(&kept).unwrap().lines().count(), 4);
    assert_ne!(rows(&other)[0]["dispersion"], rows(&first)[0]["dispersion"]);
    let fewer = SMALL.replace("background_hosts = 10", "background_hosts = 5");
    evaluate(&folder, &fewer, &resume);
    assert_eq!(std::fs::read_to_string(&kept).unwrap().lines().count(), 6);
    // A line that was cut off is done again, and the rest kept.
    let cut = lines.trim_end().len() - 40;
    std::fs::write(&kept, &lines[..cut]).unwrap();
    let (output, mended) = evaluate(&folder, SMALL, &resume);
    assert!(stderr(&output).contains("line 2: expected a run"), "{}", stderr(&output));
    assert_eq!(without_times(mended)["rows"], without_times(first)["rows"]);
    let after = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(after.lines().count(), 3, "{after}");
    assert!(after.starts_with(lines.lines().next().unwrap()));
}

#[test]
fn a_file_that_was_replaced_is_sifted_again() {
    let folder = folder("corpus_replaced");
    let kept = folder.join("kept.jsonl");
    let resume = ["--resume", kept.to_str().unwrap()];
    let manifest = "labelled = [\"day.pcapng\"]\nheld_out = [\"calm.pcapng\"]";
    let lines = || std::fs::read_to_string(&kept).unwrap().lines().count();
    capture(&folder, "day.pcapng", &["--seed", "1"]);
    capture(&folder, "calm.pcapng", &["--no-worm", "--packets", "500"]);
    let (_, first) = evaluate(&folder, manifest, &resume);
    let (_, again) = evaluate(&folder, manifest, &resume);
    assert_eq!((lines(), &again["rows"]), (1, &first["rows"]));
    // The capture and its truth, then the truth alone, then the held-out capture.
    capture(&folder, "day.pcapng", &["--seed", "2"]);
    let (_, other) = evaluate(&folder, manifest, &resume);
    assert_eq!(lines(), 2);
    let hash = |evaluation: &Value| rows(evaluation)[0]["runs"][0]["frames_hash"].clone();
    assert_ne!(hash(&other), hash(&first));
    let truth = folder.join("day.truth.json");
    let text = std::fs::read_to_string(&truth).unwrap();
    std::fs::write(&truth, text + "\n").unwrap();
    evaluate(&folder, manifest, &resume);
    assert_eq!(lines(), 3);
    capture(&folder, "calm.pcapng", &["--no-worm", "--packets", "501"]);
    evaluate(&folder, manifest, &resume);
    assert_eq!(lines(), 4);
}

#[test]
fn a_signal_ends_it_with_the_runs_that_are_done() {
    let folder = folder("corpus_signal");
    let many = SMALL.replace("seeds = 2", "seeds = 2000");
    let manifest = file(&folder, "corpus.toml", many.as_bytes());
    let (kept, json) = (folder.join("kept.jsonl"), folder.join("out.json"));
    let mut child = wormsift(&["evaluate", "--threads", "1", "--manifest", &manifest])
        .args(["--resume", kept.to_str().unwrap(), "--json-file", json.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !std::fs::read_to_string(&kept).is_ok_and(|text| text.contains('\n')) {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a run");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let done = std::fs::read_to_string(&kept).unwrap().lines().count();
    assert!((1..2000).contains(&done), "{done}");
    let evaluation: Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(rows(&evaluation)[0]["runs"].as_array().unwrap().len(), done);
}
