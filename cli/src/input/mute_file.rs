//! The file of mutes.

use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::fs;
use std::path::Path;
use wormsift_export::mute::{MuteFile, Mutes};

/// A file, and how many of its lines could not be read. Each of those is said.
pub(crate) fn read(path: &Path, talk: &Talk) -> Result<(MuteFile, u64), Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::of(path.display(), error))?;
    let (file, errors) = MuteFile::parse(&text);
    for error in &errors {
        talk.error(format_args!("{}: {error}", path.display()));
    }
    Ok((file, errors.len() as u64))
}

/// The entries of the file that `--mute` names, if it does, and how many of its lines could
/// not be read.
pub(crate) fn entries(
    path: Option<&Path>,
    talk: &Talk,
) -> Result<(Option<Mutes>, u64), Failure> {
    let Some(path) = path else { return Ok((None, 0)) };
    let (file, damaged) = read(path, talk)?;
    let mutes = Mutes::new(file.entries().map(|(_, entry)| entry.clone()));
    talk.detail(format_args!("{}: {} entries", path.display(), mutes.len()));
    Ok((Some(mutes), damaged))
}
