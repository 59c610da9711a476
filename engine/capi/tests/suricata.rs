//! The plugin for Suricata, in a fake host that makes the same calls: see
//! `engine/suricata/README.md`.

use crate::common;
use crate::common::environment::{has, sample};
use crate::common::{capi, ends_and_whole, library, outbreak, run};
use engine::{Config, Finding, Sensor};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wormsift_capture::{Input, Limits, Trace};
use wormsift_export::json_lines;

/// Plugin and host, compiled; `None` after saying that the test is skipped.
pub(crate) fn build(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    common::Compiler::find("cc")?;
    let here = capi().join("../suricata");
    let (plugin, host) = (folder.join("wormsift-suricata.so"), folder.join("fake_host"));
    let flags = "-std=gnu11 -g -O1 -Wall -Wextra -Werror -pthread";
    let stub = format!("-I{}", here.join("tests/stub").display());
    let libs = library().display();
    // By the Makefile, in a folder of the test's own.
    for file in
        fs::read_dir(&here).expect("the plugin").map(|entry| entry.unwrap().path())
    {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name == "Makefile" || name.ends_with(".c") || name.ends_with(".h") {
            fs::copy(&file, folder.join(name)).expect("a copy");
        }
    }
    let mut make = Command::new("make");
    make.arg("-C").arg(folder).args([format!("CFLAGS={flags}"), "CC=cc".to_owned()]);
    make.arg(format!("SURICATA_CFLAGS={stub}"));
    make.arg(format!("WORMSIFT_CFLAGS=-I{}", capi().join("include").display()));
    run(make.arg(format!("WORMSIFT_LIBS=-L{libs} -lwormsift -Wl,-rpath,{libs}")));
    let mut cc = Command::new("cc");
    cc.args(flags.split(' ')).arg(stub).arg("-rdynamic");
    run(cc.arg(here.join("tests/fake_host.c")).arg("-o").arg(&host).arg("-ldl"));
    Some((plugin, host))
}

/// The contents of the last words on each signature in a file of lines.
pub(crate) fn contents(lines: &str) -> BTreeSet<Vec<u8>> {
    lines
        .lines()
        .filter_map(|line| json_lines::read(line).expect("a line of ours"))
        .filter(|finding| matches!(finding, Finding::Summary(_)))
        .map(|finding| finding.into_signature().content)
        .collect()
}

/// What the engine makes of the capture itself.
fn truth(capture: &Path) -> BTreeSet<Vec<u8>> {
    let mut trace = Trace::open(vec![Input::path(capture)]);
    let mut sensor = Sensor::new(Config::default()).unwrap();
    while let Some(batch) = trace.next_batch(Limits::default()) {
        sensor.sift(&batch);
    }
    sensor.finish();
    let lines: Vec<String> = sensor.findings().iter().map(json_lines::write).collect();
    contents(&lines.join("\n"))
}

/// The key that runs offline have by default, as a setting.
pub(crate) fn key() -> String {
    format!("key={:032x}", Config::default().effective_key())
}

#[test]
fn packets_and_streams_give_the_contents_of_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    for (carriage, stream) in
        [("udp", "stream=yes"), ("tcp:20", "stream=yes"), ("tcp:536", "stream=no")]
    {
        let capture = outbreak(carriage, folder.path());
        let truth = truth(&capture);
        assert!(!truth.is_empty(), "{carriage}");
        for threads in ["1", "4"] {
            let output = folder.path().join(format!("{carriage}.{threads}.jsonl"));
            let mut command = Command::new(&host);
            command.arg(&plugin).arg(&capture).args([threads, stream, &key()]);
            command.arg(format!("output={}", output.display()));
            let said =
                run(command.args(["memory=256MiB", "relay_exempt=[192.0.2.1:25]"]));
            assert!(said.contains("plugin wormsift GPLv2"), "{said}");
            assert!(said.contains("packet logger 27 wormsift-packet"), "{said}");
            assert_eq!(
                said.contains("stream logger 27"),
                stream == "stream=yes",
                "{said}"
            );
            assert!(!said.contains("error: "), "{said}");
            assert!(said.contains("notice: wormsift: "), "{said}");
            let found = contents(&fs::read_to_string(&output).unwrap());
            assert_eq!(found, truth, "{carriage}, {threads} threads\n{said}");
        }
    }
}

