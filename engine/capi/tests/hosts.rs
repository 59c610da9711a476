//! Hosts in C and C++: the same signatures as everywhere, no leak, no crash.

use crate::common::environment::{has, sample};
use crate::common::{Compiler, capi, outbreak, recorded, run};
use engine::decode::{Decoded, Decoder};
use engine::{Config, Sensor};
use std::path::Path;
use std::process::Command;
use wormsift_capture::{Input, Limits, Trace};
use wormsift_export::json_lines;

/// Through the Rust API: as frames, or as packets that the host decodes.
fn through_rust(path: &Path, packets: bool) -> Vec<String> {
    let mut trace = Trace::open(vec![Input::path(path)]);
    let mut sensor = Sensor::new(Config::default()).unwrap();
    let mut worker = sensor.worker();
    let decoder = Decoder::new(true, false);
    let mut lines = Vec::new();
    while let Some(batch) = trace.next_batch(Limits::default()) {
        if packets {
            for frame in batch.frames() {
                if let Decoded::Packet(packet) = decoder.frame(&frame) {
                    worker.observe(&packet);
                }
            }
            sensor.absorb([&mut worker]);
        } else {
            sensor.sift(&batch);
        }
        lines.extend(sensor.findings().iter().map(json_lines::write));
    }
    sensor.finish();
    lines.extend(sensor.findings().iter().map(json_lines::write));
    lines
}

/// Through the program `wormsift`: findings alone.
fn through_cli(path: &Path) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // As the other tests build it: an optimised one would cost minutes.
    command.args(["run", "--quiet", "--manifest-path"]);
    command.arg(capi().join("../../cli/Cargo.toml"));
    command.args(["--", "detect", "--quiet", "--json"]).arg(path);
    let kinds =
        ["signature", "update", "summary"].map(|kind| format!("\"type\":\"{kind}\""));
    let is_finding = |line: &&str| kinds.iter().any(|kind| line.contains(kind));
    run(&mut command).lines().filter(is_finding).map(str::to_owned).collect()
}

#[test]
fn the_same_capture_gives_the_same_findings_everywhere() {
    let Some(compiler) = Compiler::find("cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = compiler.program(&capi().join("examples/threaded.c"), folder.path());
    for name in ["udp", "tcp:536", "recorded"] {
        let capture = match name {
            "recorded" => recorded(folder.path()),
            carriage => outbreak(carriage, folder.path()),
        };
        let truth = through_rust(&capture, false);
        assert!(truth.iter().any(|line| line.contains("\"type\":\"signature\"")));
        assert_eq!(through_rust(&capture, true), truth, "{name}: packets");
        assert_eq!(through_cli(&capture), truth, "{name}: program");
        for threads in ["1", "4"] {
            let printed = run(Command::new(&program).arg(&capture).arg(threads));
            let lines: Vec<&str> = printed.lines().collect();
            assert_eq!(lines, truth, "{name}: {threads} threads in C");
        }
    }
}

/// Findings without the numbers of packets, which an order by time gives anew.
fn without_numbers(lines: impl Iterator<Item = String>) -> Vec<serde_json::Value> {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(all) => {
                all.remove("packet");
                all.values_mut().for_each(strip);
            }
            serde_json::Value::Array(all) => all.iter_mut().for_each(strip),
            _ => {}
        }
    }
    lines
        .map(|line| {
            let mut value = serde_json::from_str(&line).expect("a line of ours");
            strip(&mut value);
            value
        })
        .collect()
}

#[test]
fn threads_that_number_nothing_give_the_findings_of_one() {
    let Some(compiler) = Compiler::find("cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = capi().join("examples/capture_threads.c");
    let program = compiler.program(&source, folder.path());
    for name in ["udp", "tcp:536", "recorded"] {
        let capture = match name {
            "recorded" => recorded(folder.path()),
            carriage => outbreak(carriage, folder.path()),
        };
        let truth = without_numbers(through_rust(&capture, false).into_iter());
        let on = |threads: &str| {
            let printed = run(Command::new(&program).arg(&capture).arg(threads));
            without_numbers(printed.lines().map(str::to_owned))
        };
        // Threads run as they like: each time anew.
        for threads in ["1", "2", "2", "2", "4"] {
            assert!(on(threads) == truth, "{name}: {threads} threads");
        }
    }
}

#[test]
fn a_host_in_cpp_finds_and_prints_a_rule() {
    let Some(compiler) = Compiler::find("c++") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = compiler.program(&capi().join("examples/minimal.cpp"), folder.path());
    let printed = run(&mut Command::new(program));
    assert!(printed.contains(": 300 bytes to port 4444, passed on by "), "{printed}");
    assert!(printed.contains("alert udp any any -> any 4444 ("), "{printed}");
    assert!(printed.contains("sid:1500000; rev:1;"), "{printed}");
}

#[test]
fn wrong_calls_are_answered() {
    let Some(compiler) = Compiler::find("cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = compiler.program(&capi().join("tests/misuse.c"), folder.path());
    run(&mut Command::new(program));
}

#[test]
fn a_host_that_restarts_goes_on_where_it_was() {
    let Some(compiler) = Compiler::find("cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = compiler.program(&capi().join("tests/restart.c"), folder.path());
    run(Command::new(program).arg(folder.path().join("state")));
}

/// What valgrind finds: anything is a failure.
#[test]
fn valgrind_finds_no_error_and_no_leak() {
    let Some(compiler) = Compiler::find("cc") else { return };
    // A program is some thirty times as slow in it.
    if !sample(false, true) || !has("valgrind") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let valgrind = |program: &Path| {
        let mut command = Command::new("valgrind");
        command.args([
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible",
        ]);
        command.arg(program);
        command
    };
    let misuse = compiler.program(&capi().join("tests/misuse.c"), folder.path());
    run(&mut valgrind(&misuse));
    let restart = compiler.program(&capi().join("tests/restart.c"), folder.path());
    run(valgrind(&restart).arg(folder.path().join("state")));
    let threaded = compiler.program(&capi().join("examples/threaded.c"), folder.path());
    let capture = outbreak("udp", folder.path());
    let printed = run(valgrind(&threaded).arg(&capture).arg("4"));
    assert_eq!(printed.lines().collect::<Vec<_>>(), through_rust(&capture, false));
}
