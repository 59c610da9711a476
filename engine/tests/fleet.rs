//! A fleet: taps and a merger, joined by parcels, say what one sensor says.

mod blind;
mod late;
mod suite;
mod unrecorded;
mod withheld;
mod workers;

use crate::common::environment::sample;
use crate::common::{Random, frames};
use serde_json::Value;
use wormsift::fleet::{Ask, Gate, Merger, Parcel, ParcelError, Piece, Tap};
use wormsift::packet::{Frame, Timestamp};
use wormsift::{Config, Sensor, Stats};
use wormsift_corpora::Scenario;
use wormsift_export::json_lines;

type Stored = Vec<(u64, Vec<u8>)>;

fn stored(scenario: &str, seed: u64) -> Stored {
    Scenario::named(scenario, seed).unwrap().stream().unwrap().into_trace().frames
}

fn config(taps: u16, more: &str) -> Config {
    let names: Vec<String> = (0..taps).map(|tap| format!("\"tap-{tap}\"")).collect();
    let names = if taps > 1 { names.join(", ") } else { String::new() };
    Config::from_toml(&format!("memory = \"64MiB\"\ntaps = [{names}]\n{more}")).unwrap()
}

/// All that was said, by kind and in order.
#[derive(Debug, Default, PartialEq)]
struct Said {
    findings: Vec<String>,
    incidents: Vec<String>,
    events: Vec<String>,
    decoys: Vec<String>,
    waves: Vec<String>,
    stats: Stats,
}

macro_rules! take {
    ($said:ident, $from:ident) => {
        $said.findings.extend($from.findings().iter().map(json_lines::write));
        $said.incidents.extend($from.incidents().iter().map(json_lines::write_incident));
        $said.events.extend($from.dark_events().iter().map(json_lines::write_event));
        $said.decoys.extend($from.decoy_reports().iter().map(json_lines::write_decoy));
        $said.waves.extend($from.waves().iter().map(json_lines::write_wave));
    };
}

pub(crate) use take;

