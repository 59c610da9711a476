//! Where tshark is there, both must find the same innermost packet.

#[path = "../../../tests/common/environment.rs"]
mod environment;
#[path = "../../../tests/common/tshark.rs"]
mod fields;

use super::encapsulations;
use super::*;
use fields::{innermost, ours, tshark};
use std::io::Write;
use std::path::PathBuf;

/// A capture file of frames that begin with IP.
fn write(frames: &[(&str, Vec<u8>)]) -> PathBuf {
    let name = format!("wormsift-tshark-{}.pcap", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    let mut words = vec![0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101];
    for (_, data) in frames {
        words.extend([0, 0, data.len() as u32, data.len() as u32]);
        for word in words.drain(..) {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
        file.write_all(data).unwrap();
    }
    path
}

/// Encapsulations of which tshark 4.0 reads less unless it is told more (the length of a
/// cookie, the kind of a pseudowire), or nothing at all; and two that it takes for another,
/// for what went before in the same conversation and for an address that begins with 0.
const NOT_JUDGED: &[&str] = &[
    "ayiya",
    "pseudowire bare",
    "erspan 2 no sequence",
    "erspan 3 ip",
    "gpe none named",
    "gtp-u ethernet",
    "gtp 0",
    "l2tp 3",
    "l2tp 3 cookie",
    "l2tp 3 ip",
    "l2tp 3 over udp",
    "l2tp 3 ppp",
    "l2tp 3 sublayer",
    "pseudowire of ip",
    "ipip",
    "gue",
    "gue of ip at once",
];

#[test]
fn tshark_finds_the_same_packet_in_each_encapsulation() {
    let frames = encapsulations::all();
    let path = write(&frames);
    let lines = tshark(&path);
    std::fs::remove_file(&path).unwrap();
    let Some(lines) = lines else { return };
    assert_eq!(lines.len(), frames.len());
    let mut differ = Vec::new();
    for ((name, data), fields) in frames.iter().zip(&lines) {
        let mine = packet(LinkType::RAW, data);
        let ports = (mine.source_port, mine.destination_port);
        let mine = ours(mine.source, mine.destination, ports);
        if innermost(fields).as_ref() != Some(&mine) && !NOT_JUDGED.contains(name) {
            differ.push(format!("{name}: {fields:?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "tshark finds other packets; what it does not read is named in NOT_JUDGED: {differ:#?}"
    );
}
