//! `wormsift export`, and what `detect` needs to write rules.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// In which form others take findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Suricata rules
    Suricata,
    /// Snort 3 rules
    Snort3,
    /// A Zeek signature file
    Zeek,
    /// The Zeek script that loads the signature file and raises notices
    ZeekScript,
    /// YARA rules
    Yara,
    /// EVE alerts, one a line
    Eve,
    /// A STIX 2.1 bundle
    Stix,
    /// A MISP event
    Misp,
    /// Infected sources as nftables sets
    Nftables,
    /// Infected sources as ipset sets
    Ipset,
}

/// What goes into a rule, and which signatures get one.
#[derive(Args, Debug)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArgs {
    /// The format
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "suricata")]
    pub(crate) format: Format,
    /// A file that remembers the sid of each signature; made where there is none. Without
    /// it, numbers start again in every run
    #[arg(long, value_name = "FILE")]
    pub(crate) sids: Option<PathBuf>,
    /// Only signatures of at least this confidence: low, medium or high
    #[arg(long, value_name = "GRADE", value_enum, default_value = "low")]
    pub(crate) min_confidence: Grade,
    /// Longest content of a rule, in bytes, 16 to 2048
    #[arg(long, value_name = "BYTES", default_value_t = 256,
          value_parser = clap::value_parser!(u16).range(16..=2_048))]
    pub(crate) most_bytes: u16,
}

/// A confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grade {
    /// All
    Low,
    /// Those with nothing against them
    Medium,
    /// Those seen to be passed on by several hosts, or by both alarms
    High,
}

/// `wormsift export`
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Files of JSON lines from `detect --json`; `-` for standard input
    #[arg(value_name = "SIGNATURES", required = true)]
    pub(crate) signatures: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Where to write; standard output without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
