//! What a merger prints, writes and shows.

use super::{
    MEMORY, PATIENCE, by_kind, detected, ended, ended_with, fleet, generated, text,
};
use crate::common::broker::Scratch;
use crate::common::{run, stdout};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is at a path of the status page that a process says it has.
fn shown(said: impl Fn() -> String, path: &str) -> String {
    let begin = Instant::now();
    let address = loop {
        let said = said();
        if let Some((_, rest)) = said.split_once("status page http://") {
            break rest.split('/').next().expect("an address").to_owned();
        }
        assert!(begin.elapsed() < PATIENCE, "{said}");
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut client = TcpStream::connect(&address).expect("somebody listens");
    write!(client, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it asks");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an answer");
    text
}

/// The same until it holds a line.
fn shown_with(said: impl Fn() -> String, path: &str, line: &str) -> String {
    let begin = Instant::now();
    loop {
        let text = shown(&said, path);
        if text.lines().any(|it| it == line) {
            return text;
        }
        assert!(begin.elapsed() < PATIENCE, "{line} in\n{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const STATUS: [&str; 2] = ["--status", "127.0.0.1:0"];

#[test]
fn pages_and_metrics_say_how_a_fleet_is() {
    let scratch = Scratch::new("pages");
    let files =
        generated(scratch.path(), &["two-taps", "--seed", "3"], &[".edge", ".core"]);
    let taps = [("edge", &*files[0]), ("core", &*files[1])];
    let Some(mut fleet) = fleet(&scratch, &taps, "all") else { return };
    let mut merger = fleet.merger_with(&STATUS);
    let mut edge = fleet.tap_with(0, &STATUS);
    let merge_said = || fleet.said("merge");
    let edge_said = || fleet.said("edge");
    // The other tap is not there: the merger waits for it, and has what came.
    let text = shown_with(edge_said, "/metrics", "wormsift_fleet_link_up 1");
    assert!(text.contains("wormsift_fleet_tap_spool_bytes{tap=\"edge\"} "), "{text}");
    let nothing = "wormsift_fleet_parcels_total{tap=\"core\"} 0";
    let text = shown_with(merge_said, "/metrics", nothing);
    for name in [
        "fleet_parcel_bytes_total{tap=\"edge\"}",
        "fleet_late_parcels_total{tap=\"edge\"}",
        "fleet_missing_parcels_total{tap=\"edge\"}",
        "fleet_blind_ticks_total{tap=\"edge\"}",
        "fleet_asks_outstanding{tap=\"edge\"}",
        "fleet_checkpoint_age_seconds",
        "fleet_checkpoint_bytes",
        "fleet_log_position",
    ] {
        assert!(text.contains(&format!("\nwormsift_{name} ")), "{name} in\n{text}");
    }
    assert!(shown(merge_said, "/health").starts_with("HTTP/1.1 200 "));
    let page = shown(edge_said, "/");
    assert!(page.contains("wormsift tap edge, fleet test"), "{page}");
    fleet.broker.kill();
    let begin = Instant::now();
    while !shown(|| fleet.said("merge"), "/health").starts_with("HTTP/1.1 503 ") {
        assert!(begin.elapsed() < PATIENCE, "the broker is away");
        std::thread::sleep(Duration::from_millis(50));
    }
    let down = shown(|| fleet.said("merge"), "/metrics");
    assert!(down.contains("\nwormsift_fleet_link_up 0\n"), "{down}");
    fleet.broker.restart();
    let mut core = fleet.tap(1);
    ended(&mut merger, || fleet.said("merge"));
    ended(&mut edge, || fleet.said("edge"));
    ended(&mut core, || fleet.said("core"));
    assert!(!fleet.found().is_empty());
}

/// A table and rules as `detect` has them, also of a merger that was started again.
#[test]
fn a_merger_prints_the_table_and_writes_the_rules_of_detect() {
    let scratch = Scratch::new("table");
    let files = generated(scratch.path(), &["outbreak", "--seed", "7"], &[""]);
    let taps = [("a", &*files[0])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let rules = scratch.path().join("fleet.rules");
    let own = ["--by-signature", "--stats", "--rules", text(&rules)];
    let mut merger = fleet.merger_with(&own);
    let mut tap = fleet.tap(0);
    ended(&mut merger, || fleet.said("merge"));
    ended(&mut tap, || fleet.said("a"));
    let found = || fs::read_to_string(scratch.path().join("merge.out")).expect("a table");
    let of_detect = scratch.path().join("detect.rules");
    let words = ["detect", "--by-signature", "--rules", text(&of_detect), &files[0]];
    let detect = run(&[&words[..], &MEMORY].concat());
    assert_eq!(found(), stdout(&detect));
    assert!(found().contains("1. "), "{}", found());
    let said = fleet.said("merge");
    assert!(said.contains("parcels of tap a") && said.contains("found: "), "{said}");
    // But for their numbers, which go by when a signature was found first.
    let bodies = |path: &Path| -> BTreeSet<String> {
        let rules = fs::read_to_string(path).expect("rules");
        let body = |rule: &str| rule.split("sid:").next().map(str::to_owned);
        rules.lines().filter_map(body).collect()
    };
    assert!(!bodies(&rules).is_empty());
    assert_eq!(bodies(&rules), bodies(&of_detect));
    let first = found();
    let mut again = fleet.merger_with(&own);
    let mut tap = fleet.tap(0);
    ended(&mut again, || fleet.said("merge"));
    ended(&mut tap, || fleet.said("a"));
    assert_eq!(found(), first);
}

/// A signal ends a merger with what is known, and it goes on from there.
#[cfg(unix)]
#[test]
fn a_merger_that_is_stopped_says_what_it_knows_and_goes_on() {
    let scratch = Scratch::new("stopped");
    let files =
        generated(scratch.path(), &["two-taps", "--seed", "3"], &[".edge", ".core"]);
    let taps = [("edge", &*files[0]), ("core", &*files[1])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let mut merger = fleet.merger_with(&["--by-signature"]);
    let mut edge = fleet.tap(0);
    let begin = Instant::now();
    while !scratch.path().join("state/findings.jsonl").exists() {
        assert!(begin.elapsed() < PATIENCE, "{}", fleet.said("merge"));
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = merger.id().to_string();
    let killed = std::process::Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.expect("kill runs").success());
    ended_with(143, &mut merger, || fleet.said("merge"));
    let table = fs::read_to_string(scratch.path().join("merge.out")).expect("a table");
    assert_eq!(table, "no signature found\n");
    let mut core = fleet.tap(1);
    let mut merger = fleet.merger();
    ended(&mut merger, || fleet.said("merge"));
    ended(&mut edge, || fleet.said("edge"));
    ended(&mut core, || fleet.said("core"));
    let of = |at: usize| format!("{}={}", taps[at].0, taps[at].1);
    let expected = detected(&["--tap", &of(0), "--tap", &of(1)]);
    assert_eq!(by_kind(&fleet.found()), by_kind(&expected));
}
