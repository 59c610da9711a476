//! What a tap of a fleet shows of itself.

use crate::commands::fleet::link_metrics;
use crate::status::Shown;
use crate::status::metrics::{Text, process};
use maud::html;
use std::time::Duration;
use wormsift::fingerprint::Kernel;
use wormsift::fleet::TapCounters;
use wormsift_cluster::jetstream::{Progress, PublisherCounters};
use wormsift_export::html::number::{bytes, duration};
use wormsift_export::html::{self, figures};
use wormsift_export::text::{counted, grouped};

/// A tap at one moment.
pub(super) struct Tapped {
    pub(super) tap: String,
    pub(super) fleet: String,
    /// What it reads.
    pub(super) source: String,
    /// The wall clock, RFC 3339.
    pub(super) now: String,
    pub(super) uptime: Duration,
    pub(super) packets: u64,
    pub(super) dropped: u64,
    pub(super) parcels: u64,
    pub(super) bytes: u64,
    /// Whether it waits for the merger.
    pub(super) is_ahead: bool,
    /// Why there is no link to the broker; `None` where there is one.
    pub(super) link: Option<String>,
    pub(super) publisher: PublisherCounters,
    pub(super) progress: Progress,
    pub(super) counters: TapCounters,
    pub(super) spool_size: u64,
}

impl Shown for Tapped {
    fn page(&self) -> String {
        let title = format!("wormsift tap {}, fleet {}", self.tap, self.fleet);
        let now = self.now.get(..19).unwrap_or_default();
        let evicted = self.publisher.spool.evicted;
        let body = html! {
            h1 { (title) }
            p.note {
                (now) "Z · reads " (self.source) " · running for "
                (duration(self.uptime.as_secs_f64()))
            }
            @if let Some(why) = &self.link { p.warn { (why) } }
            @if evicted > 0 {
                p.warn { (counted(evicted, "parcel")) " lost since the spool was full" }
            }
            @if self.is_ahead { p.note { "waits for the merger" } }
            (figures(self.numbers()))
            footer {
                p {
                    "wormsift " (env!("CARGO_PKG_VERSION")) " · kernel " (Kernel::best().name())
                    " · metrics at /metrics, state at /health"
                }
            }
        };
        html::page(&title, "", body)
    }

    fn metrics(&self) -> String {
        let mut text = Text::default();
        process(&mut text, Kernel::best().name(), self.uptime);
        let it = &self.publisher;
        link_metrics(&mut text, self.link.is_none(), it.interrupted);
        for (name, help, value) in [
            ("packets", "Packets that were read", self.packets),
            ("dropped_packets", "Packets that the kernel dropped", self.dropped),
            ("parcels", "Parcels made", self.parcels),
            ("parcel_bytes", "Their bytes", self.bytes),
            (
                "acknowledged_parcels",
                "Parcels that the broker acknowledged, each time",
                it.acknowledged,
            ),
            (
                "evicted_parcels",
                "Parcels lost since the spool was full",
                it.spool.evicted,
            ),
            (
                "damaged_parcels",
                "Parcels of the spool that cannot be read",
                it.spool.damaged,
            ),
            (
                "parcels_asked_again",
                "Parcels that the merger asked for again",
                it.asked_again,
            ),
            (
                "log_full",
                "How often the broker's log was too full for a parcel",
                it.log_full,
            ),
            ("asks_dropped", "Asks dropped since too many waited", it.asks_dropped),
            (
                "samples_too_late",
                "Samples asked for when their payload was gone",
                self.counters.asked_too_late,
            ),
            (
                "payloads_let_go",
                "Parcels whose payloads went before their tick was closed",
                self.counters.let_go,
            ),
        ] {
            text.family(&format!("wormsift_fleet_tap_{name}_total"), "counter", help);
            text.value(&[("tap", &self.tap)], value);
        }
        for (name, help, value) in [
            (
                "appended_parcels",
                "Parcels put into the spool, parts each, since it was made",
                self.progress.appended,
            ),
            (
                "delivered_parcels",
                "Those that the broker has, as far as it says",
                self.progress.delivered,
            ),
            (
                "covered_parcels",
                "Those that the merger's checkpoint covers",
                self.progress.covered,
            ),
            ("spool_bytes", "Bytes of the spool's files", self.progress.spool_bytes),
            ("spool_capacity_bytes", "The most of them", self.spool_size),
            ("held_bytes", "Payloads held for the merger", self.counters.held_bytes),
            ("ahead", "1 while it waits for the merger", self.is_ahead.into()),
        ] {
            text.family(&format!("wormsift_fleet_tap_{name}"), "gauge", help);
            text.value(&[("tap", &self.tap)], value);
        }
        text.finish()
    }

    fn trouble(&self) -> Option<String> {
        self.link.clone()
    }
}

impl Tapped {
    fn numbers(&self) -> [(&'static str, String, String); 4] {
        let Progress { appended, delivered, covered, spool_bytes } = self.progress;
        let waiting = format!("{} wait", grouped(appended.saturating_sub(delivered)));
        let most = format!("of {}", bytes(self.spool_size));
        [
            ("packets", grouped(self.packets), bytes(self.counters.held_bytes) + " held"),
            ("parcels", grouped(self.parcels), bytes(self.bytes)),
            (
                "sent",
                grouped(delivered),
                format!("{waiting}, {} covered", grouped(covered)),
            ),
            ("spool", bytes(spool_bytes), most),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::metrics::testing::well_formed;

    #[test]
    fn metrics_and_page_say_how_the_spool_and_the_link_are() {
        let mut publisher = PublisherCounters::default();
        publisher.spool.evicted = 3;
        let it = Tapped {
            tap: "a".to_owned(),
            fleet: "demo".to_owned(),
            source: "<a.pcap>".to_owned(),
            now: "2026-12-01T08:00:00.123456789Z".to_owned(),
            uptime: Duration::from_secs(90),
            packets: 1_000,
            dropped: 4,
            parcels: 10,
            bytes: 20_000,
            is_ahead: true,
            link: None,
            publisher,
            progress: Progress {
                appended: 10,
                delivered: 8,
                covered: 5,
                spool_bytes: 4_096,
            },
            counters: TapCounters::default(),
            spool_size: 1 << 30,
        };
        let text = it.metrics();
        well_formed(&text);
        for line in [
            "wormsift_fleet_tap_spool_bytes{tap=\"a\"} 4096",
            "wormsift_fleet_tap_spool_capacity_bytes{tap=\"a\"} 1073741824",
            "wormsift_fleet_tap_evicted_parcels_total{tap=\"a\"} 3",
            "wormsift_fleet_tap_parcels_total{tap=\"a\"} 10",
            "wormsift_fleet_tap_covered_parcels{tap=\"a\"} 5",
            "wormsift_fleet_link_up 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
        let page = it.page();
        for text in ["3 parcels lost since the spool was full", "reads &lt;a.pcap&gt;"] {
            assert!(page.contains(text), "{text} in\n{page}");
        }
    }
}
