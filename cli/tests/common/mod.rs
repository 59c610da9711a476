//! What the tests of the binary share.

#[cfg(feature = "fleet")]
#[path = "../../../engine/cluster/tests/common/broker.rs"]
#[allow(dead_code, reason = "what is lost of a store is the cluster package's to test")]
pub(crate) mod broker;

pub(crate) mod captures;

#[path = "../../../engine/tests/common/environment.rs"]
pub(crate) mod environment;

pub(crate) mod evaluation;

#[path = "../../../engine/capture/tests/common/namespace.rs"]
pub(crate) mod namespace;

#[path = "../../../engine/export/tests/common/schema.rs"]
pub(crate) mod schema;

#[cfg(target_os = "linux")]
pub(crate) mod wire;

use assert_cmd::cargo::cargo_bin;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary, in an environment without surprises.
pub(crate) fn wormsift(arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin("wormsift"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("TERM");
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    wormsift(arguments).output().expect("the binary runs")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

/// A folder of this test's own, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for files");
    folder
}

/// Writes a file and returns its name.
pub(crate) fn file(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file in a new folder");
    path.to_str().expect("a plain name").to_owned()
}

/// The body that spreads: 400 inert bytes of a long period.
pub(crate) fn body() -> Vec<u8> {
    (0..400_u32).map(|i| (i * i % 251 + i / 3) as u8).collect()
}

/// A small outbreak as classic pcap: 24 hosts, each attacked by the one before, each
/// sending the body to three others, a packet every quarter of a second. A line of talk
/// that nobody repeats follows each attack.
pub(crate) fn outbreak() -> Vec<u8> {
    pcap(&outbreak_frames())
}

/// Its frames.
pub(crate) fn outbreak_frames() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for step in 0..24 * 3_u8 {
        let (host, attack) = (step / 3, step % 3);
        let target = if attack == 0 { host + 1 } else { 100 + step };
        packets.push(udp([10, 0, 0, host], [10, 0, 0, target], 4_444, &body()));
        let talk: Vec<u8> = (0..90_u32)
            .map(|i| (u32::from(step) * 7_919 + i * i * 31 + i * u32::from(step)) as u8)
            .collect();
        packets.push(udp([10, 0, 1, step], [10, 0, 2, step], 9_000, &talk));
    }
    packets
}

/// Ethernet, IPv4 and UDP; checksums are left out, as offload does.
pub(crate) fn udp(
    source: [u8; 4],
    destination: [u8; 4],
    port: u16,
    payload: &[u8],
) -> Vec<u8> {
    let udp_len = 8 + payload.len() as u16;
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0x00]);
    frame.extend((20 + udp_len).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(source);
    frame.extend(destination);
    frame.extend(40_000_u16.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// A capture file of Ethernet frames, eight a second from 2001-09-09T01:46:40Z on.
pub(crate) fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (index, frame) in (0_u32..).zip(frames) {
        let len = frame.len() as u32;
        for word in [1_000_000_000 + index / 8, index % 8 * 125_000, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}
