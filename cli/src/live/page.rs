//! The status page.
//!
//! One page that a browser loads again every few seconds: no script, nothing fetched
//! from elsewhere, and a policy that says so to the browser. Payload bytes are hostile;
//! [`Markup`] lets none of them become markup, and what is no printable ASCII is a dot.

use super::board::{News, Snapshot};
use crate::output::grounds::grounds;
use crate::output::stats::by_name;
use crate::output::table::{fan_out, host_count, number};
use serde::Serialize;
use std::time::Duration;
use wormsift::packet::Timestamp;
use wormsift::signature::Signature;
use wormsift_export::html::markup::Markup;
use wormsift_export::text::{counted, grouped, service};

/// What the page says of itself, and that no other page may hold it in a frame.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");
/// Bytes of a content that are shown.
const SHOWN: usize = 512;
/// Hosts of a list that are shown.
const HOSTS: usize = 16;

/// The page of `/`.
pub(super) fn render(it: &Snapshot) -> String {
    let title = format!("wormsift on {}", it.fixed.interface);
    wormsift_export::html::page(&title, STYLE, |page| body(page, it))
}

fn body(page: &mut Markup, it: &Snapshot) {
    page.leaf("h1", &[], &format!("wormsift on {}", it.fixed.interface));
    let up = duration(it.uptime);
    page.leaf("p", &[("class", "note")], &format!("{} · running for {up}", it.now));
    if it.is_down {
        page.leaf("p", &[("class", "warn")], "the interface is down");
    }
    if it.output_errors > 0 {
        let lines = counted(it.output_errors, "line");
        page.leaf("p", &[("class", "warn")], &format!("{lines} could not be written"));
    }
    for warning in &it.news.warnings {
        page.leaf("p", &[("class", "warn")], warning);
    }
    figures(page, it);
    newest(page, &it.news);
    tables(page, it);
    page.element("footer", &[], |page| {
        let own = &it.fixed;
        let version = env!("CARGO_PKG_VERSION");
        page.leaf("p", &[], &format!(
            "wormsift {version} · kernel {} · {} · {} of rings · metrics at /metrics, \
             state at /health",
            own.kernel,
            counted(own.threads as u64, "thread"),
            bytes(own.ring_bytes as f64),
        ));
        for line in &own.sandbox {
            page.leaf("p", &[], line);
        }
    });
}

fn figures(page: &mut Markup, it: &Snapshot) {
    let (capture, stats) = (&it.capture, &it.stats);
    let share = match capture.kernel_packets {
        0 => 0.0,
        all => capture.kernel_drops as f64 / all as f64,
    };
    let figures = [
        (
            "packets",
            grouped(capture.frames),
            format!("{} a second", grouped(it.load.packets_per_second.round() as u64)),
        ),
        (
            "on the wire",
            bytes(capture.bytes as f64),
            format!("{}bit/s", scaled(it.load.bits_per_second, 1_000.0)),
        ),
        (
            "dropped by the kernel",
            grouped(capture.kernel_drops),
            format!(
                "{:.3} %, {} a second now",
                share * 100.0,
                grouped(it.load.drops_per_second.round() as u64)
            ),
        ),
        (
            "time spent on packets",
            format!("{:.0} %", it.load.busy * 100.0),
            "of the last second".to_owned(),
        ),
        (
            "payload sifted",
            bytes(stats.packets.payload_bytes as f64),
            counted(stats.windows.kept, "window") + " kept",
        ),
        (
            "contents under watch",
            grouped(stats.candidates.live),
            format!("of {}", grouped(stats.candidates.capacity)),
        ),
        (
            "signatures",
            grouped(stats.signatures.signatures),
            counted(stats.signatures.alarms, "alarm"),
        ),
        (
            "memory",
            bytes(it.resident as f64),
            format!("tables {}", bytes(stats.memory.total_bytes as f64)),
        ),
    ];
    page.element("dl", &[], |page| {
        for (name, value, note) in &figures {
            page.element("div", &[], |page| {
                page.leaf("dt", &[], name);
                page.element("dd", &[], |page| {
                    page.text(value);
                    page.leaf("small", &[], note);
                });
            });
        }
    });
}

fn newest(page: &mut Markup, news: &News) {
    page.leaf("h2", &[], "Newest signatures");
    if news.signatures.is_empty() {
        page.leaf("p", &[], "None so far.");
    }
    for signature in &news.signatures {
        one(page, signature);
    }
}

