//! `wormsift merge`: parcels of all taps in, findings out.

mod found;
mod lines;
mod shown;

use super::{PATIENCE, Page, SpokenLink};
use crate::args::MergeArgs;
use crate::args::settings::Settings;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::fleet_stats::{FleetStats, MergeRun, MergeStats, TapStats};
use crate::output::rules::now;
use crate::output::stdout::print_json;
use crate::output::talk::Talk;
use found::{Found, Prepared};
use shown::{Merged, MergedTap};
use std::time::{Duration, Instant};
use wormsift::fingerprint::Kernel;
use wormsift_cluster::TapName;
use wormsift_cluster::closing::Rules;
use wormsift_cluster::join::MergerEnd;
use wormsift_export::text::counted;

/// How long taps have to hear that the merger is at its end.
const FAREWELL: Duration = Duration::from_secs(10);

/// A merger's run.
struct Run {
    started: Instant,
    end: MergerEnd,
    found: Found,
    link: SpokenLink,
    page: Page<Merged>,
    fleet: String,
    /// When the latest checkpoint was written, or the run began.
    latest: Instant,
    every: Duration,
}

pub(in crate::commands) fn run(
    args: &MergeArgs,
    talk: &mut Talk,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let mut settings = Settings::new(&args.settings)?;
    let fleet = args.fleet.name()?;
    let taps = args.fleet.names(&mut settings.config)?;
    let prepared = Prepared::new(args, talk)?;
    let signals = Signals::new()?;
    let listener = Page::<Merged>::listen(args.status.status)?;
    let name = TapName::new("merger")?;
    let link = SpokenLink::open(args.fleet.server(), &name, talk)?;
    let lateness = args.lateness.as_secs_f64() as u64;
    let rules = Rules::new(lateness);
    let opened =
        MergerEnd::open(settings.config, &link.link, &fleet, &taps, &args.state, rules);
    let (end, saved) = opened?;
    let found = Found::open(args, prepared, saved.as_deref(), talk)?;
    let page = Page::serve(listener, talk)?;
    let mut run = Run {
        started,
        end,
        found,
        link,
        page,
        fleet: fleet.as_str().to_owned(),
        latest: Instant::now(),
        every: Duration::from_nanos(args.checkpoint_every.0),
    };
    let had_ended = run.end.is_finished();
    let stopped_by = run.merge(&signals, talk)?;
    if stopped_by.is_none() {
        run.checkpoint()?;
    }
    match had_ended {
        true => talk.result("all taps had ended before"),
        false => run.tell_end(talk),
    }
    let stats = run.stats(stopped_by);
    if args.output.stats && run.found.prints() {
        print_json("stats", &stats)?;
    }
    run.found.finish(talk)?;
    if args.output.stats {
        talk.answer(stats.for_people());
    }
    if let Some(signal) = stopped_by {
        talk.result("stopped; with the same words it goes on from its checkpoint");
        return Ok(Exit::Signal(signal));
    }
    if !run.end.dismiss(FAREWELL)? {
        talk.warning(
            "not every tap knows that the merger has ended; start it again to say so once more",
        );
    }
    Ok(if run.of_strangers() > 0 { Exit::Damaged } else { Exit::Done })
}

impl Run {
    /// Until all taps have ended, or a signal, which is returned.
    fn merge(&mut self, signals: &Signals, talk: &Talk) -> Result<Option<i32>, Failure> {
        while !self.end.is_finished() {
            let end = &self.end;
            let attempts = || {
                let log = end.receiver().counters().log;
                (log.interrupted, log.why)
            };
            self.link.say(attempts, talk);
            if let Some(signal) = signals.caught() {
                return Ok(Some(signal));
            }
            self.end.step(PATIENCE)?;
            self.found.take(self.end.merger(), talk)?;
            self.tell_strangers(talk);
            if self.end.is_checkpoint_due(self.latest.elapsed(), self.every) {
                self.checkpoint()?;
            }
            if self.page.round() {
                let shown = self.shown();
                self.page.post(shown);
            }
        }
        self.tell_strangers(talk);
        Ok(None)
    }

    fn checkpoint(&mut self) -> Result<(), Failure> {
        let saved = self.found.save()?;
        self.end.checkpoint(&saved)?;
        self.latest = Instant::now();
        Ok(())
    }

