//! Captures without worms, in which the rules of each run are counted.

use super::extras::keys;
use super::learned::Learned;
use super::results::{BenignCount, DispersionMap, Run};
use super::rules_hit::Rules;
use super::run::{false_signature, sift};
use super::stored::Stored;
use crate::error::EvaluateError;
use std::sync::atomic::AtomicBool;
use wormsift::config::Config;
use wormsift::signature::Alarm;
use wormsift_corpora::GroundTruth;

/// Captures that hold nothing that spreads.
pub(crate) struct HeldOut {
    name: String,
    stored: Stored,
}

impl HeldOut {
    /// Reads them into memory.
    pub(crate) fn read(files: &[String]) -> Result<Self, EvaluateError> {
        Ok(Self { name: files.join(" "), stored: Stored::read(files)? })
    }

    /// Counts the packets that a run's signatures match, as exported rules would.
    pub(crate) fn count(&self, rules: &Rules<'_>, run: &mut Run) {
        let [all, right] = rules.count(&self.stored.frames());
        run.benign_packets_matched = Some(all);
        run.rules_hit_benign = Some([right, self.stored.len() as u64]);
    }

    /// Its keys by prevalence and dispersion.
    pub(crate) fn map(&self, config: &Config) -> Result<DispersionMap, EvaluateError> {
        let (frames, nothing) = (self.stored.frames(), GroundTruth::default());
        Ok(keys(&self.name, &frames, &nothing, config)?.1)
    }

    /// The signatures at three thresholds, and those by propagation.
    pub(crate) fn false_positives(
        &self,
        base: &Config,
        known: &Learned,
    ) -> Result<Vec<BenignCount>, EvaluateError> {
        let frames = self.stored.frames();
        let mut counts = Vec::new();
        for threshold in [30, 10, 3] {
            let mut config = base.clone();
            (config.sources, config.destinations) = (threshold, threshold);
            let to_the_end = AtomicBool::new(false);
            let said = sift(&config, &frames, known, &to_the_end);
            let Some(said) = said? else { continue };
            let last = said.last();
            let by = |alarm: Alarm, thresholds: String| {
                let fired =
                    last.values().filter(|(_, it)| it.evidence.alarms.contains(&alarm));
                BenignCount {
                    name: self.name.clone(),
                    thresholds,
                    signatures: fired.map(|(_, it)| false_signature(it)).collect(),
                }
            };
            counts.push(by(Alarm::Dispersion, format!("{threshold} x {threshold}")));
            if threshold == 3 {
                counts.push(by(Alarm::Propagation, "propagation".to_owned()));
            }
        }
        Ok(counts)
    }
}
