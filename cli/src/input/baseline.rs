//! Files of learned content.

use crate::output::exit_code::Failure;
use std::fs;
use std::path::Path;
use wormsift::config::Config;
use wormsift::pipeline::Baseline;

/// Reads a baseline for runs with these settings.
pub(crate) fn read(path: &Path, config: &Config) -> Result<Baseline, Failure> {
    let file = fs::read(path).map_err(|error| Failure::of(path.display(), error))?;
    Baseline::read(config, &file).map_err(|error| Failure::of(path.display(), error))
}
