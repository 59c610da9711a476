//! The file of durations for which hosts keep an address.

use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::fs;
use std::path::Path;
use wormsift_export::durations::Durations;
use wormsift_export::text::counted;

/// The rows of the file that `--durations` names, none without.
pub(crate) fn read(path: Option<&Path>, talk: &Talk) -> Result<Durations, Failure> {
    let Some(path) = path else { return Ok(Durations::default()) };
    let text =
        fs::read_to_string(path).map_err(|error| Failure::of(path.display(), error))?;
    let durations = Durations::read(&text)
        .map_err(|reason| Failure::usage(format!("{}: {reason}", path.display())))?;
    let rows = counted(durations.len() as u64, "duration");
    talk.detail(format_args!("{}: {rows}", path.display()));
    Ok(durations)
}
