//! The command line: each flag with its help, unit and default.
//!
//! Only its shape is checked here; ranges are the engine's business
//! ([`Config::validate`](wormsift::config::Config::validate)).

mod bench;
mod durations;
mod evaluate;
mod explain;
mod export;
#[cfg(feature = "fleet")]
mod fleet;
mod generate;
mod glossary;
pub(crate) mod id_prefix;
pub(crate) mod instant;
mod isolate;
pub(crate) mod key;
mod learn;
pub(crate) mod limits;
#[cfg(target_os = "linux")]
mod live;
mod matching;
mod mute;
mod renamed;
mod setting_flags;
pub(crate) mod settings;
mod taps;
#[cfg(feature = "fleet")]
mod workers;

pub(crate) use bench::BenchArgs;
pub(crate) use durations::DurationArgs;
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use explain::ExplainArgs;
#[cfg(test)]
pub(crate) use export::Grade;
pub(crate) use export::{ExportArgs, Format, RuleArgs};
#[cfg(feature = "fleet")]
pub(crate) use fleet::{FleetTapArgs, MergeArgs, PiecesArg};
pub(crate) use generate::GenerateArgs;
pub(crate) use isolate::{AsOf, IsolateArgs};
pub(crate) use learn::LearnArgs;
#[cfg(all(target_os = "linux", feature = "pcap"))]
pub(crate) use live::PcapArgs;
#[cfg(target_os = "linux")]
pub(crate) use live::{LiveArgs, RingArgs};
pub(crate) use matching::MatchArgs;
pub(crate) use mute::{MuteArgs, MutedArgs};
pub(crate) use renamed::renamed;
pub(crate) use setting_flags::{SettingArgs, VxlanArgs};
#[cfg(target_os = "linux")]
pub(crate) use taps::InterfaceArgs;
pub(crate) use taps::TapArgs;
#[cfg(feature = "fleet")]
pub(crate) use workers::WorkerArgs;

use crate::args::instant::Instant;
use crate::output::exit_code::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;
use std::sync::LazyLock;
use wormsift::config::Size;
use wormsift::fingerprint::Kernel;
use wormsift::packet::Network;
use wormsift_capture::Limits;
use wormsift_run::{Choice, Filter};

/// The version, and the kernel that this machine runs.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (kernel {})", env!("CARGO_PKG_VERSION"), Kernel::best().name())
});

const EXAMPLES: &str = "\
Examples:
  wormsift detect capture.pcap
  wormsift detect --json captures/ 'more/*.pcapng.zst' > findings.jsonl
  tcpdump -U -w - | wormsift detect -
  wormsift config --memory 1GiB > wormsift.toml
  wormsift generate outbreak --seed 7 -o outbreak.pcapng.zst

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 some input was damaged (what was
readable was used); 4 with --fail-on-signature and one found that is not muted; 130 and
143 after SIGINT and SIGTERM.";

const DETECT_EXAMPLES: &str = "\
Examples:
  wormsift detect capture.pcap
      one ranked table, then the best findings in full
  wormsift detect --json captures/ > findings.jsonl
      a folder as one trace, each finding a line, as soon as it is made
  wormsift detect --sampling winnow:128 --port-rule none --sources 3 --destinations 3 day.pcap
      for a small network: no content of 167 bytes or longer is missed
  wormsift detect --filter 'tcp and not port 22' --exclude-net 10.0.9.0/24 day.pcap
      only a part of the traffic
  zcat day.pcap.gz | wormsift detect -
      standard input (compressed files need no zcat)";

