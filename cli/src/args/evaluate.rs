//! `wormsift evaluate`

use super::{RunArgs, SettingArgs};
use crate::evaluate::results::Sweep;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Named groups of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Every standard worm and hard negative, each under each of its settings
    Standard,
}

/// `wormsift evaluate`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wormsift evaluate --suite standard --report out.html
  wormsift evaluate --scenario outbreak --sweep sources=2..50:4 --report sweep.html
  wormsift evaluate --clean captures/ --scenario mail --csv out.csv
  wormsift evaluate injected.pcapng.zst        # with injected.truth.json beside it")]
pub(crate) struct EvaluateArgs {
    /// Captures, each with its truth beside it: day.pcapng has day.truth.json
    #[arg(value_name = "CAPTURE")]
    pub(crate) captures: Vec<String>,
    /// A group of generated scenarios
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) suite: Option<Suite>,
    /// A generated scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<String>,
    /// A TOML file that lists what to evaluate: seeds, suite, scenarios, labelled,
    /// clean, held_out, sweep
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Captures, one trace, in which nothing spreads: what is found there is false
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    pub(crate) clean: Vec<String>,
    /// Captures without worms, on which each signature is tried: how many packets would
    /// its rule alert on?
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    pub(crate) held_out: Vec<String>,
    /// Seeds of each scenario, from 1 on. Default: 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) seeds: Option<u64>,
    /// A setting that takes several values: KEY=FROM..TO, KEY=FROM..TO:STEP or KEY=A,B
    #[arg(long, value_name = "KEY=VALUES", value_parser = crate::evaluate::job::parse_sweep)]
    pub(crate) sweep: Option<Sweep>,
    /// Keep finished runs in this file, and take up what is there
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// One self-contained page
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Everything as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The table as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Only the runs: no sampling, sketch and detection rule curves
    #[arg(long)]
    pub(crate) runs_only: bool,
    /// Exit with 4 when a row is not as expected
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