/// Number, revision and the rest of each rule in a file.
fn rules(path: &Path) -> Vec<(u32, u32, String)> {
    let number = |rule: &str, name: &str| {
        let (_, rest) = rule.rsplit_once(name).expect("a number");
        rest.split(';').next().and_then(|digits| digits.parse().ok()).expect("digits")
    };
    let text = fs::read_to_string(path).expect("a file of rules");
    let rule = |line: &str| {
        assert!(line.starts_with("alert ") && line.ends_with(";)"), "{line}");
        (number(line, " sid:"), number(line, " rev:"), line.to_owned())
    };
    text.lines().map(rule).collect()
}

#[test]
fn rules_keep_their_numbers_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let file = folder.path().join("wormsift.rules");
    let run_once = |carriage: &str, key: &str| {
        let mut command = Command::new(&host);
        command.arg(&plugin).arg(outbreak(carriage, folder.path())).args(["1", key]);
        command.arg(format!("output={}", folder.path().join("output").display()));
        let said = run(command.arg(format!("rules={}", file.display())));
        assert!(!said.contains("error: "), "{said}");
        assert!(!folder.path().join("wormsift.rules.new").exists());
        rules(&file)
    };
    let first = run_once("udp", &key());
    assert_eq!(first.first().map(|rule| rule.0), Some(1_500_000), "{first:?}");
    let sids: BTreeSet<u32> = first.iter().map(|rule| rule.0).collect();
    assert_eq!(sids.len(), first.len(), "{first:?}");
    // The same again, by an engine that starts clean: the same numbers.
    let again = run_once("udp", &key());
    assert_eq!(again.len(), first.len());
    for (old, new) in first.iter().zip(&again) {
        assert_eq!(old.0, new.0);
        assert!((old.1..old.1 + 4).contains(&new.1), "its grade rises anew: {new:?}");
    }
    // Another worm: another number, and the old rule stays.
    let both = run_once("tcp:536", &key());
    assert_eq!(both[..again.len()], again);
    assert!(both.len() > again.len(), "{both:?}");
    assert!(both[again.len()..].iter().all(|rule| !sids.contains(&rule.0)), "{both:?}");
}

/// What was found to be a part of another content keeps no rule in use, keeps its number,
/// and is in use again when it is a content of its own again.
#[test]
fn a_part_of_another_content_has_no_rule_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let file = folder.path().join("wormsift.rules");
    let run_once = |capture: &Path, name: &str| {
        let output = folder.path().join(name);
        let mut command = Command::new(&host);
        command.arg(&plugin).arg(capture).args(["1", &key()]);
        command.arg(format!("output={}", output.display()));
        let said = run(command.arg(format!("rules={}", file.display())));
        assert!(!said.contains("error: "), "{said}");
        (said, fs::read_to_string(output).unwrap(), fs::read_to_string(&file).unwrap())
    };
    let capture = ends_and_whole(folder.path());
    let (said, lines, text) = run_once(&capture, "first");
    let parts: Vec<_> = lines
        .lines()
        .filter_map(|line| json_lines::read(line).unwrap())
        .filter_map(|it| {
            let it = it.into_signature();
            Some((it.id, it.part_of?))
        })
        .collect();
    let [(part, whole)] = &parts[..] else { panic!("{lines}") };
    assert!(said.contains(&format!("{part}: a part of {whole}")), "{said}");
    assert_eq!(counter(&said, "parts"), 1);
    assert_eq!(counter(&said, "findings"), 2);
    let with = |id: &str, text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
    };
    let [off] = &with(part, &text)[..] else { panic!("{text}") };
    assert!(off.starts_with("# alert "), "{text}");
    let [on] = &with(whole, &text)[..] else { panic!("{text}") };
    assert!(on.starts_with("alert "), "{text}");
    // Over a restart, with the same and with another capture: the numbers stay.
    let sid = |line: &str| line.rsplit_once(" sid:").unwrap().1[..7].to_owned();
    let (_, _, again) = run_once(&capture, "second");
    assert_eq!(sid(&with(part, &again)[0]), sid(off));
    assert!(with(part, &again)[0].starts_with("# alert "), "{again}");
    let (_, _, other) = run_once(&outbreak("udp", folder.path()), "third");
    assert_eq!(with(part, &other), with(part, &again));
    let sids: BTreeSet<String> = other.lines().map(sid).collect();
    assert_eq!(sids.len(), other.lines().count(), "{other}");
}