/// Finds self-spreading content in network traffic and writes its signature.
#[derive(Debug, Parser)]
#[command(
    name = "wormsift",
    bin_name = "wormsift",
    version = VERSION.as_str(),
    after_help = EXAMPLES,
    after_long_help = glossary::EXAMPLES_AND_WORDS.as_str(),
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How much is said on stderr, and how.
#[derive(Args, Debug)]
pub(crate) struct TalkArgs {
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more on stderr: what is read, and with which settings
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Colours in the table and on stderr
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also to a file or pipe
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read captures and print the signatures of what spreads in them
    Detect(Box<DetectArgs>),
    /// Listen on an interface and print the signatures of what spreads on it
    #[cfg(target_os = "linux")]
    Live(Box<LiveArgs>),
    /// Read what one tap of a fleet saw, and send what a merger needs of it
    #[cfg(feature = "fleet")]
    Tap(Box<FleetTapArgs>),
    /// Merge what the taps of a fleet send, and print the signatures of what spreads there
    #[cfg(feature = "fleet")]
    Merge(Box<MergeArgs>),
    /// Print the effective settings as TOML, with the origin of each value
    Config(Box<ConfigArgs>),
    /// Learn what is good from captures without worms, for detect --baseline
    Learn(Box<LearnArgs>),
    /// Show all that is known of one signature: why, how it grew, who had it from whom
    Explain(Box<ExplainArgs>),
    /// Look for signatures in captures, and count the packets that they match
    Match(Box<MatchArgs>),
    /// Write signatures as rules, alerts or sets that other programs take
    Export(Box<ExportArgs>),
    /// Mute findings that are known, with a reason and an end; list and remove such entries
    Mute(Box<MuteArgs>),
    /// Measure detection: over scenarios, labelled captures and sweeps of a setting
    Evaluate(Box<EvaluateArgs>),
    /// Write a capture with known ground truth, put a worm into captures, or merge captures
    Generate(Box<GenerateArgs>),
    /// Measure what each stage costs, on this traffic and this machine
    Bench(Box<BenchArgs>),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all subcommands
    Man(ManArgs),
}

/// `wormsift detect`
#[derive(Args, Debug)]
#[command(after_help = DETECT_EXAMPLES)]
pub(crate) struct DetectArgs {
    /// Files, folders, glob patterns, or `-` for standard input: pcap or pcapng, plain,
    /// gzip or zstd. All of them are one trace, merged by time; packets of equal time go by
    /// file, in the order given (what a folder or a pattern stands for in natural order,
    /// x.pcap2 before x.pcap10), then by their place in the file
    #[arg(value_name = "CAPTURE", required_unless_present = "tap", value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<String>,
    #[command(flatten)]
    pub(crate) taps: TapArgs,
    /// A file that `wormsift learn` wrote: content in it is known to be good and raises no alarm
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) muted: MutedArgs,
    #[command(flatten)]
    pub(crate) durations: DurationArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[cfg(feature = "fleet")]
    #[command(flatten)]
    pub(crate) workers: WorkerArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// Which packets are sifted.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Packets")]
pub(crate) struct SelectionArgs {
    /// Only packets for which EXPR holds: host ADDR, net ADDR/BITS, port N or N-M, proto
    /// NAME, tcp, udp, icmp, vlan or vlan ID, with src or dst before host, net and port;
    /// and, or, not, parentheses. Default: all
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<Filter>,
    /// Only packets from or to this network; repeatable, any of them will do
    #[arg(long, value_name = "ADDR/BITS")]
    pub(crate) only_net: Vec<Network>,
    /// No packets from or to this network; repeatable
    #[arg(long, value_name = "ADDR/BITS")]
    pub(crate) exclude_net: Vec<Network>,
    /// Only packets from TIME on: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Instant>,
    /// Only packets before TIME
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Instant>,
    /// Stop after N packets, counted after the other choices
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

#[cfg(feature = "fleet")]
impl SelectionArgs {
    /// Whether anything is left out.
    pub(crate) fn is_any(&self) -> bool {
        let Self { filter, only_net, exclude_net, since, until, count } = self;
        let nets = !only_net.is_empty() || !exclude_net.is_empty();
        filter.is_some() || nets || since.is_some() || until.is_some() || count.is_some()
    }
}

impl SelectionArgs {
    /// The frames that are wanted.
    pub(crate) fn choice(&self) -> Choice {
        Choice {
            since: self.since.map(|instant| instant.0),
            until: self.until.map(|instant| instant.0),
            only_net: self.only_net.clone(),
            exclude_net: self.exclude_net.clone(),
            filter: self.filter.clone(),
            count: self.count,
        }
    }
}

/// How the work is done; none of it changes an answer.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunArgs {
    /// Threads that sift. Default: one for each core
    #[arg(long, value_name = "N", value_parser = crate::args::limits::threads)]
    pub(crate) threads: Option<std::num::NonZero<usize>>,
    /// Packets, or with a unit bytes, that are read at once
    #[arg(long, value_name = "SIZE", hide = true, value_parser = batch)]
    pub(crate) batch: Option<Limits>,
}

