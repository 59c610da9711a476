//! What a merger shows of itself.

use crate::commands::fleet::link_metrics;
use crate::output::fleet_stats::TapStats;
use crate::output::table::moment;
use crate::status::metrics::{Text, engine, process};
use crate::status::page::{found, tables};
use crate::status::{News, Shown};
use maud::{Markup, html};
use std::time::Duration;
use wormsift::Stats;
use wormsift::fingerprint::Kernel;
use wormsift::packet::Timestamp;
use wormsift_cluster::jetstream::ReceiverCounters;
use wormsift_export::html::number::{bytes, duration};
use wormsift_export::html::{self, figures, table};
use wormsift_export::text::{counted, grouped};

/// A merger at one moment.
pub(super) struct Merged {
    pub(super) fleet: String,
    /// The wall clock, RFC 3339.
    pub(super) now: String,
    pub(super) uptime: Duration,
    pub(super) stats: Stats,
    pub(super) taps: Vec<MergedTap>,
    /// Messages that are of no use.
    pub(super) refused: u64,
    /// Why there is no link to the broker; `None` where there is one.
    pub(super) link: Option<String>,
    pub(super) receiver: ReceiverCounters,
    /// No tick up to this one is open.
    pub(super) closed: Option<u64>,
    pub(super) checkpoint_age: Duration,
    pub(super) news: News,
}

/// One of its taps.
pub(super) struct MergedTap {
    pub(super) stats: TapStats,
    /// Whether the last tick closed without it.
    pub(super) is_blind: bool,
}

const HEADINGS: [&str; 8] = [
    "Tap",
    "#Parcels",
    "#Bytes",
    "#Late",
    "#Missing",
    "#Blind seconds",
    "#Asks outstanding",
    "Now",
];

impl Shown for Merged {
    fn page(&self) -> String {
        let title = format!("wormsift merge, fleet {}", self.fleet);
        let now = self.now.get(..19).unwrap_or_default();
        let body = html! {
            h1 { (title) }
            p.note { (now) "Z · running for " (duration(self.uptime.as_secs_f64())) }
            @if let Some(why) = &self.link { p.warn { (why) } }
            @for tap in self.taps.iter().filter(|tap| tap.is_blind) {
                p.warn { "tap " (tap.stats.tap) " is blind: the last tick closed without it" }
            }
            @for warning in &self.news.warnings { p.warn { (warning) } }
            (figures(self.numbers()))
            h2 { "Taps" }
            (self.by_tap())
            (found(&self.news))
            (tables(&self.stats))
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
        engine(&mut text, &self.stats);
        link_metrics(&mut text, self.link.is_none(), self.receiver.log.interrupted);
        self.tap_metrics(&mut text);
        let log = &self.receiver.log;
        let closing = &self.receiver.closing;
        for (name, help, value) in [
            ("log_read_messages", "Messages read from the broker's log", log.read),
            (
                "log_skipped_messages",
                "Places in the log that the broker no longer had",
                log.skipped,
            ),
            ("log_put_back", "How often the log was not what it had been", log.put_back),
            ("refused_messages", "Messages that were of no use", self.refused),
            (
                "closed_by_lateness_ticks",
                "Ticks closed since a tap was too far ahead",
                closing.closed_by_lateness,
            ),
            (
                "closed_by_memory_ticks",
                "Ticks closed since too much waited",
                closing.closed_by_memory,
            ),
            (
                "parcel_requests",
                "How often missing parcels were asked for",
                self.receiver.asked_for_parcels,
            ),
            ("checkpoints", "Checkpoints of this fleet", self.receiver.checkpoints),
        ] {
            text.family(&format!("wormsift_fleet_{name}_total"), "counter", help);
            text.value(&[], value);
        }
        text.family("wormsift_fleet_log_position", "gauge", "Place in the broker's log");
        text.value(&[], self.receiver.position);
        text.family(
            "wormsift_fleet_closed_tick_seconds",
            "gauge",
            "Packet time up to which all ticks are closed, since 1970",
        );
        text.value(&[], self.closed.unwrap_or(0));
        text.family(
            "wormsift_fleet_checkpoint_age_seconds",
            "gauge",
            "Time since the latest checkpoint, or since the start before the first",
        );
        text.value(&[], self.checkpoint_age.as_secs_f64());
        let help = "Size of the checkpoint that this process wrote last";
        text.family("wormsift_fleet_checkpoint_bytes", "gauge", help);
        text.value(&[], self.receiver.checkpoint_bytes);
        text.finish()
    }

    fn trouble(&self) -> Option<String> {
        self.link.clone()
    }
}

impl Merged {
    fn tap_metrics(&self, text: &mut Text) {
        type Count = fn(&MergedTap) -> u64;
        let counts: [(_, _, _, Count); 8] = [
            (
                "parcels_total",
                "counter",
                "Parcels that came, parts and duplicates among them",
                |it| it.stats.parcels,
            ),
            ("parcel_bytes_total", "counter", "Their bytes", |it| it.stats.bytes),
            (
                "duplicate_parcels_total",
                "counter",
                "Parcels that had come before",
                |it| it.stats.duplicates,
            ),
            ("late_parcels_total", "counter", "Parcels whose tick had closed", |it| {
                it.stats.late
            }),
            ("missing_parcels_total", "counter", "Parcels that never came", |it| {
                it.stats.missing
            }),
            (
                "blind_ticks_total",
                "counter",
                "Seconds of packet time in which the tap was blind",
                |it| it.stats.blind_seconds,
            ),
            (
                "tap_blind",
                "gauge",
                "1 where the last tick closed without the tap",
                |it| it.is_blind.into(),
            ),
            ("asks_outstanding", "gauge", "Asks that the tap has not answered", |it| {
                it.stats.asks_outstanding
            }),
        ];
        for (name, kind, help, count) in counts {
            text.family(&format!("wormsift_fleet_{name}"), kind, help);
            for tap in &self.taps {
                text.value(&[("tap", &tap.stats.tap)], count(tap));
            }
        }
    }

