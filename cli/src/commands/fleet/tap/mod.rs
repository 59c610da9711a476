//! `wormsift tap`: captures in, parcels to a merger.

mod captures;
#[cfg(target_os = "linux")]
mod interface;
mod shown;

use super::{PATIENCE, Page, SpokenLink};
use crate::args::settings::Settings;
use crate::args::{FleetTapArgs, PiecesArg};
use crate::input::selection;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::rules::now;
use crate::output::talk::Talk;
use shown::Tapped;
use std::time::{Duration, Instant};
use wormsift::fleet::Tap;
use wormsift_cluster::TapName;
use wormsift_cluster::join::TapEnd;
use wormsift_export::text::counted;
use wormsift_run::Selection;

/// A tap's run.
struct Run {
    started: Instant,
    end: TapEnd,
    link: SpokenLink,
    page: Page<Tapped>,
    name: TapName,
    fleet: String,
    signals: Signals,
    /// What is read.
    source: String,
    /// Packets that were read.
    packets: u64,
    /// Packets for which an interface had no room.
    dropped: u64,
    spool_size: u64,
}

pub(in crate::commands) fn run(
    args: &FleetTapArgs,
    talk: &mut Talk,
) -> Result<Exit, Failure> {
    let started = Instant::now();
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
    let tap = match args.pieces {
        PiecesArg::Asked => tap,
        PiecesArg::Never => tap.withholding_payloads(),
    };
    let name = names[usize::from(number)].clone();
    let signals = Signals::new()?;
    let listener = Page::<Tapped>::listen(args.status.status)?;
    #[cfg(target_os = "linux")]
    let listened = args.interface.interface.as_deref();
    #[cfg(not(target_os = "linux"))]
    let listened: Option<&str> = None;
    #[cfg(target_os = "linux")]
    let taps = listened.map(|name| interface::open(args, name, talk)).transpose()?;
    let link = SpokenLink::open(args.fleet.server(), &name, talk)?;
    let size = args.spool_size.0;
    let open = if listened.is_some() { TapEnd::open_live } else { TapEnd::open };
    let end = open(tap, &link.link, &fleet, &name, &args.spool, size);
    let end = end?;
    let mut run = Run {
        started,
        end,
        link,
        page: Page::serve(listener, talk)?,
        name,
        fleet: fleet.as_str().to_owned(),
        signals,
        source: listened.map_or_else(|| args.captures.join(", "), str::to_owned),
        packets: 0,
        dropped: 0,
        spool_size: size,
    };
    #[cfg(target_os = "linux")]
    if let Some(taps) = taps {
        talk.result(format_args!("listening on {}; end with Ctrl-C", run.source));
        let duration = args.interface.duration.map(|it| Duration::from_nanos(it.0));
        return interface::run(&mut run, taps, selection, duration, talk);
    }
    captures::run(&mut run, args, selection, talk)
}

impl Run {
    /// What is done between batches: asks are answered, and it is said how the link is. A signal
    /// that ends the run is returned.
    fn turn(&mut self, talk: &Talk) -> Result<Option<i32>, Failure> {
        let end = &self.end;
        let attempts = || {
            let counters = end.publisher().counters();
            (counters.interrupted, counters.why)
        };
        self.link.say(attempts, talk);
        if let Some(signal) = self.signals.caught() {
            return Ok(Some(signal));
        }
        while self.end.serve(Duration::ZERO)? {}
        if self.page.round() {
            let shown = self.shown();
            self.page.post(shown);
        }
        Ok(None)
    }

    /// Waits a little for something that is asked.
    fn wait(&mut self) -> Result<(), Failure> {
        self.end.serve(PATIENCE)?;
        Ok(())
    }

    fn shown(&mut self) -> Tapped {
        let (parcels, bytes) = self.end.made();
        Tapped {
            tap: self.name.as_str().to_owned(),
            fleet: self.fleet.clone(),
            source: self.source.clone(),
            now: now().to_string(),
            uptime: self.started.elapsed(),
            packets: self.packets,
            dropped: self.dropped,
            parcels,
            bytes,
            is_ahead: self.end.is_ahead(),
            link: self.link.link.status(),
            publisher: self.end.publisher().counters(),
            progress: self.end.publisher().progress(),
            counters: self.end.tap().counters(),
            spool_size: self.spool_size,
        }
    }

    /// What was sent, and what could not be.
    fn tell_end(&mut self, talk: &Talk) {
        let (parcels, bytes) = self.end.made();
        talk.result(format_args!(
            "tap {}: {}, {} in {}, {:.1} a packet",
            self.name,
            counted(self.packets, "packet"),
            counted(bytes, "byte"),
            counted(parcels, "parcel"),
            bytes as f64 / self.packets.max(1) as f64
        ));
        let spool = self.end.publisher().counters().spool;
        let losses = [
            (
                self.dropped,
                "packet dropped by the kernel",
                "packets dropped by the kernel",
            ),
            (
                spool.evicted,
                "parcel lost since the spool was full",
                "parcels lost since the spool was full",
            ),
            (
                spool.damaged,
                "damaged record in the spool",
                "damaged records in the spool",
            ),
        ];
        for (count, one, many) in losses.into_iter().filter(|it| it.0 > 0) {
            talk.warning(format_args!("{count} {}", if count == 1 { one } else { many }));
        }
        let late = self.end.tap().counters().asked_too_late;
        if late > 0 {
            let samples = counted(late, "sample");
            talk.warning(format_args!("{samples} asked for when the payload was gone"));
        }
    }
}
