//! Record of a decoy that started a conversation, as a line holds it.

use super::texts::{Address, Hex, Protocol, Time};
use super::{LineError, line, record_of};
use serde::{Deserialize, Serialize};
use wormsift::signature::{DecoyReport, Suspect};

/// The type of the line.
pub(super) const DECOY: &str = "decoy";

/// A decoy started a conversation that nobody asked for.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "decoy"))]
pub(super) struct DecoyRecord {
    time: Time,
    decoy: Address,
    destination: Address,
    protocol: Protocol,
    /// That it sent to; null without ports.
    port: Option<u16>,
    /// Number of its first packet in input order, from 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    packet: u64,
    /// The first 256 bytes of what that packet carries; of TCP mostly nothing.
    payload_hex: Hex,
    /// Whether it is the first conversation that this decoy is known to have started.
    is_first: bool,
    /// The latest contents that it had received in conversations that it had not begun, the
    /// newest first.
    #[cfg_attr(feature = "schema", schemars(length(max = 8)))]
    suspects: Vec<SuspectRecord>,
}

/// A content that a decoy received.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "suspect")
)]
struct SuspectRecord {
    /// The last that sent it.
    sender: Address,
    protocol: Protocol,
    /// Of the decoy; null without ports.
    port: Option<u16>,
    time: Time,
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    packet: u64,
    /// The first 256 bytes of the packet's payload.
    payload_hex: Hex,
}

/// One report as one line, without the line feed.
pub fn write_decoy(report: &DecoyReport) -> String {
    // Plain strings, numbers and lists: there is nothing that could fail.
    line(DECOY, &DecoyRecord::from(report)).unwrap_or_default()
}

/// Reads one line of a decoy; `None` for a line of another type.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read_decoy(line: &str) -> Result<Option<DecoyReport>, LineError> {
    record_of::<DecoyRecord>(line, DECOY)?.map(DecoyReport::try_from).transpose()
}

impl From<&DecoyReport> for DecoyRecord {
    fn from(it: &DecoyReport) -> Self {
        Self {
            time: it.time.into(),
            decoy: it.decoy.into(),
            destination: it.destination.into(),
            protocol: it.protocol.into(),
            port: it.port,
            packet: it.packet,
            payload_hex: it.payload[..].into(),
            is_first: it.is_first,
            suspects: it.suspects.iter().map(SuspectRecord::from).collect(),
        }
    }
}

impl From<&Suspect> for SuspectRecord {
    fn from(it: &Suspect) -> Self {
        Self {
            sender: it.sender.into(),
            protocol: it.protocol.into(),
            port: it.port,
            time: it.time.into(),
            packet: it.packet,
            payload_hex: it.content[..].into(),
        }
    }
}

impl TryFrom<DecoyRecord> for DecoyReport {
    type Error = LineError;

    fn try_from(record: DecoyRecord) -> Result<Self, LineError> {
        let suspects = record.suspects.into_iter().map(Suspect::try_from);
        Ok(Self {
            decoy: record.decoy.read("decoy")?,
            destination: record.destination.read("destination")?,
            protocol: record.protocol.read("protocol")?,
            port: record.port,
            time: record.time.read("time")?,
            packet: record.packet,
            payload: record.payload_hex.read("payload_hex")?,
            is_first: record.is_first,
            suspects: suspects.collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<SuspectRecord> for Suspect {
    type Error = LineError;

    fn try_from(record: SuspectRecord) -> Result<Self, LineError> {
        Ok(Self {
            content: record.payload_hex.read("payload_hex")?,
            sender: record.sender.read("sender")?,
            protocol: record.protocol.read("protocol")?,
            port: record.port,
            time: record.time.read("time")?,
            packet: record.packet,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::packet::{Host, Timestamp};

    fn report() -> DecoyReport {
        let host = |text: &str| Host::of(text.parse().unwrap(), 128);
        DecoyReport {
            decoy: host("192.0.2.7"),
            destination: host("198.51.100.1"),
            protocol: 6,
            port: Some(445),
            time: Timestamp::from_nanos(2_000_000_000),
            packet: 41,
            payload: Vec::new(),
            is_first: true,
            suspects: vec![Suspect {
                content: b"\x00worm".to_vec(),
                sender: host("203.0.113.9"),
                protocol: 1,
                port: None,
                time: Timestamp::from_nanos(1_000_000_000),
                packet: 7,
            }],
        }
    }

    #[test]
    fn a_line_is_written_exactly_so_and_read_back() {
        let line = write_decoy(&report());
        let expected = concat!(
            r#"{"schema":"wormsift/2","type":"decoy","time":"1970-01-01T00:00:02.000000000Z","#,
            r#""decoy":"192.0.2.7","destination":"198.51.100.1","protocol":"tcp","port":445,"#,
            r#""packet":41,"payload_hex":"","is_first":true,"suspects":[{"#,
            r#""sender":"203.0.113.9","protocol":"icmp","port":null,"#,
            r#""time":"1970-01-01T00:00:01.000000000Z","packet":7,"#,
            r#""payload_hex":"00776f726d"}]}"#,
        );
        assert_eq!(line, expected);
        assert_eq!(read_decoy(&line), Ok(Some(report())));
        assert_eq!(super::super::read(&line), Ok(None));
    }

    #[test]
    fn other_lines_are_none_and_what_cannot_be_read_is_named() {
        assert_eq!(read_decoy(r#"{"schema":"wormsift/2","type":"stats"}"#), Ok(None));
        let line = write_decoy(&report());
        let wrong = line.replace("203.0.113.9", "203.0.113");
        let error = read_decoy(&wrong).unwrap_err();
        assert!(matches!(error, LineError::Field { name: "sender", .. }), "{error}");
        let other = line.replace("wormsift/2", "wormsift/9");
        assert!(matches!(read_decoy(&other), Err(LineError::Schema(_))));
    }
}
