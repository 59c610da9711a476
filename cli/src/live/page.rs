//! The status page.
//!
//! One page that a browser loads again every few seconds: no script, nothing fetched
//! from elsewhere, and a policy that says so to the browser. Payload bytes are hostile;
//! `wormsift_export::html` says what keeps the page harmless.

use super::board::{News, Snapshot};
use super::taps::State;
use crate::output::findings_page::incident::services;
use crate::output::findings_page::muted_findings;
use crate::output::findings_page::signature::{self, Most};
use crate::output::stats::by_name;
use crate::output::table::{brief, moment};
use maud::{Markup, html};
use serde::Serialize;
use wormsift::signature::Count;
use wormsift_export::html::number::{bytes, decimal, duration, percent};
use wormsift_export::html::{self, figures, table};
use wormsift_export::text::{counted, grouped, service};

/// What the page says of itself, and that no other page may hold it in a frame.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Incidents that are shown.
const INCIDENTS: usize = 20;
const HEADINGS: [&str; 8] = [
    "Kind",
    "Confidence",
    "Services",
    "#Sources",
    "#Destinations",
    "#Passed on by",
    "#Spread",
    "Detected at",
];
/// What is shown of each signature.
const MOST: Most = Most { hosts: 16, bytes: 512 };

/// The page of `/`.
pub(super) fn render(it: &Snapshot) -> String {
    let title = format!("wormsift on {}", it.fixed.interface);
    let signatures = &it.news.signatures;
    let body = html! {
        h1 { (title) }
        p.note { (it.now) " · running for " (duration(it.uptime.as_secs_f64())) }
        @for interface in &it.interfaces {
            @match interface.state {
                State::Up => {}
                State::Down => p.warn { (interface.name) ": the interface is down" },
                State::Gone => p.warn { (interface.name) ": the interface is gone" },
            }
        }
        @if it.output_errors > 0 {
            p.warn { (counted(it.output_errors, "line")) " could not be written" }
        }
        @for warning in &it.news.warnings { p.warn { (warning) } }
        (figures(numbers(it)))
        h2 { "Incidents" }
        (incidents(&it.news))
        h2 { "Newest signatures" }
        @if signatures.is_empty() { p { "None so far." } }
        @for signature in signatures {
            (signature::draw(&format!("{} ", service(signature)), signature, MOST))
        }
        @let muted = it.news.muted.rows();
        @if !muted.is_empty() { h2 { "Muted" } (muted_findings(&muted)) }
        (values(&it.stats.fill, "How full the tables are", "Table", percent))
        (values(&it.stats.drops, "Frames not used", "Reason", |value| grouped(value as u64)))
        footer { (own(it)) }
    };
    html::page(&title, "", body)
}

/// The newest incidents, those of the highest rank first.
fn incidents(news: &News) -> Markup {
    let best = news.best_incidents(INCIDENTS);
    let rows = html! {
        tbody {
            @for it in &best {
                tr {
                    td { (it.kind.name().replace('_', " ")) }
                    td { (it.confidence.name()) }
                    td { (services(it)) }
                    @for hosts in [it.sources, it.destinations, Count::exact(it.relays)] {
                        td.n { (brief(hosts)) }
                    }
                    td.n { (brief(it.spread)) }
                    td.n.when { (moment(it.detected_at)) }
                }
            }
        }
    };
    html! {
        @if best.is_empty() { p { "None so far." } }
        @else { (table("plain", "Incidents", &HEADINGS, rows)) }
        @if news.incidents.len() > best.len() {
            p.note { "and " (news.incidents.len() - best.len()) " more" }
        }
    }
}

/// The version, what runs, and what was said about the sandbox.
fn own(it: &Snapshot) -> Markup {
    let own = &it.fixed;
    html! {
        p {
            "wormsift " (env!("CARGO_PKG_VERSION")) " · kernel " (own.kernel) " · "
            (counted(own.threads as u64, "thread")) " · " (bytes(own.ring_bytes as u64))
            " of rings · metrics at /metrics, state at /health"
        }
        @for line in &own.sandbox { p { (line) } }
    }
}

