//! `wormsift match`

use super::{RunArgs, SelectionArgs, VxlanArgs};
use clap::Args;
use std::path::PathBuf;
use wormsift::config::Size;
use wormsift::packet::Network;
use wormsift_run::Search;

/// `wormsift match`
#[derive(Args, Debug)]
pub(crate) struct MatchArgs {
    /// Capture files, folders or globs; `-` for standard input. All are one trace
    #[arg(value_name = "CAPTURE", required = true)]
    pub(crate) captures: Vec<String>,
    /// JSON lines from `detect --json`
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) signatures: Vec<PathBuf>,
    /// JSON lines on stdout in place of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// With --json, also a line for each packet that a signature matches
    #[arg(long, requires = "json")]
    pub(crate) hits: bool,
    /// Longest part of a content that is looked for, in bytes, 16 to 2048
    #[arg(long, value_name = "BYTES", default_value_t = Search::MOST_BYTES,
          value_parser = clap::value_parser!(u16).range(16..=2_048))]
    pub(crate) most_bytes: u16,
    /// Memory for the ends of TCP segments, in which content across two segments is found
    #[arg(long, value_name = "SIZE", default_value_t = Search::TAIL_MEMORY)]
    pub(crate) tail_memory: Size,
    /// Was a filter once; refused, since it describes hosts and `match` reports none
    #[arg(long, value_name = "ADDR/BITS", hide = true)]
    pub(crate) home_net: Vec<Network>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) vxlan: VxlanArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
