//! The metrics of a live sensor.

use super::board::{BatchTimes, Snapshot};
use super::taps::{Interface, State};
use crate::status::metrics::{Text, engine, process};
use wormsift_capture::live::LiveCounters;

/// The page of `/metrics`.
pub(super) fn render(it: &Snapshot) -> String {
    let mut text = Text::default();
    let (own, stats) = (&it.fixed, &it.stats);
    process(&mut text, own.kernel, it.uptime);
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

    engine(&mut text, stats);
    text.family(
        "wormsift_output_errors_total",
        "counter",
        "Lines that could not be written",
    );
    text.value(&[], it.output_errors);
    text.family("wormsift_muted_findings_total", "counter", "Findings that were muted");
    text.value(&[("type", "incident")], it.muted.incidents);
    text.value(&[("type", "signature")], it.muted.signatures);
    if let Some(reloads) = it.suricata {
        let help = "Times that Suricata was asked to load its rules";
        text.family("wormsift_suricata_reloads_total", "counter", help);
        text.value(&[("result", "done")], reloads.done);
        text.value(&[("result", "failed")], reloads.failed);
    }
    batches(&mut text, &it.batches);
    text.finish()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::samples;
    use crate::status::metrics::testing::well_formed;

    #[test]
    fn every_value_is_of_a_family_and_stands_once() {
        let text = render(&samples::snapshot());
        well_formed(&text);
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