/// A counter of the plugin.
pub(crate) fn counter(said: &str, name: &str) -> u64 {
    let line = format!("counter wormsift.{name} ");
    let mut values = said.lines().filter_map(|it| it.strip_prefix(&line));
    values.next().and_then(|value| value.parse().ok()).expect(name)
}

/// Payload bytes of TCP and UDP in a capture, counted packet by packet.
fn payload_bytes(capture: &Path) -> u64 {
    let mut trace = Trace::open(vec![Input::path(capture)]);
    let decoder = engine::decode::Decoder::new(true, false);
    let mut bytes = 0;
    while let Some(batch) = trace.next_batch(Limits::default()) {
        for frame in batch.frames() {
            if let engine::decode::Decoded::Packet(packet) = decoder.frame(&frame)
                && [6, 17].contains(&packet.protocol)
            {
                bytes += packet.payload.len() as u64;
            }
        }
    }
    bytes
}

/// Whatever the host lets go of comes in another form: each byte once.
#[test]
fn streams_that_are_let_go_come_segment_by_segment() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    for carriage in ["tcp:536", "tcp:20"] {
        let capture = outbreak(carriage, folder.path());
        let (truth, bytes) = (truth(&capture), payload_bytes(&capture));
        // Streams that are followed to their end leave copies of segments out.
        let mut once = 0;
        for how in ["whole", "unknown", "depth", "memcap", "bypass", "stopped", "inline"]
        {
            for threads in ["1", "3"] {
                let output = folder.path().join(format!("{how}.{threads}.jsonl"));
                let mut command = Command::new(&host);
                command.env("FAKE_HOST", how).arg(&plugin).arg(&capture);
                command.args([threads, &key(), &format!("output={}", output.display())]);
                let said = run(&mut command);
                assert!(!said.contains("error: "), "{said}");
                let count = |name| counter(&said, name);
                let forms = ["stream_bytes", "released_bytes", "packet_bytes"].map(count);
                let all = forms.iter().sum::<u64>();
                once = once.max(if how == "whole" { all } else { 0 });
                assert!((once..=bytes).contains(&all), "{carriage}, {how}: {said}");
                assert!(bytes - once <= bytes / 100, "{carriage}: {once} of {bytes}");
                assert_eq!(
                    forms[1] > 0,
                    !["whole", "inline"].contains(&how),
                    "{how}: {said}"
                );
                assert_eq!(
                    (count("lost_bytes"), count("late_packets")),
                    (0, 0),
                    "{said}"
                );
                let found = contents(&fs::read_to_string(&output).unwrap());
                assert_eq!(found, truth, "{carriage}, {how}, {threads} threads\n{said}");
            }
        }
    }
}

/// What is acknowledged at once comes in one piece, and counts as the segments that it came
/// in: contents, ids and counts do not depend on how it is joined.
#[test]
fn what_comes_in_one_counts_as_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    for carriage in ["tcp:536", "tcp:20"] {
        let capture = outbreak(carriage, folder.path());
        let run_as = |how: &str| {
            let output = folder.path().join(format!("{how}.jsonl"));
            let mut command = Command::new(&host);
            command.env("FAKE_HOST", how).arg(&plugin).arg(&capture).args(["1", &key()]);
            let said = run(command.arg(format!("output={}", output.display())));
            assert!(!said.contains("error: "), "{said}");
            let lines = fs::read_to_string(&output).unwrap();
            let last = lines.lines().map(|line| json_lines::read(line).unwrap().unwrap());
            let last: Vec<_> = last
                .filter(|it| matches!(it, Finding::Summary(_)))
                .map(Finding::into_signature)
                .map(|it| (it.id, it.packets, it.sources, it.destinations, it.content))
                .collect();
            (counter(&said, "stream_pieces"), last)
        };
        let (whole, joined) = (run_as("whole"), run_as("joined"));
        assert!(!whole.1.is_empty());
        assert_eq!(whole.1, joined.1, "{carriage}");
        // Probes with a byte of what came before may be segments of their own.
        assert!((whole.0..whole.0 + whole.0 / 100).contains(&joined.0), "{carriage}");
    }
}

/// The last confidence of each signature.
fn grades(lines: &str) -> Vec<(String, String)> {
    let mut last = std::collections::BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        last.insert(word("id"), word("confidence"));
    }
    last.into_iter().collect()
}

