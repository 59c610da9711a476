//! Metrics for Prometheus.
//!
//! The text format, version 0.0.4: base units, counters that end in `_total`, and no
//! label whose values traffic could choose.

use super::board::{BatchTimes, Snapshot};
use super::taps::{Interface, State};
use crate::output::stats::by_name;
use serde_json::{Map, Value};
use std::fmt::{Display, Write as _};
use wormsift::detect::duplicates::TapCounters;
use wormsift_capture::live::LiveCounters;

/// The page of `/metrics`.
pub(super) fn render(it: &Snapshot) -> String {
    let mut text = Text::default();
    let (own, stats) = (&it.fixed, &it.stats);
    text.family("wormsift_build_info", "gauge", "The program that runs; always 1");
    let version = env!("CARGO_PKG_VERSION");
    text.value(&[("version", version), ("kernel", own.kernel)], 1);
    text.family("wormsift_uptime_seconds", "gauge", "Time since the start");
    text.value(&[], it.uptime.as_secs_f64());
    text.family(
        "wormsift_resident_memory_bytes",
        "gauge",
        "Memory in use, rings included",
    );
    text.value(&[], it.resident);
    text.family("wormsift_interface_up", "gauge", "1 while the interface is up");
    for interface in &it.interfaces {
        let is_up = u8::from(interface.state == State::Up);
        text.value(&[("interface", &interface.name)], is_up);
    }
    interfaces(&mut text, &it.interfaces);
    if it.interfaces.len() > 1 {
        merge(&mut text, &it.capture);
    }
    text.family(
        "wormsift_selected_packets_total",
        "counter",
        "Frames that the filters let through",
    );
    text.value(&[("source", own.interface.as_str())], it.selected);

    for (name, help, value) in [
        ("decoded_packets", "Packets decoded", stats.packets.packets),
        ("payload_bytes", "Their payload", stats.packets.payload_bytes),
        ("fingerprints_sampled", "Windows that were kept", stats.windows.kept),
        ("sightings", "Sightings of kept windows", stats.content.sightings),
        ("promotions", "Contents past prevalence", stats.content.promotions),
        ("alarms", "Contents past the thresholds", stats.signatures.alarms),
        ("signatures", "Signatures", stats.signatures.signatures),
        ("output_errors", "Lines that could not be written", it.output_errors),
    ] {
        text.family(&format!("wormsift_{name}_total"), "counter", help);
        text.value(&[], value);
    }
    text.family("wormsift_muted_findings_total", "counter", "Findings that were muted");
    text.value(&[("type", "incident")], it.muted.incidents);
    text.value(&[("type", "signature")], it.muted.signatures);
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
    if let Some(reloads) = it.suricata {
        let help = "Times that Suricata was asked to load its rules";
        text.family("wormsift_suricata_reloads_total", "counter", help);
        text.value(&[("result", "done")], reloads.done);
        text.value(&[("result", "failed")], reloads.failed);
    }
    batches(&mut text, &it.batches);
    text.0
}

/// What each interface gave, under its own name.
fn interfaces(text: &mut Text, interfaces: &[Interface]) {
    type Count = fn(&LiveCounters) -> u64;
    let counts: [(_, _, Count); 6] = [
        ("packets", "Frames taken from the interface", |it| it.frames),
        ("bytes", "Their bytes on the wire", |it| it.bytes),
        (
            "capture_received_packets",
            "Frames that passed the kernel's filter, dropped ones among them",
            |it| it.kernel_packets,
        ),
        ("capture_dropped_packets", "Frames for which the rings had no room", |it| {
            it.kernel_drops
        }),
        ("capture_freezes", "How often a ring was full", |it| it.kernel_freezes),
        ("capture_cut_packets", "Frames cut at the snaplen", |it| it.cut),
    ];
    for (name, help, count) in counts {
        text.family(&format!("wormsift_{name}_total"), "counter", help);
        for interface in interfaces {
            text.value(&[("source", &interface.name)], count(&interface.counters));
        }
    }
}

/// What several interfaces could not wait for.
fn merge(text: &mut Text, counters: &LiveCounters) {
    for (name, help, value) in [
        (
            "early",
            "Frames that went on before those of other interfaces",
            counters.merged_early,
        ),
        (
            "late",
            "Frames that came after later ones of other interfaces had gone on",
            counters.merged_late,
        ),
    ] {
        text.family(&format!("wormsift_merged_{name}_packets_total"), "counter", help);
        text.value(&[], value);
    }
}

fn batches(text: &mut Text, times: &BatchTimes) {
    let name = "wormsift_batch_duration_seconds";
    text.family(name, "histogram", "Time that batches of packets took");
    let bounds = BatchTimes::BOUNDS.map(|bound| bound.to_string());
    for (bound, count) in bounds.iter().zip(times.counts) {
        text.named(&format!("{name}_bucket"), &[("le", bound)], count);
    }
    text.named(&format!("{name}_bucket"), &[("le", "+Inf")], times.count);
    text.named(&format!("{name}_sum"), &[], times.seconds);
    text.named(&format!("{name}_count"), &[], times.count);
}

/// The text, and under it the family that values are of.
#[derive(Default)]
struct Text(String, String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        name.clone_into(&mut self.1);
    }

    fn value(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let name = self.1.clone();
        self.named(&name, labels, value);
    }

    /// A value for each name of a section, less its ending.
    fn section(&mut self, label: &str, ending: &str, values: &Map<String, Value>) {
        for (name, value) in values {
            self.value(&[(label, name.strip_suffix(ending).unwrap_or(name))], value);
        }
    }

    fn named(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
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
mod tests {
    use super::*;
    use crate::live::samples;
    use std::collections::BTreeSet;

    #[test]
    fn every_value_is_of_a_family_and_stands_once() {
        let text = render(&samples::snapshot());
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
        for name in [
            "wormsift_packets_total{source=\"tap\\\"0\"} 1000",
            "wormsift_capture_dropped_packets_total{source=\"tap\\\"0\"} 7",
            "wormsift_decode_errors_total{reason=\"arp\"} 0",
            "wormsift_batch_duration_seconds_bucket{le=\"0.01\"} 2",
            "wormsift_batch_duration_seconds_bucket{le=\"+Inf\"} 3",
            "wormsift_muted_findings_total{type=\"incident\"} 2",
            "wormsift_muted_findings_total{type=\"signature\"} 3",
            "wormsift_suricata_reloads_total{result=\"done\"} 2",
        ] {
            assert!(text.lines().any(|line| line == name), "{name} in\n{text}");
        }
    }

    #[test]
    fn each_of_several_interfaces_has_its_own_figures() {
        let mut snapshot = samples::snapshot();
        assert!(!render(&snapshot).contains("_merged_"));
        snapshot.interfaces.push(samples::interface("tap1", State::Gone));
        (snapshot.capture.merged_early, snapshot.capture.merged_late) = (2, 3);
        let text = render(&snapshot);
        for line in [
            "wormsift_interface_up{interface=\"tap\\\"0\"} 1",
            "wormsift_interface_up{interface=\"tap1\"} 0",
            "wormsift_capture_received_packets_total{source=\"tap\\\"0\"} 1007",
            "wormsift_capture_received_packets_total{source=\"tap1\"} 0",
            "wormsift_merged_early_packets_total 2",
            "wormsift_merged_late_packets_total 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }
}
