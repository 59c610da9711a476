//! A result is never lost: full disks, closed pipes, paths that cannot be written, signals.

use crate::common;
use crate::common::{code, file, folder, outbreak, run, stderr, stdout, wormsift};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CERTAIN: [&str; 4] = ["--sampling", "1", "--memory", "64MiB"];

/// A shell in which files end at `blocks` of 512 bytes, as on a full disk.
fn on_a_full_disk(blocks: u32, command: &str) -> Command {
    let binary = assert_cmd::cargo::cargo_bin("wormsift");
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; {command}");
    shell.args(["-c", &script]).env("WORMSIFT", binary);
    shell
}

#[test]
fn paths_are_tried_before_the_run_and_the_capture_is_safe() {
    let folder = folder("results_paths");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    for flag in ["--report", "--rules", "--write-evidence"] {
        let output = run(&["detect", flag, &capture, &capture]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("read as input"), "{}", stderr(&output));
        assert_eq!(stdout(&output), "", "nothing was run");
    }
    assert_eq!(fs::read(&capture).unwrap(), outbreak());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn the_table_is_printed_although_a_file_cannot_be_written() {
    let folder = folder("results_table");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let report = folder.join("report.html");
    let arguments =
        ["detect", "--rules", "/dev/full", "--report", report.to_str().unwrap()];
    let output = run(&[&arguments[..], &CERTAIN, &[&capture]].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("/dev/full: No space left"), "{}", stderr(&output));
    assert!(stdout(&output).contains("udp/4444"), "{}", stdout(&output));
    assert!(fs::read_to_string(report).unwrap().contains("udp/4444"));
    assert!(Path::new("/dev/full").exists());
}

#[test]
fn files_are_written_although_nobody_reads_stdout() {
    let folder = folder("results_closed");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    for form in [&["--json", "-q"][..], &["-q"]] {
        let report = folder.join("report.html");
        let report = report.to_str().unwrap();
        let arguments =
            [&["detect", "--report", report], form, &CERTAIN, &[&*capture]].concat();
        let mut child = wormsift(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(fs::read_to_string(report).unwrap().contains("udp/4444"), "{form:?}");
        fs::remove_file(report).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_whole_lines_alone() {
    let folder = folder("results_full");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let out = folder.join("found.jsonl");
    let (mut cut, mut whole) = (0, 0);
    for blocks in [1, 4, 9, 16, 24, 200] {
        let command = "\"$WORMSIFT\" detect --json -q --sampling 1 --memory 16MiB";
        let command = format!("{command} '{capture}' >> '{}'", out.display());
        let _ = fs::remove_file(&out);
        let output = on_a_full_disk(blocks, &command).output().unwrap();
        let text = fs::read_to_string(&out).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{blocks}: {text}");
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        match code(&output) {
            0 => whole += 1,
            1 => {
                cut += 1;
                assert!(
                    stderr(&output).contains("standard output: "),
                    "{}",
                    stderr(&output)
                );
            }
            other => panic!("{other}: {}", stderr(&output)),
        }
    }
    assert!(cut > 0 && whole > 0, "{cut} cut, {whole} whole: the test says nothing");
}

#[test]
fn a_quiet_run_says_what_it_read_what_came_nearest_and_what_to_try() {
    let folder = folder("results_quiet");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let flags = ["--spread", "1000", "--destinations", "1000"];
    let output = run(&[&["detect"], &CERTAIN[..], &flags, &[&capture]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "no signature found\n");
    let talk = stderr(&output);
    for part in [
        "read 144 packets in 1 file, 17.9 s of traffic from 2001-09-09 01:46:40 UTC",
        "100.0 % of them decoded, 100.0 % with payload",
        "nearest to an alarm: content of udp/4444 from about 2",
        "(thresholds: --sources 30 --destinations 1000)",
        "it lacked ",
        "to see more, try --sources ",
    ] {
        assert!(talk.contains(part), "{part} in {talk}");
    }
    let quiet = run(&["detect", "-q", "--filter", "not port 4444", &capture]);
    assert_eq!(stderr(&quiet), "");
    let none = run(&["detect", "--filter", "not port 4444", &capture]);
    let nearest = "nearest to an alarm: content of udp/9000 from about 3";
    assert!(stderr(&none).contains(nearest), "{}", stderr(&none));
    assert!(stderr(&none).contains("; 72 selected"), "{}", stderr(&none));
}

#[test]
fn a_finding_is_followed_by_the_command_that_explains_it() {
    let folder = folder("results_explain");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let output = run(&[&["detect"], &CERTAIN[..], &[&capture]].concat());
    let talk = stderr(&output);
    let (_, command) = talk.split_once("> found.jsonl; wormsift ").expect(&talk);
    let words: Vec<&str> = command.lines().next().unwrap().split(' ').collect();
    assert_eq!(words[0], "explain");
    let lines = run(&[&["detect", "--json"], &CERTAIN[..], &[&capture]].concat());
    let found = file(&folder, "found.jsonl", &lines.stdout);
    let words: Vec<&str> = words
        .into_iter()
        .map(|word| if word == "found.jsonl" { found.as_str() } else { word })
        .collect();
    let explained = run(&words);
    assert_eq!(code(&explained), 0, "{}", stderr(&explained));
    assert!(stdout(&explained).contains("udp/4444"), "{}", stdout(&explained));
}

/// How long it took from the signal to the end, the exit code, and stdout. The signal is
/// sent once this file has so many bytes.
#[cfg(unix)]
fn stopped(
    arguments: &[&str],
    file: &str,
    bytes: u64,
) -> (Duration, Option<i32>, String) {
    let mut child = wormsift(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let begun = Instant::now();
    while fs::metadata(file).map_or(0, |it| it.len()) < bytes {
        assert!(begun.elapsed() < Duration::from_secs(300), "{file} does not grow");
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    let sent = Instant::now();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    (sent.elapsed(), output.status.code(), stdout(&output))
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_command_soon_with_what_there_is() {
    let folder = folder("results_signals");
    let big = folder.join("big.pcapng");
    let big = big.to_str().unwrap();
    let rows = folder.join("rows.csv");
    let rows = rows.to_str().unwrap();
    let kept = folder.join("kept.jsonl");
    let kept = kept.to_str().unwrap();
    // The bound has room for a machine that does much else.
    let soon = Duration::from_secs(5);

    let (took, code, _) = stopped(
        &["generate", "outbreak", "--packets", "100000000", "-o", big],
        big,
        100_000,
    );
    assert!(took < soon, "{took:?}");
    assert_eq!(code, Some(143));
    let read = run(&["detect", "--memory", "16MiB", big]);
    assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
    assert!(folder.join("big.truth.json").exists());

    let small = file(&folder, "small.toml", common::evaluation::SMALL.as_bytes());
    let run_by_run =
        ["--seeds", "10000", "--resume", kept, "--csv", rows, "--threads", "2"];
    let evaluate = [&["evaluate", "--manifest", &small], &run_by_run[..]].concat();
    let (took, code, table) = stopped(&evaluate, kept, 1);
    assert!(took < soon, "{took:?}");
    assert_eq!(code, Some(143));
    assert!(table.starts_with("scenario"), "{table}");
    assert!(fs::read_to_string(rows).unwrap().lines().count() > 1);
}
