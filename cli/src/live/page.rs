//! The status page of a live sensor.

use super::board::Snapshot;
use super::taps::State;
use crate::status::page::{found, tables};
use maud::{Markup, html};
use wormsift_export::html::number::{bytes, decimal, duration, percent};
use wormsift_export::html::{self, figures};
use wormsift_export::text::{counted, grouped};

/// The page of `/`.
pub(super) fn render(it: &Snapshot) -> String {
    let title = format!("wormsift on {}", it.fixed.interface);
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
        (found(&it.news))
        (tables(&it.stats))
        footer { (own(it)) }
    };
    html::page(&title, "", body)
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
