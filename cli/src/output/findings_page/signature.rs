//! One signature in full, for the page of findings and the status page.

use crate::output::table::{brief, host_count, moment, number};
use maud::{Markup, display, html};
use wormsift::packet::Host;
use wormsift::signature::Signature;
use wormsift_export::html::{bytes, pairs, table};
use wormsift_export::text::{counted, service};
use wormsift_run::grounds::grounds;

/// How much of a signature is shown.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    /// Hosts of each list.
    pub(crate) hosts: usize,
    /// Bytes of each content.
    pub(crate) bytes: usize,
}

impl Most {
    pub(crate) const ALL: Self = Self { hosts: usize::MAX, bytes: usize::MAX };
}

/// Everything that is known of it, under its id; `before` stands before the id.
pub(crate) fn draw(before: &str, s: &Signature, most: Most) -> Markup {
    let others = s.tokens.iter().filter(|token| **token != s.content);
    html! {
        section.signature id={ "s" (s.id) } {
            h3 { (before) code { (s.id) } }
            (pairs(facts(s)))
            @for reason in &s.evidence.reasons { p { (reason) } }
            @if !s.relays.is_empty() { (relays(s, most.hosts)) }
            (hosts("Sources", &s.source_list, most.hosts))
            (hosts("Destinations", &s.destination_list, most.hosts))
            @if !s.samples.is_empty() {
                details { summary { (counted(s.samples.len() as u64, "sample")) } (samples(s)) }
            }
            details open="open" {
                summary { "Content, " (counted(s.content.len() as u64, "byte")) }
                (bytes(&s.content, most.bytes))
            }
            @for (token, number) in others.zip(1..) {
                details {
                    summary { "Token " (number) ", " (counted(token.len() as u64, "byte")) }
                    (bytes(token, most.bytes))
                }
            }
        }
        "\n"
    }
}

fn facts(s: &Signature) -> Vec<(String, String)> {
    let name = service(s);
    let served = match s.port {
        None => format!("{name}, any port"),
        Some(_) if name.starts_with("icmp") => format!("{name} (type/code)"),
        Some(_) => format!("{name} ({} port)", s.port_rule),
    };
    let sources = host_count(s.source_count(), "source");
    let destinations = host_count(s.destination_count(), "destination");
    let earlier = if s.may_be_earlier() { ", perhaps earlier" } else { "" };
    let facts = [
        ("alarm", s.alarm.name().to_owned()),
        ("confidence", s.confidence.name().to_owned()),
        ("service", served),
        ("seen in", counted(s.packets, "packet")),
        ("hosts", format!("{sources} to {destinations}")),
        ("first seen", format!("{}{earlier}", moment(s.first_seen))),
        ("detected at", moment(s.detected_at)),
        ("last seen", moment(s.last_seen)),
    ];
    let capitalised = |name: &str| name[..1].to_uppercase() + &name[1..];
    let all = facts.into_iter().chain(grounds(s));
    all.map(|(name, value)| (capitalised(name), value)).collect()
}

fn relays(s: &Signature, most: usize) -> Markup {
    let caption = format!(
        "Passed on by {}, spread {}",
        counted(s.relays.len() as u64, "host"),
        number(s.spread_count())
    );
    let rows = html! {
        tbody {
            @for relay in s.relays.iter().take(most) {
                tr {
                    td { (display(relay.host)) }
                    @match relay.received_at {
                        Some(time) => td.n.when { (moment(time)) },
                        None => td.n { "not recorded" },
                    }
                    td.n.when { (moment(relay.sent_at)) }
                    td.n { (brief(relay.fan_out_count())) }
                }
            }
        }
    };
    html! {
        p { (caption) ":" }
        (table("plain", &caption, &["Host", "#Received", "#Sent", "#To hosts"], rows))
        @if s.relays.len() > most { p.note { "and " (s.relays.len() - most) " more" } }
    }
}

fn hosts(name: &str, list: &[Host], most: usize) -> Markup {
    let shown: Vec<String> = list.iter().take(most).map(ToString::to_string).collect();
    html! {
        @if !list.is_empty() {
            p.hosts {
                b { (name) " " }
                (shown.join(", "))
                @if list.len() > most { " and " (list.len() - most) " more" }
            }
        }
    }
}

fn samples(s: &Signature) -> Markup {
    let rows = html! {
        tbody {
            @for sample in &s.samples {
                tr {
                    td.n { (sample.packet) }
                    td.n.when { (moment(sample.time)) }
                    td { (display(sample.source)) " port " (sample.source_port) }
                    td { (display(sample.destination)) " port " (sample.destination_port) }
                    td.n { (sample.offset) }
                }
            }
        }
    };
    let headings = ["#Packet", "#Time", "From", "To", "#Offset"];
    table("plain", "Where it was seen", &headings, rows)
}
