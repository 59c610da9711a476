//! Record of a signature, as a line holds it.

use super::LineError;
use super::evidence::EvidenceRecord;
use super::muted::MutedRecord;
use super::population::PopulationRecord;
use super::texts::{
    Address, AlarmName, GradeName, Hex, Id, KindName, PrecisionName, Protocol, Time,
    unreadable,
};
use crate::text::printable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wormsift::config::Tap;
use wormsift::packet::{AddressPlan, Host, Network};
use wormsift::signature::{
    Evidence, FirstSighting, PassingOn, Population, PortCounts, Precision, Relay, Roles,
    Signature, SignatureSample,
};

/// A content that spreads, in lines of type signature, update and summary.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "signature")
)]
pub(super) struct Record {
    id: Id,
    /// Whichever fired first.
    alarm: AlarmName,
    confidence: GradeName,
    // Missing in lines of earlier writers.
    #[serde(default)]
    kind: KindName,
    /// The id of the incident that it belongs to; null in lines of earlier writers.
    #[serde(default)]
    incident: Option<Id>,
    protocol: Protocol,
    /// The port of the port rule; for ICMP type x 256 + code; null without one.
    port: Option<u16>,
    #[cfg_attr(feature = "schema", schemars(extend("enum" = super::schema::port_rules())))]
    port_rule: String,
    /// In the summary of a signature that was found to be a part of an older one: that
    /// one's id. The other carries on both, and this one is no content of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Id"))]
    part_of: Option<Id>,
    /// That it is known and muted; missing where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "MutedRecord"))]
    pub(super) muted: Option<MutedRecord>,
    content_hex: Hex,
    /// Bytes of the content.
    length: usize,
    /// The content with a point for what cannot be printed.
    ascii: String,
    /// Strings that must all occur, the content among them.
    tokens_hex: Vec<Hex>,
    /// Whether they followed each other in this order in every sample.
    // Missing in the oldest lines, which have one token.
    #[serde(default)]
    tokens_ordered: bool,
    /// Packets in which it was counted.
    packets: u64,
    /// Source hosts since first_seen; an estimate has a standard error of 2.3 %. Where a content
    /// grew beyond what all of them sent, those that sent a part of it count as well.
    sources: u32,
    // All that has a default from here on is missing in lines of earlier writers.
    #[serde(default = "about")]
    sources_precision: PrecisionName,
    /// Destination hosts, likewise.
    destinations: u32,
    #[serde(default = "about")]
    destinations_precision: PrecisionName,
    /// Exact addresses, in numeric order.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    source_list: Vec<Address>,
    /// Exact addresses, in numeric order.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    destination_list: Vec<Address>,
    /// Sum of the relays' fan-outs, each exact to 16, then with a standard error up to
    /// 4.6 %.
    spread: u32,
    // It follows from the relays and is not read.
    #[serde(default = "about")]
    spread_precision: PrecisionName,
    /// Hosts that received the content before they sent it.
    relays: Vec<RelayRecord>,
    first_seen: Time,
    #[serde(default)]
    first_sighting: Option<FirstRecord>,
    last_seen: Time,
    detected_at: Time,
    evidence: EvidenceRecord,
    /// Packets in which it was seen.
    samples: Vec<SampleRecord>,
    // All from here on since version 2 of the schema.
    /// Bits of an IPv6 address that make a host.
    #[serde(default = "v6_prefix")]
    #[cfg_attr(feature = "schema", schemars(range(max = 128)))]
    v6_prefix: u8,
    /// The networks that are ours, as `10.0.0.0/8`; null where that is not set.
    #[serde(default)]
    home_net: Option<Vec<String>>,
    // As all that is said of *inside*, it follows from `home_net` and is not read.
    /// How many of the listed are in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    sources_inside: Option<usize>,
    /// How many of the listed are in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    destinations_inside: Option<usize>,
    /// Packets by the role of their sender in its conversation.
    #[serde(default)]
    roles: RolesRecord,
    /// Packets by the port of the service, for the first ports that were seen.
    #[serde(default)]
    ports: Vec<PortRecord>,
    /// Packets at other ports.
    #[serde(default)]
    ports_unlisted: u32,
    /// Packets by the tap that saw them, where taps have names; one that two saw is one of both.
    #[serde(default)]
    taps: Vec<TapRecord>,
    /// Taps of a fleet that were blind between first_seen and last_seen; missing where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blind: Vec<BlindRecord>,
    /// Taps of a fleet that saw it and send no payload, so that all bytes are of other taps;
    /// missing where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    payload_withheld: Vec<String>,
    /// Addresses that sent it; null where there was no memory to count them.
    #[serde(default)]
    population: Option<PopulationRecord>,
}