#[test]
fn a_rule_says_the_last_grade_of_its_signature() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let (file, output) = (folder.path().join("rules"), folder.path().join("output"));
    let mut command = Command::new(&host);
    command.arg(&plugin).arg(outbreak("tcp:536", folder.path())).args(["2", &key()]);
    command.arg(format!("output={}", output.display()));
    run(command.arg(format!("rules={}", file.display())));
    let (lines, rules) = (fs::read_to_string(output).unwrap(), rules(&file));
    let first = lines.lines().next().expect("a finding");
    assert!(!first.contains("\"confidence\":\"high\""), "it rises later: {first}");
    let mut seen = 0;
    for (id, grade) in grades(&lines) {
        let Some(rule) = rules.iter().find(|rule| rule.2.contains(&id)) else { continue };
        assert!(rule.2.contains(&format!("wormsift_confidence {grade}")), "{rule:?}");
        assert!((1..=33).contains(&rule.1), "{rule:?}");
        seen += u32::from(grade == "high" && rule.1 > 1);
    }
    assert!(seen > 0, "{rules:?}");
}

#[test]
fn what_is_not_its_own_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let capture = outbreak("udp", folder.path());
    let path = |name: &str| folder.path().join(name);
    let mut key_of_another = key();
    key_of_another.replace_range(4..8, "beef");
    let run_as = |how: &str, key: &str, more: &[String]| {
        let mut command = Command::new(&host);
        command.env("FAKE_HOST", how).arg(&plugin).arg(&capture).args(["1", key]);
        command.arg(format!("output={}", path("output").display())).args(more);
        run(&mut command)
    };
    // A rules file of somebody else, even if one line of it is ours.
    let foreign = "alert tcp any any -> any any (sid:7; rev:1;)\n";
    fs::write(path("foreign"), foreign).unwrap();
    let rules = [format!("rules={}", path("foreign").display())];
    for how in ["whole", "test"] {
        let said = run_as(how, &key(), &rules);
        assert!(
            said.contains("foreign, line 1: expected a rule that wormsift wrote"),
            "{said}"
        );
        assert!(!said.contains("logger 27"), "{said}");
        assert_eq!(fs::read_to_string(path("foreign")).unwrap(), foreign);
    }
    // A test of the configuration makes nothing.
    let _ = fs::remove_file(path("output"));
    let files = [
        format!("rules={}", path("rules").display()),
        format!("state={}", path("state").display()),
    ];
    let said = run_as("test", &key(), &files);
    assert!(!said.contains("error: "), "{said}");
    for name in ["output", "rules", "state"] {
        assert!(!path(name).exists(), "{name}");
    }
    // A state of other settings is kept.
    run_as("whole", &key(), &files);
    let saved = fs::read(path("state")).unwrap();
    let said = run_as("test", &key_of_another, &files);
    assert!(said.contains("is not used") && !path("state.old").exists(), "{said}");
    let said = run_as("whole", &key_of_another, &files);
    assert!(said.contains("is kept as"), "{said}");
    assert_eq!(fs::read(path("state.old")).unwrap(), saved);
    assert!(fs::read(path("state")).unwrap() != saved);
    // Each kind of failure is said once, with its path, and at the start.
    let said = run_as("whole", &key(), &["state=/nonexistent/folder/state".to_owned()]);
    assert_eq!(said.matches("/nonexistent/folder/state").count(), 1, "{said}");
    assert!(said.find("error: ") < said.find("taking packets"), "{said}");
}

/// Suricata tells plugins of gaps by where bytes lie, and there may be no session.
#[test]
fn gaps_part_a_stream_and_flows_without_a_session_come_as_packets() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let found = |how: &str, capture: &Path| {
        let output = folder.path().join(format!("{how}.jsonl"));
        let mut command = Command::new(&host);
        command.env("FAKE_HOST", how).arg(&plugin).arg(capture);
        command.args(["2", &key(), &format!("output={}", output.display())]);
        let said = run(&mut command);
        assert!(!said.contains("error: "), "{said}");
        contents(&fs::read_to_string(&output).unwrap())
    };
    // Segments of 20 bytes say nothing alone.
    let small = outbreak("tcp:20", folder.path());
    assert_eq!(found("whole", &small), truth(&small));
    assert_eq!(found("gaps", &small), BTreeSet::new());
    let large = outbreak("tcp:536", folder.path());
    assert_eq!(found("midstream", &large), truth(&large));
}

