//! The infection tree of an incident: who sent the content to whom, and when.
//!
//! One row for each host, under the host that it received the content from. Hosts of which
//! that is not known stand under a root of that name. Of a large incident the hosts that were
//! first are drawn, and the others are counted under the nearest host that is drawn.

use super::{Clock, Picture, Piece, WIDTH, disc, label, path, px, span, text_width};
use crate::output::table::brief;
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use wormsift::packet::Host;
use wormsift::signature::{Incident, IncidentHost, Kind};
use wormsift_export::text::{counted, grouped};

/// Hosts that are drawn.
const MOST_HOSTS: usize = 60;
/// Hosts that are drawn though they are only known to have sent it, and infected none that is.
const MOST_SENDERS: usize = 12;
/// Height of a row, and of the headings above the first.
const ROW: f64 = 16.0;
const HEAD: f64 = 24.0;
/// Rows of a piece: two pieces fit a sheet of paper.
const PIECE: usize = 16;
/// Widths of a step to the right, at most and of all steps together.
const STEP: f64 = 14.0;
const STEPS: f64 = 98.0;
/// Left edge of the root.
const LEFT: f64 = 6.0;
/// Headings of the columns.
const HEADINGS: [&str; 3] = ["host", "first seen", "to"];
/// Between two columns.
const GAP: f64 = 10.0;

/// Who stands under whom. Place 0 is the root.
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

struct Node<'a> {
    host: Option<Host>,
    /// What the incident says of it; nothing of the root and of senders that it does not list.
    known: Option<&'a IncidentHost>,
    children: Vec<usize>,
    is_drawn: bool,
}

/// A line of the drawing.
struct Row {
    depth: usize,
    /// The row of the parent.
    parent: usize,
    what: What,
}

enum What {
    Node(usize),
    /// So many hosts below the parent that are not drawn.
    More(usize),
}

impl<'a> Tree<'a> {
    fn of(incident: &'a Incident) -> Self {
        let node =
            |host, known| Node { host, known, children: Vec::new(), is_drawn: false };
        let mut nodes = vec![node(None, None)];
        let mut places: BTreeMap<Host, usize> = BTreeMap::new();
        for host in &incident.hosts {
            if let Entry::Vacant(place) = places.entry(host.host) {
                place.insert(nodes.len());
                nodes.push(node(Some(host.host), Some(host)));
            }
        }
        let listed = nodes.len();
        let mut parents = vec![0; listed];
        for place in 1..listed {
            let Some(from) = nodes[place].known.and_then(|it| it.received_from) else {
                continue;
            };
            parents[place] = *places.entry(from).or_insert_with(|| {
                nodes.push(node(Some(from), None));
                nodes.len() - 1
            });
        }
        parents.resize(nodes.len(), 0);
        cut_circles(&mut parents);
        for place in 1..nodes.len() {
            nodes[parents[place]].children.push(place);
        }
        let mut tree = Self { nodes };
        tree.choose();
        tree
    }

    /// Puts children in order, and marks what is drawn: of the hosts whose parent is, always
    /// the one that was first. Of those that are only known to have sent it, and to no host that
    /// passed it on, all are drawn or none.
    fn choose(&mut self) {
        let first: Vec<usize> =
            (0..self.nodes.len()).map(|at| self.first_relay(at)).collect();
        for node in &mut self.nodes {
            node.children.sort_by_key(|at| first[*at]);
        }
        self.nodes[0].is_drawn = true;
        let received = self.nodes.len();
        let senders = first[1..].iter().filter(|it| **it >= received).count();
        let all_fit = received - 1 <= MOST_HOSTS && senders <= MOST_SENDERS;
        let mut open: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut at = 0;
        for _ in 0..MOST_HOSTS {
            let children = self.nodes[at].children.iter().map(|it| (first[*it], *it));
            open.extend(children.filter(|it| all_fit || it.0 < received));
            let Some((_, next)) = open.pop_first() else { break };
            self.nodes[next].is_drawn = true;
            at = next;
        }
    }

    /// The first place among a host and those below it that received the content; beyond all
    /// where none did.
    fn first_relay(&self, at: usize) -> usize {
        let of = |at: usize| match self.nodes[at].known {
            Some(host) if host.generation > 0 => at,
            _ => self.nodes.len() + at,
        };
        self.below(at).into_iter().map(of).fold(of(at), usize::min)
    }

