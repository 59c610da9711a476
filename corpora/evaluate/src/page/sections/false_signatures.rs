//! Signatures about nothing that was planted.

use super::summary::full_name;
use crate::results::{Evaluation, FalseSignature};
use std::collections::BTreeMap;
use wormsift_export::html::escape::{bytes_of, hex_dump, printable};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::count;
use wormsift_export::html::tables::{headings, number, scrolling};

/// Contents that are listed; more are counted.
const LISTED: usize = 80;
/// Bytes of a content that are shown at once, and unfolded.
const PREVIEW: usize = 64;
const DUMPED: usize = 256;
/// Places that are named for one content.
const PLACES: usize = 4;

/// One content and alarm, wherever it was found.
struct Group<'a> {
    first: &'a FalseSignature,
    sources: u32,
    destinations: u32,
    /// How often, by the name of the row or capture.
    places: BTreeMap<String, u64>,
}

/// Whether there is one.
pub(super) fn any(evaluation: &Evaluation) -> bool {
    let mut runs = evaluation.rows.iter().flat_map(|row| &row.runs);
    runs.any(|run| !run.false_signatures.is_empty())
        || evaluation.benign.iter().any(|count| !count.signatures.is_empty())
}

/// All of them, the most frequent first.
pub(super) fn draw(page: &mut Markup, evaluation: &Evaluation) {
    let groups = grouped(evaluation);
    let note = "By content: what they are, and where they were found. Bytes that are not \
                printable ASCII are dots; unfold a content for its hexadecimal dump.";
    page.leaf("p", &[("class", "note")], note);
    scrolling(
        page,
        "plain contents",
        "Signatures that are about nothing planted",
        |page| {
            let names = [
                "Service",
                "Alarm",
                "Content",
                "#Length",
                "#Sources × destinations",
                "Found in",
            ];
            headings(page, &names);
            page.element("tbody", &[], |page| {
                for group in groups.iter().take(LISTED) {
                    one(page, group);
                }
            });
        },
    );
    if groups.len() > LISTED {
        let more = format!(
            "{} more contents are not listed.",
            count((groups.len() - LISTED) as f64)
        );
        page.leaf("p", &[("class", "note")], &more);
    }
}

fn grouped(evaluation: &Evaluation) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for row in &evaluation.rows {
        for signature in row.runs.iter().flat_map(|run| &run.false_signatures) {
            enter(&mut groups, signature, full_name(evaluation, row));
        }
    }
    for benign in &evaluation.benign {
        for signature in &benign.signatures {
            enter(
                &mut groups,
                signature,
                format!("{} at {}", benign.name, benign.thresholds),
            );
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    let times = |group: &Group| group.places.values().sum::<u64>();
    groups.sort_by_key(|group| std::cmp::Reverse(times(group)));
    groups
}

fn enter<'a>(
    groups: &mut BTreeMap<(&'a str, &'a str), Group<'a>>,
    signature: &'a FalseSignature,
    place: String,
) {
    let group = groups.entry((&signature.id, &signature.alarm)).or_insert_with(|| {
        Group { first: signature, sources: 0, destinations: 0, places: BTreeMap::new() }
    });
    group.sources = group.sources.max(signature.sources);
    group.destinations = group.destinations.max(signature.destinations);
    *group.places.entry(place).or_default() += 1;
}

fn one(page: &mut Markup, group: &Group) {
    let signature = group.first;
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", "row")], &signature.service);
        page.leaf("td", &[], &signature.alarm);
        page.element("td", &[("class", "content")], |page| content(page, signature));
        number(page, &format!("{} B", count(signature.length as f64)));
        number(page, &format!("{} × {}", group.sources, group.destinations));
        page.leaf("td", &[("class", "places")], &places(&group.places));
    });
}

fn content(page: &mut Markup, signature: &FalseSignature) {
    let Some(bytes) = bytes_of(&signature.content_hex) else {
        page.leaf(
            "code",
            &[],
            &signature.content_hex.chars().take(PREVIEW).collect::<String>(),
        );
        page.leaf("small", &[], "not hexadecimal");
        return;
    };
    page.element("details", &[], |page| {
        page.element("summary", &[], |page| {
            let preview = printable(&bytes[..bytes.len().min(PREVIEW)]);
            page.leaf("code", &[], &preview);
        });
        page.leaf("pre", &[], &hex_dump(&bytes[..bytes.len().min(DUMPED)]));
        page.leaf("small", &[], &format!("id {}", signature.id));
    });
}

/// Those where it was found most, and how many others there are.
fn places(places: &BTreeMap<String, u64>) -> String {
    let mut ordered: Vec<_> = places.iter().collect();
    ordered.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    let named = ordered.iter().take(PLACES).map(|(name, times)| match times {
        1 => (*name).clone(),
        times => format!("{name} ({times} times)"),
    });
    let mut text = named.collect::<Vec<_>>().join("; ");
    if ordered.len() > PLACES {
        text.push_str(&format!("; and {} more", ordered.len() - PLACES));
    }
    text
}
