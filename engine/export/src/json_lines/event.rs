//! Records of what happens at dark addresses, as lines hold them.

use super::texts::{Address, Id, PrecisionName, Protocol, Time, unreadable};
use super::{LineError, line, record_of};
use serde::{Deserialize, Serialize};
use wormsift::dark::{DarkClass, DarkEvent, Interval, ScanEvent, Tool, VictimEvent};

/// The type of the lines.
pub(super) const EVENT: &str = "event";

/// A scan of dark addresses: one source, one port, ten addresses or more at ten packets a second
/// over all of IPv4. A later line with the same id says more.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "scan"))]
pub(super) struct ScanRecord {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "scan")))]
    event: String,
    id: Id,
    /// Who scans.
    source: Address,
    protocol: Protocol,
    /// Null for protocols without ports.
    port: Option<u16>,
    /// `scan` without, `probe` with payload.
    packet_class: String,
    /// At dark addresses.
    packets: u64,
    /// Distinct dark addresses reached.
    destinations: u64,
    destinations_precision: PrecisionName,
    /// Over all of IPv4; null for IPv6.
    packets_per_second: Option<IntervalRecord>,
    /// The share of all IPv4 addresses that were reached so far; null for IPv6, and where
    /// destinations were not counted to their end.
    coverage_share: Option<IntervalRecord>,
    /// The mark of at least half of its packets; null without.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [null, "zmap", "masscan", "mirai"])))]
    tool: Option<String>,
    first_seen: Time,
    last_seen: Time,
    /// Whether it is over.
    ended: bool,
}

/// The victim of a flood under forged addresses, whose answers came to dark ones. A later line
/// with the same id says more.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "victim"))]
pub(super) struct VictimRecord {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "victim")))]
    event: String,
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
#[derive(Serialize, Deserialize)]
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

/// Reads one line of an event; `None` for a line of another type, and for an event that is not
/// known here.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read_event(line: &str) -> Result<Option<DarkEvent>, LineError> {
    let Some(event) = name_of(line)? else { return Ok(None) };
    match &*event {
        "scan" => {
            let record = record_of::<ScanRecord>(line, EVENT)?;
            Ok(record.map(ScanEvent::try_from).transpose()?.map(DarkEvent::Scan))
        }
        "victim" => {
            let record = record_of::<VictimRecord>(line, EVENT)?;
            Ok(record.map(VictimEvent::try_from).transpose()?.map(DarkEvent::Victim))
        }
        _ => Ok(None),
    }
}

/// Which event a line is of; `None` for a line of another type.
pub(super) fn name_of(line: &str) -> Result<Option<String>, LineError> {
    #[derive(Deserialize)]
    struct Name {
        event: String,
    }
    Ok(record_of::<Name>(line, EVENT)?.map(|it| it.event))
}

impl TryFrom<ScanRecord> for ScanEvent {
    type Error = LineError;

    fn try_from(it: ScanRecord) -> Result<Self, LineError> {
        let class = DarkClass::ALL.into_iter().find(|one| one.name() == it.packet_class);
        let tool = it.tool.map(|name| {
            let found = Tool::ALL.into_iter().find(|tool| tool.name() == name);
            found.ok_or_else(|| unreadable("tool", &name))
        });
        Ok(Self {
            id: it.id.read("id")?,
            source: it.source.read("source")?,
            protocol: it.protocol.read("protocol")?,
            port: it.port,
            class: class.ok_or_else(|| unreadable("packet_class", &it.packet_class))?,
            packets: it.packets,
            destinations: it.destinations,
            precision: it.destinations_precision.read("destinations_precision")?,
            rate: it.packets_per_second.map(Interval::from),
            coverage: it.coverage_share.map(Interval::from),
            tool: tool.transpose()?,
            first_seen: it.first_seen.read("first_seen")?,
            last_seen: it.last_seen.read("last_seen")?,
            ended: it.ended,
        })
    }
}

impl TryFrom<VictimRecord> for VictimEvent {
    type Error = LineError;

    fn try_from(it: VictimRecord) -> Result<Self, LineError> {
        Ok(Self {
            id: it.id.read("id")?,
            victim: it.victim.read("victim")?,
            protocol: it.protocol.read("protocol")?,
            port: it.port,
            packets: it.packets,
            destinations: it.destinations,
            precision: it.destinations_precision.read("destinations_precision")?,
            rate: it.packets_per_second.map(Interval::from),
            peak_rate: it.packets_per_second_peak,
            first_seen: it.first_seen.read("first_seen")?,
            last_seen: it.last_seen.read("last_seen")?,
            ended: it.ended,
        })
    }
}

impl From<IntervalRecord> for Interval {
    fn from(IntervalRecord { low, estimate, high }: IntervalRecord) -> Self {
        Self { low, estimate, high }
    }
}

impl ScanRecord {
    fn of(it: &ScanEvent, event: &str) -> Self {
        Self {
            event: event.to_owned(),
            id: Id(it.id.clone()),
            source: it.source.into(),
            protocol: it.protocol.into(),
            port: it.port,
            packet_class: it.class.name().to_owned(),
            packets: it.packets,
            destinations: it.destinations,
            destinations_precision: it.precision.into(),
            packets_per_second: it.rate.map(IntervalRecord::from),
            coverage_share: it.coverage.map(IntervalRecord::from),
            tool: it.tool.map(|tool| tool.name().to_owned()),
            first_seen: it.first_seen.into(),
            last_seen: it.last_seen.into(),
            ended: it.ended,
        }
    }
}

impl VictimRecord {
    fn of(it: &VictimEvent, event: &str) -> Self {
        Self {
            event: event.to_owned(),
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
