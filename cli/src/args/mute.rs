//! `wormsift mute`, and the flag of the commands that read its file.

use crate::args::instant::Instant;
use clap::{ArgGroup, Args, ValueHint};
use std::path::PathBuf;
use wormsift::config::Span;

const EXAMPLES: &str = "\
Examples:
  wormsift mute 02ab --signatures found.jsonl --reason 'the mail relay' --never
      the incident or signature of found.jsonl whose id begins with 02ab
  wormsift mute --content 474554202f6f75722d7363616e6e65722f37663361 --reason 'our scanner' --for 30d
      every signature that contains these bytes, whatever the key and the settings
  wormsift detect --mute wormsift.mute day.pcap
      the findings are marked, listed apart, and have no rules
  wormsift mute --list
  wormsift mute --remove 02ab

The file is text, an entry a line, for an editor too. An entry mutes what was last seen before
its end. An incident that becomes an outbreak is told all the same, unless it was one when it
was muted.";

/// `wormsift mute`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("end").args(["until", "span", "never"]))]
#[command(group = ArgGroup::new("what").args(["id", "content", "list"]).required(true))]
pub(crate) struct MuteArgs {
    /// The id of a signature or an incident. With --signatures, and to remove an entry, the
    /// first four digits or more will do
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// In place of an id: all signatures whose content contains these bytes, hexadecimal, at
    /// least 16. It survives another key
    #[arg(long, value_name = "HEX")]
    pub(crate) content: Option<String>,
    /// Why, one line
    #[arg(long, value_name = "TEXT", requires = "end",
          required_unless_present_any = ["list", "remove"])]
    pub(crate) reason: Option<String>,
    /// The end: what is seen from TIME on is told again
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Instant>,
    /// The end as a time from now on, such as 12h or 30d; --until for captures of the past
    #[arg(long = "for", id = "span", value_name = "TIME")]
    pub(crate) span: Option<Span>,
    /// No end
    #[arg(long)]
    pub(crate) never: bool,
    /// The file of mutes; made where there is none
    #[arg(long, value_name = "FILE", default_value = "wormsift.mute",
          value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// JSON lines from `detect --json` or `live`, in which the id is looked up; repeatable,
    /// `-` for standard input. An incident is muted with its kind and its signatures
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) signatures: Vec<PathBuf>,
    /// Take the place of an entry of the same id or bytes. Default: that is refused
    #[arg(long, conflicts_with_all = ["list", "remove"])]
    pub(crate) replace: bool,
    /// Print the entries, each with its line
    #[arg(long, conflicts_with_all = ["reason", "end", "signatures"])]
    pub(crate) list: bool,
    /// Remove the entry of this id, or of these bytes
    #[arg(long, conflicts_with_all = ["list", "reason", "end", "signatures"])]
    pub(crate) remove: bool,
}

/// The file of mutes of a command that reads it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MutedArgs {
    /// A file of `wormsift mute`: what it names is marked as muted, listed apart, and left out
    /// of rules
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) mute: Option<PathBuf>,
}