    /// All that stand below.
    fn below(&self, at: usize) -> Vec<usize> {
        let mut below = self.nodes[at].children.clone();
        let mut done = 0;
        while done < below.len() {
            below.extend(&self.nodes[below[done]].children);
            done += 1;
        }
        below
    }

    /// What is drawn, from top to bottom.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut open = vec![Row { depth: 0, parent: 0, what: What::Node(0) }];
        while let Some(row) = open.pop() {
            let (depth, parent) = (row.depth + 1, rows.len());
            if let What::Node(at) = row.what {
                let (drawn, hidden): (Vec<usize>, Vec<usize>) = self.nodes[at]
                    .children
                    .iter()
                    .partition(|it| self.nodes[**it].is_drawn);
                let hidden: usize =
                    hidden.iter().map(|it| 1 + self.below(*it).len()).sum();
                if hidden > 0 {
                    open.push(Row { depth, parent, what: What::More(hidden) });
                }
                let drawn = drawn.into_iter().rev();
                open.extend(drawn.map(|it| Row { depth, parent, what: What::Node(it) }));
            }
            rows.push(row);
        }
        rows
    }
}

/// Hangs the first host of each circle under the root: two signatures may contradict each
/// other in who was before whom.
fn cut_circles(parents: &mut [usize]) {
    let mut is_done = vec![false; parents.len()];
    is_done[0] = true;
    for start in 1..parents.len() {
        let (mut at, mut way) = (start, BTreeSet::new());
        while !is_done[at] && way.insert(at) {
            at = parents[at];
        }
        if !is_done[at] {
            let mut circle = vec![at];
            while parents[circle[circle.len() - 1]] != at {
                circle.push(parents[circle[circle.len() - 1]]);
            }
            parents[circle.into_iter().min().unwrap_or(at)] = 0;
        }
        way.into_iter().for_each(|it| is_done[it] = true);
    }
}

/// The tree, if a host of the incident passed the content on.
pub(in super::super) fn draw(incident: &Incident) -> Option<Markup> {
    let times = || incident.hosts.iter().filter_map(|it| it.first_seen);
    let last = times().max()?;
    let clock = Clock::new(incident.first_seen, last);
    let tree = Tree::of(incident);
    let rows = tree.rows();
    let deepest = rows.iter().map(|row| row.depth).max().unwrap_or(0).max(1);
    let step = STEP.min(STEPS / deepest as f64);
    let texts: Vec<[String; 3]> =
        rows.iter().map(|row| texts(row, &tree, &clock)).collect();
    let left = |n: usize| LEFT + rows[n].depth as f64 * step;
    let name_end = |n: usize| left(n) + 8.0 + text_width(&texts[n][0]);
    let names = (0..rows.len()).map(name_end).fold(0.0, f64::max);
    let [times, targets] = [1, 2].map(|column| {
        let widths = texts.iter().map(|row| text_width(&row[column]));
        widths.fold(text_width(HEADINGS[column]), f64::max)
    });
    let width = WIDTH.max(names + GAP + times + GAP + targets).ceil();
    let times_end = width - targets - GAP;
    let lines = lines(&rows, &left);
    let is_relay = |n: usize| match rows[n].what {
        What::Node(at) => Some(tree.nodes[at].known.is_some_and(|it| it.generation > 0)),
        What::More(_) => None,
    };
    let starts = (0..rows.len()).step_by(PIECE);
    let piece = |start: usize| {
        let end = rows.len().min(start + PIECE);
        let top = if start == 0 { 0.0 } else { middle(start) - ROW / 2.0 };
        let bottom = middle(end) - ROW / 2.0;
        let marks = |relays: bool| -> String {
            let rows = (start..end).filter(|n| is_relay(*n) == Some(relays));
            rows.map(|n| disc(left(n), middle(n) - top, 3.0)).collect()
        };
        let marks = html! {
            @if start == 0 {
                (label("name", 0.0, 11.0, HEADINGS[0]))
                (label("name end", times_end, 11.0, HEADINGS[1]))
                (label("name end", width, 11.0, HEADINGS[2]))
            }
            (path("edge", &between(&lines, top, bottom)))
            (path("relay", &marks(true)))
            (path("other", &marks(false)))
            @for n in start..end {
                @let y = middle(n) - top + 3.5;
                @let [name, time, targets] = &texts[n];
                (label("host", left(n) + 8.0, y, name))
                @if !time.is_empty() { (label("end", times_end, y, time)) }
                @if !targets.is_empty() { (label("end", width, y, targets)) }
            }
        };
        Piece { height: bottom - top, marks }
    };
    let pieces: Vec<Piece> = starts.map(piece).collect();
    let caption = caption(incident, &tree);
    let description = format!(
        "{caption} Each host stands under the one that it received the content from, with the \
         time since {}, and the number of hosts that it passed it on to.",
        incident.first_seen
    );
    let picture = Picture {
        class: "tree",
        title: match incident.kind {
            Kind::Outbreak => "Who infected whom",
            _ => "Who passed it on to whom",
        },
        caption: &caption,
        description: &description,
        width,
    };
    Some(picture.draw(&pieces, &Markup::default()))
}

