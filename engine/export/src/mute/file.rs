//! The file: one JSON object a line, so that a person can read and edit it, a program can add
//! a line, and a line that cannot be read costs no other.
//!
//! | key | value |
//! |---|---|
//! | `id` | of a signature or an incident, 32 hexadecimal digits |
//! | `content` | in place of `id`: bytes in hexadecimal, for all signatures that contain them |
//! | `reason` | why, one line |
//! | `until` | a time, RFC 3339, or `never` for no end |
//! | `added` | when the entry was made, RFC 3339; may be missing |
//! | `kind` | of an incident: what it was when it was muted; may be missing |
//! | `signatures` | of an incident: the ids of its signatures then; may be missing |
//!
//! Empty lines and lines that begin with `#` are left alone, and so is every line that an edit
//! is not about.

use super::{Entry, Subject, end_words};
use crate::rule::weakness;
use crate::text::{bytes_of, hex, is_id, time_of};
use serde::{Deserialize, Serialize};
use std::fmt;
use wormsift::packet::Timestamp;
use wormsift::signature::Kind;

/// What a new file begins with.
const HEAD: &str = "# Findings that are known and muted, a JSON object a line: id or content, reason, \
    until (a time or \"never\").";
/// The word for no end.
const NEVER: &str = "never";
/// Bytes of a content at most: more than a signature has.
const MOST_BYTES: usize = 64 << 10;
/// Characters of a value that a message quotes.
const QUOTED: usize = 60;

/// A line of the file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuteError {
    /// Its number, from 1 on.
    pub line: usize,
    /// What was expected, and what stands there.
    pub reason: String,
}

impl fmt::Display for MuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// The entries of a file, and its other lines as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MuteFile {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    entry: Option<Entry>,
}

impl MuteFile {
    /// Reads a file, with an error for each line that cannot be used.
    pub fn parse(text: &str) -> (Self, Vec<MuteError>) {
        let mut errors = Vec::new();
        let lines = text.lines().zip(1..).map(|(text, line)| {
            let entry = match read(text) {
                Ok(entry) => entry,
                Err(reason) => {
                    errors.push(MuteError { line, reason });
                    None
                }
            };
            Line { text: text.to_owned(), entry }
        });
        let lines = lines.collect();
        (Self { lines }, errors)
    }

    /// The entries, each with the number of its line.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let numbered = (1..).zip(&self.lines);
        numbered.filter_map(|(number, line)| Some((number, line.entry.as_ref()?)))
    }

    /// Adds an entry as the last line.
    ///
    /// # Errors
    ///
    /// When the subject has an entry, or the entry could not be read back.
    pub fn add(&mut self, entry: Entry) -> Result<(), String> {
        if let Some((line, known)) = self.of(&entry.subject) {
            return Err(format!(
                "{} is muted by line {line}, {}: {}",
                entry.subject,
                end_words(known.until),
                known.reason
            ));
        }
        let text = write(&entry);
        if read(&text)? != Some(entry.clone()) {
            return Err(format!("the entry cannot be written: {text}"));
        }
        if self.lines.is_empty() {
            self.lines.push(Line { text: HEAD.to_owned(), entry: None });
        }
        self.lines.push(Line { text, entry: Some(entry) });
        Ok(())
    }

    /// The first entry of this subject.
    pub fn of(&self, subject: &Subject) -> Option<(usize, &Entry)> {
        self.entries().find(|(_, entry)| entry.subject.is_same(subject))
    }

    /// Removes the entries for which `is_meant` holds, and gives them back.
    pub fn remove(&mut self, is_meant: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut removed = Vec::new();
        self.lines.retain_mut(|line| match line.entry.take_if(|it| is_meant(it)) {
            Some(entry) => {
                removed.push(entry);
                false
            }
            None => true,
        });
        removed
    }

    /// The file as text.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [&*line.text, "\n"]).collect()
    }
}

