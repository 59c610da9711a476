//! An isolation list in the forms that others take.

use super::{Class, IsolationList, Listed};
use crate::stix::{confidence, milliseconds, uuid};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::IpAddr;
use wormsift::packet::Network;
use wormsift::signature::Confidence;

pub(super) const HEADING: &str =
    "host,class,change,last_seen,until,signature,incident,inside,reason";

const NOTE: &str = "\
# Hosts that were seen to send a spreading content. Addresses of suspected ones can be
# forged: whether anything is to be done with this is for a person to decide.
";

/// ipset's longest timeout, in seconds.
const IPSET_MOST: u64 = 2_147_483;
/// Reputation, 1 to 127, by class.
const SCORES: [u8; 2] = [64, 127];

/// An IPv4 address, or a network with its prefix.
pub(super) fn text(network: &Network) -> String {
    match network.parts() {
        (IpAddr::V4(address), 32) => address.to_string(),
        _ => network.to_string(),
    }
}

/// An id without anything that a file of commands could take for more: it comes from a file.
fn id(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// CSV with a heading, a host a line, those that are gone too: what [`read`](super::read)
/// takes back.
pub fn csv(list: &IsolationList) -> String {
    let mut lines = format!("{HEADING}\n");
    for (network, it) in list.with_gone() {
        let inside = match it.inside {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let _ = writeln!(
            lines,
            "{},{},{},{},{},{},{},{inside},{}",
            text(network),
            it.class.name(),
            it.change.name(),
            it.last_seen,
            it.until,
            id(&it.signature),
            id(it.incident.as_deref().unwrap_or_default()),
            it.reason
        );
    }
    lines
}

/// Hosts of one IP version: text, seconds that are left, what is listed.
fn of_version(
    list: &IsolationList,
    is_v4: bool,
) -> impl Iterator<Item = (String, u64, &Listed)> {
    list.hosts().filter(move |(network, _)| network.parts().0.is_ipv4() == is_v4).map(
        |(network, it)| {
            let left = it.until.since(list.as_of()).0.div_ceil(1_000_000_000);
            (text(network), left.max(1), it)
        },
    )
}

fn comment(it: &Listed) -> String {
    format!("{} {}", it.class.name(), id(&it.signature))
}

/// A file for `nft -f`: two sets in a table of its own, in no chain, each host with a timeout.
/// They are replaced whole, in one transaction.
pub fn nftables(list: &IsolationList) -> String {
    let mut file = format!("{NOTE}table inet wormsift {{\n");
    let sets = [("isolate4", "ipv4_addr", true), ("isolate6", "ipv6_addr", false)];
    for (name, kind, _) in sets {
        let _ = writeln!(
            file,
            "  set {name} {{\n    type {kind}\n    flags interval, timeout\n  }}"
        );
    }
    file.push_str("}\n");
    for (name, _, is_v4) in sets {
        let _ = writeln!(file, "flush set inet wormsift {name}");
        let elements: Vec<String> = of_version(list, is_v4)
            .map(|(host, left, it)| {
                format!("  {host} timeout {left}s comment \"{}\"", comment(it))
            })
            .collect();
        // An empty list of elements is no valid one.
        if !elements.is_empty() {
            let elements = elements.join(",\n");
            let _ = writeln!(file, "add element inet wormsift {name} {{\n{elements}\n}}");
        }
    }
    file
}

/// A file for `ipset restore`: two sets of networks, each host with a timeout. They are replaced
/// whole.
pub fn ipset(list: &IsolationList) -> String {
    let mut file = NOTE.to_owned();
    for (n, family, is_v4) in [(4, "inet", true), (6, "inet6", false)] {
        let elements: Vec<_> = of_version(list, is_v4).collect();
        // ipset's own limit is 65,536 unless a set says otherwise.
        let most = elements.len().max(65_536);
        let set = format!("wormsift-isolate{n}");
        let next = format!("{set}-next");
        let create = format!("hash:net family {family} maxelem {most} timeout 0 comment");
        let _ = writeln!(file, "create -exist {set} {create}");
        let _ = writeln!(file, "create -exist {next} {create}\nflush {next}");
        for (host, left, it) in elements {
            let left = left.min(IPSET_MOST);
            let comment = comment(it);
            let _ = writeln!(
                file,
                "add -exist {next} {host} timeout {left} comment \"{comment}\""
            );
        }
        let _ = writeln!(file, "swap {next} {set}\ndestroy {next}");
    }
    file
}

/// A reputation list for Suricata's `iprep`: address, category 1, score 127 for confirmed
/// and 64 for suspected hosts.
pub fn iprep(list: &IsolationList) -> String {
    let mut file = NOTE.to_owned();
    for (network, it) in list.hosts() {
        let _ = writeln!(file, "{},1,{}", text(network), SCORES[it.class as usize]);
    }
    file
}

/// A STIX 2.1 bundle: an indicator a host, with `valid_until`.
pub fn stix(list: &IsolationList) -> String {
    let objects: Vec<Value> =
        list.hosts().map(|(network, it)| indicator(network, it)).collect();
    crate::stix::of_objects(objects)
}

fn indicator(network: &Network, it: &Listed) -> Value {
    let host = text(network);
    let kind = if network.parts().0.is_ipv4() { "ipv4-addr" } else { "ipv6-addr" };
    let seen = milliseconds(it.last_seen);
    json!({
        "type": "indicator",
        "spec_version": "2.1",
        "id": format!("indicator--{}", uuid(&format!("host {host} {}", it.signature))),
        "created": seen,
        "modified": seen,
        "name": format!("{} host {host}", it.class.name()),
        "description": format!("It {}. Signature {}.", it.reason, it.signature),
        "indicator_types": ["compromised"],
        "pattern": format!("[{kind}:value = '{host}']"),
        "pattern_type": "stix",
        "valid_from": seen,
        "valid_until": milliseconds(it.until),
        "confidence": confidence(match it.class {
            Class::Suspected => Confidence::Medium,
            Class::Confirmed => Confidence::High,
        }),
    })
}
