//! The hosts that are known to have sent a spreading content, each with its role, as sets
//! for nftables and ipset and as CSV.
//!
//! Known senders are the relays, the listed sources and the sources of the samples of the
//! given signatures. A *relay* received a content before it sent it, or passed it on to
//! several; a *source* is known to have sent one and no more. A host that is both is a
//! relay. Only sets, in no chain: whether anything is done with them is for a person to
//! decide. Forged source addresses of a content are listed here too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use wormsift::packet::Network;
use wormsift::signature::{Confidence, Signature};

const NOTE: &str = "\
# Hosts that were seen to send a spreading content. Addresses can be forged: whether
# anything is to be done with these sets is for a person to decide.
";

/// What a host did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Source,
    Relay,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Relay => "relay",
        }
    }
}

/// What is known of one sender, over all signatures.
struct Sender {
    role: Role,
    /// The best grade of a signature that it sent.
    confidence: Confidence,
    signatures: u32,
    inside: Option<bool>,
}

/// Every known sender, in the order of its address.
fn senders<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
) -> BTreeMap<Network, Sender> {
    let mut senders: BTreeMap<Network, Sender> = BTreeMap::new();
    for it in signatures {
        let relays = it.relays.iter().map(|relay| (relay.host, Role::Relay));
        let sources = it.source_list.iter().copied();
        let sources = sources.chain(it.samples.iter().map(|sample| sample.source));
        let sources = sources.map(|host| (host, Role::Source));
        // Within one signature a host counts once.
        let mut own: BTreeMap<Network, (Role, Option<bool>)> = BTreeMap::new();
        for (host, role) in relays.chain(sources) {
            let inside = it.addresses.inside(host);
            let known = own.entry(it.addresses.network(host)).or_insert((role, inside));
            known.0 = known.0.max(role);
        }
        for (network, (role, inside)) in own {
            let sender = senders.entry(network).or_insert(Sender {
                role,
                confidence: it.confidence,
                signatures: 0,
                inside,
            });
            sender.role = sender.role.max(role);
            sender.confidence = sender.confidence.max(it.confidence);
            sender.signatures += 1;
            sender.inside = sender.inside.or(inside);
        }
    }
    senders
}

/// An IPv4 address, or an IPv6 network with its prefix.
fn text(network: &Network) -> String {
    match network.parts() {
        (IpAddr::V4(address), _) => address.to_string(),
        (IpAddr::V6(_), _) => network.to_string(),
    }
}

/// Elements of one IP version.
fn of_version(
    senders: &BTreeMap<Network, Sender>,
    is_v4: bool,
) -> impl Iterator<Item = (String, &'static str)> {
    senders
        .iter()
        .filter(move |(network, _)| network.parts().0.is_ipv4() == is_v4)
        .map(|(network, sender)| (text(network), sender.role.name()))
}

