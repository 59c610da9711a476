//! What arguments stand for.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buffer::Buffer;
use super::damage::{Damage, Place};

/// One file, stream or piece of memory that holds a capture. Nothing is opened before a
/// [`Trace`](super::Trace) is.
pub struct Input {
    pub(super) name: String,
    pub(super) kind: Kind,
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
        Self { name: path.to_string_lossy().into_owned(), kind: Kind::Path(path) }
    }

    /// Standard input.
    pub fn stdin() -> Self {
        Self { name: "standard input".into(), kind: Kind::Stdin }
    }

    /// A capture file's content in memory; `name` stands in damage lines.
    pub fn bytes(name: impl Into<String>, content: Vec<u8>) -> Self {
        let buffer = Arc::new(Buffer::Given(content));
        Self { name: name.into(), kind: Kind::Bytes(buffer) }
    }

    /// A capture that comes from somewhere else, such as a socket. Like standard input,
    /// it is read as it comes: frames that have arrived do not wait for more.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), kind: Kind::Reader(Box::new(reader)) }
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
        Some(Self { name: self.name.clone(), kind })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Input").field(&self.name).finish()
    }
}

/// What file names, folders, glob patterns and `-` (standard input) stand for, in the
/// order of the arguments, and what could not be found.
///
/// A folder stands for the files in it and below it, by name; links to folders and
/// special files in it are left out. An argument is a pattern (`*`, `?`, `[...]`, and `**`
/// for any folders) only where no such file exists; its matches come by name. Files are
/// not opened: whether they can be read shows when they are.
pub fn inputs(arguments: &[String]) -> (Vec<Input>, Vec<Damage>) {
    let mut found = Found::default();
    for argument in arguments {
        if argument == "-" {
            found.stdin();
        } else if fs::symlink_metadata(argument).is_ok() {
            found.path(Path::new(argument));
        } else {
            found.pattern(argument);
        }
    }
    (found.inputs, found.damage)
}

#[derive(Default)]
struct Found {
    inputs: Vec<Input>,
    damage: Vec<Damage>,
    has_stdin: bool,
}

impl Found {
    fn stdin(&mut self) {
        if std::mem::replace(&mut self.has_stdin, true) {
            self.missing("-", "standard input once", "it again");
        } else {
            self.inputs.push(Input::stdin());
        }
    }

    fn pattern(&mut self, argument: &str) {
        const EXPECTED: &str = "a file, a folder, or a pattern of files";
        if !argument.contains(['*', '?', '[']) {
            let error = match fs::symlink_metadata(argument) {
                Err(error) => error.to_string(),
                Ok(_) => "one that has only just appeared".into(),
            };
            return self.missing(argument, EXPECTED, error);
        }
        let matches = match glob::glob(argument) {
            Ok(matches) => matches,
            Err(error) => return self.missing(argument, EXPECTED, error),
        };
        let mut any = false;
        for path in matches {
            any = true;
            match path {
                Ok(path) => self.path(&path),
                Err(error) => self.unlisted(error.path(), error.error()),
            }
        }
        if !any {
            self.missing(argument, EXPECTED, "a pattern that nothing matches");
        }
    }

    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.folder(path);
        } else {
            self.inputs.push(Input::path(path));
        }
    }

    fn folder(&mut self, folder: &Path) {
        let (files, defects) = (self.inputs.len(), self.damage.len());
        // The next path is on top; a stack of our own, since folders can be nested deep.
        let mut open = match sorted_entries(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unlisted(folder, &error),
        };
        while let Some(path) = open.pop() {
            let Ok(kind) = fs::symlink_metadata(&path).map(|found| found.file_type())
            else {
                // It has just gone; opening it will say so.
                self.inputs.push(Input::path(path));
                continue;
            };
            if kind.is_dir() {
                match sorted_entries(&path) {
                    Ok(entries) => open.extend(entries),
                    Err(error) => self.unlisted(&path, &error),
                }
            } else if kind.is_file() || (kind.is_symlink() && leads_to_file(&path)) {
                self.inputs.push(Input::path(path));
            }
        }
        if (files, defects) == (self.inputs.len(), self.damage.len()) {
            self.missing(&folder.to_string_lossy(), "a folder of files", "none in it");
        }
    }

    fn unlisted(&mut self, folder: &Path, error: &io::Error) {
        self.missing(&folder.to_string_lossy(), "a readable folder", error);
    }

    fn missing(&mut self, path: &str, expected: &str, found: impl fmt::Display) {
        self.damage.push(Damage {
            path: path.into(),
            place: Place::Byte(0),
            expected: expected.into(),
            found: found.to_string(),
        });
    }
}

/// What a folder holds, last name first.
fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|a, b| b.cmp(a));
    Ok(entries)
}

/// Whether a link leads to a regular file, or nowhere: that is then reported.
fn leads_to_file(link: &Path) -> bool {
    fs::metadata(link).map_or(true, |target| target.is_file())
}
