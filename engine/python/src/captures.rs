//! What a run reads: captures, taps, the choice of frames, and files beside them.

use crate::arguments::{self, Moment};
use crate::corpus::Corpus;
use crate::error;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use wormsift::config::{Config, Tap};
use wormsift::pipeline::{Baseline, Sensor};
use wormsift_capture::{FrameBatch, Input, Limits};
use wormsift_export::durations::Durations;
use wormsift_export::mute::{MuteFile, Mutes, Muting};
use wormsift_run::reader::{PATIENCE, Reader, Wait};
use wormsift_run::{Choice, Filter, ReaderError, Selection, limits};

/// Captures that were found.
pub(crate) struct Captures {
    pub(crate) sources: Vec<Source>,
    /// Files in folders, and matches of patterns, that are no captures.
    pub(crate) skipped: u64,
}

/// Something that can be opened as often as it is asked for.
#[derive(Clone)]
pub(crate) struct Source {
    tap: u16,
    kind: Kind,
}

/// What a source is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A file, a folder, a pattern, or `-`.
    Argument(String),
    /// A capture in memory.
    Memory(String, Arc<Vec<u8>>),
}

impl Captures {
    /// Captures of one tap.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut captures = Self { sources: Vec::new(), skipped: 0 };
        captures.add(0, given)?;
        Ok(captures)
    }

    /// Captures of several taps by their names, which the settings then know.
    pub(crate) fn of_taps(
        taps: &Bound<'_, PyDict>,
        config: &mut Config,
    ) -> PyResult<Self> {
        let mut captures = Self { sources: Vec::new(), skipped: 0 };
        let mut names = Vec::new();
        for (name, given) in taps {
            let tap =
                u16::try_from(names.len()).map_err(|_| error::config("too many taps"))?;
            let name: String = name.extract()?;
            names.push(name.parse::<Tap>().map_err(error::config)?);
            captures.add(tap, &given)?;
        }
        config.taps = names;
        config.validate().map_err(error::config)?;
        Ok(captures)
    }

    fn add(&mut self, tap: u16, given: &Bound<'_, PyAny>) -> PyResult<()> {
        let is_memory = |it: &Bound<'_, PyAny>| {
            it.is_instance_of::<PyBytes>() || it.is_instance_of::<PyByteArray>()
        };
        let several = match is_memory(given) || given.is_instance_of::<Corpus>() {
            true => vec![given.clone()],
            false => arguments::several(given)?,
        };
        for it in several {
            let kind = if let Ok(corpus) = it.cast::<Corpus>() {
                corpus.get().capture()?
            } else if is_memory(&it) {
                Kind::Memory("memory".to_owned(), Arc::new(it.extract()?))
            } else {
                Kind::Argument(arguments::path_text(&it)?)
            };
            self.sources.push(Source { tap, kind });
        }
        Ok(())
    }

    /// The names as the tool takes them; what is in memory has none.
    pub(crate) fn names(&self) -> PyResult<Vec<String>> {
        let name = |source: &Source| match &source.kind {
            Kind::Argument(name) => Ok(name.clone()),
            Kind::Memory(..) => {
                Err(error::input("expected files, found a capture in memory"))
            }
        };
        self.sources.iter().map(name).collect()
    }

    /// Finds what is to be read. An argument that stands for nothing is an error.
    pub(crate) fn open(&mut self) -> PyResult<Vec<Input>> {
        let (inputs, skipped) = open(&self.sources)?;
        self.skipped = skipped;
        Ok(inputs)
    }
}

/// Opens sources, and says how many files were skipped.
pub(crate) fn open(sources: &[Source]) -> PyResult<(Vec<Input>, u64)> {
    let mut inputs = Vec::new();
    let mut skipped = 0;
    // Those of one tap are found together: standard input can be read once.
    for of_tap in sources.chunk_by(|a, b| a.tap == b.tap) {
        let mut names = Vec::new();
        let tap = of_tap[0].tap;
        let mut flush = |names: &mut Vec<String>, inputs: &mut Vec<Input>| {
            let found = wormsift_capture::find(&std::mem::take(names));
            if let Some(missing) = found.missing.first() {
                return Err(error::input(missing));
            }
            skipped += found.skipped.len() as u64;
            inputs.extend(found.inputs.into_iter().map(|input| input.of_tap(tap)));
            Ok(())
        };
        for source in of_tap {
            match &source.kind {
                Kind::Argument(name) => names.push(name.clone()),
                Kind::Memory(name, content) => {
                    flush(&mut names, &mut inputs)?;
                    inputs.push(Input::bytes(name, content.to_vec()).of_tap(tap));
                }
            }
        }
        flush(&mut names, &mut inputs)?;
    }
    Ok((inputs, skipped))
}

