//! stdout: data, nothing else.

use crate::output::exit_code::Failure;
use serde::Serialize;
use std::io;
use wormsift_export::json_lines;

/// Writes to stdout, at once. A text that a file has no room for is taken back whole.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes()).map_err(|error| Failure::stdout(&error))
}

/// Past the buffer of the standard library, which would keep what could not be written.
#[cfg(unix)]
fn write(text: &[u8]) -> io::Result<()> {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::sync::Mutex;
    static STDOUT: Mutex<Option<File>> = Mutex::new(None);
    let mut stdout = STDOUT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let file = match &mut *stdout {
        Some(file) => file,
        none => none.insert(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
    };
    wormsift_export::append::append_whole(file, text)
}

#[cfg(not(unix))]
fn write(text: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
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
    json_lines::line(kind, content).map_err(|error| Failure::of(kind, error))
}
