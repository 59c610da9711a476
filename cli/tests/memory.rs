//! The budget holds for the process: a million distinct payloads from a million
//! addresses, through a pipe, so that no file is mapped.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};

const PACKETS: u32 = 1_000_000;
const BUDGET_KIB: u64 = 64 << 10;
/// Program, threads, buffers between the stages: what stands beside the tables.
const OVERHEAD_KIB: u64 = 48 << 10;

fn peak_kib(pid: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a live process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("KiB")
}

fn frame(n: u32, state: &mut u64) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.extend_from_slice(&[8, 0, 0x45, 0, 0, 156, 0, 1, 0, 0, 64, 17, 0, 0]);
    bytes.extend_from_slice(&(0x0a00_0000 + n).to_be_bytes());
    bytes.extend_from_slice(
        &(0x1e00_0000 + n.wrapping_mul(7_919) % 1_000_003).to_be_bytes(),
    );
    bytes.extend_from_slice(&[0, 7, 0, 9, 0, 136, 0, 0]);
    for _ in 0..16 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[test]
fn a_million_distinct_payloads_stay_within_the_budget() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wormsift"))
        .args(["detect", "--memory", "64MiB", "--threads", "2", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("wormsift runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut header = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    header.extend_from_slice(&[
        2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0,
    ]);
    input.write_all(&header).expect("a reader");
    let mut state = 88_172_645_463_325_252;
    for first in (0..PACKETS).step_by(1_000) {
        let mut block = Vec::new();
        for n in first..first + 1_000 {
            let frame = frame(n, &mut state);
            let (seconds, micros) = (1_000 + n / 20_000, n % 20_000 * 50);
            for word in [seconds, micros, frame.len() as u32, frame.len() as u32] {
                block.extend_from_slice(&word.to_le_bytes());
            }
            block.extend(frame);
        }
        input.write_all(&block).expect("a reader");
    }
    let peak = peak_kib(child.id());
    drop(input);
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let stats: serde_json::Value =
        serde_json::from_str(text.lines().last().expect("stats")).expect("JSON");
    assert_eq!(stats["packet_counters"]["packets"], PACKETS);
    assert!(
        stats["memory"]["total_bytes"].as_u64()
            <= stats["memory"]["budget_bytes"].as_u64()
    );
    println!("a million distinct payloads: peak {peak} KiB");
    assert!(peak <= BUDGET_KIB + BUDGET_KIB / 10 + OVERHEAD_KIB, "{peak} KiB");
}
