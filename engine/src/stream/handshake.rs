//! Whether a TCP sender gets the answers to its address.
//!
//! Whoever forges a source address does not see what the receiver answers, and so
//! does not know the sequence numbers that it must acknowledge (RFC 9293, section
//! 3.10.7.4; RFC 6528 on why they cannot be guessed).

use super::after;
use crate::packet::Handshake;

/// What a segment says of the other direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Not known: whoever put the stream together did not say.
    #[default]
    Unknown,
    /// Nothing: its header has no ACK flag.
    Absent,
    /// The header's acknowledgement number.
    Number(u32),
    /// What the other side sent: whoever put the stream together has seen that.
    Fits,
}

/// What [`StreamTails::advance`](super::StreamTails::advance) says of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is known of its sender.
    pub handshake: Handshake,
    /// Whether that was found out at this very segment.
    pub is_first: bool,
}

/// How far an acknowledgement may lie from the sequence number expected next: the
/// largest window without scaling (RFC 9293, section 3.1). Behind it where answers
/// crossed, ahead of it where the capture lost some. One guess in 32,768 fits.
const REACH: i32 = 65_535;

/// Whether `acknowledgement` is of a side whose next byte is `expected`.
pub(super) const fn fits(acknowledgement: u32, expected: u32) -> bool {
    after(acknowledgement, expected).unsigned_abs() <= REACH.unsigned_abs()
}

/// What an answer, or none, says of the sender.
pub(super) const fn handshake(answered: bool) -> Handshake {
    if answered { Handshake::Answered } else { Handshake::Unanswered }
}

/// The bit in which the two directions of a connection differ.
const REVERSE: u64 = 1 << 63;

/// A flow direction, never 0: a keyed hash of the connection's ends, the same for both
/// directions, and whether the end that counts as the higher one sends.
pub const fn direction(connection: u64, from_higher: bool) -> u64 {
    let side = if from_higher { REVERSE } else { 0 };
    // The lowest bits are no part of a tag in the table.
    (connection & !REVERSE) | side | 1
}

