//! Frames that leave no record, as ARP: they take their place among the others, and wait in
//! bounded memory.

use super::{Stored, assert_same, config, fleet, frames, sensor, stored};
use wormsift::fleet::{Parcel, Tap};
use wormsift::packet::{Frame, LinkType, Timestamp};

const SECOND: u64 = 1_000_000_000;
/// A request of ARP.
const ARP: [u8; 42] = {
    let mut frame = [0; 42];
    (frame[12], frame[13]) = (0x08, 0x06);
    frame
};

fn frame(number: u64, nanos: u64, tap: u16) -> Frame<'static> {
    Frame {
        number,
        time: Timestamp::from_nanos(nanos),
        link: LinkType::ETHERNET,
        original_len: ARP.len() as u32,
        tap,
        data: &ARP,
    }
}

#[test]
fn a_tick_passes_though_nothing_else_is_there() {
    let mut tap = Tap::new(config(1, ""), "test", 0).unwrap();
    let mut ticks = Vec::new();
    // Ten a second, and a pause.
    for at in (0..50).chain(90..100) {
        tap.frame(&frame(at + 1, 100 * SECOND + at * SECOND / 10, 0));
        let made = tap.parcels();
        assert!(made.iter().all(|parcel| parcel.records() == 0));
        ticks.extend(made.iter().map(|parcel| parcel.tick().unwrap()));
    }
    assert_eq!(ticks, [100, 101, 102, 103, 104]);
    tap.finish();
    let rest: Vec<Option<u64>> = tap.parcels().iter().map(Parcel::tick).collect();
    assert_eq!(rest.last(), Some(&None), "{rest:?}");
}

/// However many come in a tick, and whatever time they claim, a parcel of a megabyte takes them.
#[test]
fn what_waits_is_bounded() {
    const FRAMES: u64 = 300_000;
    for (what, step) in [("in one tick", 1), ("with times far apart", 86_400 * SECOND)] {
        let mut tap = Tap::new(config(1, ""), "test", 0).unwrap();
        let (mut parcels, mut waiting) = (0, 0);
        for number in 0..FRAMES {
            let nanos = 1_000 * SECOND + number.min(10_000) * step;
            tap.frame(&frame(number + 1, nanos, 0));
            waiting += 1;
            for parcel in tap.parcels() {
                parcels += 1;
                waiting = 0;
                assert_eq!(parcel.tick(), Some(1_000), "{what}");
                assert!(parcel.encode().len() < 1 << 20, "{what}");
            }
            assert!(waiting <= 1 << 16, "{what}");
        }
        assert_eq!(parcels, FRAMES >> 16, "{what}");
    }
}

/// Among the packets of another tap they are counted as one process counts them.
#[test]
fn they_are_numbered_as_by_one_process() {
    let stored: Stored = stored("outbreak", 4);
    let (begin, end) = (stored[0].0, stored.last().unwrap().0);
    let mut all = frames(&stored);
    // In the second tap nothing else: some each second, none for a while, and some packets.
    let mut at = begin;
    while at < end {
        let pause = if (at / SECOND).is_multiple_of(7) { 3 * SECOND } else { SECOND / 3 };
        at += pause;
        all.push(frame(0, at, 1));
    }
    for frame in all.iter_mut().step_by(50) {
        frame.tap = 1;
    }
    all.sort_by_key(|frame| (frame.time, frame.tap));
    (1..).zip(&mut all).for_each(|(number, frame)| frame.number = number);
    // Packets of one direction come by at both.
    let config = config(2, "tails = false");
    let one = sensor(&all, &config);
    assert!(!one.findings.is_empty());
    for (order, skew) in [(1, 0), (2, 1_000_000)] {
        assert_same(&fleet(&all, &config, order, skew), &one, "among others");
    }
}
