//! Sifting as a dataflow, on workers of this process and of others.

use super::{Missing, Sifted, Told};
use crate::args::DetectArgs;
use crate::input::inputs::{self, Source};
use crate::input::reader::{Progress, Read, Reader, Wait};
use crate::input::selection::Selection;
use crate::input::signals::Signals;
use crate::output::exit_code::Failure;
use crate::output::news::report_news;
use crate::output::report::Report;
use crate::output::talk::Talk;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wormsift::Config;
use wormsift::fleet::Tap;
use wormsift::pipeline::Baseline;
use wormsift_capture::{Input, Limits};
use wormsift_cluster::dataflow::{Control, Fed, Feed, Job, on_lost};
use wormsift_export::durations::Durations;
use wormsift_export::text::counted;

/// How long a worker waits for a capture before it looks after its other work.
const PATIENCE: Duration = Duration::from_millis(2);
/// The exit code of a process that has lost another one.
const LOST: i32 = 1;

/// A tap's captures, until its worker takes them.
type Waiting = Mutex<BTreeMap<u16, (Vec<Input>, Selection)>>;

/// What is read here, and how much could not be.
pub(super) struct Part {
    job: Job,
    /// Alone in here, it may be lent to the merger's thread.
    told: Mutex<Receiver<(u16, Told)>>,
    pub(super) names: Vec<String>,
    pub(super) missing: Missing,
}

/// Opens what this process reads.
fn open(
    args: &DetectArgs,
    sources: &[Source],
    config: Config,
    baseline: Option<Baseline>,
    talk: &Talk,
) -> Result<Part, Failure> {
    let refused = |flag: &str| {
        Failure::usage(format!("{flag}: expected one process and one tap, found several"))
    };
    let processes = args.workers.processes()?;
    if args.selection.count.is_some() && sources.len() > 1 {
        return Err(refused("--count"));
    }
    if args.output.write_evidence.is_some() && processes.is_some() {
        return Err(refused("--write-evidence"));
    }
    let (waiting, (sender, told)) = (Arc::new(Waiting::default()), channel());
    let (readable, sender) = (waiting.clone(), Mutex::new(sender));
    let open = Arc::new(move |tap| {
        let lock = |it: &Mutex<Sender<_>>| {
            it.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let taken = readable.lock().unwrap_or_else(PoisonError::into_inner).remove(&tap);
        let (inputs, selection) = taken.ok_or("its captures are opened already")?;
        feed(tap, inputs, selection, lock(&sender))
    });
    let job = Job {
        config: config.clone(),
        baseline,
        workers: args.workers.count(),
        processes,
        open,
    };
    let own = job.processes.as_ref().map_or(0, |it| it.own);
    let (mut names, mut missing) = (Vec::new(), Missing { missing: 0, skipped: 0 });
    for Source { tap, arguments } in sources {
        if job.layout().process_of(*tap) == own {
            let found = inputs::find(arguments, talk);
            missing.missing += found.missing;
            missing.skipped += found.skipped;
            names.extend(found.inputs.iter().map(|input| input.name().to_owned()));
            let inputs =
                found.inputs.into_iter().map(|input| input.of_tap(*tap)).collect();
            let selection = Selection::new(&args.selection, &config);
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(*tap, (inputs, selection));
        }
    }
    Ok(Part { job, told: Mutex::new(told), names, missing })
}

/// Gives a tap what its captures hold.
fn feed(
    number: u16,
    inputs: Vec<Input>,
    selection: Selection,
    told: Sender<(u16, Told)>,
) -> Result<Feed, String> {
    let failed = |failure| match failure {
        Failure::Usage(why) | Failure::Failed(why) => why,
        Failure::OutputClosed => "stdout is closed".to_owned(),
    };
    let reader = Reader::start(inputs, selection, Limits::default()).map_err(failed)?;
    Ok(Box::new(move |tap: &mut Tap| match reader.next(PATIENCE).map_err(failed)? {
        Wait::NotYet => Ok(Fed::More),
        Wait::Ended => Ok(Fed::Ended),
        Wait::Read(read) => {
            let Read { batch, damage, disorder, progress } = *read;
            let batch =
                batch.iter().flat_map(|batch| (0..batch.len()).map(|at| batch.frame(at)));
            batch.for_each(|frame| tap.frame(&frame));
            // Nobody listens only where the run is over.
            let _ = told.send((number, Told { damage, disorder, progress }));
            Ok(Fed::More)
        }
    }))
}

impl Part {
    pub(super) fn open(
        args: &DetectArgs,
        sources: &[Source],
        config: Config,
        baseline: Option<Baseline>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        open(args, sources, config, baseline, talk)
    }

    /// Runs to the end; `None` in a process whose findings are with another one.
    pub(super) fn sift(
        self,
        signals: &Signals,
        durations: &Durations,
        report: &mut Report,
        talk: &mut Talk,
    ) -> Result<Option<Sifted>, Failure> {
        let Self { job, mut told, .. } = self;
        if job.processes.is_some() {
            on_lost(|why| {
                eprintln!("wormsift: {why}");
                std::process::exit(LOST);
            });
        }
        let workers = usize::from(job.layout().workers);
        let mut readings = Readings::default();
        let mut stopped_by = None;
        let done = job.run(|merger| {
            readings.take_all(&mut told, talk);
            report_news(merger, durations, report, talk)?;
            stopped_by = signals.caught();
            Ok::<_, Failure>(match stopped_by {
                Some(_) => Control::Stop,
                None => Control::GoOn,
            })
        })?;
        readings.take_all(&mut told, talk);
        talk.end_progress();
        let Some(mut done) = done else { return Ok(None) };
        report_news(&mut done.merger, durations, report, talk)?;
        if done.asked_too_late > 0 {
            let samples = counted(done.asked_too_late, "sample");
            report.warning(
                &format!(
                    "{samples} of payload were gone when they were asked for: more than 256 MiB \
                     of it came in a second at one tap; contents may be shorter than without \
                     --workers"
                ),
                talk,
            )?;
        }
        let engine = done.merger.stats();
        let sensor = done.merger.into_sensor();
        let Readings { damaged, .. } = readings;
        let progress = readings.sum();
        Ok(Some(Sifted {
            sensor,
            engine,
            progress,
            damaged,
            threads: workers,
            stopped_by,
        }))
    }
}

/// How far each tap is.
#[derive(Default)]
struct Readings {
    damaged: u64,
    by_tap: BTreeMap<u16, Progress>,
}

impl Readings {
    fn take_all(&mut self, told: &mut Mutex<Receiver<(u16, Told)>>, talk: &Talk) {
        let told = told.get_mut().unwrap_or_else(PoisonError::into_inner);
        told.try_iter().for_each(|(tap, told)| self.take(tap, told, talk));
    }

    fn take(&mut self, tap: u16, told: Told, talk: &Talk) {
        self.damaged += told.say(talk);
        self.by_tap.insert(tap, told.progress);
        let sum = self.sum();
        talk.progress().at(sum.position, sum.total);
    }

    fn sum(&self) -> Progress {
        self.by_tap.values().copied().reduce(Progress::with).unwrap_or_default()
    }
}
