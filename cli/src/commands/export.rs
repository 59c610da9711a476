//! `wormsift export`: findings in the forms that others take.

use crate::args::ExportArgs;
use crate::input::{mute_file, signature_files};
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::OutputFiles;
use crate::output::rules;
use crate::output::stdout::print;
use crate::output::talk::Talk;

pub(super) fn run(args: &ExportArgs, talk: &Talk) -> Result<Exit, Failure> {
    let sids = args.rules.sids.as_deref();
    OutputFiles::default()
        .add("--output", args.output.as_deref())
        .add("--sids", sids)
        .check(args.signatures.iter().filter_map(|path| path.to_str()))?;
    let (mutes, unread) = mute_file::entries(args.muted.mute.as_deref(), talk)?;
    let mut found = signature_files::read_with_incidents(&args.signatures, talk)?;
    let damaged = found.damaged + unread;
    if let Some(mutes) = mutes {
        found.mute(mutes).iter().for_each(|line| talk.warning(line));
    }
    let marked = found.signatures.iter().map(|it| (it, found.muted.contains_key(&it.id)));
    let signatures = rules::not_muted(marked, &args.rules, talk);
    let (text, unused) = rules::write(signatures, &args.rules, talk)?;
    let damaged = damaged + unused;
    match &args.output {
        Some(path) => rules::replace(path, &text)?,
        None => print(&text)?,
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}
