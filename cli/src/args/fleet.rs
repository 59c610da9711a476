//! `wormsift tap` and `wormsift merge`

#[cfg(all(target_os = "linux", feature = "pcap"))]
use super::PcapArgs;
#[cfg(target_os = "linux")]
use super::RingArgs;
use super::{DurationArgs, RuleArgs, SelectionArgs, SettingArgs};
use crate::output::exit_code::Failure;
use clap::{Args, ValueEnum, ValueHint};
use std::net::SocketAddr;
use std::path::PathBuf;
use wormsift::config::{Config, Size, Span, Tap};
use wormsift::fleet::{Gate, Merger};
use wormsift_cluster::jetstream::Server;
use wormsift_cluster::{Fleet, TapName};

const TAP_EXAMPLES: &str = "\
Examples:
  wormsift tap berlin --nats nats://127.0.0.1:4222 --fleet demo --taps berlin,paris \\
      --spool berlin.spool berlin.pcap
  wormsift merge --nats nats://127.0.0.1:4222 --fleet demo --taps berlin,paris \\
      --state merger.state --lateness 1d > findings.jsonl
      two taps' captures, one answer; start them in any order
  wormsift tap berlin -i eth1 --user wormsift --nats tls://broker:4222 --fleet prod \\
      --taps berlin,paris --spool /var/lib/wormsift/spool
      an interface (Linux)

A tap that was killed is started again with the same words: it reads its captures once more,
and sends what it had not sent. It ends when the merger does. On an interface it goes on with
what comes, and says since when it was not running; SIGINT and SIGTERM end it, and it may be
started again. Exit codes as in `detect`, but on an interface 0 after SIGTERM.";

const MERGE_EXAMPLES: &str = "\
Examples:
  wormsift merge --nats tls://broker:4222 --authority ca.pem --certificate merger.pem \\
      --certificate-key merger.key --fleet prod --taps core@berlin,core2@paris --state state
  wormsift export --format suricata state/findings.jsonl > wormsift.rules

Lines are those of `detect --json`; the counters of a run are in none but that of --stats. A
merger that was killed is started again with the same words: it goes on from its checkpoint,
and stdout has all lines from the first on, each once. It ends when all taps have ended, or
after SIGINT or SIGTERM, and prints what is known by then. Exit codes as in `detect`.";

/// The fleet, and the broker that carries it; the same words at every end.
#[derive(Args, Debug)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct FleetArgs {
    /// The NATS server, with JetStream: tls://HOST:PORT, or nats://HOST:PORT on this machine;
    /// several with commas between them
    #[arg(long, value_name = "URL")]
    pub(crate) nats: String,
    /// The fleet's name. A fleet that begins anew needs a new one
    #[arg(long, value_name = "NAME")]
    fleet: String,
    /// Certificates of the authority that signed the server's (PEM). Default: the system's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    authority: Option<PathBuf>,
    /// The certificate to show to the server (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate_key",
          value_hint = ValueHint::FilePath)]
    certificate: Option<PathBuf>,
    /// The key of --certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate",
          value_hint = ValueHint::FilePath)]
    certificate_key: Option<PathBuf>,
    /// A file of credentials, as `nsc generate creds` writes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    credentials: Option<PathBuf>,
    /// Allow nats:// to another machine, which anyone on the way can read and change
    #[arg(long)]
    plain_text: bool,
}

impl FleetArgs {
    /// The fleet's name.
    pub(crate) fn name(&self) -> Result<Fleet, Failure> {
        Fleet::new(&self.fleet).map_err(|why| Failure::usage(format!("--fleet: {why}")))
    }

    /// How the broker is reached.
    pub(crate) fn server(&self) -> Server {
        let identity = self.certificate.clone().zip(self.certificate_key.clone());
        Server {
            urls: self.nats.clone(),
            authority: self.authority.clone(),
            identity,
            credentials: self.credentials.clone(),
            plain_text: self.plain_text,
        }
    }

    /// The taps' names, by number. One without a site is as none: then findings are those of
    /// one process.
    pub(crate) fn names(&self, config: &mut Config) -> Result<Vec<TapName>, Failure> {
        if config.taps.is_empty() {
            let reason =
                "--taps: expected all taps of the fleet, NAME[@SITE],..., found none";
            return Err(Failure::usage(reason));
        }
        let name = |tap: &Tap| TapName::new(tap.name());
        let names: Result<_, _> = config.taps.iter().map(name).collect();
        let names = names.map_err(|why| Failure::usage(format!("--taps: {why}")))?;
        if let [tap] = &config.taps[..]
            && tap.site().is_none()
        {
            config.taps = Vec::new();
        }
        Ok(names)
    }
}

