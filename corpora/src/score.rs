//! A detector's claims compared with the truth.
//!
//! A claim says that some bytes spread. It is *true* when it names protocol and
//! port of a planted content and shares a run of bytes with the content's
//! invariant: 8 bytes, or a whole invariant piece that is shorter. Every other
//! claim is *false*. Recall is the share of a content's invariant bytes that are
//! in such shared runs; precision is the share of the claimed bytes that do.

use std::collections::{BTreeMap, HashMap};

use crate::ground_truth::{ContentTruth, GroundTruth, Protocol};

/// The shortest run of bytes that shows two contents to be related.
const RUN: usize = 8;

/// What a detector says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The bytes that it says spread.
    pub content: Vec<u8>,
    /// Over which protocol.
    pub protocol: Protocol,
    /// To which port; `None` for any.
    pub port: Option<u16>,
    /// When it said so, in nanoseconds since the epoch of packet time.
    pub time_ns: u64,
}

/// How the claims compare with the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// One entry a planted content, in the order of the truth.
    pub contents: Vec<ContentScore>,
    /// How many claims there were.
    pub claims: usize,
    /// How many of them are false.
    pub false_claims: usize,
}

/// How well one content was found.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentScore {
    /// Its name in the truth.
    pub name: String,
    /// The first true claim; `None` when there was none.
    pub detection: Option<Detection>,
    /// Share of its invariant bytes that true claims cover, 0 to 1.
    pub recall: f64,
    /// Share of the bytes of true claims that are invariant bytes, 0 to 1; 0
    /// without any.
    pub precision: f64,
    /// Of a content with one invariant piece that was found: how the claim nearest to
    /// that piece begins and ends.
    pub edges: Option<Edges>,
}

/// How a claim begins and ends beside an invariant piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// Bytes that it begins too early; negative: too late.
    pub left: i64,
    /// Bytes that it ends too late; negative: too early.
    pub right: i64,
    /// Whether it is the piece, byte for byte.
    pub exact: bool,
}

impl Edges {
    /// The greater of both errors, bytes.
    pub fn most(&self) -> u64 {
        self.left.unsigned_abs().max(self.right.unsigned_abs())
    }
}

/// When a content was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Time of the first true claim, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// Seconds since the content first crossed the tap.
    pub delay_seconds: f64,
    /// Packets that had carried it by then, to the second.
    pub delay_packets: u64,
    /// Hosts infected by then.
    pub infected_hosts: usize,
}

impl Score {
    /// Compares claims with the truth.
    pub fn new(claims: &[Claim], truth: &GroundTruth) -> Self {
        let mut related = vec![false; claims.len()];
        let contents = truth
            .contents
            .iter()
            .map(|content| score_content(content, truth, claims, &mut related))
            .collect();
        Self {
            contents,
            claims: claims.len(),
            false_claims: related.iter().filter(|related| !**related).count(),
        }
    }

    /// Whether every planted content was found.
    pub fn all_detected(&self) -> bool {
        self.contents.iter().all(|content| content.detection.is_some())
    }
}

fn score_content(
    content: &ContentTruth,
    truth: &GroundTruth,
    claims: &[Claim],
    related: &mut [bool],
) -> ContentScore {
    let pieces = content.invariant_pieces();
    let mut covered: Vec<Vec<bool>> =
        pieces.iter().map(|piece| vec![false; piece.len()]).collect();
    let (mut claimed, mut right, mut first) = (0, 0, None);
    let mut edges: Option<Edges> = None;
    for (claim, related) in claims.iter().zip(related) {
        let port_fits = claim.port.is_none()
            || content.destination_port.is_none()
            || claim.port == content.destination_port;
        if claim.protocol != content.protocol || !port_fits {
            continue;
        }
        let mut shared = vec![false; claim.content.len()];
        for (piece, covered) in pieces.iter().zip(&mut covered) {
            mark_shared(piece, &claim.content, covered, &mut shared);
        }
        let shared = shared.iter().filter(|shared| **shared).count();
        if shared > 0 {
            *related = true;
            if let [piece] = &pieces[..] {
                let on = edges_on(piece, &claim.content);
                let nearer =
                    |known: &Edges| (on.most(), !on.exact) < (known.most(), !known.exact);
                if edges.as_ref().is_none_or(nearer) {
                    edges = Some(on);
                }
            }
            claimed += claim.content.len();
            right += shared;
            first =
                Some(first.map_or(claim.time_ns, |time: u64| time.min(claim.time_ns)));
        }
    }
    let share = |part: usize, whole: usize| {
        if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
    };
    let found = covered.iter().flatten().filter(|covered| **covered).count();
    ContentScore {
        name: content.name.clone(),
        detection: first.map(|time_ns| detection(content, truth, time_ns)),
        recall: share(found, pieces.iter().map(Vec::len).sum()),
        precision: share(right, claimed),
        edges,
    }
}

/// How a claim begins and ends beside a piece with which it shares a run: at the distance
/// that most of its runs have, the smallest of several.
fn edges_on(piece: &[u8], claim: &[u8]) -> Edges {
    let run = RUN.min(piece.len());
    let mut distances: BTreeMap<i64, usize> = BTreeMap::new();
    let places = places(piece, run);
    for (at, window) in claim.windows(run).enumerate() {
        for &place in places.get(window).into_iter().flatten() {
            *distances.entry(at as i64 - place as i64).or_default() += 1;
        }
    }
    let most = distances.iter().rev().max_by_key(|(_, count)| **count);
    let left = most.map_or(0, |(distance, _)| *distance);
    let right = claim.len() as i64 - left - piece.len() as i64;
    Edges { left, right, exact: piece == claim }
}

