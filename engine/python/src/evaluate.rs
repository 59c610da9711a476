//! `evaluate`: how well the sensor detects, as tables.

use crate::arguments::{self, Whole};
use crate::captures::Captures;
use crate::config::{self, Config};
use crate::error;
use crate::table::{Columns, Table};
use crate::values;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDict, PyString};
use serde_json::Value;
use std::fmt::Display;
use std::num::NonZero;
use std::sync::Mutex;
use wormsift::config::{Size, Span};
use wormsift_evaluate::{
    EvaluateError, Evaluator, Observer, Plan, Request, Suite, Sweep, parse_sweep,
    render_csv, render_page, render_table,
};
use wormsift_run::limits;

/// What an evaluation found.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Evaluation {
    evaluation: wormsift_evaluate::Evaluation,
    /// The same as JSON.
    json: Value,
    as_expected: bool,
}

/// A column: its name, where its value stands in a row, and what it is.
type Column = (&'static str, &'static str, What);

#[derive(Clone, Copy)]
enum What {
    Text,
    Bool,
    Whole,
    Number,
}

/// Columns of the table of rows: one scenario or capture under one group of settings.
const ROWS: &[Column] = &[
    ("name", "/name", What::Text),
    ("subject", "/subject", What::Text),
    ("settings", "/settings", What::Text),
    ("swept", "/swept", What::Text),
    ("as_expected", "/as_expected", What::Bool),
    ("dispersion_expected", "/dispersion/expected", What::Text),
    ("dispersion_detected", "/dispersion/detected", What::Whole),
    ("dispersion_runs", "/dispersion/runs", What::Whole),
    ("dispersion_rate_low", "/dispersion/rate_interval/0", What::Number),
    ("dispersion_rate_high", "/dispersion/rate_interval/1", What::Number),
    ("dispersion_seconds", "/dispersion/seconds/median", What::Number),
    ("dispersion_infected", "/dispersion/infected/median", What::Number),
    ("propagation_expected", "/propagation/expected", What::Text),
    ("propagation_detected", "/propagation/detected", What::Whole),
    ("propagation_runs", "/propagation/runs", What::Whole),
    ("propagation_rate_low", "/propagation/rate_interval/0", What::Number),
    ("propagation_rate_high", "/propagation/rate_interval/1", What::Number),
    ("propagation_seconds", "/propagation/seconds/median", What::Number),
    ("propagation_infected", "/propagation/infected/median", What::Number),
    ("first_detected", "/first/detected", What::Whole),
    ("first_runs", "/first/runs", What::Whole),
    ("first_seconds", "/first/seconds/median", What::Number),
    ("first_infected", "/first/infected/median", What::Number),
    ("false_signatures", "/false_signatures/mean", What::Number),
    ("benign_packets_matched", "/benign_packets_matched/mean", What::Number),
    ("recall", "/recall/mean", What::Number),
    ("precision", "/precision/mean", What::Number),
    ("exact", "/exact/0", What::Whole),
    ("exact_runs", "/exact/1", What::Whole),
    ("incidents", "/incidents/number/mean", What::Number),
    ("packets", "/packets/mean", What::Number),
    ("memory_bytes", "/memory_bytes", What::Whole),
    ("bytes_per_second", "/bytes_per_second", What::Number),
];

/// Columns of the table of runs beside the name, the settings and the swept value of their row.
const RUNS: &[Column] = &[
    ("seed", "/seed", What::Whole),
    ("packets", "/packets", What::Whole),
    ("bytes", "/bytes", What::Whole),
    ("dispersion_seconds", "/dispersion/seconds", What::Number),
    ("dispersion_packets", "/dispersion/packets", What::Whole),
    ("dispersion_infected", "/dispersion/infected", What::Whole),
    ("propagation_seconds", "/propagation/seconds", What::Number),
    ("propagation_packets", "/propagation/packets", What::Whole),
    ("propagation_infected", "/propagation/infected", What::Whole),
    ("first_seconds", "/first/seconds", What::Number),
    ("first_packets", "/first/packets", What::Whole),
    ("first_infected", "/first/infected", What::Whole),
    ("recall", "/recall", What::Number),
    ("precision", "/precision", What::Number),
    ("vulnerable", "/vulnerable", What::Whole),
    ("memory_bytes", "/memory_bytes", What::Whole),
    ("seconds", "/seconds", What::Number),
];

fn add(columns: &mut Columns, all: &[&Value], list: &[Column]) {
    for (name, pointer, what) in list {
        let values = all.iter().map(|row| row.pointer(pointer));
        match what {
            What::Text => columns.text(name, values.map(|it| it?.as_str())),
            What::Bool => columns.bools(name, values.map(|it| it?.as_bool())),
            What::Whole => columns.u64(name, values.map(|it| it?.as_u64())),
            What::Number => columns.f64(name, values.map(|it| it?.as_f64())),
        }
    }
}