/// The height at which a row stands.
fn middle(row: usize) -> f64 {
    HEAD + (row as f64 + 0.5) * ROW
}

/// A stroke from one place to another, across or down.
type Line = [[f64; 2]; 2];

/// One stroke down from each parent to its last child, and one across to each child.
fn lines(rows: &[Row], left: &impl Fn(usize) -> f64) -> Vec<Line> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate().skip(1) {
        last.insert(row.parent, n);
        lines.push([[left(row.parent), middle(n)], [left(n) - 3.0, middle(n)]]);
    }
    let down = last.into_iter().map(|(parent, child)| {
        let x = left(parent);
        [[x, middle(parent) + 3.0], [x, middle(child)]]
    });
    lines.extend(down);
    lines
}

/// What of these lies between two heights, as a path that begins at the upper one.
fn between(lines: &[Line], top: f64, bottom: f64) -> String {
    let mut drawn = String::new();
    for [[x, y], [end_x, end_y]] in lines {
        let (from, to) = (y.max(top), end_y.min(bottom));
        if from <= to && *y < bottom && *end_y > top {
            drawn += &format!("M{} {}", px(*x), px(from - top));
            drawn += &match x == end_x {
                true => format!("V{}", px(to - top)),
                false => format!("H{}", px(*end_x)),
            };
        }
    }
    drawn
}

/// Name, time and number of targets of a row.
fn texts(row: &Row, tree: &Tree<'_>, clock: &Clock) -> [String; 3] {
    let at = match row.what {
        What::Node(at) => at,
        What::More(count) => {
            return [
                format!("and {} more", grouped(count as u64)),
                String::new(),
                String::new(),
            ];
        }
    };
    let node = &tree.nodes[at];
    let name = node.host.map_or_else(|| "not known".to_owned(), |host| host.to_string());
    let time = node.known.and_then(|it| it.first_seen);
    let targets = node.known.filter(|it| it.fan_out > 0);
    [
        name,
        time.map(|time| clock.after(time)).unwrap_or_default(),
        targets.map(|it| brief(it.fan_out_count())).unwrap_or_default(),
    ]
}

/// The story in a sentence, and what is left out of the picture in another.
fn caption(incident: &Incident, tree: &Tree<'_>) -> String {
    let relays = || incident.hosts.iter().filter(|it| it.generation > 0);
    let times = || relays().filter_map(|it| it.first_seen);
    let took = times().min().zip(times().max()).map(|(first, last)| span(first, last));
    let unknown = relays().filter(|it| it.received_from.is_none()).count();
    let mut text = format!(
        "{} passed it on, in {}",
        counted(incident.relays.into(), "host"),
        counted(incident.generations.into(), "generation")
    );
    if let Some(took) = took {
        text += &format!(", within {took}");
    }
    match unknown {
        0 => text += "; of each it is known from whom it received it.",
        _ => {
            text += &format!(
                "; of {} of them it is not known from whom they received it.",
                grouped(unknown as u64)
            );
        }
    }
    text += " Times are since the first packet.";
    let sent = |it: &Node<'_>| it.known.is_none_or(|it| it.generation == 0);
    if tree.nodes[1..].iter().any(|it| it.is_drawn && sent(it)) {
        text += " Hollow marks are hosts that are only known to have sent it.";
    }
    let hidden = tree.nodes.iter().filter(|it| !it.is_drawn).count();
    if hidden > 0 {
        text += &format!(" Counted but not drawn: {}.", counted(hidden as u64, "host"));
    }
    if incident.hosts_unlisted > 0 {
        let count = counted(incident.hosts_unlisted.into(), "host");
        text += &format!(" Not listed: {count}.");
    }
    text
}

#[cfg(test)]
mod tests;
