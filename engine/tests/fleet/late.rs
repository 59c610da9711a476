//! A tap whose parcels come a minute late, and taps whose clocks differ.

use super::suite::worms;
use super::{answer, by_pair, config, frames, parcels, stored};
use crate::common::Random;
use crate::common::environment::sample;
use std::collections::BTreeMap;
use wormsift::fleet::{FleetTap, Merger, Parcel, Tap};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::signature::Signature;
use wormsift::{Config, Finding};
use wormsift_corpora::Scenario;

const SECOND: u64 = 1_000_000_000;

/// A datagram in an Ethernet frame.
fn udp(source: [u8; 4], destination: [u8; 4], body: &[u8]) -> Vec<u8> {
    let length = |header: usize| ((body.len() + header) as u16).to_be_bytes();
    let mut ip = [0; 20];
    (ip[0], ip[8], ip[9]) = (0x45, 64, 17);
    ip[2..4].copy_from_slice(&length(28));
    ip[12..16].copy_from_slice(&source);
    ip[16..20].copy_from_slice(&destination);
    let sum: u32 = ip.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let [high, low] = length(8);
    let udp = [0x27, 0x0f, 0x27, 0x0f, high, low, 0, 0];
    [&[2; 12][..], &[8, 0], &ip, &udp, body].concat()
}