impl Evaluation {
    fn list(&self) -> Vec<&Value> {
        self.json["rows"].as_array().into_iter().flatten().collect()
    }
}

#[pymethods]
impl Evaluation {
    /// Table of rows: one scenario or capture under one group of settings and one swept value.
    #[getter]
    fn rows(&self) -> PyResult<Table> {
        let mut columns = Columns::default();
        add(&mut columns, &self.list(), ROWS);
        columns.table("evaluation rows")
    }

    /// Table of runs: one seed each.
    #[getter]
    fn runs(&self) -> PyResult<Table> {
        let rows = self.list();
        let runs: Vec<(&Value, &Value)> = rows
            .iter()
            .flat_map(|row| {
                row["runs"].as_array().into_iter().flatten().map(|run| (*row, run))
            })
            .collect();
        let of_rows: Vec<&Value> = runs.iter().map(|(row, _)| *row).collect();
        let of_runs: Vec<&Value> = runs.iter().map(|(_, run)| *run).collect();
        let mut columns = Columns::default();
        let shared =
            ROWS.iter().filter(|(name, ..)| ["name", "settings", "swept"].contains(name));
        add(&mut columns, &of_rows, &shared.copied().collect::<Vec<_>>());
        add(&mut columns, &of_runs, RUNS);
        columns.table("evaluation runs")
    }

    /// The rows as a DataFrame of pandas, which must be installed with pyarrow.
    fn to_frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = Bound::new(py, self.rows()?)?;
        rows.call_method0("to_pandas")
    }

    /// Whether every row is as its scenario says.
    #[getter]
    fn as_expected(&self) -> bool {
        self.as_expected
    }

    /// All of it, as `wormsift evaluate --json` prints it.
    fn to_json(&self) -> PyResult<String> {
        serde_json::to_string_pretty(&self.evaluation)
            .map(|text| text + "\n")
            .map_err(|reason| error::Error::new_err(reason.to_string()))
    }

    /// All of it as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::object(py, &self.json)
    }

    /// The rows as comma-separated values, as `--csv` writes them.
    fn to_csv(&self) -> String {
        render_csv(&self.evaluation)
    }

    /// The page that `--report` writes.
    fn to_html(&self) -> String {
        render_page(&self.evaluation)
    }

    /// The table that the tool prints.
    fn __str__(&self) -> String {
        render_table(&self.evaluation)
    }

    fn __repr__(&self) -> String {
        let runs: usize =
            self.list().iter().filter_map(|it| Some(it["runs"].as_array()?.len())).sum();
        format!("<wormsift.Evaluation, {} rows of {runs} runs>", self.list().len())
    }
}

