use super::*;
use crate::stream::test_traffic::{Rng, cut, swap_every_tenth_pair};

const DIRECTION: u64 = 0x1234_5678_9abc_def0;

/// One direction's true stream, and how often each window of it was seen.
struct Twin {
    stream: Vec<u8>,
    first: u32,
    context: usize,
    tails: StreamTails,
    in_payload: Vec<u32>,
    in_seam: Vec<u32>,
}

impl Twin {
    fn new(rng: &mut Rng, len: usize, context: usize) -> Self {
        let first = [0, 7, u32::MAX - 300, 0x7fff_ff00, rng.next() as u32][rng.below(5)];
        let windows = len - context;
        Self {
            stream: rng.bytes(len),
            first,
            context,
            tails: StreamTails::new(1 << 16, context, rng.next()),
            in_payload: vec![0; windows],
            in_seam: vec![0; windows],
        }
    }

    /// Sends stream bytes `from..to`; every joined buffer must be true.
    fn send(&mut self, (from, to): (usize, usize)) {
        for window in from..(to + 1).saturating_sub(self.context + 1).max(from) {
            self.in_payload[window] += 1;
        }
        let segment = Segment {
            direction: DIRECTION,
            sequence: self.first.wrapping_add(from as u32),
            syn: false,
            payload: &self.stream[from..to],
        };
        let (stream, seen, context) = (&self.stream, &mut self.in_seam, self.context);
        self.tails.advance(segment, |buffer, seam, offset| {
            assert!(seam > 0 && seam <= context && buffer.len() - seam <= context);
            let at = (from as i64 + i64::from(offset)) as usize;
            assert_eq!(buffer, &stream[at..at + buffer.len()]);
            for start in 0..buffer.len().saturating_sub(context) {
                seen[at + start] += 1;
            }
        });
    }

    /// A segment that is no part of the stream; what it is joined to is not
    /// looked at.
    fn fake(&mut self, sequence: u32, syn: bool, payload: &[u8]) {
        let segment = Segment { direction: DIRECTION, sequence, syn, payload };
        self.tails.advance(segment, |_, _, _| ());
    }

    fn syn(&mut self) {
        self.fake(self.first.wrapping_sub(1), true, &[]);
    }

    fn unseen(&self) -> usize {
        let both = self.in_payload.iter().zip(&self.in_seam);
        both.filter(|(payload, seam)| **payload + **seam == 0).count()
    }
}

#[test]
fn in_order_every_window_is_seen_exactly_once_whatever_the_segment_sizes() {
    let mut rng = Rng(1);
    for round in 0..400 {
        let context = [7, 39, 47, 63, 166][round % 5];
        let mut twin = Twin::new(&mut rng, 3_000, context);
        if round % 2 == 0 {
            twin.syn();
        }
        let largest = [1, 7, 39, 40, 100, 536, 1_460][rng.below(7)];
        let smallest = if rng.below(2) == 0 { 1 } else { largest };
        for piece in cut(&mut rng, 3_000, smallest, largest) {
            twin.send(piece);
        }
        for (payload, seam) in twin.in_payload.iter().zip(&twin.in_seam) {
            assert_eq!(payload + seam, 1);
        }
        assert_eq!(twin.tails.counters().seams_lost(), 0);
    }
}

#[test]
fn winnowing_context_covers_segments_shorter_than_itself() {
    let mut rng = Rng(2);
    for context in [166, 1_086] {
        let mut twin = Twin::new(&mut rng, 6_000, context);
        for piece in cut(&mut rng, 6_000, 100, 100) {
            twin.send(piece);
        }
        assert!(twin.in_seam.iter().all(|&seen| seen == 1));
    }
}

#[test]
fn swapped_pairs_cost_nothing() {
    let mut rng = Rng(3);
    for round in 0..400 {
        let mut twin = Twin::new(&mut rng, 20_000, 39);
        if round % 2 == 0 {
            twin.syn();
        }
        let size = [1, 7, 39, 40, 64, 536][round % 6];
        let mut pieces = cut(&mut rng, 20_000, size, size + round % 3 * size / 2);
        swap_every_tenth_pair(
            &mut pieces,
            if round % 2 == 0 { 0 } else { 1 + rng.below(9) },
        );
        for piece in pieces {
            twin.send(piece);
        }
        assert_eq!(twin.unseen(), 0, "size {size}");
        assert!(twin.in_seam.iter().all(|&seen| seen <= 1));
        assert_eq!(twin.tails.counters().seams_lost(), 0);
        assert!(twin.tails.counters().out_of_order > 0);
    }
}

