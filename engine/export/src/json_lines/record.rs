//! The shape of a line: a signature in texts, numbers and lists.

use super::LineError;
use super::evidence::EvidenceRecord;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::IpAddr;
use wormsift::packet::{AddressPlan, Host, Network, Timestamp};
use wormsift::signature::{
    Alarm, Confidence, FirstSighting, Precision, Relay, Signature, SignatureSample,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    id: String,
    alarm: String,
    confidence: String,
    protocol: String,
    port: Option<u16>,
    port_rule: String,
    /// Where it is part of another, in its summary alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    content_hex: String,
    length: usize,
    ascii: String,
    tokens_hex: Vec<String>,
    /// The oldest lines have one token.
    #[serde(default)]
    tokens_ordered: bool,
    packets: u64,
    sources: u32,
    /// Since version 0.3, as all that has a default from here on.
    #[serde(default = "about")]
    sources_precision: String,
    destinations: u32,
    #[serde(default = "about")]
    destinations_precision: String,
    source_list: Vec<String>,
    destination_list: Vec<String>,
    spread: u32,
    /// Follows from the relays.
    #[serde(default)]
    spread_precision: String,
    relays: Vec<RelayRecord>,
    first_seen: String,
    #[serde(default)]
    first_sighting: Option<FirstRecord>,
    last_seen: String,
    detected_at: String,
    evidence: EvidenceRecord,
    samples: Vec<SampleRecord>,
    /// All from here on since version 2 of the schema.
    #[serde(default = "v6_prefix")]
    v6_prefix: u8,
    #[serde(default)]
    home_net: Option<Vec<String>>,
    /// As all that is said of *inside*, it follows from `home_net` and is not read.
    #[serde(skip_deserializing)]
    sources_inside: Option<usize>,
    #[serde(skip_deserializing)]
    destinations_inside: Option<usize>,
}

/// What older lines were written under, unless told otherwise.
fn v6_prefix() -> u8 {
    AddressPlan::default().v6_prefix
}

#[derive(Serialize, Deserialize)]
struct RelayRecord {
    host: String,
    received_at: Option<String>,
    sent_at: String,
    fan_out: u32,
    #[serde(skip_deserializing)]
    inside: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct FirstRecord {
    packet: u64,
    time: String,
    source: String,
    destination: String,
    source_port: u16,
    destination_port: u16,
    certain: bool,
}

#[derive(Serialize, Deserialize)]
struct SampleRecord {
    packet: u64,
    time: String,
    source: String,
    destination: String,
    source_port: u16,
    destination_port: u16,
    offset: i64,
    /// As above.
    #[serde(default)]
    payload_length: Option<u32>,
    #[serde(skip_deserializing)]
    source_inside: Option<bool>,
    #[serde(skip_deserializing)]
    destination_inside: Option<bool>,
}

impl From<&Signature> for Record {
    fn from(signature: &Signature) -> Self {
        let hosts = |list: &[Host]| list.iter().map(Host::to_string).collect();
        let plan = &signature.addresses;
        let home = plan.home_net.networks().iter().map(Network::to_string);
        Self {
            id: signature.id.clone(),
            alarm: signature.alarm.name().to_owned(),
            confidence: signature.confidence.name().to_owned(),
            protocol: protocol_name(signature.protocol),
            port: signature.port,
            port_rule: signature.port_rule.clone(),
            part_of: signature.part_of.clone(),
            content_hex: hex(&signature.content),
            length: signature.content.len(),
            ascii: ascii(&signature.content),
            tokens_hex: signature.tokens.iter().map(|token| hex(token)).collect(),
            tokens_ordered: signature.tokens_ordered,
            packets: signature.packets,
            sources: signature.sources,
            sources_precision: signature.sources_precision.name().to_owned(),
            destinations: signature.destinations,
            destinations_precision: signature.destinations_precision.name().to_owned(),
            source_list: hosts(&signature.source_list),
            destination_list: hosts(&signature.destination_list),
            spread: signature.spread,
            spread_precision: signature.spread_count().precision.name().to_owned(),
            relays: signature.relays.iter().map(|it| RelayRecord::of(it, plan)).collect(),
            first_seen: signature.first_seen.to_string(),
            first_sighting: signature.first_sighting.as_ref().map(FirstRecord::from),
            last_seen: signature.last_seen.to_string(),
            detected_at: signature.detected_at.to_string(),
            evidence: (&signature.evidence).into(),
            samples: signature
                .samples
                .iter()
                .map(|it| SampleRecord::of(it, plan))
                .collect(),
            v6_prefix: plan.v6_prefix,
            home_net: (!plan.home_net.is_unset()).then(|| home.collect()),
            sources_inside: plan.count_inside(&signature.source_list),
            destinations_inside: plan.count_inside(&signature.destination_list),
        }
    }
}

impl TryFrom<Record> for Signature {
    type Error = LineError;

