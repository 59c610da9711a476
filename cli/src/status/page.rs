//! What status pages share.
//!
//! One page that a browser loads again every few seconds: no script, nothing fetched
//! from elsewhere, and a policy that says so to the browser. Payload bytes are hostile;
//! `wormsift_export::html` says what keeps the page harmless.

use super::News;
use crate::output::findings_page::incident::services;
use crate::output::findings_page::muted_findings;
use crate::output::findings_page::signature::{self, Most};
use crate::output::stats::by_name;
use crate::output::table::{brief, moment};
use maud::{Markup, html};
use serde::Serialize;
use wormsift::Stats;
use wormsift::signature::Count;
use wormsift_export::html::number::percent;
use wormsift_export::html::table;
use wormsift_export::text::{grouped, service};

/// What the page says of itself, and that no other page may hold it in a frame.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
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

/// The newest incidents and signatures, and what is muted.
pub(crate) fn found(news: &News) -> Markup {
    let signatures = &news.signatures;
    html! {
        h2 { "Incidents" }
        (incidents(news))
        h2 { "Newest signatures" }
        @if signatures.is_empty() { p { "None so far." } }
        @for signature in signatures {
            (signature::draw(&format!("{} ", service(signature)), signature, MOST))
        }
        @let muted = news.muted.rows();
        @if !muted.is_empty() { h2 { "Muted" } (muted_findings(&muted)) }
    }
}

/// How full a sensor's tables are, and what it did not use.
pub(crate) fn tables(stats: &Stats) -> Markup {
    html! {
        (values(&stats.fill, "How full the tables are", "Table", percent))
        (values(&stats.drops, "Frames not used", "Reason", |value| grouped(value as u64)))
    }
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