/// Packets by the role of their sender.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "roles"))]
struct RolesRecord {
    /// Sent by who began the conversation.
    initiator: u32,
    /// Sent by the other end.
    responder: u32,
    /// Sent in a conversation whose beginning was not seen, or that has none.
    role_unknown: u32,
}

/// Packets at a port.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "port"))]
struct PortRecord {
    /// Of who did not begin the conversation; for ICMP type x 256 + code.
    service_port: u16,
    packets: u32,
}

/// Packets at a tap.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "seen_by")
)]
struct TapRecord {
    tap: String,
    packets: u32,
}

/// The networks that are ours, if that is set.
pub(super) fn networks(plan: &AddressPlan) -> Option<Vec<String>> {
    let networks = plan.home_net.networks().iter().map(Network::to_string);
    (!plan.home_net.is_unset()).then(|| networks.collect())
}

/// What a line says of hosts.
pub(super) fn address_plan(
    v6_prefix: u8,
    home_net: Option<Vec<String>>,
) -> Result<AddressPlan, LineError> {
    if v6_prefix > 128 {
        return Err(unreadable("v6_prefix", &v6_prefix.to_string()));
    }
    let networks = home_net.unwrap_or_default();
    let networks = networks
        .iter()
        .map(|text| text.parse().map_err(|_| unreadable("home_net", text)));
    let home_net = networks.collect::<Result<Vec<Network>, _>>()?.into();
    Ok(AddressPlan { v6_prefix, home_net })
}

/// What older lines were written under.
fn v6_prefix() -> u8 {
    AddressPlan::default().v6_prefix
}

/// What numbers of hosts were before they said what they are.
fn about() -> PrecisionName {
    Precision::About.into()
}

/// A host that received the content before it sent it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "relay"))]
struct RelayRecord {
    host: Address,
    received_at: Option<Time>,
    sent_at: Time,
    /// Hosts that it was the first to send it to.
    fan_out: u32,
    /// Of these, up to 255, those that it began to talk to after it had received it; and
    /// those that it had talked to before. The rest is not known.
    #[serde(default)]
    new_targets: u8,
    #[serde(default)]
    known_targets: u8,
    /// Who first sent it the content; null where that is not known or is none of the hosts
    /// that are listed.
    #[serde(default)]
    received_from: Option<Address>,
    /// Whether it had begun conversations at this port before it received the content; null
    /// where that is not known.
    #[serde(default)]
    began_before: Option<bool>,
    /// Conversations that it began at the port lately; 0 where that is not known.
    #[serde(default)]
    conversations_begun: u16,
    /// Of them, those that were not answered by then, or refused.
    #[serde(default)]
    conversations_unanswered: u16,
    /// Whether it is shown that its address was not forged; false where it got no answers.
    #[serde(default)]
    proven: Option<bool>,
    /// Whether it is a decoy, and passed the content on in conversations that it started.
    #[serde(default)]
    is_decoy: bool,
    /// Whether the host is in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    inside: Option<bool>,
}

/// The first packet known to hold the content.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "first_sighting")
)]
struct FirstRecord {
    packet: u64,
    time: Time,
    source: Address,
    destination: Address,
    source_port: u16,
    destination_port: u16,
    /// Whether no earlier one can have been forgotten.
    certain: bool,
}

/// Where the content stands in one packet.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "sample"))]
struct SampleRecord {
    /// Number in input order, from 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    packet: u64,
    time: Time,
    source: Address,
    destination: Address,
    source_port: u16,
    destination_port: u16,
    /// Of the content in the payload; negative where it began in the segment before.
    offset: i64,
    /// Bytes; null where not known.
    // Missing in lines of earlier writers.
    #[serde(default)]
    payload_length: Option<u32>,
    /// Whether the host is in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    source_inside: Option<bool>,
    /// Whether the host is in `home_net`; null where that is not set.
    #[serde(skip_deserializing)]
    destination_inside: Option<bool>,
}

