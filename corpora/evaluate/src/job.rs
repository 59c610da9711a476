//! The runs of an evaluation, each with its settings.

use super::results::Sweep;
use super::stored::Stored;
use super::story::Story;
use crate::error::{EvaluateError, SweepError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use wormsift::config::{Config, Kind, Setting};
use wormsift_corpora::{GroundTruth, Scenario};

/// One run: a scenario, a seed and settings. What makes two runs the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Settings beside the configuration, TOML.
    pub(crate) settings: String,
    pub(crate) swept: Option<String>,
    pub(crate) seed: u64,
    /// A hash of all else that the result depends on: the effective configuration, what
    /// was sifted, and the build that did it.
    pub(crate) given: String,
}

/// Runs over the same frames.
pub(crate) struct Job {
    pub(crate) source: Source,
    pub(crate) runs: Vec<(Key, Config)>,
}

/// Where the frames of a job are from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A generated story.
    Scenario(Box<Scenario>),
    /// Captures that are one trace.
    Capture(Arc<Captured>),
}

/// Captures, and the truth file beside them, if there is one. Read by the first job that
/// needs them, and held until the last is done.
pub(crate) struct Captured {
    pub(crate) files: Vec<String>,
    pub(crate) truth: Option<PathBuf>,
    read: Mutex<Option<Frames>>,
}

/// Frames, and the truth about them.
pub(crate) type Frames = Arc<(Stored, GroundTruth)>;

impl Source {
    /// Generates or reads the frames.
    pub(crate) fn frames(&self) -> Result<Frames, EvaluateError> {
        let captured = match self {
            Self::Scenario(scenario) => return Stored::of(scenario).map(Arc::new),
            Self::Capture(captured) => captured,
        };
        let mut read = captured.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some(frames) => Ok(Arc::clone(frames)),
            None => {
                let stored = Stored::read(&captured.files)?;
                let truth = stored.truth(captured.truth.as_deref())?;
                let frames = Arc::new((stored, truth));
                *read = Some(Arc::clone(&frames));
                Ok(frames)
            }
        }
    }
}

/// A job a swept value over one capture, so that they are shared out over the threads.
/// `given` stands for the build and all input.
pub(crate) fn capture_jobs(
    name: &str,
    files: Vec<String>,
    truth: Option<PathBuf>,
    sweep: Option<&Sweep>,
    base: &Config,
    given: &str,
) -> Result<Vec<Job>, EvaluateError> {
    let captured = Arc::new(Captured { files, truth, read: Mutex::default() });
    let mut jobs = Vec::new();
    for swept in values(sweep) {
        let config = merged(base, "", sweep, swept)?;
        let key = Key {
            name: name.to_owned(),
            settings: String::new(),
            swept: swept.cloned(),
            seed: 0,
            given: fingerprint(&config, given),
        };
        let source = Source::Capture(Arc::clone(&captured));
        jobs.push(Job { source, runs: vec![(key, config)] });
    }
    Ok(jobs)
}

/// Every run of these stories, each under each of its settings, seeds and swept values.
/// The frames of a seed are made once for all its runs.
pub(crate) fn jobs(
    stories: &[Story],
    sweep: Option<&Sweep>,
    base: &Config,
    given: &str,
) -> Result<Vec<Job>, EvaluateError> {
    let mut jobs = Vec::new();
    for story in stories {
        for &seed in &story.seeds {
            let scenario = story.scenario(seed)?;
            let given = format!("{given}\n{scenario:?}");
            let mut runs = Vec::new();
            for case in &story.cases {
                for swept in values(sweep) {
                    let config = merged(base, &case.settings, sweep, swept)?;
                    let key = Key {
                        name: story.name.clone(),
                        settings: case.settings.clone(),
                        swept: swept.cloned(),
                        seed,
                        given: fingerprint(&config, &given),
                    };
                    runs.push((key, config));
                }
            }
            jobs.push(Job { source: Source::Scenario(Box::new(scenario)), runs });
        }
    }
    Ok(jobs)
}

/// The swept values, or one run without any.
pub(crate) fn values(sweep: Option<&Sweep>) -> Vec<Option<&String>> {
    match sweep {
        Some(sweep) => sweep.values.iter().map(Some).collect(),
        None => vec![None],
    }
}

fn fingerprint(config: &Config, given: &str) -> String {
    let text = format!("{}\n{:?}\n{given}", config.to_toml(), config.key);
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

/// The base with some settings, and then the swept one, in place of its own.
pub(crate) fn merged(
    base: &Config,
    settings: &str,
    sweep: Option<&Sweep>,
    swept: Option<&String>,
) -> Result<Config, EvaluateError> {
    let mut config = base.clone();
    config.read_toml(settings)?;
    if let (Some(sweep), Some(value)) = (sweep, swept) {
        config.set_text(&sweep.key, value)?;
    }
    config.key = base.key;
    config.validate()?;
    Ok(config)
}

/// `sources=2..50`, `sources=2..50:4` or `sampling=1,64,winnow:128`.
///
/// # Errors
///
/// Another form, a setting that does not exist, or values that are none.
pub fn parse_sweep(text: &str) -> Result<Sweep, SweepError> {
    let (key, values) = text.split_once('=').ok_or(SweepError::Form)?;
    let known = Setting::named(key).is_ok_and(|it| !matches!(it.kind, Kind::Key));
    if !known {
        return Err(SweepError::Setting(key.to_owned()));
    }
    let values: Vec<String> = match values.split_once("..") {
        None => values.split(',').map(|value| value.trim().to_owned()).collect(),
        Some((from, to)) => {
            let (to, step) = to.split_once(':').unwrap_or((to, "1"));
            let number = |text: &str| {
                text.parse::<u64>().map_err(|_| SweepError::Number(text.to_owned()))
            };
            let (from, to, step) = (number(from)?, number(to)?, number(step)?);
            if step == 0 || to < from || (to - from) / step > 1_000 {
                return Err(SweepError::Count);
            }
            (from..=to).step_by(step as usize).map(|value| value.to_string()).collect()
        }
    };
    if values.iter().any(String::is_empty) {
        return Err(SweepError::Empty);
    }
    Ok(Sweep { key: key.to_owned(), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_ranges_or_lists() {
        let values = |text: &str| parse_sweep(text).map(|sweep| sweep.values.join(" "));
        assert_eq!(values("sources=2..6:2").unwrap(), "2 4 6");
        assert_eq!(values("sampling=1,64,winnow:128").unwrap(), "1 64 winnow:128");
        for wrong in [
            "sources",
            "source=1",
            "sources=5..2",
            "sources=1..9:0",
            "sources=1,,2",
            "key=1",
        ] {
            assert!(parse_sweep(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_swept_value_wins_over_the_scenarios_and_that_over_the_base() {
        let base = Config::default();
        let sweep = parse_sweep("sampling=winnow:16").unwrap();
        let config = merged(
            &base,
            "port_rule = \"none\"\nsampling = \"1\"",
            Some(&sweep),
            sweep.values.first(),
        )
        .unwrap();
        assert_eq!(config.sampling, "winnow:16".parse().unwrap());
        assert_eq!(config.port_rule, wormsift::config::PortRule::None);
        let sweep = parse_sweep("sources=1000000").unwrap();
        assert!(merged(&base, "", Some(&sweep), sweep.values.first()).is_err());
    }
}
