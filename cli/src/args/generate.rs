//! `wormsift generate`: which story, where to, and over what.

use crate::args::instant::Instant;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use std::path::PathBuf;
use wormsift::config::Span;
use wormsift::packet::Network;
use wormsift_corpora::{Carriage, CorpusError, Scenario};

const EXAMPLES: &str = "\
Examples:
  wormsift generate outbreak --seed 7 -o outbreak.pcapng.zst
      and outbreak.truth.json beside it
  wormsift generate outbreak --carriage tcp:536,reorder --until-infected 60 -o tcp.pcap
  wormsift generate outbreak --no-worm --packets 1000000 -o quiet.pcapng
  wormsift generate outbreak --into captures/ --inside 10.1.0.0/16 -o infected.pcapng
      a worm among the hosts of real captures; their packets come through as they are
  wormsift generate outbreak --payload body.bin --carriage tcp:1460 -o mine.pcapng
  wormsift generate --merge captures/ --span 30m -o mix.pcapng
      many captures as one network's half hour";

/// `wormsift generate`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GenerateArgs {
    /// The scenario
    #[arg(
        required_unless_present = "merge",
        value_parser = PossibleValuesParser::new(Scenario::names())
    )]
    pub(crate) scenario: Option<String>,
    /// Seed of everything random: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the capture goes: pcap if its name ends in .pcap, else pcapng; compressed if
    /// .zst follows
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// What was written as a JSON line on stdout: packets and SHA-256
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) story: StoryArgs,
    #[command(flatten)]
    pub(crate) into: IntoArgs,
    #[command(flatten)]
    pub(crate) merge: MergeArgs,
}

/// How the story goes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Scenario")]
pub(crate) struct StoryArgs {
    /// The ground truth: what was planted, and which hosts were infected. Default: beside the
    /// capture, as NAME.truth.json
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with = "merge"
    )]
    pub(crate) truth: Option<PathBuf>,
    /// Time of its start: RFC 3339, or seconds since 1970. Default: 2024-03-01T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "into")]
    pub(crate) start: Option<Instant>,
    /// How long it goes on, such as 10m. Default: the scenario's own; with --into, to the
    /// end of the captures
    #[arg(long, value_name = "TIME", conflicts_with = "merge")]
    pub(crate) duration: Option<Span>,
    /// Stop after N packets. Default: the scenario's own
    #[arg(long, value_name = "N", conflicts_with = "merge")]
    pub(crate) packets: Option<u64>,
    /// Stop soon after so many hosts are infected. Default: the scenario's own
    #[arg(long, value_name = "HOSTS", conflicts_with = "merge")]
    pub(crate) until_infected: Option<u32>,
    /// Hosts with ordinary traffic. Default: the scenario's own
    #[arg(long, value_name = "HOSTS", conflicts_with_all = ["merge", "into"])]
    pub(crate) background_hosts: Option<u32>,
    /// Conversations a second that each of them starts. Default: the scenario's own
    #[arg(long, value_name = "RATE", conflicts_with_all = ["merge", "into"])]
    pub(crate) background_rate: Option<f64>,
    /// Hosts that can be infected. Default: the scenario's own
    #[arg(long, value_name = "HOSTS", conflicts_with = "merge")]
    pub(crate) vulnerable_hosts: Option<u32>,
    /// Scans a second of an infected host. Default: the scenario's own
    #[arg(long, value_name = "RATE", conflicts_with = "merge")]
    pub(crate) scan_rate: Option<f64>,
    /// How the planted content is carried, by commas: udp, tcp:BYTES, reorder, duplicates,
    /// retransmissions, far-ahead-fake, fragment:BYTES, ipv6, vlan:ID, gre, vxlan:ID
    #[arg(
        long,
        value_name = "LIST",
        default_value = "udp",
        value_parser = carriage,
        conflicts_with = "merge"
    )]
    pub(crate) carriage: Carriage,
    /// What is planted: the bytes of this file, the same in every copy. Default: random
    /// bytes from the seed
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with = "merge"
    )]
    pub(crate) payload: Option<PathBuf>,
    /// Nothing planted: ordinary traffic alone
    #[arg(long, conflicts_with_all = ["merge", "into", "payload"])]
    pub(crate) no_worm: bool,
    /// The tap sees all that the scenario's hosts send, not only what goes between inside and
    /// outside
    #[arg(long, conflicts_with = "merge")]
    pub(crate) sees_all: bool,
    /// Leave the list of packets that carry the content out of the truth: for large captures
    #[arg(long, conflicts_with = "merge")]
    pub(crate) no_carriers: bool,
}

/// The captures that a story is laid into.
#[derive(Args, Debug)]
#[command(next_help_heading = "Into captures")]
pub(crate) struct IntoArgs {
    /// Put the packets of the scenario into these captures, all of them one trace, between
    /// hosts that occur in them
    #[arg(
        long,
        value_name = "CAPTURE",
        num_args = 1..,
        value_hint = ValueHint::AnyPath,
        conflicts_with = "merge"
    )]
    pub(crate) into: Vec<String>,
    /// The network behind the tap. Default: the /24 (IPv6: /48) with the most packets
    #[arg(long, value_name = "ADDR/BITS", requires = "into", conflicts_with = "merge")]
    pub(crate) inside: Option<Network>,
    /// Time from the first packet of the captures to the first of the scenario. Default: 0s
    #[arg(long, value_name = "TIME", requires = "into", conflicts_with = "merge")]
    pub(crate) start_after: Option<Span>,
}

/// Captures that become one.
#[derive(Args, Debug)]
#[command(next_help_heading = "Merging captures")]
pub(crate) struct MergeArgs {
    /// Merge these captures instead of a scenario: of n files in the order of their names,
    /// file i starts i/n of --span after --start; times within a file keep their distances
    #[arg(
        long,
        value_name = "CAPTURE",
        num_args = 1..,
        value_hint = ValueHint::AnyPath,
        conflicts_with = "scenario"
    )]
    pub(crate) merge: Vec<String>,
    /// Time over which the files start; what is later in a file comes at its end.
    /// Default: 30m
    // What is required is not asked for beside what it conflicts with.
    #[arg(long, value_name = "TIME", requires = "merge", conflicts_with = "scenario")]
    pub(crate) span: Option<Span>,
    /// The merged captures N times in a row, with addresses and payloads altered from
    /// time to time so that nothing repeats; their checksums are then wrong. Default: 1
    #[arg(
        long,
        value_name = "N",
        requires = "merge",
        conflicts_with = "scenario",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(crate) repeat: Option<u16>,
}

fn carriage(text: &str) -> Result<Carriage, String> {
    text.parse().map_err(|error: CorpusError| error.to_string())
}
