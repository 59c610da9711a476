//! `detect`: a run over captures.
//!
//! The caller's own thread sifts, whenever it asks for what comes next; reading goes on ahead.

use crate::arguments::{self, Moment, Whole};
use crate::captures::{self, Captures, Origin};
use crate::config::{self, Config};
use crate::error;
use crate::findings::{Incident, Signature};
use crate::log::{self, Entry, Lines, Log};
use crate::table::Table;
use crate::tables;
use crate::values;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::ThreadPool;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wormsift::pipeline::Sensor;
use wormsift_capture::Limits;
use wormsift_export::durations::Durations;
use wormsift_run::{Detection, FinalStats, News, Process, Selection, Step};

/// For so long a run goes on before it looks for signals.
const STRETCH: Duration = Duration::from_millis(50);

/// Sifts captures and yields what spreads in them, as `wormsift detect` does.
///
/// captures: a file, folder, glob pattern, `-`, the bytes of a capture, a Corpus, or a list of
/// them, all of which are one trace. Or `taps`: captures by the name of the tap that saw them.
/// All other keyword arguments are settings. Nothing is sifted before something is asked for.
///
/// Raises ConfigError for settings, InputError for files that are not there.
#[pyfunction]
#[pyo3(signature = (
    captures=None, *, taps=None, config=None, baseline=None, mute=None, durations=None,
    filter=None, only_net=None, exclude_net=None, since=None, until=None, count=None,
    threads=None, **settings
))]
pub(crate) fn detect(
    py: Python<'_>,
    captures: Option<&Bound<'_, PyAny>>,
    taps: Option<&Bound<'_, PyDict>>,
    config: Option<&Config>,
    baseline: Option<&Bound<'_, PyAny>>,
    mute: Option<&Bound<'_, PyAny>>,
    durations: Option<&Bound<'_, PyAny>>,
    filter: Option<&str>,
    only_net: Option<&Bound<'_, PyAny>>,
    exclude_net: Option<&Bound<'_, PyAny>>,
    since: Option<Moment>,
    until: Option<Moment>,
    count: Option<Whole<u64>>,
    threads: Option<Whole<usize>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Run> {
    let started = Instant::now();
    let mut config = config::of_call(config, settings)?;
    let mut captures = match (captures, taps) {
        (Some(captures), None) => Captures::of(captures)?,
        (None, Some(taps)) => Captures::of_taps(taps, &mut config)?,
        _ => return Err(error::value("expected either captures or taps")),
    };
    let count = count.map(|it| it.0);
    let choice = captures::choice(filter, only_net, exclude_net, since, until, count)?;
    let path =
        |given: Option<&Bound<'_, PyAny>>| given.map(arguments::path_text).transpose();
    let muting = captures::muting(path(mute)?)?;
    let durations = captures::durations(path(durations)?)?;
    let pool = arguments::pool(threads.map(|it| it.0))?;
    let inputs = captures.open()?;
    let sensor = captures::sensor(py, config, path(baseline)?)?;
    let selection = Selection::new(choice.clone(), sensor.config());
    let detection = Detection::start(inputs, selection, Limits::default(), &sensor)
        .map_err(|reason| error::Error::new_err(reason.to_string()))?;
    Ok(Run {
        origin: Arc::new(Origin {
            sources: captures.sources,
            choice,
            config: sensor.config().clone(),
        }),
        state: Mutex::new(State {
            work: Some(Box::new(Work { sensor, detection, durations })),
            pool,
            skipped: captures.skipped,
            log: Log::new(muting),
            damage: Vec::new(),
            said: 0,
            stats: None,
            failed: None,
            busy: Duration::ZERO,
            opening: started.elapsed(),
        }),
    })
}

/// A run over captures. Iterating over it yields each Signature as it is found; a second
/// iteration begins with the first again.
///
/// Tables and statistics are those at the end, so asking for one goes on to the end.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Run {
    origin: Arc<Origin>,
    state: Mutex<State>,
}

struct State {
    /// Until the end, or a fault.
    work: Option<Box<Work>>,
    pool: ThreadPool,
    skipped: u64,
    log: Log,
    /// Lines on damaged input, and on files whose packets go back in time.
    damage: Vec<Line>,
    /// Of them, those that were told as warnings.
    said: usize,
    stats: Option<FinalStats>,
    failed: Option<String>,
    /// Time spent with the run.
    busy: Duration,
    opening: Duration,
}

struct Work {
    sensor: Sensor,
    detection: Detection,
    durations: Durations,
}

enum Line {
    Damage(String),
    Disorder(String),
}

impl Line {
    fn text(&self) -> &str {
        let (Self::Damage(text) | Self::Disorder(text)) = self;
        text
    }
}