/// Measures detection over scenarios, labelled captures and sweeps, as `wormsift evaluate` does.
///
/// `suite` is standard, plain, trust or adversary; `scenarios` are names of `scenarios()`; `captures`
/// have their truth beside them. `sweep` is text such as "sources=2..50:4", or a pair of a setting
/// and its values. Seeds go from 1 on. With `curves` all that the report page shows is made. Without a
/// setting each run has tables of 64 MiB.
#[pyfunction]
#[pyo3(signature = (
    scenarios=None, *, suite=None, captures=None, clean=None, held_out=None, learn=None,
    manifest=None, seeds=None, sweep=None, isolate_after=None, curves=false, config=None,
    threads=None, **settings
))]
pub(crate) fn evaluate(
    py: Python<'_>,
    scenarios: Option<&Bound<'_, PyAny>>,
    suite: Option<&str>,
    captures: Option<&Bound<'_, PyAny>>,
    clean: Option<&Bound<'_, PyAny>>,
    held_out: Option<&Bound<'_, PyAny>>,
    learn: Option<&Bound<'_, PyAny>>,
    manifest: Option<&Bound<'_, PyAny>>,
    seeds: Option<Whole<u64>>,
    sweep: Option<&Bound<'_, PyAny>>,
    isolate_after: Option<Vec<Bound<'_, PyAny>>>,
    curves: bool,
    config: Option<&Config>,
    threads: Option<Whole<usize>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Evaluation> {
    let gives_memory = config.is_some()
        || settings.is_some_and(|it| it.contains("memory").unwrap_or(false));
    let mut config = config::of_call(config, settings)?;
    if !gives_memory {
        config.memory = MEMORY;
    }
    let names = |given: Option<&Bound<'_, PyAny>>| match given {
        Some(given) => Captures::of(given)?.names(),
        None => Ok(Vec::new()),
    };
    if let Some(found) = seeds.map(|it| it.0).filter(|it| !(1..=100_000).contains(it)) {
        return Err(error::value(format!("seeds: expected 1 to 100000, found {found}")));
    }
    let scenarios = match scenarios {
        Some(given) => arguments::several(given)?
            .iter()
            .map(|it| it.extract::<String>())
            .collect::<PyResult<_>>()?,
        None => Vec::new(),
    };
    let request = Request {
        suite: suite.map(self::suite).transpose()?,
        scenarios,
        manifest: manifest.map(arguments::path_text).transpose()?.map(Into::into),
        captures: names(captures)?,
        clean: names(clean)?,
        held_out: names(held_out)?,
        learn: names(learn)?,
        seeds: seeds.map(|it| it.0),
        sweep: sweep.map(sweep_of).transpose()?,
        isolate_after: isolate_after
            .into_iter()
            .flatten()
            .map(|it| span(&it))
            .collect::<PyResult<_>>()?,
    };
    let pool = arguments::pool(threads.map(|it| it.0))?;
    let threads = wormsift_evaluate::threads(threads.and_then(|it| NonZero::new(it.0)));
    limits::check_memory(&config, threads).map_err(error::config)?;
    let watch = Watch::default();
    let done = error::detached(py, || -> Result<_, EvaluateError> {
        let plan = Plan::new(&request)?;
        let mut evaluator = Evaluator::new(plan, config, threads, false, &watch)?;
        evaluator.read()?;
        let stopped_by = evaluator.run(None, &watch)?;
        if stopped_by.is_none() {
            pool.install(|| evaluator.add_curves(curves))?;
        }
        Ok((evaluator.evaluation(), evaluator.is_as_expected()))
    })?;
    let told = watch.take();
    if let Some(error) = told.interrupt {
        return Err(error);
    }
    told.lines.iter().try_for_each(|line| error::warn(py, line))?;
    let (evaluation, as_expected) = done.map_err(|reason| match reason.is_usage() {
        true => error::config(reason),
        false => error::input(reason),
    })?;
    let json = serde_json::to_value(&evaluation)
        .map_err(|reason| error::Error::new_err(reason.to_string()))?;
    Ok(Evaluation { evaluation, json, as_expected })
}

/// Tables of one run, unless told otherwise.
const MEMORY: Size = wormsift_evaluate::MEMORY;

fn suite(name: &str) -> PyResult<Suite> {
    name.parse().map_err(|()| {
        let found = name.escape_debug();
        error::config(format!(
            "suite: expected standard, plain, trust or adversary, found `{found}`"
        ))
    })
}

/// A sweep as text, or a setting and its values.
fn sweep_of(given: &Bound<'_, PyAny>) -> PyResult<Sweep> {
    let text = match given.cast::<PyString>() {
        Ok(text) => text.to_cow()?.into_owned(),
        Err(_) => {
            let (name, values): (String, Vec<Bound<'_, PyAny>>) = given.extract()?;
            let values = values.iter().map(|it| Ok(it.str()?.to_cow()?.into_owned()));
            format!("{name}={}", values.collect::<PyResult<Vec<String>>>()?.join(","))
        }
    };
    parse_sweep(&text).map_err(error::config)
}

/// A length of time: text such as "10s", a timedelta, or seconds.
fn span(given: &Bound<'_, PyAny>) -> PyResult<Span> {
    let wrong = || error::value("isolate_after: expected times above zero");
    if let Ok(text) = given.cast::<PyString>() {
        return text.to_cow()?.parse().map_err(error::value);
    }
    if let Ok(span) = given.cast::<PyDelta>() {
        return values::nanoseconds(span).map(Span).ok_or_else(wrong);
    }
    let nanos = given.extract::<f64>()? * 1e9;
    (0.0..u64::MAX as f64)
        .contains(&nanos)
        .then_some(Span(nanos as u64))
        .ok_or_else(wrong)
}

/// Looks for signals between runs, and keeps what is said.
#[derive(Default)]
struct Watch(Mutex<Told>);

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    interrupt: Option<PyErr>,
}

impl Watch {
    fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn take(self) -> Told {
        self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Observer for Watch {
    fn error(&self, text: &dyn Display) {
        self.with(|told| told.lines.push(text.to_string()));
    }

    fn warning(&self, text: &dyn Display) {
        self.with(|told| told.lines.push(text.to_string()));
    }

    fn runs(&self, _: u64, _: u64) {}

    fn stopped_by(&self) -> Option<i32> {
        const SIGINT: i32 = 2;
        if self.with(|told| told.interrupt.is_some()) {
            return Some(SIGINT);
        }
        // Only the main thread of Python looks for signals; elsewhere there is none.
        let error = Python::attach(|py| py.check_signals()).err()?;
        self.with(|told| told.interrupt = Some(error));
        Some(SIGINT)
    }
}
