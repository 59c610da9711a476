//! The findings of a run as an HTML page: `--report`.

pub(crate) mod signature;

use crate::output::table::{Ranking, brief, moment, shown};
use maud::{Markup, html};
use serde_json::Value;
use signature::Most;
use wormsift::signature::{Confidence, Signature};
use wormsift_export::html::{self, Section, figures, table};
use wormsift_export::text::{counted, grouped, service};

const STYLE: &str = include_str!("findings_page/style.css");

/// Bytes of a content that a row shows.
const PREVIEW: usize = 48;

/// What is shown.
pub(crate) struct Findings<'a> {
    /// The command as it was given.
    pub(crate) command: String,
    /// The program and the kernel.
    pub(crate) tool: String,
    /// The final state of each signature.
    pub(crate) signatures: &'a [Signature],
    pub(crate) warnings: &'a [String],
    /// All counters, by section.
    pub(crate) stats: Value,
    /// The settings, TOML.
    pub(crate) settings: String,
}

/// The page of a run.
pub(crate) fn render(findings: &Findings<'_>) -> String {
    let (best, total) = Ranking::of(findings.signatures).best();
    let in_full = html! {
        @for (signature, rank) in best.iter().zip(1..) {
            (signature::draw(&format!("{rank}. "), signature, Most::ALL))
        }
    };
    let setting = html! {
        pre { (findings.command) }
        pre { (findings.settings.trim_end()) }
    };
    let sections = [
        ("ranking", "Ranking", ranking(&best, total)),
        ("signatures", "Signatures in full", in_full),
        ("counters", "Counters", counters(&findings.stats)),
        ("setting", "Command and settings", setting),
    ]
    .map(|(id, title, content)| Section { id, title, content });
    let body = html! {
        header { (masthead(findings, total)) }
        (html::contents(&sections))
        (html::sections(&sections))
        footer { (findings.tool) }
    };
    html::page(&format!("wormsift: {}", counted(total, "signature")), STYLE, body)
}

fn masthead(findings: &Findings<'_>, total: u64) -> Markup {
    let all = findings.signatures;
    let of = |name: &str| findings.stats["packet_counters"][name].as_u64().unwrap_or(0);
    let first = all.iter().map(|s| s.first_seen).min();
    let last = all.iter().map(|s| s.last_seen).max();
    let grades = [Confidence::High, Confidence::Medium, Confidence::Low].map(|grade| {
        let many = all.iter().filter(|s| s.confidence == grade).count();
        (format!("{} confidence", grade.name()), grouped(many as u64), "")
    });
    let passed_on = all.iter().filter(|s| !s.relays.is_empty()).count() as u64;
    let passed_on = ("seen to be passed on".to_owned(), grouped(passed_on), "");
    html! {
        p.kind { "wormsift detect" }
        h1 { (counted(total, "signature")) }
        p.meta {
            (counted(of("packets"), "packet")) " · "
            (counted(of("payload_bytes"), "byte")) " of payload"
            @if let (Some(first), Some(last)) = (first, last) {
                " · seen from " (moment(first)) " to " (moment(last)) " UTC"
            }
        }
        (figures(grades.into_iter().chain([passed_on])))
        @for warning in findings.warnings { p.warn { (warning) } }
    }
}

const HEADINGS: [&str; 12] = [
    "#Rank",
    "Confidence",
    "Alarm",
    "Service",
    "#Bytes",
    "#Sources",
    "#Destinations",
    "#Spread",
    "#Relays",
    "First seen",
    "Detected at",
    "Content",
];

fn ranking(best: &[Signature], total: u64) -> Markup {
    let rows = html! {
        tbody {
            @for (signature, rank) in best.iter().zip(1..) { (row(rank, signature)) "\n" }
        }
    };
    let others = total - best.len() as u64;
    html! {
        @if best.is_empty() { p { "No signature was found." } }
        @else { (table("plain", "Signatures, the most telling first", &HEADINGS, rows)) }
        @if others > 0 { p.note { "and " (grouped(others)) " more" } }
    }
}

fn row(rank: u64, s: &Signature) -> Markup {
    let grade = s.confidence.name();
    html! {
        tr {
            td.n { (grouped(rank)) }
            td class=(grade) { (grade) }
            td { (s.alarm.name()) }
            td { (service(s)) }
            td.n { (grouped(s.content.len() as u64)) }
            @for count in [s.source_count(), s.destination_count(), s.spread_count()] {
                td.n { (brief(count)) }
            }
            td.n { (grouped(s.relays.len() as u64)) }
            td.n.when { (moment(s.first_seen)) }
            td.n.when { (moment(s.detected_at)) }
            td.preview { a href={ "#s" (s.id) } { code { (shown(&s.content, PREVIEW)) } } }
        }
    }
}

