//! Signatures from the files that `detect --json` wrote; what cannot be read is said.

use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::path::PathBuf;
use wormsift::signature::Signature;
pub(crate) use wormsift_run::signature_files::{FromFiles, whole};

/// The last word on each signature of these files, in the order of their first, muted or not,
/// and how many lines could not be read. Each of those is said.
pub(crate) fn read(
    paths: &[PathBuf],
    talk: &Talk,
) -> Result<(Vec<Signature>, u64), Failure> {
    let FromFiles { signatures, damaged, .. } = read_with_incidents(paths, talk)?;
    Ok((signatures, damaged))
}

/// The same with incidents.
pub(crate) fn read_with_incidents(
    paths: &[PathBuf],
    talk: &Talk,
) -> Result<FromFiles, Failure> {
    wormsift_run::signature_files::read(paths, &mut |line| talk.error(line))
        .map_err(Failure::Failed)
}
