//! What arguments stand for.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buffer::{Buffer, Pool};
use super::damage::{Damage, write_on_one_line};
use super::file::FileReader;
use super::foreign;
use super::natural;

/// One file, stream or piece of memory that holds a capture. Nothing is opened before a
/// [`Trace`](super::Trace) is.
pub struct Input {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) tap: u16,
}

pub(super) enum Kind {
    Path(PathBuf),
    Stdin,
    Bytes(Arc<Buffer>),
    Reader(Box<dyn Read + Send>),
}

impl Input {
    /// A file, named pipe or device.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.to_string_lossy().into_owned(), kind: Kind::Path(path), tap: 0 }
    }

    /// Standard input.
    pub fn stdin() -> Self {
        Self { name: "standard input".into(), kind: Kind::Stdin, tap: 0 }
    }

    /// A capture file's content in memory; `name` stands in damage lines.
    pub fn bytes(name: impl Into<String>, content: Vec<u8>) -> Self {
        let buffer = Arc::new(Buffer::Given(content));
        Self { name: name.into(), kind: Kind::Bytes(buffer), tap: 0 }
    }

    /// A capture that comes from somewhere else, such as a socket. Like standard input,
    /// it is read as it comes: frames that have arrived do not wait for more.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), kind: Kind::Reader(Box::new(reader)), tap: 0 }
    }

    /// The same, as what a tap saw: its frames say so, see
    /// [`Frame::tap`](wormsift::packet::Frame::tap). Without this it is 0.
    pub fn of_tap(self, tap: u16) -> Self {
        Self { tap, ..self }
    }

    /// What damage lines call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes, as on disk; `None` where only reading tells.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.kind {
            Kind::Path(path) => match fs::metadata(path) {
                Ok(found) => found.is_file().then_some(found.len()),
                // Nothing will be read from it.
                Err(_) => Some(0),
            },
            Kind::Bytes(buffer) => Some(buffer.len() as u64),
            Kind::Stdin | Kind::Reader(_) => None,
        }
    }

    /// The same input once more, if it can be read twice.
    pub(super) fn again(&self) -> Option<Self> {
        let kind = match &self.kind {
            Kind::Path(path) => {
                let readable_twice =
                    fs::metadata(path).map_or(true, |found| found.is_file());
                readable_twice.then(|| Kind::Path(path.clone()))?
            }
            Kind::Bytes(buffer) => Kind::Bytes(Arc::clone(buffer)),
            Kind::Stdin | Kind::Reader(_) => return None,
        };
        Some(Self { name: self.name.clone(), kind, tap: self.tap })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Input").field(&self.name).finish()
    }
}

/// A file of a folder, or a match of a pattern, that was left out since it is no capture.
/// Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: String,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_on_one_line(f, &self.path)?;
        f.write_str(": skipped, it is no capture: ")?;
        write_on_one_line(f, &self.what)
    }
}

/// What arguments stand for.
#[derive(Debug, Default)]
pub struct Inputs {
    /// What there is to read, in order.
    pub inputs: Vec<Input>,
    /// Arguments that stand for nothing, and folders that cannot be listed.
    pub missing: Vec<Damage>,
    /// Files in folders, and matches of patterns, that are no captures.
    pub skipped: Vec<Skipped>,
}

/// What file names, folders, glob patterns and `-` (standard input) stand for, in the
/// order of the arguments, and what could not be found.
///
/// A folder stands for the captures in it and below it, in the natural order of their names
/// (`x.pcap2` before `x.pcap10`); links to folders and special files in it are left out.
/// An argument is a pattern (`*`, `?`, `[...]`, and `**` for any folders) only where no such
/// file exists; its matches come in the same order.
///
/// Of files that a folder or a pattern stands for, the first bytes are looked at: what is
/// no capture is skipped, unless its name says that it should be one, or it is a capture in
/// a format that is not read; these, and files that are named one by one, stay, and are
/// damage when they are read.
pub fn find(arguments: &[String]) -> Inputs {
    let mut found = Found::default();
    for argument in arguments {
        if argument == "-" {
            found.stdin();
        } else {
            match fs::symlink_metadata(argument) {
                Ok(_) => found.path(Path::new(argument), false),
                Err(error) => found.pattern(argument, &error),
            }
        }
    }
    found.inputs
}

/// The first two parts of what [`find`] gives.
pub fn inputs(arguments: &[String]) -> (Vec<Input>, Vec<Damage>) {
    let Inputs { inputs, missing, .. } = find(arguments);
    (inputs, missing)
}

#[derive(Default)]
struct Found {
    inputs: Inputs,
    has_stdin: bool,
    pool: Pool,
}

impl Found {
    fn stdin(&mut self) {
        if std::mem::replace(&mut self.has_stdin, true) {
            self.missing("-", "standard input can be read once only");
        } else {
            self.inputs.inputs.push(Input::stdin());
        }
    }

    fn pattern(&mut self, argument: &str, error: &io::Error) {
        if !argument.contains(['*', '?', '[']) {
            return self.unlisted(Path::new(argument), error);
        }
        let matches = match glob::glob(argument) {
            Ok(matches) => matches,
            Err(error) => {
                return self.missing(
                    argument,
                    &format!("no such file, and no pattern: {error}"),
                );
            }
        };
        let before = self.counts();
        let mut paths = Vec::new();
        for path in matches {
            match path {
                Ok(path) => paths.push(path),
                Err(error) => self.unlisted(error.path(), error.error()),
            }
        }
        paths.sort_by(|a, b| natural::compare(a, b));
        let any = !paths.is_empty();
        paths.iter().for_each(|path| self.path(path, true));
        let nothing = if any { EMPTY } else { "no file matches this pattern" };
        self.say_if_nothing(argument, before, nothing);
    }