impl State {
    /// Goes on until something is told, the end, or for so long.
    fn advance(&mut self) {
        let begin = Instant::now();
        let (told, damaged) = (self.log.entries().len(), self.damage.len());
        while self.work.is_some()
            && self.log.entries().len() == told
            && self.damage.len() == damaged
            && begin.elapsed() < STRETCH
        {
            self.step(begin);
        }
        self.busy += begin.elapsed();
    }

    fn step(&mut self, begin: Instant) {
        let Some(mut work) = self.work.take() else { return };
        match work.detection.step(&mut work.sensor, &self.pool) {
            Ok(Step::Sifted { damage, disorder }) => {
                self.damage.extend(damage.iter().map(|it| Line::Damage(it.to_string())));
                self.damage
                    .extend(disorder.iter().map(|it| Line::Disorder(it.to_string())));
                self.take_news(&mut work);
                self.work = Some(work);
            }
            Ok(Step::Waiting) => self.work = Some(work),
            Ok(Step::Ended) => self.end(work, begin),
            Err(reason) => self.failed = Some(reason.to_string()),
        }
    }

    fn take_news(&mut self, work: &mut Work) {
        for news in News::take(&mut work.sensor, &work.durations) {
            self.log.add(news);
        }
    }

    /// Sums up, and lets go of the tables.
    fn end(&mut self, mut work: Box<Work>, begin: Instant) {
        self.pool.install(|| work.sensor.finish());
        self.take_news(&mut work);
        let told = self.damage.iter().filter(|it| matches!(it, Line::Damage(_))).count();
        let stats = FinalStats::new(
            work.sensor.stats(),
            work.detection.progress(),
            self.log.muted_counts(),
            Process {
                kernel: work.sensor.kernel(),
                threads: self.pool.current_num_threads(),
                skipped_files: self.skipped,
                told: told as u64,
                seconds: (self.opening + self.busy + begin.elapsed()).as_secs_f64(),
                stopped_by: None,
            },
        );
        if let Some(warning) = stats.nothing_to_sift() {
            self.log.add(News::Warning(warning));
        }
        self.log.end(&stats);
        self.stats = Some(stats);
    }
}

impl Run {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry at this place, once there is one; `None` at the end.
    pub(crate) fn entry(
        &self,
        py: Python<'_>,
        at: usize,
    ) -> PyResult<Option<Arc<Entry>>> {
        loop {
            let (entry, warnings, ended, failed) = error::detached(py, || {
                let mut state = self.lock();
                if state.log.entries().len() <= at {
                    state.advance();
                }
                let all = state.damage.len();
                let unsaid = std::mem::replace(&mut state.said, all);
                let warnings: Vec<_> = state.damage[unsaid..]
                    .iter()
                    .map(|it| it.text().to_owned())
                    .collect();
                let entry = state.log.entries().get(at).cloned();
                (entry, warnings, state.work.is_none(), state.failed.clone())
            })?;
            warnings.iter().try_for_each(|line| error::warn(py, line))?;
            if entry.is_some() {
                return Ok(entry);
            }
            py.check_signals()?;
            match failed {
                Some(reason) => return Err(error::Error::new_err(reason)),
                None if ended => return Ok(None),
                None => {}
            }
        }
    }

    /// Goes on to the end, and then gives what is asked of the state.
    fn at_end<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&State) -> T + Send,
    ) -> PyResult<T> {
        while self.entry(py, usize::MAX)?.is_some() {}
        self.now(py, ask)
    }

    /// What is asked of the state as it is. The lock is never held while that of the interpreter is
    /// waited for.
    fn now<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&State) -> T + Send,
    ) -> PyResult<T> {
        error::detached(py, || ask(&self.lock()))
    }

    /// The last words on all signatures, at the end.
    pub(crate) fn last_words(
        &self,
        py: Python<'_>,
    ) -> PyResult<Vec<wormsift::Signature>> {
        self.at_end(py, |state| {
            let all = state.log.signatures().into_iter();
            all.filter_map(|(entry, _)| log::signature(&entry).cloned()).collect()
        })
    }
}

#[pymethods]
impl Run {
    fn __iter__(this: Py<Self>) -> Signatures {
        Signatures { run: this, at: 0 }
    }

    /// Everything that is told as JSON lines, those of `wormsift detect --json`, each as soon as it
    /// is known. Time in the statistics at the end aside, they are the same to the byte.
    fn lines(this: Py<Self>) -> Lines {
        Lines { run: this, at: 0 }
    }

    /// Goes on to the end, and returns the run.
    fn finish(this: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        this.get().at_end(py, |_| ())?;
        Ok(this)
    }

