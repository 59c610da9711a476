//! Captures of several taps, generated and found.

use crate::common::{code, folder, run, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// The hosts of a list of addresses.
fn texts(list: &Value) -> BTreeSet<String> {
    let texts = list.as_array().expect("a list").iter();
    texts.map(|it| it.as_str().expect("an address").to_owned()).collect()
}

/// The last words on signatures, and the statistics.
fn found(arguments: &[&str]) -> (Vec<Value>, Value) {
    let output = run(&[&["detect", "--json", "-q"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let lines =
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let lines: Vec<Value> = lines.collect();
    let of = |kind: &str| {
        lines.iter().filter(|it| it["type"] == kind).cloned().collect::<Vec<_>>()
    };
    (of("summary"), of("stats").pop().expect("statistics"))
}

#[test]
fn two_taps_find_what_one_finds_that_sees_each_packet_once() {
    let folder = folder("two-taps");
    let path = |name: &str| folder.join(name).to_str().expect("plain").to_owned();
    let made =
        run(&["generate", "two-taps", "--seed", "3", "--json", "-o", &path("x.pcapng")]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let made = stdout(&made);
    let lines: Vec<Value> =
        made.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    let [edge, core] = ["edge", "core"].map(|tap| path(&format!("x.{tap}.pcapng")));
    let (signatures, stats) =
        found(&["--tap", &format!("edge={edge}"), "--tap", &format!("core={core}")]);
    let truth = fs::read(path("x.truth.json")).expect("a truth");
    let truth: Value = serde_json::from_slice(&truth).expect("JSON");
    let infected: BTreeSet<String> = truth["infections"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["host"].as_str().expect("a host").to_owned())
        .collect();
    let worm =
        signatures.iter().max_by_key(|it| it["sources"].as_u64()).expect("the worm");
    assert!(texts(&worm["source_list"]).is_subset(&infected), "{worm}");
    let taps = stats["tap_counters"].as_array().expect("two");
    for (tap, line) in taps.iter().zip(&lines) {
        assert_eq!(tap["packets"], line["packets"], "{tap}");
    }
    let copies =
        taps.iter().map(|it| it["duplicates"].as_u64().expect("a count")).sum::<u64>();
    assert!(copies > 1_000, "{stats}");
    // As one trace in which copies count, packets are more by them.
    let (_, all) = found(&[&edge, &core]);
    assert_eq!(all["tap_counters"], serde_json::json!([]));
    let both = worm["taps"].as_array().expect("two").iter();
    assert_eq!(
        both.map(|it| it["tap"].as_str()).collect::<Vec<_>>(),
        [Some("core"), Some("edge")]
    );
}

#[test]
fn hosts_of_two_sites_are_told_apart_and_listed_for_their_own() {
    let folder = folder("two-sites");
    let path = |name: &str| folder.join(name).to_str().expect("plain").to_owned();
    let made = run(&["generate", "two-sites", "--seed", "3", "-o", &path("x.pcap")]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let tap = |tap: &str| format!("{tap}={}", path(&format!("x.{tap}.pcap")));
    let (signatures, _) = found(&[
        "--home-net",
        "10.20.16.0/20",
        "--site",
        "berlin",
        "--tap",
        &tap("a"),
        "--site",
        "paris",
        "--tap",
        &tap("b"),
    ]);
    assert!(!signatures.is_empty());
    for signature in &signatures {
        let hosts = texts(&signature["source_list"]);
        assert!(hosts.iter().all(|it| !it.ends_with("%paris")), "{signature}");
        assert!(hosts.iter().any(|it| it.ends_with("%berlin")), "{signature}");
    }
    let lines: Vec<String> = signatures.iter().map(Value::to_string).collect();
    let file = path("found.jsonl");
    fs::write(&file, lines.join("\n") + "\n").expect("a file");
    let listed = |site: &[&str]| {
        let format = ["export", "--format", "nftables", "--min-confidence", "low"];
        let output = run(&[&format[..], site, &[&file]].concat());
        (code(&output), stdout(&output), stderr(&output))
    };
    let (_, berlin, _) = listed(&["--at-site", "berlin"]);
    assert!(berlin.contains("10.20."), "{berlin}");
    for site in [&[][..], &["--at-site", "paris"]] {
        let (_, text, said) = listed(site);
        assert!(!text.contains("10.20."), "{text}");
        assert!(said.contains("belong to sites"), "{said}");
    }
}
