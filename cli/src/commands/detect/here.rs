//! Sifting on the threads of this process.

use super::{Missing, Sifted, Told};
use crate::args::DetectArgs;
use crate::input::inputs::{self, Source};
use crate::input::signals::Signals;
use crate::output::exit_code::Failure;
use crate::output::news::report_news;
use crate::output::report::Report;
use crate::output::talk::Talk;
use rayon::ThreadPool;
use wormsift::Config;
use wormsift::pipeline::{Baseline, Sensor};
use wormsift_capture::{Input, Limits};
use wormsift_export::durations::Durations;
use wormsift_run::{Detection, Selection, Step};

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
        let selection = Selection::new(args.selection.choice(), &config);
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

    /// This thread prints, and looks for signals between batches.
    pub(super) fn sift(
        self,
        signals: &Signals,
        durations: &Durations,
        report: &mut Report,
        talk: &mut Talk,
    ) -> Result<Sifted, Failure> {
        let Self { mut sensor, pool, inputs, selection, limits, .. } = self;
        let mut detection = Detection::start(inputs, selection, limits, &sensor)?;
        let mut damaged = 0;
        let stopped_by = loop {
            report_news(&mut sensor, durations, report, talk)?;
            if let Some(signal) = signals.caught() {
                break Some(signal);
            }
            match detection.step(&mut sensor, &pool)? {
                Step::Sifted { damage, disorder } => {
                    let progress = *detection.progress();
                    let told = Told { damage, disorder, progress };
                    damaged += told.say(talk);
                    talk.progress().at(told.progress.position, told.progress.total);
                }
                Step::Waiting => {}
                Step::Ended => break None,
            }
        };
        let progress = *detection.progress();
        pool.install(|| sensor.finish());
        talk.end_progress();
        report_news(&mut sensor, durations, report, talk)?;
        let engine = sensor.stats();
        let threads = pool.current_num_threads();
        Ok(Sifted { sensor, engine, progress, damaged, threads, stopped_by })
    }
}
