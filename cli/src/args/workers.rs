//! Flags of captures that are sifted by several workers, or on several machines.

use crate::args::limits;
use crate::output::exit_code::Failure;
use clap::{Args, ValueHint};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;
use wormsift::config::Span;
use wormsift_cluster::dataflow::Processes;

/// See the [module](self).
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Running")]
pub(crate) struct WorkerArgs {
    /// Sift as a dataflow of N workers, each a thread: taps are dealt to them, and content
    /// shards divided. Findings are the same; memory is more
    #[arg(long, value_name = "N", value_parser = limits::threads, conflicts_with_all = ["threads", "batch"])]
    pub(crate) workers: Option<NonZero<usize>>,
    /// The processes of one dataflow, a line HOST:PORT each: all are started with the same
    /// words but for --process. Process N reads every tap whose place in the order given leaves
    /// N when divided by the number of lines; findings are with process 0. Nothing between them
    /// is encrypted: loopback, or a network of their own
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "process", conflicts_with_all = ["threads", "batch"])]
    pub(crate) hosts: Option<PathBuf>,
    /// Which line of --hosts this is, from 0 on
    #[arg(long, value_name = "N", requires = "hosts")]
    pub(crate) process: Option<u16>,
    /// How long the other processes have to come
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "hosts")]
    pub(crate) start_within: Span,
}

impl WorkerArgs {
    /// Whether they say anything.
    pub(crate) fn are_given(&self) -> bool {
        self.workers.is_some() || self.hosts.is_some()
    }

    /// Workers of each process.
    pub(crate) fn count(&self) -> u16 {
        self.workers.map_or(1, |it| u16::try_from(it.get()).unwrap_or(u16::MAX))
    }

    /// The processes, where there are several.
    pub(crate) fn processes(&self) -> Result<Option<Processes>, Failure> {
        let (Some(path), Some(own)) = (&self.hosts, self.process) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::of(path.display(), error))?;
        let lines = text.lines().map(str::trim);
        let addresses: Vec<String> = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let ports = |it: &&String| {
            it.rsplit_once(':').is_none_or(|it| it.1.parse::<u16>().is_err())
        };
        if let Some(line) = addresses.iter().find(ports) {
            return Err(wrong(format!("expected HOST:PORT, found {line}")));
        }
        if usize::from(own) >= addresses.len() {
            return Err(wrong(format!(
                "expected a line for --process {own}, found {}, counted from 0",
                addresses.len()
            )));
        }
        let patience = Duration::from_nanos(self.start_within.0);
        Ok(Some(Processes { addresses, own, patience }))
    }
}
