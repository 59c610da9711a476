//! Segments whose flags a receiver takes otherwise are on the wire as said.

use super::{datagram, is_tcp};
use crate::common::{alone, carriers, parse};
use wormsift_corpora::Trace;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// Segments with exactly these flags and so many payload bytes.
fn count(trace: &Trace, flags: u8, length: usize) -> usize {
    let frames = trace.frames.iter().filter_map(|(_, frame)| parse(frame));
    frames.filter(|it| it.flags == flags && it.payload.len() == length).count()
}

#[test]
fn two_resets_or_one_syn_stand_before_each_segment() {
    let trace = alone("segments-fake-resets", 4);
    let true_ones = carriers(&trace).len();
    // The last one may be cut off behind its resets.
    let resets = count(&trace, RST | ACK, 0);
    assert!(resets.abs_diff(2 * true_ones) <= 2, "{resets} and {true_ones}");
    let trace = alone("segments-fake-syns", 4);
    let true_ones = carriers(&trace).len();
    let syns = count(&trace, SYN, 32);
    assert!(syns.abs_diff(true_ones) <= 1, "{syns} and {true_ones}");
}

#[test]
fn the_last_byte_of_each_segment_is_urgent_and_checksums_are_right() {
    let trace = alone("segments-urgent", 4);
    let listed = &trace.truth.contents[0].carriers;
    for ((_, frame), number) in trace.frames.iter().zip(1..) {
        assert!(is_tcp(frame));
        let segment = datagram(frame).4;
        let ends = frame[26..34].chunks(2).chain(segment.chunks(2));
        let sum: u32 = ends
            .map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0)))
            .sum::<u32>()
            + 6
            + segment.len() as u32;
        assert_eq!(sum % 0xffff, 0, "packet {number}");
        let is_urgent = segment[13] & URG != 0;
        assert_eq!(is_urgent, listed.contains(number));
        if is_urgent {
            let pointer = u16::from_be_bytes([segment[18], segment[19]]);
            assert_eq!(usize::from(pointer), segment.len() - 20);
        }
    }
}

#[test]
fn the_body_is_in_syns_alone() {
    let trace = alone("body-in-syn", 4);
    let carriers = carriers(&trace);
    assert_eq!(carriers.len(), count(&trace, SYN, 756));
    assert!(carriers.iter().all(|(_, packet)| packet.payload.len() == 756));
}
