//! A tap on an interface, over a wire of the test's own; skipped where that is not permitted.

use super::{MEMORY, PATIENCE, Scratch, by_kind, ended, fleet, text, wormsift};
use crate::common::namespace::inside;
use crate::common::wire::{TRACE, send, signal, trace, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

fn contents(lines: &[&str]) -> BTreeSet<String> {
    let hex = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line["content_hex"].as_str().expect("hex").to_owned()
    };
    lines.iter().map(hex).collect()
}

/// It finds what is in the capture of the traffic, without rights; killed and started again, it
/// goes on, and findings say how long it was away.
#[test]
fn a_tap_on_a_wire_goes_on_and_says_when_it_was_away() {
    if !inside("fleet::interface::a_tap_on_a_wire_goes_on_and_says_when_it_was_away") {
        return;
    }
    let scratch = Scratch::new("wire");
    // The user of the tap makes its spool in there.
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(scratch.path(), open).expect("our own folder");
    let taps = [("wire", "")];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let sampling = ["--sampling", "8"];
    let detect = [&["detect", "--json", "-q", TRACE][..], &sampling, &MEMORY].concat();
    let expected = wormsift(&detect).output().expect("the binary runs");
    let expected = String::from_utf8(expected.stdout).expect("JSON");
    let expected = contents(&by_kind(&expected)[5]);
    assert!(!expected.is_empty());

    let start = |more: &[&str]| {
        let spool = scratch.path().join("spool");
        let own = ["wire", "-i", "tap1", "--user", "nobody", "--ring-size", "16MiB"];
        let mut words = fleet.role("tap");
        words.extend(own.map(str::to_owned));
        words.extend(["--spool", text(&spool)].map(str::to_owned));
        words.extend(sampling.iter().chain(more).map(|word| (*word).to_owned()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = scratch.path().join("wire.err");
        let child = wormsift(&words)
            .stdin(Stdio::null())
            .stderr(fs::File::create(&said).expect("a file"))
            .spawn()
            .expect("the binary runs");
        wait_for("the tap", PATIENCE, || {
            fleet.said("wire").contains("listening on tap1")
        });
        child
    };
    let mut merger = fleet.merger_with(&sampling);
    let mut tap = start(&[]);
    let status =
        fs::read_to_string(format!("/proc/{}/status", tap.id())).expect("it runs");
    let line = |name: &str| status.lines().find(|line| line.starts_with(name));
    assert_eq!(line("CapEff"), Some("CapEff:\t0000000000000000"));
    assert!(!line("Uid").expect("a user").contains("\t0\t"), "{status}");
    let spool = scratch.path().join("spool").metadata().expect("a spool");
    assert_eq!(spool.permissions().mode() & 0o777, 0o700);

    let frames = trace();
    send(&frames);
    let lines = scratch.path().join("state/findings.jsonl");
    let found = || fs::read_to_string(&lines).unwrap_or_default();
    // Nothing more comes in: ticks close by the clock.
    wait_for("a signature", PATIENCE, || !by_kind(&found())[0].is_empty());
    tap.kill().expect("it can be killed");
    tap.wait().expect("it ends");
    std::thread::sleep(Duration::from_secs(3));
    send(&frames[..frames.len() / 2]);
    let mut tap = start(&[]);
    send(&frames);
    // What it saw before it ends is with the merger.
    std::thread::sleep(Duration::from_secs(2));
    signal(&tap, "-TERM");
    ended(&mut tap, || fleet.said("wire"));
    let mut tap = start(&["--duration", "2s"]);
    send(&frames[..100]);
    ended(&mut merger, || fleet.said("merge"));
    ended(&mut tap, || fleet.said("wire"));

    let found = fleet.found();
    let summaries = &by_kind(&found)[5];
    assert_eq!(contents(summaries), expected);
    for line in summaries {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let blind = line["blind"].as_array().expect("it was away");
        assert_eq!((blind.len(), &blind[0]["tap"]), (1, &"wire".into()), "{line}");
        // Three seconds by the clock are four ticks in part.
        let seconds = blind[0]["seconds"].as_u64().expect("a number");
        assert!((3..=12).contains(&seconds), "{line}");
    }
    assert!(
        fleet.said("merge").contains("tap wire: blind in "),
        "{}",
        fleet.said("merge")
    );
}
