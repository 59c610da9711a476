//! `wormsift generate`: a capture and its answers, the same for a seed.

use crate::common::{code, folder, run, stderr};
use serde_json::Value;

#[test]
fn a_seed_gives_the_same_capture_and_truth_and_another_seed_others() {
    let folder = folder("generate");
    let made = |name: &str, seed: &str| {
        let capture = folder.join(name);
        let output = run(&[
            "generate",
            "outbreak",
            "--seed",
            seed,
            "--packets",
            "500",
            "-o",
            capture.to_str().unwrap(),
        ]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let truth = capture.with_file_name(name.replace(".pcapng", ".truth.json"));
        (std::fs::read(capture).unwrap(), std::fs::read_to_string(truth).unwrap())
    };
    let first = made("a.pcapng", "7");
    assert_eq!(made("b.pcapng", "7"), first);
    assert_ne!(made("c.pcapng", "8").0, first.0);
    let truth: Value = serde_json::from_str(&first.1).unwrap();
    assert_eq!((&truth["seed"], &truth["packets"]), (&7.into(), &500.into()));
}

#[test]
fn what_cannot_be_written_fails_with_its_name() {
    let output = run(&["generate", "outbreak", "-o", "/nonexistent/x.pcap"]);
    assert_eq!(code(&output), 2);
    let said = "--output /nonexistent/x.pcap: the folder /nonexistent does not exist";
    assert!(stderr(&output).contains(said));
}
