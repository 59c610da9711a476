//! Memory that a network needs, computed.
//!
//! ```text
//! cargo run --release -p wormsift-benches --example sizing
//! ```
//!
//! Prints a table from the engine's own sizing law: what memory an expected rate needs,
//! and what comes of a given budget where that would be too much.
//! It builds no table of the large sizes; it asks the law what they would give.

use wormsift::config::Config;
use wormsift::detect::prevalence::{Prevalence, false_promotion};
use wormsift::fingerprint::Sampling;
use wormsift::pipeline::Sensor;

/// Counters a key for which a rate is sized.
const COUNTERS: f64 = 6.0;

/// The share of a sensor's budget that prevalence has, as a sensor reports it.
fn prevalence_share() -> f64 {
    let sensor = Sensor::new(Config::default()).expect("defaults are valid");
    let memory = sensor.stats().memory;
    memory.prevalence_bytes as f64 / memory.budget_bytes as f64
}

struct Row {
    rate: &'static str,
    megabits: u64,
    window: u64,
    sampling: u16,
    /// The budget, if not what the law asks for.
    budget: Option<u64>,
}

const fn row(
    rate: &'static str,
    megabits: u64,
    window: u64,
    sampling: u16,
    budget: Option<u64>,
) -> Row {
    Row { rate, megabits, window, sampling, budget }
}

const MIB: u64 = 1 << 20;

const ROWS: [Row; 16] = [
    row("10 Mbit/s", 10, 60, 64, None),
    row("10 Mbit/s", 10, 600, 64, None),
    row("10 Mbit/s", 10, 60, 1, None),
    row("100 Mbit/s", 100, 60, 64, None),
    row("100 Mbit/s", 100, 60, 64, Some(256 * MIB)),
    row("100 Mbit/s", 100, 60, 8, None),
    row("1 Gbit/s", 1_000, 60, 64, None),
    row("1 Gbit/s", 1_000, 60, 64, Some(256 * MIB)),
    row("1 Gbit/s", 1_000, 10, 64, Some(256 * MIB)),
    row("1 Gbit/s", 1_000, 60, 256, None),
    row("10 Gbit/s", 10_000, 60, 64, None),
    row("10 Gbit/s", 10_000, 10, 256, None),
    row("40 Gbit/s", 40_000, 60, 256, None),
    row("40 Gbit/s", 40_000, 10, 256, None),
    row("100 Gbit/s", 100_000, 60, 256, None),
    row("100 Gbit/s", 100_000, 10, 256, None),
];

fn main() {
    let share = prevalence_share();
    println!(
        "| payload rate | window | f | contents a window | memory | counters a content | false promotion |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in ROWS {
        let density = Sampling::Value(row.sampling).density();
        let bytes = row.megabits as f64 * 1e6 / 8.0 * row.window as f64;
        let keys = (bytes * density) as u64;
        let needed = Prevalence::bytes_for(keys, COUNTERS) as f64 / share;
        let least = Config::LEAST_MEMORY.0 as f64;
        let memory = row.budget.map_or(needed.max(least), |budget| budget as f64);
        // A byte holds two counters, and there are two epochs.
        let counters = memory * share / keys as f64;
        println!(
            "| {} | {} s | 1/{} | {} | {:.0} MiB | {counters:.1} | {:.1e} |",
            row.rate,
            row.window,
            row.sampling,
            keys,
            memory / MIB as f64,
            false_promotion(counters, 3)
        );
    }
}
