//! What would the signatures alert on in traffic without worms?

use super::extras::keys;
use super::results::{BenignCount, DispersionMap, Run};
use super::run::{Said, false_signature, sift};
use super::stored::Stored;
use crate::exit_code::Failure;
use std::collections::BTreeMap;
use wormsift::config::Config;
use wormsift::decode::{Datagram, Decoded, Decoder, Defragmenter};
use wormsift::export::{Rule, RuleOptions, Sid};
use wormsift::matching::Matcher;
use wormsift::signature::{Alarm, Signature};
use wormsift_corpora::GroundTruth;

/// Captures that hold nothing that spreads.
pub(crate) struct HeldOut {
    name: String,
    stored: Stored,
}

/// Memory for the ends of TCP segments, bytes.
const TAILS: usize = 16 << 20;
/// Datagrams that may wait for fragments, and their bytes.
const FRAGMENTS: (usize, usize) = (512, 16 << 20);

/// What `match` does, on one thread and without naming the packets.
struct Looking {
    matcher: Matcher,
    decoder: Decoder,
    defragmenter: Defragmenter,
}

impl Looking {
    /// Scans one packet; the last fragment of a datagram gives it whole.
    fn scan(&mut self, decoded: &Decoded<'_>) -> Option<Datagram> {
        match decoded {
            Decoded::Packet(packet) => {
                let (mut found, mut holding) = (Vec::new(), Vec::new());
                self.matcher.scan(packet, &mut found);
                self.matcher.complete(packet, &found, &mut holding);
                None
            }
            Decoded::Fragment(fragment) => self.defragmenter.insert(fragment),
            Decoded::Drop(_) => None,
        }
    }
}

impl HeldOut {
    /// Reads them into memory.
    pub(crate) fn read(files: &[String]) -> Result<Self, Failure> {
        Ok(Self { name: files.join(" "), stored: Stored::read(files)? })
    }

    /// Counts the packets that a run's signatures match, as exported rules would.
    pub(crate) fn count(&self, said: &Said, run: &mut Run) {
        let last: BTreeMap<&str, &Signature> =
            said.news.iter().map(|(_, it)| (&*it.id, it)).collect();
        let (sid, options) = (Sid { sid: 1, rev: 1 }, RuleOptions::default());
        let rules: Vec<Rule<'_>> =
            last.values().filter_map(|it| Rule::new(it, sid, &options).ok()).collect();
        if rules.is_empty() {
            run.benign_packets_matched = Some(0);
            return;
        }
        let Ok(matcher) = Matcher::new(&rules, TAILS) else { return };
        let mut looking = Looking {
            matcher,
            decoder: Decoder::new(true, false),
            defragmenter: Defragmenter::new(FRAGMENTS.0, FRAGMENTS.1),
        };
        for frame in self.stored.frames() {
            let mut whole = looking.scan(&looking.decoder.frame(&frame));
            while let Some(datagram) = whole {
                whole = looking.scan(&looking.decoder.datagram(&datagram));
            }
        }
        run.benign_packets_matched = Some(looking.matcher.counters().matched);
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
            let last: BTreeMap<&str, &Signature> =
                said.news.iter().map(|(_, it)| (&*it.id, it)).collect();
            let by = |alarm: Alarm, thresholds: String| {
                let fired =
                    last.values().filter(|it| it.evidence.alarms.contains(&alarm));
                BenignCount {
                    name: self.name.clone(),
                    thresholds,
                    signatures: fired.map(|it| false_signature(it)).collect(),
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
