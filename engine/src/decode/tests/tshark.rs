//! Where tshark is there, both must find the same innermost packet.
//!
//! Captures of one's own are compared with `WORMSIFT_TSHARK=FOLDER`.

use super::encapsulations;
use super::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fields of the innermost headers: the last of each kind.
const FIELDS: [&str; 9] = [
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
];

/// A line of fields for each frame, or none where there is no tshark.
fn tshark(capture: &Path) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture);
    command.args(["-T", "fields", "-E", "separator=;", "-E", "occurrence=l"]);
    // We put datagrams together elsewhere.
    command.args(["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]);
    command.args(["-d", "udp.port==8472,vxlan"]);
    // Without being told it takes what labels carry for IP or for nothing.
    for label in [100, 1_000] {
        command.args(["-d", &format!("mpls.label=={label},pwethheuristic")]);
    }
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let Ok(output) = command.output() else {
        eprintln!("skipped: tshark is not installed, so nothing was compared with it");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() || !text.is_empty(),
        "tshark: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let split = |line: &str| line.split(';').map(str::to_owned).collect();
    Some(text.lines().map(split).collect())
}

/// Innermost addresses and ports as tshark shows them; none where it goes on into what a
/// packet only quotes or reports or holds compressed, or has no transport to compare.
fn innermost(fields: &[String]) -> Option<(String, String, u16, u16)> {
    let [protocols, ip_source, ip_destination, ip6_source, ip6_destination, ports @ ..] =
        fields
    else {
        return None;
    };
    let layers: Vec<&str> = protocols.split(':').collect();
    if layers
        .iter()
        .any(|layer| layer.starts_with("icmp") || ["sflow", "ipcomp"].contains(layer))
    {
        return None;
    }
    let last = |names: [&str; 2]| layers.iter().rposition(|layer| names.contains(layer));
    let transport = last(["udp", "tcp"])?;
    let network = layers[..transport].iter().rposition(|l| *l == "ip" || *l == "ipv6")?;
    if layers[transport..].iter().any(|layer| *layer == "ip" || *layer == "ipv6") {
        return None;
    }
    let (source, destination) = match layers[network] {
        "ip" => (ip_source, ip_destination),
        _ => (ip6_source, ip6_destination),
    };
    let ports = if layers[transport] == "udp" { &ports[..2] } else { &ports[2..] };
    let port = |text: &String| text.parse().ok();
    Some((source.clone(), destination.clone(), port(&ports[0])?, port(&ports[1])?))
}

fn ours(packet: &Packet<'_>) -> (String, String, u16, u16) {
    (
        packet.source.to_string(),
        packet.destination.to_string(),
        packet.source_port,
        packet.destination_port,
    )
}

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
const NOT_JUDGED: [&str; 17] = [
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
        let mine = ours(&packet(LinkType::RAW, data));
        if innermost(fields).as_ref() != Some(&mine) && !NOT_JUDGED.contains(name) {
            differ.push(format!("{name}: {fields:?}"));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

#[cfg(feature = "capture")]
#[test]
fn tshark_finds_the_same_packets_in_captures_that_are_given() {
    use crate::capture::{Limits, Trace, inputs};
    let Some(folder) = std::env::var_os("WORMSIFT_TSHARK") else {
        eprintln!("skipped: WORMSIFT_TSHARK names no folder of captures to compare");
        return;
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
