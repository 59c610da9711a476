//! What a run has told so far: kept, so that it can be gone through again.

use crate::detect::Run;
use pyo3::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wormsift::signature::{Finding, Incident, Signature};
use wormsift_export::mute::{Muted, MutedCounts, Muting};
use wormsift_run::{FinalStats, News};

/// One thing that was told.
pub(crate) enum Entry {
    /// By the sensor, with what mutes it.
    News(Box<News>, Option<Muted>),
    /// At the end.
    Stats(String),
}

impl Entry {
    /// News that nothing mutes.
    pub(crate) fn of(news: News) -> Self {
        Self::News(Box::new(news), None)
    }

    /// The entry of the file of mutes that holds for it.
    pub(crate) fn muted(&self) -> Option<&Muted> {
        match self {
            Self::News(_, muted) => muted.as_ref(),
            Self::Stats(_) => None,
        }
    }

    /// Whether there is one.
    pub(crate) fn is_muted(&self) -> bool {
        self.muted().is_some()
    }

    /// The JSON line, without the line feed.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::News(news, muted) => news.line(muted.as_ref()),
            Self::Stats(line) => line.clone(),
        }
    }
}

/// Everything that was told, in order.
pub(crate) struct Log {
    muting: Muting,
    entries: Vec<Arc<Entry>>,
}

impl Log {
    pub(crate) fn new(muting: Muting) -> Self {
        Self { muting, entries: Vec::new() }
    }

    /// Enters news; mutes that no longer hold are said before what they are of.
    pub(crate) fn add(&mut self, news: News) {
        let muted = match &news {
            News::Finding(finding) => self.muting.signature(finding.signature()),
            News::Incident(incident) => self.muting.incident(incident),
            _ => None,
        };
        for line in self.muting.take_news() {
            self.entries.push(Arc::new(Entry::of(News::Warning(line))));
        }
        self.entries.push(Arc::new(Entry::News(Box::new(news), muted)));
    }

    pub(crate) fn end(&mut self, stats: &FinalStats) {
        self.entries.push(Arc::new(Entry::Stats(stats.line())));
    }

    pub(crate) fn muted_counts(&self) -> MutedCounts {
        self.muting.counts()
    }

    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The last word on each signature that is no part of another, in the order of their first,
    /// and whether it is muted.
    pub(crate) fn signatures(&self) -> Vec<(Arc<Entry>, bool)> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut last: Vec<(Arc<Entry>, bool)> = Vec::new();
        for entry in &self.entries {
            let Some(found) = signature(entry) else { continue };
            let next = (Arc::clone(entry), entry.is_muted());
            match places.get(&*found.id) {
                Some(&place) => last[place] = next,
                None => {
                    places.insert(&found.id, last.len());
                    last.push(next);
                }
            }
        }
        last.retain(|(entry, _)| signature(entry).is_some_and(|it| it.part_of.is_none()));
        last
    }

    /// The last word on each incident that is part of no other, in the order of their first.
    pub(crate) fn incidents(&self) -> Vec<Arc<Entry>> {
        let mut last: BTreeMap<&str, (usize, Arc<Entry>)> = BTreeMap::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let Some(incident) = incident(entry) else { continue };
            let first = last.get(&*incident.id).map_or(place, |(first, _)| *first);
            last.insert(&incident.id, (first, Arc::clone(entry)));
        }
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_by_key(|(first, _)| *first);
        let whole =
            |entry: &Arc<Entry>| incident(entry).is_some_and(|it| it.part_of.is_none());
        last.into_iter().map(|(_, entry)| entry).filter(whole).collect()
    }
}

/// The finding that an entry is of.
pub(crate) fn finding(entry: &Entry) -> Option<&Finding> {
    match entry {
        Entry::News(news, _) => match &**news {
            News::Finding(finding) => Some(finding),
            _ => None,
        },
        Entry::Stats(_) => None,
    }
}

/// The signature that an entry is of.
pub(crate) fn signature(entry: &Entry) -> Option<&Signature> {
    finding(entry).map(Finding::signature)
}

/// The incident that an entry is of.
pub(crate) fn incident(entry: &Entry) -> Option<&Incident> {
    match entry {
        Entry::News(news, _) => match &**news {
            News::Incident(incident) => Some(incident),
            _ => None,
        },
        Entry::Stats(_) => None,
    }
}

/// The JSON lines of a run, each as soon as it is known: an iterator of str.
#[pyclass(module = "wormsift")]
pub(crate) struct Lines {
    pub(crate) run: Py<Run>,
    pub(crate) at: usize,
}

#[pymethods]
impl Lines {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<String>> {
        let entry = self.run.get().entry(py, self.at)?;
        self.at += usize::from(entry.is_some());
        Ok(entry.map(|it| it.line()))
    }

    fn __repr__(&self) -> String {
        format!("<wormsift.Lines, {} taken>", self.at)
    }
}
