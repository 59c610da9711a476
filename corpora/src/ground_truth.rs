//! The truth about a capture: contents, carriers and infections.
//!
//! A [`GroundTruth`] is written beside every generated capture, as JSON. Packet numbers
//! count from 1, as in Wireshark and in the engine.

mod churn;
mod dark;
mod decoys;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::profile::{IncidentGrade, IncidentKind};

pub use churn::ChurnTruth;
pub use dark::{Answer, DarkClasses, DarkTruth, ScanTool, ScannerTruth, VictimTruth};
pub use decoys::{DecoysTruth, InitiationTruth};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "wormsift-truth/1";

/// Everything that is known of a generated capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// The version of this form.
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// What it was drawn from.
    pub seed: u64,
    /// The settings that made it, by name.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// How many packets the capture has.
    pub packets: u64,
    /// Time of the first packet, RFC 3339.
    pub first_packet: String,
    /// The same in nanoseconds since the epoch.
    pub first_packet_ns: u64,
    /// Time of the last packet, RFC 3339.
    pub last_packet: String,
    /// The same in nanoseconds since the epoch.
    pub last_packet_ns: u64,
    /// Hosts that could be infected, on both sides of the tap.
    #[serde(default)]
    pub vulnerable_hosts: u64,
    /// What was planted; empty where there is nothing to find.
    pub contents: Vec<ContentTruth>,
    /// Hosts infected until the last packet, in order of time.
    pub infections: Vec<InfectionTruth>,
    /// What a detector should make of what repeats, where the scenario says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<IncidentTruth>,
    /// What came to a dark network, where the scenario has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark: Option<DarkTruth>,
    /// Planted hosts, where the scenario has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoys: Option<DecoysTruth>,
    /// Hosts that change their addresses, where the scenario has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<ChurnTruth>,
}

/// One planted content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentTruth {
    /// What it is called in its scenario.
    pub name: String,
    /// Its bytes in hexadecimal; mutable ones, different in every copy, as 00.
    pub content_hex: String,
    /// Its length in bytes.
    pub length: usize,
    /// Where the bytes are that every copy shares.
    pub invariant: Vec<Span>,
    /// What carries it.
    pub protocol: Protocol,
    /// The port that it is sent to; `None` where that varies.
    pub destination_port: Option<u16>,
    /// Packets that hold at least one byte of it.
    pub carriers: Carriers,
}

/// Bytes from `start` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// ICMP or ICMPv6.
    Icmp,
}

/// The packets that carry a content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carriers {
    /// How many.
    pub count: u64,
    /// Time of the first one, in nanoseconds since the epoch.
    pub first_ns: Option<u64>,
    /// Runs of packet numbers, [first, last]; empty when they were not asked
    /// for (see `GenerateOptions::list_carriers`).
    pub runs: Vec<[u64; 2]>,
    /// [seconds since `first_ns`, packets in that second], where there are any.
    pub per_second: Vec<[u64; 2]>,
}

/// A host that was infected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfectionTruth {
    /// The host.
    pub host: IpAddr,
    /// When, RFC 3339.
    pub time: String,
    /// The same in nanoseconds since the epoch.
    pub time_ns: u64,
    /// By whom; `None` for those infected at the start.
    pub by: Option<IpAddr>,
    /// The packet that completed it; `None` when the tap did not see it.
    pub packet: Option<u64>,
}

/// Something that repeats, and what a detector should make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentTruth {
    /// What happens, by a name that the scenario gives it.
    pub subject: String,
    /// What it is.
    pub kind: IncidentKind,
    /// How sure one may be that it spreads.
    pub grade: IncidentGrade,
    /// What in the packets says so.
    pub reason: String,
    /// Hosts that send what repeats on behalf of others: forwarders, peers, or whoever
    /// was infected.
    pub hosts: Vec<IpAddr>,
    /// The port that it is sent to, or answered from.
    pub port: u16,
    /// Before this moment its parties talk of other things, in nanoseconds since the
    /// epoch.
    pub begins_ns: u64,
}

impl GroundTruth {
    /// The JSON form, indented but for lists of numbers, with a line feed at its
    /// end.
    ///
    /// # Errors
    /// None in practice: every field has a JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = join_number_lists(&serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Text that is no ground truth.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// How many hosts were infected at `time_ns`.
    pub(crate) fn infected_at(&self, time_ns: u64) -> usize {
        self.infections.iter().filter(|host| host.time_ns <= time_ns).count()
    }
}

impl ContentTruth {
    /// The bytes behind `content_hex`.
    pub fn content(&self) -> Vec<u8> {
        let digits: Vec<u8> = self
            .content_hex
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// The invariant pieces in order.
    pub fn invariant_pieces(&self) -> Vec<Vec<u8>> {
        let content = self.content();
        let piece = |span: &Span| content.get(span.start..span.end).map(<[u8]>::to_vec);
        self.invariant.iter().filter_map(piece).collect()
    }
}

impl Carriers {
    /// Adds one packet; numbers and times never decrease.
    pub(crate) fn add(&mut self, number: u64, time_ns: u64, list: bool) {
        let first_ns = *self.first_ns.get_or_insert(time_ns);
        self.count += 1;
        let second = time_ns.saturating_sub(first_ns) / 1_000_000_000;
        match self.per_second.last_mut() {
            Some([last, count]) if *last == second => *count += 1,
            _ => self.per_second.push([second, 1]),
        }
        if list {
            match self.runs.last_mut() {
                Some([_, last]) if *last + 1 == number => *last = number,
                _ => self.runs.push([number, number]),
            }
        }
    }

