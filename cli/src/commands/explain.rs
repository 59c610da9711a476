//! `wormsift explain`: all that is known of one incident or signature, for a person.

use crate::args::{ExplainArgs, id_prefix};
use crate::input::inputs;
use crate::input::mute_file;
use crate::input::signals::Signals;
use crate::input::signature_files::{self, FromFiles};
use crate::output::exit_code::{Exit, Failure};
use crate::output::incident_table;
use crate::output::stdout::{print, print_json};
use crate::output::talk::Talk;
use std::collections::BTreeMap;
use wormsift::signature::{Incident, Signature};
use wormsift_run::Selection;
use wormsift_run::explain::{self, Follower, NotFollowed, Trail};
use wormsift_run::reader::{self, Reader, Wait};

pub(super) fn run(args: &ExplainArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let (mutes, unread) = mute_file::entries(args.muted.mute.as_deref(), talk)?;
    let mut found = signature_files::read_with_incidents(&args.signatures, talk)?;
    if let Some(mutes) = mutes {
        found.mute(mutes).iter().for_each(|line| talk.warning(line));
    }
    let FromFiles { signatures, incidents, muted, mut damaged } = found;
    damaged += unread;
    let incident = incident(&args.id, &incidents, &signatures);
    if let Some(incident) = incident.filter(|_| !args.json) {
        let muted = muted.get(&incident.id);
        print(&incident_table::text(incident, muted, talk.stdout_palette()))?;
    }
    let strongest = incident.and_then(|it| it.signatures.first());
    let signature = chosen(strongest.unwrap_or(&args.id), &signatures)?;
    let muted = muted.get(&signature.id);
    let mut trail = Trail::of(signature);
    let mut stopped_by = None;
    if !args.captures.is_empty() || !args.taps.is_empty() {
        let (more, signal) = follow(&mut trail, signature, args, talk)?;
        (damaged, stopped_by) = (damaged + more, signal);
    }
    if args.json {
        print_json("explanation", &explain::Explanation::new(signature, muted, &trail))?;
    } else {
        print(&explain::text(signature, muted, &trail, talk.stdout_palette()))?;
    }
    Ok(match stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if damaged > 0 => Exit::Damaged,
        None => Exit::Done,
    })
}

/// The incident whose id begins like this, if that is one and no signature is.
fn incident<'a>(
    id: &str,
    incidents: &'a BTreeMap<String, Incident>,
    signatures: &[Signature],
) -> Option<&'a Incident> {
    let id = id.to_ascii_lowercase();
    if signatures.iter().any(|signature| signature.id.starts_with(&id)) {
        return None;
    }
    let mut fit = incidents.values().filter(|incident| incident.id.starts_with(&id));
    fit.next().filter(|_| fit.next().is_none())
}

/// The one signature whose id begins like this.
fn chosen<'a>(id: &str, signatures: &'a [Signature]) -> Result<&'a Signature, Failure> {
    let id = id_prefix::given(id)?;
    let fit: Vec<&Signature> =
        signatures.iter().filter(|signature| signature.id.starts_with(&id)).collect();
    match fit[..] {
        [signature] => Ok(signature),
        [] => {
            let common = |s: &&Signature| {
                s.id.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count()
            };
            let nearest = signatures.iter().max_by_key(common).filter(|s| common(s) > 0);
            let nearest =
                nearest.map_or(String::new(), |s| format!("; the nearest is {}", s.id));
            Err(Failure::usage(format_args!(
                "no signature or incident has an id that begins with `{id}`, of {} read{nearest}",
                signatures.len()
            )))
        }
        _ => {
            let ids: Vec<&str> = fit.iter().take(4).map(|s| s.id.as_str()).collect();
            Err(Failure::usage(format_args!(
                "{} signatures have an id that begins with `{id}`: give more digits of {}",
                fit.len(),
                ids.join(", ")
            )))
        }
    }
}

/// Looks for the signature in the captures; how much of them was damaged, and the signal
/// that ended it early.
fn follow(
    trail: &mut Trail,
    signature: &Signature,
    args: &ExplainArgs,
    talk: &mut Talk,
) -> Result<(u64, Option<i32>), Failure> {
    let mut config = args.vxlan.config()?;
    let sources = args.taps.sources(&args.captures, &mut config)?;
    let mut follower = match Follower::new(signature, &config) {
        Ok(follower) => follower,
        Err(NotFollowed::Weak(weak)) => {
            talk.warning(format_args!("{}: not looked for: {weak}", signature.id));
            return Ok((0, None));
        }
        Err(NotFollowed::Matcher(error)) => return Err(Failure::usage(error)),
    };
    let captures = inputs::find_all(&sources, talk);
    let mut damaged = captures.missing;
    let signals = Signals::new()?;
    let selection = Selection::new(args.selection.choice(), &config);
    let batches = args.run.batch.unwrap_or_default();
    let reader = Reader::start(captures.inputs, selection, batches)?;
    talk.show_progress();
    loop {
        if signals.caught().is_some() {
            break;
        }
        let read = match reader.next(reader::PATIENCE)? {
            Wait::Read(read) => read,
            Wait::NotYet => continue,
            Wait::Ended => break,
        };
        read.batch.iter().for_each(|batch| follower.batch(batch));
        damaged += read.damage.len() as u64;
        read.damage.iter().for_each(|line| talk.error(line));
        read.disorder.iter().for_each(|line| talk.warning(line));
        talk.progress().at(read.progress.position, read.progress.total);
    }
    talk.end_progress();
    *trail = follower.finish();
    Ok((damaged, signals.caught()))
}
