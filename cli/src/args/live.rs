//! `wormsift live`

use super::{DurationArgs, InterfaceArgs, MutedArgs, RuleArgs, SettingArgs};
use clap::{Args, ValueHint};
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use wormsift::config::{Size, Span};
use wormsift::packet::Network;
use wormsift_run::Filter;

const EXAMPLES: &str = "\
Examples:
  wormsift live -i eth1
      JSON lines on stdout, a status page on http://127.0.0.1:9768/
  wormsift live -i eth1 -i eth2
      two interfaces as one trace; a packet that both saw counts once
  wormsift live -i eth1 --threads 4 --user wormsift -o /var/lib/wormsift/findings.jsonl
      four threads, as another user, into a file
  tcpdump -ddd 'not port 22' > no-ssh.ddd; wormsift live -i eth1 --bpf-ddd no-ssh.ddd
      the kernel filters frames before they are copied
  wormsift live -i eth1 --rules wormsift.rules --suricata-socket /run/suricata/command.socket
      rules for a Suricata beside it

SIGHUP opens output files again, reads the settings file, the BPF program and the file of
mutes again (program and mutes take effect at once, settings at the next start) and writes
the rules. SIGINT and
SIGTERM sift what has come in, write what is pending and end. Exit codes as in `detect`,
but 0 after SIGTERM, which is how a service is asked to end.";

/// `wormsift live`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LiveArgs {
    #[command(flatten)]
    pub(crate) interfaces: InterfaceArgs,
    /// What `wormsift learn` wrote, under the key that --key-file gives: content that is
    /// known to be good raises no alarm
    #[arg(long, value_name = "FILE", requires = "key", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) muted: MutedArgs,
    #[command(flatten)]
    pub(crate) durations: DurationArgs,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
    #[cfg(feature = "pcap")]
    #[command(flatten)]
    pub(crate) pcap: PcapArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) output: LiveOutputArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) status: StatusArgs,
    #[command(flatten)]
    pub(crate) running: RunningArgs,
}

/// What is captured.
#[derive(Args, Debug)]
#[command(next_help_heading = "Capture")]
pub(crate) struct CaptureArgs {
    /// Threads that sift, each with a ring of its own; the kernel spreads flows over them
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = crate::args::limits::threads)]
    pub(crate) threads: NonZero<usize>,
    #[command(flatten)]
    pub(crate) rings: RingArgs,
    /// Only packets for which EXPR holds, as in `detect`; --bpf-ddd costs less
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<Filter>,
    /// Only packets from or to this network; repeatable, any of them will do
    #[arg(long, value_name = "ADDR/BITS")]
    pub(crate) only_net: Vec<Network>,
    /// No packets from or to this network; repeatable
    #[arg(long, value_name = "ADDR/BITS")]
    pub(crate) exclude_net: Vec<Network>,
}

/// How frames come from the kernel.
#[derive(Args, Debug)]
#[command(next_help_heading = "Capture")]
pub(crate) struct RingArgs {
    /// Memory of each ring, shared with the kernel, at least 2MiB
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = ring_size)]
    pub(crate) ring_size: Size,
    /// Bytes of a frame that are captured at most
    #[arg(long, value_name = "BYTES", default_value_t = 262_144,
          value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub(crate) snaplen: u32,
    /// Only frames to this host, as far as the interface decides. Default: all frames
    #[arg(long)]
    pub(crate) no_promiscuous: bool,
    /// Leave out frames that this host sends. Default: captured, but for loopback
    #[arg(long)]
    pub(crate) ignore_outgoing: bool,
    /// A BPF program for the kernel, as `tcpdump -ddd` prints it. Default: everything
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bpf_ddd: Option<PathBuf>,
}

/// What libpcap does, where it was built in.
#[cfg(feature = "pcap")]
#[derive(Args, Debug)]
#[command(next_help_heading = "Capture")]
pub(crate) struct PcapArgs {
    /// Capture through libpcap, for cards that packet sockets do not reach: one handle,
    /// microseconds. Default: packet sockets
    #[arg(long, conflicts_with_all = ["bpf_ddd", "ignore_outgoing"])]
    pub(crate) libpcap: bool,
    /// Only frames for which the expression holds, as tcpdump takes it
    #[arg(long, value_name = "EXPR", conflicts_with = "bpf_ddd")]
    pub(crate) bpf: Option<String>,
}

/// Where findings go.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct LiveOutputArgs {
    /// Append lines to this file. Default: stdout
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// EVE events (alert, stats) in place of the engine's own JSON lines. At most 100
    /// signatures a second become alerts; others wait, and those of the lowest grade and
    /// spread are left out and counted when too many do
    #[arg(long)]
    pub(crate) eve: bool,
    /// Rename the file and begin a new one when it is this large. Default: never
    #[arg(long, value_name = "SIZE", requires = "output")]
    pub(crate) rotate_size: Option<Size>,
    /// Renamed files that are kept: FILE.1 is the newest
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) rotate_keep: u16,
    /// Time between two lines of statistics
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    pub(crate) interval: Span,
    /// Write the signatures to this file, as --format says, whenever there are new ones;
    /// FILE.jsonl beside it remembers them over a restart
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) rules: Option<PathBuf>,
    /// Ask Suricata to load its rules anew, over this unix socket, when they have changed
    #[arg(long, value_name = "PATH", requires = "rules", value_hint = ValueHint::FilePath)]
    pub(crate) suricata_socket: Option<PathBuf>,
}

/// The status page.
#[derive(Args, Debug)]
#[command(next_help_heading = "Status")]
pub(crate) struct StatusArgs {
    /// Address of the status page (/), Prometheus metrics (/metrics) and /health
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9768")]
    pub(crate) status: SocketAddr,
    /// No status page. Default: there is one
    #[arg(long, conflicts_with = "status")]
    pub(crate) no_status: bool,
}

/// How the process runs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunningArgs {
    /// Become this user once the interface is open. Default: stay the same, without
    /// capabilities
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Save all that is known to this file, once an --interval and at the end, and go on
    /// from it at the next start. It holds the key; its owner alone may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) state: Option<PathBuf>,
    /// Keep all rights, files and system calls. Default: only those that are needed
    #[arg(long, conflicts_with = "user")]
    pub(crate) no_sandbox: bool,
    /// Stop after this time. Default: run until a signal
    #[arg(long, value_name = "TIME")]
    pub(crate) duration: Option<Span>,
}

fn ring_size(text: &str) -> Result<Size, String> {
    let size: Size = text.parse()?;
    if (2 << 20..=64 << 30).contains(&size.0) {
        Ok(size)
    } else {
        Err(format!("expected 2MiB to 64GiB, found {text}"))
    }
}

fn interval(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    if span.0 >= 1_000_000_000 {
        Ok(span)
    } else {
        Err(format!("expected at least 1s, found {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_intervals_have_a_least() {
        assert!(ring_size("2MiB").is_ok());
        assert!(ring_size("1MiB").is_err());
        assert!(interval("1s").is_ok());
        assert!(interval("0s").is_err());
    }
}
