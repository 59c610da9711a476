//! What tshark says of a capture's packets.

use super::environment::has;
use std::net::IpAddr;
use std::path::Path;
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
pub(crate) fn tshark(capture: &Path) -> Option<Vec<Vec<String>>> {
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
    let output = has("tshark").then(|| command.output().expect("tshark runs"))?;
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
pub(crate) fn innermost(fields: &[String]) -> Option<(String, String, u16, u16)> {
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

/// The same of a packet that was decoded here.
pub(crate) fn ours(
    source: IpAddr,
    destination: IpAddr,
    ports: (u16, u16),
) -> (String, String, u16, u16) {
    (source.to_string(), destination.to_string(), ports.0, ports.1)
}