/// `wormsift tap`
#[derive(Args, Debug)]
#[command(after_help = TAP_EXAMPLES)]
pub(crate) struct FleetTapArgs {
    /// Which of --taps this is
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What the tap saw, as `detect` takes it
    #[cfg_attr(target_os = "linux", arg(required_unless_present = "interface"))]
    #[cfg_attr(not(target_os = "linux"), arg(required = true))]
    #[arg(value_name = "CAPTURE", value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<String>,
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    pub(crate) interface: FleetInterfaceArgs,
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    /// A folder of this tap's own: what it sends is kept there until the merger's checkpoint
    /// covers it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) spool: PathBuf,
    /// The most bytes of parcels that are kept; beyond, the oldest are lost, and counted. At
    /// least 16MiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub(crate) spool_size: Size,
    /// Which sightings of contents leave this site
    #[arg(long, value_name = "GATE", default_value = "all")]
    pub(crate) gate: GateArg,
    /// Whether payload leaves this site: samples of contents that alarm, and the beginnings of
    /// payloads to and from decoys
    #[arg(long, value_name = "WHEN", default_value = "asked")]
    pub(crate) pieces: PiecesArg,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) status: FleetStatusArgs,
}

/// An interface in place of captures.
#[cfg(target_os = "linux")]
#[derive(Args, Debug)]
#[command(next_help_heading = "Capture")]
pub(crate) struct FleetInterfaceArgs {
    /// Listen on this interface, as `live` does. What passes while the tap is not running is
    /// named as not seen
    #[arg(short, long, value_name = "IFACE", conflicts_with = "captures")]
    pub(crate) interface: Option<String>,
    #[command(flatten)]
    pub(crate) rings: RingArgs,
    #[cfg(feature = "pcap")]
    #[command(flatten)]
    pub(crate) pcap: PcapArgs,
    /// Become this user once the interface is open. Default: stay the same, without
    /// capabilities
    #[arg(long, value_name = "NAME", requires = "interface")]
    pub(crate) user: Option<String>,
    /// Stop listening after this time, for good. Default: until a signal
    #[arg(long, value_name = "TIME", requires = "interface")]
    pub(crate) duration: Option<Span>,
}

/// The status page.
#[derive(Args, Debug)]
#[command(next_help_heading = "Status")]
pub(crate) struct FleetStatusArgs {
    /// Address of a status page (/), Prometheus metrics (/metrics) and /health. Default: none
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) status: Option<SocketAddr>,
}

/// What a tap passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateArg {
    /// All: findings are those of one process
    All,
    /// Those of contents that are prevalent at this tap, or followed by the merger already
    Promoted,
}

/// When payload leaves a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PiecesArg {
    /// When the merger asks for it
    Asked,
    /// Never: findings have bytes of other taps alone, and say so; a content that no other tap
    /// shows is no signature
    Never,
}

impl From<GateArg> for Gate {
    fn from(gate: GateArg) -> Self {
        match gate {
            GateArg::All => Self::All,
            GateArg::Promoted => Self::Promoted,
        }
    }
}

/// `wormsift merge`
#[derive(Args, Debug)]
#[command(after_help = MERGE_EXAMPLES)]
pub(crate) struct MergeArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    /// A folder of this merger's own: its checkpoint, and findings.jsonl, which has every line
    /// once
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// How far, in packet time, the furthest tap may be ahead of one that is waited for. For
    /// captures, as long as they are
    #[arg(long, value_name = "TIME", default_value_t = Merger::LATENESS)]
    pub(crate) lateness: Span,
    /// The least time between two checkpoints; taps keep what no checkpoint covers
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) checkpoint_every: Span,
    #[command(flatten)]
    pub(crate) durations: DurationArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) output: MergeOutputArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) status: FleetStatusArgs,
}

/// Where a merger's findings go.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct MergeOutputArgs {
    /// JSON lines on stdout, each as soon as it is known. Default: on a terminal a ranked table
    /// at the end, elsewhere lines
    #[arg(long)]
    json: bool,
    /// A table, on whatever stdout is, with signatures one by one in place of incidents
    #[arg(long, conflicts_with = "json")]
    pub(crate) by_signature: bool,
    /// All counters at the end, on stderr; where lines are printed, also a line on stdout
    #[arg(long)]
    pub(crate) stats: bool,
    /// Write the signatures to this file, as --format says, whenever there are new ones;
    /// FILE.jsonl beside it remembers them over a restart
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) rules: Option<PathBuf>,
}

impl MergeOutputArgs {
    /// Whether stdout, which may be a screen, takes lines.
    pub(crate) fn prints_lines(&self, is_screen: bool) -> bool {
        self.json || !(is_screen || self.by_signature)
    }
}
