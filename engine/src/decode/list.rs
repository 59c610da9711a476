//! The list of what is read, as the page `docs/decoders.md`, from the decoder's tables.

use super::names::{self, Role};
use super::transport::TRANSPORTS;
use super::tunnel::PROTOCOLS;
use super::tunnel::ports::UDP_TUNNELS;
use super::{DEFAULT_VXLAN_PORTS, MAX_DEPTH, layer_2_tags, link_types};
use std::fmt::Write;

/// The page, in Markdown.
#[doc(hidden)]
pub fn list() -> String {
    let mut text = format!(
        "# What is read\n\n\
         This page is written by a test from the tables that the decoder itself uses \
         (`cargo test -p wormsift --test all decoders_page`).\n\n\
         A frame is read from its link header down to the innermost packet; at most \
         {MAX_DEPTH} tunnels in each other are passed. What is not read is counted by the \
         layer that stopped it (`coverage` and `unread` in the statistics), and a cause \
         above one frame in a hundred is warned of, once.\n\n\
         A UDP port alone makes no tunnel: its header must be in order and its inside must \
         be read. Otherwise the datagram is taken as it is, and its payload is sifted.\n\n"
    );
    table(&mut text, "Link types", "number | link header", link_types().map(link_row));
    table(
        &mut text,
        "Between the link header and IP",
        "Ethernet type | header",
        layer_2_tags().map(|(number, what)| format!("{number:#06x} | {what}")),
    );
    table(
        &mut text,
        "Transports",
        "IP protocol | name",
        TRANSPORTS.iter().map(|(number, name)| format!("{number} | {name}")),
    );
    table(
        &mut text,
        "Tunnels with an IP protocol",
        "IP protocol | name | standard | inside",
        PROTOCOLS.iter().map(|row| {
            format!("{} | {} | {} | {}", row.number, row.name, row.standard, row.read)
        }),
    );
    let vxlan = DEFAULT_VXLAN_PORTS.map(|port| port.to_string()).join(", ");
    let vxlan = format!("{vxlan} (`vxlan_ports`) | VXLAN | RFC 7348 | Ethernet");
    table(
        &mut text,
        "Tunnels over UDP",
        "port, either end | name | standard | inside",
        std::iter::once(vxlan).chain(UDP_TUNNELS.iter().map(|row| {
            format!("{} | {} | {} | {}", row.port, row.name, row.standard, row.read)
        })),
    );
    table(
        &mut text,
        "Named, not read",
        "where | number | name | counts as",
        [
            ("Ethernet type", names::ETHERTYPES),
            ("LLC access point", names::SAPS),
            ("IP protocol", names::IP_PROTOCOLS),
            ("PPP protocol", names::PPP_PROTOCOLS),
        ]
        .into_iter()
        .flat_map(|(place, rows)| rows.iter().map(move |row| named_row(place, row)))
        .filter(|line| !line.is_empty()),
    );
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn link_row((numbers, what): (&'static [u32], &'static str)) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    format!("{} | {what}", numbers.join(", "))
}

/// Empty for a number that is read as something else than its name says alone.
fn named_row(place: &str, (number, name, role): &(u16, &str, Role)) -> String {
    let is_read = match place {
        "Ethernet type" => layer_2_tags().any(|(read, _)| read == *number),
        "IP protocol" => PROTOCOLS.iter().any(|row| u16::from(row.number) == *number),
        _ => false,
    };
    let number = match place {
        "IP protocol" => number.to_string(),
        _ => format!("{number:#06x}"),
    };
    match (is_read, role) {
        (true, _) => String::new(),
        (false, Role::Control) => format!("{place} | {number} | {name} | control"),
        (false, Role::Content) => format!("{place} | {number} | {name} | not read"),
    }
}

fn table(
    text: &mut String,
    heading: &str,
    columns: &str,
    rows: impl Iterator<Item = String>,
) {
    let rule = columns.split('|').map(|_| "---").collect::<Vec<_>>().join(" | ");
    // Writing to a string does not fail.
    let _ = writeln!(text, "## {heading}\n\n| {columns} |\n| {rule} |");
    for row in rows {
        let _ = writeln!(text, "| {row} |");
    }
    text.push('\n');
}