impl From<&Signature> for Record {
    fn from(signature: &Signature) -> Self {
        let hosts = |list: &[Host]| list.iter().map(|host| (*host).into()).collect();
        let plan = &signature.addresses;
        Self {
            id: Id(signature.id.clone()),
            alarm: signature.alarm.into(),
            confidence: signature.confidence.into(),
            kind: signature.kind.into(),
            incident: signature.incident.clone().map(Id),
            protocol: signature.protocol.into(),
            port: signature.port,
            port_rule: signature.port_rule.clone(),
            part_of: signature.part_of.clone().map(Id),
            muted: None,
            content_hex: signature.content[..].into(),
            length: signature.content.len(),
            ascii: printable(&signature.content),
            tokens_hex: signature.tokens.iter().map(|token| token[..].into()).collect(),
            tokens_ordered: signature.tokens_ordered,
            packets: signature.packets,
            sources: signature.sources,
            sources_precision: signature.sources_precision.into(),
            destinations: signature.destinations,
            destinations_precision: signature.destinations_precision.into(),
            source_list: hosts(&signature.source_list),
            destination_list: hosts(&signature.destination_list),
            spread: signature.spread,
            spread_precision: signature.spread_count().precision.into(),
            relays: signature.relays.iter().map(|it| RelayRecord::of(it, plan)).collect(),
            first_seen: signature.first_seen.into(),
            first_sighting: signature.first_sighting.as_ref().map(FirstRecord::from),
            last_seen: signature.last_seen.into(),
            detected_at: signature.detected_at.into(),
            evidence: (&signature.evidence).into(),
            samples: signature
                .samples
                .iter()
                .map(|it| SampleRecord::of(it, plan))
                .collect(),
            v6_prefix: plan.v6_prefix,
            home_net: networks(plan),
            sources_inside: plan.count_inside(&signature.source_list),
            destinations_inside: plan.count_inside(&signature.destination_list),
            roles: signature.roles.into(),
            ports: signature
                .ports
                .list()
                .map(|(service_port, packets)| PortRecord { service_port, packets })
                .collect(),
            ports_unlisted: signature.ports.others(),
            taps: signature
                .taps
                .iter()
                .map(|(tap, packets)| TapRecord { tap: tap.clone(), packets: *packets })
                .collect(),
            blind: blind(&signature.blind),
            payload_withheld: signature.withheld.iter().cloned().collect(),
            population: signature.population.map(PopulationRecord::from),
        }
    }
}

impl TryFrom<Record> for Signature {
    type Error = LineError;

    /// `length` and `ascii` say nothing that the content does not.
    fn try_from(record: Record) -> Result<Self, LineError> {
        let ports: Vec<_> =
            record.ports.iter().map(|it| (it.service_port, it.packets)).collect();
        let tokens = record.tokens_hex.iter().map(|token| token.read("tokens_hex"));
        let relays: Vec<_> =
            record.relays.into_iter().map(Relay::try_from).collect::<Result<_, _>>()?;
        let evidence = Evidence {
            passing_on: PassingOn::of(&relays),
            ..record.evidence.try_into()?
        };
        Ok(Self {
            alarm: record.alarm.read("alarm")?,
            confidence: record.confidence.read("confidence")?,
            kind: record.kind.read("kind")?,
            incident: record.incident.map(|id| id.read("incident")).transpose()?,
            protocol: record.protocol.read("protocol")?,
            content: record.content_hex.read("content_hex")?,
            tokens: tokens.collect::<Result<_, _>>()?,
            tokens_ordered: record.tokens_ordered,
            source_list: hosts(&record.source_list, "source_list")?,
            destination_list: hosts(&record.destination_list, "destination_list")?,
            relays,
            first_seen: record.first_seen.read("first_seen")?,
            first_sighting: record
                .first_sighting
                .map(FirstSighting::try_from)
                .transpose()?,
            last_seen: record.last_seen.read("last_seen")?,
            detected_at: record.detected_at.read("detected_at")?,
            samples: record
                .samples
                .into_iter()
                .map(SignatureSample::try_from)
                .collect::<Result<_, _>>()?,
            evidence,
            addresses: address_plan(record.v6_prefix, record.home_net)?,
            id: record.id.read("id")?,
            port: record.port,
            port_rule: record.port_rule,
            part_of: record.part_of.map(|id| id.read("part_of")).transpose()?,
            packets: record.packets,
            sources: record.sources,
            sources_precision: record.sources_precision.read("sources_precision")?,
            destinations: record.destinations,
            destinations_precision: record
                .destinations_precision
                .read("destinations_precision")?,
            spread: record.spread,
            roles: record.roles.into(),
            ports: PortCounts::of(&ports, record.ports_unlisted),
            taps: read_taps(record.taps)?,
            blind: read_blind(record.blind)?,
            withheld: read_withheld(record.payload_withheld)?,
            population: record.population.map(Population::try_from).transpose()?,
        })
    }
}

impl RelayRecord {
    fn of(relay: &Relay, plan: &AddressPlan) -> Self {
        Self {
            host: relay.host.into(),
            received_at: relay.received_at.map(Time::from),
            sent_at: relay.sent_at.into(),
            fan_out: relay.fan_out,
            new_targets: relay.new_targets,
            known_targets: relay.known_targets,
            received_from: relay.received_from.map(Address::from),
            began_before: relay.began_before,
            conversations_begun: relay.begun,
            conversations_unanswered: relay.unanswered,
            proven: relay.proven,
            is_decoy: relay.is_decoy,
            inside: plan.inside(relay.host),
        }
    }
}

