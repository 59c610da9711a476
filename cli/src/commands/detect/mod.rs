//! `wormsift detect`: captures in, findings out.
//!
//! Captures are sifted here, on a pool of threads, or by workers of a dataflow. Neither changes
//! an answer.

mod here;
#[cfg(feature = "fleet")]
mod workers;

use crate::args::DetectArgs;
use crate::args::settings::Settings;
use crate::input::baseline;
use crate::input::durations;
use crate::input::evidence_capture;
use crate::input::inputs::Source;
use crate::input::mute_file;
use crate::input::selection;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::findings_page::{self, Findings};
use crate::output::muted::counted_muted;
use crate::output::output_file::OutputFiles;
use crate::output::report::Report;
use crate::output::rules;
use crate::output::run_summary::{self, Ended};
use crate::output::stats;
use crate::output::talk::Talk;
use std::ops::ControlFlow;
use std::time::Instant;
use wormsift::pipeline::{Baseline, Sensor};
use wormsift::{Config, Stats};
use wormsift_capture::{Damage, Disorder};
use wormsift_export::durations::Durations;
use wormsift_export::mute::Muting;
use wormsift_export::text::{counted, service_name};
use wormsift_run::{FinalStats, Process, Progress};

pub(super) fn run(args: &DetectArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let started = Instant::now();
    let mut settings = Settings::new(&args.settings)?;
    let sources = args.taps.sources(&args.captures, &mut settings.config)?;
    selection::explain_home_net(&args.settings, &args.selection, talk);
    if args.output.write_evidence.is_some() {
        evidence_capture::check(&sources)?;
    }
    let (mutes, unread) = mute_file::entries(args.muted.mute.as_deref(), talk)?;
    let durations = durations::read(args.durations.durations.as_deref(), talk)?;
    let baseline = match &args.baseline {
        Some(path) => Some(baseline::read(path, &settings.config)?),
        None => None,
    };
    let way = Way::open(args, &sources, settings.config, baseline, talk)?;
    OutputFiles::default()
        .add("--rules", args.output.rules.as_deref())
        .add("--sids", args.rules.sids.as_deref().filter(|_| args.output.rules.is_some()))
        .add("--report", args.output.report.as_deref())
        .add("--write-evidence", args.output.write_evidence.as_deref())
        .check(way.inputs().iter().map(String::as_str))?;
    let signals = Signals::new()?;
    talk.show_progress();

    let mut report = Report::new(
        args.output.json,
        args.output.by_signature,
        args.output.keeps_signatures(),
        Muting::new(mutes.unwrap_or_default()),
    );
    let Missing { missing, skipped } = way.missing();
    let mut damaged = missing + unread;
    let sifted = match way.sift(&signals, &durations, &mut report, talk)? {
        ControlFlow::Continue(sifted) => *sifted,
        // What is found is not told here.
        ControlFlow::Break(exit) => return Ok(exit),
    };
    let Sifted { sensor, engine, progress, damaged: defects, threads, stopped_by } =
        sifted;
    damaged += defects;

    let stats = FinalStats::new(
        engine,
        &progress,
        report.muted_counts(),
        Process {
            kernel: sensor.kernel(),
            threads,
            skipped_files: skipped,
            told: damaged - unread,
            seconds: started.elapsed().as_secs_f64(),
            stopped_by,
        },
    );
    if let Some(warning) = stats.nothing_to_sift() {
        report.warning(&warning, talk)?;
    }
    report.stats(&stats)?;
    let found = report.found_any();
    // stdout first, then the files; each is written whatever became of those before.
    let mut written = Written::default();
    written.add(report.finish(talk.stdout_palette()));
    if let Some(path) = &args.output.rules {
        let signatures = rules::not_muted(report.kept_marked(), &args.rules, talk);
        written.add(rules::write(signatures, &args.rules, talk).and_then(
            |(text, unused)| {
                damaged += unused;
                rules::replace(path, &text)
            },
        ));
    }
    if let Some(path) = &args.output.report {
        written.add(rules::replace(path, &page(&report, &sensor, &stats)));
    }
    if let Some(path) = &args.output.write_evidence {
        match evidence_capture::write(path, &sources, report.kept(), &signals) {
            Ok(copied) => {
                let packets = counted(copied as u64, "packet");
                talk.detail(format_args!("{}: {packets}", path.display()));
            }
            Err(failure) => written.add(Err(failure)),
        }
    }
    if args.output.show_suppressed {
        talk.answer(suppressed(&sensor));
    }
    if args.output.stats {
        talk.answer(stats::for_people(&stats));
    }
    let ended = Ended {
        stats: &stats,
        config: sensor.config(),
        span: progress.span,
        nearest: sensor.nearest(),
        suppressed: sensor.suppressed().len(),
    };
    tell_end(&ended, &report, args, talk);
    written.result(talk)?;
    // The system takes all memory back at once; here it would go table by table.
    std::mem::forget(sensor);
    Ok(match stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if found && args.output.fail_on_signature => Exit::SignatureFound,
        None if damaged > 0 => Exit::Damaged,
        None => Exit::Done,
    })
}

