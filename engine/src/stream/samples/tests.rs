use super::*;
use crate::stream::test_traffic::{Rng, cut, swap_every_tenth_pair};
use crate::stream::{Acknowledgement, Segment, StreamTails};

const SECOND: u64 = 1_000_000_000;

fn piece(
    number: u64,
    direction: Option<u64>,
    sequence: u32,
    payload: &[u8],
) -> PacketPiece<'_> {
    PacketPiece {
        number,
        direction,
        sequence,
        syn: false,
        payload,
        source: Host(u128::from(number)),
        destination: Host(2),
        source_port: 1_025,
        destination_port: 80,
        time: Timestamp::from_nanos(number * SECOND / 1_000),
        whole: true,
    }
}

#[test]
fn every_sample_is_the_true_stream_around_its_window() {
    let mut rng = Rng(1);
    let (mut taken, mut shown) = (0, 0);
    for round in 0..150 {
        let mut samples = Samples::new(200_000, [2_048, 600][round % 2], 9);
        let streams: Vec<_> =
            (0..3).map(|_| (rng.next() as u32, rng.bytes(6_000))).collect();
        let mut packets = Vec::new();
        for direction in 0..3 {
            let largest = [1, 40, 400, 1_460, 5_000][rng.below(5)];
            packets.extend(
                cut(&mut rng, 6_000, 1 + largest / 2, largest)
                    .into_iter()
                    .map(|p| (direction, p)),
            );
        }
        // Interleaved, swapped, some missing, some twice.
        for _ in 0..packets.len() {
            let (i, far) = (rng.below(packets.len()), rng.below(60));
            let j = (i + far).min(packets.len() - 1);
            match rng.below(12) {
                0 if packets.len() > 5 => drop(packets.remove(i)),
                1 => packets[j] = packets[i],
                _ => packets.swap(i, j),
            }
        }
        let mut wanted = Vec::new();
        for (number, &(direction, (from, to))) in packets.iter().enumerate() {
            let (first, stream) = &streams[direction];
            let sequence = first.wrapping_add(from as u32);
            let packet =
                piece(number as u64, Some(direction as u64), sequence, &stream[from..to]);
            samples.segment(packet);
            if rng.below(4) == 0 {
                let window =
                    (from + rng.below(to - from + 40)).saturating_sub(20).min(5_960);
                let offset = window as i32 - from as i32;
                if samples.take(packet, offset, 40, rng.below(3) as u8) {
                    wanted.push((number as u64, offset, direction, window));
                }
            }
        }
        taken += wanted.len();
        for &(number, offset, direction, window) in &wanted {
            let Some(view) = samples.sample(number, offset) else { continue };
            let stream = &streams[direction].1;
            let begin = window - view.window;
            assert!(view.window + 40 <= view.bytes.len());
            assert_eq!(view.bytes, &stream[begin..begin + view.bytes.len()]);
            shown += 1;
        }
        for (number, offset, ..) in wanted {
            samples.release(number, offset);
        }
    }
    assert!(taken > 1_500 && shown > taken * 9 / 10, "{shown} of {taken}");
}

#[test]
fn small_swapped_segments_give_the_whole_content_wherever_the_window_lies() {
    let mut rng = Rng(2);
    let (before, content, len) = (304, 344, 900);
    for window in before..before + content - 40 {
        let stream = rng.bytes(len);
        let first = if window % 2 == 0 { 5 } else { u32::MAX - 500 };
        let mut pieces = cut(&mut rng, len, 40, 40);
        swap_every_tenth_pair(&mut pieces, rng.below(10));
        let mut tails = StreamTails::new(1 << 14, 39, 1);
        let mut samples = Samples::new(100_000, 2_048, 1);
        let mut wanted = None;
        for (number, &(from, to)) in pieces.iter().enumerate() {
            let sequence = first.wrapping_add(from as u32);
            let payload = &stream[from..to];
            let mut seen = (from <= window && window + 40 <= to)
                .then_some(window as i32 - from as i32);
            let segment = Segment {
                direction: 7,
                sequence,
                syn: false,
                acknowledgement: Acknowledgement::Unknown,
                payload,
            };
            tails.advance(segment, |buffer, _, offset| {
                let at = window as i32 - from as i32 - offset;
                if at >= 0 && at as usize + 40 <= buffer.len() {
                    seen = Some(at + offset);
                }
            });
            let packet = piece(number as u64, Some(7), sequence, payload);
            samples.segment(packet);
            if let Some(offset) = seen {
                assert!(samples.take(packet, offset, 40, 1));
                wanted = Some((number as u64, offset));
            }
        }
        let (number, offset) = wanted.expect("every window is seen");
        let view = samples.sample(number, offset).unwrap();
        let begin = window - view.window;
        let end = begin + view.bytes.len();
        assert_eq!(view.bytes, &stream[begin..end]);
        assert!(
            begin <= before && end >= before + content,
            "{begin}..{end} for {window}"
        );
    }
}