impl TryFrom<RelayRecord> for Relay {
    type Error = LineError;

    fn try_from(record: RelayRecord) -> Result<Self, LineError> {
        Ok(Self {
            host: record.host.read("host")?,
            received_at: record
                .received_at
                .map(|time| time.read("received_at"))
                .transpose()?,
            sent_at: record.sent_at.read("sent_at")?,
            fan_out: record.fan_out,
            new_targets: record.new_targets,
            known_targets: record.known_targets,
            received_from: record
                .received_from
                .map(|host| host.read("received_from"))
                .transpose()?,
            began_before: record.began_before,
            begun: record.conversations_begun,
            unanswered: record.conversations_unanswered,
            proven: record.proven,
            is_decoy: record.is_decoy,
        })
    }
}

impl From<Roles> for RolesRecord {
    fn from(Roles { initiator, responder, unknown }: Roles) -> Self {
        Self { initiator, responder, role_unknown: unknown }
    }
}

impl From<RolesRecord> for Roles {
    fn from(record: RolesRecord) -> Self {
        let RolesRecord { initiator, responder, role_unknown: unknown } = record;
        Self { initiator, responder, unknown }
    }
}

impl From<&FirstSighting> for FirstRecord {
    fn from(first: &FirstSighting) -> Self {
        Self {
            packet: first.packet,
            time: first.time.into(),
            source: first.source.into(),
            destination: first.destination.into(),
            source_port: first.source_port,
            destination_port: first.destination_port,
            certain: first.certain,
        }
    }
}

impl TryFrom<FirstRecord> for FirstSighting {
    type Error = LineError;

    fn try_from(record: FirstRecord) -> Result<Self, LineError> {
        Ok(Self {
            packet: record.packet,
            time: record.time.read("time")?,
            source: record.source.read("source")?,
            destination: record.destination.read("destination")?,
            source_port: record.source_port,
            destination_port: record.destination_port,
            certain: record.certain,
        })
    }
}

impl SampleRecord {
    fn of(sample: &SignatureSample, plan: &AddressPlan) -> Self {
        Self {
            packet: sample.packet,
            time: sample.time.into(),
            source: sample.source.into(),
            destination: sample.destination.into(),
            source_port: sample.source_port,
            destination_port: sample.destination_port,
            offset: sample.offset,
            payload_length: sample.payload_length,
            source_inside: plan.inside(sample.source),
            destination_inside: plan.inside(sample.destination),
        }
    }
}

impl TryFrom<SampleRecord> for SignatureSample {
    type Error = LineError;

    fn try_from(record: SampleRecord) -> Result<Self, LineError> {
        Ok(Self {
            packet: record.packet,
            time: record.time.read("time")?,
            source: record.source.read("source")?,
            destination: record.destination.read("destination")?,
            source_port: record.source_port,
            destination_port: record.destination_port,
            offset: record.offset,
            payload_length: record.payload_length,
        })
    }
}

/// A tap that was blind.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "blind"))]
pub(super) struct BlindRecord {
    tap: String,
    /// Seconds of packet time in which it did not see all that passed, or had not sent it when
    /// the merger went on.
    seconds: u64,
}

pub(super) fn blind(taps: &BTreeMap<String, u64>) -> Vec<BlindRecord> {
    let of = |(tap, seconds): (&String, &u64)| BlindRecord {
        tap: tap.clone(),
        seconds: *seconds,
    };
    taps.iter().map(of).collect()
}

pub(super) fn read_blind(
    taps: Vec<BlindRecord>,
) -> Result<BTreeMap<String, u64>, LineError> {
    match taps.iter().find(|it| Tap::new(&it.tap, None).is_err()) {
        Some(wrong) => Err(unreadable("blind", &wrong.tap)),
        None => Ok(taps.into_iter().map(|it| (it.tap, it.seconds)).collect()),
    }
}

fn read_withheld(taps: Vec<String>) -> Result<BTreeSet<String>, LineError> {
    match taps.iter().find(|it| Tap::new(it, None).is_err()) {
        Some(wrong) => Err(unreadable("payload_withheld", wrong)),
        None => Ok(taps.into_iter().collect()),
    }
}

fn read_taps(taps: Vec<TapRecord>) -> Result<BTreeMap<String, u32>, LineError> {
    match taps.iter().find(|it| Tap::new(&it.tap, None).is_err()) {
        Some(wrong) => Err(unreadable("taps", &wrong.tap)),
        None => Ok(taps.into_iter().map(|it| (it.tap, it.packets)).collect()),
    }
}

fn hosts(list: &[Address], field: &'static str) -> Result<Vec<Host>, LineError> {
    list.iter().map(|address| address.read(field)).collect()
}
