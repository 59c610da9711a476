//! What a merger tells of itself at the end of a run.

use crate::output::stats::sorted;
#[cfg(feature = "fleet")]
use crate::output::stats::{by_name, engine_for_people, object};
use serde::Serialize;
use wormsift::Stats;
#[cfg(test)]
use wormsift_export::json_lines::schema::StatsSchema;

/// At the end of `merge --stats`: counters since the fleet began, gauges, what came of the taps,
/// and the run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "stats_of_merge"))]
#[cfg_attr(not(feature = "fleet"), allow(dead_code, reason = "its form alone is asked"))]
pub(crate) struct MergeStats {
    #[serde(flatten, serialize_with = "sorted")]
    #[cfg_attr(test, schemars(with = "StatsSchema"))]
    pub(crate) engine: Stats,
    pub(crate) fleet: FleetStats,
    pub(crate) run: MergeRun,
}

/// What came of a fleet's taps.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "fleet_counters"))]
#[cfg_attr(not(feature = "fleet"), allow(dead_code, reason = "its form alone is asked"))]
pub(crate) struct FleetStats {
    pub(crate) fleet_taps: Vec<TapStats>,
    /// Ticks that closed since a tap was too far ahead of another.
    pub(crate) closed_by_lateness: u64,
    /// Ticks that closed since too much waited.
    pub(crate) closed_by_memory: u64,
    /// Messages that were none of this fleet's, or of taps with another key or other settings.
    pub(crate) refused: u64,
    /// The place in the broker's log of the last message that was taken.
    pub(crate) log_position: u64,
}

/// One tap.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "fleet_tap"))]
#[cfg_attr(not(feature = "fleet"), allow(dead_code, reason = "its form alone is asked"))]
pub(crate) struct TapStats {
    pub(crate) tap: String,
    /// Messages of it, parts of parcels, as often as they came.
    pub(crate) parcels: u64,
    pub(crate) bytes: u64,
    /// Those that had come before.
    pub(crate) duplicates: u64,
    /// Those whose tick had closed.
    pub(crate) late: u64,
    /// Those that never came.
    pub(crate) missing: u64,
    /// Seconds of packet time in which it was blind.
    pub(crate) blind_seconds: u64,
    /// Asks that it has not answered.
    pub(crate) asks_outstanding: u64,
}

/// The process: what may differ from run to run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "merge_run"))]
#[cfg_attr(not(feature = "fleet"), allow(dead_code, reason = "its form alone is asked"))]
pub(crate) struct MergeRun {
    /// The sampling kernel.
    pub(crate) kernel: &'static str,
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub(crate) seconds: f64,
    /// The number of the signal that ended it; missing without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "i32"))]
    pub(crate) stopped_by: Option<i32>,
}

#[cfg(feature = "fleet")]
impl MergeStats {
    /// Section by section, a value a line.
    pub(crate) fn for_people(&self) -> String {
        let mut text = engine_for_people(&self.engine);
        for tap in &self.fleet.fleet_taps {
            let mut values = by_name(tap);
            values.remove("tap");
            object(&mut text, &format!("parcels of tap {}", tap.tap), &values);
        }
        let mut values = by_name(&self.fleet);
        values.remove("fleet_taps");
        object(&mut text, "fleet", &values);
        object(&mut text, "run", &by_name(&self.run));
        text.truncate(text.trim_end().len());
        text
    }
}
