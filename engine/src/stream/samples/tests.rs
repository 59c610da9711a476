use super::*;
use crate::stream::test_traffic::{Rng, cut, swap_every_tenth_pair};
use crate::stream::{Segment, StreamTails};

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
        seam: None,
    }
}

/// The sample of a window of 8 bytes or more, whatever its bytes.
fn look(samples: &mut Samples, number: u64, offset: i32) -> Option<SampleView<'_>> {
    samples.sample(number, offset, 8, |_| true)
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
            let Some(view) = samples.sample(number, offset, 40, |_| true) else {
                continue;
            };
            let stream = &streams[direction].1;
            let begin = window - view.window;
            assert!(view.window + 40 <= view.bytes.len());
            assert_eq!(view.bytes, &stream[begin..begin + view.bytes.len()]);
            shown += 1;
        }
        for (number, offset, ..) in wanted {
            samples.release(number, offset, 40);
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
            let segment = Segment { direction: 7, sequence, syn: false, payload };
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
        let view = look(&mut samples, number, offset).unwrap();
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
    let view = look(&mut samples, 3, 1_480).unwrap();
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
    assert_eq!(look(&mut samples, 2, 0).unwrap().bytes, &stream[40..60]);
    send(&mut samples, 4, 60, 80);
    assert_eq!(look(&mut samples, 2, 0).unwrap().bytes, &stream[40..100]);
    send(&mut samples, 5, 20, 40);
    let view = look(&mut samples, 2, 0).unwrap();
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
    assert_eq!(look(&mut samples, 1, 0).unwrap().bytes, b"the first copylonger");
    assert!(samples.take(other, 0, 12, 0));
    assert_eq!(look(&mut samples, 2, 0).unwrap().bytes, b"another copy, longer");
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
    let view = look(&mut samples, 2, 50).unwrap();
    assert_eq!((view.id, view.packet, view.source), (1, 1, Host(1)));
    assert_eq!((view.bytes, view.window), (&stream[..200], 150));
    assert_eq!((samples.counters().taken, samples.counters().shared), (1, 3));
    for (number, offset) in [(1, 10), (1, 50), (2, 50)] {
        assert!(samples.release(number, offset, 40));
        assert_eq!(samples.live(), 1);
    }
    assert!(look(&mut samples, 1, 10).is_none());
    assert!(samples.release(2, 10, 40) && !samples.release(2, 10, 40));
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
    assert_eq!(look(&mut samples, 1, 0).unwrap().bytes, &payload[..376]);
    let long = piece(2, None, 0, &payload);
    let mut ids = Vec::new();
    for offset in [0, 30_000, 59_960] {
        let offset: i32 = offset;
        assert!(samples.take(long, offset, 40, 0));
        let view = look(&mut samples, 2, offset).unwrap();
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
    assert!(look(&mut samples, 9, 0).is_none() && look(&mut samples, 10, 0).is_some());
    for number in 2_000..12_000 {
        take(&mut samples, number, 0);
    }
    // 60 s after they were taken, equals give way, the oldest first.
    assert!(take(&mut samples, 61_000, 1));
    assert!(look(&mut samples, 10, 0).is_none() && look(&mut samples, 11, 0).is_some());
    for number in 70_000..70_000 + 3 * room {
        take(&mut samples, number, 1);
    }
    for number in 1_000..1_010 {
        assert!(look(&mut samples, number, 0).is_some(), "the high ones stay");
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
    assert!((0..4).all(|number| look(&mut samples, number, 0).is_none()));
    assert!(look(&mut samples, 4, 0).is_some());
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
    assert!(look(&mut samples, 9_999, 0).is_some());
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
                1 => _ = samples.release(packet.number, offset, 40),
                2 => _ = look(&mut samples, packet.number, offset),
                _ => {
                    let length = rng.below(100);
                    let taken = samples.take(packet, offset, length, rng.below(4) as u8);
                    let view = samples.sample(packet.number, offset, length, |_| true);
                    // Of a datagram that is shorter, all.
                    assert!(!taken || view.is_some_and(|it| it.window_len <= length));
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

/// What the packets have at each wanted window, as their sender or a forger sent it.
fn window_of(packet: &PacketPiece<'_>, offset: i32, length: usize) -> Vec<u8> {
    packet.window(offset, length).expect("a window that was seen").to_vec()
}

#[test]
fn every_sample_shown_holds_its_whole_window_with_the_bytes_that_were_wanted() {
    let mut rng = Rng(7);
    let (mut shown, mut long, mut given_back) = (0, 0, 0);
    for round in 0..120 {
        let mut samples = Samples::new(400_000, [2_048, 600][round % 2], 9);
        let mut wanted: Vec<(u64, i32, Vec<u8>)> = Vec::new();
        for direction in 0..4_u64 {
            let stream = rng.bytes(9_000);
            let largest = [40, 700, 1_460, 6_000][rng.below(4)];
            let pieces = cut(&mut rng, 9_000, 1 + largest / 2, largest);
            for (n, (from, to)) in (0..).zip(pieces) {
                let number = direction * 10_000 + 2 * n;
                let direction = (direction > 0).then_some(direction);
                let sequence = if direction.is_some() { from as u32 } else { 0 };
                let payload = &stream[from..to];
                // Another segment at the same place, before or after the true one: all
                // other bytes, or one other in sixty.
                let mut decoy = payload.to_vec();
                let every = [1, 60][rng.below(2)];
                decoy.iter_mut().step_by(every).for_each(|byte| *byte ^= 0x55);
                let mut sent = vec![(number, payload)];
                if direction.is_some() && rng.below(3) > 0 {
                    sent.insert(rng.below(2), (number + 1, &decoy[..]));
                }
                for (number, payload) in sent {
                    let seam_at = from.min(39);
                    let seam_end = (to - from).min(39);
                    let mut seam = stream[from - seam_at..from].to_vec();
                    seam.extend(&payload[..seam_end]);
                    let packet = PacketPiece {
                        seam: direction.map(|_| (-(seam_at as i32), &seam[..])),
                        ..piece(number, direction, sequence, payload)
                    };
                    samples.segment(packet);
                    // High and low ones in any order.
                    for _ in 0..rng.below(8) {
                        let first = if direction.is_some() { seam_at } else { 0 };
                        let at = rng.below(first + payload.len()) as i32 - first as i32;
                        if packet.window(at, 40).is_some()
                            && samples.take(packet, at, 40, 1)
                        {
                            wanted.push((number, at, window_of(&packet, at, 40)));
                            long += usize::from(payload.len() > 2_048);
                        }
                    }
                }
            }
        }
        for (number, at, bytes) in &wanted {
            let view = samples.sample(*number, *at, 40, |window| window == bytes);
            let view = view.expect("what was taken is held");
            assert_eq!(view.window_len, 40);
            assert_eq!(&view.bytes[view.window..][..40], bytes);
            shown += 1;
        }
        assert_eq!(samples.counters().other_bytes, 0);
        if let Some((number, at, _)) = wanted.first() {
            assert!(samples.sample(*number, *at, 40, |_| false).is_none());
            assert_eq!(samples.counters().other_bytes, 1);
        }
        for (number, at, _) in &wanted {
            given_back += usize::from(samples.release(*number, *at, 40));
        }
    }
    assert!(shown > 3_000 && long > 300, "{shown}, {long}");
    // Where two samples of one packet came to show the same window, the other one may
    // have been given back.
    assert!(given_back > shown * 9 / 10, "{given_back} of {shown}");
}

#[test]
fn windows_of_a_long_payload_see_as_much_on_either_side_as_there_is() {
    let mut rng = Rng(8);
    for (direction, order) in [(None, 0), (None, 1), (Some(5), 0), (Some(5), 1)] {
        let payload = rng.bytes(7_000);
        let mut samples = Samples::new(400_000, 2_048, 3);
        let packet = piece(1, direction, 0, &payload);
        samples.segment(packet);
        let mut offsets: Vec<i32> = (0..=6_960).step_by(60).collect();
        if order == 1 {
            offsets.reverse();
        }
        for &offset in &offsets {
            assert!(samples.take(packet, offset, 40, 1));
        }
        for &offset in &offsets {
            let view = samples.sample(1, offset, 40, |_| true).unwrap();
            let after = view.bytes.len() - view.window - 40;
            let (start, end) = (offset as usize, 6_960 - offset as usize);
            assert!(view.window >= start.min(480), "{offset}: {}", view.window);
            assert!(after >= end.min(480), "{offset}: {after}");
        }
        assert!(samples.live() <= 8, "{}", samples.live());
    }
}
