//! Table of false signatures: those of content that was not planted.

use super::summary::full_name;
use crate::results::{Evaluation, FalseSignature};
use maud::{Markup, html};
use std::collections::BTreeMap;
use wormsift_export::html::number::count;
use wormsift_export::html::{bytes, table};
use wormsift_export::text::{bytes_of, printable};

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

const NOTE: &str = "By content: what they are, and where they were found. Bytes that are not \
    printable ASCII are dots; unfold a content for its hexadecimal dump.";
const HEADINGS: [&str; 6] =
    ["Service", "Alarm", "Content", "#Length", "#Sources × destinations", "Found in"];

/// All of them, the most frequent first.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let groups = grouped(evaluation);
    let rows =
        html! { tbody { @for group in groups.iter().take(LISTED) { (one(group)) } } };
    let title = "Signatures that are about nothing planted";
    let more = groups.len().saturating_sub(LISTED);
    (!groups.is_empty()).then(|| {
        html! {
            p.note { (NOTE) }
            (table("plain contents", title, &HEADINGS, rows))
            @if more > 0 { p.note { (count(more as f64)) " more contents are not listed." } }
        }
    })
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

fn one(group: &Group) -> Markup {
    let signature = group.first;
    html! {
        tr {
            th scope="row" { (signature.service) }
            td { (signature.alarm) }
            td.content { (content(signature)) }
            td.n { (count(signature.length as f64)) " B" }
            td.n { (group.sources) " × " (group.destinations) }
            td.places { (places(&group.places)) }
        }
    }
}

fn content(signature: &FalseSignature) -> Markup {
    let hex = &signature.content_hex;
    match bytes_of(hex) {
        Some(content) => html! {
            details {
                summary { code { (printable(&content[..content.len().min(PREVIEW)])) } }
                (bytes(&content, DUMPED))
                small { "id " (signature.id) }
            }
        },
        None => html! {
            code { (hex.chars().take(PREVIEW).collect::<String>()) }
            small { "not hexadecimal" }
        },
    }
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
