//! `wormsift evaluate`: what is detected, how early, at what price.

use crate::args::EvaluateArgs;
use crate::evaluate::held_out::HeldOut;
use crate::evaluate::job::{Key, capture_job, jobs};
use crate::evaluate::plan::Plan;
use crate::evaluate::results::{Evaluation, Row, Run, SCHEMA, Subject, Sweep};
use crate::evaluate::run::Said;
use crate::evaluate::runner::{self, Kept};
use crate::evaluate::{csv, extras, rows, setting, table};
use crate::exit_code::{Exit, Failure};
use crate::rules::replace;
use crate::settings::Settings;
use crate::stdout::print;
use crate::talk::Talk;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use wormsift::config::{Config, Size};

/// Tables of one run, unless told otherwise: scenarios are small, and many run at once.
const MEMORY: Size = Size(64 << 20);

pub(super) fn run(args: &EvaluateArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let started = Instant::now();
    let plan = Plan::new(args)?;
    let mut config = Settings::new(&args.settings)?.config;
    if config.memory.is_none() && config.rate.is_none() {
        config.memory = Some(MEMORY);
    }
    let threads = runner::threads(args.run.threads);
    let mut evaluation = Evaluation {
        schema: SCHEMA.to_owned(),
        title: plan.title.clone(),
        setting: setting::setting(&config, threads, &plan.seeds)?,
        sweep: plan.sweep.clone(),
        ..Evaluation::default()
    };
    for names in [&plan.clean, &plan.held_out] {
        evaluation.setting.inputs.extend(setting::inputs(names)?);
    }
    let mut work = jobs(&plan.profiles, &plan.seeds, plan.sweep.as_ref(), &config)?;
    for (name, truth) in &plan.labelled {
        let files = vec![name.clone()];
        evaluation.setting.inputs.extend(setting::inputs(&files)?);
        let truth = Some(truth.clone());
        work.push(capture_job(name, files, truth, plan.sweep.as_ref(), &config)?);
    }
    let clean_name = plan.clean.join(" ");
    if !plan.clean.is_empty() {
        let files = plan.clean.clone();
        work.push(capture_job(&clean_name, files, None, plan.sweep.as_ref(), &config)?);
    }
    let held_out = match &plan.held_out[..] {
        [] => None,
        files => Some(HeldOut::read(files)?),
    };
    let also = |said: &Said, run: &mut Run| {
        if let Some(held_out) = &held_out {
            held_out.count(said, run);
        }
    };
    let mut kept = match &args.resume {
        Some(path) => Some(Kept::open(path, talk)?),
        None => None,
    };
    talk.show_progress();
    let outcome = runner::run(work, threads, kept.as_mut(), &also, talk)?;
    talk.end_progress();
    let mut runs = outcome.runs;
    let mut others = captures(&mut runs, &plan, &clean_name);
    evaluation.rows = rows::rows(&plan.profiles, plan.sweep.as_ref(), runs);
    evaluation.rows.append(&mut others);
    if outcome.stopped_by.is_none() {
        if !args.runs_only {
            add_extras(&mut evaluation, &config, plan.seeds.len() as u64)?;
        }
        if !plan.clean.is_empty() {
            evaluation.benign = HeldOut::read(&plan.clean)?.false_positives(&config)?;
        }
    }
    evaluation.setting.seconds = started.elapsed().as_secs_f64();
    write(args, &evaluation)?;
    let strange = evaluation.rows.iter().any(|row| !row.as_expected);
    Ok(match outcome.stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if strange && args.strict => Exit::SignatureFound,
        None => Exit::Done,
    })
}

fn add_extras(
    evaluation: &mut Evaluation,
    config: &Config,
    seeds: u64,
) -> Result<(), Failure> {
    evaluation.sampling = extras::sampling(config);
    let (points, map) = extras::keys(config)?;
    evaluation.sketches = points;
    evaluation.maps = vec![map];
    evaluation.detection_rule = extras::rule(seeds)?;
    Ok(())
}

/// Takes the rows of captures out of the runs.
fn captures(runs: &mut BTreeMap<Key, Run>, plan: &Plan, clean: &str) -> Vec<Row> {
    let labelled = plan.labelled.iter().map(|(name, _)| (&**name, Subject::Labelled));
    let clean = (!plan.clean.is_empty()).then_some((clean, Subject::Clean));
    let swept = |sweep: Option<&Sweep>| match sweep {
        Some(sweep) => sweep.values.iter().cloned().map(Some).collect(),
        None => vec![None],
    };
    let mut found = Vec::new();
    for (name, subject) in labelled.chain(clean) {
        for value in swept(plan.sweep.as_ref()) {
            let key =
                runs.keys().find(|key| key.name == name && key.swept == value).cloned();
            if let Some(run) = key.and_then(|key| runs.remove(&key)) {
                found.push(rows::capture_row(name, subject, value, run));
            }
        }
    }
    found
}

fn write(args: &EvaluateArgs, evaluation: &Evaluation) -> Result<(), Failure> {
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(evaluation)
            .map_err(|error| Failure::of(path.display(), error))?;
        if path == Path::new("-") {
            return print(&(text + "\n"));
        }
        replace(path, &(text + "\n"))?;
    }
    if let Some(path) = &args.csv {
        replace(path, &csv::render(evaluation))?;
    }
    if let Some(path) = &args.report {
        replace(path, &crate::evaluate::page::render(evaluation))?;
    }
    print(&table::render(evaluation))
}