fn one(page: &mut Markup, it: &Signature) {
    let length = counted(it.content.len() as u64, "byte");
    page.leaf("h3", &[], &format!("{} · {length} · {}", service(it), it.alarm.name()));
    page.leaf("p", &[("class", "note")], &format!(
        "{} confidence · {} from {} to {} · spread {} · first seen {} · detected {} · id {}",
        it.confidence.name(),
        counted(it.packets, "packet"),
        host_count(it.source_count(), "source"),
        host_count(it.destination_count(), "destination"),
        number(it.spread_count()),
        moment(it.first_seen),
        moment(it.detected_at),
        it.id,
    ));
    for reason in &it.evidence.reasons {
        page.leaf("p", &[], reason);
    }
    let grounds = grounds(it).into_iter().map(|(name, value)| format!("{name}: {value}"));
    page.leaf("p", &[("class", "note")], &grounds.collect::<Vec<_>>().join(" · "));
    if !it.relays.is_empty() {
        let relays = it.relays.iter();
        let relays =
            relays.map(|relay| format!("{} (to {})", relay.host, fan_out(relay)));
        page.leaf("p", &[], &format!("passed on by {}", some(relays)));
    }
    let sources = it.source_list.iter().map(ToString::to_string);
    page.leaf("p", &[], &format!("sent by {}", some(sources)));
    page.leaf("pre", &[], &dump(&it.content));
}

/// The first of a list, and how many more there are.
fn some(mut all: impl ExactSizeIterator<Item = String>) -> String {
    let shown: Vec<String> = all.by_ref().take(HOSTS).collect();
    match all.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// To the second, in UTC.
fn moment(time: Timestamp) -> String {
    time.to_string().get(..19).unwrap_or_default().replace('T', " ")
}

/// Sixteen bytes a line, in hexadecimal and as far as they are printable.
fn dump(content: &[u8]) -> String {
    let printable = |byte: &u8| {
        if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' }
    };
    let mut text = String::new();
    for (line, row) in content[..content.len().min(SHOWN)].chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String = row.iter().map(printable).collect();
        text += &format!("{:04x}  {:47}  {ascii}\n", line * 16, hex.join(" "));
    }
    if content.len() > SHOWN {
        text +=
            &format!("and {} more\n", counted((content.len() - SHOWN) as u64, "byte"));
    }
    text
}

fn tables(page: &mut Markup, it: &Snapshot) {
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    table(page, "How full the tables are", &it.stats.fill, percent);
    table(page, "Frames not used", &it.stats.drops, |value| grouped(value as u64));
}

/// The values of a section that are not 0.
fn table(
    page: &mut Markup,
    heading: &str,
    section: &impl Serialize,
    show: impl Fn(f64) -> String,
) {
    page.leaf("h2", &[], heading);
    let rows: Vec<(String, String)> = by_name(section)
        .into_iter()
        .map(|(name, value)| (name, value.as_f64().unwrap_or(0.0)))
        .filter(|(_, value)| *value > 0.0)
        .map(|(name, value)| {
            (name.trim_end_matches("_fill").replace('_', " "), show(value))
        })
        .collect();
    if rows.is_empty() {
        page.leaf("p", &[], "None.");
        return;
    }
    page.element("div", &[("class", "scroll")], |page| {
        page.element("table", &[], |page| {
            for (name, value) in &rows {
                page.element("tr", &[], |page| {
                    page.leaf("td", &[], name);
                    page.leaf("td", &[("class", "n")], value);
                });
            }
        });
    });
}

/// `1.2 G`, `345 k`: three digits and a prefix.
fn scaled(value: f64, step: f64) -> String {
    let mut value = value;
    for prefix in ["", "k", "M", "G"] {
        if value < step {
            let digits = if prefix.is_empty() || value >= 100.0 { 0 } else { 1 };
            return format!("{value:.digits$} {prefix}");
        }
        value /= step;
    }
    format!("{value:.1} T")
}

fn bytes(value: f64) -> String {
    let text = scaled(value, 1_024.0);
    match text.strip_suffix(' ') {
        Some(number) => format!("{number} bytes"),
        None => format!("{text}iB").replace("kiB", "KiB"),
    }
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) =
        (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, hours) => format!("{hours} h {minutes} min"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::samples;

    #[test]
    fn figures_are_readable() {
        assert_eq!(scaled(987_000_000.0, 1_000.0), "987 M");
        assert_eq!(scaled(7.0, 1_000.0), "7 ");
        assert_eq!(bytes(7.0), "7 bytes");
        assert_eq!(bytes(64.0 * 1_048_576.0), "64.0 MiB");
        assert_eq!(bytes(2_048.0), "2.0 KiB");
        assert_eq!(duration(Duration::from_secs(90_061)), "1 d 1 h");
    }

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