#[test]
fn duplicates_retransmissions_and_overlaps_cost_nothing_unless_segments_are_tiny() {
    let mut rng = Rng(4);
    for round in 0..400 {
        let mut twin = Twin::new(&mut rng, 20_000, 39);
        let (smallest, largest) =
            [(40, 40), (40, 100), (40, 1_460), (1, 7), (20, 39)][round % 5];
        let mut pieces = cut(&mut rng, 20_000, smallest, largest);
        swap_every_tenth_pair(&mut pieces, 1);
        for i in 0..pieces.len() {
            twin.send(pieces[i]);
            match rng.below(12) {
                0 => twin.send(pieces[i]),
                1 => twin.send(pieces[rng.below(i + 1)]),
                // Another cut of what was sent: begins earlier, ends later.
                2 if i > 2 => {
                    let (from, to) = pieces[i];
                    let from = from.saturating_sub(rng.below(80));
                    twin.send((from, (to + rng.below(80)).min(20_000)));
                }
                3 if i > 4 => pieces[i - 4..i].iter().for_each(|&p| twin.send(p)),
                _ => {}
            }
        }
        // Overlaps longer than several tiny segments make some gaps look final.
        let counters = twin.tails.counters();
        let lost = counters.lost_to_gaps + counters.lost_to_store;
        let missed = if smallest < 20 { 39 * lost.min(5) } else { 0 };
        assert!(twin.unseen() as u64 <= missed, "{smallest} {counters:?}");
        assert!(smallest < 40 || lost == 0, "{counters:?}");
    }
}

#[test]
fn any_disorder_yields_true_windows_and_each_one_missed_is_a_lost_seam() {
    let mut rng = Rng(5);
    let (mut lost, mut unseen) = (0, 0);
    for round in 0..600 {
        let mut twin = Twin::new(&mut rng, 12_000, 39);
        twin.syn();
        let mut pieces =
            cut(&mut rng, 12_000, [1, 20, 40][round % 3], [20, 60, 400][round % 3]);
        let reach = 1 + rng.below(14);
        for _ in 0..pieces.len() / 8 {
            let i = rng.below(pieces.len());
            let j = (i + rng.below(reach)).min(pieces.len() - 1);
            pieces[i..=j].rotate_left(1);
        }
        pieces.into_iter().for_each(|piece| twin.send(piece));
        let counters = twin.tails.counters();
        assert!(
            twin.unseen() as u64 <= 39 * counters.lost_to_gaps,
            "{} unseen, {counters:?}",
            twin.unseen()
        );
        assert!(counters.recovered <= counters.lost_to_gaps);
        if round % 3 == 2 {
            assert_eq!(twin.unseen(), 0, "segments as long as a tail");
        }
        lost += counters.lost_to_gaps;
        unseen += twin.unseen();
    }
    // Disorder this deep does give gaps up, and nearly all are made good.
    assert!(lost > 100, "{lost}");
    assert!(unseen < lost as usize / 4, "{unseen} of {lost}");
}

#[test]
fn a_gap_that_is_never_filled_costs_one_seam() {
    let mut rng = Rng(6);
    for missing in [3, 20] {
        let mut twin = Twin::new(&mut rng, 10_000, 39);
        twin.syn();
        for (i, piece) in cut(&mut rng, 10_000, 100, 100).into_iter().enumerate() {
            if i != missing {
                twin.send(piece);
            }
        }
        assert_eq!(twin.unseen(), 100 + 39);
        assert_eq!(twin.tails.counters().seams_lost(), 1);
        assert_eq!(twin.tails.counters().restarts, 1);
    }
}

#[test]
fn a_late_segment_closes_a_gap_that_was_given_up() {
    let mut rng = Rng(7);
    let mut twin = Twin::new(&mut rng, 10_000, 39);
    let pieces = cut(&mut rng, 10_000, 100, 100);
    for (i, &piece) in pieces.iter().enumerate() {
        if i != 20 && i != 21 {
            twin.send(piece);
        }
        if i == 60 {
            twin.send(pieces[21]);
            twin.send(pieces[20]);
        }
    }
    assert_eq!(twin.unseen(), 0);
    assert_eq!(twin.tails.counters().recovered, 1);
}

