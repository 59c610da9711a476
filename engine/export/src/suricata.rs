//! Suricata rules, one a line.
//!
//! Every byte is written as `|HH HH|`: the one notation that no parser reads another
//! way. TCP rules have neither offset nor `dsize`, which would tie them to single
//! segments; so they match the reassembled stream. `distance:0` asks for a token behind
//! the one before it.

use super::rule::{Rule, RuleOptions, Service, hex};
use std::fmt::Write;

/// One rule, without the line feed. `icmpv6` is a protocol of its own here; `icmp` is
/// that of IPv4, and Suricata takes ICMPv6 under that name too.
pub fn rule(rule: &Rule<'_>, options: &RuleOptions) -> String {
    let header = header(rule.protocol(), rule.service);
    let mut text = format!("alert {header} (msg:\"{}\";", rule.title());
    text.push_str(&conditions(rule));
    for (n, token) in rule.tokens.iter().enumerate() {
        let _ = write!(text, " content:\"|{}|\";", hex(token, " "));
        if let Some(offset) = rule.offset {
            let _ = write!(text, " offset:{offset}; depth:{};", token.len());
        }
        if n > 0 && rule.ordered {
            text.push_str(" distance:0;");
        }
        if n == longest(rule) {
            text.push_str(" fast_pattern;");
        }
    }
    text.push_str(&ending(rule, options));
    text
}

/// Protocol, addresses and ports.
pub(super) fn header(protocol: &str, service: Service) -> String {
    let ends = match service {
        Service::Anywhere | Service::Icmp(..) => "any any -> any any".to_owned(),
        Service::To(port, _) => format!("any any -> any {port}"),
        Service::From(port) => format!("any {port} -> any any"),
        Service::Either(port) => format!("any any <> any {port}"),
    };
    format!("{protocol} {ends}")
}

/// What is asked besides the content: the same in both dialects.
pub(super) fn conditions(rule: &Rule<'_>) -> String {
    let mut text = service_conditions(rule);
    if let Some(length) = rule.payload_length {
        let _ = write!(text, " dsize:{length};");
    }
    text
}

fn service_conditions(rule: &Rule<'_>) -> String {
    match rule.service {
        Service::To(_, true) => " flow:established,to_server;".to_owned(),
        Service::Icmp(kind, code) => format!(" itype:{kind}; icode:{code};"),
        _ if rule.protocol() == "ip" => {
            format!(" ip_proto:{};", rule.signature.protocol)
        }
        _ => String::new(),
    }
}

/// The token that a fast matcher looks for first.
pub(super) fn longest(rule: &Rule<'_>) -> usize {
    let lengths = rule.tokens.iter().enumerate().map(|(n, token)| (token.len(), n));
    // The first of several.
    lengths.max_by_key(|(length, n)| (*length, std::cmp::Reverse(*n))).map_or(0, |l| l.1)
}

/// Class, number and evidence: the same in both dialects.
pub(super) fn ending(rule: &Rule<'_>, options: &RuleOptions) -> String {
    let metadata: Vec<String> = rule
        .metadata()
        .into_iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    format!(
        " classtype:{}; sid:{}; rev:{}; metadata:{};)",
        options.classtype,
        rule.sid.sid,
        rule.sid.rev,
        metadata.join(", ")
    )
}
