//! `wormsift generate --merge`: captures from anywhere as one network's.

use crate::common;
use crate::common::captures::{Kept, SECOND, frames_of, pcap_of, raw_udp};
use crate::common::{code, file, folder, run, stderr, stdout, udp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// 2024-03-01T00:00:00Z.
const BASE: u64 = 1_709_251_200 * SECOND;

fn ethernet(time: u64, last: u8, payload: &[u8]) -> Kept {
    let frame = udp([192, 0, 2, last], [198, 51, 100, 7], 9_000, payload);
    (time, 1, frame.len() as u32, frame)
}

fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn files_start_by_name_over_the_span_and_offsets_are_capped() {
    let folder = folder("merge");
    let day = 86_400 * SECOND;
    // Of another year, and a second out of order.
    let a = [
        ethernet(5 * day, 1, b"a0"),
        ethernet(5 * day + 40 * SECOND, 1, b"a1"),
        ethernet(5 * day + 30 * SECOND, 1, b"a2"),
        ethernet(6 * day, 1, b"a3"),
    ];
    let ends = [[192, 0, 2, 9], [192, 0, 2, 8]];
    let b: Vec<Kept> = [0, 10, 60]
        .map(|after| raw_udp(9 * day + after * SECOND, ends, b"payload", 30))
        .to_vec();
    // Given in another order; names decide.
    let b = file(&folder, "b.pcap", &pcap_of(&b));
    let a = file(&folder, "a.pcap", &pcap_of(&a));
    let output = folder.join("mix.pcapng").display().to_string();
    let result =
        run(&["generate", "--merge", &b, &a, "--span", "60s", "--json", "-o", &output]);
    assert_eq!(code(&result), 0, "{}", stderr(&result));

    let frames = frames_of(&output);
    let told: Vec<(u64, u32, u32, usize)> = frames
        .iter()
        .map(|frame| ((frame.0 - BASE) / SECOND, frame.1, frame.2, frame.3.len()))
        .collect();
    let (whole, wire) = (44, 44);
    assert_eq!(
        told,
        [
            (0, 1, wire, whole),
            (30, 1, wire, whole),
            (30, 101, 35, 30),
            (40, 1, wire, whole),
            (40, 101, 35, 30),
            (60, 1, wire, whole),
            (90, 101, 35, 30),
        ]
    );
    let payloads: Vec<&[u8]> =
        frames.iter().filter(|frame| frame.1 == 1).map(|frame| &frame.3[42..]).collect();
    assert_eq!(payloads, [b"a0", b"a2", b"a1", b"a3"]);

    let line: Value = serde_json::from_str(&stdout(&result)).unwrap();
    let hash = Sha256::digest(std::fs::read(&output).unwrap());
    assert_eq!(line["sha256"], hexadecimal(&hash));
    assert_eq!((&line["packets"], &line["type"]), (&7.into(), &"capture".into()));
    assert!(stderr(&result).contains("2 link types"), "{}", stderr(&result));
}

#[test]
fn what_is_readable_of_a_damaged_file_is_merged() {
    let folder = folder("merge-damaged");
    let frames: Vec<Kept> =
        (0..10).map(|i| ethernet(i * SECOND, i as u8, b"payload")).collect();
    let whole = pcap_of(&frames);
    file(&folder, "a.pcap", &whole);
    file(&folder, "b.pcap", &whole[..whole.len() - 20]);
    file(&folder, "c.pcap", b"no capture at all");
    let outside = common::folder("merge-damaged-output");
    let output = outside.join("mix.pcap.zst").display().to_string();
    let result = run(&["generate", "--merge", folder.to_str().unwrap(), "-o", &output]);
    assert_eq!(code(&result), 3);
    assert_eq!(frames_of(&output).len(), 19);
    let talk = stderr(&result);
    for (name, lines) in [("a.pcap:", 0), ("b.pcap:", 1), ("c.pcap:", 1)] {
        assert_eq!(talk.matches(name).count(), lines, "{talk}");
    }
    let hash = Sha256::digest(std::fs::read(&output).unwrap());
    assert!(talk.contains("19 packets") && talk.contains(&hexadecimal(&hash)), "{talk}");
}

#[test]
fn a_repetition_goes_on_in_time_and_repeats_nothing() {
    let folder = folder("merge-repeat");
    let payload = |i: u64| -> Vec<u8> {
        (0..60).map(|at| (at * at * 7 + at * i + 13 * i) as u8).collect()
    };
    let frames: Vec<Kept> =
        (0..50).map(|i| ethernet(i * SECOND, i as u8, &payload(i))).collect();
    let day = file(&folder, "a.pcap", &pcap_of(&frames));
    let output = folder.join("mix.pcap").display().to_string();
    let result = run(&["generate", "--merge", &day, "--repeat", "4", "-o", &output]);
    assert_eq!(code(&result), 0, "{}", stderr(&result));
    let repeated = frames_of(&output);
    assert_eq!(repeated.len(), 200);
    assert!(repeated.is_sorted_by(|a, b| a.0 < b.0));
    let first: Vec<&Vec<u8>> = repeated[..50].iter().map(|frame| &frame.3).collect();
    assert_eq!(first, frames.iter().map(|frame| &frame.3).collect::<Vec<_>>());
    let windows: BTreeSet<&[u8]> =
        repeated.iter().flat_map(|frame| frame.3[42..].windows(40)).collect();
    let of_one: BTreeSet<&[u8]> =
        first.iter().flat_map(|frame| frame[42..].windows(40)).collect();
    assert_eq!(windows.len(), 4 * of_one.len());
    let sources: BTreeSet<&[u8]> =
        repeated.iter().map(|frame| &frame.3[26..30]).collect();
    assert_eq!(sources.len(), 200);
    // All but hosts and payload is as it was.
    for (at, frame) in repeated.iter().enumerate() {
        assert_eq!(frame.3[34..42], frames[at % 50].3[34..42]);
    }
}

#[test]
fn a_merge_takes_no_story_and_a_story_needs_no_merge() {
    for arguments in [
        &["generate", "outbreak", "--merge", "a.pcap", "-o", "x.pcap"][..],
        &["generate", "--merge", "a.pcap", "--into", "b.pcap", "-o", "x.pcap"],
        &["generate", "-o", "x.pcap"],
        &["generate", "outbreak", "--span", "3s", "-o", "x.pcap"],
        &["generate", "--merge", "a.pcap", "--inside", "10.0.0.0/8", "-o", "x.pcap"],
        &["generate", "outbreak", "--inside", "10.0.0.0/8", "-o", "x.pcap"],
        &["generate", "--merge", "a.pcap", "--repeat", "257", "-o", "x.pcap"],
    ] {
        assert_eq!(code(&run(arguments)), 2, "{arguments:?}");
    }
    let missing = run(&["generate", "--merge", "/nonexistent/a.pcap", "-o", "x.pcap"]);
    assert_eq!(code(&missing), 1);
    assert!(stderr(&missing).contains("/nonexistent/a.pcap: no such file or folder"));
}
