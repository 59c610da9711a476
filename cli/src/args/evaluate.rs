//! `wormsift evaluate`

use super::{RunArgs, SettingArgs};
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use wormsift::time::Span;
use wormsift_evaluate::{Sweep, parse_sweep};

/// Named groups of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Every standard worm and hard negative, each under each of its settings
    Standard,
    /// Every worm and hard negative under the settings as they are, and worms where the tap
    /// sees all
    Plain,
    /// Forwarders and peers that look like worms, each alone, and all around a worm
    Trust,
    /// Worms whose author knows the sensor and evades it
    Adversary,
}

impl From<Suite> for wormsift_evaluate::Suite {
    fn from(suite: Suite) -> Self {
        match suite {
            Suite::Standard => Self::Standard,
            Suite::Plain => Self::Plain,
            Suite::Trust => Self::Trust,
            Suite::Adversary => Self::Adversary,
        }
    }
}

const MANIFEST: &str = "\
A TOML file that lists what to evaluate; paths are relative to its folder, flags win.
Keys: title, seeds, suite, sweep, scenarios (names), clean, held_out (captures), labelled
(captures, or { capture, truth }), and scenarios with something changed:

  [[scenario]]
  name = \"outbreak\"
  label = \"a small outbreak\"
  seeds = 5
  settings = { sources = 10, destinations = 10 }
  options = { until_infected = 40, background_hosts = 20 }
  expect = { dispersion = \"fires\", propagation = \"open\" }

Settings are those of `wormsift config`. Options are duration, packets, until_infected,
background_hosts, background_rate, vulnerable_hosts, scan_rate, sees_all, carriage and worm,
as the flags of `wormsift generate`; expected is fires, silent or open";

/// `wormsift evaluate`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wormsift evaluate --suite standard --report out.html
  wormsift evaluate --scenario outbreak --sweep sources=2..50:4 --report sweep.html
  wormsift evaluate --isolate-after 10s,60s,600s --runs-only --report isolation.html
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
    /// A TOML file that lists what to evaluate
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
        long_help = MANIFEST)]
    pub(crate) manifest: Option<PathBuf>,
    /// Captures, one trace, in which nothing spreads: what is found there is false
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    pub(crate) clean: Vec<String>,
    /// Captures without worms, in which the packets are counted that the rules of the
    /// signatures would alert on
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    pub(crate) held_out: Vec<String>,
    /// Captures without worms, from which each run learns first what is good, as
    /// `wormsift learn` does
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    pub(crate) learn: Vec<String>,
    /// Seeds of each scenario, from 1 on. Default: 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) seeds: Option<u64>,
    /// A setting that takes several values: KEY=FROM..TO, KEY=FROM..TO:STEP or KEY=A,B
    #[arg(long, value_name = "KEY=VALUES", value_parser = parse_sweep)]
    pub(crate) sweep: Option<Sweep>,
    /// Cut off whom the isolation list names, so long after each alarm, in epidemics of their own,
    /// and show how many are infected: SPAN[,SPAN...], such as 10s,60s,600s
    #[arg(long, value_name = "SPAN", value_delimiter = ',')]
    pub(crate) isolate_after: Vec<Span>,
    /// Keep finished runs in this file, and take up those there that the same build made of
    /// the same input under the same settings
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// One self-contained page
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Everything as one JSON object on stdout, in place of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// The same JSON object into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) json_file: Option<PathBuf>,
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
