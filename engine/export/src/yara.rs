//! YARA rules, for files and memory in which the content is to be looked for. There the
//! order of tokens on the wire says little: all must occur, anywhere.

use super::rule::{Rule, hex};
use std::fmt::Write;

/// One rule, with the line feed. All tokens must occur, as hexadecimal strings.
pub fn rule(rule: &Rule<'_>) -> String {
    let mut text = format!("rule wormsift_{} : wormsift {{\n  meta:\n", rule.sid.sid);
    let _ = writeln!(text, "    description = \"{}\"", rule.title());
    for (key, value) in rule.metadata() {
        let _ = writeln!(text, "    {key} = \"{value}\"");
    }
    text.push_str("  strings:\n");
    for (n, token) in rule.tokens.iter().enumerate() {
        let _ = writeln!(text, "    $t{n} = {{ {} }}", hex(token, " "));
    }
    text.push_str("  condition:\n    all of them\n}\n");
    text
}
