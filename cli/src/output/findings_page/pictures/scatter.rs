//! All signatures by prevalence and dispersion: how often each was seen, and among how many
//! hosts.

use super::axis::{Frame, Scale};
use super::{Picture, Piece, WIDTH, disc, label, path, px, text_width};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};
use wormsift::signature::{Incident, Kind, Signature};
use wormsift_export::text::{counted, grouped};

const HEIGHT: f64 = 300.0;
/// Incidents whose number is written.
const MOST_NUMBERS: usize = 20;
/// Half the size of a mark.
const RADIUS: f64 = 3.2;

/// The name of a kind as it is read.
pub(in super::super) fn kind_name(kind: Kind) -> String {
    kind.name().replace('_', " ")
}

/// The scatter, if there are signatures; `incidents` by rank.
pub(in super::super) fn draw(
    signatures: &[Signature],
    incidents: &[&Incident],
) -> Option<Markup> {
    if signatures.is_empty() {
        return None;
    }
    let kinds: BTreeMap<&str, Kind> = incidents
        .iter()
        .flat_map(|it| it.signatures.iter().map(|id| (id.as_str(), it.kind)))
        .collect();
    let kind_of = |it: &Signature| kinds.get(it.id.as_str()).copied().unwrap_or(it.kind);
    let frame = Frame {
        x: (Scale::log(signatures.iter().map(|it| values(it)[0])), "packets"),
        y: (
            Scale::log(signatures.iter().map(|it| values(it)[1])),
            "sources or destinations, whichever are fewer",
        ),
        height: HEIGHT,
    };
    // Marks of one place are one mark: that bounds the drawing.
    let mut marks: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
    let mut many: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut places: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for signature in signatures {
        let place = frame.place(values(signature)).map(f64::round);
        let kind = kind_of(signature);
        marks.entry(kind).or_default().insert(mark(kind, place));
        *many.entry(kind).or_default() += 1;
        places.insert(&signature.id, place);
    }
    let strongest = |it: &Incident| {
        it.signatures.iter().find_map(|id| places.get(id.as_str())).copied()
    };
    let numbered = (1..)
        .zip(incidents)
        .take(MOST_NUMBERS)
        .filter_map(|(rank, it)| Some((format!("{rank}"), strongest(it)?)));
    let drawn = html! {
        (frame.draw())
        @for kind in Kind::ALL.into_iter().rev() {
            @let outlines = marks.get(&kind).into_iter().flatten();
            (path(&format!("mark {}", kind.name()), &outlines.cloned().collect::<String>()))
        }
        @for (text, [x, y]) in numbers(&frame, numbered) {
            (label("number middle", x, y, &text))
        }
    };
    let by_kind = Kind::ALL.iter().filter_map(|it| Some((*it, *many.get(it)?)));
    let counts: Vec<String> = by_kind
        .clone()
        .map(|(kind, count)| format!("{} {}", kind_name(kind), grouped(count as u64)))
        .collect();
    let caption = format!(
        "{} by the kind of incident: {}. Numbers are those of incidents, at their strongest \
         signature.",
        counted(signatures.len() as u64, "signature"),
        counts.join(", ")
    );
    let description = format!(
        "{caption} To the right are those of more packets, at the top those of more hosts, both \
         on logarithmic scales."
    );
    let picture = Picture {
        class: "scatter",
        title: "Prevalence and dispersion",
        caption: &caption,
        description: &description,
        width: WIDTH,
    };
    let key = html! {
        ul.legend {
            @for (kind, _) in by_kind {
                li {
                    svg.key viewBox="0 0 12 12" aria-hidden="true" {
                        (path(&format!("mark {}", kind.name()), &mark(kind, [6.0, 6.0])))
                    }
                    " " (kind_name(kind))
                }
            }
        }
    };
    let piece = Piece { height: HEIGHT, marks: drawn };
    Some(picture.draw(&[piece], &key))
}

/// Packets, and sources or destinations.
fn values(signature: &Signature) -> [f64; 2] {
    [signature.packets as f64, f64::from(signature.sources.min(signature.destinations))]
}

/// The outline of a mark: each kind has its own, so that it can be told without colours.
fn mark(kind: Kind, [x, y]: [f64; 2]) -> String {
    let (r, across) = (RADIUS, px(2.0 * RADIUS));
    match kind {
        Kind::Outbreak => format!("M{} {}l4.2 7.4h-8.4z", px(x), px(y - 1.4 * r)),
        Kind::Unclear | Kind::PeerProtocol => disc(x, y, r),
        Kind::ScanCampaign | Kind::ForwardingService => {
            format!("M{} {}h{across}v{across}h-{across}z", px(x - r), px(y - r))
        }
        Kind::MassDelivery => format!("M{} {}l4 4l-4 4l-4 -4z", px(x), px(y - 4.0)),
    }
}