/// The other direction of the same connection.
pub(super) const fn reverse(direction: u64) -> u64 {
    direction ^ REVERSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::test_traffic::Rng;
    use crate::stream::{Segment, StreamTails};
    use std::collections::HashMap;

    /// One direction as the slow twin has it.
    #[derive(Clone, Copy)]
    struct Side {
        expected: u32,
        answered: Option<bool>,
    }

    /// Every direction ever seen, in a map.
    #[derive(Default)]
    struct Twin(HashMap<(usize, bool), Side>);

    impl Twin {
        fn advance(
            &mut self,
            (connection, higher): (usize, bool),
            (sequence, syn, acknowledgement): (u32, bool, Option<u32>),
            length: u32,
        ) -> Verdict {
            let start = sequence.wrapping_add(u32::from(syn));
            let other = self.0.get(&(connection, !higher)).map(|side| side.expected);
            let new = Side { expected: start, answered: None };
            let side = self.0.entry((connection, higher)).or_insert(new);
            if syn && side.expected != start {
                *side = new;
            }
            if length == 0 {
                return Verdict::default();
            }
            let is_first = side.answered.is_none();
            let answered = *side.answered.get_or_insert_with(|| {
                acknowledgement.zip(other).is_some_and(|(number, expected)| {
                    let away = i64::from(number) - i64::from(expected);
                    [away, away - (1 << 32), away + (1 << 32)]
                        .into_iter()
                        .any(|away| away.abs() <= 65_535)
                })
            });
            side.expected = start.wrapping_add(length);
            Verdict { handshake: handshake(answered), is_first }
        }
    }

    /// A host that follows sessions itself is believed, from the first piece on that says
    /// something.
    #[test]
    fn what_a_host_says_of_a_session_holds_for_its_direction() {
        use Acknowledgement::{Absent, Fits, Unknown};
        let says = |given: &[Acknowledgement]| -> Vec<Verdict> {
            let mut tails = StreamTails::new(1 << 18, 39, 7);
            let pieces = given.iter().zip(0..).map(|(&acknowledgement, n)| {
                let (sequence, payload) = (n * 4, &b"four"[..]);
                let segment = Segment {
                    direction: 9,
                    sequence,
                    syn: false,
                    acknowledgement,
                    payload,
                };
                tails.advance(segment, |_, _, _| ())
            });
            pieces.collect()
        };
        let verdict = |handshake, is_first| Verdict { handshake, is_first };
        let nothing = Verdict::default();
        let (yes, no) = (Handshake::Answered, Handshake::Unanswered);
        assert_eq!(says(&[Unknown, Unknown]), [nothing, nothing]);
        assert_eq!(says(&[Fits, Absent]), [verdict(yes, true), verdict(yes, false)]);
        assert_eq!(says(&[Absent, Fits]), [verdict(no, true), verdict(no, false)]);
        assert_eq!(
            says(&[Unknown, Fits, Unknown]),
            [nothing, verdict(yes, true), verdict(yes, false)]
        );
    }

    #[test]
    fn it_says_what_a_map_of_all_directions_says() {
        let mut rng = Rng(21);
        let mut seen = [0; 2];
        for round in 0..60 {
            let hashes: Vec<u64> = (0..40).map(|_| rng.next()).collect();
            let mut tails = StreamTails::new(1 << 18, 39, rng.next());
            let mut twin = Twin::default();
            let mut next: HashMap<(usize, bool), u32> = HashMap::new();
            for _ in 0..3_000 {
                let connection = rng.below(hashes.len());
                let side = (connection, rng.below(2) == 0);
                let fresh = !next.contains_key(&side) || rng.below(60) == 0;
                let syn = fresh && rng.below(4) > 0;
                let mut sequence = match fresh {
                    true if round % 2 == 0 => u32::MAX - rng.below(2_000) as u32,
                    true => rng.next() as u32,
                    false => next[&side],
                };
                // Without a SYN, what lies elsewhere is out of order, which is not
                // the question here.
                if fresh
                    && !syn
                    && let Some(known) = next.get(&side)
                {
                    sequence = *known;
                }
                let other = next.get(&(connection, !side.1)).copied();
                let acknowledgement = match (rng.below(8), other) {
                    (0, _) => None,
                    (1..5, Some(other)) => Some(other.wrapping_sub(rng.below(9) as u32)),
                    (5, Some(other)) => {
                        Some(other.wrapping_add(65_530 + rng.below(12) as u32))
                    }
                    (6, Some(other)) => {
                        Some(other.wrapping_sub(65_530 + rng.below(12) as u32))
                    }
                    _ => Some(rng.next() as u32),
                };
                let length = if syn { rng.below(2) * 20 } else { rng.below(90) };
                let payload = rng.bytes(length);
                let start = sequence.wrapping_add(u32::from(syn));
                if syn || length > 0 {
                    next.insert(side, start.wrapping_add(length as u32));
                    let segment = Segment {
                        direction: direction(hashes[connection], side.1),
                        sequence,
                        syn,
                        acknowledgement: acknowledgement
                            .map_or(Acknowledgement::Absent, Acknowledgement::Number),
                        payload: &payload,
                    };
                    let found = tails.advance(segment, |_, _, _| ());
                    let wanted = twin.advance(
                        side,
                        (sequence, syn, acknowledgement),
                        length as u32,
                    );
                    assert_eq!(found, wanted, "round {round}");
                    if found.is_first {
                        seen[usize::from(found.handshake == Handshake::Answered)] += 1;
                    }
                }
            }
            assert_eq!(tails.counters().evictions, 0);
        }
        assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
    }

    #[test]
    fn the_two_directions_differ_and_lead_to_each_other() {
        for connection in [0, 1, u64::MAX, REVERSE, 0x1234_5678] {
            let both = [direction(connection, false), direction(connection, true)];
            assert!(both.iter().all(|one| *one != 0));
            assert_ne!(both[0], both[1]);
            assert_eq!([reverse(both[1]), reverse(both[0])], both);
        }
    }
}
