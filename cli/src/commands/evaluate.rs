//! `wormsift evaluate`: what is detected, how early, at what price.

use crate::args::EvaluateArgs;
use crate::evaluate::held_out::HeldOut;
use crate::evaluate::job::{Job, Key, capture_jobs, jobs, values};
use crate::evaluate::learned::Learned;
use crate::evaluate::plan::Plan;
use crate::evaluate::results::{Evaluation, Input, Row, Run, SCHEMA, Subject};
use crate::evaluate::rules_hit::Rules;
use crate::evaluate::runner::{self, Kept};
use crate::evaluate::{csv, extras, rows, setting, table};
use crate::exit_code::{Exit, Failure};
use crate::limits::check_memory;
use crate::output_file::OutputFiles;
use crate::rules::replace;
use crate::settings::Settings;
use crate::signals::{Signals, interruptible};
use crate::stdout::print;
use crate::talk::Talk;
use std::collections::BTreeMap;
use std::time::Instant;
use wormsift::config::{Config, Size};

/// Tables of one run, unless told otherwise: scenarios are small, and many run at once.
const MEMORY: Size = Size(64 << 20);

pub(super) fn run(args: &EvaluateArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let started = Instant::now();
    let plan = Plan::new(args)?;
    check_outputs(args, &plan)?;
    let mut config = Settings::new(&args.settings)?.config;
    if config.memory.is_none() && config.rate.is_none() {
        config.memory = Some(MEMORY);
    }
    let threads = runner::threads(args.run.threads);
    check_memory(&config, threads)?;
    let signals = Signals::new()?;
    let mut evaluation = Evaluation {
        schema: SCHEMA.to_owned(),
        title: plan.title.clone(),
        setting: setting::setting(&config, threads, &plan.seeds)?,
        sweep: plan.sweep.clone(),
        ..Evaluation::default()
    };
    let (inputs, damaged) = setting::inputs(&plan, talk)?;
    setting::check_truths(&plan, &inputs, talk)?;
    let build = match args.resume {
        Some(_) => setting::build()?,
        None => String::new(),
    };
    let work = work(&plan, &config, &inputs, &build)?;
    evaluation.setting.inputs = inputs;
    let nothing_yet = || {};
    let (held_out, known) = interruptible(&signals, nothing_yet, || {
        let held_out = match &plan.held_out[..] {
            [] => None,
            files => Some(HeldOut::read(files)?),
        };
        Ok::<_, Failure>((held_out, Learned::read(&plan.learn)?))
    })?;
    let also = |rules: &Rules<'_>, run: &mut Run| {
        if let Some(held_out) = &held_out {
            held_out.count(rules, run);
        }
    };
    let mut kept = match &args.resume {
        Some(path) => Some(Kept::open(path, talk)?),
        None => None,
    };
    talk.show_progress();
    let outcome =
        runner::run(work, threads, kept.as_mut(), &known, &also, &signals, talk);
    talk.end_progress();
    let outcome = outcome?;
    let mut runs = outcome.runs;
    let mut others = captures(&mut runs, &plan);
    evaluation.rows = rows::rows(&plan.stories, plan.sweep.as_ref(), runs);
    evaluation.rows.append(&mut others);
    if outcome.stopped_by.is_none() {
        let mut without = evaluation.clone();
        without.setting.seconds = started.elapsed().as_secs_f64();
        // The runs are worth more than the curves: a signal costs only these.
        let flush = || {
            if let Err(Failure::Usage(reason) | Failure::Failed(reason)) =
                write(args, &without)
            {
                eprintln!("wormsift: {reason}");
            }
        };
        let pool = args.run.pool()?;
        let curves =
            || add_curves(&mut evaluation, &plan, &config, &known, !args.runs_only);
        interruptible(&signals, flush, || pool.install(curves))?;
    }
    evaluation.setting.seconds = started.elapsed().as_secs_f64();
    write(args, &evaluation)?;
    let wrong = |row: &Row| !row.as_expected || !row.rules_wrong.is_empty();
    let strange = evaluation.rows.iter().any(wrong)
        || !rows::is_exact_enough(rows::exact(&evaluation.rows));
    Ok(match outcome.stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if strange && args.strict => Exit::SignatureFound,
        None if damaged => Exit::Damaged,
        None => Exit::Done,
    })
}

/// All jobs.
fn work(
    plan: &Plan,
    config: &Config,
    inputs: &[Input],
    build: &str,
) -> Result<Vec<Job>, Failure> {
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
        work.extend(capture_jobs(&name, files.to_vec(), truth, sweep, config, &given)?);
    }
    Ok(work)
}

/// What is shown beside the runs.
fn add_curves(
    evaluation: &mut Evaluation,
    plan: &Plan,
    config: &Config,
    known: &Learned,
    all: bool,
) -> Result<(), Failure> {
    if all {
        evaluation.sampling = extras::sampling(config);
        let (points, map) = extras::outbreak(config)?;
        evaluation.sketches = points;
        evaluation.maps = vec![map];
        evaluation.detection_rule = extras::rule(plan.seeds.len() as u64)?;
    }
    if !plan.clean.is_empty() {
        let clean = HeldOut::read(&plan.clean)?;
        evaluation.benign = clean.false_positives(config, known)?;
        if all {
            evaluation.maps.push(clean.map(config)?);
        }
    }
    Ok(())
}

/// Takes the rows of captures out of the runs.
fn captures(runs: &mut BTreeMap<Key, Run>, plan: &Plan) -> Vec<Row> {
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

/// Whether the files can be written that are written at the end.
fn check_outputs(args: &EvaluateArgs, plan: &Plan) -> Result<(), Failure> {
    let looks_like_output = |name: &String| name == "-" || name.ends_with(".json");
    if args.json && args.captures.first().is_some_and(looks_like_output) {
        return Err(Failure::usage(format_args!(
            "--json takes no file: it prints on stdout; for a file give --json-file {}",
            args.captures[0]
        )));
    }
    OutputFiles::default()
        .add("--csv", args.csv.as_deref())
        .add("--report", args.report.as_deref())
        .add("--json-file", args.json_file.as_deref())
        .add("--resume", args.resume.as_deref())
        .check(plan.captures().map(String::as_str))
}

/// Each file is written whatever became of the others, and of stdout; the first failure
/// counts.
fn write(args: &EvaluateArgs, evaluation: &Evaluation) -> Result<(), Failure> {
    let json = || {
        serde_json::to_string_pretty(evaluation)
            .map(|text| text + "\n")
            .map_err(|error| Failure::of("JSON", error))
    };
    let results = [
        args.csv.as_deref().map(|path| replace(path, &csv::render(evaluation))),
        args.report
            .as_deref()
            .map(|path| replace(path, &crate::evaluate::page::render(evaluation))),
        args.json_file
            .as_deref()
            .map(|path| json().and_then(|text| replace(path, &text))),
        Some(match args.json {
            true => json().and_then(|text| print(&text)),
            false => print(&table::render(evaluation)),
        }),
    ];
    results.into_iter().flatten().collect()
}
