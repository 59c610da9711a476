//! Captures that overlap in time, and folders with more in them than captures.

use crate::common::{code, file, folder, outbreak, run, stderr, stdout};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const CERTAIN: [&str; 4] = ["--sampling", "1", "--memory", "64MiB"];

fn detect(more: &[&str]) -> Output {
    run(&[&["detect"][..], &CERTAIN, more].concat())
}

/// Lines of these types, as they were printed.
fn findings(output: &Output) -> Vec<String> {
    let is_finding = |line: &&str| {
        let value: Value = serde_json::from_str(line).expect("a JSON line");
        ["signature", "update", "summary"].contains(&value["type"].as_str().unwrap())
    };
    stdout(output).lines().filter(is_finding).map(str::to_owned).collect()
}

fn stats(output: &Output) -> Value {
    serde_json::from_str(stdout(output).lines().last().expect("a line")).expect("JSON")
}

/// The records of a classic pcap.
fn records(capture: &[u8]) -> Vec<&[u8]> {
    let (mut records, mut rest) = (Vec::new(), &capture[24..]);
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, after) = rest.split_at(16 + len);
        records.push(record);
        rest = after;
    }
    records
}

/// Deals the records of a capture to files: `x.pcap1`, `x.pcap2`, ...
fn deal(folder: &Path, capture: &[u8], files: usize) {
    let mut dealt = vec![capture[..24].to_vec(); files];
    for (i, record) in records(capture).into_iter().enumerate() {
        dealt[(i * i + i / 7) % files].extend(record);
    }
    for (content, number) in dealt.iter().zip(1..) {
        file(folder, &format!("x.pcap{number}"), content);
    }
}

#[test]
fn a_capture_in_overlapping_files_gives_the_findings_of_the_whole() {
    let folder = folder("overlap_same");
    let whole = outbreak();
    let merged = file(&folder, "merged.pcap", &whole);
    let parts = folder.join("parts");
    std::fs::create_dir(&parts).unwrap();
    deal(&parts, &whole, 12);
    let parts = parts.to_str().unwrap();
    let evidence = [folder.join("whole.pcap"), folder.join("parts.pcap")];
    let evidence = evidence.each_ref().map(|path| path.to_str().unwrap());

    let expected = detect(&["--json", "-q", "--write-evidence", evidence[0], &merged]);
    let found = detect(&["--json", "-q", "--write-evidence", evidence[1], parts]);
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    assert!(findings(&expected).len() >= 2);
    assert_eq!(findings(&found), findings(&expected));
    assert_eq!(stats(&found)["run"]["input"]["files"], 12);
    let [whole, copied] = evidence.map(|path| std::fs::read(path).unwrap());
    assert!(whole == copied && whole.len() > 1_000, "the same packets are shown");

    // The other commands read in the same order.
    let signatures = file(&folder, "found.jsonl", &found.stdout);
    let first: Value = serde_json::from_str(&findings(&found)[0]).unwrap();
    let id = first["id"].as_str().unwrap();
    for command in [
        vec!["match", "--json", "--hits", "--signatures", &signatures],
        vec!["explain", "--json", "--signatures", &signatures, id],
    ] {
        let one = run(&[&command[..], &[&merged]].concat());
        let many = run(&[&command[..], &[parts]].concat());
        assert_eq!(code(&many), 0, "{}", stderr(&many));
        assert_eq!(stdout(&one), stdout(&many), "{command:?}");
    }
    for input in [merged.as_str(), parts] {
        let baseline = folder.join(format!("{}.baseline", input.len()));
        let output = baseline.to_str().unwrap();
        let learned = run(&["learn", "--size", "1MiB", "--output", output, input]);
        assert_eq!(code(&learned), 0, "{}", stderr(&learned));
    }
    let baseline = |input: &str| {
        std::fs::read(folder.join(format!("{}.baseline", input.len()))).unwrap()
    };
    assert!(baseline(&merged) == baseline(parts));
}

#[test]
fn packets_that_go_back_are_one_line_a_file_and_counted() {
    let folder = folder("overlap_back");
    let whole = outbreak();
    let mut swapped = records(&whole);
    swapped.swap(30, 50);
    let swapped =
        file(&folder, "swapped.pcap", &[&whole[..24], &swapped.concat()].concat());
    let output = detect(&["--json", &swapped]);
    assert_eq!(code(&output), 0, "it is no damage");
    let talk = stderr(&output);
    let told: Vec<_> =
        talk.lines().filter(|line| line.contains("back in time")).collect();
    assert_eq!(told.len(), 1, "{talk}");
    // Its 31st packet is of 6.25 s, the 32nd of 3.875 s; the 51st is of 3.75 s.
    let line = "swapped.pcap: 2 packets go back in time, the first is packet 32, the furthest \
                step is 2.4 s; `reordercap` sorts a capture by time";
    assert!(told[0].ends_with(line), "{talk}");
    assert_eq!(stats(&output)["run"]["input"]["frames_back"], 2);
    let quiet = stderr(&detect(&["--json", "-q", &swapped]));
    assert_eq!(quiet, "");
}

#[test]
fn what_is_no_capture_in_a_folder_is_skipped_and_said_when_asked() {
    let folder = folder("overlap_skipped");
    let day = folder.join("day");
    std::fs::create_dir(&day).unwrap();
    file(&day, "day.pcap", &outbreak());
    file(&day, "day.truth.json", b"{\"packets\": 144}\n");
    let notes = file(&day, "notes.txt", b"what was seen that day\n");
    let day = day.to_str().unwrap();
    let output = detect(&["--json", day]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains("day.truth"), "{}", stderr(&output));
    assert_eq!(stats(&output)["run"]["skipped_files"], 2);
    let loud = stderr(&detect(&["-v", day]));
    for part in [
        "day.truth.json: skipped, it is no capture: JSON text",
        "notes.txt: skipped, it is no capture: text",
    ] {
        assert_eq!(loud.matches(part).count(), 1, "{loud}");
    }
    // By name it is asked for, so it is wrong.
    let named = detect(&["-q", &notes]);
    let line =
        format!("wormsift: {notes}: expected a pcap or pcapng capture, found text\n");
    assert_eq!((code(&named), stderr(&named)), (3, line));
}

#[test]
fn what_is_missing_is_said_in_one_plain_line() {
    let folder = folder("overlap_missing");
    let void = folder.join("void");
    std::fs::create_dir(&void).unwrap();
    file(&folder, "README", b"no capture here");
    for (name, said) in [
        ("gone.pcap", "no such file or folder"),
        ("*.cap", "no file matches this pattern"),
        ("void", "no files in this folder"),
        ("", "no captures here: the one file is none"),
    ] {
        let path = folder.join(name);
        let path = path.to_str().unwrap();
        let output = detect(&["-q", path]);
        let expected = (3, format!("wormsift: {path}: {said}\n"));
        assert_eq!((code(&output), stderr(&output)), expected);
    }
}
