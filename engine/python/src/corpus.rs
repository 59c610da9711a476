//! `generate`: traffic with known answers, into a file or into memory.

use crate::arguments::{self, Moment, Whole};
use crate::captures::Kind;
use crate::error;
use crate::values;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDelta, PyDict, PyList};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wormsift_corpora::body::{Body, Piece};
use wormsift_corpora::frame_builder::MAX_PAYLOAD;
use wormsift_corpora::ground_truth::ContentTruth;
use wormsift_corpora::{
    CaptureFile, Carriage, CorpusError, FrameStream, FrameWriter, GenerateOptions,
    GroundTruth, PcapngWriter, Scenario,
};

/// Packets that are made before signals are looked for.
const STRETCH: usize = 4_096;

/// A generated capture and its truth.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Corpus {
    place: Place,
    truth: GroundTruth,
}

enum Place {
    File(PathBuf),
    Memory(Arc<Vec<u8>>),
}

impl Corpus {
    /// The capture as a run reads it.
    pub(crate) fn capture(&self) -> PyResult<Kind> {
        match &self.place {
            Place::Memory(bytes) => {
                Ok(Kind::Memory(self.truth.scenario.clone(), Arc::clone(bytes)))
            }
            Place::File(path) => match path.to_str() {
                Some(name) => Ok(Kind::Argument(name.to_owned())),
                None => Err(error::file(path.display(), "expected a name in UTF-8")),
            },
        }
    }
}

#[pymethods]
impl Corpus {
    /// The capture's file; None where it is in memory.
    #[getter]
    fn path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::File(path) => Some(path.clone()),
            Place::Memory(_) => None,
        }
    }

    /// The capture, pcapng, where it is in memory.
    #[getter]
    fn capture_bytes<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match &self.place {
            Place::File(_) => None,
            Place::Memory(bytes) => Some(PyBytes::new(py, bytes)),
        }
    }

    /// The scenario's name.
    #[getter]
    fn scenario(&self) -> &str {
        &self.truth.scenario
    }

    /// What it was drawn from.
    #[getter]
    fn seed(&self) -> u64 {
        self.truth.seed
    }

    /// How many packets it has.
    #[getter]
    fn packets(&self) -> u64 {
        self.truth.packets
    }

    /// How many hosts were infected.
    #[getter]
    fn infected(&self) -> usize {
        self.truth.infections.len()
    }

    /// What was planted: of each content the pieces that are the same in every copy.
    #[getter]
    fn contents<'py>(&self, py: Python<'py>) -> Vec<Vec<Bound<'py, PyBytes>>> {
        let pieces = |it: &ContentTruth| -> Vec<_> {
            it.invariant_pieces().iter().map(|piece| PyBytes::new(py, piece)).collect()
        };
        self.truth.contents.iter().map(pieces).collect()
    }

    /// All that is known of it: planted contents, infections, and the packets that carry them.
    #[getter]
    fn truth<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let json = self.truth.to_json().map_err(error::input)?;
        values::dict_of_line(py, &json)
    }

    fn __repr__(&self) -> String {
        format!(
            "<wormsift.Corpus {}, seed {}: {} packets, {} infected>",
            self.truth.scenario,
            self.truth.seed,
            self.truth.packets,
            self.truth.infections.len()
        )
    }
}

/// Names of all scenarios, and what each is.
#[pyfunction]
pub(crate) fn scenarios(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for profile in Scenario::profiles() {
        let dict = PyDict::new(py);
        dict.set_item("name", profile.name)?;
        dict.set_item("summary", profile.summary)?;
        dict.set_item("defeats", profile.defeats)?;
        list.append(dict)?;
    }
    Ok(list)
}

