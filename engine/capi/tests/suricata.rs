//! The plugin for Suricata, in a fake host that makes the same calls: see
//! `engine/suricata/README.md`.

mod common;

use common::{capi, library, outbreak, run};
use engine::capture::{Input, Limits, Trace};
use engine::export::json_lines;
use engine::{Config, Finding, Sensor};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Plugin and host, compiled; `None` after saying that the test is skipped.
fn build(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    common::Compiler::find("cc")?;
    let here = capi().join("../suricata");
    let (plugin, host) = (folder.join("wormsift-suricata.so"), folder.join("fake_host"));
    let flags = "-std=gnu11 -g -O1 -Wall -Wextra -Werror -pthread";
    let stub = format!("-I{}", here.join("tests/stub").display());
    let libs = library().display();
    // By the Makefile, in a folder of the test's own.
    for file in ["Makefile", "wormsift_suricata.c", "rules_file.c", "rules_file.h"] {
        fs::copy(here.join(file), folder.join(file)).expect("a copy");
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
fn contents(lines: &str) -> BTreeSet<Vec<u8>> {
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
fn key() -> String {
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
    fs::write(&file, "# of another\nalert tcp any any -> any any (sid:7; rev:1;)\n")
        .unwrap();
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
        assert!(new.1 > old.1, "a restart cannot know that nothing changed: {new:?}");
    }
    // Another worm: another number, and the old rule stays.
    let both = run_once("tcp:536", &key());
    assert_eq!(both[..again.len()], again);
    assert!(both.len() > again.len(), "{both:?}");
    assert!(both[again.len()..].iter().all(|rule| !sids.contains(&rule.0)), "{both:?}");
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
        ("memory=1KiB", "memory"),
        ("output=/nonexistent/folder/file", "/nonexistent/folder/file"),
        ("baseline=/nonexistent", "/nonexistent"),
        ("rules=/nonexistent/folder/rules", "/nonexistent/folder/rules"),
        ("sources=many", "sources"),
    ] {
        let said = run(Command::new(&host)
            .arg(&plugin)
            .arg(&capture)
            .args(["2", &output, setting]));
        assert!(said.contains("error: wormsift: "), "{setting}: {said}");
        assert!(said.contains("not active") && said.contains(word), "{setting}: {said}");
        assert!(!said.contains("logger 27"), "{setting}: {said}");
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
    let found = Command::new("valgrind").arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        let (said, _) = run_once("checked", true);
        assert!(said.contains("goes on from"), "{said}");
    } else {
        eprintln!("skipped: no valgrind on this machine");
    }
}
