//! What would the signatures alert on in traffic without worms?

use super::extras::keys;
use super::results::{BenignCount, DispersionMap, Run};
use super::run::{Said, false_signature, sift};
use super::stored::Stored;
use crate::exit_code::Failure;
use crate::fragments::Fragments;
use std::convert::Infallible;
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::export::{Rule, RuleOptions, Sid};
use wormsift::matching::Matcher;
use wormsift::packet::Packet;
use wormsift::signature::Alarm;
use wormsift_corpora::GroundTruth;

/// Captures that hold nothing that spreads.
pub(crate) struct HeldOut {
    name: String,
    stored: Stored,
}

/// Memory for the ends of TCP segments, bytes.
const TAILS: usize = 16 << 20;

impl HeldOut {
    /// Reads them into memory.
    pub(crate) fn read(files: &[String]) -> Result<Self, Failure> {
        Ok(Self { name: files.join(" "), stored: Stored::read(files)? })
    }

    /// Counts the packets that a run's signatures match, as exported rules would.
    pub(crate) fn count(&self, said: &Said, run: &mut Run) {
        let last = said.last();
        let (sid, options) = (Sid { sid: 1, rev: 1 }, RuleOptions::default());
        let rules: Vec<Rule<'_>> = last
            .values()
            .filter_map(|(_, it)| Rule::new(it, sid, &options).ok())
            .collect();
        if rules.is_empty() {
            run.benign_packets_matched = Some(0);
            return;
        }
        let Ok(mut matcher) = Matcher::new(&rules, TAILS) else { return };
        let decoder = Decoder::new(true, false);
        let mut fragments = Fragments::new(decoder);
        let (mut found, mut holding) = (Vec::new(), Vec::new());
        let mut scan = |packet: &Packet<'_>| -> Result<(), Infallible> {
            found.clear();
            matcher.scan(packet, &mut found);
            matcher.complete(packet, &found, &mut holding);
            Ok(())
        };
        for frame in self.stored.frames() {
            let Ok(()) = match decoder.frame(&frame) {
                Decoded::Packet(packet) => scan(&packet),
                Decoded::Fragment(fragment) => fragments.insert(&fragment, &mut scan),
                Decoded::Drop(_) => Ok(()),
            };
        }
        run.benign_packets_matched = Some(matcher.counters().matched);
    }

    /// Its keys by prevalence and dispersion.
    pub(crate) fn map(&self, config: &Config) -> Result<DispersionMap, Failure> {
        let (frames, nothing) = (self.stored.frames(), GroundTruth::default());
        Ok(keys(&self.name, &frames, &nothing, config)?.1)
    }

    /// The signatures at three thresholds, and those by propagation.
    pub(crate) fn false_positives(
        &self,
        base: &Config,
    ) -> Result<Vec<BenignCount>, Failure> {
        let frames = self.stored.frames();
        let mut counts = Vec::new();
        for threshold in [30, 10, 3] {
            let mut config = base.clone();
            (config.sources, config.destinations) = (threshold, threshold);
            let said = sift(&config, &frames).map_err(Failure::usage)?;
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
