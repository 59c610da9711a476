//! Captures of one's own, decoded here and by tshark: `WORMSIFT_TSHARK=FOLDER`.

use crate::common::environment::skipped;
use crate::common::tshark::{innermost, ours as fields, tshark};
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::Packet;
use wormsift_capture::{Limits, Trace, inputs};

fn ours(packet: &Packet<'_>) -> (String, String, u16, u16) {
    let ports = (packet.source_port, packet.destination_port);
    fields(packet.source, packet.destination, ports)
}

#[test]
fn tshark_finds_the_same_packets_in_captures_that_are_given() {
    let Some(folder) = std::env::var_os("WORMSIFT_TSHARK") else {
        return skipped("WORMSIFT_TSHARK", "WORMSIFT_TSHARK names no folder to compare");
    };
    let mut differ = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "pcap" && end != "pcapng") {
            continue;
        }
        let Some(lines) = tshark(&path) else { return };
        let (inputs, _) = inputs(&[path.to_string_lossy().into_owned()]);
        let mut trace = Trace::open(inputs);
        let (mut at, mut judged, mut wrong) = (0, 0, 0);
        let mut example = String::new();
        while let Some(batch) =
            trace.next_batch(Limits { bytes: 1 << 20, frames: 1 << 12 })
        {
            for index in 0..batch.len() {
                let theirs = lines.get(at).and_then(|fields| innermost(fields));
                let mine = match Decoder::new(true, false).frame(&batch.frame(index)) {
                    Decoded::Packet(packet) => Some(ours(&packet)),
                    Decoded::Fragment(_) => None,
                    Decoded::Drop(_) => Some(Default::default()),
                };
                if let (Some(theirs), Some(mine)) = (theirs, mine) {
                    judged += 1;
                    if theirs != mine {
                        wrong += 1;
                        example = format!("{}: {theirs:?}, here {mine:?}", at + 1);
                    }
                }
                at += 1;
            }
        }
        println!("{}: {judged} judged, {wrong} differ", path.display());
        if wrong > 0 {
            differ.push(format!("{}: {wrong} of {judged}: {example}", path.display()));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
