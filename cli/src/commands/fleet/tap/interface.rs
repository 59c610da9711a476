//! A tap that listens on an interface: it never waits for the merger.
//!
//! Ticks close by the clock where nothing comes in, so that an idle interface sends an empty
//! parcel a second. What passes while the process does not run is in no parcel; the first one
//! after it says since when.

use super::{PATIENCE, Run};
use crate::args::FleetTapArgs;
use crate::live::{Batch, Capturing, Change, Taps, privileges};
use crate::output::exit_code::{Exit, Failure};
use crate::output::rules::now;
use crate::output::talk::Talk;
use std::num::NonZero;
use std::time::{Duration, Instant};
use wormsift::packet::Timestamp;
use wormsift::pipeline::FrameList;
use wormsift_capture::live::Rings;
use wormsift_run::{Frames, Selection};

/// How often clocks are looked at.
const SECOND: Duration = Duration::from_secs(1);
/// By how much the tap's time is kept behind the wall clock while nothing comes in: a packet that
/// waits in a ring must not be behind it.
const BEHIND: Duration = Duration::from_secs(1);

/// How long what was seen last has to reach the broker.
const FAREWELL: Duration = Duration::from_secs(2);

/// Opens the interface, and gives the rights away that this took. Before threads exist.
pub(super) fn open(
    args: &FleetTapArgs,
    name: &str,
    talk: &Talk,
) -> Result<Taps, Failure> {
    let args = &args.interface;
    let user = args.user.as_deref().map(privileges::find).transpose()?;
    let how = Capturing {
        rings: NonZero::<usize>::MIN,
        args: &args.rings,
        #[cfg(feature = "pcap")]
        pcap: &args.pcap,
    };
    let taps = Taps::open([name], how)?;
    talk.result(privileges::drop(user.as_ref())?);
    Ok(taps)
}

/// Until a signal or the end of the time; of the latter the merger is told.
pub(super) fn run(
    run: &mut Run,
    mut taps: Taps,
    mut selection: Selection,
    duration: Option<Duration>,
    talk: &Talk,
) -> Result<Exit, Failure> {
    let (mut second, mut last_batch) = (Instant::now(), Instant::now());
    let stopped_by = loop {
        if let Some(signal) = run.turn(talk)? {
            break Some(signal);
        }
        if run.end.is_dismissed()
            || duration.is_some_and(|it| run.started.elapsed() >= it)
        {
            break None;
        }
        let waited = taps.wait(PATIENCE);
        tell(&mut taps, talk);
        waited?;
        if take(run, &mut taps, &mut selection)? {
            last_batch = Instant::now();
        }
        if second.elapsed() >= SECOND {
            second = Instant::now();
            run.dropped = taps.counters().map_err(failed)?.kernel_drops;
            if last_batch.elapsed() >= BEHIND {
                pass(run)?;
            }
            let looked = taps.look();
            tell(&mut taps, talk);
            looked?;
        }
    };
    drain(run, &mut taps, &mut selection)?;
    run.dropped = taps.counters().map_err(failed)?.kernel_drops;
    match stopped_by {
        Some(_) => {
            pass(run)?;
            // What is not with the broker now goes there at the next start.
            let begin = Instant::now();
            let is_sent = |run: &Run| {
                let progress = run.end.publisher().progress();
                progress.delivered >= progress.appended
            };
            while begin.elapsed() < FAREWELL && !is_sent(run) {
                run.wait()?;
            }
        }
        None => {
            run.end.finish()?;
            while !run.end.is_dismissed() {
                if let Some(signal) = run.turn(talk)? {
                    return Ok(Exit::Signal(signal));
                }
                run.wait()?;
            }
        }
    }
    run.tell_end(talk);
    Ok(match stopped_by {
        // As of `live`: asked to end, it has.
        Some(signal_hook::consts::SIGTERM) | None => Exit::Done,
        Some(signal) => Exit::Signal(signal),
    })
}

/// Takes what is ready; whether there was something.
fn take(
    run: &mut Run,
    taps: &mut Taps,
    selection: &mut Selection,
) -> Result<bool, Failure> {
    let mut batch = taps.batch();
    if batch.count() == 0 {
        return Ok(false);
    }
    selection.apply(&mut batch);
    run.packets = selection.counts().selected;
    match &batch {
        Batch::Lent(batch) => {
            batch.frames().iter().for_each(|frame| run.end.live_frame(frame));
        }
        Batch::Merged(batch) => {
            (0..batch.len()).for_each(|at| run.end.live_frame(&batch.frame(at)));
        }
    }
    drop(batch);
    run.end.send()?;
    Ok(true)
}

/// The ticks that are over are complete.
fn pass(run: &mut Run) -> Result<(), Failure> {
    let behind = BEHIND.as_nanos() as u64;
    let time = Timestamp::from_nanos(now().as_nanos().saturating_sub(behind));
    Ok(run.end.advance(time)?)
}

/// Takes what came in before the end.
fn drain(
    run: &mut Run,
    taps: &mut Taps,
    selection: &mut Selection,
) -> Result<(), Failure> {
    taps.stop_receiving().map_err(failed)?;
    let mut quiet = Instant::now();
    while let Some(time) = Rings::HAND_OVER.checked_sub(quiet.elapsed()) {
        match taps.wait(time) {
            Ok(true) => {
                if take(run, taps, selection)? {
                    quiet = Instant::now();
                }
            }
            Ok(false) => {}
            Err(_) => break,
        }
    }
    Ok(())
}

/// Says what has become of the interface.
fn tell(taps: &mut Taps, talk: &Talk) {
    for change in taps.take_changes() {
        match change {
            Change::Better(text) => talk.result(text),
            Change::Worse(text) => talk.warning(text),
        }
    }
}

fn failed(error: wormsift_capture::live::LiveError) -> Failure {
    Failure::Failed(error.to_string())
}