#[test]
fn wrong_settings_leave_it_inactive_and_the_host_running() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let capture = outbreak("udp", folder.path());
    let output = format!("output={}", folder.path().join("output").display());
    for (setting, word) in [
        ("souces=3", "`sources`"),
        ("relay_exempd=1", "`relay_exempt`"),
        ("rate=1Gbit/s", "rate: removed; `memory` alone sizes the tables"),
        ("memory=1KiB", "memory"),
        ("memory=9999TiB", "memory: expected 16MiB to 16TiB"),
        ("output=/nonexistent/folder/file", "/nonexistent/folder/file"),
        ("baseline=/nonexistent", "/nonexistent"),
        ("rules=/nonexistent/folder/rules", "/nonexistent/folder/rules"),
        ("sources=many", "sources: expected a whole number of hosts from 1 to 10000"),
        (
            "tunnels=perhaps",
            "tunnels: expected true or false, such as true; found the text",
        ),
        ("port_rule=maybe", "port-rule: expected roles, destination, source"),
        ("stream=maybe", "stream: expected yes or no, found \"maybe\""),
        ("state_interval=soon", "state-interval: expected a time such as "),
        ("ordered=1", "ordered: there is no such setting here"),
        ("relay_exempt=[192.0.2.1:25,nonsense]", "relay-exempt: entry \"nonsense\": "),
        ("=hello", "expected settings below it, one a line, found \"hello\""),
    ] {
        let mut command = Command::new(&host);
        command.arg(&plugin).arg(&capture).arg("2");
        if !setting.starts_with('=') {
            command.arg(&output);
        }
        let said = run(command.arg(setting));
        for word in ["invalid type", "unit variant", "defect", "usize"] {
            assert!(!said.contains(word), "{setting}: {said}");
        }
        assert!(said.contains("error: wormsift: "), "{setting}: {said}");
        assert!(said.contains("not active") && said.contains(word), "{setting}: {said}");
        assert!(!said.contains("logger 27"), "{setting}: {said}");
    }
    // Booleans as YAML has them, and more entries than fit on a page.
    let mut many: Vec<String> =
        (0..400).map(|i| format!("192.0.2.{}:{i}", i % 250)).collect();
    many[0] = "192.0.2.1:25".to_owned();
    let many = format!("relay_exempt=[{}]", many.join(","));
    for setting in
        ["tunnels=no", "checksums=on", "stream=no", "vxlan_ports=[4789,8472]", &many]
    {
        let mut command = Command::new(&host);
        let said = run(command.arg(&plugin).arg(&capture).args(["2", &output, setting]));
        assert!(!said.contains("error: "), "{setting}: {said}");
        assert!(said.contains("logger 27 wormsift-packet"), "{setting}: {said}");
    }
    // Without a node and without a folder for logs.
    let said = run(Command::new(&host).arg(&plugin).arg(&capture).arg("1"));
    assert!(said.contains("/nonexistent/wormsift.jsonl"), "{said}");
}

#[test]
fn it_goes_on_from_its_state_and_valgrind_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some((plugin, host)) = build(folder.path()) else { return };
    let capture = outbreak("tcp:536", folder.path());
    let state = folder.path().join("state");
    let run_once = |name: &str, checked: bool| {
        let output = folder.path().join(name);
        let mut command =
            Command::new(if checked { "valgrind".as_ref() } else { host.as_os_str() });
        if checked {
            command.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
            command.arg("--errors-for-leak-kinds=definite,indirect,possible").arg(&host);
        }
        // The key is drawn, and with it what is sampled: so everything is.
        command.arg(&plugin).arg(&capture).args(["2", "memory=32MiB", "sampling=1"]);
        command.arg(format!("state={}", state.display()));
        command.arg(format!("rules={}", folder.path().join("rules").display()));
        let said = run(command.arg(format!("output={}", output.display())));
        (said, fs::read_to_string(output).unwrap())
    };
    let (said, first) = run_once("first", false);
    assert!(!said.contains("goes on from"), "{said}");
    assert!(first.contains("\"type\":\"signature\""), "{first}");
    let (said, second) = run_once("second", false);
    assert!(said.contains("goes on from"), "{said}");
    assert!(!second.contains("\"type\":\"signature\""), "it was known: {second}");
    fs::write(&state, "damaged").unwrap();
    let (said, _) = run_once("third", false);
    assert!(
        said.contains("warning: wormsift: ") && said.contains("is not used"),
        "{said}"
    );
    if sample(false, true) && has("valgrind") {
        let (said, _) = run_once("checked", true);
        assert!(said.contains("goes on from"), "{said}");
    }
}
