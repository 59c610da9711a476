//! The ranked table, and under it the best findings in full.
//!
//! Payload bytes are hostile: none reaches the terminal but printable ASCII.

use crate::output::columns::{self, Column, column, grade};
use crate::output::grounds::grounds;
use crate::output::talk::{Paint, Palette};
use std::fmt::{Display, Write as _};
use wormsift::packet::Timestamp;
use wormsift::signature::{Count, Precision, Relay, Signature};
use wormsift_export::text::{counted, grouped, printable, service};

/// Rows of the table; more findings are counted.
pub(super) const ROWS: usize = 100;
/// Findings that are shown in full.
pub(super) const BLOCKS: usize = 10;
/// Columns of a line that holds running text and lists.
const TEXT_WIDTH: usize = 78;

/// The best findings so far, whatever their number.
#[derive(Default)]
pub(crate) struct Ranking {
    /// Sorted, and cut to `ROWS`, each time that it is twice as long.
    best: Vec<Signature>,
    total: u64,
}

impl Ranking {
    /// Takes the final state of one more finding.
    pub(crate) fn add(&mut self, signature: Signature) {
        self.total += 1;
        self.best.push(signature);
        if self.best.len() >= 2 * ROWS {
            self.cut();
        }
    }

    /// In the order of [`Signature::by_rank`].
    fn cut(&mut self) {
        self.best.sort_by(Signature::by_rank);
        self.best.truncate(ROWS);
    }

    /// The id of the first row.
    pub(crate) fn first_id(&self) -> Option<String> {
        self.best.iter().min_by(|a, b| Signature::by_rank(a, b)).map(|it| it.id.clone())
    }

    /// The signature with this id, if it is among the best.
    pub(crate) fn get(&self, id: &str) -> Option<&Signature> {
        self.best.iter().find(|signature| signature.id == id)
    }

    /// All of these.
    pub(crate) fn of(signatures: &[Signature]) -> Self {
        let mut ranking = Self::default();
        signatures.iter().for_each(|signature| ranking.add(signature.clone()));
        ranking
    }

    /// The best in order, and how many there are in all.
    pub(crate) fn best(mut self) -> (Vec<Signature>, u64) {
        self.cut();
        (self.best, self.total)
    }

    /// The table and the blocks under it. `width` is the terminal's, if there is one.
    pub(crate) fn render(mut self, width: Option<usize>, palette: Palette) -> String {
        self.cut();
        if self.best.is_empty() {
            return "no signature found\n".to_owned();
        }
        let mut text = table(&self.best, width, palette);
        let others = self.total - self.best.len() as u64;
        if others > 0 {
            let _ = writeln!(text, "and {} more", grouped(others));
        }
        for (index, signature) in self.best.iter().take(BLOCKS).enumerate() {
            text.push('\n');
            block(&mut text, Some(index + 1), signature, palette);
        }
        text
    }
}

/// All but the preview, which takes what is left. Rank, grade, spread, relays and service
/// stay at any width.
const COLUMNS: [Column<Signature>; 11] = [
    column("rank", true, 0, |rank, _| rank.to_string()),
    grade(|s| s.confidence),
    column("alarm", false, 3, |_, s| s.alarm.name().to_owned()),
    column("service", false, 0, |_, s| service(s)),
    column("length", true, 4, |_, s| grouped(s.content.len() as u64)),
    column("sources", true, 1, |_, s| brief(s.source_count())),
    column("destinations", true, 2, |_, s| brief(s.destination_count())),
    column("spread", true, 0, |_, s| brief(s.spread_count())),
    column("relays", true, 0, |_, s| grouped(s.relays.len() as u64)),
    column("first seen", false, 6, |_, s| moment(s.first_seen)),
    column("detected at", false, 5, |_, s| moment(s.detected_at)),
];

fn table(rows: &[Signature], width: Option<usize>, palette: Palette) -> String {
    let preview = |row: &Signature, width| shown(&row.content, width);
    columns::table(rows, &COLUMNS, ("content", preview), width, palette)
}

