//! One evaluation, step by step.
//!
//! The steps are apart so that a caller can end between them, and write what is there:
//! [`Evaluator::read`] and [`Evaluator::add_curves`] look for no signal.

use crate::confirmed::ConfirmedSums;
use crate::error::EvaluateError;
use crate::held_out::HeldOut;
use crate::isolation::{World, isolation};
use crate::job::{Job, Key, capture_jobs, jobs, values};
use crate::learned::Learned;
use crate::observer::Observer;
use crate::plan::Plan;
use crate::results::{Evaluation, Row, Run, SCHEMA, Subject};
use crate::rules_hit::Rules;
use crate::runner::{self, Kept};
use crate::{extras, rows, setting};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use wormsift::config::Config;

/// What is to be done, and what is known of it.
pub struct Evaluator {
    plan: Plan,
    config: Config,
    threads: usize,
    started: Instant,
    work: Vec<Job>,
    held_out: Option<HeldOut>,
    known: Learned,
    evaluation: Evaluation,
    damaged: bool,
}

impl Evaluator {
    /// Looks at every input, and lists the runs. With `resumable`, runs are told apart by
    /// the build that makes them, too.
    ///
    /// # Errors
    ///
    /// A capture or truth file that cannot be read; a setting that cannot be used.
    pub fn new(
        plan: Plan,
        config: Config,
        threads: usize,
        resumable: bool,
        observer: &dyn Observer,
    ) -> Result<Self, EvaluateError> {
        let started = Instant::now();
        let mut evaluation = Evaluation {
            schema: SCHEMA.to_owned(),
            title: plan.title.clone(),
            setting: setting::setting(&config, threads, &plan.seeds)?,
            sweep: plan.sweep.clone(),
            ..Evaluation::default()
        };
        let (inputs, damaged) = setting::inputs(&plan, observer)?;
        setting::check_truths(&plan, &inputs, observer)?;
        evaluation.setting.inputs = inputs;
        let build = match resumable {
            true => setting::build()?,
            false => String::new(),
        };
        let mut evaluator = Self {
            plan,
            config,
            threads,
            started,
            work: Vec::new(),
            held_out: None,
            known: Learned::default(),
            evaluation,
            damaged,
        };
        evaluator.work = evaluator.list(&build)?;
        Ok(evaluator)
    }

    /// All jobs.
    fn list(&self, build: &str) -> Result<Vec<Job>, EvaluateError> {
        let (plan, config) = (&self.plan, &self.config);
        let inputs = &self.evaluation.setting.inputs;
        let sweep = plan.sweep.as_ref();
        // Held-out captures are counted in every run, and what is learned is known in each.
        let given = format!(
            "{build}\n{}\n{}",
            setting::hashes(inputs, &plan.held_out),
            setting::hashes(inputs, &plan.learn)
        );
        let mut work = jobs(&plan.stories, sweep, config, &given)?;
        let clean =
            (!plan.clean.is_empty()).then(|| (plan.clean_name(), &plan.clean[..], None));
        let labelled = plan.labelled.iter().map(|(name, truth)| {
            (name.clone(), std::slice::from_ref(name), Some(truth.clone()))
        });
        for (name, files, truth) in labelled.chain(clean) {
            let truth_hash = truth.as_deref().map(setting::hash).transpose()?;
            let given =
                format!("{given}\n{}\n{truth_hash:?}", setting::hashes(inputs, files));
            let files = files.to_vec();
            work.extend(capture_jobs(&name, files, truth, sweep, config, &given)?);
        }
        Ok(work)
    }

    /// Reads into memory what every run needs: held-out captures, and those to learn from.
    ///
    /// # Errors
    ///
    /// A capture that cannot be read.
    pub fn read(&mut self) -> Result<(), EvaluateError> {
        if !self.plan.held_out.is_empty() {
            self.held_out = Some(HeldOut::read(&self.plan.held_out)?);
        }
        self.known = Learned::read(&self.plan.learn)?;
        Ok(())
    }

