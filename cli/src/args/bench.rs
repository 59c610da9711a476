//! `wormsift bench`

use super::{RunArgs, SettingArgs};
use clap::{Args, ValueHint};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  wormsift bench day.pcap
      what each stage costs on this traffic and this machine
  wormsift bench --sampling winnow:128 --threads 2 captures/
  wormsift bench --json day.pcap > before.json
  wormsift bench --compare before.json day.pcap
      and how many times as fast as before

The captures are held in memory (the first GiB of packets) and gone over again and
again, one thread, each time with other payload bytes, so that nothing becomes
prevalent by repetition alone; then they are read from disk once, as detect does.";

/// `wormsift bench`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Files, folders or glob patterns, as one trace; not standard input
    #[arg(value_name = "CAPTURE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<String>,
    /// Passes over the packets in memory; medians are told. Default: 5
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        hide_default_value = true,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub(crate) passes: u8,
    /// One JSON object in place of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// An earlier run's JSON: tells how many times as fast each stage is now
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
