//! `wormsift explain`

use super::{MutedArgs, RunArgs, SelectionArgs, TapArgs, VxlanArgs};
use clap::{Args, ValueHint};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  wormsift detect --json day.pcap > found.jsonl
  wormsift explain 02ab --signatures found.jsonl
      all that the file knows of the one signature whose id begins with 02ab
  wormsift explain 02ab --signatures found.jsonl day.pcap
      also who had it from whom, how it grew, and its bytes in the sampled packets";

/// `wormsift explain`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The id of a signature, or of an incident, or the first four digits or more of it; of
    /// an incident its strongest signature is followed
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The captures that it was found in, to look for it again: files, folders or globs
    #[arg(value_name = "CAPTURE", value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<String>,
    #[command(flatten)]
    pub(crate) taps: TapArgs,
    /// JSON lines from `detect --json` or `live`; repeatable, `-` for standard input
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) signatures: Vec<PathBuf>,
    /// One JSON object in place of the text
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) muted: MutedArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) vxlan: VxlanArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
