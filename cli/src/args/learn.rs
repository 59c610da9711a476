//! `wormsift learn`

use super::{RunArgs, SelectionArgs, SettingArgs};
use clap::{Args, ValueHint};
use std::path::PathBuf;
use wormsift::config::Size;
use wormsift::pipeline::Baseline;

/// `wormsift learn`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wormsift learn benign/ -o site.baseline
  wormsift detect --baseline site.baseline today.pcap
  wormsift learn monday.pcap --baseline site.baseline -o both.baseline

A baseline belongs to the secret key, BETA, the sampling and the port rule that it was learned
with; with others it is refused.")]
pub(crate) struct LearnArgs {
    /// Captures without worms: files, folders, glob patterns, or `-` for standard input
    #[arg(value_name = "CAPTURE", required_unless_present = "baseline", value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<String>,
    /// The baseline to write; a file of that name is replaced once the new one is whole
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// An earlier baseline, all of which the new one knows too; of the same settings, size
    /// and rate; repeatable
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Vec<PathBuf>,
    /// Sightings within the prevalence window after which a content is learned, 1 to 15
    #[arg(long, value_name = "COUNT", default_value_t = Baseline::DEFAULT_SIGHTINGS,
          value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(crate) sightings: u8,
    /// How often an unknown content may be taken for a known one, 1e-12 to 0.1
    #[arg(long, value_name = "RATE", default_value_t = Baseline::DEFAULT_RATE, value_parser = rate)]
    pub(crate) false_positive_rate: f64,
    /// Memory of the baseline, here and in every run that uses it
    #[arg(long, value_name = "SIZE", default_value_t = Baseline::DEFAULT_SIZE)]
    pub(crate) size: Size,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (1e-12..=0.1).contains(&rate) => Ok(rate),
        _ => Err("expected 1e-12 to 0.1".to_owned()),
    }
}
