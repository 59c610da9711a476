//! `wormsift match`: the packets that the signatures' rules would alert on.

use crate::args::MatchArgs;
use crate::args::limits::check_bytes;
use crate::input::inputs;
use crate::input::signals::Signals;
use crate::input::signature_files;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout::{print, print_json};
use crate::output::talk::Talk;
use wormsift_export::text::counted;
use wormsift_run::reader::{self, Reader, Wait};
use wormsift_run::{Search, Selection};

pub(super) fn run(args: &MatchArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    if !args.home_net.is_empty() {
        return Err(Failure::usage(
            "--home-net leaves no packets out; use --only-net for that",
        ));
    }
    let tail_memory = tail_memory(args)?;
    let (signatures, mut damaged) = signature_files::read(&args.signatures, talk)?;
    let config = args.vxlan.config()?;
    let mut search = Search::new(&signatures, args.most_bytes, tail_memory, &config)
        .map_err(Failure::usage)?;
    search.not_looked_for().iter().for_each(|line| talk.warning(line));
    let signals = Signals::new()?;
    let pool = args.run.pool()?;
    let captures = inputs::find(&args.captures, talk);
    damaged += captures.missing;
    talk.show_progress();
    let selection = Selection::new(args.selection.choice(), &config);
    let batches = args.run.batch.unwrap_or_default();
    let reader = Reader::start(captures.inputs, selection, batches)?;
    let stopped_by = loop {
        if let Some(signal) = signals.caught() {
            break Some(signal);
        }
        let read = match reader.next(reader::PATIENCE)? {
            Wait::Read(read) => read,
            Wait::NotYet => continue,
            Wait::Ended => break None,
        };
        if let Some(batch) = &read.batch {
            search.batch(batch, &pool, |hit| match args.hits {
                true => print_json("hit", hit),
                false => Ok(()),
            })?;
        }
        damaged += read.damage.len() as u64;
        read.damage.iter().for_each(|line| talk.error(line));
        read.disorder.iter().for_each(|line| talk.warning(line));
        talk.progress().at(read.progress.position, read.progress.total);
    };
    talk.end_progress();
    finish(search, args.json)?;
    Ok(match stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if damaged > 0 => Exit::Damaged,
        None => Exit::Done,
    })
}

fn tail_memory(args: &MatchArgs) -> Result<usize, Failure> {
    let bytes = args.tail_memory.0;
    check_bytes(bytes, || "--tail-memory: the ends of TCP segments".to_owned())?;
    usize::try_from(bytes).map_err(Failure::usage)
}

/// Writes the counts, the most frequent first.
fn finish(search: Search, json: bool) -> Result<(), Failure> {
    let (matches, stats) = search.finish();
    if json {
        matches.iter().try_for_each(|matches| print_json("matches", matches))?;
        return print_json("match_stats", &stats);
    }
    let mut text = String::new();
    for it in &matches {
        text.push_str(&format!(
            "{:>10}  {:<32}  {:<10} {:>5} bytes  {}\n",
            it.packets,
            it.id,
            it.service,
            it.length,
            it.first_seen.as_ref().map_or("-", |time| &time.0)
        ));
    }
    text.push_str(&format!(
        "{} of {} matched by {}\n",
        stats.matched,
        counted(stats.packets, "packet"),
        counted(matches.len() as u64, "signature")
    ));
    print(&text)
}