/// Where findings are from: what is needed to read their packets again.
pub(crate) struct Origin {
    pub(crate) sources: Vec<Source>,
    pub(crate) choice: Choice,
    pub(crate) config: Config,
}

impl Origin {
    /// Refuses what can be read once only.
    pub(crate) fn check_twice(&self) -> PyResult<()> {
        let is_stream =
            |it: &Source| matches!(&it.kind, Kind::Argument(name) if name == "-");
        match self.sources.iter().any(is_stream) {
            true => {
                Err(error::input("expected captures that can be read twice, found `-`"))
            }
            false => Ok(()),
        }
    }
}

/// The frames that are wanted.
pub(crate) fn choice(
    filter: Option<&str>,
    only_net: Option<&Bound<'_, PyAny>>,
    exclude_net: Option<&Bound<'_, PyAny>>,
    since: Option<Moment>,
    until: Option<Moment>,
    count: Option<u64>,
) -> PyResult<Choice> {
    let filter = filter.map(str::parse::<Filter>).transpose();
    Ok(Choice {
        since: since.map(|it| it.0),
        until: until.map(|it| it.0),
        only_net: arguments::networks("only_net", only_net)?,
        exclude_net: arguments::networks("exclude_net", exclude_net)?,
        filter: filter.map_err(|reason| error::value(format!("filter: {reason}")))?,
        count,
    })
}

/// A sensor, with what is known to be good.
pub(crate) fn sensor(
    py: Python<'_>,
    config: Config,
    baseline: Option<String>,
) -> PyResult<Sensor> {
    limits::check_memory(&config, 1).map_err(error::config)?;
    let baseline = baseline.map(|path| read_baseline(&path, &config)).transpose()?;
    error::detached(py, move || match baseline {
        Some(baseline) => Sensor::with_baseline(config, baseline),
        None => Sensor::new(config),
    })?
    .map_err(error::config)
}

/// What `learn` wrote, for sensors of these settings.
pub(crate) fn read_baseline(path: &str, config: &Config) -> PyResult<Baseline> {
    let file = fs::read(path).map_err(|reason| error::file(path, reason))?;
    Baseline::read(config, &file).map_err(|reason| error::file(path, reason))
}

/// The rows of a file of durations.
pub(crate) fn durations(path: Option<String>) -> PyResult<Durations> {
    let Some(path) = path else { return Ok(Durations::default()) };
    let text = fs::read_to_string(&path).map_err(|reason| error::file(&path, reason))?;
    Durations::read(&text).map_err(|reason| error::file(&path, reason))
}

/// The entries of a file of mutes; lines that cannot be read are an error.
pub(crate) fn muting(path: Option<String>) -> PyResult<Muting> {
    let Some(path) = path else { return Ok(Muting::new(Mutes::default())) };
    let text = fs::read_to_string(&path).map_err(|reason| error::file(&path, reason))?;
    let (file, errors) = MuteFile::parse(&text);
    if let Some(reason) = errors.first() {
        return Err(error::file(&path, reason));
    }
    Ok(Muting::new(Mutes::new(file.entries().map(|(_, entry)| entry.clone()))))
}

/// Reads inputs to their end: `work` is given each batch, without the lock of the interpreter. Warns
/// of what is damaged, and looks for signals in between.
pub(crate) fn read_all(
    py: Python<'_>,
    inputs: Vec<Input>,
    selection: Selection,
    mut work: impl FnMut(Option<&FrameBatch>) + Send,
) -> PyResult<()> {
    let wrong = |reason: ReaderError| error::Error::new_err(reason.to_string());
    // Only one call at a time has the receiving end, on whatever thread.
    let mut reader =
        Mutex::new(Reader::start(inputs, selection, Limits::default()).map_err(wrong)?);
    loop {
        let warnings =
            error::detached(py, || -> Result<Option<Vec<String>>, ReaderError> {
                let reader = reader.get_mut().unwrap_or_else(PoisonError::into_inner);
                let read = match reader.next(PATIENCE)? {
                    Wait::Read(read) => read,
                    Wait::NotYet => return Ok(Some(Vec::new())),
                    Wait::Ended => return Ok(None),
                };
                work(read.batch.as_ref().filter(|batch| !batch.is_empty()));
                let damage = read.damage.iter().map(ToString::to_string);
                Ok(Some(
                    damage.chain(read.disorder.iter().map(ToString::to_string)).collect(),
                ))
            })?;
        py.check_signals()?;
        let Some(warnings) = warnings.map_err(wrong)? else { return Ok(()) };
        warnings.iter().try_for_each(|line| error::warn(py, line))?;
    }
}