    /// Names taps that have another key or other settings: nothing of what they see is looked at.
    fn tell_strangers(&mut self, talk: &Talk) {
        for (tap, why) in self.end.take_strangers() {
            let text = format!(
                "tap {tap}: what it sends is left out: {why}; start it with the merger's key file \
                 and settings"
            );
            talk.warning(&text);
            self.found.news.warning(&text);
        }
    }

    /// Parcels of such taps.
    fn of_strangers(&mut self) -> u64 {
        let refused = self.end.merger().refused();
        refused.key + refused.settings + refused.fleet
    }

    /// Messages that are of no use.
    fn refused(&mut self) -> u64 {
        self.end.refused() + self.of_strangers()
    }

    /// How it stands with each tap.
    fn tap_stats(&mut self) -> Vec<TapStats> {
        let counters = self.end.receiver().counters().taps;
        let asks = self.end.asks_outstanding();
        let asks: Vec<(TapName, u64)> = asks.map(|(tap, n)| (tap.clone(), n)).collect();
        let blind: Vec<u64> = self.end.merger().taps().map(|tap| tap.blind).collect();
        let of = |((tap, asks_outstanding), blind): ((TapName, u64), u64)| {
            let known = counters.iter().find(|(name, _)| *name == tap);
            let counters = known.map(|(_, counters)| *counters).unwrap_or_default();
            TapStats {
                tap: tap.as_str().to_owned(),
                parcels: counters.came,
                bytes: counters.bytes,
                duplicates: counters.duplicates,
                late: counters.late,
                missing: counters.missing,
                blind_seconds: blind,
                asks_outstanding,
            }
        };
        asks.into_iter().zip(blind).map(of).collect()
    }

    fn stats(&mut self, stopped_by: Option<i32>) -> MergeStats {
        let counters = self.end.receiver().counters();
        MergeStats {
            engine: self.end.merger().stats(),
            fleet: FleetStats {
                fleet_taps: self.tap_stats(),
                closed_by_lateness: counters.closing.closed_by_lateness,
                closed_by_memory: counters.closing.closed_by_memory,
                refused: self.refused(),
                log_position: counters.position,
            },
            run: MergeRun {
                kernel: Kernel::best().name(),
                seconds: self.started.elapsed().as_secs_f64(),
                stopped_by,
            },
        }
    }

    fn shown(&mut self) -> Merged {
        let is_blind: Vec<bool> =
            self.end.merger().taps().map(|tap| tap.is_blind).collect();
        let taps = self.tap_stats().into_iter().zip(is_blind);
        Merged {
            taps: taps.map(|(stats, is_blind)| MergedTap { stats, is_blind }).collect(),
            fleet: self.fleet.clone(),
            now: now().to_string(),
            uptime: self.started.elapsed(),
            stats: self.end.merger().stats(),
            refused: self.refused(),
            link: self.link.link.status(),
            receiver: self.end.receiver().counters(),
            closed: self.end.receiver().closed(),
            checkpoint_age: self.latest.elapsed(),
            news: self.found.news.clone(),
        }
    }

    /// What came of each tap, and what is missing of it.
    fn tell_end(&mut self, talk: &Talk) {
        let packets = self.end.merger().stats().packets.frames;
        talk.result(format_args!("merged {}", counted(packets, "packet")));
        for it in self.tap_stats() {
            let tap = &it.tap;
            let counts = [
                (it.late, "parcel late", "parcels late"),
                (it.missing, "parcel missing", "parcels missing"),
            ];
            for (count, one, many) in counts.into_iter().filter(|it| it.0 > 0) {
                let noun = if count == 1 { one } else { many };
                talk.warning(format_args!("tap {tap}: {count} {noun}"));
            }
            if it.blind_seconds > 0 {
                let ticks = counted(it.blind_seconds, "second");
                talk.warning(format_args!("tap {tap}: blind in {ticks}"));
            }
        }
        let merger = self.end.merger();
        let unknown = merger.stats().signatures.windows_unknown;
        let withhold = merger.taps().filter(|tap| tap.withholds);
        let withhold: Vec<&str> = withhold.map(|tap| tap.name.as_str()).collect();
        if unknown > 0 && !withhold.is_empty() {
            talk.warning(format_args!(
                "{} of contents of which no tap sent payload are in no finding ({} send none)",
                counted(unknown, "alarm"),
                withhold.join(", ")
            ));
        }
        let refused = self.refused();
        if refused > 0 {
            talk.warning(format_args!("{} refused", counted(refused, "message")));
        }
    }
}
