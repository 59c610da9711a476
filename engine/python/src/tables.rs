//! Findings as tables.

use crate::log::{self, Entry};
use crate::table::{Columns, Table};
use pyo3::prelude::*;
use std::sync::Arc;
use wormsift::Timestamp;
use wormsift::dark::DarkEvent;
use wormsift::signature::{Incident, Population, Signature};
use wormsift_export::text;
use wormsift_run::News;

/// The last word on each signature, and whether it is muted.
type Last = [(Arc<Entry>, bool)];

fn each(last: &Last) -> impl Iterator<Item = &Signature> + Clone {
    last.iter().filter_map(|(entry, _)| log::signature(entry))
}

/// One row a signature.
pub(crate) fn signatures(last: &Last) -> PyResult<Table> {
    let all = || each(last);
    let mut columns = Columns::default();
    columns.text("id", all().map(|it| Some(&*it.id)));
    columns.text("kind", all().map(|it| Some(it.kind.name())));
    columns.text("confidence", all().map(|it| Some(it.confidence.name())));
    columns.text("alarm", all().map(|it| Some(it.alarm.name())));
    columns.text("incident", all().map(|it| it.incident.clone()));
    columns.bools("muted", last.iter().map(|(_, muted)| Some(*muted)));
    columns.u8("protocol", all().map(|it| Some(it.protocol)));
    columns.u16("port", all().map(|it| it.port));
    columns.text("port_rule", all().map(|it| Some(&*it.port_rule)));
    columns.text("service", all().map(|it| Some(text::service(it))));
    columns.bytes("content", all().map(|it| &*it.content));
    columns.u64("length", all().map(|it| Some(it.content.len() as u64)));
    columns.u64("packets", all().map(|it| Some(it.packets)));
    columns.u32("sources", all().map(|it| Some(it.sources)));
    columns.text("sources_precision", all().map(|it| Some(it.sources_precision.name())));
    columns.u32("destinations", all().map(|it| Some(it.destinations)));
    columns.text(
        "destinations_precision",
        all().map(|it| Some(it.destinations_precision.name())),
    );
    columns.u32("spread", all().map(|it| Some(it.spread)));
    columns.u32("relays", all().map(|it| Some(it.relays.len() as u32)));
    columns.times("first_seen", all().map(|it| Some(it.first_seen)));
    columns.times("last_seen", all().map(|it| Some(it.last_seen)));
    columns.times("detected_at", all().map(|it| Some(it.detected_at)));
    population(&mut columns, all().map(|it| it.population));
    columns.texts("reasons", all().map(|it| it.evidence.reasons.clone()));
    columns.table("signatures")
}

/// How many addresses and hosts.
fn population(
    columns: &mut Columns,
    all: impl Iterator<Item = Option<Population>> + Clone,
) {
    let of = |number: fn(Population) -> Option<u32>| {
        all.clone().map(move |it| it.and_then(number))
    };
    columns.u32("addresses", of(|it| Some(it.addresses.number)));
    columns.u32("hosts_low", of(|it| Some(it.hosts.low)));
    columns.u32("hosts_estimate", of(|it| it.hosts.estimate));
    columns.u32("hosts_high", of(|it| Some(it.hosts.high)));
}

