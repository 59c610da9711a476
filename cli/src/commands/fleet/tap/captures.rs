//! A tap that reads captures: it waits for the merger, and can read them once more.

use super::{PATIENCE, Run};
use crate::args::FleetTapArgs;
use crate::input::inputs;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use wormsift_capture::Limits;
use wormsift_run::Selection;
use wormsift_run::reader::{Reader, Wait};

/// Until the merger has ended.
pub(super) fn run(
    run: &mut Run,
    args: &FleetTapArgs,
    selection: Selection,
    talk: &mut Talk,
) -> Result<Exit, Failure> {
    let captures = inputs::find(&args.captures, talk);
    let is_piped = args.captures.iter().any(|capture| capture == "-");
    if run.end.is_resumed() && is_piped {
        return Err(Failure::usage(format!(
            "{}: holds what a run before has sent, and standard input cannot be read once more; \
             begin with empty folders, and the fleet under another name",
            args.spool.display()
        )));
    }
    if run.end.is_dismissed() {
        talk.warning(format_args!(
            "tap {}: this fleet has ended; nothing is read. Begin with another --fleet and an \
             empty --spool",
            run.name
        ));
    }
    let mut damaged = captures.missing;
    let reader = Reader::start(captures.inputs, selection, Limits::default())?;
    let mut has_ended = false;
    while !run.end.is_dismissed() {
        if let Some(signal) = run.turn(talk)? {
            return Ok(Exit::Signal(signal));
        }
        // A pipe does not wait: what it brings would be lost at the other end.
        if has_ended || !is_piped && run.end.is_ahead() {
            run.wait()?;
            continue;
        }
        match reader.next(PATIENCE)? {
            Wait::NotYet => {}
            Wait::Ended => {
                run.end.finish()?;
                has_ended = true;
            }
            Wait::Read(read) => {
                run.packets = read.progress.selection.selected;
                damaged += read.damage.len() as u64;
                read.damage.iter().for_each(|line| talk.error(line));
                read.disorder.iter().for_each(|line| talk.warning(line));
                if let Some(batch) = &read.batch {
                    (0..batch.len()).for_each(|at| run.end.frame(&batch.frame(at)));
                }
                run.end.send()?;
            }
        }
    }
    run.tell_end(talk);
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}
