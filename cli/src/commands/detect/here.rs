//! Sifting on the threads of this process.

use super::{Missing, Sifted, Told};
use crate::args::DetectArgs;
use crate::input::inputs::{self, Source};
use crate::input::reader::{self, Progress, Read, Reader, Wait};
use crate::input::selection::Selection;
use crate::input::signals::Signals;
use crate::output::exit_code::Failure;
use crate::output::news::report_news;
use crate::output::report::Report;
use crate::output::talk::Talk;
use rayon::ThreadPool;
use std::time::Duration;
use wormsift::Config;
use wormsift::pipeline::{Baseline, Prepared, Preparer, Sensor};
use wormsift_capture::{FrameBatch, Input, Limits};
use wormsift_export::durations::Durations;

/// What is read, and what sifts it.
pub(super) struct Part {
    sensor: Sensor,
    pool: ThreadPool,
    inputs: Vec<Input>,
    selection: Selection,
    limits: Limits,
    pub(super) names: Vec<String>,
    pub(super) missing: Missing,
}

impl Part {
    pub(super) fn open(
        args: &DetectArgs,
        sources: &[Source],
        config: Config,
        baseline: Option<Baseline>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let captures = inputs::find_all(sources, talk);
        let pool = args.run.pool()?;
        let selection = Selection::new(&args.selection, &config);
        let sensor = match baseline {
            Some(baseline) => Sensor::with_baseline(config, baseline),
            None => Sensor::new(config),
        };
        let sensor = sensor.map_err(Failure::usage)?;
        let threads = pool.current_num_threads();
        talk.detail(format_args!("kernel {}, {threads} threads", sensor.kernel()));
        Ok(Self {
            sensor,
            pool,
            names: captures.inputs.iter().map(|it| it.name().to_owned()).collect(),
            inputs: captures.inputs,
            selection,
            limits: args.run.batch.unwrap_or_default(),
            missing: Missing { missing: captures.missing, skipped: captures.skipped },
        })
    }

    /// One thread reads ahead, the pool sifts, and this thread stands between them: it prints,
    /// and looks for signals between batches.
    pub(super) fn sift(
        self,
        signals: &Signals,
        durations: &Durations,
        report: &mut Report,
        talk: &mut Talk,
    ) -> Result<Sifted, Failure> {
        let Self { mut sensor, pool, inputs, selection, limits, .. } = self;
        let reader = Reader::start(inputs, selection, limits)?;
        let mut progress = Progress::default();
        let mut damaged = 0;
        let preparer = sensor.preparer();
        let mut turn: Option<Turn> = None;
        let mut ended = false;
        let stopped_by = loop {
            report_news(&mut sensor, durations, report, talk)?;
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
                damaged += done.say(talk);
                progress = done.progress;
                talk.progress().at(progress.position, progress.total);
            }
        };
        pool.install(|| sensor.finish());
        talk.end_progress();
        report_news(&mut sensor, durations, report, talk)?;
        let engine = sensor.stats();
        let threads = pool.current_num_threads();
        Ok(Sifted { sensor, engine, progress, damaged, threads, stopped_by })
    }
}

/// A batch that is prepared while the one before it is sifted, and what came with it.
struct Turn {
    batch: Option<Prepared<FrameBatch>>,
    told: Told,
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