/// One row an incident.
pub(crate) fn incidents(last: &[Arc<Entry>]) -> PyResult<Table> {
    let all = || last.iter().filter_map(|entry| log::incident(entry));
    let services = |it: &Incident| {
        let services = it.services.iter();
        services.map(|(protocol, port)| text::service_name(*protocol, *port)).collect()
    };
    let mut columns = Columns::default();
    columns.text("id", all().map(|it| Some(&*it.id)));
    columns.text("kind", all().map(|it| Some(it.kind.name())));
    columns.text("confidence", all().map(|it| Some(it.confidence.name())));
    let muted = |entry: &Arc<Entry>| Some(entry.is_muted());
    columns.bools("muted", last.iter().map(muted));
    columns.texts("signatures", all().map(|it| it.signatures.clone()));
    columns.texts("services", all().map(services));
    columns.u32("hosts", all().map(|it| Some(it.hosts.len() as u32 + it.hosts_unlisted)));
    columns.u32("relays", all().map(|it| Some(it.relays)));
    columns.u32("generations", all().map(|it| Some(it.generations)));
    columns.u32("sources", all().map(|it| Some(it.sources.number)));
    columns.u32("destinations", all().map(|it| Some(it.destinations.number)));
    columns.u32("spread", all().map(|it| Some(it.spread.number)));
    columns
        .f64("doubling_seconds", all().map(|it| it.growth.map(|it| it.doubling_seconds)));
    columns.times("first_seen", all().map(|it| Some(it.first_seen)));
    columns.times("last_seen", all().map(|it| Some(it.last_seen)));
    columns.times("detected_at", all().map(|it| Some(it.detected_at)));
    population(&mut columns, all().map(|it| it.population));
    columns.texts("reasons", all().map(|it| it.reasons.clone()));
    columns.table("incidents")
}

/// One row a relay of a signature.
pub(crate) fn relays(last: &Last) -> PyResult<Table> {
    let all = || each(last).flat_map(|it| it.relays.iter().map(move |relay| (it, relay)));
    let mut columns = Columns::default();
    columns.text("signature", all().map(|(it, _)| Some(&*it.id)));
    columns.text("host", all().map(|(_, relay)| Some(relay.host.to_string())));
    columns.times("received_at", all().map(|(_, relay)| relay.received_at));
    columns.text(
        "received_from",
        all().map(|(_, it)| it.received_from.map(|it| it.to_string())),
    );
    columns.times("sent_at", all().map(|(_, relay)| Some(relay.sent_at)));
    columns.u32("fan_out", all().map(|(_, relay)| Some(relay.fan_out)));
    columns.u8("new_targets", all().map(|(_, relay)| Some(relay.new_targets)));
    columns.u8("known_targets", all().map(|(_, relay)| Some(relay.known_targets)));
    columns.bools("began_before", all().map(|(_, relay)| relay.began_before));
    columns.u16("conversations_begun", all().map(|(_, relay)| Some(relay.begun)));
    columns
        .u16("conversations_unanswered", all().map(|(_, relay)| Some(relay.unanswered)));
    columns.bools("proven", all().map(|(_, relay)| relay.proven));
    columns.bools("is_decoy", all().map(|(_, relay)| Some(relay.is_decoy)));
    columns.table("relays")
}

/// A host in a role.
struct HostRow<'a> {
    of: &'static str,
    id: &'a str,
    host: String,
    role: &'static str,
    time: Option<Timestamp>,
    received_from: Option<String>,
    generation: Option<u32>,
    fan_out: Option<u32>,
}

/// One row a host and role: source, destination and relay of a signature, infected of an incident.
pub(crate) fn hosts(last: &Last, incidents: &[Arc<Entry>]) -> PyResult<Table> {
    let mut rows: Vec<HostRow<'_>> = Vec::new();
    for it in each(last) {
        let listed = |role, host: &wormsift::packet::Host| HostRow {
            of: "signature",
            id: &it.id,
            host: host.to_string(),
            role,
            time: None,
            received_from: None,
            generation: None,
            fan_out: None,
        };
        rows.extend(it.source_list.iter().map(|host| listed("source", host)));
        rows.extend(it.destination_list.iter().map(|host| listed("destination", host)));
        rows.extend(it.relays.iter().map(|relay| HostRow {
            time: Some(relay.sent_at),
            received_from: relay.received_from.map(|it| it.to_string()),
            fan_out: Some(relay.fan_out),
            ..listed("relay", &relay.host)
        }));
    }
    for it in incidents.iter().filter_map(|entry| log::incident(entry)) {
        rows.extend(it.hosts.iter().map(|host| HostRow {
            of: "incident",
            id: &it.id,
            host: host.host.to_string(),
            role: "infected",
            time: host.first_seen,
            received_from: host.received_from.map(|it| it.to_string()),
            generation: Some(host.generation),
            fan_out: Some(host.fan_out),
        }));
    }
    let mut columns = Columns::default();
    columns.text("id", rows.iter().map(|it| Some(it.id)));
    columns.text("of", rows.iter().map(|it| Some(it.of)));
    columns.text("host", rows.iter().map(|it| Some(&*it.host)));
    columns.text("role", rows.iter().map(|it| Some(it.role)));
    columns.times("time", rows.iter().map(|it| it.time));
    columns.text("received_from", rows.iter().map(|it| it.received_from.as_deref()));
    columns.u32("generation", rows.iter().map(|it| it.generation));
    columns.u32("fan_out", rows.iter().map(|it| it.fan_out));
    columns.table("hosts")
}