#[test]
fn behind_many_gaps_the_first_segments_in_a_row_go_on() {
    let mut rng = Rng(8);
    let mut twin = Twin::new(&mut rng, 10_000, 39);
    let pieces = cut(&mut rng, 10_000, 100, 100);
    twin.send(pieces[0]);
    (2..=18).step_by(2).for_each(|i| twin.send(pieces[i]));
    assert_eq!(twin.tails.counters().restarts, 0);
    twin.send(pieces[19]);
    assert_eq!(twin.tails.counters().joined, 1);
    twin.send(pieces[20]);
    let counters = twin.tails.counters();
    assert_eq!((counters.joined, counters.restarts, counters.lost_to_gaps), (2, 1, 1));
}

#[test]
fn one_fake_segment_anywhere_costs_no_seam_of_the_true_stream() {
    let mut rng = Rng(9);
    for round in 0..600 {
        let mut twin = Twin::new(&mut rng, 8_000, 39);
        let at = if round % 2 == 0 { 0 } else { 1 + rng.below(12) };
        let true_syn = rng.below(2) == 0;
        // Far from the stream's own 8,000 numbers, on either side.
        let distance =
            [20_000, 500_000, 5 << 20, 1 << 30, 1 << 31, 3 << 30, u32::MAX - 90_000]
                [rng.below(7)];
        let fake = (twin.first.wrapping_add(distance), rng.below(2) == 0, rng.bytes(60));
        let mut pieces = cut(&mut rng, 8_000, 40, 200);
        if round % 3 == 0 {
            swap_every_tenth_pair(&mut pieces, 3);
        }
        for (i, &piece) in pieces.iter().enumerate() {
            if i == at {
                twin.fake(fake.0, fake.1, &fake.2);
            }
            if i == 0 && true_syn {
                twin.syn();
            }
            twin.send(piece);
        }
        assert_eq!(twin.unseen(), 0, "round {round}: {at} {distance} {:?}", fake.1);
    }
}

#[test]
fn a_syn_begins_anew_and_its_data_lies_one_number_on() {
    let mut tails = StreamTails::new(1 << 16, 4, 0);
    let mut seams = Vec::new();
    let mut send = |sequence, syn, payload: &[u8]| {
        let segment = Segment { direction: 5, sequence, syn, payload };
        tails.advance(segment, |b, seam, offset| seams.push((b.to_vec(), seam, offset)));
    };
    send(u32::MAX, true, b"abcdef");
    send(6, false, b"ghi");
    send(900, true, b"");
    send(901, false, b"uvw");
    send(904, false, b"");
    send(904, false, b"xyz");
    let expected = [(b"cdefghi".to_vec(), 4, -4), (b"uvwxyz".to_vec(), 3, -3)];
    assert_eq!(seams, expected);
    assert_eq!(tails.counters().midstream, 0);
}

#[test]
fn no_flood_of_directions_outgrows_the_memory_or_is_left_uncounted() {
    for bytes in [0, 1_000, 10_000, 100_000] {
        let mut tails = StreamTails::new(bytes, 39, 11);
        assert!(tails.memory_bytes() <= bytes.max(200), "{bytes}");
        let before = tails.memory_bytes();
        let mut rng = Rng(10);
        for i in 0..20_000u32 {
            let payload = rng.bytes(10);
            let segment = Segment {
                direction: rng.next(),
                sequence: i,
                syn: false,
                payload: &payload,
            };
            tails.advance(segment, |_, _, _| panic!("one segment has no seam"));
        }
        assert_eq!(tails.memory_bytes(), before);
        let counters = tails.counters();
        assert_eq!(counters.segments, 20_000);
        let held = counters.midstream - counters.evictions;
        assert!(held <= tails.capacity() as u64);
        assert_eq!(counters.midstream + counters.refused, 20_000);
        assert_eq!(counters.refused > 0, tails.capacity() == 0);
    }
}

#[test]
fn random_segments_of_a_few_directions_never_panic() {
    let mut rng = Rng(12);
    let mut tails = StreamTails::new(6_000, 9, 13);
    let base = rng.next() as u32;
    for _ in 0..200_000 {
        let payload = rng.bytes(rng.0 as usize % 30);
        let near = if rng.below(8) == 0 { 0x8000_0000 } else { 200 };
        let segment = Segment {
            direction: (rng.below(5) as u64) << 32,
            sequence: base.wrapping_add(rng.below(near) as u32),
            syn: rng.below(50) == 0,
            payload: &payload,
        };
        tails.advance(segment, |buffer, seam, _| {
            assert!(0 < seam && seam < buffer.len() && seam <= 9);
            assert!(buffer.len() - seam <= 9);
        });
    }
    assert!(tails.counters().joined > 10_000);
}

