//! The whole page: well-formed, harmless, small, and complete.

use super::{render, synthetic};
use crate::results::{Evaluation, Sweep};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

/// Text that would take over a page that let it.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&";

/// Elements that the page is made of; none of them loads or runs anything.
const ELEMENTS: &str = "html head meta title style body header nav main section footer h1 h2 h3 \
                        p a b i strong small code pre span ul li dl dt dd div table caption thead \
                        tbody tr th td figure figcaption details summary svg desc g path rect text";

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).expect("well-formed XML")
}

/// What must hold of every page, whatever it shows.
fn check(page: &str) {
    let document = parsed(page);
    let mut ids = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(ELEMENTS.split_whitespace().any(|known| known == name), "<{name}>");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(!key.starts_with("on") && key != "src" && key != "style", "{key}");
            if key == "href" {
                assert!(value.starts_with('#'), "{value}");
            }
            if key == "d" || key == "viewBox" || key == "x" || key == "y" {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{value}");
            }
        }
        ids.extend(node.attribute("id"));
        match name {
            "svg" if node.attribute("aria-hidden").is_none() => {
                let first = node.children().take(2).map(|child| child.tag_name().name());
                assert_eq!(first.collect::<Vec<_>>(), ["title", "desc"]);
            }
            "th" => assert!(node.attribute("scope").is_some(), "{:?}", node.text()),
            "table" => {
                assert_eq!(
                    node.first_element_child().unwrap().tag_name().name(),
                    "caption"
                );
            }
            _ => {}
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids are unique");
    let links = document.descendants().filter_map(|node| node.attribute("href"));
    for link in links {
        assert!(ids.contains(&&link[1..]), "{link} leads nowhere");
    }
    let policy = document.descendants().find_map(|node| {
        node.attribute("http-equiv").and_then(|_| node.attribute("content"))
    });
    assert!(policy.unwrap().starts_with("default-src 'none'; style-src 'unsafe-inline'"));
}

/// All text of the page, as a reader sees it.
fn text(page: &str) -> String {
    let document = parsed(page);
    document.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

#[test]
fn a_full_page_has_every_part() {
    let page = render(&synthetic::full(20));
    check(&page);
    let text = text(&page);
    for (id, ..) in super::SECTIONS.iter().filter(|(id, ..)| *id != "sensitivity") {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    assert!(text.contains("Not part of this evaluation: sensitivity."), "{text}");
    // A row that is not as expected says so, in the summary and in its place.
    let sentence = "dispersion should fire always, and did in 19 of 20 runs";
    assert_eq!(text.matches(sentence).count(), 2);
    assert_eq!(text.matches("not as expected").count(), 2);
    assert!(text.contains("12/13"), "worm rows as expected");
    assert!(text.contains("19 of 20seed 2: body: 70 sources (exact), in truth 71"));
    assert!(text.contains("240/241"), "runs high soon after a relay");
    assert!(text.contains("0 of 0 high"), "incidents of hard negatives");
    assert!(
        text.contains("outbreak highoutbreak 20"),
        "what a subject was and should be"
    );
    assert_eq!(text.matches("seed 4: 14 infections after the first relay").count(), 1);
}

/// `WORMSIFT_PAGES=FOLDER cargo test -p wormsift-cli pages_to_look_at` writes them, for
/// `.ci/page`.
#[test]
fn pages_to_look_at() {
    let Ok(folder) = std::env::var("WORMSIFT_PAGES") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    for (name, evaluation) in [
        ("full", synthetic::full(20)),
        ("sweep", synthetic::swept(20)),
        ("empty", Evaluation::default()),
        ("hostile", hostile(&synthetic::swept(2))),
    ] {
        let path = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(path, render(&evaluation)).unwrap();
    }
}

#[test]
fn a_sweep_is_drawn_once_a_scenario() {
    let page = render(&synthetic::swept(5));
    check(&page);
    let text = text(&page);
    assert_eq!(text.matches("detection rate against sources").count(), 2);
    assert_eq!(text.matches("Growth of").count(), 2);
    // Only so many rows are named above the table, and the others counted.
    let odd = synthetic::swept(5).rows.iter().filter(|row| !row.as_expected).count();
    assert!(text.contains(&format!("and {} more rows.", odd - 12)), "{odd}");
    assert_eq!(text.matches("Meant to defeat:").count(), 2);
}

#[test]
fn an_empty_evaluation_is_still_a_page() {
    let page = render(&Evaluation::default());
    check(&page);
    let text = text(&page);
    assert!(text.contains("No scenario or capture was sifted."));
    assert!(text.contains(
        "Not part of this evaluation: sensitivity, scenarios and captures, incidents, growth"
    ));
}

/// Every text of the evaluation, but for the kinds of subjects, which are no text.
fn poison(value: &mut Value, key: &str) {
    match value {
        Value::String(text) if key != "subject" => HOSTILE.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| poison(value, key)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, value)| poison(value, key))
        }
        _ => {}
    }
}

fn hostile(evaluation: &Evaluation) -> Evaluation {
    let mut value = serde_json::to_value(evaluation).unwrap();
    poison(&mut value, "");
    serde_json::from_value(value).unwrap()
}

#[test]
fn no_text_becomes_markup() {
    for evaluation in [synthetic::full(2), synthetic::swept(2)] {
        let hostile = hostile(&evaluation);
        assert_eq!(hostile.rows[0].runs[0].frames_hash, HOSTILE);
        let page = render(&hostile);
        check(&page);
        assert!(!page.contains("<img") && !page.contains("<script"));
        assert!(!page.contains("</script") && !page.contains("onerror=alert(1)>"));
        assert!(text(&page).matches(HOSTILE).count() > 30);
    }
}

#[test]
fn odd_numbers_make_no_broken_drawing() {
    let mut evaluation = synthetic::full(2);
    for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
        for row in &mut evaluation.rows {
            row.bytes_per_second = value;
            row.dispersion.rate_interval = [value, value];
            row.false_signatures.mean = value;
            row.false_signatures.interval = [value, value];
            for run in &mut row.runs {
                run.growth.iter_mut().for_each(|point| *point = [value, value]);
            }
        }
        for point in &mut evaluation.sampling {
            (point.expected, point.tracked) = (value, value);
        }
        for point in &mut evaluation.detection_rule {
            (point.expected, point.simulated.mean) = (value, value);
        }
        check(&render(&evaluation));
    }
    evaluation.sweep = Some(Sweep { key: "x".to_owned(), values: Vec::new() });
    check(&render(&evaluation));
}

#[test]
fn a_large_evaluation_stays_small() {
    let mut evaluation = synthetic::full(20);
    let worms: Vec<_> = evaluation.rows.iter().take(12).cloned().collect();
    let mut index = 0;
    while evaluation.rows.len() < 40 {
        let mut row = worms[index % worms.len()].clone();
        row.name = format!("{} {index}", row.name);
        evaluation.rows.push(row);
        index += 1;
    }
    let page = render(&evaluation);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    check(&page);
}

#[test]
fn one_evaluation_makes_one_page() {
    assert_eq!(render(&synthetic::full(3)), render(&synthetic::full(3)));
}
