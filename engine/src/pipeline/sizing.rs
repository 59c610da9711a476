//! How a budget of bytes is shared out among the modules.

use crate::config::{Config, Size};
use crate::detect::prevalence::Prevalence;
use crate::error::Error;

/// Flow shards: an address pair's packets are all in one (DESIGN, "Shards").
pub(crate) const FLOW_SHARDS: usize = 64;
/// Content shards: a key's sightings are all in one.
pub(crate) const CONTENT_SHARDS: usize = 64;

/// Counters a key for which a rate is sized: one false promotion in a thousand.
const COUNTERS_PER_KEY: f64 = 6.0;

/// Shares of the budget, in thousandths. Prevalence gets most because nearly
/// all keys stop there; samples stay under a quarter.
const DISPERSION: u64 = 140;
const PROPAGATION: u64 = 110;
const CANDIDATES: u64 = 110;
const SAMPLES: u64 = 120;
const TAILS: u64 = 70;
const FRAGMENTS: u64 = 30;
const LEDGER: u64 = 40;
const FIRST_SIGHTINGS: u64 = 22;
const PACKET_LOG: u64 = 18;
const PREVALENCE: u64 = 1_000
    - DISPERSION
    - PROPAGATION
    - CANDIDATES
    - SAMPLES
    - TAILS
    - FRAGMENTS
    - LEDGER
    - FIRST_SIGHTINGS
    - PACKET_LOG;

/// Bytes for each module of each shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) prevalence: usize,
    pub(crate) dispersion: usize,
    pub(crate) propagation: usize,
    pub(crate) candidates: usize,
    pub(crate) samples: usize,
    pub(crate) tails: usize,
    /// For the one pool of fragments, not a shard's.
    pub(crate) fragments: usize,
    /// For the signatures remembered, over all shards.
    pub(crate) ledger: usize,
    /// For the sightings of what is not promoted.
    pub(crate) first_sightings: usize,
    /// For the one log of the latest packets.
    pub(crate) packet_log: usize,
}

impl Plan {
    /// Shares out `config.memory`, or what `config.rate` asks for.
    ///
    /// `baseline` bytes of it are taken already.
    pub(crate) fn new(config: &Config, baseline: usize) -> Self {
        let total = effective_memory(config).saturating_sub(baseline as u64);
        let share = |thousandths: u64, shards: usize| {
            (total as u128 * u128::from(thousandths) / 1_000 / shards as u128) as usize
        };
        Self {
            prevalence: share(PREVALENCE, CONTENT_SHARDS),
            dispersion: share(DISPERSION, CONTENT_SHARDS),
            propagation: share(PROPAGATION, CONTENT_SHARDS),
            candidates: share(CANDIDATES, CONTENT_SHARDS),
            samples: share(SAMPLES, FLOW_SHARDS),
            tails: share(TAILS, FLOW_SHARDS),
            fragments: share(FRAGMENTS, 1),
            ledger: share(LEDGER, 1),
            first_sightings: share(FIRST_SIGHTINGS, CONTENT_SHARDS),
            packet_log: share(PACKET_LOG, 1),
        }
    }
}

/// The budget in bytes: as given, or derived from the expected rate, or the default.
pub(crate) fn effective_memory(config: &Config) -> u64 {
    match (config.memory, config.rate) {
        (Some(memory), _) => memory.0,
        (None, None) => Config::DEFAULT_MEMORY.0,
        (None, Some(_)) => {
            let keys = keys_per_epoch(config).unwrap_or(0.0);
            let prevalence = Prevalence::bytes_for(keys as u64, COUNTERS_PER_KEY) as u64;
            (prevalence * 1_000 / PREVALENCE).max(Config::LEAST_MEMORY.0)
        }
    }
}

/// A budget that this machine does not have, by the setting that asks for it.
pub(crate) fn too_much(config: &Config, budget: u64) -> Error {
    let size = Size(budget);
    match (config.memory, config.rate) {
        (None, Some(rate)) => Error::config(
            "rate",
            format!(
                "{rate} needs tables of {size}, and the system does not give so much memory"
            ),
        ),
        _ => Error::config(
            "memory",
            format!("the system does not give {size}; ask for less"),
        ),
    }
}

/// Keys that one prevalence epoch must hold at the expected rate: payload
/// bytes a second x density x window (the sizing law).
pub(crate) fn keys_per_epoch(config: &Config) -> Option<f64> {
    let rate = config.rate?.0 as f64 / 8.0;
    Some(rate * config.sampling.density() * config.prevalence_window.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;

    #[test]
    fn the_shares_add_up_to_the_budget_and_no_more() {
        for mebibytes in [16, 64, 256, 1_024] {
            let budget = mebibytes << 20;
            let plan =
                Plan::new(&Config { memory: Some(Size(budget)), ..Config::default() }, 0);
            let content = plan.prevalence
                + plan.dispersion
                + plan.propagation
                + plan.candidates
                + plan.first_sightings;
            let flow = plan.samples + plan.tails;
            let single = plan.fragments + plan.ledger + plan.packet_log;
            let total = 64 * content + 64 * flow + single;
            assert!(total as u64 <= budget && total as u64 > budget - 64 * 8);
            assert!(64 * plan.samples as u64 <= budget / 4);
        }
    }

    #[test]
    fn a_rate_derives_the_memory_by_the_sizing_law() {
        let config = Config { rate: Some(Rate(1_000_000_000)), ..Config::default() };
        let keys = keys_per_epoch(&config).unwrap();
        assert!((keys - 125e6 * 60.0 / 64.0).abs() < 1.0);
        let plan = Plan::new(&config, 0);
        let counters = plan.prevalence as f64 * CONTENT_SHARDS as f64; // two epochs of half bytes
        let found = counters / keys / COUNTERS_PER_KEY;
        assert!((0.99..1.02).contains(&found), "{found} of the counters asked for");
    }
}
