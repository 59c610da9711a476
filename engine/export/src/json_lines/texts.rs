//! Texts with a form: identifiers, addresses, times, bytes, names.
//!
//! Each form is a type of its own, from which the JSON Schema is derived. A text is checked
//! when its value is read, not before.

use super::LineError;
use crate::text::{bytes_of, hex, is_id, time_of};
use serde::{Deserialize, Serialize};
use wormsift::packet::{Host, Timestamp};
use wormsift::signature::{Alarm, Confidence, HostRangeMethod, Kind, Precision};

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident as $called:tt { $($keyword:tt)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(rename = $called, extend($($keyword)+)))]
        pub struct $name(pub String);
    )+};
}

texts! {
    /// What the content is called; the same from run to run.
    Id as "id" { "pattern" = "^[0-9a-f]{32}$" }
    /// Bytes, two lower-case hexadecimal digits each.
    Hex as "hex" { "pattern" = "^([0-9a-f]{2})*$" }
    /// RFC 3339, UTC, nine digits after the point: packet time.
    Time as "time" { "pattern" = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$" }
    /// A host: an IPv4 address, or an IPv6 one (of its network, as v6_prefix says); where sites are
    /// told apart, one that is not unique has its site after `%`.
    Address as "address" { "pattern" = "^[0-9a-f:.]+(%[-._0-9a-z]{1,10})?$" }
    /// Lower-case name, or the IP protocol number as text.
    Protocol as "protocol" { "pattern" = "^[a-z0-9]+$" }
    /// What raised an alarm.
    AlarmName as "alarm" { "enum" = Alarm::ALL.map(Alarm::name) }
    /// How much to trust it.
    GradeName as "confidence" { "enum" = GRADES.map(Confidence::name) }
    /// What a content is likely to be, together with those that belong to it.
    KindName as "kind" { "enum" = Kind::ALL.map(Kind::name) }
    /// What the number is: exact; about, an estimate; at_least, so many and others.
    PrecisionName as "precision" { "enum" = Precision::ALL.map(Precision::name) }
    /// What a range of hosts rests on: window, the addresses active within ten minutes, and
    /// all addresses; cardcount, durations for which hosts keep an address.
    HostsMethodName as "hosts_method" {
        "enum" = HostRangeMethod::ALL.map(HostRangeMethod::name)
    }
}

/// Every grade, from the lowest on.
const GRADES: [Confidence; 3] = [Confidence::Low, Confidence::Medium, Confidence::High];

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

/// An error that quotes no more of a value than fits a line of text.
pub(super) fn unreadable(name: &'static str, value: &str) -> LineError {
    LineError::Field { name, value: value.chars().take(60).collect() }
}

impl From<Host> for Address {
    fn from(host: Host) -> Self {
        Self(host.to_string())
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time.to_string())
    }
}

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Self {
        Self(hex(bytes, ""))
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        let named = PROTOCOLS.iter().find(|(known, _)| *known == number);
        Self(named.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned()))
    }
}

impl From<Alarm> for AlarmName {
    fn from(alarm: Alarm) -> Self {
        Self(alarm.name().to_owned())
    }
}

impl From<Confidence> for GradeName {
    fn from(grade: Confidence) -> Self {
        Self(grade.name().to_owned())
    }
}

impl GradeName {
    pub(super) fn read(&self, field: &'static str) -> Result<Confidence, LineError> {
        let found = GRADES.into_iter().find(|grade| grade.name() == self.0);
        found.ok_or_else(|| unreadable(field, &self.0))
    }
}

impl From<Kind> for KindName {
    fn from(kind: Kind) -> Self {
        Self(kind.name().to_owned())
    }
}

/// What is not known of lines of earlier writers.
impl Default for KindName {
    fn default() -> Self {
        Kind::default().into()
    }
}

impl KindName {
    pub(super) fn read(&self, field: &'static str) -> Result<Kind, LineError> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == self.0);
        found.ok_or_else(|| unreadable(field, &self.0))
    }
}

impl From<Precision> for PrecisionName {
    fn from(precision: Precision) -> Self {
        Self(precision.name().to_owned())
    }
}

impl Id {
    pub(super) fn read(self, field: &'static str) -> Result<String, LineError> {
        match is_id(&self.0) {
            true => Ok(self.0),
            false => Err(unreadable(field, &self.0)),
        }
    }
}

impl Address {
    pub(super) fn read(&self, field: &'static str) -> Result<Host, LineError> {
        self.0.parse().map_err(|_| unreadable(field, &self.0))
    }
}

impl Time {
    pub(super) fn read(&self, field: &'static str) -> Result<Timestamp, LineError> {
        read_time(&self.0).ok_or_else(|| unreadable(field, &self.0))
    }
}

impl Hex {
    pub(super) fn read(&self, field: &'static str) -> Result<Vec<u8>, LineError> {
        bytes_of(&self.0).ok_or_else(|| unreadable(field, &self.0))
    }
}

impl Protocol {
    pub(super) fn read(&self, field: &'static str) -> Result<u8, LineError> {
        let named = PROTOCOLS.iter().find(|(_, name)| *name == self.0);
        let number =
            named.map_or_else(|| self.0.parse().ok(), |(number, _)| Some(*number));
        number.ok_or_else(|| unreadable(field, &self.0))
    }
}

impl AlarmName {
    pub(super) fn read(&self, field: &'static str) -> Result<Alarm, LineError> {
        let found = Alarm::ALL.into_iter().find(|alarm| alarm.name() == self.0);
        found.ok_or_else(|| unreadable(field, &self.0))
    }
}

impl PrecisionName {
    pub(super) fn read(&self, field: &'static str) -> Result<Precision, LineError> {
        let found = Precision::ALL.into_iter().find(|it| it.name() == self.0);
        found.ok_or_else(|| unreadable(field, &self.0))
    }
}

impl From<HostRangeMethod> for HostsMethodName {
    fn from(method: HostRangeMethod) -> Self {
        Self(method.name().to_owned())
    }
}

impl HostsMethodName {
    pub(super) fn read(&self, field: &'static str) -> Result<HostRangeMethod, LineError> {
        let found = HostRangeMethod::ALL.into_iter().find(|it| it.name() == self.0);
        found.ok_or_else(|| unreadable(field, &self.0))
    }
}

/// Reads `YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ`, as [`Timestamp`] prints it.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    let time = time_of(text)?;
    // No other spelling of the same time.
    (time.to_string() == text).then_some(time)
}