fn numbers(it: &Snapshot) -> [(&'static str, String, String); 8] {
    let stats = &it.stats;
    let second = |rate: f64| format!("{} a second", grouped(rate.round() as u64));
    let (capture, load) = (&it.capture, &it.load);
    let drops = capture.kernel_drops as f64 / capture.kernel_packets.max(1) as f64;
    let dropped = format!("{}, {} now", percent(drops), second(load.drops_per_second));
    let windows = format!("{} kept", counted(stats.windows.kept, "window"));
    let watched = format!("of {}", grouped(stats.candidates.capacity));
    let alarms = counted(stats.signatures.alarms, "alarm");
    let tables = format!("tables {}", bytes(stats.memory.total_bytes));
    [
        ("packets", grouped(capture.frames), second(load.packets_per_second)),
        ("on the wire", bytes(capture.bytes), decimal(load.bits_per_second, "bit/s")),
        ("dropped by the kernel", grouped(capture.kernel_drops), dropped),
        ("time spent on packets", percent(load.busy), "of the last second".to_owned()),
        ("payload sifted", bytes(stats.packets.payload_bytes), windows),
        ("contents under watch", grouped(stats.candidates.live), watched),
        ("signatures", grouped(stats.signatures.signatures), alarms),
        ("memory", bytes(it.resident), tables),
    ]
}

/// The values of a section that are not 0.
fn values(
    section: &impl Serialize,
    heading: &str,
    name: &str,
    show: impl Fn(f64) -> String,
) -> Markup {
    let rows: Vec<(String, String)> = by_name(section)
        .into_iter()
        .map(|(name, value)| (name.replace('_', " "), value.as_f64().unwrap_or(0.0)))
        .filter(|(_, value)| *value > 0.0)
        .map(|(name, value)| (name, show(value)))
        .collect();
    let body = html! { tbody { @for (name, value) in &rows { tr { td { (name) } td.n { (value) } } } } };
    html! {
        h2 { (heading) }
        @if rows.is_empty() { p { "None." } }
        @else { (table("plain", heading, &[name, "#"], body)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::samples;

    #[test]
    fn hostile_bytes_stay_text() {
        let snapshot = samples::snapshot();
        let text = render(&snapshot);
        // A strict parser sees the elements that this file writes, and no others.
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let page = roxmltree::Document::parse_with_options(&text, options).unwrap();
        let mut shown = String::new();
        for node in page.descendants() {
            if node.is_element() {
                let name = node.tag_name().name();
                assert!(!["script", "img", "svg", "iframe", "a", "form"].contains(&name));
                for attribute in node.attributes() {
                    assert!(!attribute.name().starts_with("on"), "{attribute:?}");
                }
                if name == "pre" {
                    shown.push_str(node.text().unwrap());
                }
            }
        }
        let bare: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(bare.contains("<script>alert("), "{shown}");
        assert!(shown.chars().all(|c| c == '\n' || (' '..='~').contains(&c)));
        let row: Vec<&str> = page
            .descendants()
            .find(|node| node.has_tag_name("td") && node.text() == Some("outbreak"))
            .and_then(|cell| cell.parent())
            .into_iter()
            .flat_map(|row| row.children().filter_map(|cell| cell.text()))
            .collect();
        assert_eq!(row[..3], ["outbreak", "medium", "udp/4444"]);
        assert!(text.contains("tables are &lt;b&gt;full&lt;/b&gt;"));
        assert!(text.contains("wormsift on tap&quot;0"));
        assert!(!text.contains("http:") || text.matches("http:").count() == 1);
    }

    /// Leaves the page where a browser can look at it: `.ci/live` does.
    #[test]
    fn a_page_to_look_at() {
        if let Some(folder) = std::env::var_os("WORMSIFT_PAGES") {
            let path = std::path::Path::new(&folder).join("status.html");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(path, render(&samples::snapshot())).unwrap();
        }
    }
}