#[test]
fn a_window_beyond_the_payload_is_taken_from_segments_that_came_early() {
    let mut rng = Rng(3);
    let stream = rng.bytes(4_500);
    let mut samples = Samples::new(100_000, 2_048, 1);
    for (number, from) in [(1, 0), (2, 3_000)] {
        samples.segment(piece(number, Some(1), from, &stream[from as usize..][..1_500]));
    }
    let filler = piece(3, Some(1), 1_500, &stream[1_500..3_000]);
    samples.segment(filler);
    assert!(samples.take(filler, 1_480, 40, 0));
    let view = samples.sample(3, 1_480).unwrap();
    assert_eq!(&view.bytes[view.window..][..40], &stream[2_980..3_020]);
    assert!(view.bytes.len() > 1_900);
    assert!(!samples.take(filler, 4_000, 40, 0));
    assert!(!samples.take(piece(9, Some(4), 0, b"unknown"), -20, 27, 0));
    assert_eq!(samples.counters().out_of_reach, 2);
}

#[test]
fn a_hole_ends_a_sample_until_it_is_filled() {
    let stream: Vec<u8> = (0..100).collect();
    let mut samples = Samples::new(100_000, 2_048, 1);
    let send = |samples: &mut Samples, number, from: usize, to: usize| {
        samples.segment(piece(number, Some(1), from as u32, &stream[from..to]));
    };
    send(&mut samples, 1, 0, 20);
    send(&mut samples, 2, 40, 60);
    assert!(samples.take(piece(2, Some(1), 40, &stream[40..60]), 0, 8, 0));
    send(&mut samples, 3, 80, 100);
    assert_eq!(samples.sample(2, 0).unwrap().bytes, &stream[40..60]);
    send(&mut samples, 4, 60, 80);
    assert_eq!(samples.sample(2, 0).unwrap().bytes, &stream[40..100]);
    send(&mut samples, 5, 20, 40);
    let view = samples.sample(2, 0).unwrap();
    assert_eq!((view.bytes, view.window), (&stream[..], 40));
}

#[test]
fn the_first_copy_of_a_byte_stays_but_a_window_is_shown_as_its_packet_has_it() {
    let mut samples = Samples::new(100_000, 2_048, 1);
    let packet = piece(1, Some(1), 0, b"the first copy");
    samples.segment(packet);
    assert!(samples.take(packet, 0, 14, 0));
    let other = piece(2, Some(1), 0, b"another copy, longer");
    samples.segment(other);
    assert_eq!(samples.sample(1, 0).unwrap().bytes, b"the first copylonger");
    assert!(samples.take(other, 0, 12, 0));
    assert_eq!(samples.sample(2, 0).unwrap().bytes, b"another copy, longer");
    assert_eq!(samples.live(), 2);
}

#[test]
fn packets_of_one_stretch_share_a_sample_until_the_last_lets_go() {
    let stream: Vec<u8> = (0..=255).collect();
    let mut samples = Samples::new(100_000, 2_048, 1);
    for (number, from) in [(1, 0usize), (2, 100)] {
        let packet = piece(number, Some(1), from as u32, &stream[from..from + 100]);
        samples.segment(packet);
        assert!(samples.take(packet, 10, 40, 0));
        assert!(samples.take(packet, 50, 40, 0));
    }
    let view = samples.sample(2, 50).unwrap();
    assert_eq!((view.id, view.packet, view.source), (1, 1, Host(1)));
    assert_eq!((view.bytes, view.window), (&stream[..200], 150));
    assert_eq!((samples.counters().taken, samples.counters().shared), (1, 3));
    for (number, offset) in [(1, 10), (1, 50), (2, 50)] {
        assert!(samples.release(number, offset));
        assert_eq!(samples.live(), 1);
    }
    assert!(samples.sample(1, 10).is_none());
    assert!(samples.release(2, 10) && !samples.release(2, 10));
    assert_eq!((samples.live(), samples.counters().released), (0, 1));
}

#[test]
fn a_datagram_is_its_payload_alone_and_a_long_one_gives_several_samples() {
    let mut rng = Rng(4);
    let payload = rng.bytes(60_000);
    let mut samples = Samples::new(100_000, 2_048, 1);
    let short = piece(1, None, 0, &payload[..376]);
    samples.segment(short);
    assert!(samples.take(short, 0, 376, 0));
    assert!(!samples.take(short, -1, 40, 0) && !samples.take(short, 337, 40, 0));
    assert_eq!(samples.sample(1, 0).unwrap().bytes, &payload[..376]);
    let long = piece(2, None, 0, &payload);
    let mut ids = Vec::new();
    for offset in [0, 30_000, 59_960] {
        assert!(samples.take(long, offset, 40, 0));
        let view = samples.sample(2, offset).unwrap();
        let begin = offset as usize - view.window;
        assert_eq!(view.bytes, &payload[begin..begin + 2_048]);
        ids.push(view.id);
    }
    assert_eq!(ids, [2, 2 | 1 << 56, 2 | 2 << 56]);
}

