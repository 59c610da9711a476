//! What came out, as a table, as JSON, and beside an earlier run.

use super::machine::Machine;
use crate::output::exit_code::Failure;
use crate::output::stats::by_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;
use wormsift::Stats;

/// What the JSON says it is.
pub(super) const KIND: &str = "wormsift-bench/1";

/// Everything that a run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Results {
    #[serde(rename = "schema")]
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) kernel: String,
    pub(super) machine: Machine,
    pub(super) captures: Vec<String>,
    /// Packets held in memory, and their payload bytes.
    pub(super) packets: u64,
    pub(super) payload_bytes: u64,
    pub(super) captured_bytes: u64,
    /// Bytes of the inputs as on disk.
    pub(super) file_bytes: u64,
    pub(super) passes: u8,
    pub(super) threads: usize,
    pub(super) sampling: String,
    /// Bytes of the sensor's tables, by module.
    pub(super) memory: BTreeMap<String, u64>,
    pub(super) stages: Vec<Row>,
}

/// One stage, by the median of its passes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) stage: String,
    pub(super) seconds: f64,
    pub(super) ns_per_packet: f64,
    /// Of payload.
    pub(super) ns_per_byte: f64,
    pub(super) gigabytes_per_second: f64,
    pub(super) gigabits_per_second: f64,
    pub(super) megapackets_per_second: f64,
    /// How many times as fast as in the run that it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) times_as_fast: Option<f64>,
}

impl Row {
    pub(super) fn new(stage: &str, seconds: f64, packets: f64, bytes: f64) -> Self {
        // A stage that had nothing to do took no time: its rates are told as 0.
        let rate = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        Self {
            stage: stage.to_owned(),
            seconds,
            ns_per_packet: seconds * 1e9 / packets,
            ns_per_byte: seconds * 1e9 / bytes,
            gigabytes_per_second: rate(bytes / 1e9),
            gigabits_per_second: rate(bytes * 8.0 / 1e9),
            megapackets_per_second: rate(packets / 1e6),
            times_as_fast: None,
        }
    }
}

/// The passes of each stage, in the order of the first.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<(String, Vec<f64>)>);

impl Rows {
    pub(super) fn add(&mut self, stage: &str, spent: Duration) {
        let seconds = spent.as_secs_f64();
        match self.0.iter_mut().find(|(name, _)| name == stage) {
            Some((_, passes)) => passes.push(seconds),
            None => self.0.push((stage.to_owned(), vec![seconds])),
        }
    }

