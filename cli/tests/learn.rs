//! `wormsift learn` and `detect --baseline` as a user runs them.

use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use std::fs;

const CERTAIN: [&str; 4] = ["--sampling", "1", "--memory", "64MiB"];

#[test]
fn what_was_learned_is_no_finding_any_more() {
    let folder = folder("learn");
    let trace = file(&folder, "trace.pcap", &outbreak());
    let baseline = folder.join("good.baseline");
    let baseline = baseline.to_str().unwrap();
    let learned = run(&[&["learn", &trace, "-o", baseline][..], &CERTAIN].concat());
    assert_eq!(code(&learned), 0, "{}", stderr(&learned));
    assert!(stderr(&learned).contains("contents, room for"), "{}", stderr(&learned));
    assert_eq!(stdout(&learned), "");
    assert!(!fs::exists(format!("{baseline}.new")).unwrap());

    let detect = |more: &[&str]| {
        run(&[&["detect", "--json", &trace][..], &CERTAIN, more].concat())
    };
    assert!(stdout(&detect(&[])).contains("\"type\":\"signature\""));
    let known = detect(&["--baseline", baseline]);
    assert_eq!(code(&known), 0, "{}", stderr(&known));
    assert!(!stdout(&known).contains("\"type\":\"signature\""), "{}", stdout(&known));
    let stats: serde_json::Value =
        serde_json::from_str(stdout(&known).lines().last().unwrap()).unwrap();
    assert!(stats["content"]["known_good"].as_u64() > Some(0), "{stats}");

    // Merging it with itself changes no byte.
    let merged = folder.join("merged.baseline");
    let merged = merged.to_str().unwrap();
    let merge = ["learn", "--baseline", baseline, "-o", merged];
    let output = run(&[&merge[..], &CERTAIN].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(fs::read(merged).unwrap(), fs::read(baseline).unwrap());
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let folder = folder("learn-refused");
    let trace = file(&folder, "trace.pcap", &outbreak());
    let baseline = folder.join("good.baseline");
    let baseline = baseline.to_str().unwrap();
    let learned = run(&[&["learn", &trace, "-o", baseline][..], &CERTAIN].concat());
    assert_eq!(code(&learned), 0, "{}", stderr(&learned));
    let key = file(&folder, "key", b"000102030405060708090a0b0c0d0e0f");
    let mut damaged = fs::read(baseline).unwrap();
    damaged[1_000] ^= 1;
    let damaged = file(&folder, "damaged.baseline", &damaged);
    let out = folder.join("out.baseline");
    let out = out.to_str().unwrap();
    for (arguments, part) in [
        (
            vec!["detect", &trace, "--baseline", baseline],
            "learned with beta = 40, sampling = 1",
        ),
        (
            vec![
                "detect",
                &trace,
                "--baseline",
                baseline,
                "--sampling",
                "1",
                "--key-file",
                &key,
            ],
            "another secret key",
        ),
        (vec!["detect", &trace, "--baseline", &damaged, "--sampling", "1"], "checksum"),
        (vec!["detect", &trace, "--baseline", &trace], "not a baseline"),
        (vec!["detect", &trace, "--baseline", "/nowhere"], "/nowhere: "),
        (
            vec![
                "learn",
                "--baseline",
                baseline,
                "-o",
                out,
                "--sampling",
                "1",
                "--size",
                "8MiB",
            ],
            "expected 8388608 bytes at rate 1e-6, found 4194304 bytes",
        ),
    ] {
        let output = run(&arguments);
        let said = stderr(&output);
        assert_eq!(code(&output), 1, "{arguments:?}: {said}");
        assert!(
            said.contains(part) && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
    }
    assert!(!fs::exists(out).unwrap());
}