/// Counters above zero, a table a section.
fn counters(stats: &Value) -> Markup {
    let sections =
        stats.as_object().into_iter().flatten().filter_map(|(name, values)| {
            let counted = |value: &Value| value.as_f64().is_some_and(|v| v != 0.0);
            let values = values.as_object()?.iter().filter(|(_, value)| counted(value));
            let values: Vec<_> = values.collect();
            (!values.is_empty()).then_some((name, values))
        });
    let rows = |values: &[(&String, &Value)]| {
        html! {
            tbody {
                @for (name, value) in values {
                    tr {
                        td { (name.replace('_', " ")) }
                        td.n { (value.as_u64().map_or_else(|| value.to_string(), grouped)) }
                    }
                }
            }
        }
    };
    html! {
        div.counters {
            @for (name, values) in sections { (table("plain", name, &[name, "#"], rows(&values))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::testing::{host, signature};
    use roxmltree::{Document, ParsingOptions};
    use wormsift::packet::Timestamp;
    use wormsift::signature::Relay;

    const HOSTILE: &[u8] = b"</code></td><script>alert(1)</script>\x1b[2J\xff\"'&";

    fn findings(signatures: &[Signature]) -> String {
        render(&Findings {
            command: "wormsift detect '<b>.pcap'".to_owned(),
            tool: "wormsift 0".to_owned(),
            signatures,
            warnings: &["a <script> warns".to_owned()],
            stats: serde_json::json!({"packet_counters": {"packets": 1234567, "empty": 0}, "x": {"y": 0}}),
            settings: "beta = 40\n".to_owned(),
        })
    }

    fn check(page: &str) -> Document<'_> {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document =
            Document::parse_with_options(page, options).expect("well-formed XML");
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            assert!(
                !["script", "img", "link", "iframe"].contains(&node.tag_name().name())
            );
            for attribute in node.attributes() {
                assert!(!attribute.name().starts_with("on") && attribute.name() != "src");
                if attribute.name() == "href" {
                    let target =
                        attribute.value().strip_prefix('#').expect("a place here");
                    assert!(
                        document.descendants().any(|n| n.attribute("id") == Some(target))
                    );
                }
            }
        }
        document
    }

    #[test]
    fn hostile_bytes_stay_text_and_nothing_is_missing() {
        let mut found = signature(7, 3, 40, HOSTILE);
        found.evidence.reasons = vec!["Because <i>.".to_owned()];
        found.tokens = vec![HOSTILE.to_vec(), b"second token".to_vec()];
        found.relays = vec![Relay {
            host: host(9),
            received_at: None,
            sent_at: Timestamp::from_nanos(1_074_556_799_000_000_000),
            fan_out: 3,
            ..Relay::default()
        }];
        let page = findings(&[signature(8, 0, 31, b"other"), found]);
        let document = check(&page);
        let text: String =
            document.descendants().filter_map(|node| node.text()).collect();
        for expected in [
            "</code></td><script>alert(1)</script>.[2J.\"'&",
            "Because <i>.",
            "192.0.2.9",
            "1,234,567",
            "3c 2f 63 6f 64 65",
            "second token",
            "a <script> warns",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        // What was passed on comes first.
        assert!(
            page.find("#s00000000000000000000000000000007")
                < page.find("#s00000000000000000000000000000008")
        );
    }

    #[test]
    fn nothing_found_is_a_page_too() {
        let page = findings(&[]);
        check(&page);
        assert!(page.contains("No signature was found."));
    }

    /// For `.ci/page`: pages for a browser to draw.
    #[test]
    fn pages_to_look_at() {
        let Some(folder) = std::env::var_os("WORMSIFT_PAGES") else { return };
        let folder = std::path::PathBuf::from(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let many: Vec<Signature> =
            (0..130).map(|n| signature(n, n % 5, 30 + n, &HOSTILE.repeat(9))).collect();
        std::fs::write(folder.join("findings.html"), findings(&many)).unwrap();
        std::fs::write(folder.join("findings-none.html"), findings(&[])).unwrap();
    }
}
