//! Record of an incident, as a line holds it.

use super::evidence::GrowthRecord;
use super::muted::MutedRecord;
use super::population::PopulationRecord;
use super::record::{BlindRecord, address_plan, blind, networks, read_blind};
use super::texts::{Address, GradeName, Id, KindName, PrecisionName, Protocol, Time};
use super::{LineError, line, record_of};
use crate::mute::Muted;
use crate::text::end;
use serde::{Deserialize, Serialize};
use wormsift::packet::AddressPlan;
use wormsift::signature::{Count, Growth, Incident, IncidentHost, Population};

/// The type of the line.
pub(super) const INCIDENT: &str = "incident";

/// Signatures that belong together: one outbreak, one service, one campaign. A later line with
/// the same id says more.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "incident")
)]
pub(super) struct IncidentRecord {
    id: Id,
    kind: KindName,
    /// The highest of its signatures.
    confidence: GradeName,
    /// In the last line of an incident that was found to be part of an older one: that one's
    /// id. The rest is said of the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Id"))]
    part_of: Option<Id>,
    /// That it is known and muted; missing where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "MutedRecord"))]
    muted: Option<MutedRecord>,
    /// Ids of its signatures, the strongest first.
    signature_ids: Vec<Id>,
    services: Vec<ServiceRecord>,
    /// Hosts that received the content and passed it on, by when they received it, then those
    /// that are only known to have sent it.
    incident_hosts: Vec<HostRecord>,
    hosts_unlisted: u32,
    /// Hosts that received the content and passed it on.
    relay_count: u32,
    /// Length of the longest chain of relays.
    generations: u32,
    /// Of the strongest signature.
    sources: u32,
    sources_precision: PrecisionName,
    /// Of the strongest signature.
    destinations: u32,
    destinations_precision: PrecisionName,
    /// The largest of its signatures.
    spread: u32,
    spread_precision: PrecisionName,
    /// Of the strongest signature: fit of the number of relays over time; null where times
    /// are too few.
    growth: Option<GrowthRecord>,
    /// Of the strongest signature: addresses that sent it; null where there was no memory to count
    /// them.
    #[serde(default)]
    population: Option<PopulationRecord>,
    first_seen: Time,
    last_seen: Time,
    /// Taps of a fleet that were blind between first_seen and last_seen; missing where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blind: Vec<BlindRecord>,
    detected_at: Time,
    /// Of forwarding services and peer protocols: values of the setting `relay_exempt` that
    /// would silence it.
    // It follows from hosts and services and is not read.
    #[serde(skip_deserializing)]
    relay_exempt: Vec<String>,
    /// Why the kind is what it is, a sentence each.
    reasons: Vec<String>,
    /// Bits of an IPv6 address that make a host.
    #[cfg_attr(feature = "schema", schemars(range(max = 128)))]
    v6_prefix: u8,
    /// The networks that are ours, as `10.0.0.0/8`; null where that is not set.
    home_net: Option<Vec<String>>,
}

/// A protocol and port.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "service")
)]
struct ServiceRecord {
    protocol: Protocol,
    /// Null over all ports.
    port: Option<u16>,
}

/// A host of an incident.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "incident_host")
)]
struct HostRecord {
    host: Address,
    /// When it received the content, or else first sent it; null where that is not known.
    first_seen: Option<Time>,
    /// From whom; null where that is not known.
    received_from: Option<Address>,
    /// Its place in its chain of relays, from 1; 0 where it is only known to have sent it.
    generation: u32,
    /// Hosts that it was the first to send it to.
    fan_out: u32,
    /// Whether the host is in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    inside: Option<bool>,
}

/// One incident as one line, without the line feed.
pub fn write_incident(incident: &Incident) -> String {
    write_marked_incident(incident, None)
}

/// The same, with what mutes it.
pub fn write_marked_incident(incident: &Incident, muted: Option<&Muted>) -> String {
    let record = IncidentRecord {
        muted: muted.map(MutedRecord::from),
        ..IncidentRecord::from(incident)
    };
    // Plain strings, numbers and lists: there is nothing that could fail.
    line(INCIDENT, &record).unwrap_or_default()
}