fn sensor(frames: &[Frame<'_>], config: &Config) -> Said {
    let (mut sensor, mut said) = (Sensor::new(config.clone()).unwrap(), Said::default());
    for part in frames.chunks(4_096) {
        sensor.sift(part);
        take!(said, sensor);
    }
    sensor.finish();
    take!(said, sensor);
    said.stats = sensor.stats();
    said
}

/// The parcels of each tap: frames by the tap that they name, numbered there.
fn parcels(frames: &[Frame<'_>], taps: &mut [Tap]) -> Vec<Vec<Parcel>> {
    let mut numbers = vec![0; taps.len()];
    for frame in frames {
        let tap = usize::from(frame.tap);
        numbers[tap] += 1;
        taps[tap].frame(&Frame { number: numbers[tap], ..*frame });
    }
    let of_tap = |tap: &mut Tap| {
        tap.finish();
        tap.parcels()
    };
    taps.iter_mut().map(of_tap).collect()
}

/// Asks and answers go as messages.
fn answer(merger: &mut Merger, taps: &mut [Tap]) {
    loop {
        let asks = merger.asks();
        if asks.is_empty() {
            break;
        }
        for ask in asks {
            let message = ask.encode();
            let ask = Ask::decode(&message).unwrap();
            assert_eq!(ask.encode(), message);
            let piece = taps[usize::from(ask.tap())].answer(&ask).unwrap();
            assert_eq!(piece.is_some(), ask.needs_piece());
            if let Some(piece) = piece {
                let message = piece.encode();
                let piece = Piece::decode(&message).unwrap();
                assert_eq!(piece.encode(), message);
                merger.answer(piece).unwrap();
            }
        }
    }
}

/// A fleet of so many taps, whose parcels come in a random order, but each tap's in its own.
/// `skew` is how many parcels a tap may be ahead of another.
fn fleet(frames: &[Frame<'_>], config: &Config, seed: u64, skew: usize) -> Said {
    let count = config.taps.len().max(1) as u16;
    let mut taps: Vec<Tap> =
        (0..count).map(|tap| Tap::new(config.clone(), "test", tap).unwrap()).collect();
    let parcels = parcels(frames, &mut taps);
    let messages: Vec<Vec<Vec<u8>>> =
        parcels.iter().map(|all| all.iter().map(Parcel::encode).collect()).collect();
    let long = "30d".parse().unwrap();
    let merger = Merger::new(config.clone(), "test").unwrap();
    let mut merger = merger.with_lateness(long);
    let (mut said, mut random) = (Said::default(), Random(seed));
    let mut sent = vec![0; messages.len()];
    loop {
        let left = |tap: &usize| sent[*tap] < messages[*tap].len();
        let least = (0..sent.len()).filter(left).map(|tap| sent[tap]).min();
        let Some(least) = least else { break };
        let may: Vec<usize> = (0..sent.len())
            .filter(left)
            .filter(|tap| sent[*tap] <= least + skew)
            .collect();
        let tap = may[random.below(may.len() as u64) as usize];
        let message = &messages[tap][sent[tap]];
        assert_eq!(&Parcel::decode(message).unwrap().encode(), message);
        merger.receive(message).unwrap();
        sent[tap] += 1;
        answer(&mut merger, &mut taps);
        take!(said, merger);
    }
    merger.finish();
    answer(&mut merger, &mut taps);
    take!(said, merger);
    assert!(merger.is_finished());
    assert_eq!(merger.refused(), Default::default());
    assert!(merger.taps().all(|tap| (tap.late, tap.blind) == (0, 0)));
    for tap in &taps {
        let counters = tap.counters();
        assert_eq!(
            (counters.asked_too_late, counters.let_go, counters.held_bytes),
            (0, 0, 0)
        );
    }
    said.stats = merger.stats();
    said
}

#[track_caller]
fn assert_same(fleet: &Said, sensor: &Said, what: &str) {
    for (kind, fleet, sensor) in [
        ("findings", &fleet.findings, &sensor.findings),
        ("incidents", &fleet.incidents, &sensor.incidents),
        ("events", &fleet.events, &sensor.events),
        ("decoys", &fleet.decoys, &sensor.decoys),
        ("waves", &fleet.waves, &sensor.waves),
    ] {
        for (at, (fleet, sensor)) in fleet.iter().zip(sensor).enumerate() {
            assert_eq!(fleet, sensor, "{what}: {kind} {at}");
        }
        assert_eq!(fleet.len(), sensor.len(), "{what}: {kind}");
    }
    // Samples go on changing after the last parcel that tells of them; tables of payloads are at
    // the taps, and several have more room than one.
    let stats = |said: &Said| {
        let Value::Object(mut stats) = serde_json::to_value(&said.stats).unwrap() else {
            panic!("sections")
        };
        stats.retain(|name, _| name != "sample_counters" && name != "memory");
        let stream = stats.get_mut("stream").and_then(Value::as_object_mut);
        stream.and_then(|stream| stream.remove("evictions")).expect("a counter");
        stats
    };
    for ((name, fleet), (_, sensor)) in stats(fleet).into_iter().zip(stats(sensor)) {
        assert_eq!(fleet, sensor, "{what}: {name}");
    }
}

/// Frames that go to taps, numbered in their order.
fn cut<'a>(frames: &[Frame<'a>], tap: impl Fn(&Frame<'a>) -> u16) -> Vec<Frame<'a>> {
    let mut cut: Vec<Frame<'a>> =
        frames.iter().map(|frame| Frame { tap: tap(frame), ..*frame }).collect();
    cut.sort_by_key(|frame| (frame.time, frame.tap));
    (1..).zip(&mut cut).for_each(|(number, frame)| frame.number = number);
    cut
}

/// The addresses of an Ethernet frame that holds IPv4, in order.
fn pair(frame: &Frame<'_>) -> Option<(u32, u32)> {
    let word = |at: usize| frame.data.get(at..at + 4)?.first_chunk().copied();
    let (a, b) = (u32::from_be_bytes(word(26)?), u32::from_be_bytes(word(30)?));
    Some((a.min(b), a.max(b)))
}

#[test]
fn one_tap_says_what_a_sensor_says() {
    for (scenario, more) in [
        ("outbreak", ""),
        ("tcp-exploit", ""),
        ("small-segments", ""),
        ("fragmented", ""),
        ("telescope", "dark = [\"10.64.0.0/16\"]"),
    ] {
        let stored = stored(scenario, 3);
        let frames = frames(&stored);
        let config = config(1, more);
        let one = sensor(&frames, &config);
        assert!(!one.findings.is_empty() || scenario == "telescope", "{scenario}");
        assert_same(&fleet(&frames, &config, 1, 0), &one, scenario);
    }
}

#[test]
fn several_taps_say_what_one_process_says() {
    let rows = [("outbreak", 3), ("tcp-exploit", 4), ("local-preference", 5)];
    for (row, (scenario, seed)) in rows.into_iter().enumerate() {
        let stored = stored(scenario, seed);
        let frames = frames(&stored);
        // Each number of taps comes up in the small sample, too.
        for taps in [2, 3, 16].into_iter().skip(sample(row, 0)).take(sample(1, 3)) {
            let salt = Random(seed * 100 + u64::from(taps)).next();
            let cut = cut(&frames, |frame| {
                let (a, b) = pair(frame).unwrap_or_default();
                let mixed = Random(salt ^ u64::from(a) << 32 ^ u64::from(b)).next();
                (mixed % u64::from(taps)) as u16
            });
            let config = config(taps, "");
            let one = sensor(&cut, &config);
            assert!(!one.findings.is_empty());
            for (order, skew) in [(1, 0), (2, 1_000_000)] {
                let what = format!("{scenario}, {taps} taps, order {order}");
                assert_same(&fleet(&cut, &config, order, skew), &one, &what);
            }
        }
    }
}

/// Whatever the cut, where no segment's seam is looked for: each packet at one tap, or at
/// both of two.
#[test]
fn packets_that_come_by_anywhere_count_once() {
    for (scenario, seed) in [("outbreak", 6), ("tcp-exploit", 7)] {
        let stored = stored(scenario, seed);
        let frames = frames(&stored);
        let mut random = Random(seed);
        let mut all: Vec<Frame<'_>> = Vec::new();
        for frame in &frames {
            let (tap, way) = (random.below(3) as u16, random.below(4));
            all.push(Frame { tap, ..*frame });
            if way == 0 {
                let time = Timestamp::from_nanos(frame.time.as_nanos() + 50_000);
                all.push(Frame { tap: (tap + 1) % 3, time, ..*frame });
            }
        }
        let cut = cut(&all, |frame| frame.tap);
        let config = config(3, "tails = false");
        let one = sensor(&cut, &config);
        assert!(!one.findings.is_empty());
        assert!(one.stats.taps.iter().any(|tap| tap.counters.duplicates > 100));
        assert_same(&fleet(&cut, &config, 3, 1_000_000), &one, scenario);
    }
}

/// A network by its directions, and decoys in it.
#[test]
fn directions_and_decoys_are_told_of_as_by_one_process() {
    let stored = stored("outbreak", 8);
    let frames = frames(&stored);
    let cut = cut(&frames, |frame| {
        let word = |at: usize| frame.data.get(at..at + 4);
        u16::from(word(26) < word(30))
    });
    // Some of the hosts that are infected.
    let plain = config(2, "");
    let found = sensor(&cut, &plain);
    let incident: Value = serde_json::from_str(&found.incidents[0]).unwrap();
    let hosts = incident["incident_hosts"].as_array().unwrap();
    let hosts = hosts.iter().take(3).map(|host| host["host"].to_string());
    let decoys = format!("decoys = [{}]", hosts.collect::<Vec<_>>().join(", "));
    let config = config(2, &decoys);
    let one = sensor(&cut, &config);
    assert!(!one.decoys.is_empty(), "{decoys}");
    assert_same(&fleet(&cut, &config, 4, 1_000_000), &one, "decoys");
}

/// Parcels of a fleet of two, as messages, with its taps.
fn two_taps(frames: &[Frame<'_>], config: &Config) -> (Vec<Tap>, [Vec<Vec<u8>>; 2]) {
    let tap = |number| Tap::new(config.clone(), "test", number).unwrap();
    let mut taps = vec![tap(0), tap(1)];
    let parcels = parcels(frames, &mut taps);
    let encode = |all: &Vec<Parcel>| all.iter().map(Parcel::encode).collect();
    let messages: Vec<Vec<Vec<u8>>> = parcels.iter().map(encode).collect();
    (taps, messages.try_into().unwrap())
}

fn by_pair<'a>(frames: &[Frame<'a>]) -> Vec<Frame<'a>> {
    cut(frames, |frame| {
        let (a, b) = pair(frame).unwrap_or_default();
        (Random(u64::from(a) << 32 ^ u64::from(b)).next() % 2) as u16
    })
}

fn finish(mut merger: Merger, taps: &mut [Tap], mut said: Said) -> Said {
    merger.finish();
    answer(&mut merger, taps);
    take!(said, merger);
    assert!(merger.is_finished());
    said.stats = merger.stats();
    said
}

#[test]
fn hostile_messages_are_refused_by_name_and_change_nothing() {
    let stored = stored("outbreak", 9);
    let frames = frames(&stored);
    let (frames, config) = (by_pair(&frames), config(2, ""));
    let one = sensor(&frames, &config);
    let (mut taps, messages) = two_taps(&frames, &config);
    let other = |fleet: &str, more: &str| {
        let mut tap = Tap::new(self::config(2, more), fleet, 0).unwrap();
        tap.finish();
        tap.parcels()[0].encode()
    };
    let of_fleet = other("another", "");
    let of_key = other("test", "key = \"000102030405060708090a0b0c0d0e0f\"");
    let of_settings = other("test", "sources = 31");
    let of_tap = {
        let mut tap = Tap::new(self::config(3, ""), "test", 2).unwrap();
        tap.finish();
        let mut message = tap.parcels()[0].encode();
        // The settings of two taps, whose tap number 2 there is not.
        message[30..38].copy_from_slice(&messages[0][0][30..38]);
        resealed(message)
    };
    let of_version = {
        let mut message = messages[0][0].clone();
        message[4] ^= 1;
        message
    };
    let mut merger = Merger::new(config.clone(), "test").unwrap();
    let mut said = Said::default();
    for (at, (a, b)) in messages[0].iter().zip(&messages[1]).enumerate() {
        if at == 3 {
            let cut = &a[..20];
            let mut damaged = a.clone();
            damaged[40] ^= 4;
            let later = &messages[0][5];
            for (message, error) in [
                (&of_fleet[..], ParcelError::Fleet),
                (&of_key, ParcelError::Key),
                (&of_settings, ParcelError::Settings),
                (&of_tap, ParcelError::Tap(2)),
                (&of_version, ParcelError::Version(0)),
                (cut, ParcelError::Truncated),
                (&damaged, ParcelError::Damaged("checksum")),
                (&messages[0][1], ParcelError::Repeated { tap: 0, found: 1 }),
                (later, ParcelError::OutOfOrder { tap: 0, expected: 3, found: 5 }),
            ] {
                assert_eq!(merger.receive(message), Err(error));
            }
            let refused = serde_json::to_value(merger.refused()).unwrap();
            for (name, count) in refused.as_object().unwrap() {
                assert_eq!(*count, u64::from(name != "unasked"), "{name}");
            }
        }
        for message in [a, b] {
            merger.receive(message).unwrap();
            answer(&mut merger, &mut taps);
            take!(said, merger);
        }
    }
    let longer = usize::from(messages[1].len() > messages[0].len());
    for message in &messages[longer][messages[1 - longer].len()..] {
        merger.receive(message).unwrap();
        answer(&mut merger, &mut taps);
        take!(said, merger);
    }
    let said = finish(merger, &mut taps, said);
    assert_same(&said, &one, "after refusals");
}

/// A message with its checksum put right.
fn resealed(mut message: Vec<u8>) -> Vec<u8> {
    let body = message.len() - 8;
    let checksum = xxhash_rust::xxh3::xxh3_64(&message[..body]);
    message[body..].copy_from_slice(&checksum.to_le_bytes());
    message
}

/// One tap is silent for a while: the others go on without it, and it is named. The same log
/// gives the same answer.
#[test]
fn a_tap_that_is_late_is_counted_and_named_and_holds_nobody_up() {
    let stored = stored("outbreak", 10);
    let frames = frames(&stored);
    let (frames, config) = (by_pair(&frames), config(2, ""));
    let run = || {
        let (mut taps, [a, b]) = two_taps(&frames, &config);
        let merger = Merger::new(config.clone(), "test").unwrap();
        let mut merger = merger.with_lateness("5s".parse().unwrap());
        let mut said = Said::default();
        let (most, mut late) = (b.len() / 2, Vec::new());
        let mut was_blind = 0;
        for (at, message) in a.iter().enumerate() {
            merger.receive(message).unwrap();
            // The other falls silent, and all that it missed comes at once.
            let silent = b.len() / 4..most;
            if !silent.contains(&at) {
                let due = if at == most { silent.start..most + 1 } else { at..at + 1 };
                late.extend(b.get(due).unwrap_or_default());
            }
            for message in late.drain(..) {
                let _ = merger.receive(message);
            }
            answer(&mut merger, &mut taps);
            was_blind += u64::from(merger.taps().nth(1).unwrap().is_blind);
            take!(said, merger);
        }
        let tap: Vec<_> = merger.taps().cloned().collect();
        assert_eq!((tap[0].late, tap[0].blind), (0, 0));
        assert!(tap[1].late > 0 && tap[1].blind > 0 && was_blind > 0, "{tap:?}");
        assert_eq!(merger.refused(), Default::default());
        finish(merger, &mut taps, said)
    };
    let (first, second) = (run(), run());
    assert!(!first.findings.is_empty());
    assert_same(&first, &second, "the same log");
}

/// After some parcels the merger is saved, dropped, restored, and sent again what is not
/// covered.
#[test]
fn a_merger_that_is_restored_goes_on_as_if_it_had_never_stopped() {
    let stored = stored("outbreak", 11);
    let frames = frames(&stored);
    let (frames, config) = (by_pair(&frames), config(2, ""));
    let one = sensor(&frames, &config);
    let (mut taps, messages) = two_taps(&frames, &config);
    let folder =
        std::env::temp_dir().join(format!("wormsift-fleet-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("merger");
    let long = "30d".parse().unwrap();
    let merger = Merger::new(config.clone(), "test").unwrap();
    let mut merger = merger.with_lateness(long);
    let (mut said, mut random) = (Said::default(), Random(5));
    let mut sent = [0; 2];
    while sent != [messages[0].len(), messages[1].len()] {
        let tap = random.below(2) as usize;
        let tap = if sent[tap] < messages[tap].len() { tap } else { 1 - tap };
        merger.receive(&messages[tap][sent[tap]]).unwrap();
        sent[tap] += 1;
        answer(&mut merger, &mut taps);
        take!(said, merger);
        if random.below(sample(40, 8)) == 0 {
            merger.save(&path).unwrap();
            let restored = Merger::restore(config.clone(), "test", &path).unwrap();
            merger = restored.with_lateness(long);
            let covered: Vec<_> =
                merger.taps().map(|tap| usize::try_from(tap.covered).unwrap()).collect();
            assert!(covered.iter().zip(sent).all(|(covered, sent)| *covered <= sent));
            sent = [covered[0], covered[1]];
        }
    }
    let said = finish(merger, &mut taps, said);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_same(&said, &one, "restored");
}

#[test]
fn a_tap_that_is_restored_goes_on_as_if_it_had_never_stopped() {
    // Fragments that wait are not saved.
    let stored = stored("small-segments", 12);
    let frames = frames(&stored);
    let config = config(1, "");
    let folder =
        std::env::temp_dir().join(format!("wormsift-tap-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("tap");
    let run = |every: usize| {
        let mut tap = Tap::new(config.clone(), "test", 0).unwrap();
        let mut parcels = Vec::new();
        for (at, frame) in (1..).zip(&frames) {
            tap.frame(frame);
            if at % every == 0 {
                tap.save(&path).unwrap();
                parcels.extend(tap.parcels());
                tap = Tap::restore(config.clone(), "test", 0, Gate::All, &path).unwrap();
            }
        }
        tap.finish();
        parcels.extend(tap.parcels());
        let sum = |count: fn(&Parcel) -> usize| parcels.iter().map(count).sum::<usize>();
        (sum(Parcel::records), sum(Parcel::sightings))
    };
    let all = run(usize::MAX);
    assert!(all.0 > 100 && all.1 > 100);
    assert_eq!(run(sample(389, 97)), all);
    std::fs::remove_dir_all(&folder).unwrap();
}