#[test]
fn a_flood_of_low_priority_never_keeps_a_high_one_out() {
    let mut samples = Samples::new(60_000, 512, 1);
    let take = |samples: &mut Samples, number: u64, priority| {
        let payload = number.to_le_bytes().repeat(8);
        samples.take(piece(number, None, 0, &payload), 0, 40, priority)
    };
    let mut room = 0;
    while take(&mut samples, room, 1) {
        room += 1;
    }
    assert!(room > 30);
    // The flood is as worthy as itself, and young.
    assert_eq!(samples.counters().refused, 1);
    for number in 1_000..1_010 {
        assert!(take(&mut samples, number, 9));
    }
    assert_eq!(samples.counters().evicted, 10);
    assert!(samples.sample(9, 0).is_none() && samples.sample(10, 0).is_some());
    for number in 2_000..12_000 {
        take(&mut samples, number, 0);
    }
    // 60 s after they were taken, equals give way, the oldest first.
    assert!(take(&mut samples, 61_000, 1));
    assert!(samples.sample(10, 0).is_none() && samples.sample(11, 0).is_some());
    for number in 70_000..70_000 + 3 * room {
        take(&mut samples, number, 1);
    }
    for number in 1_000..1_010 {
        assert!(samples.sample(number, 0).is_some(), "the high ones stay");
    }
    assert_eq!(samples.live() as u64, room);
}

#[test]
fn a_raised_sample_keeps_its_age_among_its_new_equals() {
    let mut samples = Samples::new(60_000, 512, 1);
    let take = |samples: &mut Samples, number: u64, priority| {
        let payload = number.to_le_bytes().repeat(8);
        samples.take(piece(number, None, 0, &payload), 0, 40, priority)
    };
    let mut probe = Samples::new(60_000, 512, 1);
    let room = (0..).take_while(|&number| take(&mut probe, number, 5)).count() as u64;
    for number in 0..room {
        assert!(take(&mut samples, number, if number == 3 { 1 } else { 5 }));
    }
    assert!(take(&mut samples, 3, 5));
    for number in 100_000..100_004 {
        assert!(take(&mut samples, number, 5));
    }
    assert!((0..4).all(|number| samples.sample(number, 0).is_none()));
    assert!(samples.sample(4, 0).is_some());
}

#[test]
fn many_small_packets_on_one_sample_do_not_use_up_the_anchors_for_others() {
    let stream = Rng(5).bytes(4_000);
    let mut samples = Samples::new(30_000, 2_048, 1);
    for number in 0..1_500u64 {
        let packet =
            piece(number, Some(1), number as u32, &stream[number as usize..][..40]);
        samples.segment(packet);
        samples.take(packet, 0, 40, 0);
    }
    assert!(samples.counters().refused > 0);
    let packet = piece(9_999, None, 0, &stream);
    assert!(samples.take(packet, 0, 40, 1));
    assert!(samples.sample(9_999, 0).is_some());
}

#[test]
fn any_memory_is_kept_to_and_any_order_of_calls_is_survived() {
    let mut rng = Rng(6);
    let stream = rng.bytes(70_000);
    for bytes in [0, 500, 5_000, 20_000, 100_000] {
        let mut samples = Samples::new(bytes, [1, 600, 2_048][rng.below(3)], rng.next());
        let memory = samples.memory_bytes();
        assert!(memory <= bytes);
        for _ in 0..20_000 {
            let from = rng.below(3_000);
            let len = if rng.below(50) == 0 { 60_000 } else { rng.below(300) };
            let direction = (rng.below(4) > 0).then(|| rng.below(3) as u64);
            let mut packet = piece(
                rng.below(200) as u64,
                direction,
                (from as u32).wrapping_sub(1_500),
                &stream[from..from + len],
            );
            packet.syn = rng.below(9) == 0;
            let offset = match rng.below(20) {
                0 => i32::MIN,
                1 => i32::MAX,
                _ => rng.below(400) as i32 - 100,
            };
            match rng.below(4) {
                0 => samples.segment(packet),
                1 => _ = samples.release(packet.number, offset),
                2 => _ = samples.sample(packet.number, offset),
                _ => {
                    let taken =
                        samples.take(packet, offset, rng.below(100), rng.below(4) as u8);
                    assert_eq!(
                        taken,
                        taken && samples.sample(packet.number, offset).is_some()
                    );
                }
            }
        }
        assert_eq!(samples.memory_bytes(), memory);
        let counters = *samples.counters();
        let live = counters.taken - counters.evicted - counters.released;
        assert_eq!(live, samples.live() as u64);
        match bytes {
            0 | 500 => assert_eq!(counters.taken, 0),
            5_000 => {}
            _ => assert!(counters.taken > 0 && counters.released > 0, "{counters:?}"),
        }
    }
}

#[test]
fn counters_of_shards_add_up() {
    let one = SampleCounters {
        taken: 1,
        shared: 2,
        refused: 3,
        out_of_reach: 4,
        evicted: 5,
        released: 6,
    };
    let mut sum = one;
    sum.add(&one);
    assert_eq!((sum.taken, sum.shared, sum.refused), (2, 4, 6));
    assert_eq!((sum.out_of_reach, sum.evicted, sum.released), (8, 10, 12));
}