/// Where each run of `run` bytes is.
fn places(piece: &[u8], run: usize) -> HashMap<&[u8], Vec<usize>> {
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, window) in piece.windows(run).enumerate() {
        places.entry(window).or_default().push(at);
    }
    places
}

fn detection(content: &ContentTruth, truth: &GroundTruth, time_ns: u64) -> Detection {
    let first_ns = content.carriers.first_ns.unwrap_or(time_ns);
    Detection {
        time_ns,
        delay_seconds: time_ns.saturating_sub(first_ns) as f64 / 1e9,
        delay_packets: content.carriers.until(time_ns),
        infected_hosts: truth.infected_at(time_ns),
    }
}

/// Marks in both texts the bytes of every run that they share.
fn mark_shared(piece: &[u8], claim: &[u8], in_piece: &mut [bool], in_claim: &mut [bool]) {
    let run = RUN.min(piece.len());
    if run == 0 {
        return;
    }
    let places = places(piece, run);
    for (at, window) in claim.windows(run).enumerate() {
        for &place in places.get(window).into_iter().flatten() {
            in_piece[place..place + run].fill(true);
            in_claim[at..at + run].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worms::outbreak::{Outbreak, PORT};

    fn truth() -> GroundTruth {
        Outbreak::new(1).background_hosts(0).infected(30).trace().unwrap().truth
    }

    fn claim(content: &[u8], time_ns: u64) -> Claim {
        let port = Some(PORT);
        Claim { content: content.to_vec(), protocol: Protocol::Udp, port, time_ns }
    }

    #[test]
    fn the_whole_invariant_is_a_perfect_claim() {
        let truth = truth();
        let invariant = &truth.contents[0].invariant_pieces()[0];
        let time_ns = truth.infections[9].time_ns;
        let score = Score::new(&[claim(invariant, time_ns)], &truth);
        assert_eq!((score.claims, score.false_claims), (1, 0));
        assert!(score.all_detected());
        let content = &score.contents[0];
        assert_eq!((content.recall, content.precision), (1.0, 1.0));
        let detection = content.detection.unwrap();
        assert_eq!(detection.infected_hosts, 10);
        let carriers = &truth.contents[0].carriers;
        let delay = (time_ns - carriers.first_ns.unwrap()) as f64 / 1e9;
        assert_eq!(detection.delay_seconds, delay);
        assert!(detection.delay_packets > 0);
        assert!(detection.delay_packets < carriers.count);
    }

    #[test]
    fn parts_and_surplus_are_counted_in_bytes() {
        let truth = truth();
        let invariant = &truth.contents[0].invariant_pieces()[0];
        let mut surplus = invariant[..80].to_vec();
        surplus.extend_from_slice(&[0xaa; 20]);
        let score = Score::new(&[claim(&surplus, u64::MAX)], &truth);
        assert_eq!(score.contents[0].recall, 80.0 / 320.0);
        assert_eq!(score.contents[0].precision, 0.8);
        // Two parts add up; what both cover counts once.
        let parts = [claim(&invariant[..200], 5), claim(&invariant[160..320], 4)];
        let score = Score::new(&parts, &truth);
        assert_eq!(score.contents[0].recall, 1.0);
        assert_eq!(score.contents[0].detection.unwrap().time_ns, 4);
        assert_eq!(score.contents[0].detection.unwrap().delay_seconds, 0.0);
    }

    #[test]
    fn edges_are_those_of_the_nearest_claim() {
        let truth = truth();
        let invariant = truth.contents[0].invariant_pieces().remove(0);
        let edges = |contents: &[&[u8]]| {
            let claims: Vec<Claim> = contents.iter().map(|one| claim(one, 0)).collect();
            Score::new(&claims, &truth).contents[0].edges
        };
        let longer = [b"ab", &invariant[..], b"cde"].concat();
        assert_eq!(edges(&[]), None);
        assert_eq!(edges(&[&longer]), Some(Edges { left: 2, right: 3, exact: false }));
        assert_eq!(
            edges(&[&longer, &invariant[1..]]),
            Some(Edges { left: -1, right: 0, exact: false })
        );
        let exact = Some(Edges { left: 0, right: 0, exact: true });
        assert_eq!(edges(&[&longer, &invariant, &invariant[9..]]), exact);
        let mut changed = invariant.clone();
        changed[100] ^= 1;
        assert_eq!(edges(&[&changed]).map(|it| (it.most(), it.exact)), Some((0, false)));
    }

    #[test]
    fn unrelated_bytes_are_false_claims() {
        let truth = truth();
        let invariant = truth.contents[0].invariant_pieces().remove(0);
        let unrelated = claim(b"Accept-Encoding: gzip, deflate\r\n", 0);
        let seven = claim(&invariant[..7], 0);
        let elsewhere = Claim { port: Some(80), ..claim(&invariant, 0) };
        let by_tcp = Claim { protocol: Protocol::Tcp, ..claim(&invariant, 0) };
        let score = Score::new(&[unrelated, seven, elsewhere, by_tcp], &truth);
        assert_eq!((score.claims, score.false_claims), (4, 4));
        assert!(!score.all_detected());
        assert_eq!(score.contents[0].recall, 0.0);
        // Any port is a true claim, if a vague one.
        let anywhere = Claim { port: None, ..claim(&invariant, 0) };
        assert_eq!(Score::new(&[anywhere], &truth).false_claims, 0);
    }
}
