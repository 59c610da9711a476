//! `wormsift evaluate`: what is detected, how early, at what price.

use crate::args::EvaluateArgs;
use crate::args::limits::check_memory;
use crate::args::settings::Settings;
use crate::input::signals::{Signals, interruptible};
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::OutputFiles;
use crate::output::rules::replace;
use crate::output::stdout::print;
use crate::output::talk::Talk;
use std::fmt::Display;
use wormsift_evaluate::{
    EvaluateError, Evaluation, Evaluator, MEMORY, Observer, Plan, Request, render_csv,
    render_page, render_table, threads,
};

pub(super) fn run(args: &EvaluateArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let plan = Plan::new(&request(args))?;
    check_outputs(args, &plan)?;
    let mut settings = Settings::new(&args.settings)?;
    if !settings.is_given("memory") {
        settings.config.memory = MEMORY;
    }
    let config = settings.config;
    let threads = threads(args.run.threads);
    check_memory(&config, threads)?;
    let signals = Signals::new()?;
    let resume = args.resume.as_deref();
    let watch = Watch { talk, signals: &signals };
    let mut evaluator = Evaluator::new(plan, config, threads, resume.is_some(), &watch)?;
    interruptible(&signals, || {}, || evaluator.read())?;
    talk.show_progress();
    let watch = Watch { talk, signals: &signals };
    let stopped_by = evaluator.run(resume, &watch);
    talk.end_progress();
    let stopped_by = stopped_by?;
    if stopped_by.is_none() {
        let without = evaluator.evaluation();
        // The runs are worth more than the curves: a signal costs only these.
        let flush = || {
            if let Err(Failure::Usage(reason) | Failure::Failed(reason)) =
                write(args, &without)
            {
                eprintln!("wormsift: {reason}");
            }
        };
        let pool = args.run.pool()?;
        let curves = || evaluator.add_curves(!args.runs_only);
        interruptible(&signals, flush, || pool.install(curves))?;
    }
    write(args, &evaluator.evaluation())?;
    Ok(match stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if args.strict && !evaluator.is_as_expected() => Exit::SignatureFound,
        None if evaluator.is_damaged() => Exit::Damaged,
        None => Exit::Done,
    })
}

fn request(args: &EvaluateArgs) -> Request {
    Request {
        suite: args.suite.map(Into::into),
        scenarios: args.scenario.clone(),
        manifest: args.manifest.clone(),
        captures: args.captures.clone(),
        clean: args.clean.clone(),
        held_out: args.held_out.clone(),
        learn: args.learn.clone(),
        seeds: args.seeds,
        sweep: args.sweep.clone(),
        isolate_after: args.isolate_after.clone(),
    }
}

/// Shows progress and warnings, and looks for signals.
struct Watch<'a> {
    talk: &'a Talk,
    signals: &'a Signals,
}

impl Observer for Watch<'_> {
    fn error(&self, text: &dyn Display) {
        self.talk.error(text);
    }

    fn warning(&self, text: &dyn Display) {
        self.talk.warning(text);
    }

    fn runs(&self, done: u64, all: u64) {
        self.talk.progress().runs(done, all);
    }

    fn stopped_by(&self) -> Option<i32> {
        self.signals.caught()
    }
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Self {
        match error.is_usage() {
            true => Self::usage(error),
            false => Self::Failed(error.to_string()),
        }
    }
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
        args.csv.as_deref().map(|path| replace(path, &render_csv(evaluation))),
        args.report.as_deref().map(|path| replace(path, &render_page(evaluation))),
        args.json_file
            .as_deref()
            .map(|path| json().and_then(|text| replace(path, &text))),
        Some(match args.json {
            true => json().and_then(|text| print(&text)),
            false => print(&render_table(evaluation)),
        }),
    ];
    results.into_iter().flatten().collect()
}
