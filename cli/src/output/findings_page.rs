//! The findings of a run as an HTML page: `--report`.

mod signature;

use crate::output::table::{Ranking, brief, moment, shown};
use serde_json::Value;
use wormsift::packet::Timestamp;
use wormsift::signature::{Confidence, Signature};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::page;
use wormsift_export::html::tables::{headings, number, scrolling};
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
    /// The last word on each signature.
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
    let title = format!("wormsift: {}", counted(total, "signature"));
    page(&title, STYLE, |page| {
        page.element("header", &[], |page| masthead(page, findings, total));
        page.element("nav", &[("aria-label", "Contents")], |page| {
            for (target, name) in PARTS {
                page.leaf("a", &[("href", &format!("#{target}"))], name);
                page.text(" ");
            }
        });
        page.element("main", &[], |page| {
            part(page, PARTS[0], |page| ranked(page, &best, total));
            part(page, PARTS[1], |page| {
                for (signature, rank) in best.iter().zip(1..) {
                    signature::draw(page, rank, signature);
                }
            });
            part(page, PARTS[2], |page| counters(page, &findings.stats));
            part(page, PARTS[3], |page| {
                page.leaf("pre", &[], &findings.command);
                page.leaf("pre", &[], findings.settings.trim_end());
            });
        });
        page.element("footer", &[], |page| page.text(&findings.tool));
    })
}

const PARTS: [(&str, &str); 4] = [
    ("ranking", "Ranking"),
    ("signatures", "Signatures in full"),
    ("counters", "Counters"),
    ("setting", "Command and settings"),
];

fn part(
    page: &mut Markup,
    (id, title): (&'static str, &'static str),
    draw: impl FnOnce(&mut Markup),
) {
    page.element("section", &[("id", id)], |page| {
        page.leaf("h2", &[], title);
        draw(page);
    });
}

fn masthead(page: &mut Markup, findings: &Findings<'_>, total: u64) {
    page.leaf("p", &[("class", "kind")], "wormsift detect");
    page.leaf("h1", &[], &counted(total, "signature"));
    let of = |section: &str, name: &str| findings.stats[section][name].as_u64();
    let packets = of("packet_counters", "packets").unwrap_or(0);
    let bytes = of("packet_counters", "payload_bytes").unwrap_or(0);
    let all = findings.signatures;
    let times =
        (all.iter().map(|s| s.first_seen).min(), all.iter().map(|s| s.last_seen).max());
    let mut meta = vec![
        counted(packets, "packet"),
        format!("{} of payload", counted(bytes, "byte")),
    ];
    if let (Some(first), Some(last)) = times {
        meta.push(format!("seen from {} to {} UTC", moment(first), moment(last)));
    }
    page.leaf("p", &[("class", "meta")], &meta.join(" · "));
    page.element("dl", &[("class", "headline")], |page| {
        for grade in [Confidence::High, Confidence::Medium, Confidence::Low] {
            let many = all.iter().filter(|s| s.confidence == grade).count();
            figure(page, &format!("{} confidence", grade.name()), many);
        }
        let passed_on = all.iter().filter(|s| !s.relays.is_empty()).count();
        figure(page, "seen to be passed on", passed_on);
    });
    for warning in findings.warnings {
        page.leaf("p", &[("class", "wrong")], warning);
    }
}

fn figure(page: &mut Markup, name: &str, value: usize) {
    page.element("div", &[], |page| {
        page.leaf("dt", &[], name);
        page.element("dd", &[], |page| page.leaf("b", &[], &grouped(value as u64)));
    });
}

fn ranked(page: &mut Markup, best: &[Signature], total: u64) {
    if best.is_empty() {
        page.leaf("p", &[], "No signature was found.");
        return;
    }
    scrolling(page, "plain", "Signatures, the most telling first", |page| {
        headings(
            page,
            &[
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
            ],
        );
        page.element("tbody", &[], |page| {
            for (signature, rank) in best.iter().zip(1_u64..) {
                page.element("tr", &[], |page| row(page, rank, signature));
            }
        });
    });
    let others = total - best.len() as u64;
    if others > 0 {
        page.leaf("p", &[("class", "note")], &format!("and {} more", grouped(others)));
    }
}

fn row(page: &mut Markup, rank: u64, s: &Signature) {
    number(page, &grouped(rank));
    let grade = s.confidence.name();
    page.leaf("td", &[("class", grade)], grade);
    page.leaf("td", &[], s.alarm.name());
    page.leaf("td", &[], &service(s));
    for value in [
        grouped(s.content.len() as u64),
        brief(s.source_count()),
        brief(s.destination_count()),
        brief(s.spread_count()),
        grouped(s.relays.len() as u64),
    ] {
        number(page, &value);
    }
    for time in [s.first_seen, s.detected_at] {
        time_cell(page, time);
    }
    page.element("td", &[("class", "preview")], |page| {
        page.element("a", &[("href", &format!("#s{}", s.id))], |page| {
            page.leaf("code", &[], &shown(&s.content, PREVIEW));
        });
    });
}

fn time_cell(page: &mut Markup, time: Timestamp) {
    page.leaf("td", &[("class", "n when")], &moment(time));
}

/// Counters above zero, a table a section.
fn counters(page: &mut Markup, stats: &Value) {
    let Some(sections) = stats.as_object() else { return };
    page.element("div", &[("class", "counters")], |page| {
        for (name, values) in sections {
            let Some(values) = values.as_object() else { continue };
            let counted = |value: &&Value| value.as_f64().is_some_and(|v| v != 0.0);
            if !values.values().any(|value| counted(&value)) {
                continue;
            }
            scrolling(page, "plain", name, |page| {
                headings(page, &[name, "#"]);
                page.element("tbody", &[], |page| {
                    for (name, value) in values.iter().filter(|(_, value)| counted(value))
                    {
                        page.element("tr", &[], |page| {
                            page.leaf("td", &[], &name.replace('_', " "));
                            let text =
                                value.as_u64().map_or_else(|| value.to_string(), grouped);
                            number(page, &text);
                        });
                    }
                });
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::testing::{host, signature};
    use roxmltree::{Document, ParsingOptions};
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