/// Tails with room for 144 pieces of one direction.
fn roomy(rng: &mut Rng, len: usize) -> Twin {
    let mut twin = Twin::new(rng, len, 39);
    twin.tails = StreamTails::new(1 << 18, 39, rng.next());
    twin
}

fn even_first(pieces: &[(usize, usize)]) -> impl Iterator<Item = (usize, usize)> {
    let odd = pieces.iter().skip(1).step_by(2);
    odd.chain(pieces.iter().step_by(2)).copied()
}

#[test]
fn every_other_segment_first_costs_no_seam_while_they_fit_a_share() {
    let mut rng = Rng(21);
    for round in 0..60 {
        let (size, count) = ([1, 8, 40][round % 3], 66 + rng.below(220));
        let mut twin = roomy(&mut rng, (size * count).max(100));
        let pieces = cut(&mut rng, size * count, size, size);
        let sent = (size * count).saturating_sub(39);
        twin.syn();
        even_first(&pieces).for_each(|piece| twin.send(piece));
        let both = twin.in_payload.iter().zip(&twin.in_seam).take(sent);
        assert_eq!(both.filter(|(a, b)| *a + *b == 0).count(), 0, "{size} {count}");
    }
}

#[test]
fn of_more_than_fit_as_many_are_joined_as_are_kept() {
    let mut rng = Rng(22);
    for size in [1, 8, 30] {
        let mut twin = roomy(&mut rng, 450 * size);
        let pieces = cut(&mut rng, 450 * size, size, size);
        twin.syn();
        even_first(&pieces).for_each(|piece| twin.send(piece));
        let seen: Vec<bool> = twin.in_seam.iter().map(|seen| *seen > 0).collect();
        let longest = seen.split(|seen| !seen).map(<[bool]>::len).max().unwrap();
        assert!(longest + 39 >= 2 * 130 * size, "{longest} windows in a row of {size}");
        assert!(twin.tails.counters().lost_to_store > 0);
    }
}

#[test]
fn fakes_far_ahead_displace_little_of_what_is_near() {
    let mut rng = Rng(23);
    for round in 0..200 {
        let mut twin = Twin::new(&mut rng, 8_000, 39);
        let mut pieces = cut(&mut rng, 8_000, 40, 60);
        pieces.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        let most = [20, 500, 5_000][round % 3] << 10;
        for (i, &piece) in pieces.iter().enumerate() {
            if i > 0 && rng.below(4) == 0 {
                for _ in 0..40 {
                    let far = twin.first.wrapping_add(10_000 + rng.below(most) as u32);
                    let bytes = rng.bytes(40);
                    twin.fake(far, false, &bytes);
                }
            }
            twin.send(piece);
        }
        // Where fakes overlap each other they go on from each other, and draw the tail away.
        let most = if round % 3 == 0 { 1_600 } else { 400 };
        let counters = twin.tails.counters();
        assert!(twin.unseen() <= most, "round {round}: {} {counters:?}", twin.unseen());
    }
}

#[test]
fn a_direction_that_fills_the_store_leaves_others_their_part() {
    let mut rng = Rng(24);
    let mut twin = roomy(&mut rng, 4_000);
    let pieces = cut(&mut rng, 4_000, 100, 100);
    twin.syn();
    for (i, piece) in even_first(&pieces).enumerate() {
        for k in 0..50 {
            let payload = rng.bytes(20);
            let sequence = 1_000 * (50 * i as u32 + k);
            let segment =
                Segment { direction: 77, sequence, syn: false, payload: &payload };
            twin.tails.advance(segment, |_, _, _| ());
        }
        twin.send(piece);
    }
    assert_eq!(twin.unseen(), 0, "{:?}", twin.tails.counters());
}

#[test]
fn true_segments_go_on_from_each_other_beside_fakes_that_do() {
    let mut rng = Rng(25);
    for size in [1, 8, 32, 100] {
        for fake_first in [true, false] {
            let mut twin = Twin::new(&mut rng, 100 * size, 39.min(100 * size - 1));
            twin.syn();
            for (from, to) in cut(&mut rng, 100 * size, size, size) {
                let sequence = twin.first.wrapping_add(from as u32);
                let fake = rng.bytes(to - from);
                if fake_first {
                    twin.fake(sequence, false, &fake);
                }
                twin.send((from, to));
                if !fake_first {
                    twin.fake(sequence, false, &fake);
                }
            }
            assert_eq!(
                twin.unseen(),
                0,
                "{size} {fake_first} {:?}",
                twin.tails.counters()
            );
        }
    }
}
