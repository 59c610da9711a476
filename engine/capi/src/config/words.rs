//! What a setting takes, in words of a configuration file and not of a programming
//! language.

use super::{Failure, WORMSIFT_ERR_CONFIG, refused};
use crate::status::one_line;
use engine::Config;

/// A value as the engine's file would have it: by what the setting's default is.
pub(super) fn value(name: &str, value: &str) -> Result<toml::Value, Failure> {
    if !Config::KEYS.contains(&name) {
        return Err(Failure::new(
            WORMSIFT_ERR_CONFIG,
            format!("no setting `{name}`{}", nearest(name)),
        ));
    }
    let literal = toml::from_str::<toml::Table>(&format!("it = {value}")).ok();
    let literal =
        literal.filter(|table| table.len() == 1).and_then(|mut table| table.remove("it"));
    let written = || toml::Value::String(value.to_owned());
    Ok(match default(name) {
        Some(toml::Value::Boolean(_)) => toml::Value::Boolean(
            yes_or_no(value).ok_or_else(|| refused(name, value, "yes or no"))?,
        ),
        Some(toml::Value::Integer(_)) => literal
            .filter(|it| matches!(it, toml::Value::Integer(number) if *number >= 0))
            .ok_or_else(|| refused(name, value, "a whole number"))?,
        Some(toml::Value::Array(_)) => literal
            .filter(toml::Value::is_array)
            .ok_or_else(|| refused(name, value, "a list"))?,
        // Numbers that may also be words, such as "16" and "winnow(32)".
        _ => literal.filter(|it| accepted(name, it)).unwrap_or_else(written),
    })
}

/// Why the engine did not take a value.
pub(super) fn failure(name: &str, value: &str, failure: Failure) -> Failure {
    let reason = one_line(&failure.reason);
    let reason = reason.rsplit(": ").next().unwrap_or_default();
    // The engine's own sentences are fit to print; those of the file's parser are not.
    let reason = match reason.split_once("expected one of ") {
        Some((_, names)) => format!("expected one of {}", names.replace('`', "")),
        None if reason.contains("invalid type") || reason.contains("unit variant") => {
            format!("expected {}", example(name))
        }
        None => reason.trim_end().to_owned(),
    };
    super::refused_because(name, value, &reason)
}

fn accepted(name: &str, value: &toml::Value) -> bool {
    let table = toml::Table::from_iter([(name.to_owned(), value.clone())]);
    super::parse(&table).is_ok()
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Some(true),
        "no" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// A setting's default, if it has one.
fn default(name: &str) -> Option<toml::Value> {
    let table: toml::Table = toml::from_str(&Config::default().to_toml()).ok()?;
    table.get(name).cloned()
}

fn example(name: &str) -> String {
    match default(name) {
        Some(toml::Value::String(text)) => format!("a value such as {text}"),
        Some(value) => format!("a value such as {value}"),
        None if name == "memory" => "a size such as 512MiB".to_owned(),
        None if name == "rate" => "a rate such as 1Gbit/s".to_owned(),
        None if name == "key" => "32 hex digits".to_owned(),
        None => "another value".to_owned(),
    }
}

/// The setting that was perhaps meant.
fn nearest(name: &str) -> String {
    // Letters that both have, in their order.
    let shared = |key: &&&str| {
        let mut rest = name;
        let mut take = |c: char| {
            let at = rest.find(c)?;
            rest = &rest[at + c.len_utf8()..];
            Some(c)
        };
        key.chars().filter_map(&mut take).count()
    };
    let best = Config::KEYS.iter().max_by_key(shared);
    match best.filter(|key| 4 * shared(key) >= 3 * key.len().max(name.len())) {
        Some(key) => format!("; `{key}` is one"),
        None => format!("; there are {}", Config::KEYS.join(", ")),
    }
}