    fn by_tap(&self) -> Markup {
        let rows = html! {
            tbody {
                @for MergedTap { stats: it, is_blind } in &self.taps {
                    tr {
                        td { (it.tap) }
                        td.n { (grouped(it.parcels)) }
                        td.n { (bytes(it.bytes)) }
                        @for count in [it.late, it.missing, it.blind_seconds, it.asks_outstanding] {
                            td.n { (grouped(count)) }
                        }
                        td { @if *is_blind { "blind" } @else { "there" } }
                    }
                }
            }
        };
        table("plain", "Taps", &HEADINGS, rows)
    }

    fn numbers(&self) -> [(&'static str, String, String); 6] {
        let sum =
            |of: fn(&TapStats) -> u64| self.taps.iter().map(|it| of(&it.stats)).sum();
        let (parcels, all_bytes): (u64, u64) = (sum(|it| it.parcels), sum(|it| it.bytes));
        let closed = self.closed.map(|tick| {
            let nanos = tick.saturating_add(1).saturating_mul(1_000_000_000);
            moment(Timestamp::from_nanos(nanos))
        });
        let alarms = counted(self.stats.signatures.alarms, "alarm");
        let watched = format!("of {}", grouped(self.stats.candidates.capacity));
        let age = duration(self.checkpoint_age.as_secs_f64());
        let place = format!("at place {} of the log", grouped(self.receiver.position));
        [
            (
                "packets",
                grouped(self.stats.packets.frames),
                bytes(self.stats.packets.payload_bytes),
            ),
            ("parcels", grouped(parcels), bytes(all_bytes)),
            ("all seen until", closed.unwrap_or_else(|| "nothing yet".to_owned()), place),
            ("contents under watch", grouped(self.stats.candidates.live), watched),
            ("signatures", grouped(self.stats.signatures.signatures), alarms),
            (
                "latest checkpoint",
                format!("{age} ago"),
                bytes(self.receiver.checkpoint_bytes),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::metrics::testing::well_formed;
    use wormsift::{Config, Sensor};

    fn merged() -> Merged {
        let config = Config::from_toml("memory = '16MiB'").unwrap();
        let tap = |tap: &str, is_blind| MergedTap {
            stats: TapStats {
                tap: tap.to_owned(),
                parcels: 12,
                bytes: 3_456,
                duplicates: 1,
                late: 2,
                missing: 3,
                blind_seconds: 4,
                asks_outstanding: 5,
            },
            is_blind,
        };
        let mut news = News::default();
        news.warning("tables are <b>full</b>");
        Merged {
            fleet: "demo".to_owned(),
            now: "2026-12-01T08:00:00.123456789Z".to_owned(),
            uptime: Duration::from_secs(90),
            stats: Sensor::new(config).unwrap().stats(),
            taps: vec![tap("a", false), tap("b", true)],
            refused: 6,
            link: Some("nats://broker: not connected: <refused>".to_owned()),
            receiver: ReceiverCounters {
                position: 77,
                checkpoint_bytes: 1_000,
                ..ReceiverCounters::default()
            },
            closed: Some(1_700_000_000),
            checkpoint_age: Duration::from_millis(2_500),
            news,
        }
    }

    #[test]
    fn metrics_say_how_it_stands_with_each_tap() {
        let text = merged().metrics();
        well_formed(&text);
        for line in [
            "wormsift_fleet_parcels_total{tap=\"a\"} 12",
            "wormsift_fleet_parcel_bytes_total{tap=\"a\"} 3456",
            "wormsift_fleet_late_parcels_total{tap=\"b\"} 2",
            "wormsift_fleet_missing_parcels_total{tap=\"b\"} 3",
            "wormsift_fleet_blind_ticks_total{tap=\"b\"} 4",
            "wormsift_fleet_tap_blind{tap=\"a\"} 0",
            "wormsift_fleet_tap_blind{tap=\"b\"} 1",
            "wormsift_fleet_asks_outstanding{tap=\"a\"} 5",
            "wormsift_fleet_refused_messages_total 6",
            "wormsift_fleet_log_position 77",
            "wormsift_fleet_closed_tick_seconds 1700000000",
            "wormsift_fleet_checkpoint_age_seconds 2.5",
            "wormsift_fleet_checkpoint_bytes 1000",
            "wormsift_fleet_link_up 0",
            "wormsift_signatures_total 0",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_page_names_who_is_blind_and_why_there_is_no_link() {
        let it = merged();
        let page = it.page();
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let page = roxmltree::Document::parse_with_options(&page, options).unwrap();
        let texts: Vec<&str> = page.descendants().filter_map(|it| it.text()).collect();
        for text in [
            "wormsift merge, fleet demo",
            "nats://broker: not connected: <refused>",
            "tap b is blind: the last tick closed without it",
            "tables are <b>full</b>",
            "2023-11-14 22:13:21.000",
        ] {
            assert!(texts.contains(&text), "{text}: {texts:?}");
        }
        assert_eq!(it.trouble(), it.link);
        assert_eq!(Merged { link: None, ..it }.trouble(), None);
    }
}