    /// How many packets had carried the content at `time_ns`, to the second.
    pub(crate) fn until(&self, time_ns: u64) -> u64 {
        let Some(first_ns) = self.first_ns else { return 0 };
        let limit = time_ns.saturating_sub(first_ns) / 1_000_000_000;
        let before =
            |[second, count]: &[u64; 2]| if *second < limit { *count } else { 0 };
        self.per_second.iter().map(before).sum()
    }

    /// Whether this packet is in `runs`.
    pub fn contains(&self, number: u64) -> bool {
        let run = self.runs.partition_point(|[_, last]| *last < number);
        self.runs.get(run).is_some_and(|[first, _]| *first <= number)
    }
}

/// `day.pcapng.zst` has its truth in `day.truth.json`.
pub fn truth_beside(capture: &Path) -> PathBuf {
    with_stem(capture, |stem, _| format!("{stem}.truth.json"))
}

/// The path of a capture with another name, made of what stands before its format and of its
/// format.
pub(crate) fn with_stem(capture: &Path, name: impl Fn(&str, &str) -> String) -> PathBuf {
    let all = capture.file_name().unwrap_or_default().to_string_lossy();
    let stem = all.strip_suffix(".zst").unwrap_or(&all);
    let stem =
        stem.strip_suffix(".pcapng").or(stem.strip_suffix(".pcap")).unwrap_or(stem);
    capture.with_file_name(name(stem, &all[stem.len()..]))
}

/// Puts lists of nothing but numbers on one line: there are thousands of runs.
fn join_number_lists(pretty: &str) -> String {
    let mut joined = String::with_capacity(pretty.len());
    let (mut in_text, mut escaped, mut skip_until) = (false, false, 0);
    for (at, character) in pretty.char_indices() {
        if at < skip_until {
            if !character.is_whitespace() {
                joined.push(character);
            }
            continue;
        }
        joined.push(character);
        if in_text {
            in_text = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
        } else if character == '"' {
            (in_text, escaped) = (true, false);
        } else if character == '[' {
            let rest = &pretty[at + 1..];
            let number = |c: char| c.is_ascii_digit() || c == ',' || c.is_whitespace();
            let end = rest.find(|c| !number(c)).unwrap_or(0);
            if rest[end..].starts_with(']') {
                skip_until = at + 1 + end;
            }
        }
    }
    joined
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS[usize::from(value & 15)];
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_gather_runs_and_seconds() {
        let mut carriers = Carriers::default();
        for (number, seconds) in [(3, 10), (4, 10), (5, 11), (9, 14), (10, 14), (12, 14)]
        {
            carriers.add(number, seconds * 1_000_000_000, true);
        }
        assert_eq!(carriers.count, 6);
        assert_eq!(carriers.runs, [[3, 5], [9, 10], [12, 12]]);
        assert_eq!(carriers.per_second, [[0, 2], [1, 1], [4, 3]]);
        let found: Vec<u64> =
            (0..15).filter(|&number| carriers.contains(number)).collect();
        assert_eq!(found, [3, 4, 5, 9, 10, 12]);
        let at = |seconds: u64| carriers.until(seconds * 1_000_000_000);
        assert_eq!([at(0), at(10), at(11), at(12), at(14), at(15)], [0, 0, 2, 3, 3, 6]);
    }

    #[test]
    fn only_lists_of_numbers_are_joined() {
        let value = serde_json::json!({
            "runs": [[1, 2], [3, 4]],
            "text": "[ 1,\\n 2 ] \\\" [ 3 ]",
            "mixed": [1, "a"],
            "empty": [],
        });
        let joined = join_number_lists(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&joined).unwrap(), value);
        assert!(joined.contains("[1,2]") && joined.contains("[3,4]"), "{joined}");
    }

    #[test]
    fn hexadecimal_reads_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let truth = ContentTruth {
            name: String::new(),
            content_hex: hexadecimal(&bytes),
            length: 256,
            invariant: vec![Span { start: 2, end: 4 }, Span { start: 250, end: 400 }],
            protocol: Protocol::Udp,
            destination_port: None,
            carriers: Carriers::default(),
        };
        assert_eq!(truth.content(), bytes);
        assert_eq!(truth.invariant_pieces(), [vec![2, 3]]);
    }

    #[test]
    fn the_truth_is_beside_the_capture() {
        for (capture, truth) in [
            ("a/day.pcapng.zst", "a/day.truth.json"),
            ("day.pcap", "day.truth.json"),
            ("day.2.pcapng", "day.2.truth.json"),
            ("day", "day.truth.json"),
        ] {
            assert_eq!(truth_beside(Path::new(capture)), Path::new(truth));
        }
    }
}
