//! Snort 3 rules, one a line.
//!
//! The dialect differs from Suricata's in its modifiers: they stand within the option
//! that they modify, separated by commas.

use super::rule::{Rule, RuleOptions, hex};
use super::suricata::{conditions, ending, header, longest};
use std::fmt::Write;

/// One rule, without the line feed.
pub fn rule(rule: &Rule<'_>, options: &RuleOptions) -> String {
    let mut text = format!("alert {} (msg:\"{}\";", header(rule), rule.title());
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
