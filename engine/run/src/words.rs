//! Numbers, times and bytes in sentences, for people.
//!
//! Payload bytes are hostile: none comes out but printable ASCII.

use std::fmt::Write as _;
use wormsift::packet::Timestamp;
use wormsift::signature::{Count, Precision, Relay, Signature};
use wormsift_export::text::{counted, grouped, printable};

/// Columns of a line that holds running text and lists.
const TEXT_WIDTH: usize = 78;

/// A number of hosts in a column: `12`, `~3,400` for an estimate, `>=64`.
pub fn brief(count: Count) -> String {
    let sign = match count.precision {
        Precision::Exact => "",
        Precision::About => "~",
        Precision::AtLeast => ">=",
    };
    format!("{sign}{}", grouped(count.number.into()))
}

/// The same in a sentence: `12`, `about 3,400`, `at least 64`.
pub fn number(count: Count) -> String {
    format!("{}{}", count.precision.words(), grouped(count.number.into()))
}

/// The same with what is counted: `about 3,400 sources`.
pub fn host_count(count: Count, noun: &str) -> String {
    format!("{}{}", count.precision.words(), counted(count.number.into(), noun))
}

/// How many hosts a relay passed a content on to: `16 hosts`, `about 17 hosts`.
pub fn fan_out(relay: &Relay) -> String {
    host_count(relay.fan_out_count(), "host")
}

/// The first packet with a content, and whether there may have been earlier ones.
pub fn first_packet(signature: &Signature) -> Option<String> {
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

/// To the millisecond, in UTC.
pub fn moment(time: Timestamp) -> String {
    time.to_string().chars().take(23).collect::<String>().replace('T', " ")
}

/// So many first bytes, as printable ASCII.
pub fn shown(content: &[u8], width: usize) -> String {
    printable(&content[..content.len().min(width)])
}

/// Words after a label, on lines of readable length.
pub fn wrapped<'a>(
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
