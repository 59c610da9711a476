//! The relays of a signature as a tree.

use super::trail::{Part, Trail};
use crate::palette::{Paint, Palette};
use crate::words::moment;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wormsift::packet::{Host, Timestamp};
use wormsift_export::json_lines::{Address, Time};
use wormsift_export::text::{counted, grouped};

/// Senders that are shown.
const ROWS: usize = 60;
/// Steps by which a line is moved to the right at most.
const DEEPEST: usize = 16;

/// A host that sent the content.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "link"))]
pub(super) struct Link {
    pub(super) host: Address,
    /// Whom it had it from; null where that was not seen.
    pub(super) from: Option<Address>,
    pub(super) received_at: Option<Time>,
    pub(super) sent_at: Time,
    pub(super) fan_out: u64,
    /// Hosts between it and one that was not seen to receive it.
    pub(super) depth: usize,
}

/// A sender with its place in the tree.
struct Placed<'a> {
    host: Host,
    part: &'a Part,
    sent: Timestamp,
    depth: usize,
}

/// Whom a host had it from, if it received it before it sent it.
fn parent(part: &Part) -> Option<(Timestamp, Option<Host>)> {
    part.received.filter(|(time, _)| part.sent.is_some_and(|sent| *time <= sent))
}

/// All senders, each after the one it had it from; brothers in order of time.
fn placed(trail: &Trail) -> Vec<Placed<'_>> {
    let senders: BTreeMap<Host, (&Part, Timestamp)> = trail
        .hosts()
        .filter_map(|(host, part)| Some((host, (part, part.sent?))))
        .collect();
    let mut children: BTreeMap<Option<Host>, Vec<Host>> = BTreeMap::new();
    for (host, (part, _)) in &senders {
        let from = parent(part).and_then(|(_, from)| from);
        // A host that had it from itself, or from one who is no sender, begins a tree.
        let from = from.filter(|from| from != host && senders.contains_key(from));
        children.entry(from).or_default().push(*host);
    }
    for list in children.values_mut() {
        list.sort_by_key(|host| std::cmp::Reverse((senders[host].1, *host)));
    }
    let mut order = Vec::with_capacity(senders.len());
    let mut open: Vec<(Host, usize)> =
        children.remove(&None).unwrap_or_default().into_iter().map(|h| (h, 0)).collect();
    while let Some((host, depth)) = open.pop() {
        let (part, sent) = senders[&host];
        order.push(Placed { host, part, sent, depth });
        let below = children.remove(&Some(host)).unwrap_or_default();
        open.extend(below.into_iter().map(|child| (child, depth + 1)));
    }
    order
}

pub(super) fn links(trail: &Trail) -> Vec<Link> {
    placed(trail)
        .into_iter()
        .map(|it| {
            let parent = parent(it.part);
            Link {
                host: it.host.into(),
                from: parent.and_then(|(_, from)| from).map(Address::from),
                received_at: parent.map(|(time, _)| time.into()),
                sent_at: it.sent.into(),
                fan_out: it.part.fan_out,
                depth: it.depth,
            }
        })
        .collect()
}

pub(super) fn write(text: &mut String, trail: &Trail, palette: Palette) {
    let all = placed(trail);
    if !trail.was_followed() {
        let line =
            "chain: give the captures after the id to see which host had it from which";
        let _ = writeln!(text, "\n   {line}");
        return;
    }
    let title = format!(
        "chain: {} sent it in {}",
        counted(all.len() as u64, "host"),
        counted(trail.packets(), "packet")
    );
    let _ = writeln!(text, "\n   {}", palette.paint(Paint::Bold, &title));
    for it in all.iter().take(ROWS) {
        let indent = "  ".repeat(it.depth.min(DEEPEST));
        let from = match parent(it.part) {
            Some((time, Some(from))) => format!("had it from {from} at {}", moment(time)),
            Some((time, None)) => format!("had it at {}", moment(time)),
            None => "not seen to receive it".to_owned(),
        };
        let _ = writeln!(
            text,
            "   {indent}{}  {from}; sent it from {} on, to {}",
            it.host,
            moment(it.sent),
            counted(it.part.fan_out, "host")
        );
    }
    if all.len() > ROWS {
        let _ = writeln!(text, "   and {} more", grouped((all.len() - ROWS) as u64));
    }
    if trail.left_out() > 0 {
        let left = grouped(trail.left_out());
        let _ =
            writeln!(text, "   and {left} more hosts, beyond those that are followed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::packet::Packet;

    fn packet(number: u64, from: u8, to: u8) -> Packet<'static> {
        Packet {
            number,
            time: Timestamp::from_nanos(number * 1_000_000_000),
            source: [10, 0, 0, from].into(),
            destination: [10, 0, 0, to].into(),
            protocol: 17,
            source_port: 1,
            destination_port: 2,
            sequence: 0,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: b"x",
        }
    }

    #[test]
    fn every_sender_stands_below_the_one_it_had_it_from() {
        let signature = crate::testing::signature(1, 0, 1, b"x");
        let mut trail = Trail::of(&signature);
        for (number, (from, to)) in
            (1..).zip([(1, 2), (1, 3), (3, 4), (2, 5), (4, 1), (4, 6), (3, 2), (9, 9)])
        {
            trail.packet(&packet(number, from, to), true);
        }
        trail.packet(&packet(99, 7, 8), false);
        let tree: Vec<(Address, Option<Address>, usize, u64)> = links(&trail)
            .into_iter()
            .map(|link| (link.host, link.from, link.depth, link.fan_out))
            .collect();
        let host = |n: u8| Address(format!("10.0.0.{n}"));
        assert_eq!(
            tree,
            [
                (host(1), None, 0, 2),
                (host(3), Some(host(1)), 1, 2),
                (host(4), Some(host(3)), 2, 2),
                (host(2), Some(host(1)), 1, 1),
                (host(9), Some(host(9)), 0, 1),
            ]
        );
        assert_eq!(trail.growth().len(), 5);
    }
}