/// What was read, and what to do next, for a person.
fn tell_end(ended: &Ended<'_>, report: &Report, args: &DetectArgs, talk: &Talk) {
    if ended.stats.frames() > 0 {
        talk.result(ended.read());
    }
    let muted = counted_muted(report.muted_counts());
    match report.an_id() {
        Some(id) => {
            let given = args.taps.as_given(&args.captures);
            talk.result(run_summary::next_steps(args.output.json, &given, id));
        }
        None if muted.is_none() && ended.stats.nothing_to_sift().is_none() => {
            ended.quiet().iter().for_each(|line| talk.result(line));
        }
        None => {}
    }
    if let Some(muted) = muted {
        talk.result(muted);
    }
}

/// What went wrong while results were written: all of it is said, the first decides.
#[derive(Default)]
struct Written(Vec<Failure>);

impl Written {
    fn add(&mut self, result: Result<(), Failure>) {
        self.0.extend(result.err());
    }

    /// The failure that ends the run, once the others are said.
    fn result(self, talk: &Talk) -> Result<(), Failure> {
        let mut failures = self.0;
        // A reader of stdout that has gone is no error, but must not hide one.
        failures.sort_by_key(|failure| matches!(failure, Failure::OutputClosed));
        let mut failures = failures.into_iter();
        let first = failures.next();
        for failure in failures {
            if let Failure::Usage(reason) | Failure::Failed(reason) = failure {
                talk.error(reason);
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// How it is sifted.
enum Way {
    Here(Box<here::Part>),
    #[cfg(feature = "fleet")]
    Workers(Box<workers::Part>),
}

/// Arguments that stand for nothing, and files that are no captures.
#[derive(Clone, Copy)]
struct Missing {
    missing: u64,
    skipped: u64,
}

impl Way {
    fn open(
        args: &DetectArgs,
        sources: &[Source],
        config: Config,
        baseline: Option<Baseline>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "fleet")]
        if args.workers.are_given() {
            let part = workers::Part::open(args, sources, config, baseline, talk)?;
            return Ok(Self::Workers(Box::new(part)));
        }
        let part = here::Part::open(args, sources, config, baseline, talk)?;
        Ok(Self::Here(Box::new(part)))
    }

    /// Names of what is read.
    fn inputs(&self) -> &[String] {
        match self {
            Self::Here(part) => &part.names,
            #[cfg(feature = "fleet")]
            Self::Workers(part) => &part.names,
        }
    }

    fn missing(&self) -> Missing {
        match self {
            Self::Here(part) => part.missing,
            #[cfg(feature = "fleet")]
            Self::Workers(part) => part.missing,
        }
    }

    /// Sifts to the end, or ends the run where findings are not told here.
    fn sift(
        self,
        signals: &Signals,
        durations: &Durations,
        report: &mut Report,
        talk: &mut Talk,
    ) -> Result<ControlFlow<Exit, Box<Sifted>>, Failure> {
        match self {
            Self::Here(part) => {
                let sifted = part.sift(signals, durations, report, talk)?;
                Ok(ControlFlow::Continue(Box::new(sifted)))
            }
            #[cfg(feature = "fleet")]
            Self::Workers(part) => part.sift(signals, durations, report, talk),
        }
    }
}

/// What came of sifting.
struct Sifted {
    /// As it stands at the end.
    sensor: Sensor,
    engine: Stats,
    progress: Progress,
    /// Defects that were told.
    damaged: u64,
    threads: usize,
    stopped_by: Option<i32>,
}

/// What is said once a batch is sifted.
struct Told {
    damage: Vec<Damage>,
    disorder: Vec<Disorder>,
    progress: Progress,
}

impl Told {
    /// Says it; how many defects there were.
    fn say(&self, talk: &Talk) -> u64 {
        self.damage.iter().for_each(|line| talk.error(line));
        self.disorder.iter().for_each(|line| talk.warning(line));
        self.damage.len() as u64
    }
}

/// What was kept back, a line each.
fn suppressed(sensor: &Sensor) -> String {
    let mut text = format!(
        "kept back as boilerplate: {}",
        counted(sensor.suppressed().len() as u64, "content")
    );
    for it in sensor.suppressed() {
        text += &format!(
            "\n  {} {}, boilerplate of {}, {} of which at most {} in a row are not known, from \
             {} to {}, begins: {}",
            it.id,
            service_name(it.protocol, it.port),
            it.by.name(),
            counted(it.length as u64, "byte"),
            it.longest_unknown,
            counted(it.hosts[0].into(), "source"),
            counted(it.hosts[1].into(), "destination"),
            it.start.escape_ascii()
        );
    }
    text
}

fn page(report: &Report, sensor: &Sensor, stats: &FinalStats) -> String {
    let version = env!("CARGO_PKG_VERSION");
    findings_page::render(&Findings {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        tool: format!("wormsift {version}, kernel {}", sensor.kernel()),
        signatures: report.kept(),
        muted: report.muted().rows(),
        incidents: report.kept_incidents().collect(),
        warnings: report.warnings(),
        // Plain objects of plain numbers: there is nothing that could fail.
        stats: serde_json::to_value(stats).unwrap_or_default(),
        settings: sensor.config().to_toml(),
    })
}
