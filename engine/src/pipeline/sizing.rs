//! How a budget of bytes is shared out among the modules.

use crate::config::Config;

/// Flow shards: an address pair's packets are all in one (DESIGN, "Shards").
pub(crate) const FLOW_SHARDS: usize = 64;
/// Content shards: a key's sightings are all in one.
pub(crate) const CONTENT_SHARDS: usize = 64;

/// Shares of the budget, in thousandths. Prevalence gets most because nearly
/// all keys stop there; samples stay under a quarter.
const DISPERSION: u64 = 140;
const PROPAGATION: u64 = 110;
const CANDIDATES: u64 = 110;
const POPULATIONS: u64 = 16;
const SAMPLES: u64 = 120;
const TAILS: u64 = 70;
const CONVERSATIONS: u64 = 26;
const STARTS: u64 = 4;
const FRAGMENTS: u64 = 30;
const LEDGER: u64 = 40;
const FIRST_SIGHTINGS: u64 = 22;
const PACKET_LOG: u64 = 16;
const HOST_NAMES: u64 = 2;
/// Where there are dark addresses, taken from prevalence.
const DARK: u64 = 20;
const DARK_CONTENTS: u64 = 4;
/// Where there are several taps, taken from prevalence.
const DUPLICATES: u64 = 8;
/// Taken before the others are shared out, and only where there are decoys.
const DECOYS: u64 = 15;
const PREVALENCE: u64 = 1_000
    - DISPERSION
    - PROPAGATION
    - CANDIDATES
    - POPULATIONS
    - SAMPLES
    - TAILS
    - CONVERSATIONS
    - STARTS
    - FRAGMENTS
    - LEDGER
    - FIRST_SIGHTINGS
    - PACKET_LOG
    - HOST_NAMES;

/// Bytes for each module of each shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) prevalence: usize,
    pub(crate) dispersion: usize,
    pub(crate) propagation: usize,
    pub(crate) candidates: usize,
    /// For the addresses that sent contents which have alarmed.
    pub(crate) populations: usize,
    pub(crate) samples: usize,
    pub(crate) tails: usize,
    pub(crate) conversations: usize,
    /// For the one table of first conversations.
    pub(crate) starts: usize,
    /// For the one pool of fragments, not a shard's.
    pub(crate) fragments: usize,
    /// For the signatures remembered, over all shards.
    pub(crate) ledger: usize,
    /// For the sightings of what is not promoted.
    pub(crate) first_sightings: usize,
    /// For the one log of the latest packets.
    pub(crate) packet_log: usize,
    /// For the one table of IPv6 networks.
    pub(crate) host_names: usize,
    /// Whether addresses are dark, or may be.
    pub(crate) has_dark: bool,
    /// For the one table of what arrives at dark addresses.
    pub(crate) dark: usize,
    /// For contents that come to them.
    pub(crate) dark_contents: usize,
    /// For what decoys received.
    pub(crate) decoys: usize,
    /// For the packets of the last moments, where there are several taps.
    pub(crate) duplicates: usize,
}

impl Plan {
    /// Shares out `config.memory`, of which `baseline` bytes are taken already.
    pub(crate) fn new(config: &Config, baseline: usize) -> Self {
        let decoys = match config.decoys.is_empty() {
            true => 0,
            false => config.memory.0 / 1_000 * DECOYS,
        };
        let total = config.memory.0.saturating_sub(baseline as u64 + decoys);
        let has_dark = !config.dark.is_empty() || config.dark_learn.0 > 0;
        let (dark, dark_contents) = if has_dark { (DARK, DARK_CONTENTS) } else { (0, 0) };
        let duplicates = if config.taps.len() > 1 { DUPLICATES } else { 0 };
        let share = |thousandths: u64, shards: usize| {
            (total as u128 * u128::from(thousandths) / 1_000 / shards as u128) as usize
        };
        Self {
            prevalence: share(
                PREVALENCE - dark - dark_contents - duplicates,
                CONTENT_SHARDS,
            ),
            dispersion: share(DISPERSION, CONTENT_SHARDS),
            propagation: share(PROPAGATION, CONTENT_SHARDS),
            candidates: share(CANDIDATES, CONTENT_SHARDS),
            populations: share(POPULATIONS, CONTENT_SHARDS),
            samples: share(SAMPLES, FLOW_SHARDS),
            tails: share(TAILS, FLOW_SHARDS),
            conversations: share(CONVERSATIONS, FLOW_SHARDS),
            starts: share(STARTS, 1),
            fragments: share(FRAGMENTS, 1),
            ledger: share(LEDGER, 1),
            first_sightings: share(FIRST_SIGHTINGS, CONTENT_SHARDS),
            packet_log: share(PACKET_LOG, 1),
            host_names: share(HOST_NAMES, 1),
            has_dark,
            dark: share(dark, 1),
            dark_contents: share(dark_contents, CONTENT_SHARDS),
            decoys: decoys as usize,
            duplicates: share(duplicates, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Size;

    #[test]
    fn the_shares_add_up_to_the_budget_and_no_more() {
        for (mebibytes, decoys) in [(16, ""), (64, ""), (256, "::1"), (1_024, "")] {
            let budget = mebibytes << 20;
            let mut config = Config { memory: Size(budget), ..Config::default() };
            config.set_text("decoys", decoys).unwrap();
            let plan = Plan::new(&config, 0);
            let content = plan.prevalence
                + plan.dispersion
                + plan.propagation
                + plan.candidates
                + plan.populations
                + plan.first_sightings;
            let flow = plan.samples + plan.tails + plan.conversations;
            let single = plan.fragments
                + plan.ledger
                + plan.packet_log
                + plan.host_names
                + plan.starts
                + plan.decoys;
            let total = 64 * content + 64 * flow + single;
            assert!(total as u64 <= budget && total as u64 > budget - 64 * 8);
            assert!(64 * plan.samples as u64 <= budget / 4);
        }
    }
}
