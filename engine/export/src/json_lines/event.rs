//! Records of what happens at dark addresses, as lines hold them.

use super::line;
use super::texts::{Address, Id, PrecisionName, Protocol, Time};
use serde::Serialize;
use wormsift::dark::{DarkEvent, Interval, ScanEvent, VictimEvent};

/// The type of the lines.
pub(super) const EVENT: &str = "event";

/// A scan of dark addresses: one source, one port, ten addresses or more at ten packets a second
/// over all of IPv4. A later line with the same id says more.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "scan"))]
pub(super) struct ScanRecord {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "scan")))]
    event: &'static str,
    id: Id,
    /// Who scans.
    source: Address,
    protocol: Protocol,
    /// Null for protocols without ports.
    port: Option<u16>,
    /// `scan` without, `probe` with payload.
    packet_class: &'static str,
    /// At dark addresses.
    packets: u64,
    /// Distinct dark addresses reached.
    destinations: u64,
    destinations_precision: PrecisionName,
    /// Over all of IPv4; null for IPv6.
    packets_per_second: Option<IntervalRecord>,
    /// The share of all IPv4 addresses that were reached so far; null for IPv6.
    coverage_share: Option<IntervalRecord>,
    /// The mark of at least half of its packets; null without.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [null, "zmap", "masscan", "mirai"])))]
    tool: Option<&'static str>,
    first_seen: Time,
    last_seen: Time,
    /// Whether it is over.
    ended: bool,
}

/// The victim of a flood under forged addresses, whose answers came to dark ones. A later line
/// with the same id says more.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "victim"))]
pub(super) struct VictimRecord {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "victim")))]
    event: &'static str,
    id: Id,
    /// Who is flooded.
    victim: Address,
    protocol: Protocol,
    /// The port of its service; null for protocols without ports.
    port: Option<u16>,
    /// Answers at dark addresses.
    packets: u64,
    /// Distinct dark addresses that got answers.
    destinations: u64,
    destinations_precision: PrecisionName,
    /// Answers over all of IPv4; null for IPv6.
    packets_per_second: Option<IntervalRecord>,
    /// The same in the busiest minute; null for IPv6.
    packets_per_second_peak: Option<f64>,
    first_seen: Time,
    last_seen: Time,
    /// Whether it is over.
    ended: bool,
}

/// An estimate with its 95 % interval.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "interval")
)]
struct IntervalRecord {
    low: f64,
    estimate: f64,
    high: f64,
}

/// One event as one line, without the line feed.
pub fn write_event(event: &DarkEvent) -> String {
    let written = match event {
        DarkEvent::Scan(it) => line(EVENT, &ScanRecord::of(it, event.name())),
        DarkEvent::Victim(it) => line(EVENT, &VictimRecord::of(it, event.name())),
        _ => return String::new(),
    };
    // Plain strings and numbers: there is nothing that could fail.
    written.unwrap_or_default()
}

impl ScanRecord {
    fn of(it: &ScanEvent, event: &'static str) -> Self {
        Self {
            event,
            id: Id(it.id.clone()),
            source: it.source.into(),
            protocol: it.protocol.into(),
            port: it.port,
            packet_class: it.class.name(),
            packets: it.packets,
            destinations: it.destinations,
            destinations_precision: it.precision.into(),
            packets_per_second: it.rate.map(IntervalRecord::from),
            coverage_share: it.coverage.map(IntervalRecord::from),
            tool: it.tool.map(|tool| tool.name()),
            first_seen: it.first_seen.into(),
            last_seen: it.last_seen.into(),
            ended: it.ended,
        }
    }
}

impl VictimRecord {
    fn of(it: &VictimEvent, event: &'static str) -> Self {
        Self {
            event,
            id: Id(it.id.clone()),
            victim: it.victim.into(),
            protocol: it.protocol.into(),
            port: it.port,
            packets: it.packets,
            destinations: it.destinations,
            destinations_precision: it.precision.into(),
            packets_per_second: it.rate.map(IntervalRecord::from),
            packets_per_second_peak: it.peak_rate.map(rounded),
            first_seen: it.first_seen.into(),
            last_seen: it.last_seen.into(),
            ended: it.ended,
        }
    }
}

impl From<Interval> for IntervalRecord {
    fn from(it: Interval) -> Self {
        let Interval { low, estimate, high } = it;
        Self { low: rounded(low), estimate: rounded(estimate), high: rounded(high) }
    }
}

/// Six digits, which is more than the interval tells.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