/// Reads one line of an incident; `None` for a line of another type.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read_incident(line: &str) -> Result<Option<Incident>, LineError> {
    Ok(read_marked_incident(line)?.map(|(incident, _)| incident))
}

/// The same, with what the line says that mutes it.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read_marked_incident(
    line: &str,
) -> Result<Option<(Incident, Option<Muted>)>, LineError> {
    let Some(mut record) = record_of::<IncidentRecord>(line, INCIDENT)? else {
        return Ok(None);
    };
    let muted = record.muted.take().map(Muted::try_from).transpose()?;
    Ok(Some((record.try_into()?, muted)))
}

impl From<&Incident> for IncidentRecord {
    fn from(it: &Incident) -> Self {
        let exempt = it.relay_exempt().into_iter();
        let exempt = exempt.filter(|_| it.kind.is_by_trade());
        Self {
            id: Id(it.id.clone()),
            kind: it.kind.into(),
            confidence: it.confidence.into(),
            part_of: it.part_of.clone().map(Id),
            muted: None,
            signature_ids: it.signatures.iter().cloned().map(Id).collect(),
            services: (it.services.iter())
                .map(|(protocol, port)| ServiceRecord {
                    protocol: (*protocol).into(),
                    port: *port,
                })
                .collect(),
            incident_hosts: (it.hosts.iter())
                .map(|host| HostRecord::of(host, &it.addresses))
                .collect(),
            hosts_unlisted: it.hosts_unlisted,
            relay_count: it.relays,
            generations: it.generations,
            sources: it.sources.number,
            sources_precision: it.sources.precision.into(),
            destinations: it.destinations.number,
            destinations_precision: it.destinations.precision.into(),
            spread: it.spread.number,
            spread_precision: it.spread.precision.into(),
            growth: it.growth.map(GrowthRecord::from),
            population: it.population.map(PopulationRecord::from),
            first_seen: it.first_seen.into(),
            last_seen: it.last_seen.into(),
            blind: blind(&it.blind),
            detected_at: it.detected_at.into(),
            relay_exempt: exempt.map(|(host, port)| end(host, port)).collect(),
            reasons: it.reasons.clone(),
            v6_prefix: it.addresses.v6_prefix,
            home_net: networks(&it.addresses),
        }
    }
}

impl HostRecord {
    fn of(host: &IncidentHost, plan: &AddressPlan) -> Self {
        Self {
            host: host.host.into(),
            first_seen: host.first_seen.map(Time::from),
            received_from: host.received_from.map(Address::from),
            generation: host.generation,
            fan_out: host.fan_out,
            inside: plan.inside(host.host),
        }
    }
}

impl TryFrom<HostRecord> for IncidentHost {
    type Error = LineError;

    fn try_from(record: HostRecord) -> Result<Self, LineError> {
        let time = record.first_seen.map(|time| time.read("first_seen"));
        let from = record.received_from.map(|host| host.read("received_from"));
        Ok(Self {
            host: record.host.read("host")?,
            first_seen: time.transpose()?,
            received_from: from.transpose()?,
            generation: record.generation,
            fan_out: record.fan_out,
        })
    }
}

impl TryFrom<IncidentRecord> for Incident {
    type Error = LineError;