    pub(super) fn finish(self, packets: u64, bytes: u64) -> Vec<Row> {
        let row = |(stage, passes): (String, Vec<f64>)| {
            Row::new(&stage, median(passes), packets as f64, bytes as f64)
        };
        self.0.into_iter().map(row).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// What stands beside a stage's name in the table.
fn explained(stage: &str) -> String {
    let note = match stage {
        "read" => " (finds the frames)",
        "sampling kernel" => " (part of fingerprint)",
        "fingerprint" => " (kernel, walk, hash)",
        "tails" => " (windows across segments)",
        "dispersion" => ", propagation, candidates",
        "signatures" => " (samples, growth)",
        "sum" => " of decode to signatures",
        _ => "",
    };
    format!("{stage}{note}")
}

impl Results {
    /// The JSON of an earlier run.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let wrong =
            |reason: String| Failure::usage(format!("{}: {reason}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if value["schema"] != KIND {
            return Err(wrong(format!("expected the JSON of a bench, schema {KIND}")));
        }
        serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
    }

    pub(super) fn memory_of(stats: &Stats) -> BTreeMap<String, u64> {
        let tables = by_name(&stats.memory).into_iter();
        tables
            .filter_map(|(name, bytes)| {
                Some((name.strip_suffix("_bytes")?.to_owned(), bytes.as_u64()?))
            })
            .collect()
    }

    /// Sets how many times as fast each stage is, and says what else differs.
    pub(super) fn compare(&mut self, earlier: &Self) -> Vec<String> {
        for row in &mut self.stages {
            let before = earlier.stages.iter().find(|other| other.stage == row.stage);
            row.times_as_fast = before
                .filter(|_| row.ns_per_byte > 0.0)
                .map(|before| before.ns_per_byte / row.ns_per_byte);
        }
        let mut differences = Vec::new();
        let mut differ = |what: &str, now: &str, before: &str| {
            if now != before {
                differences.push(format!("the {what} is {now}, and was {before}"));
            }
        };
        differ("machine", &self.machine.to_text(), &earlier.machine.to_text());
        differ("kernel", &self.kernel, &earlier.kernel);
        differ("sampling", &self.sampling, &earlier.sampling);
        differ(
            "number of payload bytes",
            &self.payload_bytes.to_string(),
            &earlier.payload_bytes.to_string(),
        );
        let budget = |results: &Self| match results.memory.get("budget") {
            Some(bytes) => format!("{bytes} bytes"),
            None => "unknown".to_owned(),
        };
        differ("memory", &budget(self), &budget(earlier));
        differences
    }

    pub(super) fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("results are plain values");
        text.push('\n');
        text
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |args: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{args}");
        };
        line(format_args!("machine   {}", self.machine.to_text()));
        line(format_args!(
            "engine    wormsift {}, kernel {}, sampling {}",
            self.version, self.kernel, self.sampling
        ));
        line(format_args!(
            "traffic   {} packets, {} payload bytes, {} bytes on disk; {} passes, medians",
            self.packets, self.payload_bytes, self.file_bytes, self.passes
        ));
        let tables: Vec<String> = self
            .memory
            .iter()
            .map(|(table, bytes)| format!("{table} {:.1}", *bytes as f64 / 1_048_576.0))
            .collect();
        line(format_args!("memory    MiB: {}", tables.join(", ")));
        line(format_args!(""));
        let compared = self.stages.iter().any(|row| row.times_as_fast.is_some());
        line(format_args!(
            "{:<36} {:>9} {:>8} {:>7} {:>7} {:>8}{}",
            "stage",
            "ns/packet",
            "ns/byte",
            "GB/s",
            "Gbit/s",
            "Mpkt/s",
            if compared { "  x before" } else { "" }
        ));
        for row in &self.stages {
            let times = match row.times_as_fast {
                Some(times) => format!("  {times:>8.2}"),
                None => String::new(),
            };
            line(format_args!(
                "{:<36} {:>9.1} {:>8.3} {:>7.2} {:>7.1} {:>8.2}{times}",
                explained(&row.stage),
                row.ns_per_packet,
                row.ns_per_byte,
                row.gigabytes_per_second,
                row.gigabits_per_second,
                row.megapackets_per_second
            ));
        }
        line(format_args!(""));
        line(format_args!(
            "Stages are measured one by one, a round of 1 MiB at a time, and the sensor does \
             more\n(order, alarms, samples) and less (what is in the cache stays there): the \
             sum is near\nits time, not equal to it. Reading and the run from disk open the files anew, \
             and the latter\nbuilds its tables too. Bytes are payload bytes."
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_time() {
        let row = Row::new("decode", 2.0, 1e6, 4e9);
        assert_eq!((row.ns_per_packet, row.ns_per_byte), (2_000.0, 0.5));
        assert_eq!(row.gigabytes_per_second, 2.0);
        assert_eq!((row.gigabits_per_second, row.megapackets_per_second), (16.0, 0.5));
        assert_eq!(Row::new("tails", 0.0, 1.0, 1.0).gigabytes_per_second, 0.0);
    }

    #[test]
    fn a_stage_is_told_by_the_median_of_its_passes() {
        let mut rows = Rows::default();
        for millis in [30, 10, 500] {
            rows.add("decode", Duration::from_millis(millis));
            rows.add("sum", Duration::from_millis(2 * millis));
        }
        let rows = rows.finish(1_000, 1_000);
        assert_eq!(rows[0].stage, "decode");
        assert_eq!((rows[0].seconds, rows[1].seconds), (0.03, 0.06));
    }
}
