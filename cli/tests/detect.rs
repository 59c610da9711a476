//! `wormsift detect` as a user runs it.

use crate::common;
use crate::common::{body, code, file, folder, outbreak, run, stderr, stdout, wormsift};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every window kept, so that a small capture suffices.
const CERTAIN: [&str; 4] = ["--sampling", "1", "--memory", "64MiB"];

fn detect(more: &[&str]) -> Output {
    run(&[&["detect"][..], &CERTAIN, more].concat())
}

#[test]
fn the_committed_trace_gives_the_planted_content_first() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpora/traces");
    let truth = std::fs::read_to_string(traces.join("outbreak.truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let planted = &truth["contents"][0];
    let trace = traces.join("outbreak.pcapng.zst");
    let trace = trace.to_str().unwrap();

    let table = run(&["detect", trace]);
    assert_eq!(code(&table), 0, "{}", stderr(&table));
    let table = stdout(&table);
    let first = table.lines().nth(1).unwrap_or_default();
    let protocol = planted["protocol"].as_str().unwrap();
    let service = format!("{protocol}/{}", planted["destination_port"]);
    assert!(first.starts_with("1\t") && first.contains(&service), "{table}");

    let lines = lines(&stdout(&run(&["detect", "--json", trace])));
    let best = of_type(&lines, "summary")[0];
    let found = best["content_hex"].as_str().unwrap();
    let body = planted["content_hex"].as_str().unwrap();
    let invariants = planted["invariant"].as_array().unwrap();
    let digits = |byte: &Value| byte.as_u64().unwrap() as usize * 2;
    let mut longest = 0;
    for span in invariants {
        let (start, end) = (digits(&span["start"]), digits(&span["end"]));
        assert!(found.contains(&body[start..end]), "{found} lacks {start}..{end}");
        longest = longest.max(end - start);
    }
    if invariants.len() == 1 {
        assert_eq!(found.len(), longest, "nothing of the mutable part");
    }
    assert!(!best["relays"].as_array().unwrap().is_empty(), "{best}");
}

#[test]
fn json_lines_tell_the_finding_its_summary_and_the_stats() {
    let folder = folder("detect_json");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let output = detect(&["--json", &capture]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = lines(&stdout(&output));
    assert!(lines.iter().all(|line| line["schema"] == "wormsift/2"), "{lines:?}");
    let signatures = of_type(&lines, "signature");
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    assert_eq!(signatures[0]["content_hex"], hex(&body()));
    let summaries = of_type(&lines, "summary");
    assert_eq!(summaries.len(), 1, "{summaries:?}");
    assert_eq!(summaries[0]["id"], signatures[0]["id"]);
    assert!(summaries[0]["source_list"].as_array().unwrap().len() >= 20);
    let stats = lines.last().unwrap();
    assert_eq!(stats["type"], "stats");
    assert_eq!(stats["packet_counters"]["packets"], 144);
    assert_eq!(stats["selection"]["selected"], 144);
    assert_eq!(stats["run"]["input"]["frames"], 144);
    let talk = stderr(&output);
    let id = signatures[0]["id"].as_str().unwrap();
    assert!(talk.contains("found:") && talk.contains(id), "{talk}");
    assert_eq!(stderr(&detect(&["--json", "-q", &capture])), "");
}

#[test]
fn without_json_there_is_a_table_with_the_whole_content() {
    let folder = folder("detect_table");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let output = detect(&["--stats", &capture]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let table = stdout(&output);
    let first = table.lines().nth(1).unwrap();
    assert!(first.contains("udp/4444") && first.contains("outbreak"), "{table}");
    let dumped: String = table
        .lines()
        .filter_map(|line| line.trim_start().split_once("  "))
        .filter(|(offset, _)| {
            offset.len() == 8 && u32::from_str_radix(offset, 16).is_ok()
        })
        .filter_map(|(_, rest)| rest.split_once('|'))
        .flat_map(|(hex, _)| hex.split_whitespace())
        .collect();
    assert_eq!(dumped, hex(&body()), "{table}");
    assert!(stderr(&output).contains("\npacket_counters\n  "), "{}", stderr(&output));
    assert!(!table.contains('\x1b'), "a pipe gets no colours");
    let by_signature = stdout(&detect(&["--by-signature", &capture]));
    let first = by_signature.lines().nth(1).unwrap();
    assert!(
        first.contains("udp/4444") && first.contains("propagation"),
        "{by_signature}"
    );
    let painted = detect(&["--color", "always", &capture]);
    assert!(stdout(&painted).contains('\x1b'));
}

#[test]
fn threads_batches_and_cuts_change_no_finding() {
    let folder = folder("detect_same");
    let whole = outbreak();
    let capture = file(&folder, "whole.pcap", &whole);
    // A cut after 60 packets: the same header, then the other records.
    let record = |start: usize| {
        16 + u32::from_le_bytes(whole[start + 8..start + 12].try_into().unwrap()) as usize
    };
    let cut = (0..60).fold(24, |at, _| at + record(at));
    let head = file(&folder, "b.pcap", &whole[..cut]);
    let tail = file(&folder, "a.pcap", &[&whole[..24], &whole[cut..]].concat());
    let findings = |more: &[&str]| {
        let output = detect(&[&["--json", "-q"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let mut lines = lines(&stdout(&output));
        lines.last_mut().unwrap()["run"] = Value::Null;
        lines
    };
    let expected = findings(&[&capture]);
    assert!(expected.len() >= 3);
    for more in [
        vec!["--threads", "1", &capture],
        vec!["--threads", "3", "--batch", "1", &capture],
        vec!["--threads", "2", "--batch", "5000B", &capture],
        vec!["--batch", "7", &tail, &head],
    ] {
        assert_eq!(findings(&more), expected, "{more:?}");
    }
}

#[test]
fn standard_input_is_a_capture() {
    let mut child = wormsift(&["detect", "--sampling", "1", "--json", "-q", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&outbreak()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!(of_type(&lines(&stdout(&output)), "signature").len(), 1);
}

#[test]
fn a_signal_ends_a_run_that_waits_with_all_that_is_known() {
    for (signal, expected) in [("INT", 130), ("TERM", 143)] {
        let mut child = wormsift(&["detect", "--sampling", "1", "--json", "-q", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&outbreak()).unwrap();
        stdin.flush().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        // Found while the input is still open.
        let first = stdout.next().unwrap().unwrap();
        assert!(first.contains("\"signature\""), "{first}");
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success());
        let rest: Vec<String> = stdout.map(Result::unwrap).collect();
        assert!(rest.iter().any(|line| line.contains("\"summary\"")), "{rest:?}");
        let last = lines(rest.last().unwrap()).remove(0);
        assert_eq!(last["type"], "stats");
        assert_eq!(last["run"]["stopped_by"], expected - 128);
        assert_eq!(child.wait().unwrap().code(), Some(expected));
        drop(stdin);
    }
}

#[test]
fn a_closed_stdout_ends_quietly() {
    let folder = folder("detect_closed");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    for form in [&["--json", "-q"][..], &["-q"]] {
        let arguments = [&["detect"], &CERTAIN[..], form, &[&capture]].concat();
        let mut child = wormsift(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    }
}

#[test]
fn damaged_input_gets_a_line_a_file_and_the_rest_is_used() {
    let folder = folder("detect_damaged");
    let whole = outbreak();
    let cut = file(&folder, "cut.pcap", &whole[..whole.len() - 5]);
    let text = file(&folder, "text.pcap", b"no capture at all");
    let good = file(&folder, "good.pcap", &whole);
    let output = detect(&["--json", "-q", &text, &cut, "/nonexistent", &good]);
    assert_eq!(code(&output), 3);
    let talk = stderr(&output);
    assert_eq!(talk.lines().count(), 3, "{talk}");
    for name in ["text.pcap: ", "cut.pcap: ", "/nonexistent: "] {
        assert_eq!(talk.matches(name).count(), 1, "{talk}");
    }
    let lines = lines(&stdout(&output));
    assert_eq!(of_type(&lines, "signature").len(), 1);
    let input = &lines.last().unwrap()["run"];
    assert_eq!(input["input"]["frames"], 144 + 143);
    assert_eq!(input["input"]["damaged_files"], 2);
    assert_eq!(input["missing_inputs"], 1);
}

#[test]
fn a_signature_can_fail_the_run() {
    let folder = folder("detect_fail");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    assert_eq!(code(&detect(&["-q", "--fail-on-signature", &capture])), 4);
    let none = ["-q", "--fail-on-signature", "--filter", "not port 4444", &capture];
    let output = detect(&none);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "no signature found\n");
}

/// The packets that the findings name come out as a capture of their own, with all their
/// bytes and times; sifted again, they are whom the findings name.
#[test]
fn a_report_and_the_packets_that_show_it_can_be_written() {
    let folder = folder("detect_evidence");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let evidence = folder.join("evidence.pcapng");
    let evidence = evidence.to_str().unwrap();
    let page = folder.join("report.html");
    let report = ["--json", "--report", page.to_str().unwrap()];
    let output =
        detect(&[&report[..], &["--write-evidence", evidence, &capture]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = lines(&stdout(&output));
    let page = std::fs::read_to_string(page).unwrap();
    for summary in of_type(&found, "summary") {
        assert!(page.contains(summary["id"].as_str().unwrap()), "{summary}");
    }
    let mut named: Vec<(String, String)> = of_type(&found, "summary")
        .iter()
        .flat_map(|line| {
            line["samples"].as_array().unwrap().iter().chain([&line["first_sighting"]])
        })
        .map(|s| (s["time"].to_string(), s["source"].to_string()))
        .collect();
    named.sort();
    named.dedup();
    assert!(named.len() >= 3, "{named:?}");

    let again = detect(&["--json", "--sources", "1", "--destinations", "1", evidence]);
    let stats = lines(&stdout(&again)).pop().unwrap();
    assert_eq!(stats["packet_counters"]["packets"], named.len());
    let signatures = folder.join("findings.jsonl");
    std::fs::write(&signatures, stdout(&output)).unwrap();
    let signatures = signatures.to_str().unwrap();
    let hit = run(&["match", "--json", "--signatures", signatures, evidence]);
    let stats = lines(&stdout(&hit)).pop().unwrap();
    assert_eq!(stats["matched"], named.len(), "{}", stdout(&hit));

    let stdin = detect(&["--write-evidence", evidence, "-"]);
    assert_eq!(code(&stdin), 2);
    assert!(stderr(&stdin).contains("expected files, found `-`"));
}

#[test]
fn packets_can_be_chosen_and_the_others_are_counted() {
    let folder = folder("detect_chosen");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let selection = |more: &[&str]| {
        let output =
            detect(&[&["--json", "-q", "--batch", "10"], more, &[&capture]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        lines(&stdout(&output)).pop().unwrap()["selection"].clone()
    };
    let start = "2001-09-09T01:46:42Z";
    assert_eq!(selection(&["--since", start])["before_since"], 16);
    assert_eq!(selection(&["--until", "1000000002"])["selected"], 16);
    assert_eq!(selection(&["--count", "33"])["selected"], 33);
    let web = selection(&["--filter", "udp and dst port 4444"]);
    assert_eq!((&web["selected"], &web["filtered"]), (&72.into(), &72.into()));
    let excluded = selection(&["--exclude-net", "10.0.2.0/24"]);
    assert_eq!((&excluded["selected"], &excluded["excluded"]), (&72.into(), &72.into()));
    let home = selection(&["--only-net", "10.0.2.0/24", "--only-net", "192.0.2.0/24"]);
    assert_eq!((&home["selected"], &home["not_only_net"]), (&72.into(), &72.into()));
    let both = selection(&["--since", start, "--filter", "port 9000", "--count", "5"]);
    assert_eq!((&both["selected"], &both["before_since"]), (&5.into(), &16.into()));
}

#[test]
fn that_nothing_could_be_decoded_is_a_warning() {
    let folder = folder("detect_undecodable");
    let capture = file(&folder, "noise.pcap", &common::pcap(&[vec![0; 5], vec![1; 9]]));
    let output = detect(&["--json", &capture]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("none of 2 packets could be decoded"));
    let lines = lines(&stdout(&output));
    let warnings = of_type(&lines, "warning");
    assert_eq!(warnings[0]["message"], "none of 2 packets could be decoded");
}