/// Where the numbers stand: beside their marks, none on another and none outside. One that
/// finds no place is left out.
fn numbers(
    frame: &Frame<'_>,
    wanted: impl Iterator<Item = (String, [f64; 2])>,
) -> Vec<(String, [f64; 2])> {
    let [left, right, top, floor] = frame.edges();
    let mut taken: Vec<[f64; 4]> = Vec::new();
    let mut placed = Vec::new();
    for (text, [x, y]) in wanted {
        let half = text_width(&text) / 2.0;
        let aside = half + RADIUS + 3.0;
        let around = [
            [x + aside, y - 4.0],
            [x - aside, y - 4.0],
            [x + aside, y + 10.0],
            [x - aside, y + 10.0],
            [x, y - 8.0],
            [x, y + 15.0],
        ];
        let free = around.into_iter().find_map(|[x, y]| {
            let room = [x - half, x + half, y - 9.0, y + 2.0];
            let inside = room[0] > left
                && room[1] < right + 14.0
                && room[2] > top - 12.0
                && room[3] < floor;
            let apart = |b: &[f64; 4]| {
                room[1] <= b[0] || b[1] <= room[0] || room[3] <= b[2] || b[3] <= room[2]
            };
            (inside && taken.iter().all(apart)).then_some(([x, y], room))
        });
        if let Some((place, room)) = free {
            taken.push(room);
            placed.push((text, place));
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, starts};
    use super::*;
    use crate::output::table::testing::signature;

    fn found(id: u32, packets: u64, hosts: u32) -> Signature {
        let base = signature(id, 0, hosts, b"content");
        Signature { packets, destinations: hosts + 7, ..base }
    }

    fn incident(kind: Kind, ids: &[u32]) -> Incident {
        let signatures = ids.iter().map(|id| format!("{id:032x}")).collect();
        Incident { kind, signatures, ..Incident::default() }
    }

    #[test]
    fn a_signature_stands_at_its_packets_and_hosts_in_the_mark_of_its_incident() {
        let signatures = [found(1, 1_000, 100), found(2, 10, 1), found(3, 1_000, 10)];
        let outbreak = incident(Kind::Outbreak, &[1, 3]);
        let peers = incident(Kind::PeerProtocol, &[2]);
        let drawn = draw(&signatures, &[&outbreak, &peers]).unwrap();
        let figure = drawn.into_string();
        let texts = check(&figure);
        assert!(texts.contains(&"1".to_owned()) && texts.contains(&"2".to_owned()));
        let marks = |class: &str| {
            let (_, rest) = figure.split_once(&format!("mark {class}\" d=\"")).unwrap();
            starts(rest.split('"').next().unwrap())
        };
        // x from 54 to 354 in three decades; y from 264 to 34 in two.
        let tip = 1.4 * RADIUS;
        let expected = [[354.0, 149.0 - tip], [354.0, 34.0 - tip]];
        for (mark, expected) in marks("outbreak").iter().zip(expected) {
            assert!(
                (mark[0] - expected[0]).abs() < 0.1
                    && (mark[1] - expected[1]).abs() < 0.1
            );
        }
        assert_eq!(marks("outbreak").len(), 2);
        assert_eq!(marks("peer_protocol"), [[150.8, 264.0]]);
        let story = "3 signatures by the kind of incident: outbreak 2, peer protocol 1.";
        assert!(figure.contains(story), "{figure}");
    }

    #[test]
    fn many_signatures_are_a_bounded_drawing_without_overlap() {
        let signatures: Vec<Signature> =
            (0..5_000).map(|n| found(n, u64::from(n % 97) * 1_000, n % 89)).collect();
        let incidents: Vec<Incident> =
            (0..200).map(|n| incident(Kind::ALL[n as usize % 6], &[n * 25])).collect();
        let incidents: Vec<&Incident> = incidents.iter().collect();
        let drawn = draw(&signatures, &incidents).unwrap().into_string();
        check(&drawn);
        let few: Vec<Signature> = signatures[..97 * 89 / 4].to_vec();
        let fewer = draw(&few, &incidents).unwrap().into_string();
        let twice: Vec<Signature> =
            (0..100_000).map(|n| found(n, u64::from(n % 97) * 1_000, n % 89)).collect();
        let most = draw(&twice, &incidents).unwrap().into_string();
        assert!(fewer.len() < drawn.len() && most.len() < 400_000, "{}", most.len());
    }

    #[test]
    fn extremes_have_a_place() {
        let mut greatest = found(1, u64::MAX, u32::MAX - 7);
        greatest.destinations = u32::MAX;
        let all = [greatest, found(2, 0, 0)];
        let one = incident(Kind::Outbreak, &[1]);
        check(&draw(&all, &[&one]).unwrap().into_string());
        assert!(draw(&[], &[]).is_none());
    }
}