    /// Whether the end was reached.
    #[getter]
    fn finished(&self, py: Python<'_>) -> PyResult<bool> {
        self.now(py, |state| state.work.is_none())
    }

    /// The settings.
    #[getter]
    fn config(&self) -> Config {
        Config(self.origin.config.clone())
    }

    /// The last word on each signature that is not muted, as objects, the first found first.
    fn findings(&self, py: Python<'_>) -> PyResult<Vec<Signature>> {
        self.at_end(py, |state| {
            let all = state.log.signatures().into_iter().filter(|(_, muted)| !muted);
            all.filter_map(|(entry, _)| Signature::of(&entry, Some(&self.origin)))
                .collect()
        })
    }

    /// The last word on each incident, as objects, the first found first.
    fn incident_list(&self, py: Python<'_>) -> PyResult<Vec<Incident>> {
        self.at_end(py, |state| {
            state.log.incidents().iter().filter_map(Incident::of).collect()
        })
    }

    /// Table of signatures: the last word on each.
    #[getter]
    fn signatures(&self, py: Python<'_>) -> PyResult<Table> {
        self.at_end(py, |state| tables::signatures(&state.log.signatures()))?
    }

    /// Table of incidents: the last word on each.
    #[getter]
    fn incidents(&self, py: Python<'_>) -> PyResult<Table> {
        self.at_end(py, |state| tables::incidents(&state.log.incidents()))?
    }

    /// Table of relays: hosts that received a content before they sent it.
    #[getter]
    fn relays(&self, py: Python<'_>) -> PyResult<Table> {
        self.at_end(py, |state| tables::relays(&state.log.signatures()))?
    }

    /// Table of hosts, in long form: one row for each host and role in a signature or incident.
    #[getter]
    fn hosts(&self, py: Python<'_>) -> PyResult<Table> {
        self.at_end(py, |state| {
            tables::hosts(&state.log.signatures(), &state.log.incidents())
        })?
    }

    /// Table of events: scans and victims at dark addresses, waves, and what decoys started.
    #[getter]
    fn events(&self, py: Python<'_>) -> PyResult<Table> {
        self.at_end(py, |state| tables::events(state.log.entries()))?
    }

    /// Counters of the whole run, as in the last line of `lines`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let line = self.at_end(py, |state| state.stats.as_ref().map(FinalStats::line))?;
        values::dict_of_line(py, &line.unwrap_or_else(|| "{}".to_owned()))
    }

    /// What the sensor had to say about itself so far, a line each.
    #[getter]
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let warning = |entry: &Arc<Entry>| match &**entry {
            Entry::News(news, _) => match &**news {
                News::Warning(line) => Some(line.clone()),
                _ => None,
            },
            Entry::Stats(_) => None,
        };
        self.now(py, |state| state.log.entries().iter().filter_map(warning).collect())
    }

    /// What is damaged or out of order in the captures, as far as they were read, a line each.
    #[getter]
    fn damage(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.now(py, |state| state.damage.iter().map(|it| it.text().to_owned()).collect())
    }

    /// Copies the packets that show the signatures that are not muted to a new capture, and says how
    /// many they are. The captures are read a second time.
    fn evidence(&self, py: Python<'_>, path: PathBuf) -> PyResult<usize> {
        let signatures: Vec<_> = self.at_end(py, |state| {
            let open = state.log.signatures().into_iter().filter(|(_, muted)| !muted);
            open.filter_map(|(entry, _)| log::signature(&entry).cloned()).collect()
        })?;
        crate::findings::write_evidence(py, &path, &self.origin, &signatures)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.now(py, |state| {
            let word = match (&state.failed, &state.work) {
                (Some(_), _) => "failed",
                (None, Some(_)) => "under way",
                (None, None) => "finished",
            };
            format!("<wormsift.Run {word}, {} told>", state.log.entries().len())
        })
    }
}

/// The signatures of a run, each when it is found for the first time.
#[pyclass(module = "wormsift")]
pub(crate) struct Signatures {
    run: Py<Run>,
    at: usize,
}

#[pymethods]
impl Signatures {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Signature>> {
        let run = self.run.get();
        while let Some(entry) = run.entry(py, self.at)? {
            self.at += 1;
            let is_new =
                matches!(log::finding(&entry), Some(wormsift::Finding::Signature(_)));
            if is_new && !entry.is_muted() {
                return Ok(Signature::of(&entry, Some(&run.origin)));
            }
        }
        Ok(None)
    }

    fn __repr__(&self) -> String {
        format!("<wormsift.Signatures, {} looked at>", self.at)
    }
}
