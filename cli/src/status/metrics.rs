//! Metrics for Prometheus.
//!
//! The text format, version 0.0.4: base units, counters that end in `_total`, and no
//! label whose values traffic could choose.

use crate::output::stats::by_name;
use serde_json::{Map, Value};
use std::fmt::{Display, Write as _};
use std::time::Duration;
use wormsift::Stats;
use wormsift::detect::duplicates::TapCounters;

/// What runs, and since when.
pub(crate) fn process(text: &mut Text, kernel: &str, uptime: Duration) {
    text.family("wormsift_build_info", "gauge", "The program that runs; always 1");
    let version = env!("CARGO_PKG_VERSION");
    text.value(&[("version", version), ("kernel", kernel)], 1);
    text.family("wormsift_uptime_seconds", "gauge", "Time since the start");
    text.value(&[], uptime.as_secs_f64());
}

/// What a sensor has counted.
pub(crate) fn engine(text: &mut Text, stats: &Stats) {
    for (name, help, value) in [
        ("decoded_packets", "Packets decoded", stats.packets.packets),
        ("payload_bytes", "Their payload", stats.packets.payload_bytes),
        ("fingerprints_sampled", "Windows that were kept", stats.windows.kept),
        ("sightings", "Sightings of kept windows", stats.content.sightings),
        ("promotions", "Contents past prevalence", stats.content.promotions),
        ("alarms", "Contents past the thresholds", stats.signatures.alarms),
        ("signatures", "Signatures", stats.signatures.signatures),
    ] {
        text.family(&format!("wormsift_{name}_total"), "counter", help);
        text.value(&[], value);
    }
    type Count = fn(&TapCounters) -> u64;
    let counts: [(_, _, Count); 3] = [
        ("packets", "Packets that came by at a tap", |it| it.packets),
        ("duplicates", "Those that another tap had shown before", |it| it.duplicates),
        (
            "duplicates_forgotten",
            "Packets that were forgotten before a copy could still come",
            |it| it.duplicates_forgotten,
        ),
    ];
    for (name, help, count) in counts.into_iter().filter(|_| !stats.taps.is_empty()) {
        text.family(&format!("wormsift_tap_{name}_total"), "counter", help);
        for tap in &stats.taps {
            text.value(&[("tap", &tap.tap)], count(&tap.counters));
        }
    }
    text.family("wormsift_decode_errors_total", "counter", "Frames that were not used");
    text.section("reason", "", &by_name(&stats.drops));
    text.family("wormsift_candidates", "gauge", "Contents under watch");
    text.value(&[("state", "capacity")], stats.candidates.capacity);
    text.value(&[("state", "live")], stats.candidates.live);
    text.family("wormsift_fill_ratio", "gauge", "How full a table is");
    text.section("table", "_fill", &by_name(&stats.fill));
    text.family("wormsift_memory_bytes", "gauge", "Memory of the tables");
    let mut tables = by_name(&stats.memory);
    tables.retain(|name, _| !matches!(&**name, "total_bytes" | "budget_bytes"));
    text.section("component", "_bytes", &tables);
    text.family(
        "wormsift_memcap_hits_total",
        "counter",
        "Entries that full tables dropped",
    );
    for (component, value) in [
        ("prevalence", stats.content.alarms_without_room),
        ("admission", stats.content.kept_out),
        (
            "candidates",
            stats.candidates.evicted_unseen
                + stats.candidates.evicted_less_dispersed
                + stats.candidates.evicted_relay
                + stats.candidates.refused,
        ),
        ("samples", stats.samples.evicted + stats.samples.refused),
        ("tails", stats.stream.evictions + stats.stream.refused),
        ("relays", stats.propagation.relays_evicted),
        ("signatures", stats.signatures.put_off),
    ] {
        text.value(&[("component", component)], value);
    }
}

/// The text, and under it the family that values are of.
#[derive(Default)]
pub(crate) struct Text(String, String);

impl Text {
    /// All of it.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// A family begins.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        name.clone_into(&mut self.1);
    }

    /// A value of it.
    pub(crate) fn value(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let name = self.1.clone();
        self.named(&name, labels, value);
    }

    /// A value for each name of a section, less its ending.
    pub(crate) fn section(
        &mut self,
        label: &str,
        ending: &str,
        values: &Map<String, Value>,
    ) {
        for (name, value) in values {
            self.value(&[(label, name.strip_suffix(ending).unwrap_or(name))], value);
        }
    }

    /// A value under another name than the family's.
    pub(crate) fn named(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// As the format has it: an interface may have almost any name.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
pub(crate) mod testing {
    use std::collections::BTreeSet;

    /// Every value is of a family, is a number, and stands once.
    pub(crate) fn well_formed(text: &str) {
        let (mut families, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                families.insert(family.split(' ').next().unwrap().to_owned());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(seen.insert(series.to_owned()), "{series} stands twice");
                let name = series.split('{').next().unwrap();
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end))
                    .filter(|base| families.contains(*base));
                assert!(families.contains(base.unwrap_or(name)), "{line}");
            }
        }
    }
}