/// An entry as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    reason: String,
    until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<String>,
}

fn write(entry: &Entry) -> String {
    let mut form = Form {
        id: None,
        content: None,
        kind: None,
        reason: entry.reason.clone(),
        until: entry.until.map_or_else(|| NEVER.to_owned(), |time| time.to_string()),
        added: entry.added.map(|time| time.to_string()),
        signatures: Vec::new(),
    };
    match &entry.subject {
        Subject::Content(bytes) => form.content = Some(hex(bytes, "")),
        Subject::Id { id, kind, signatures } => {
            form.id = Some(id.clone());
            form.kind = kind.map(|kind| kind.name().to_owned());
            form.signatures.clone_from(signatures);
        }
    }
    // Plain strings: there is nothing that could fail.
    serde_json::to_string(&form).unwrap_or_default()
}

/// The entry of a line; `None` of an empty one or a comment.
fn read(line: &str) -> Result<Option<Entry>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let form: Form = serde_json::from_str(line).map_err(|error| {
        // The parser's line is always the first.
        let error = error.to_string().replace(" at line 1 column ", ", at column ");
        format!("expected an entry as a JSON object, found {}: {error}", quoted(line))
    })?;
    let reason = form.reason;
    if reason.trim().is_empty() || reason.chars().any(char::is_control) {
        return Err(format!(
            "reason: expected one line of text, found {}",
            quoted(&reason)
        ));
    }
    let until = match &*form.until {
        NEVER => None,
        text => Some(time("until", text, " or \"never\"")?),
    };
    let added = form.added.map(|text| time("added", &text, "")).transpose()?;
    let subject = match (form.id, form.content) {
        (Some(text), None) => {
            let signatures = form.signatures.iter().map(|text| id("signatures", text));
            Subject::Id {
                id: id("id", &text)?,
                kind: form.kind.map(|name| kind(&name)).transpose()?,
                signatures: signatures.collect::<Result<_, _>>()?,
            }
        }
        (None, Some(text)) if form.kind.is_none() && form.signatures.is_empty() => {
            Subject::Content(content(&text)?)
        }
        (None, Some(_)) => {
            return Err(
                "expected kind and signatures beside an id, found them beside content"
                    .to_owned(),
            );
        }
        (id, _) => {
            let found = if id.is_some() { "both" } else { "neither" };
            return Err(format!("expected id or content, found {found}"));
        }
    };
    Ok(Some(Entry { subject, reason, until, added }))
}

/// An id as it is written in lines.
pub(super) fn id(field: &str, text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    if is_id(&id) {
        return Ok(id);
    }
    Err(format!(
        "{field}: expected an id of 32 hexadecimal digits, found {}",
        quoted(text)
    ))
}

fn content(text: &str) -> Result<Vec<u8>, String> {
    let expected = |found: &str| {
        format!("content: expected bytes, two hexadecimal digits each, {found}")
    };
    let bytes =
        bytes_of(text).ok_or_else(|| expected(&format!("found {}", quoted(text))))?;
    if bytes.len() > MOST_BYTES {
        return Err(expected(&format!("{MOST_BYTES} at most, found {}", bytes.len())));
    }
    match weakness(&[&bytes]) {
        None => Ok(bytes),
        Some(weak) => Err(format!(
            "content: expected bytes that only one content has, as a rule needs them, found {}: \
             {weak}",
            quoted(text)
        )),
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        format!("kind: expected one of {names}, found {}", quoted(name))
    })
}

fn time(field: &str, text: &str, or: &str) -> Result<Timestamp, String> {
    time_of(text).ok_or_else(|| {
        format!(
            "{field}: expected a time such as 2026-12-31T00:00:00Z{or}, found {}",
            quoted(text)
        )
    })
}

/// A value in a message: on one line, and not too long.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(QUOTED).is_some() { "..." } else { "" };
    format!("`{shown}{more}`")
}
