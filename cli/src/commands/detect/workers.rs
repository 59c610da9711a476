//! Sifting as a dataflow, on workers of this process and of others.

use super::{Missing, Sifted, Told};
use crate::args::DetectArgs;
use crate::input::inputs::{self, Source};
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::news::report_news;
use crate::output::report::Report;
use crate::output::talk::Talk;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
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
use wormsift_run::reader::{Read, Reader, Wait};
use wormsift_run::{Progress, ReaderError, Selection};

/// How long a worker waits for a capture before it looks after its other work.
const PATIENCE: Duration = Duration::from_millis(2);

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

/// Gives a tap what its captures hold.
struct CaptureFeed {
    tap: u16,
    reader: Reader,
    told: Sender<(u16, Told)>,
    progress: Progress,
    damaged: u64,
}

fn feed(
    number: u16,
    inputs: Vec<Input>,
    selection: Selection,
    told: Sender<(u16, Told)>,
) -> Result<Box<dyn Feed>, String> {
    let reader = Reader::start(inputs, selection, Limits::default()).map_err(text_of)?;
    let progress = Progress::default();
    Ok(Box::new(CaptureFeed { tap: number, reader, told, progress, damaged: 0 }))
}

fn text_of(error: ReaderError) -> String {
    error.to_string()
}

impl Feed for CaptureFeed {
    fn feed(&mut self, tap: &mut Tap) -> Result<Fed, String> {
        match self.reader.next(PATIENCE).map_err(text_of)? {
            Wait::NotYet => Ok(Fed::More),
            Wait::Ended => Ok(Fed::Ended),
            Wait::Read(read) => {
                let Read { batch, damage, disorder, progress } = *read;
                let frames = batch
                    .iter()
                    .flat_map(|batch| (0..batch.len()).map(|at| batch.frame(at)));
                frames.for_each(|frame| tap.frame(&frame));
                self.progress = progress;
                self.damaged += damage.len() as u64;
                // Nobody listens only where the run is over.
                let _ = self.told.send((self.tap, Told { damage, disorder, progress }));
                Ok(Fed::More)
            }
        }
    }

    fn account(&self) -> Vec<u64> {
        [vec![self.damaged], self.progress.numbers()].concat()
    }
}

impl Part {
    /// Opens what this process reads.
    pub(super) fn open(
        args: &DetectArgs,
        sources: &[Source],
        config: Config,
        baseline: Option<Baseline>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let refused = |flag: &str, expected: &str| {
            Failure::usage(format!("{flag}: expected {expected}, found several"))
        };
        let processes = args.workers.processes()?;
        // What is left out at a tap is not numbered, and numbers are those of all packets.
        if args.selection.is_any() && sources.len() > 1 {
            return Err(refused(
                "--workers with --filter, --since or the like",
                "one --tap",
            ));
        }
        if args.output.write_evidence.is_some() && processes.is_some() {
            return Err(refused("--write-evidence", "one process"));
        }
        let (waiting, (sender, told)) = (Arc::new(Waiting::default()), channel());
        let (readable, sender) = (waiting.clone(), Mutex::new(sender));
        let open = Arc::new(move |tap| {
            let lent =
                readable.lock().unwrap_or_else(PoisonError::into_inner).remove(&tap);
            let (inputs, selection) = lent.ok_or("its captures are opened already")?;
            let told = sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
            feed(tap, inputs, selection, told)
        });
        let job = Job {
            config: config.clone(),
            baseline: baseline.map(Arc::new),
            workers: args.workers.count(),
            processes,
            open,
            gives_up: Arc::new(|| false),
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
                let selection = Selection::new(args.selection.choice(), &config);
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.insert(*tap, (inputs, selection));
            }
        }
        Ok(Self { job, told: Mutex::new(told), names, missing })
    }

    /// Runs to the end.
    pub(super) fn sift(
        self,
        signals: &Signals,
        durations: &Durations,
        report: &mut Report,
        talk: &mut Talk,
    ) -> Result<ControlFlow<Exit, Box<Sifted>>, Failure> {
        let Self { mut job, mut told, missing, .. } = self;
        if job.processes.is_some() {
            on_lost(|why| {
                eprintln!("wormsift: {why}");
                std::process::exit(Exit::Failed.code().into());
            });
        }
        let workers = usize::from(job.layout().workers);
        let signal = signals.clone();
        job.gives_up = Arc::new(move || signal.caught().is_some());
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
        });
        if let (Err(Failure::Failed(_)), Some(signal)) = (&done, signals.caught()) {
            return Ok(ControlFlow::Break(Exit::Signal(signal)));
        }
        let done = done?;
        readings.take_all(&mut told, talk);
        talk.end_progress();
        let Some(mut done) = done else {
            let is_damaged = missing.missing + readings.damaged > 0;
            talk.result("the taps of this process are read; findings are with process 0");
            let exit = if is_damaged { Exit::Damaged } else { Exit::Done };
            return Ok(ControlFlow::Break(exit));
        };
        report_news(&mut done.merger, durations, report, talk)?;
        if done.asked_too_late > 0 {
            let samples = counted(done.asked_too_late, "sample");
            report.warning(
                &format!(
                    "{samples} of payload were gone when they were asked for: a tap keeps 256 MiB \
                     of what the merger has not come to; contents may be shorter than without \
                     --workers"
                ),
                talk,
            )?;
        }
        let engine = done.merger.stats();
        let sensor = done.merger.into_sensor();
        // Those of other processes are among them.
        let (mut damaged, mut progress) = (0, Progress::default());
        for account in done.accounts.values() {
            if let Some((defects, numbers)) = account.split_first() {
                damaged += defects;
                progress = progress.with(Progress::of_numbers(numbers));
            }
        }
        let threads = workers;
        let sifted = Sifted { sensor, engine, progress, damaged, threads, stopped_by };
        Ok(ControlFlow::Continue(Box::new(sifted)))
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