    fn try_from(record: IncidentRecord) -> Result<Self, LineError> {
        let services = record.services.iter();
        let services = services.map(|it| Ok((it.protocol.read("protocol")?, it.port)));
        let hosts = record.incident_hosts.into_iter().map(IncidentHost::try_from);
        Ok(Self {
            kind: record.kind.read("kind")?,
            confidence: record.confidence.read("confidence")?,
            services: services.collect::<Result<_, LineError>>()?,
            hosts: hosts.collect::<Result<_, LineError>>()?,
            sources: Count {
                number: record.sources,
                precision: record.sources_precision.read("sources_precision")?,
            },
            destinations: Count {
                number: record.destinations,
                precision: record
                    .destinations_precision
                    .read("destinations_precision")?,
            },
            first_seen: record.first_seen.read("first_seen")?,
            last_seen: record.last_seen.read("last_seen")?,
            blind: read_blind(record.blind)?,
            detected_at: record.detected_at.read("detected_at")?,
            id: record.id.read("id")?,
            part_of: record.part_of.map(|id| id.read("part_of")).transpose()?,
            signatures: (record.signature_ids.into_iter())
                .map(|id| id.read("signature_ids"))
                .collect::<Result<_, _>>()?,
            hosts_unlisted: record.hosts_unlisted,
            relays: record.relay_count,
            generations: record.generations,
            spread: Count {
                number: record.spread,
                precision: record.spread_precision.read("spread_precision")?,
            },
            growth: record.growth.map(Growth::from),
            population: record.population.map(Population::try_from).transpose()?,
            reasons: record.reasons,
            addresses: address_plan(record.v6_prefix, record.home_net)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::packet::{Host, Timestamp};
    use wormsift::signature::Confidence;
    use wormsift::signature::Kind;

    fn incident() -> Incident {
        let relay = IncidentHost {
            host: Host::of("192.0.2.7".parse().unwrap(), 64),
            first_seen: Some(Timestamp::from_nanos(1_000_000_000)),
            received_from: Some(Host::of("192.0.2.9".parse().unwrap(), 64)),
            generation: 1,
            fan_out: 5,
        };
        let source = IncidentHost {
            host: Host::of("2001:db8::9".parse().unwrap(), 64),
            ..IncidentHost::default()
        };
        Incident {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            kind: Kind::ForwardingService,
            confidence: Confidence::Medium,
            signatures: vec!["ffeeddccbbaa99887766554433221100".to_owned()],
            services: vec![(17, Some(53)), (17, None)],
            hosts: vec![relay, source],
            hosts_unlisted: 3,
            relays: 1,
            generations: 1,
            sources: Count::exact(4),
            destinations: Count::about(900),
            spread: Count::exact(5),
            growth: None,
            population: None,
            first_seen: Timestamp::from_nanos(900_000_000),
            last_seen: Timestamp::from_nanos(2_000_000_000),
            blind: [("edge".to_owned(), 2)].into(),
            detected_at: Timestamp::from_nanos(3_000_000_000),
            part_of: None,
            reasons: vec!["The reason.".to_owned()],
            addresses: AddressPlan::default(),
        }
    }

    #[test]
    fn a_line_says_all_and_is_read_back() {
        let incident = incident();
        let line = write_incident(&incident);
        assert!(
            line.starts_with(r#"{"schema":"wormsift/2","type":"incident","id":"001122"#)
        );
        assert!(line.contains(r#""relay_exempt":["192.0.2.7:53"]"#), "{line}");
        assert!(line.contains(r#""kind":"forwarding_service""#), "{line}");
        assert!(!line.contains("part_of"));
        assert!(line.contains(r#","blind":[{"tap":"edge","seconds":2}],"#), "{line}");
        let all = Incident { blind: [].into(), ..incident.clone() };
        assert!(!write_incident(&all).contains("blind"), "nobody was");
        assert_eq!(read_incident(&line), Ok(Some(incident.clone())));
        let part_of = Some("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f".to_owned());
        let part = Incident { part_of, kind: Kind::Outbreak, ..incident };
        let line = write_incident(&part);
        // What silences a worm is nothing to offer.
        assert!(line.contains(r#""relay_exempt":[]"#), "{line}");
        assert_eq!(read_incident(&line), Ok(Some(part)));
    }

    #[test]
    fn other_lines_are_none_and_what_cannot_be_read_is_named() {
        assert_eq!(read_incident(r#"{"schema":"wormsift/2","type":"stats"}"#), Ok(None));
        let line = write_incident(&incident());
        let wrong = line.replace("forwarding_service", "service");
        let Err(LineError::Field { name, value }) = read_incident(&wrong) else {
            panic!("{wrong}");
        };
        assert_eq!((name, &*value), ("kind", "service"));
        let other = line.replace("wormsift/2", "wormsift/9");
        assert!(matches!(read_incident(&other), Err(LineError::Schema(_))));
    }
}
