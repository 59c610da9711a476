//! `wormsift tap`: captures in, parcels to a merger.

use super::{PATIENCE, SpokenLink, failure};
use crate::args::FleetTapArgs;
use crate::args::settings::Settings;
use crate::input::inputs;
use crate::input::selection;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use std::time::Duration;
use wormsift::fleet::Tap;
use wormsift_capture::Limits;
use wormsift_cluster::join::TapEnd;
use wormsift_export::text::counted;
use wormsift_run::Selection;
use wormsift_run::reader::{Reader, Wait};

pub(in crate::commands) fn run(
    args: &FleetTapArgs,
    talk: &mut Talk,
) -> Result<Exit, Failure> {
    let mut settings = Settings::new(&args.settings)?;
    let fleet = args.fleet.name()?;
    let names = args.fleet.names(&mut settings.config)?;
    let number = names.iter().position(|name| name.as_str() == args.name);
    let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
        let reason = format!("{}: expected one of --taps, found another name", args.name);
        return Err(Failure::usage(reason));
    };
    selection::explain_home_net(&args.settings, &args.selection, talk);
    let selection = Selection::new(args.selection.choice(), &settings.config);
    let tap = Tap::with_gate(settings.config, fleet.as_str(), number, args.gate.into());
    let tap = tap.map_err(Failure::usage)?;
    let name = &names[usize::from(number)];
    let signals = Signals::new()?;
    let mut link = SpokenLink::open(&args.fleet, name, talk)?;
    let captures = inputs::find(&args.captures, talk);
    let size = args.spool_size.0;
    let end = TapEnd::open(tap, &link.link, &fleet, name, &args.spool, size);
    let mut end = end.map_err(failure)?;
    let is_piped = args.captures.iter().any(|capture| capture == "-");
    if end.is_resumed() && is_piped {
        return Err(Failure::usage(format!(
            "{}: holds what a run before has sent, and standard input cannot be read once more; \
             begin with empty folders, and the fleet under another name",
            args.spool.display()
        )));
    }
    if end.is_dismissed() {
        talk.warning(format_args!(
            "tap {name}: this fleet has ended; nothing is read. Begin with another --fleet and an \
             empty --spool"
        ));
    }
    let mut damaged = captures.missing;
    let reader = Reader::start(captures.inputs, selection, Limits::default())?;
    let mut packets = 0;
    let mut has_ended = false;
    while !end.is_dismissed() {
        let attempts = || {
            let counters = end.publisher().counters();
            (counters.interrupted, counters.why)
        };
        link.say(attempts, talk);
        if let Some(signal) = signals.caught() {
            return Ok(Exit::Signal(signal));
        }
        while end.serve(Duration::ZERO).map_err(failure)? {}
        // A pipe does not wait: what it brings would be lost at the other end.
        if has_ended || !is_piped && end.is_ahead() {
            end.serve(PATIENCE).map_err(failure)?;
            continue;
        }
        match reader.next(PATIENCE)? {
            Wait::NotYet => {}
            Wait::Ended => {
                end.finish().map_err(failure)?;
                has_ended = true;
            }
            Wait::Read(read) => {
                packets = read.progress.selection.selected;
                damaged += read.damage.len() as u64;
                read.damage.iter().for_each(|line| talk.error(line));
                read.disorder.iter().for_each(|line| talk.warning(line));
                if let Some(batch) = &read.batch {
                    let tap = end.tap();
                    (0..batch.len()).for_each(|at| tap.frame(&batch.frame(at)));
                }
                end.send().map_err(failure)?;
            }
        }
    }
    let (parcels, bytes) = end.made();
    let counters = end.tap().counters();
    talk.result(format_args!(
        "tap {name}: {}, {} in {}, {:.1} a packet",
        counted(packets, "packet"),
        counted(bytes, "byte"),
        counted(parcels, "parcel"),
        bytes as f64 / packets.max(1) as f64
    ));
    let spool = end.publisher().counters().spool;
    let losses = [
        (
            spool.evicted,
            "parcel lost since the spool was full",
            "parcels lost since the spool was full",
        ),
        (spool.damaged, "damaged record in the spool", "damaged records in the spool"),
    ];
    for (count, one, many) in losses.into_iter().filter(|it| it.0 > 0) {
        talk.warning(format_args!("{count} {}", if count == 1 { one } else { many }));
    }
    if counters.asked_too_late > 0 {
        let samples = counted(counters.asked_too_late, "sample");
        talk.warning(format_args!("{samples} asked for when the payload was gone"));
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}
