//! One signature as text: what it is, why it was reported, who had it, and its bytes.

use crate::grounds::grounds;
use crate::palette::{Paint, Palette};
use crate::words::{fan_out, first_packet, host_count, moment, number, shown, wrapped};
use std::fmt::Write as _;
use wormsift::signature::Signature;
use wormsift_export::text::{counted, service};

/// Relays that a block names.
pub const RELAYS: usize = 16;

/// One signature in full, with its rank if it has one.
pub fn block(
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
