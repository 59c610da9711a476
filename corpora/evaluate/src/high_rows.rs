//! When the worm of a row's runs was high, summed up.

use super::high::{FEW, HighAt, HighRow};
use super::results::Run;
use super::statistics::some_estimate;

/// Of these runs.
pub(crate) fn high_row(runs: &[Run]) -> HighRow {
    let its = || runs.iter().filter_map(|run| Some((run.seed, run.high.as_ref()?)));
    let count = |is: fn(&HighAt) -> bool| its().filter(|(_, it)| is(it)).count() as u64;
    let after = || its().filter_map(|(_, it)| it.after_relay());
    let why_not = its().find(|(_, it)| !it.why_not.is_empty());
    HighRow {
        runs: its().count() as u64,
        high: count(|it| it.infected.is_some()),
        relayed: count(|it| it.relay.is_some()),
        within: after().filter(|after| *after <= FEW).count() as u64,
        infected: some_estimate(
            its().filter_map(|(_, it)| it.infected.map(|infected| infected as f64)),
        ),
        after_relay: some_estimate(after().map(|after| after as f64)),
        why_not: why_not
            .map(|(seed, it)| format!("seed {seed}: {}", it.why_not))
            .unwrap_or_default(),
    }
}