    /// Does the runs; those that are kept in a file are taken from there. Gives the number
    /// of the signal that ended it early, if one did.
    ///
    /// # Errors
    ///
    /// A scenario that cannot be generated, a setting that cannot be used, or the file of
    /// kept runs.
    pub fn run(
        &mut self,
        keep_in: Option<&Path>,
        observer: &dyn Observer,
    ) -> Result<Option<i32>, EvaluateError> {
        let also = |rules: &Rules<'_>, run: &mut Run| {
            if let Some(held_out) = &self.held_out {
                held_out.count(rules, run);
            }
        };
        let mut kept = keep_in.map(|path| Kept::open(path, observer)).transpose()?;
        let work = std::mem::take(&mut self.work);
        let outcome =
            runner::run(work, self.threads, kept.as_mut(), &self.known, &also, observer)?;
        let mut runs = outcome.runs;
        let mut others = capture_rows(&mut runs, &self.plan);
        let sweep = self.plan.sweep.as_ref();
        self.evaluation.rows = rows::rows(&self.plan.stories, sweep, runs);
        self.evaluation.rows.append(&mut others);
        Ok(outcome.stopped_by)
    }

    /// Adds what is shown beside the runs; with `all`, also what does not depend on them.
    ///
    /// # Errors
    ///
    /// A capture that cannot be read, or a setting that cannot be used.
    pub fn add_curves(&mut self, all: bool) -> Result<(), EvaluateError> {
        let (plan, config) = (&self.plan, &self.config);
        if all {
            self.evaluation.sampling = extras::sampling(config);
            let (points, map) = extras::outbreak(config)?;
            self.evaluation.sketches = points;
            self.evaluation.maps = vec![map];
            self.evaluation.detection_rule = extras::rule(plan.seeds.len() as u64)?;
        }
        if !plan.isolate_after.is_empty() {
            self.evaluation.isolation =
                isolation(&World::ALL, config, &plan.isolate_after, &plan.seeds)?;
        }
        if !plan.clean.is_empty() {
            let clean = HeldOut::read(&plan.clean)?;
            self.evaluation.benign = clean.false_positives(config, &self.known)?;
            if all {
                self.evaluation.maps.push(clean.map(config)?);
            }
        }
        Ok(())
    }

    /// What is known so far.
    pub fn evaluation(&self) -> Evaluation {
        let mut evaluation = self.evaluation.clone();
        evaluation.setting.seconds = self.started.elapsed().as_secs_f64();
        evaluation
    }

    /// Whether some input was damaged.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether every row is as its scenario says, signatures say of hosts and first
    /// sightings what is true, contents are exact often enough, and hosts confirmed for isolation
    /// are infected.
    pub fn is_as_expected(&self) -> bool {
        let rows = &self.evaluation.rows;
        !rows.iter().any(|row| !rows::is_good(row))
            && rows::is_exact_enough(rows::exact(rows))
            && ConfirmedSums::of(rows).is_good()
    }
}

/// Takes the rows of captures out of the runs.
fn capture_rows(runs: &mut BTreeMap<Key, Run>, plan: &Plan) -> Vec<Row> {
    let labelled =
        plan.labelled.iter().map(|(name, _)| (name.clone(), Subject::Labelled));
    let clean = (!plan.clean.is_empty()).then(|| (plan.clean_name(), Subject::Clean));
    let mut found = Vec::new();
    for (name, subject) in labelled.chain(clean) {
        for value in values(plan.sweep.as_ref()) {
            let is_its = |key: &&Key| key.name == name && key.swept.as_ref() == value;
            let key = runs.keys().find(is_its).cloned();
            if let Some(run) = key.and_then(|key| runs.remove(&key)) {
                found.push(rows::capture_row(&name, subject, value.cloned(), run));
            }
        }
    }
    found
}
