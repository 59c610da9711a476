//! How an isolation list is made.

use super::instant::Instant;
use clap::{Args, ValueHint};
use std::path::PathBuf;
use std::str::FromStr;
use wormsift::packet::{Site, Timestamp};
use wormsift::time::Span;
use wormsift_export::isolate::IsolateOptions;

/// Options of the formats that list hosts.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Lists of hosts (isolate, nftables, ipset, iprep, isolate-stix)"
)]
pub(crate) struct IsolateArgs {
    /// From the last sighting of a content to the expiry of the hosts that sent it
    #[arg(long, value_name = "TIME", default_value_t = IsolateOptions::default().lasts)]
    pub(crate) isolate_for: Span,
    /// A file of addresses and networks that are never listed, one a line: gateways,
    /// resolvers, mail servers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) protect: Option<PathBuf>,
    /// The list applied before, as `--format isolate` wrote it: what it has stays until it
    /// expires, and each host says how it differs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) applied: Option<PathBuf>,
    /// Most hosts that are new against --applied; confirmed ones come first
    #[arg(long, value_name = "N", default_value_t = IsolateOptions::default().most_new)]
    pub(crate) most_new: usize,
    /// The site at which a list is applied: of private addresses, which belong to a site, its own
    /// are listed. Default: none of any site
    #[arg(long, value_name = "NAME")]
    pub(crate) at_site: Option<Site>,
    /// The time at which a list is applied, or `now`: hosts that have expired by then are left
    /// out, and timeouts count from it. Default: the latest sighting of any content
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<AsOf>,
}

impl Default for IsolateArgs {
    fn default() -> Self {
        let IsolateOptions { lasts, most_new, .. } = IsolateOptions::default();
        Self {
            isolate_for: lasts,
            protect: None,
            applied: None,
            most_new,
            as_of: None,
            at_site: None,
        }
    }
}

/// A time, or that of the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    Now,
    At(Timestamp),
}

impl FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "now" => Ok(Self::Now),
            _ => text.parse().map(|Instant(time)| Self::At(time)),
        }
    }
}
