//! `match`: the packets that the rules of signatures would alert on.

use crate::arguments::{self, Moment, Whole};
use crate::captures::{self, Captures};
use crate::config::{self, Config};
use crate::detect::Run;
use crate::error;
use crate::findings::Signature;
use crate::learn::bytes;
use crate::table::{Columns, Table};
use crate::values;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::convert::Infallible;
use std::path::PathBuf;
use wormsift::{Finding, Timestamp};
use wormsift_export::json_lines;
use wormsift_run::{MatchStats, Search, Selection, signature_files};

/// What signatures matched.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Matches {
    all: Vec<wormsift_run::Matches>,
    hits: Vec<Hit>,
    stats: MatchStats,
    lines: Vec<String>,
    not_looked_for: Vec<String>,
}

struct Hit {
    id: String,
    packet: u64,
    time: Timestamp,
    source: String,
    destination: String,
    ports: [u16; 2],
}

#[pymethods]
impl Matches {
    /// Table of signatures: how many packets each matched, the most frequent first.
    #[getter]
    fn signatures(&self) -> PyResult<Table> {
        let all = || self.all.iter();
        let mut columns = Columns::default();
        columns.text("id", all().map(|it| Some(&*it.id)));
        columns.text("service", all().map(|it| Some(&*it.service)));
        columns.u64("length", all().map(|it| Some(it.length as u64)));
        columns.u64("packets", all().map(|it| Some(it.packets)));
        columns.u64("first_packet", all().map(|it| it.first_packet));
        columns.u64("last_packet", all().map(|it| it.last_packet));
        columns.times("first_seen", all().map(|it| it.span.map(|it| it[0])));
        columns.times("last_seen", all().map(|it| it.span.map(|it| it[1])));
        columns.table("matches")
    }

    /// Table of packets that a signature matched, in order; empty unless `hits` were asked for.
    #[getter]
    fn hits(&self) -> PyResult<Table> {
        let all = || self.hits.iter();
        let mut columns = Columns::default();
        columns.text("id", all().map(|it| Some(&*it.id)));
        columns.u64("packet", all().map(|it| Some(it.packet)));
        columns.times("time", all().map(|it| Some(it.time)));
        columns.text("source", all().map(|it| Some(&*it.source)));
        columns.text("destination", all().map(|it| Some(&*it.destination)));
        columns.u16("source_port", all().map(|it| Some(it.ports[0])));
        columns.u16("destination_port", all().map(|it| Some(it.ports[1])));
        columns.table("hits")
    }

    /// Packets on which at least one signature holds.
    #[getter]
    fn matched(&self) -> u64 {
        self.stats.matched
    }

    /// Packets that were looked at.
    #[getter]
    fn packets(&self) -> u64 {
        self.stats.packets
    }

    /// What was looked at.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        values::dict(py, &wormsift_run::by_name(&self.stats))
    }

    /// Signatures that are too weak to look for, a line each.
    #[getter]
    fn not_looked_for(&self) -> Vec<String> {
        self.not_looked_for.clone()
    }

    /// The JSON lines of `wormsift match --json`.
    fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    fn __repr__(&self) -> String {
        let (matched, packets) = (self.stats.matched, self.stats.packets);
        format!("<wormsift.Matches, {matched} of {packets} packets>")
    }
}