impl RunArgs {
    /// The threads that sift.
    pub(crate) fn pool(&self) -> Result<rayon::ThreadPool, Failure> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, std::num::NonZero::get))
            .thread_name(|index| format!("sift-{index}"))
            .build()
            .map_err(|error| Failure::of("threads", error))
    }
}

/// What is printed.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// JSON lines on stdout, each as soon as it is known, in place of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// In the table, signatures one by one in place of incidents
    #[arg(long, conflicts_with = "json")]
    pub(crate) by_signature: bool,
    /// All counters at the end, on stderr (with --json always also a line on stdout)
    #[arg(long)]
    pub(crate) stats: bool,
    /// At the end, write the signatures to this file, as --format says
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// At the end, write a page for people to this file: one HTML file, no scripts
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,
    /// At the end, copy the packets that show the signatures to this capture (pcapng, or
    /// pcap by its name). The captures are read a second time
    #[arg(long, value_name = "FILE.pcapng", value_hint = ValueHint::FilePath)]
    pub(crate) write_evidence: Option<PathBuf>,
    /// At the end, list on stderr what was kept back as boilerplate
    #[arg(long)]
    pub(crate) show_suppressed: bool,
    /// Exit with 4 when there is a signature that is not muted
    #[arg(long)]
    pub(crate) fail_on_signature: bool,
}

impl OutputArgs {
    /// Whether the signatures are needed again at the end.
    pub(crate) fn keeps_signatures(&self) -> bool {
        self.rules.is_some() || self.report.is_some() || self.write_evidence.is_some()
    }
}

/// `wormsift config`
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// `wormsift completions`
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// `wormsift man`
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write wormsift.1 and a page for each subcommand into this folder. Default: the main
    /// page, to stdout
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
}

/// `1` is a packet, `1MiB` so many bytes.
fn batch(text: &str) -> Result<Limits, String> {
    match text.parse() {
        Ok(frames) => Ok(Limits { bytes: usize::MAX, frames }),
        Err(_) => {
            let size: Size = text.parse()?;
            let bytes = usize::try_from(size.0).unwrap_or(usize::MAX);
            Ok(Limits { bytes, frames: usize::MAX })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_help_text_and_no_two_the_same() {
        let mut command = Cli::command();
        command.build();
        for subcommand in command.get_subcommands() {
            let mut seen = std::collections::BTreeSet::new();
            for argument in subcommand.get_arguments() {
                let help = argument.get_help().map(ToString::to_string);
                let help =
                    help.unwrap_or_else(|| panic!("{} lacks a help", argument.get_id()));
                assert!(seen.insert(help), "{}", argument.get_id());
            }
        }
    }

    #[test]
    fn a_flag_takes_the_same_in_every_subcommand() {
        let mut command = Cli::command();
        command.build();
        let mut known = std::collections::BTreeMap::new();
        for subcommand in command.get_subcommands() {
            for argument in subcommand.get_arguments() {
                let Some(flag) =
                    argument.get_long().filter(|_| !argument.is_global_set())
                else {
                    continue;
                };
                let takes: Vec<String> = match argument.get_action().takes_values() {
                    true => argument.get_value_names().unwrap_or_default(),
                    false => &[],
                }
                .iter()
                .map(ToString::to_string)
                .collect();
                // The manual pages are a folder of files.
                let takes = takes.join(" ").replace("DIR", "FILE");
                // Of one kind of file, the name may say more.
                let takes = takes.split('.').next().unwrap_or_default().to_owned();
                let (first, expected) = known
                    .entry(flag.to_owned())
                    .or_insert_with(|| (subcommand.get_name().to_owned(), takes.clone()));
                let name = subcommand.get_name();
                assert_eq!(takes, *expected, "--{flag} of {name} and of {first}");
            }
        }
    }

    #[test]
    fn a_batch_is_packets_or_bytes() {
        assert_eq!(batch("7").map(|limits| limits.frames), Ok(7));
        assert_eq!(batch("16MiB").map(|limits| limits.bytes), Ok(16 << 20));
        assert!(batch("many").is_err());
    }
}
