//! What each run has learned as good before it begins.

use super::stored::Stored;
use crate::error::EvaluateError;
use std::collections::BTreeMap;
use std::sync::Mutex;
use wormsift::config::Config;
use wormsift::error::Error;
use wormsift::pipeline::{Baseline, Sensor};

/// Captures that hold only good content, and what was learned of them: once for each
/// group of settings that ask for a baseline of their own.
#[derive(Default)]
pub(crate) struct Learned {
    stored: Option<Stored>,
    baselines: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Learned {
    /// Reads them into memory; without any, nothing is known.
    pub(crate) fn read(files: &[String]) -> Result<Self, EvaluateError> {
        let stored = match files {
            [] => None,
            files => Some(Stored::read(files)?),
        };
        Ok(Self { stored, baselines: Mutex::default() })
    }

    /// A sensor that knows what is good.
    pub(crate) fn sensor(&self, config: &Config) -> Result<Sensor, Error> {
        let Some(stored) = &self.stored else { return Sensor::new(config.clone()) };
        // Thresholds and memory are not part of what a baseline is bound to.
        let Config { beta, sampling, port_rule, .. } = config;
        let bound = format!(
            "{beta} {sampling} {} {:x}",
            port_rule.name(),
            config.effective_key()
        );
        let mut baselines =
            self.baselines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !baselines.contains_key(&bound) {
            baselines.insert(bound.clone(), learn(config, stored)?.write());
        }
        let baseline = Baseline::read(config, &baselines[&bound])
            .map_err(|error| Error::config("baseline", error.to_string()))?;
        Sensor::with_baseline(config.clone(), baseline)
    }
}

/// As `wormsift learn` does by default.
fn learn(config: &Config, stored: &Stored) -> Result<Baseline, Error> {
    let size = Baseline::DEFAULT_SIZE.0 as usize;
    let mut baseline = Baseline::new(config, size, Baseline::DEFAULT_RATE);
    let mut sensor = Sensor::new(config.clone())?;
    sensor.keep_decisions();
    for batch in stored.frames().chunks(1 << 14) {
        sensor.sift(batch);
        baseline.learn_from(&mut sensor, Baseline::DEFAULT_SIGHTINGS);
    }
    Ok(baseline)
}