/// Looks for signatures in captures, as `wormsift match` does.
///
/// signatures: a Run, a list of Signature, or files of `wormsift detect --json`. With `hits` each
/// packet that one matches is kept, too. `most_bytes` of a content are looked for, 16 to 2048.
#[pyfunction]
#[pyo3(signature = (
    signatures, captures, *, hits=false, most_bytes=Whole(Search::MOST_BYTES), tail_memory=None,
    config=None, filter=None, only_net=None, exclude_net=None, since=None, until=None,
    count=None, threads=None, **settings
), text_signature = "(signatures, captures, *, hits=False, most_bytes=256, tail_memory=None, config=None, filter=None, only_net=None, exclude_net=None, since=None, until=None, count=None, threads=None, **settings)")]
pub(crate) fn r#match(
    py: Python<'_>,
    signatures: &Bound<'_, PyAny>,
    captures: &Bound<'_, PyAny>,
    hits: bool,
    most_bytes: Whole<u16>,
    tail_memory: Option<&Bound<'_, PyAny>>,
    config: Option<&Config>,
    filter: Option<&str>,
    only_net: Option<&Bound<'_, PyAny>>,
    exclude_net: Option<&Bound<'_, PyAny>>,
    since: Option<Moment>,
    until: Option<Moment>,
    count: Option<Whole<u64>>,
    threads: Option<Whole<usize>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Matches> {
    let config = config::of_call(config, settings)?;
    if !(16..=2_048).contains(&most_bytes.0) {
        return Err(error::value(format!(
            "most_bytes: expected 16 to 2048, found {}",
            most_bytes.0
        )));
    }
    let tails = bytes("tail_memory", tail_memory, Search::TAIL_MEMORY)?;
    let signatures = signatures_of(py, signatures)?;
    let choice = captures::choice(
        filter,
        only_net,
        exclude_net,
        since,
        until,
        count.map(|it| it.0),
    )?;
    let pool = arguments::pool(threads.map(|it| it.0))?;
    let inputs = Captures::of(captures)?.open()?;
    let mut search =
        error::detached(py, || Search::new(&signatures, most_bytes.0, tails, &config))?
            .map_err(error::config)?;
    let (mut kept, mut lines) = (Vec::new(), Vec::new());
    captures::read_all(py, inputs, Selection::new(choice, &config), |batch| {
        let Some(batch) = batch else { return };
        let Ok(()) = search.batch(batch, &pool, |hit| {
            if hits {
                lines.push(json_lines::line("hit", hit).unwrap_or_default());
                kept.push(Hit {
                    id: hit.id.to_owned(),
                    packet: hit.packet,
                    time: hit.at,
                    source: hit.source.0.clone(),
                    destination: hit.destination.0.clone(),
                    ports: [hit.source_port, hit.destination_port],
                });
            }
            Ok::<(), Infallible>(())
        });
    })?;
    let not_looked_for = search.not_looked_for().to_vec();
    let (all, stats) = search.finish();
    let line = |it| json_lines::line("matches", it).unwrap_or_default();
    lines.extend(all.iter().map(line));
    lines.push(json_lines::line("match_stats", &stats).unwrap_or_default());
    Ok(Matches { all, hits: kept, stats, lines, not_looked_for })
}

/// The signatures that are meant.
fn signatures_of(
    py: Python<'_>,
    given: &Bound<'_, PyAny>,
) -> PyResult<Vec<wormsift::Signature>> {
    if let Ok(run) = given.cast::<Run>() {
        return run.get().last_words(py);
    }
    let is_path = given.is_instance_of::<PyString>() || given.hasattr("__fspath__")?;
    if is_path {
        return read(py, vec![PathBuf::from(arguments::path_text(given)?)]);
    }
    let mut signatures = Vec::new();
    for it in given.try_iter()? {
        let it = it?;
        match it.cast::<Signature>() {
            Ok(signature) => signatures.push(signature.get().get().clone()),
            Err(_) => {
                signatures
                    .extend(read(py, vec![PathBuf::from(arguments::path_text(&it)?)])?);
            }
        }
    }
    Ok(signatures)
}

/// The last words in files; a line that cannot be read is warned of.
fn read(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<wormsift::Signature>> {
    let mut said = Vec::new();
    let found = error::detached(py, || {
        signature_files::read(&paths, &mut |line| said.push(line))
    })?
    .map_err(error::input)?;
    said.iter().try_for_each(|line| error::warn(py, line))?;
    Ok(found.signatures)
}

/// The last word on each signature in files of `wormsift detect --json`.
#[pyfunction]
#[pyo3(signature = (paths, /))]
pub(crate) fn read_signatures(
    py: Python<'_>,
    paths: &Bound<'_, PyAny>,
) -> PyResult<Vec<Signature>> {
    let paths = arguments::several(paths)?;
    let paths = paths.iter().map(|it| Ok(PathBuf::from(arguments::path_text(it)?)));
    let found = read(py, paths.collect::<PyResult<_>>()?)?;
    Ok(found.into_iter().map(|it| Signature::new(Finding::Summary(it))).collect())
}
