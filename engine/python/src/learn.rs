//! `learn`: benign captures in, the keys of their content out.

use crate::arguments::{self, Moment, Whole};
use crate::captures::{self, Captures};
use crate::config::{self, Config};
use crate::error;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use wormsift::config::Size;
use wormsift::pipeline;
use wormsift_run::{Selection, limits};

/// Content that is known to be good: what `detect` and Sensor take as `baseline`, once it is saved.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Baseline {
    file: Vec<u8>,
    contents: u64,
    capacity: u64,
    refused: u64,
}

#[pymethods]
impl Baseline {
    /// Contents that are known.
    #[getter]
    fn contents(&self) -> u64 {
        self.contents
    }

    /// Contents for which there is room at the rate that was asked for.
    #[getter]
    fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How many times a content was not taken in, for lack of room.
    #[getter]
    fn refused(&self) -> u64 {
        self.refused
    }

    /// Writes it to a file.
    fn save(&self, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let path = arguments::path_text(path)?;
        std::fs::write(&path, &self.file).map_err(|reason| error::file(&path, reason))
    }

    fn __repr__(&self) -> String {
        format!(
            "<wormsift.Baseline of {} contents, room for {}>",
            self.contents, self.capacity
        )
    }
}

/// Learns what is good from captures without worms, as `wormsift learn` does.
///
/// `sightings` within the prevalence window make a content known; `false_positive_rate` says how
/// often an unknown one may be taken for a known one; `size` is the memory of the baseline, as bytes
/// or text such as "4MiB". It belongs to the settings that it was learned with.
#[pyfunction]
#[pyo3(signature = (
    captures, *, output=None, sightings=Whole(pipeline::Baseline::DEFAULT_SIGHTINGS),
    false_positive_rate=pipeline::Baseline::DEFAULT_RATE, size=None, config=None, filter=None,
    only_net=None, exclude_net=None, since=None, until=None, count=None, threads=None, **settings
), text_signature = "(captures, *, output=None, sightings=2, false_positive_rate=1e-06, size=None, config=None, filter=None, only_net=None, exclude_net=None, since=None, until=None, count=None, threads=None, **settings)")]
pub(crate) fn learn(
    py: Python<'_>,
    captures: &Bound<'_, PyAny>,
    output: Option<&Bound<'_, PyAny>>,
    sightings: Whole<u8>,
    false_positive_rate: f64,
    size: Option<&Bound<'_, PyAny>>,
    config: Option<&Config>,
    filter: Option<&str>,
    only_net: Option<&Bound<'_, PyAny>>,
    exclude_net: Option<&Bound<'_, PyAny>>,
    since: Option<Moment>,
    until: Option<Moment>,
    count: Option<Whole<u64>>,
    threads: Option<Whole<usize>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Baseline> {
    let config = config::of_call(config, settings)?;
    if !(1..=15).contains(&sightings.0) {
        return Err(error::value(format!(
            "sightings: expected 1 to 15, found {}",
            sightings.0
        )));
    }
    if !(1e-12..=0.1).contains(&false_positive_rate) {
        let found = false_positive_rate;
        return Err(error::value(format!(
            "false_positive_rate: expected 1e-12 to 0.1, found {found}"
        )));
    }
    let bytes = bytes("size", size, pipeline::Baseline::DEFAULT_SIZE)?;
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
    let mut baseline = pipeline::Baseline::new(&config, bytes, false_positive_rate);
    let selection = Selection::new(choice, &config);
    let mut sensor = captures::sensor(py, config, None)?;
    sensor.keep_decisions();
    captures::read_all(py, inputs, selection, |batch| {
        if let Some(batch) = batch {
            pool.install(|| sensor.sift(batch));
        }
        baseline.learn_from(&mut sensor, sightings.0);
    })?;
    let keys = baseline.keys();
    let learned = Baseline {
        file: baseline.write(),
        contents: keys.len() as u64,
        capacity: keys.capacity() as u64,
        refused: keys.refused(),
    };
    if let Some(output) = output {
        learned.save(output)?;
    }
    Ok(learned)
}

/// A number of bytes that this machine has: an int, or text with a unit.
pub(crate) fn bytes(
    name: &str,
    given: Option<&Bound<'_, PyAny>>,
    default: Size,
) -> PyResult<usize> {
    let bytes = match given {
        None => default.0,
        Some(given) => match given.cast::<PyString>() {
            Ok(text) => {
                let size = text.to_cow()?.parse::<Size>();
                size.map_err(|reason| error::value(format!("{name}: {reason}")))?.0
            }
            Err(_) => given.extract::<Whole<u64>>()?.0,
        },
    };
    if bytes == 0 {
        return Err(error::value(format!("{name}: expected at least 1 byte, found 0")));
    }
    limits::check_bytes(bytes, || name.to_owned()).map_err(error::value)?;
    usize::try_from(bytes).map_err(error::value)
}
