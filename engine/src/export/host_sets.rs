//! The hosts that spread a content, as sets for nftables and ipset.
//!
//! Only sets, in no chain: whether anything is done with them is for a person to
//! decide. Whoever can send a content from forged addresses can put those here.

use crate::packet::Host;
use crate::signature::Signature;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

const NOTE: &str = "\
# Hosts that were seen to send a spreading content. Addresses can be forged: whether
# anything is to be done with these sets is for a person to decide.
";

/// The hosts of these signatures: those that passed a content on where that was seen,
/// else its listed sources.
fn hosts<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> BTreeSet<Host> {
    let mut hosts = BTreeSet::new();
    for signature in signatures {
        if signature.relays.is_empty() {
            hosts.extend(&signature.source_list);
        } else {
            hosts.extend(signature.relays.iter().map(|relay| relay.host));
        }
    }
    hosts
}

/// IPv4 addresses, and IPv6 networks of `v6_prefix` bits, as texts.
fn texts(hosts: &BTreeSet<Host>, v6_prefix: u8) -> [Vec<String>; 2] {
    let mut texts = [Vec::new(), Vec::new()];
    for host in hosts {
        match host.address() {
            IpAddr::V4(address) => texts[0].push(address.to_string()),
            IpAddr::V6(address) => texts[1].push(format!("{address}/{v6_prefix}")),
        }
    }
    texts
}

/// A file for `nft -f`: a table of its own with two sets.
pub fn nftables<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    v6_prefix: u8,
) -> String {
    let mut text = format!("{NOTE}table inet wormsift {{\n");
    let kinds = ["ipv4_addr", "ipv6_addr"];
    for ((list, kind), n) in
        texts(&hosts(signatures), v6_prefix).iter().zip(kinds).zip([4, 6])
    {
        let _ =
            writeln!(text, "  set sources{n} {{\n    type {kind}\n    flags interval");
        // An empty list of elements is no valid one.
        if !list.is_empty() {
            let _ = writeln!(text, "    elements = {{ {} }}", list.join(", "));
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

/// A file for `ipset restore`: two sets of networks.
pub fn ipset<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    v6_prefix: u8,
) -> String {
    let mut text = NOTE.to_owned();
    let families = ["inet", "inet6"];
    for ((list, family), n) in
        texts(&hosts(signatures), v6_prefix).iter().zip(families).zip([4, 6])
    {
        let _ = writeln!(text, "create -exist wormsift{n} hash:net family {family}");
        for host in list {
            let _ = writeln!(text, "add -exist wormsift{n} {host}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::rule::tests::signature;
    use super::*;

    #[test]
    fn sets_hold_each_host_once_and_networks_for_ipv6() {
        let mut one = signature(b"some content");
        one.source_list.truncate(2);
        one.source_list.push(Host::of("2001:db8:1:2:3::4".parse().unwrap(), 64));
        let text = nftables([&one, &one], 64);
        assert!(text.contains("elements = { 10.0.0.0, 10.0.0.1 }"), "{text}");
        assert!(text.contains("elements = { 2001:db8:1:2::/64 }"), "{text}");
        let text = ipset([&one], 64);
        assert!(text.contains("add -exist wormsift6 2001:db8:1:2::/64\n"), "{text}");
        assert!(!nftables([], 64).contains("elements"));
    }
}