/// One signature in full, with its rank if it has one.
pub(crate) fn block(
    text: &mut String,
    rank: Option<usize>,
    signature: &Signature,
    palette: Palette,
) {
    let s = signature;
    let title = match rank {
        Some(rank) => format!("{rank}. {}", s.id),
        None => s.id.clone(),
    };
    let _ = writeln!(
        text,
        "{}  {} alarm, {} confidence",
        palette.paint(Paint::Bold, &title),
        s.alarm.name(),
        s.confidence.name()
    );
    let _ = writeln!(
        text,
        "   {}, {} in {} from {} to {}",
        service(s),
        counted(s.content.len() as u64, "byte"),
        counted(s.packets, "packet"),
        host_count(s.source_count(), "source"),
        host_count(s.destination_count(), "destination"),
    );
    let _ = writeln!(
        text,
        "   first seen {}, detected at {}, last seen {}",
        moment(s.first_seen),
        moment(s.detected_at),
        moment(s.last_seen)
    );
    if let Some(line) = first_packet(s) {
        let _ = writeln!(text, "   {line}");
    }
    for reason in &s.evidence.reasons {
        wrapped(text, "why: ", reason.split(' '), " ");
    }
    for (name, value) in grounds(s) {
        wrapped(text, &format!("{name}: "), value.split(' '), " ");
    }
    if !s.relays.is_empty() {
        let _ = writeln!(
            text,
            "   passed on by {}, spread {}:",
            counted(s.relays.len() as u64, "relay"),
            number(s.spread_count())
        );
        for relay in s.relays.iter().take(RELAYS) {
            let _ = writeln!(
                text,
                "      {:15}  received {}  sent {}  to {}",
                relay.host.to_string(),
                relay.received_at.map_or_else(|| "(not recorded)".to_owned(), moment),
                moment(relay.sent_at),
                fan_out(relay)
            );
        }
        if s.relays.len() > RELAYS {
            let _ = writeln!(text, "      and {} more", s.relays.len() - RELAYS);
        }
    }
    for (label, list) in
        [("sources: ", &s.source_list), ("destinations: ", &s.destination_list)]
    {
        let hosts: Vec<String> = list.iter().map(ToString::to_string).collect();
        wrapped(text, label, hosts.iter().map(String::as_str), ", ");
    }
    hex_dump(text, &s.content);
}

/// A number of hosts in a column: `12`, `~3,400` for an estimate, `>=64`.
pub(crate) fn brief(count: Count) -> String {
    let sign = match count.precision {
        Precision::Exact => "",
        Precision::About => "~",
        Precision::AtLeast => ">=",
    };
    format!("{sign}{}", grouped(count.number.into()))
}

/// The same in a sentence: `12`, `about 3,400`, `at least 64`.
pub(crate) fn number(count: Count) -> String {
    format!("{}{}", count.precision.words(), grouped(count.number.into()))
}

/// The same with what is counted: `about 3,400 sources`.
pub(crate) fn host_count(count: Count, noun: &str) -> String {
    format!("{}{}", count.precision.words(), counted(count.number.into(), noun))
}

/// How many hosts a relay passed a content on to: `16 hosts`, `about 17 hosts`.
pub(crate) fn fan_out(relay: &Relay) -> String {
    host_count(relay.fan_out_count(), "host")
}

/// The first packet with a content, and whether there may have been earlier ones.
pub(crate) fn first_packet(signature: &Signature) -> Option<String> {
    let first = signature.first_sighting?;
    let earlier = match first.certain {
        true => "",
        false => "; earlier ones may have been forgotten",
    };
    Some(format!(
        "first packet: number {}, from {} to {}{earlier}",
        grouped(first.packet),
        first.source,
        first.destination
    ))
}

/// Relays that a block names.
pub(super) const RELAYS: usize = 16;

/// To the millisecond, in UTC.
pub(crate) fn moment(time: Timestamp) -> String {
    time.to_string().chars().take(23).collect::<String>().replace('T', " ")
}

/// So many first bytes, as printable ASCII.
pub(crate) fn shown(content: &[u8], width: usize) -> String {
    printable(&content[..content.len().min(width)])
}

/// Words after a label, on lines of readable length.
pub(super) fn wrapped<'a>(
    text: &mut String,
    label: &str,
    words: impl Iterator<Item = &'a str>,
    separator: &str,
) {
    let indent = " ".repeat(3 + label.len());
    let mut line = format!("   {label}");
    let mut begun = false;
    for word in words {
        if begun {
            line.push_str(separator);
            if line.len() + word.len() > TEXT_WIDTH {
                let _ = writeln!(text, "{}", line.trim_end());
                line.clone_from(&indent);
            }
        }
        line.push_str(word);
        begun = true;
    }
    if begun {
        let _ = writeln!(text, "{line}");
    }
}

