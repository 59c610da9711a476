//! Snort 3 rules, one a line.
//!
//! The dialect differs from Suricata's in its modifiers: they stand within the option
//! that they modify, separated by commas.

use super::rule::{Rule, RuleOptions, hex};
use super::suricata::{conditions, ending, header, longest};
use std::fmt::Write;
use wormsift::packet::protocol::{ICMP, ICMPV6};

/// One rule, without the line feed. Snort has one name for both ICMPs; the number of
/// the protocol tells them apart.
pub fn rule(rule: &Rule<'_>, options: &RuleOptions) -> String {
    let number = rule.signature.protocol;
    let is_icmp = matches!(number, ICMP | ICMPV6);
    let protocol = if is_icmp { "icmp" } else { rule.protocol() };
    let header = header(protocol, rule.service);
    let mut text = format!("alert {header} (msg:\"{}\";", rule.title());
    if is_icmp {
        let _ = write!(text, " ip_proto:{number};");
    }
    text.push_str(&conditions(rule));
    for (n, token) in rule.tokens.iter().enumerate() {
        let _ = write!(text, " content:\"|{}|\"", hex(token, " "));
        if let Some(offset) = rule.offset {
            let _ = write!(text, ",offset {offset},depth {}", token.len());
        }
        if n > 0 && rule.ordered {
            text.push_str(",distance 0");
        }
        text.push_str(if n == longest(rule) { ",fast_pattern;" } else { ";" });
    }
    text.push_str(&ending(rule, options));
    text
}
