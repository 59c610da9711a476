//! stdout: data, nothing else.

use crate::exit_code::Failure;
use serde::Serialize;
use std::io::{self, Write};
use wormsift::export::json_lines;

/// Writes to stdout, at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::stdout(&error))
}

/// Writes a line, at once.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}

/// Writes a JSON line of the engine's schema and of this type.
pub(crate) fn print_json(
    kind: &'static str,
    content: &impl Serialize,
) -> Result<(), Failure> {
    print_line(&json_line(kind, content)?)
}

/// A JSON line of the engine's schema and of this type, without the line feed.
pub(crate) fn json_line(
    kind: &'static str,
    content: &impl Serialize,
) -> Result<String, Failure> {
    let line = Line { schema: json_lines::SCHEMA, r#type: kind, content };
    serde_json::to_string(&line).map_err(|error| Failure::of(kind, error))
}

#[derive(Serialize)]
struct Line<'a, T> {
    schema: &'static str,
    r#type: &'static str,
    #[serde(flatten)]
    content: &'a T,
}