/// Sixteen bytes a line: offset, hexadecimal, printable ASCII.
fn hex_dump(text: &mut String, content: &[u8]) {
    for (index, line) in content.chunks(16).enumerate() {
        let mut hex = String::new();
        for (column, byte) in line.iter().enumerate() {
            let gap = if column == 8 { "  " } else { " " };
            let _ = write!(hex, "{}{byte:02x}", if column == 0 { "" } else { gap });
        }
        let ascii = shown(line, 16);
        let _ = writeln!(text, "  {:08x}  {hex:48}  |{ascii}|", index * 16);
    }
}

/// Names and values in two columns, under a heading.
pub(crate) fn section<N: Display, V: Display>(
    text: &mut String,
    heading: &str,
    values: impl IntoIterator<Item = (N, V)>,
) {
    let _ = writeln!(text, "{heading}");
    for (name, value) in values {
        let _ = writeln!(text, "  {:32} {:>20}", name.to_string(), value.to_string());
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Signatures for tests of what people see.

    use super::*;
    use wormsift::packet::{AddressPlan, Host};
    use wormsift::signature::{
        Alarm, Confidence, Evidence, FirstSighting, Kind, PortCounts, Relay, Roles,
    };

    pub(crate) fn host(last: u8) -> Host {
        Host::of([192, 0, 2, last].into(), 64)
    }

    pub(crate) fn signature(
        id: u32,
        spread: u32,
        sources: u32,
        content: &[u8],
    ) -> Signature {
        let time = Timestamp::from_nanos(1_074_556_799_123_456_789);
        Signature {
            id: format!("{id:032x}"),
            alarm: Alarm::Propagation,
            confidence: Confidence::High,
            kind: Kind::Outbreak,
            incident: None,
            protocol: wormsift::packet::protocol::UDP,
            port: Some(4_444),
            port_rule: "destination".to_owned(),
            part_of: None,
            content: content.to_vec(),
            tokens: vec![content.to_vec()],
            tokens_ordered: true,
            packets: 12_345,
            sources,
            sources_precision: Precision::Exact,
            destinations: 1_000,
            destinations_precision: Precision::About,
            source_list: (0..64).map(host).collect(),
            destination_list: vec![host(200)],
            roles: Roles::default(),
            ports: PortCounts::default(),
            spread,
            relays: vec![Relay {
                host: host(1),
                received_at: None,
                sent_at: time,
                fan_out: 1,
                ..Relay::default()
            }],
            population: None,
            taps: std::collections::BTreeMap::new(),
            blind: std::collections::BTreeMap::new(),
            withheld: std::collections::BTreeSet::new(),
            first_seen: time,
            first_sighting: Some(FirstSighting {
                packet: 1,
                time,
                source: host(0),
                destination: host(200),
                source_port: 4_000,
                destination_port: 4_444,
                certain: true,
            }),
            last_seen: time,
            detected_at: time,
            evidence: Evidence {
                keys: 1,
                alarms: vec![Alarm::Propagation],
                distinct_bytes: 80,
                reasons: vec!["Twelve hosts passed it on.".to_owned()],
                ..Evidence::default()
            },
            samples: Vec::new(),
            addresses: AddressPlan::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::signature;
    use super::*;
    use crate::output::columns::LEAST_PREVIEW;
    use wormsift::signature::Confidence;

    fn rendered(signatures: Vec<Signature>, width: usize, color: bool) -> String {
        let mut ranking = Ranking::default();
        signatures.into_iter().for_each(|signature| ranking.add(signature));
        ranking.render(Some(width), Palette(color))
    }

    #[test]
    fn the_first_row_and_its_block_say_all() {
        let text = rendered(vec![signature(7, 41, 60, b"planted content")], 160, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "rank  grade  alarm        service   length  sources  destinations  spread  relays  \
             first seen               detected at              content"
        );
        assert_eq!(
            lines[1],
            "   1  high   propagation  udp/4444      15       60        ~1,000      41       1  \
             2004-01-19 23:59:59.123  2004-01-19 23:59:59.123  planted content"
        );
        for part in [
            "1. 00000000000000000000000000000007  propagation alarm, high confidence",
            "udp/4444, 15 bytes in 12,345 packets from 60 sources to about 1,000 destinations",
            "why: Twelve hosts passed it on.",
            "passed on by 1 relay, spread 41:",
            "192.0.2.1        received (not recorded)  sent 2004-01-19 23:59:59.123  to 1 host",
            "sources: 192.0.2.0, 192.0.2.1,",
            "destinations: 192.0.2.200",
            "00000000  70 6c 61 6e 74 65 64 20  63 6f 6e 74 65 6e 74     |planted content|",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn the_best_hundred_are_shown_in_order_and_the_others_counted() {
        // Every spread twice, lowest first; the ids of a pair in the wrong order.
        let signatures =
            (0..250).map(|i| signature(250 - i, i / 2, 60, b"content")).collect();
        let text = rendered(signatures, 160, false);
        let lines: Vec<&str> = text.lines().collect();
        let spreads: Vec<u32> = lines[1..=ROWS]
            .iter()
            .map(|line| line.split_whitespace().nth(7).unwrap().parse().unwrap())
            .collect();
        let expected: Vec<u32> = (75..125).rev().flat_map(|spread| [spread; 2]).collect();
        assert_eq!(spreads, expected);
        assert_eq!(lines[ROWS + 1], "and 150 more");
        assert!(text.contains("\n1. 00000000000000000000000000000001 "), "{text}");
        assert!(text.contains("\n10. ") && !text.contains("\n11. "), "{text}");
    }

    #[test]
    fn passed_on_content_leads_then_confidence_then_spread() {
        use Confidence::{High, Low, Medium};
        // Id, spread, sources, grade: in the order of the table. The sources of the last
        // would put it first, were they asked before the grade.
        let expected = [
            (5, 3, 10, High),
            (1, 90, 50, Medium),
            (4, 40, 50, Medium),
            (2, 1, 10, Low),
            (3, 0, 50, Medium),
            (6, 0, 40, Medium),
            (0, 0, 90, Low),
        ];
        let mut shuffled: Vec<Signature> = expected
            .map(|(id, spread, sources, confidence)| Signature {
                confidence,
                ..signature(id, spread, sources, b"content")
            })
            .into();
        shuffled.sort_by(|a, b| a.id.cmp(&b.id));
        let (best, total) = Ranking::of(&shuffled).best();
        let ids = |s: &Signature| u32::from_str_radix(&s.id, 16).unwrap();
        let order: Vec<u32> = best.iter().map(ids).collect();
        assert_eq!((order, total), (expected.map(|(id, ..)| id).to_vec(), 7));
    }

    #[test]
    fn no_payload_byte_reaches_the_terminal_but_printable_ascii() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let text = rendered(vec![signature(1, 5, 60, &every_byte)], 500, false);
        let clean = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic();
        assert!(text.chars().all(clean), "{text:?}");
        assert!(text.contains("f8 f9 fa fb fc fd fe ff  |................|"), "{text}");
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_and_no_broken_line() {
        let rows = [signature(1, 41, 60, &[b'x'; 400])];
        for width in 60..300 {
            let text = table(&rows, Some(width), Palette(false));
            let longest = text.lines().map(str::len).max().unwrap();
            assert!(longest <= width, "{width}: {longest}\n{text}");
            let heading = text.lines().next().unwrap();
            for kept in ["rank", "grade", "service", "spread", "relays", "content"] {
                assert!(heading.contains(kept), "{width}: {kept}\n{text}");
            }
            assert!(text.contains(&"x".repeat(LEAST_PREVIEW)), "{text}");
        }
        let narrow = table(&rows, Some(100), Palette(false));
        assert!(!narrow.contains("first seen") && narrow.contains("sources"), "{narrow}");
    }

    #[test]
    fn a_pipe_gets_every_column_and_no_padding() {
        let rows = [signature(1, 41, 60, b"planted content")];
        let text = table(&rows, None, Palette(false));
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines[0].len(), COLUMNS.len() + 1);
        assert_eq!(
            lines[1],
            [
                "1",
                "high",
                "propagation",
                "udp/4444",
                "15",
                "60",
                "~1,000",
                "41",
                "1",
                "2004-01-19 23:59:59.123",
                "2004-01-19 23:59:59.123",
                "planted content"
            ]
        );
        assert!(!text.contains("  "), "{text:?}");
    }

    #[test]
    fn paint_is_only_where_it_is_wanted() {
        let signatures = || vec![signature(1, 5, 60, b"content")];
        let painted = rendered(signatures(), 160, true);
        let plain = rendered(signatures(), 160, false);
        assert!(painted.contains("\x1b[31mhigh   \x1b[0m"), "{painted:?}");
        let mut stripped = painted;
        for code in ["\x1b[0m", "\x1b[1m", "\x1b[31m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn nothing_found_is_said() {
        assert_eq!(rendered(Vec::new(), 80, false), "no signature found\n");
    }
}
