//! `wormsift detect`: captures in, findings out.
//!
//! One thread reads ahead, the pool sifts, and this thread stands between them: it
//! prints, and looks for signals between batches. None of it changes an answer.

use crate::args::DetectArgs;
use crate::args::settings::Settings;
use crate::input::baseline;
use crate::input::durations;
use crate::input::evidence_capture;
use crate::input::inputs;
use crate::input::mute_file;
use crate::input::reader::{self, Progress, Read, Reader, Wait};
use crate::input::selection::{self, Selection};
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::findings_page::{self, Findings};
use crate::output::muted::counted_muted;
use crate::output::output_file::OutputFiles;
use crate::output::report::Report;
use crate::output::rules;
use crate::output::run_summary::{self, Ended};
use crate::output::stats::{FinalStats, Run};
use crate::output::talk::Talk;
use std::time::{Duration, Instant};
use wormsift::pipeline::{Prepared, Preparer, Sensor};
use wormsift_capture::{Damage, Disorder, FrameBatch, Input};
use wormsift_export::durations::Durations;
use wormsift_export::mute::Muting;
use wormsift_export::text::{counted, service_name};

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
    let captures = inputs::find_all(&sources, talk);
    OutputFiles::default()
        .add("--rules", args.output.rules.as_deref())
        .add("--sids", args.rules.sids.as_deref().filter(|_| args.output.rules.is_some()))
        .add("--report", args.output.report.as_deref())
        .add("--write-evidence", args.output.write_evidence.as_deref())
        .check(captures.inputs.iter().map(Input::name))?;
    let signals = Signals::new()?;
    let pool = args.run.pool()?;
    let selection = Selection::new(&args.selection, &settings.config);
    let mut sensor = match &args.baseline {
        Some(path) => {
            let baseline = baseline::read(path, &settings.config)?;
            Sensor::with_baseline(settings.config, baseline)
        }
        None => Sensor::new(settings.config),
    }
    .map_err(Failure::usage)?;
    talk.detail(format_args!(
        "kernel {}, {} threads",
        sensor.kernel(),
        pool.current_num_threads()
    ));

    let mut damaged = captures.missing + unread;
    talk.show_progress();

    let mut report = Report::new(
        args.output.json,
        args.output.by_signature,
        args.output.keeps_signatures(),
        Muting::new(mutes.unwrap_or_default()),
    );
    let mut progress = Progress::default();
    let limits = args.run.batch.unwrap_or_default();
    let reader = Reader::start(captures.inputs, selection, limits)?;
    let preparer = sensor.preparer();
    let mut turn: Option<Turn> = None;
    let mut ended = false;
    let stopped_by = loop {
        report_news(&mut sensor, &durations, &mut report, talk)?;
        if let Some(signal) = signals.caught() {
            break Some(signal);
        }
        // What is there does not wait for what is not.
        let patience = if turn.is_some() { Duration::ZERO } else { reader::PATIENCE };
        let read = match ended {
            true if turn.is_none() => break None,
            true => Wait::NotYet,
            false => reader.next(patience)?,
        };
        ended |= matches!(read, Wait::Ended);
        let next = match read {
            Wait::Read(read) => Some(*read),
            Wait::NotYet | Wait::Ended => None,
        };
        let now = turn.take();
        let (done, next) = pool.install(|| {
            rayon::join(
                || now.map(|turn| turn.sift(&mut sensor)),
                || next.map(|read| Turn::prepare(read, &preparer)),
            )
        });
        turn = next;
        if let Some(done) = done {
            damaged += done.damage.len() as u64;
            done.damage.iter().for_each(|line| talk.error(line));
            done.disorder.iter().for_each(|line| talk.warning(line));
            progress = done.progress;
            talk.progress().at(progress.position, progress.total);
        }
    };
    pool.install(|| sensor.finish());
    talk.end_progress();
    report_news(&mut sensor, &durations, &mut report, talk)?;

    let stats = FinalStats {
        engine: sensor.stats(),
        selection: progress.selection,
        muted_counters: report.muted_counts(),
        run: Run {
            kernel: sensor.kernel(),
            threads: pool.current_num_threads(),
            input: progress.capture,
            skipped_files: captures.skipped,
            missing_inputs: damaged
                .saturating_sub(progress.capture.damaged_files + unread),
            seconds: started.elapsed().as_secs_f64(),
            stopped_by,
        },
    };
    if let Some(warning) = stats.nothing_to_sift() {
        report.warning(&warning, talk)?;
    }
    report.stats(&stats)?;
    let found = report.found_any();
    // stdout first, then the files; each is written whatever became of those before.
    let mut outcome = Outcome::default();
    outcome.add(report.finish(talk.stdout_palette()));
    if let Some(path) = &args.output.rules {
        let signatures = rules::not_muted(report.kept_marked(), &args.rules, talk);
        outcome.add(rules::write(signatures, &args.rules, talk).and_then(
            |(text, unused)| {
                damaged += unused;
                rules::replace(path, &text)
            },
        ));
    }
    if let Some(path) = &args.output.report {
        outcome.add(rules::replace(path, &page(&report, &sensor, &stats)));
    }
    if let Some(path) = &args.output.write_evidence {
        match evidence_capture::write(path, &sources, report.kept(), &signals) {
            Ok(copied) => {
                let packets = counted(copied as u64, "packet");
                talk.detail(format_args!("{}: {packets}", path.display()));
            }
            Err(failure) => outcome.add(Err(failure)),
        }
    }
    if args.output.show_suppressed {
        talk.answer(suppressed(&sensor));
    }
    if args.output.stats {
        talk.answer(stats.for_people());
    }
    let ended = Ended {
        stats: &stats,
        config: sensor.config(),
        span: progress.span,
        nearest: sensor.nearest(),
        suppressed: sensor.suppressed().len(),
    };
    tell_end(&ended, &report, args, talk);
    outcome.result(talk)?;
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
struct Outcome(Vec<Failure>);

impl Outcome {
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

/// A batch that is prepared while the one before it is sifted, and what came with it.
struct Turn {
    batch: Option<Prepared<FrameBatch>>,
    told: Told,
}

/// What is said once a batch is sifted.
struct Told {
    damage: Vec<Damage>,
    disorder: Vec<Disorder>,
    progress: Progress,
}

impl Turn {
    fn prepare(read: Read, preparer: &Preparer) -> Self {
        let Read { batch, damage, disorder, progress } = read;
        let batch = batch.filter(|batch| !batch.is_empty());
        Self {
            batch: batch.map(|batch| preparer.prepare(batch)),
            told: Told { damage, disorder, progress },
        }
    }

    fn sift(self, sensor: &mut Sensor) -> Told {
        if let Some(batch) = self.batch {
            sensor.sift_prepared(batch);
        }
        self.told
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

fn report_news(
    sensor: &mut Sensor,
    durations: &Durations,
    report: &mut Report,
    talk: &Talk,
) -> Result<(), Failure> {
    for warning in sensor.warnings() {
        report.warning(&warning, talk)?;
    }
    for finding in sensor.findings() {
        report.finding(durations.estimate(finding), talk)?;
    }
    for incident in sensor.incidents() {
        report.incident(durations.estimate_incident(incident), talk)?;
    }
    for decoy in sensor.decoy_reports() {
        report.decoy(&decoy, talk)?;
    }
    sensor.waves().into_iter().try_for_each(|wave| report.wave(wave))?;
    sensor.dark_events().into_iter().try_for_each(|event| report.event(event))
}
