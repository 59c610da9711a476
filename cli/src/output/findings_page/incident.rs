//! One incident, for the page of findings.

use super::pictures::scatter::kind_name;
use super::pictures::{timeline, tree};
use crate::output::table::{brief, host_count, moment, number};
use maud::{Markup, html};
use std::collections::BTreeSet;
use wormsift::signature::{Incident, Kind};
use wormsift_export::html::{pairs, table};
use wormsift_export::text::{counted, end, grouped, service_name};
use wormsift_run::grounds::{blind, doubling};

/// Signatures and services that are named.
const MOST_NAMED: usize = 24;
/// Values of `relay_exempt` that are shown.
const MOST_EXEMPT: usize = 512;
/// So many are shown unasked, on paper too.
const MOST_OPEN: usize = 64;

const HEADINGS: [&str; 9] = [
    "#Rank",
    "Kind",
    "Confidence",
    "Services",
    "#Passed on by",
    "#Spread",
    "#Signatures",
    "First seen",
    "Detected at",
];

/// The incidents in a table, each with a link to its section.
pub(super) fn overview(incidents: &[&Incident]) -> Markup {
    let rows = html! {
        tbody {
            @for (rank, it) in (1_u64..).zip(incidents) {
                tr {
                    td.n { (grouped(rank)) }
                    td { a href={ "#i" (it.id) } { (kind_name(it.kind)) } }
                    td class=(it.confidence.name()) { (it.confidence.name()) }
                    td { (services(it)) }
                    td.n { (grouped(it.relays.into())) }
                    td.n { (brief(it.spread)) }
                    td.n { (grouped(it.signatures.len() as u64)) }
                    td.n.when { (moment(it.first_seen)) }
                    td.n.when { (moment(it.detected_at)) }
                }
                "\n"
            }
        }
    };
    table("plain", "Incidents, the most telling first", &HEADINGS, rows)
}

/// Everything that is known of it; `linked` are the signatures that the page shows.
pub(super) fn draw(
    rank: u64,
    it: &Incident,
    linked: &BTreeSet<&str>,
    is_pictured: bool,
) -> Markup {
    let has_tree = it.relays > 0 && matches!(it.kind, Kind::Outbreak | Kind::Unclear);
    let tree = (is_pictured && has_tree).then(|| tree::draw(it)).flatten();
    let timeline = is_pictured.then(|| timeline::draw(it)).flatten();
    let title = format!(
        "{}, {} confidence, {}",
        kind_name(it.kind),
        it.confidence.name(),
        services(it)
    );
    html! {
        section.incident id={ "i" (it.id) } {
            h3 { (rank) ". " span.of { (capitalised(&title)) } }
            (pairs(facts(it)))
            @for reason in &it.reasons { p { (reason) } }
            @if tree.is_some() || timeline.is_some() {
                div.pictures {
                    @if let Some(timeline) = timeline { (timeline) }
                    @if let Some(tree) = tree { (tree) }
                }
            }
            (exempt(it))
            (signatures(it, linked))
        }
        "\n"
    }
}

fn facts(it: &Incident) -> Vec<(&'static str, String)> {
    let sources = host_count(it.sources, "source");
    let destinations = host_count(it.destinations, "destination");
    let of_which = match it.signatures.len() {
        0 | 1 => "",
        _ => ", of the strongest signature",
    };
    let passed_on = match it.relays {
        0 => "nobody, as far as is known".to_owned(),
        relays => format!(
            "{} in {}, spread {}",
            counted(relays.into(), "host"),
            counted(it.generations.into(), "generation"),
            number(it.spread)
        ),
    };
    let mut facts = vec![
        ("Kind", kind_name(it.kind)),
        ("Confidence", it.confidence.name().to_owned()),
        ("Services", services(it)),
        ("Passed on by", passed_on),
        ("Hosts", format!("{sources} to {destinations}{of_which}")),
    ];
    if let Some(growth) = &it.growth {
        facts.push(("Growth", doubling(growth)));
    }
    if let Some(blind) = blind(&it.blind) {
        facts.push(("Blind meanwhile", blind));
    }
    facts.extend([
        ("First seen", moment(it.first_seen)),
        ("Detected at", moment(it.detected_at)),
        ("Last seen", moment(it.last_seen)),
        ("Id", it.id.clone()),
    ]);
    facts
}

/// Their names, up to a few.
pub(crate) fn services(it: &Incident) -> String {
    let names: Vec<String> = it
        .services
        .iter()
        .take(MOST_NAMED)
        .map(|(protocol, port)| service_name(*protocol, *port))
        .collect();
    let others = it.services.len() - names.len();
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    names.join(", ") + &more
}

/// What would silence a service that passes content on by trade.
fn exempt(it: &Incident) -> Markup {
    if !it.kind.is_by_trade() {
        return Markup::default();
    }
    let values = it.relay_exempt();
    let lines: Vec<String> =
        values.iter().take(MOST_EXEMPT).map(|(host, port)| end(*host, *port)).collect();
    html! {
        @if !lines.is_empty() {
            details open=[(values.len() <= MOST_OPEN).then_some("open")] {
                summary {
                    (counted(values.len() as u64, "value")) " of " code { "relay_exempt" }
                    " to be told of it no more"
                }
                pre.exempt { (lines.join(" ")) }
                @if values.len() > lines.len() {
                    p.note { "and " (grouped((values.len() - lines.len()) as u64)) " more" }
                }
            }
        }
    }
}

fn signatures(it: &Incident, linked: &BTreeSet<&str>) -> Markup {
    let named = it.signatures.iter().take(MOST_NAMED);
    let others = it.signatures.len().saturating_sub(MOST_NAMED);
    html! {
        p.hosts {
            b { (counted(it.signatures.len() as u64, "signature")) }
            @if it.signatures.len() > 1 { ", the strongest first" }
            ": "
            @for (n, id) in named.enumerate() {
                @if n > 0 { ", " }
                @if linked.contains(id.as_str()) { a href={ "#s" (id) } { code { (id) } } }
                @else { code { (id) } }
            }
            @if others > 0 { " and " (grouped(others as u64)) " more" }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