/// Generates traffic with known answers, as `wormsift generate` does: the same seed gives the same
/// bytes.
///
/// With `path` the capture goes there and its truth beside it (`day.pcapng` has
/// `day.truth.json`); without, it is kept in memory. `duration` is a timedelta or seconds;
/// `carriage` is as on the command line, such as "tcp:536,reorder"; `payload` is planted in place of
/// the scenario's own body.
#[pyfunction]
#[pyo3(signature = (
    scenario, path=None, *, seed=Whole(1), start=None, duration=None, packets=None,
    until_infected=None, background_hosts=None, background_rate=None, vulnerable_hosts=None,
    scan_rate=None, carriage="udp", payload=None, worm=true, sees_all=false, carriers=true
), text_signature = "(scenario, path=None, *, seed=1, start=None, duration=None, packets=None, until_infected=None, background_hosts=None, background_rate=None, vulnerable_hosts=None, scan_rate=None, carriage='udp', payload=None, worm=True, sees_all=False, carriers=True)")]
pub(crate) fn generate(
    py: Python<'_>,
    scenario: &str,
    path: Option<&Bound<'_, PyAny>>,
    seed: Whole<u64>,
    start: Option<Moment>,
    duration: Option<&Bound<'_, PyAny>>,
    packets: Option<Whole<u64>>,
    until_infected: Option<Whole<u32>>,
    background_hosts: Option<Whole<u32>>,
    background_rate: Option<f64>,
    vulnerable_hosts: Option<Whole<u32>>,
    scan_rate: Option<f64>,
    carriage: &str,
    payload: Option<&Bound<'_, PyAny>>,
    worm: bool,
    sees_all: bool,
    carriers: bool,
) -> PyResult<Corpus> {
    let defaults = GenerateOptions::default();
    let carriage: Carriage =
        carriage.parse().map_err(|reason: CorpusError| error::config(reason))?;
    let options = GenerateOptions {
        start_ns: start.map_or(defaults.start_ns, |it| it.0.as_nanos()),
        duration: duration.map(span).transpose()?,
        packets: packets.map(|it| it.0),
        until_infected: until_infected.map(|it| it.0),
        background_hosts: background_hosts.map(|it| it.0),
        background_rate,
        worm,
        vulnerable_hosts: vulnerable_hosts.map(|it| it.0),
        scan_rate,
        inside: None,
        body: payload.map(body).transpose()?,
        carriage,
        list_carriers: carriers,
        sees_all,
        addresses: None,
    };
    let scenario = Scenario::named(scenario, seed.0).map_err(error::config)?;
    if scenario.cut().is_some() {
        return Err(error::config(
            "several taps see this scenario: generate it with the tool",
        ));
    }
    let path = path.map(arguments::path_text).transpose()?.map(PathBuf::from);
    let mut stream = error::detached(py, || scenario.options(options).stream())?
        .map_err(error::config)?;
    match path {
        Some(path) => {
            let written = |reason| error::file(path.display(), reason);
            let mut file = CaptureFile::create(&path, CaptureFile::DEFAULT_LEVEL)
                .map_err(written)?;
            write(py, &mut stream, &mut file, &path)?;
            file.finish().map_err(written)?;
            let truth = stream.into_truth();
            let beside = wormsift_corpora::truth_beside(&path);
            let json = truth.to_json().map_err(error::input)?;
            std::fs::write(&beside, json)
                .map_err(|reason| error::file(beside.display(), reason))?;
            Ok(Corpus { place: Place::File(path), truth })
        }
        None => {
            let memory = Path::new("memory");
            let written = |reason| error::file(memory.display(), reason);
            let mut writer = PcapngWriter::new(Vec::new()).map_err(written)?;
            write(py, &mut stream, &mut writer, memory)?;
            let place = Place::Memory(Arc::new(writer.into_inner()));
            Ok(Corpus { place, truth: stream.into_truth() })
        }
    }
}

/// Writes all frames.
fn write(
    py: Python<'_>,
    stream: &mut FrameStream,
    writer: &mut (impl FrameWriter + Send + ?Sized),
    path: &Path,
) -> PyResult<()> {
    let mut frame = Vec::new();
    loop {
        let more = error::detached(py, || {
            for _ in 0..STRETCH {
                let Some(info) = stream.next_frame(&mut frame) else { return Ok(false) };
                writer.write_frame(info.time_ns, &frame)?;
            }
            Ok::<_, std::io::Error>(true)
        })?;
        py.check_signals()?;
        if !more.map_err(|reason| error::file(path.display(), reason))? {
            return Ok(());
        }
    }
}

fn body(given: &Bound<'_, PyAny>) -> PyResult<Body> {
    let lent = crate::buffers::Lent::new("payload", given)?;
    let bytes = lent.bytes(given.py());
    match bytes.len() {
        1..=MAX_PAYLOAD => Ok(Body::new(vec![Piece::Invariant(bytes.to_vec())])),
        found => {
            let expected =
                format!("payload: expected 1 to {MAX_PAYLOAD} bytes, found {found}");
            Err(error::value(expected))
        }
    }
}

/// A length of time: a timedelta, or seconds.
fn span(given: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let below = || error::value("duration: expected a time above zero");
    if let Ok(span) = given.cast::<PyDelta>() {
        return values::nanoseconds(span).map(Duration::from_nanos).ok_or_else(below);
    }
    let seconds = given.extract::<f64>()?;
    Duration::try_from_secs_f64(seconds).map_err(|_| below())
}
