//! The flag of the commands that estimate hosts from addresses.

use clap::{Args, ValueHint};
use std::path::PathBuf;

/// The file of durations of a command that reads it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DurationArgs {
    /// For how long hosts keep an address, as CSV `prefix,seconds`, a row a duration that was
    /// under way while the capture was taken, in whole length: how many hosts sent a content
    /// is then estimated from the addresses that did
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) durations: Option<PathBuf>,
}
