//! `wormsift merge`: parcels of all taps in, findings out.

use super::lines::Lines;
use super::{PATIENCE, SpokenLink, failure};
use crate::args::MergeArgs;
use crate::args::settings::Settings;
use crate::input::durations;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use std::time::{Duration, Instant};
use wormsift_cluster::TapName;
use wormsift_cluster::closing::Rules;
use wormsift_cluster::join::MergerEnd;
use wormsift_export::text::counted;

/// How long taps have to hear that the merger is at its end.
const FAREWELL: Duration = Duration::from_secs(10);

pub(in crate::commands) fn run(
    args: &MergeArgs,
    talk: &mut Talk,
) -> Result<Exit, Failure> {
    let mut settings = Settings::new(&args.settings)?;
    let fleet = args.fleet.name()?;
    let taps = args.fleet.names(&mut settings.config)?;
    let durations = durations::read(args.durations.durations.as_deref(), talk)?;
    let signals = Signals::new()?;
    let name = TapName::new("merger").map_err(failure)?;
    let mut link = SpokenLink::open(&args.fleet, &name, talk)?;
    let lateness = args.lateness.as_secs_f64() as u64;
    let rules = Rules { lateness, ..Rules::default() };
    let opened =
        MergerEnd::open(settings.config, &link.link, &fleet, &taps, &args.state, rules);
    let (mut end, saved) = opened.map_err(failure)?;
    let mut lines = Lines::open(&args.state, saved.as_deref())?;
    let every = Duration::from_nanos(args.checkpoint_every.0);
    let mut latest = Instant::now();
    let had_ended = end.is_finished();
    while !end.is_finished() {
        let attempts = || {
            let log = end.receiver().counters().log;
            (log.interrupted, log.why)
        };
        link.say(attempts, talk);
        if let Some(signal) = signals.caught() {
            return Ok(Exit::Signal(signal));
        }
        end.step(PATIENCE).map_err(failure)?;
        lines.take(end.merger(), &durations, talk)?;
        tell_strangers(&mut end, talk);
        if end.is_checkpoint_due(latest.elapsed(), every) {
            end.checkpoint(&lines.save()?).map_err(failure)?;
            latest = Instant::now();
        }
    }
    tell_strangers(&mut end, talk);
    end.checkpoint(&lines.save()?).map_err(failure)?;
    match had_ended {
        true => talk.result("all taps had ended before"),
        false => tell_end(&mut end, &taps, talk),
    }
    if !end.dismiss(FAREWELL).map_err(failure)? {
        talk.warning(
            "not every tap knows that the merger has ended; start it again to say so once more",
        );
    }
    Ok(if of_strangers(&mut end) > 0 { Exit::Damaged } else { Exit::Done })
}

/// Names taps that have another key or other settings: nothing of what they see is looked at.
fn tell_strangers(end: &mut MergerEnd, talk: &Talk) {
    for (tap, why) in end.take_strangers() {
        talk.warning(format_args!(
            "tap {tap}: what it sends is left out: {why}; start it with the merger's key file and \
             settings"
        ));
    }
}

/// Parcels of such taps.
fn of_strangers(end: &mut MergerEnd) -> u64 {
    let refused = end.merger().refused();
    refused.key + refused.settings + refused.fleet
}

/// What came of each tap, and what is missing of it.
fn tell_end(end: &mut MergerEnd, names: &[TapName], talk: &Talk) {
    let packets = end.merger().stats().packets.frames;
    let counters = end.receiver().counters();
    talk.result(format_args!("merged {}", counted(packets, "packet")));
    for (tap, counters) in &counters.taps {
        let counts = [
            (counters.late, "parcel late", "parcels late"),
            (counters.missing, "parcel missing", "parcels missing"),
        ];
        for (count, one, many) in counts.into_iter().filter(|it| it.0 > 0) {
            let noun = if count == 1 { one } else { many };
            talk.warning(format_args!("tap {tap}: {count} {noun}"));
        }
    }
    let blind = names.iter().zip(end.merger().taps().map(|tap| tap.blind));
    for (tap, ticks) in blind.filter(|(_, ticks)| *ticks > 0) {
        talk.warning(format_args!("tap {tap}: blind in {}", counted(ticks, "tick")));
    }
    let refused = end.refused() + of_strangers(end);
    if refused > 0 {
        talk.warning(format_args!("{} refused", counted(refused, "message")));
    }
}