/// What a fleet finds whose parcels come when their tick is over, and by `delay` later. Of a tap
/// without one nothing comes.
fn deliver(
    frames: &[Frame<'_>],
    config: &Config,
    delay: impl Fn(usize) -> Option<u64>,
) -> (Vec<Signature>, Vec<FleetTap>) {
    let tap = |number| Tap::new(config.clone(), "test", number).unwrap();
    let mut taps: Vec<Tap> = (0..config.taps.len() as u16).map(tap).collect();
    let parcels = parcels(frames, &mut taps);
    let mut messages: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    for (tap, parcels) in parcels.iter().enumerate() {
        let Some(delay) = delay(tap) else { continue };
        let at = |parcel: &Parcel| parcel.tick().map_or(u64::MAX, |tick| tick + delay);
        messages.extend(parcels.iter().map(|it| (at(it), tap, it.encode())));
    }
    // Each tap's stay in their order.
    messages.sort_by_key(|(at, tap, _)| (*at, *tap));
    let mut merger = Merger::new(config.clone(), "test").unwrap();
    let mut found = Vec::new();
    for (_, _, message) in &messages {
        merger.receive(message).unwrap();
        answer(&mut merger, &mut taps);
        found.extend(merger.findings().into_iter().map(Finding::into_signature));
    }
    merger.finish();
    answer(&mut merger, &mut taps);
    found.extend(merger.findings().into_iter().map(Finding::into_signature));
    assert!(merger.is_finished());
    (found, merger.taps().cloned().collect())
}

/// The last word on each, without what tells of the whole fleet: numbers of packets, loads and
/// shares of all traffic.
fn essence(found: &[Signature]) -> BTreeMap<&str, String> {
    let of = |it: &Signature| {
        let relays: Vec<_> = it.relays.iter().map(|it| (it.host, it.fan_out)).collect();
        let hosts = (&it.source_list, &it.destination_list);
        let times = (it.first_seen, it.last_seen, it.detected_at);
        let text = (&it.content, it.packets, hosts, it.spread, relays, times, &it.taps);
        format!("{:?} {:?} {text:?}", it.confidence, it.kind)
    };
    found.iter().map(|it| (&*it.id, of(it))).collect()
}

#[test]
fn a_tap_a_minute_late_is_counted_and_the_others_are_not_affected() {
    let stored = stored("outbreak", 10);
    let mut all = by_pair(&frames(&stored));
    // The third tap sees other hosts, and nothing twice.
    let (begin, end) = (all[0].time.as_nanos(), all.last().unwrap().time.as_nanos());
    assert!(end - begin > 180 * SECOND, "long enough for a minute to matter");
    let mut random = Random(7);
    let mut own = Vec::new();
    for at in (begin..end).step_by(SECOND as usize / 5) {
        let body: Vec<u8> = (0..300).map(|_| random.next() as u8).collect();
        own.push((at, udp([10, 200, 1, 1], [10, 201, 1, 1], &body)));
    }
    all.extend(own.iter().map(|(at, data)| Frame {
        number: 0,
        time: Timestamp::from_nanos(*at),
        link: LinkType::ETHERNET,
        original_len: data.len() as u32,
        tap: 2,
        data,
    }));
    all.sort_by_key(|frame| (frame.time, frame.tap));
    (1..).zip(&mut all).for_each(|(number, frame)| frame.number = number);
    let config = config(3, "");
    let (late, taps) = deliver(&all, &config, |tap| Some(if tap == 2 { 60 } else { 0 }));
    let (without, absent) = deliver(&all, &config, |tap| (tap != 2).then_some(0));
    let (on_time, all_there) = deliver(&all, &config, |_| Some(0));
    assert!(!late.is_empty());
    assert_eq!(essence(&late), essence(&without));
    assert_eq!(essence(&late), essence(&on_time));
    for tap in taps.iter().chain(&absent).chain(&all_there) {
        let is_late = tap.name == "tap-2" && tap.parcels > 0;
        assert!(is_late || tap.late == 0, "{tap:?}");
        assert!(tap.name == "tap-2" || tap.blind == 0, "{tap:?}");
    }
    // All but what closes at the end of the run.
    let [_, _, third] = &taps[..] else { panic!("three taps") };
    assert!(third.late > 120 && third.blind > 120, "{third:?}");
    assert_eq!((all_there[2].late, all_there[2].blind), (0, 0));
    let last = late.last().unwrap();
    assert!(last.blind["tap-2"] > 0 && last.blind.len() == 1, "{:?}", last.blind);
    assert!(on_time.iter().all(|it| it.blind.is_empty()));
}

/// Whether a content has a window in common with one in hexadecimal.
fn shares(content: &[u8], hex: &str) -> bool {
    content.windows(40).any(|window| {
        let window: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        hex.contains(&window)
    })
}

/// A worm over two taps of which one's clock is two seconds ahead, or behind: how many more have
/// passed it on when it is told first than where the clocks agree.
#[test]
fn clocks_that_differ_by_two_seconds_cost_one_infection_at_most() {
    let mut more = Vec::new();
    for scenario in worms().into_iter().step_by(sample(6, 2)) {
        let trace = Scenario::named(scenario, 2).unwrap().stream().unwrap().into_trace();
        let agreed = by_pair(&frames(&trace.frames));
        let config = config(2, "");
        // The first that is told of any content of the worm.
        let told_at = |found: &[Signature]| {
            let planted = || trace.truth.contents.iter().map(|it| &it.content_hex);
            let is_planted =
                |it: &&Signature| planted().any(|hex| shares(&it.content, hex));
            found.iter().find(is_planted).map(|it| it.relays.len())
        };
        let (found, _) = deliver(&agreed, &config, |_| Some(0));
        let Some(agreed_at) = told_at(&found) else { continue };
        for (ahead, behind) in [(1, 0), (0, 1)] {
            let shift = |frame: &Frame<'_>| {
                let time = frame.time.as_nanos();
                let time = time + 2 * SECOND * u64::from(frame.tap == ahead);
                Timestamp::from_nanos(time)
            };
            let shifted: Vec<Frame<'_>> = (agreed.iter())
                .map(|frame| Frame { time: shift(frame), ..*frame })
                .collect();
            let (found, taps) = deliver(&shifted, &config, |_| Some(0));
            assert!(taps.iter().all(|tap| tap.late == 0), "{scenario}: {taps:?}");
            let at = told_at(&found);
            let at =
                at.unwrap_or_else(|| panic!("{scenario}: not found, {behind} behind"));
            more.push((at.saturating_sub(agreed_at), scenario));
        }
    }
    println!("infected later: {more:?}");
    assert!(more.len() >= 6, "{more:?}");
    assert!(more.iter().all(|(more, _)| *more <= 1), "{more:?}");
}