/// A file for `nft -f`: a table of its own with two sets, the role of each host in its
/// comment.
pub fn nftables<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> String {
    let senders = senders(signatures);
    let mut text = format!("{NOTE}table inet wormsift {{\n");
    for (n, kind) in [(4, "ipv4_addr"), (6, "ipv6_addr")] {
        let _ =
            writeln!(text, "  set sources{n} {{\n    type {kind}\n    flags interval");
        let elements: Vec<String> = of_version(&senders, n == 4)
            .map(|(host, role)| format!("{host} comment \"{role}\""))
            .collect();
        // An empty list of elements is no valid one.
        if !elements.is_empty() {
            let _ = writeln!(text, "    elements = {{ {} }}", elements.join(", "));
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

/// A file for `ipset restore`: two sets of networks, the role of each host in its comment.
pub fn ipset<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> String {
    let senders = senders(signatures);
    let mut text = NOTE.to_owned();
    for (n, family) in [(4, "inet"), (6, "inet6")] {
        let elements: Vec<(String, &str)> = of_version(&senders, n == 4).collect();
        // ipset's own limit is 65,536 unless a set says otherwise.
        let most = elements.len().max(65_536);
        let _ = writeln!(
            text,
            "create -exist wormsift{n} hash:net family {family} maxelem {most} comment"
        );
        for (host, role) in elements {
            let _ = writeln!(text, "add -exist wormsift{n} {host} comment \"{role}\"");
        }
    }
    text
}

/// CSV with a heading: `host`, `role`, the best `confidence` of its signatures, how many
/// `signatures` it sent, and whether it is `inside` the home networks (`yes`, `no`, or
/// empty where they are not set).
pub fn csv<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> String {
    let mut lines = "host,role,confidence,signatures,inside\n".to_owned();
    for (network, sender) in senders(signatures) {
        let inside = match sender.inside {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let _ = writeln!(
            lines,
            "{},{},{},{},{inside}",
            text(&network),
            sender.role.name(),
            sender.confidence.name(),
            sender.signatures
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::rule::tests::signature;
    use super::*;
    use wormsift::packet::{AddressPlan, Host, Timestamp};
    use wormsift::signature::Relay;

    fn relay(text: &str) -> Relay {
        let sent_at = Timestamp::from_nanos(1);
        let host = Host::of(text.parse().unwrap(), 128);
        Relay { host, received_at: None, sent_at, fan_out: 2, ..Relay::default() }
    }

    fn one() -> Signature {
        let mut one = signature(b"some content");
        one.source_list.truncate(2);
        one.source_list.push(Host::of("2001:db8:1:2:3::4".parse().unwrap(), 64));
        one.samples.truncate(3);
        one
    }

    #[test]
    fn sets_hold_each_host_once_and_networks_for_ipv6() {
        let one = one();
        let text = nftables([&one, &one]);
        let of_4 = r#"elements = { 10.0.0.0 comment "source", 10.0.0.1 comment "source", 10.0.0.2 comment "source" }"#;
        assert!(text.contains(of_4), "{text}");
        let of_6 = r#"elements = { 2001:db8:1:2::/64 comment "source" }"#;
        assert!(text.contains(of_6), "{text}");
        let text = ipset([&one]);
        let of_6 = "add -exist wormsift6 2001:db8:1:2::/64 comment \"source\"\n";
        assert!(text.contains(of_6), "{text}");
        assert!(!nftables([]).contains("elements"));
    }

    #[test]
    fn every_known_sender_is_there_with_its_strongest_role() {
        // A relay that is no listed source, one that is, and a source that is a relay
        // of another signature only.
        let (mut first, mut second) = (one(), one());
        first.relays = vec![relay("10.0.0.1"), relay("192.0.2.9")];
        second.confidence = Confidence::Medium;
        second.relays = vec![relay("10.0.0.0")];
        second.source_list = vec![relay("198.51.100.7").host];
        second.samples.clear();
        assert_eq!(
            csv([&first, &second]),
            "host,role,confidence,signatures,inside\n\
             10.0.0.0,relay,high,2,\n\
             10.0.0.1,relay,high,1,\n\
             10.0.0.2,source,high,1,\n\
             192.0.2.9,relay,high,1,\n\
             198.51.100.7,source,medium,1,\n\
             2001:db8:1:2::/64,source,high,1,\n"
        );
        assert_eq!(csv([]).lines().count(), 1);
    }

    #[test]
    fn prefixes_and_inside_are_those_of_the_sensor() {
        let mut one = one();
        one.source_list = vec![relay("2001:db8::1").host, relay("10.0.0.1").host];
        one.samples.clear();
        one.addresses = AddressPlan {
            v6_prefix: 128,
            home_net: vec!["2001:db8::/32".parse().unwrap()].into(),
        };
        let expected = "10.0.0.1,source,high,1,no\n2001:db8::1/128,source,high,1,yes\n";
        assert!(csv([&one]).ends_with(expected), "{}", csv([&one]));
    }
}
