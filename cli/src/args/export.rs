//! `wormsift export`, and what `detect` needs to write rules.

use super::{IsolateArgs, MutedArgs};
use crate::args::id_prefix;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use wormsift::signature::{Confidence, Kind, Signature};
use wormsift_export::{HOST_SET_KINDS, RULE_KINDS};

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
    /// Hosts to isolate as CSV: class, reason, signature, expiry
    #[value(alias = "csv")]
    Isolate,
    /// Hosts to isolate as nftables sets with timeouts
    Nftables,
    /// Hosts to isolate as ipset sets with timeouts
    Ipset,
    /// Hosts to isolate as a reputation list of Suricata
    Iprep,
    /// Hosts to isolate as a STIX 2.1 bundle, each with `valid_until`
    IsolateStix,
}

impl Format {
    /// Whether it lists hosts and holds no rules.
    pub(crate) fn is_host_set(self) -> bool {
        matches!(
            self,
            Self::Isolate
                | Self::Nftables
                | Self::Ipset
                | Self::Iprep
                | Self::IsolateStix
        )
    }
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
    /// The first sid that is given out. Two sensors need ranges that do not overlap. The
    /// --sids file remembers it. Default: 1500000
    #[arg(long, value_name = "SID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sid_base: Option<u32>,
    /// How many sids may be given out. One whose rule has left the file is used again
    /// after 90 days. The --sids file remembers it. Default: 100000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sid_count: Option<u32>,
    /// Only signatures of at least this confidence: low, medium or high. Default: low;
    /// medium for lists of hosts
    #[arg(long, value_name = "GRADE", value_enum)]
    pub(crate) min_confidence: Option<Grade>,
    /// Only signatures of incidents of these kinds. Default: outbreak, unclear and
    /// scan-campaign, so not what hosts pass on by trade; for lists of hosts outbreak
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    pub(crate) kind: Vec<KindArg>,
    /// Only the signatures of this incident: its id, or the first four digits or more
    #[arg(long, value_name = "ID", value_parser = id_prefix::parse)]
    pub(crate) incident: Option<String>,
    /// Also signatures that are muted. Default: they are left out, and counted
    #[arg(long)]
    pub(crate) with_muted: bool,
    /// Most signatures that are written; those of the lowest grade and spread are left
    /// out first. Default: all; with `live` 4096
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) most_rules: Option<u32>,
    /// Longest content of a rule, in bytes, 16 to 2048
    #[arg(long, value_name = "BYTES", default_value_t = 256,
          value_parser = clap::value_parser!(u16).range(16..=2_048))]
    pub(crate) most_bytes: u16,
    #[command(flatten)]
    pub(crate) isolate: IsolateArgs,
}

impl RuleArgs {
    /// Whether a signature is asked for, by its incident.
    pub(crate) fn takes(&self, signature: &Signature) -> bool {
        if let Some(id) = &self.incident {
            return signature.incident.as_deref().is_some_and(|it| it.starts_with(id));
        }
        if !self.kind.is_empty() {
            return self.kind.iter().any(|kind| kind.takes(signature.kind));
        }
        let by_default: &[Kind] = match self.format.is_host_set() {
            true => &HOST_SET_KINDS,
            false => &RULE_KINDS,
        };
        by_default.contains(&signature.kind)
    }

    /// The least grade that is written.
    pub(crate) fn least(&self) -> Confidence {
        match self.min_confidence {
            Some(Grade::Low) => Confidence::Low,
            Some(Grade::Medium) => Confidence::Medium,
            Some(Grade::High) => Confidence::High,
            None if self.format.is_host_set() => Confidence::Medium,
            None => Confidence::Low,
        }
    }
}

/// A kind of incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// Recipients become senders, and attack hosts new to them
    Outbreak,
    /// Servers pass on what they receive
    ForwardingService,
    /// Hosts of one protocol pass content on among each other
    PeerProtocol,
    /// Sent to many, and passed on by none
    ScanCampaign,
    /// Received by many from few, and passed on by none
    MassDelivery,
    /// None of these
    Unclear,
    /// All of these
    All,
}

impl KindArg {
    fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Outbreak => kind == Kind::Outbreak,
            Self::ForwardingService => kind == Kind::ForwardingService,
            Self::PeerProtocol => kind == Kind::PeerProtocol,
            Self::ScanCampaign => kind == Kind::ScanCampaign,
            Self::MassDelivery => kind == Kind::MassDelivery,
            Self::Unclear => kind == Kind::Unclear,
            Self::All => true,
        }
    }
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
    pub(crate) muted: MutedArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Where to write; standard output without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