/// What happened, whatever its kind.
#[derive(Default)]
struct EventRow {
    event: &'static str,
    id: Option<String>,
    signature: Option<String>,
    host: Option<String>,
    other: Option<String>,
    protocol: Option<u8>,
    port: Option<u16>,
    packets: Option<u64>,
    destinations: Option<u64>,
    rate: Option<f64>,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    ended: Option<bool>,
    json: String,
}

impl EventRow {
    fn of(news: &News) -> Option<Self> {
        let row = match news {
            News::Event(event @ DarkEvent::Scan(it)) => Self {
                event: event.name(),
                id: Some(it.id.clone()),
                host: Some(it.source.to_string()),
                protocol: Some(it.protocol),
                port: it.port,
                packets: Some(it.packets),
                destinations: Some(it.destinations),
                rate: it.rate.map(|it| it.estimate),
                first_seen: Some(it.first_seen),
                last_seen: Some(it.last_seen),
                ended: Some(it.ended),
                ..Self::default()
            },
            News::Event(event @ DarkEvent::Victim(it)) => Self {
                event: event.name(),
                id: Some(it.id.clone()),
                host: Some(it.victim.to_string()),
                protocol: Some(it.protocol),
                port: it.port,
                packets: Some(it.packets),
                destinations: Some(it.destinations),
                rate: it.rate.map(|it| it.estimate),
                first_seen: Some(it.first_seen),
                last_seen: Some(it.last_seen),
                ended: Some(it.ended),
                ..Self::default()
            },
            News::Wave(it) => Self {
                event: "wave",
                id: Some(it.id.clone()),
                signature: Some(it.signature.clone()),
                first_seen: Some(it.hour),
                ..Self::default()
            },
            News::Decoy(it) => Self {
                event: "decoy",
                host: Some(it.decoy.to_string()),
                other: Some(it.destination.to_string()),
                protocol: Some(it.protocol),
                port: it.port,
                first_seen: Some(it.time),
                last_seen: Some(it.time),
                ..Self::default()
            },
            _ => return None,
        };
        Some(Self { json: news.line(None), ..row })
    }
}

/// One row an event; what is special to its kind stands in `json`.
pub(crate) fn events(entries: &[Arc<Entry>]) -> PyResult<Table> {
    let row = |entry: &Arc<Entry>| match &**entry {
        Entry::News(news, _) => EventRow::of(news),
        Entry::Stats(_) => None,
    };
    let rows: Vec<EventRow> = entries.iter().filter_map(row).collect();
    let mut columns = Columns::default();
    columns.text("event", rows.iter().map(|it| Some(it.event)));
    columns.text("id", rows.iter().map(|it| it.id.as_deref()));
    columns.text("signature", rows.iter().map(|it| it.signature.as_deref()));
    columns.text("host", rows.iter().map(|it| it.host.as_deref()));
    columns.text("other", rows.iter().map(|it| it.other.as_deref()));
    columns.u8("protocol", rows.iter().map(|it| it.protocol));
    columns.u16("port", rows.iter().map(|it| it.port));
    columns.u64("packets", rows.iter().map(|it| it.packets));
    columns.u64("destinations", rows.iter().map(|it| it.destinations));
    columns.f64("packets_per_second", rows.iter().map(|it| it.rate));
    columns.times("first_seen", rows.iter().map(|it| it.first_seen));
    columns.times("last_seen", rows.iter().map(|it| it.last_seen));
    columns.bools("ended", rows.iter().map(|it| it.ended));
    columns.text("json", rows.iter().map(|it| Some(&*it.json)));
    columns.table("events")
}