    /// `length` and `ascii` say nothing that the content does not.
    fn try_from(record: Record) -> Result<Self, LineError> {
        let tokens = record.tokens_hex.iter().map(|token| bytes(token, "tokens_hex"));
        Ok(Self {
            alarm: alarm(&record.alarm, "alarm")?,
            confidence: [Confidence::Low, Confidence::Medium, Confidence::High]
                .into_iter()
                .find(|grade| grade.name() == record.confidence)
                .ok_or_else(|| unreadable("confidence", &record.confidence))?,
            protocol: protocol_number(&record.protocol)
                .ok_or_else(|| unreadable("protocol", &record.protocol))?,
            content: bytes(&record.content_hex, "content_hex")?,
            tokens: tokens.collect::<Result<_, _>>()?,
            tokens_ordered: record.tokens_ordered,
            source_list: hosts(&record.source_list, "source_list")?,
            destination_list: hosts(&record.destination_list, "destination_list")?,
            relays: record
                .relays
                .into_iter()
                .map(Relay::try_from)
                .collect::<Result<_, _>>()?,
            first_seen: time(&record.first_seen, "first_seen")?,
            first_sighting: record
                .first_sighting
                .map(FirstSighting::try_from)
                .transpose()?,
            last_seen: time(&record.last_seen, "last_seen")?,
            detected_at: time(&record.detected_at, "detected_at")?,
            samples: record
                .samples
                .into_iter()
                .map(SignatureSample::try_from)
                .collect::<Result<_, _>>()?,
            evidence: record.evidence.try_into()?,
            addresses: AddressPlan {
                v6_prefix: Some(record.v6_prefix)
                    .filter(|bits| *bits <= 128)
                    .ok_or_else(|| {
                        unreadable("v6_prefix", &record.v6_prefix.to_string())
                    })?,
                home_net: record
                    .home_net
                    .unwrap_or_default()
                    .iter()
                    .map(|text| text.parse().map_err(|_| unreadable("home_net", text)))
                    .collect::<Result<Vec<Network>, _>>()?
                    .into(),
            },
            id: record.id,
            port: record.port,
            port_rule: record.port_rule,
            part_of: record.part_of,
            packets: record.packets,
            sources: record.sources,
            sources_precision: precision(&record.sources_precision, "sources_precision")?,
            destinations: record.destinations,
            destinations_precision: precision(
                &record.destinations_precision,
                "destinations_precision",
            )?,
            spread: record.spread,
        })
    }
}

impl RelayRecord {
    fn of(relay: &Relay, plan: &AddressPlan) -> Self {
        Self {
            host: relay.host.to_string(),
            received_at: relay.received_at.map(|time| time.to_string()),
            sent_at: relay.sent_at.to_string(),
            fan_out: relay.fan_out,
            inside: plan.inside(relay.host),
        }
    }
}

impl TryFrom<RelayRecord> for Relay {
    type Error = LineError;

    fn try_from(record: RelayRecord) -> Result<Self, LineError> {
        Ok(Self {
            host: host(&record.host, "host")?,
            received_at: match record.received_at {
                Some(text) => Some(time(&text, "received_at")?),
                None => None,
            },
            sent_at: time(&record.sent_at, "sent_at")?,
            fan_out: record.fan_out,
        })
    }
}

impl From<&FirstSighting> for FirstRecord {
    fn from(first: &FirstSighting) -> Self {
        Self {
            packet: first.packet,
            time: first.time.to_string(),
            source: first.source.to_string(),
            destination: first.destination.to_string(),
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
            time: time(&record.time, "time")?,
            source: host(&record.source, "source")?,
            destination: host(&record.destination, "destination")?,
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
            time: sample.time.to_string(),
            source: sample.source.to_string(),
            destination: sample.destination.to_string(),
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
            time: time(&record.time, "time")?,
            source: host(&record.source, "source")?,
            destination: host(&record.destination, "destination")?,
            source_port: record.source_port,
            destination_port: record.destination_port,
            offset: record.offset,
            payload_length: record.payload_length,
        })
    }
}

/// The protocols that have a name here, by IANA's numbers.
const PROTOCOLS: [(u8, &str); 13] = [
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmpv6"),
    (89, "ospf"),
    (132, "sctp"),
    (136, "udplite"),
];

fn protocol_name(number: u8) -> String {
    match PROTOCOLS.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

fn protocol_number(text: &str) -> Option<u8> {
    match PROTOCOLS.iter().find(|(_, name)| *name == text) {
        Some((number, _)) => Some(*number),
        None => text.parse().ok(),
    }
}

pub(super) fn alarm(text: &str, field: &'static str) -> Result<Alarm, LineError> {
    let found = Alarm::ALL.into_iter().find(|alarm| alarm.name() == text);
    found.ok_or_else(|| unreadable(field, text))
}

fn precision(text: &str, field: &'static str) -> Result<Precision, LineError> {
    let found = Precision::ALL.into_iter().find(|precision| precision.name() == text);
    found.ok_or_else(|| unreadable(field, text))
}

/// What numbers of hosts were before they said what they are.
fn about() -> String {
    Precision::About.name().to_owned()
}

fn host(text: &str, field: &'static str) -> Result<Host, LineError> {
    let address: IpAddr = text.parse().map_err(|_| unreadable(field, text))?;
    Ok(Host::of(address, 128))
}

fn hosts(list: &[String], field: &'static str) -> Result<Vec<Host>, LineError> {
    list.iter().map(|text| host(text, field)).collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes(text: &str, field: &'static str) -> Result<Vec<u8>, LineError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) if rest.is_empty() => Ok(bytes),
        _ => Err(unreadable(field, text)),
    }
}

fn ascii(bytes: &[u8]) -> String {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    bytes.iter().map(|b| if printable(b) { char::from(*b) } else { '.' }).collect()
}

fn time(text: &str, field: &'static str) -> Result<Timestamp, LineError> {
    read_time(text).ok_or_else(|| unreadable(field, text))
}

/// Reads `YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ`, as [`Timestamp`] prints it.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    let time = Timestamp::from_nanos(u64::try_from(time.as_nanosecond()).ok()?);
    // No other spelling of the same time.
    (time.to_string() == text).then_some(time)
}

/// An error that quotes no more of a value than fits a line of text.
fn unreadable(name: &'static str, value: &str) -> LineError {
    LineError::Field { name, value: value.chars().take(60).collect() }
}
