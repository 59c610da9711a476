//! What a setting takes: a choice, a number in a range, a time, a list.
//!
//! A kind reads a value from text, checks its range, and says what was expected and what
//! was found, in the words of whoever writes a settings file. The secret key is never
//! shown.

use super::{Setting, Size, Span};
use serde_json::Value;
use std::str::FromStr;

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// One of these names.
    Choice(&'static [&'static str]),
    /// A whole number: the least, the most, and what is counted.
    Number(u64, u64, &'static str),
    /// A length of packet time: the shortest and the longest.
    Time(Span, Span),
    /// A number of bytes: the least and the most.
    Size(Size, Size),
    /// On or off.
    Switch,
    /// A text: what it says, and its name after a flag.
    Text(&'static str, &'static str),
    /// A list: of what, the name of an entry after a flag, and an example.
    List(&'static str, &'static str, &'static str),
    /// 128 secret bits.
    Key,
}

impl Kind {
    /// The least and the most, such as `8 to 64`.
    pub fn range(self) -> Option<String> {
        match self {
            Self::Number(least, most, _) => Some(format!("{least} to {most}")),
            Self::Time(least, most) => Some(format!("{least} to {most}")),
            Self::Size(least, most) => Some(format!("{least} to {most}")),
            _ => None,
        }
    }

    /// What a settings file must hold, such as "true or false".
    pub fn form(self) -> String {
        let range = self.range().unwrap_or_default();
        match self {
            Self::Choice(names) => {
                let (last, rest) = names.split_last().expect("a choice has names");
                format!("{} or {last}", rest.join(", "))
            }
            Self::Number(_, _, unit) => format!("a whole number of {unit} from {range}"),
            Self::Time(..) => format!("a time with its unit from {range}"),
            Self::Size(..) => format!("a size with its unit from {range}"),
            Self::Switch => "true or false".to_owned(),
            Self::Text(form, _) => format!("{form} in quotes"),
            Self::List(form, ..) => format!("a list of {form}"),
            Self::Key => "32 hex digits in quotes".to_owned(),
        }
    }

    /// The value that a text stands for, on a command line or in another program's
    /// settings: lists with commas, switches also as yes, no, on and off. Text without
    /// the form of this kind stays text, and is refused where it is set.
    pub(super) fn read(self, text: &str) -> Value {
        let text = bare(text);
        let number = |text: &str| {
            text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from)
        };
        match self {
            Self::Number(..) => number(text),
            Self::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Value::Bool(true),
                "false" | "no" | "off" | "0" => Value::Bool(false),
                _ => Value::from(text),
            },
            Self::List(..) => {
                let inside = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
                let entries = inside.unwrap_or(text).split(',').map(bare);
                entries.filter(|entry| !entry.is_empty()).map(number).collect()
            }
            Self::Key if text.is_empty() => Value::Null,
            _ => Value::from(text),
        }
    }

    /// What is expected instead of a value that has the form of this kind and is out of
    /// its range.
    pub(super) fn beyond(self, value: &Value) -> Option<String> {
        let text = value.as_str().unwrap_or_default();
        let (fits, unit) = match self {
            Self::Number(least, most, unit) => {
                (value.as_u64().is_some_and(|it| (least..=most).contains(&it)), unit)
            }
            Self::Time(least, most) => (within(text, least, most), ""),
            Self::Size(least, most) => (within(text, least, most), ""),
            _ => return None,
        };
        let range = format!("{} {unit}", self.range()?);
        (!fits).then(|| range.trim_end().to_owned())
    }
}

/// Without spaces and quotes around it.
fn bare(text: &str) -> &str {
    text.trim().trim_matches('"')
}

fn within<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> bool {
    text.parse().is_ok_and(|it| (least..=most).contains(&it))
}

/// What is wrong with a value that does not have the form of its setting. `reason` is the
/// deserializer's; where it is one of ours, it already says what was expected.
pub(super) fn mismatch(setting: &Setting, value: &Value, reason: &str) -> String {
    let form = setting.kind.form();
    let foreign = ["invalid ", "unknown "].iter().any(|start| reason.starts_with(start));
    match setting.kind {
        Kind::Key => format!("expected {form}"),
        _ if !foreign => reason.to_owned(),
        Kind::List(_, _, example) => {
            format!("expected {form}, such as [{example}]; found {}", found(value))
        }
        _ => {
            let example = setting.default_value();
            format!("expected {form}, such as {example}; found {}", found(value))
        }
    }
}

/// The value as it may be shown: no longer than a line.
fn found(value: &Value) -> String {
    const MOST: usize = 40;
    let (kind, text) = match value {
        Value::String(text) => ("the text ", text.escape_debug().to_string()),
        Value::Object(_) => return "a table".to_owned(),
        other => ("", other.to_string()),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{kind}`{}...`", &text[..end]),
        None => format!("{kind}`{text}`"),
    }
}