    fn path(&mut self, path: &Path, listed: bool) {
        if path.is_dir() {
            self.folder(path);
        } else if listed {
            self.listed(path);
        } else {
            self.inputs.inputs.push(Input::path(path));
        }
    }

    fn folder(&mut self, folder: &Path) {
        let before = self.counts();
        // The next path is on top; a stack of our own, since folders can be nested deep.
        let mut open = match sorted_entries(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unlisted(folder, &error),
        };
        while let Some(path) = open.pop() {
            let Ok(kind) = fs::symlink_metadata(&path).map(|found| found.file_type())
            else {
                // It has just gone; opening it will say so.
                self.inputs.inputs.push(Input::path(path));
                continue;
            };
            if kind.is_dir() {
                match sorted_entries(&path) {
                    Ok(entries) => open.extend(entries),
                    Err(error) => self.unlisted(&path, &error),
                }
            } else if kind.is_file() || (kind.is_symlink() && leads_to_file(&path)) {
                self.listed(&path);
            }
        }
        self.say_if_nothing(&folder.to_string_lossy(), before, EMPTY);
    }

    /// Takes a file that no argument names, or skips it.
    fn listed(&mut self, path: &Path) {
        let input = Input::path(path);
        // A pipe that a pattern matches is not looked into: it cannot be wound back.
        let regular = fs::metadata(path).is_ok_and(|found| found.is_file());
        if regular
            && !is_named_like_a_capture(path)
            && let Some(again) = input.again()
            && let Ok(mut reader) = FileReader::peek(again)
            && let (foreign::Kind::Other(_), what) = reader.kind(&mut self.pool)
        {
            self.inputs.skipped.push(Skipped { path: input.name, what });
        } else {
            self.inputs.inputs.push(input);
        }
    }

    /// How much was found: inputs, and lines about what is missing; and how many files
    /// were skipped.
    fn counts(&self) -> (usize, usize) {
        let Inputs { inputs, missing, skipped } = &self.inputs;
        (inputs.len() + missing.len(), skipped.len())
    }

    fn say_if_nothing(
        &mut self,
        argument: &str,
        (found, skipped): (usize, usize),
        nothing: &str,
    ) {
        if self.counts().0 > found {
            return;
        }
        match self.counts().1 - skipped {
            0 => self.missing(argument, nothing),
            1 => self.missing(argument, "no captures here: the one file is none"),
            files => self.missing(
                argument,
                &format!("no captures here: {files} files, none is one"),
            ),
        }
    }

    fn unlisted(&mut self, folder: &Path, error: &io::Error) {
        let line = Damage::unreadable(folder.to_string_lossy(), error);
        self.inputs.missing.push(line);
    }

    fn missing(&mut self, path: &str, found: &str) {
        self.inputs.missing.push(Damage::whole(path, found));
    }
}

/// A folder, or several, without files.
const EMPTY: &str = "no files in this folder";

/// Extensions of captures, whatever digits follow.
const CAPTURE_EXTENSIONS: &[&str] =
    &["pcap", "pcapng", "ntar", "cap", "dmp", "erf", "snoop", "trc", "etl", "tracecap"];
/// Extensions of compressed files.
const COMPRESSED_EXTENSIONS: &[&str] =
    &["gz", "zst", "zstd", "xz", "bz2", "lz4", "lzma", "z", "zip"];

/// Whether a name says that the file is a capture: `x.pcap`, `x.pcap10`, `x.cap.3`,
/// `x.pcapng.zst`.
fn is_named_like_a_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut parts: Vec<&str> = name.split('.').skip(1).collect();
    parts.pop_if(|last| COMPRESSED_EXTENSIONS.contains(last));
    while parts.pop_if(|last| last.bytes().all(|c| c.is_ascii_digit())).is_some() {}
    let last =
        parts.last().map(|last| last.trim_end_matches(|c: char| c.is_ascii_digit()));
    last.is_some_and(|last| CAPTURE_EXTENSIONS.contains(&last))
}

/// What a folder holds, last name first.
fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by(|a, b| natural::compare(b, a));
    Ok(entries)
}

/// Whether a link leads to a regular file, or nowhere: that is then reported.
fn leads_to_file(link: &Path) -> bool {
    fs::metadata(link).map_or(true, |target| target.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_captures_are_known_by_their_extension() {
        for name in [
            "x.pcap",
            "x.PCAP",
            "x.pcap10",
            "x.pcap.20260101.3",
            "x.cap.gz",
            "a/b.pcapng.zst",
            "day.2.dmp",
            "eth0.pcap0.xz",
        ] {
            assert!(is_named_like_a_capture(Path::new(name)), "{name}");
        }
        for name in [
            "x",
            "pcap",
            "x.truth.json",
            "x.pcap.json",
            "x.pcap.sha256",
            "x.gz",
            "cap.txt",
            "README.md",
            "x.json.zst",
            "1.2.3",
        ] {
            assert!(!is_named_like_a_capture(Path::new(name)), "{name}");
        }
    }
}
