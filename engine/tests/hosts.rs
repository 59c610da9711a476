//! Frames, packets and streams that a host hands over give what the sensor makes of the
//! frames itself.

use crate::common::{Random, frames, outbreak_frames};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{FlowKey, Frame, Handshake, LinkType, protocol, tcp_flags};
use wormsift::{Packet, Sensor, StreamPiece, Timestamp, Worker};
use wormsift_corpora::{Carriage, Outbreak};
use wormsift_export::json_lines;

/// Findings and statistics.
fn results(mut sensor: Sensor) -> (Vec<String>, serde_json::Value) {
    sensor.finish();
    let lines = sensor.findings().iter().map(json_lines::write).collect();
    (lines, serde_json::to_value(sensor.stats()).unwrap())
}

fn carried(carriage: &str) -> Vec<(u64, Vec<u8>)> {
    Outbreak::new(5)
        .carriage(carriage.parse::<Carriage>().expect("a carriage"))
        .background_hosts(20)
        .infected(60)
        .trace()
        .expect("an outbreak")
        .frames
}

/// Frames dealt out to workers, absorbed from time to time.
fn by_workers(frames: &[Frame<'_>], count: usize, batch: usize) -> Sensor {
    let mut sensor = Sensor::new(Config::default()).unwrap();
    let mut workers: Vec<Worker> = (0..count).map(|_| sensor.worker()).collect();
    for part in frames.chunks(batch) {
        for (i, frame) in part.iter().enumerate() {
            workers[i * 7 % count].frame(frame);
        }
        sensor.absorb(&mut workers);
    }
    sensor
}

#[test]
fn frames_through_workers_change_nothing() {
    for carriage in ["udp,fragment:128", "udp,vlan:7,vxlan:42,fragment:128", "tcp:536"] {
        let mut stored = carried(carriage);
        // Some are cut by the capture, some cannot be decoded.
        let mut random = Random(3);
        let mut cut = Vec::new();
        for (_, frame) in &mut stored {
            cut.push(frame.len() as u32);
            match random.below(40) {
                0 => frame.truncate(frame.len() - random.below(30) as usize),
                1 => frame.truncate(random.below(30) as usize),
                _ => {}
            }
        }
        let mut frames = frames(&stored);
        for (frame, original_len) in frames.iter_mut().zip(cut) {
            frame.original_len = original_len;
        }
        let mut sensor = Sensor::new(Config::default()).unwrap();
        sensor.sift(&frames[..]);
        let truth = results(sensor);
        assert!(!truth.0.is_empty(), "{carriage}");
        assert!(truth.1["drops"].as_object().unwrap().values().any(|n| *n != 0));
        for (count, batch) in [(1, 1_000_000), (1, 997), (4, 1_500)] {
            let other = results(by_workers(&frames, count, batch));
            assert_eq!(truth.0, other.0, "{carriage}: {count} workers, {batch} at once");
            assert_eq!(truth.1, other.1, "{carriage}: {count} workers, {batch} at once");
        }
    }
}

/// What a host's reassembly makes of frames that come in order: pieces of TCP directions,
/// some of several segments; everything else as packets.
fn reassembled(frames: &[Frame<'_>], mut give: impl FnMut(Piece<'_>)) {
    let decoder = Decoder::new(true, false);
    let mut directions: HashMap<FlowKey, (u32, u64, Vec<u8>)> = HashMap::new();
    let mut random = Random(9);
    for frame in frames {
        let Decoded::Packet(packet) = decoder.frame(frame) else { continue };
        if packet.protocol != protocol::TCP {
            give(Piece::Packet(packet));
            continue;
        }
        if packet.tcp_flags & tcp_flags::SYN != 0 {
            directions.remove(&packet.flow());
        }
        if packet.payload.is_empty() {
            continue;
        }
        let (next, offset, waiting) =
            directions.entry(packet.flow()).or_insert((packet.sequence, 0, Vec::new()));
        if *next != packet.sequence {
            // What was there before, such as a probe; nothing here comes ahead.
            assert!(next.wrapping_sub(packet.sequence) < 10_000, "out of order");
            continue;
        }
        *next = next.wrapping_add(packet.payload.len() as u32);
        waiting.extend_from_slice(packet.payload);
        // A host hands on one segment, or a few.
        if random.below(3) > 0 {
            let payload = std::mem::take(waiting);
            let piece = StreamPiece {
                number: packet.number,
                time: packet.time,
                flow: packet.flow(),
                offset: *offset,
                handshake: Handshake::Unknown,
                payload: &payload,
            };
            give(Piece::Stream(piece));
            *offset += payload.len() as u64;
        }
    }
}

enum Piece<'a> {
    Packet(Packet<'a>),
    Stream(StreamPiece<'a>),
}

#[test]
fn a_worm_in_small_pieces_is_found_in_streams() {
    // Shorter than a window: only seams show it.
    for carriage in ["tcp:20", "tcp:1460"] {
        let stored = carried(carriage);
        let frames = frames(&stored);
        let mut sensor = Sensor::new(Config::default()).unwrap();
        sensor.sift(&frames[..]);
        sensor.finish();
        let contents = |sensor: &mut Sensor| -> BTreeMap<Vec<u8>, u16> {
            let findings = sensor.findings();
            let all = findings.iter().map(|finding| finding.signature());
            all.map(|s| (s.content.clone(), s.port.unwrap_or(0))).collect()
        };
        let truth = contents(&mut sensor);
        assert!(!truth.is_empty(), "{carriage}");

        let mut sensor = Sensor::new(Config::default()).unwrap();
        let mut worker = sensor.worker();
        let mut pieces = 0;
        reassembled(&frames, |piece| match piece {
            Piece::Packet(packet) => worker.observe(&packet),
            Piece::Stream(piece) => {
                worker.stream(&piece);
                pieces += 1;
            }
        });
        assert!(pieces > 100);
        sensor.absorb([&mut worker]);
        sensor.finish();
        assert_eq!(contents(&mut sensor), truth, "{carriage}");
    }
}

#[test]
fn streams_know_gaps_and_offsets_beyond_four_gibibytes() {
    let mut random = Random(1);
    let body = random.bytes(400);
    let run = |gap: u64, memory: &str| {
        let mut config = Config::from_toml(&format!("memory = '{memory}'")).unwrap();
        config.sampling = "1".parse().unwrap();
        let mut sensor = Sensor::new(config).unwrap();
        let mut worker = sensor.worker();
        let mut number = 0;
        for step in 0..30_u8 {
            let flow = FlowKey {
                source: [10, 0, 0, step / 3].into(),
                destination: [10, 0, 0, step / 3 + 1 + step % 3 * 20].into(),
                protocol: protocol::TCP,
                source_port: 5_000 + u16::from(step),
                destination_port: 4_444,
                encapsulation: 0,
            };
            // Just below the point where a sequence number wraps.
            let mut offset = (1_u64 << 32) - 100;
            for payload in body.chunks(30) {
                number += 1;
                let time = Timestamp::from_nanos(1_000_000_000 + number * 1_000_000);
                let handshake = Handshake::Unknown;
                worker.stream(&StreamPiece {
                    number,
                    time,
                    flow,
                    offset,
                    handshake,
                    payload,
                });
                offset += payload.len() as u64 + gap;
            }
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        let found = sensor.findings();
        let content = found.first().map(|finding| finding.signature().content.clone());
        (content, sensor.warnings().join("\n"))
    };
    assert_eq!(run(0, "64MiB").0, Some(body.clone()));
    assert_eq!(run(1, "64MiB").0, None, "no window lies in a piece of 30 bytes");
    let (content, warnings) = run(0, "16MiB");
    assert_eq!(
        (content, warnings.as_str()),
        (Some(body), ""),
        "with the least memory, too"
    );
}

/// Anything that a host may do.
#[derive(Clone, Debug)]
enum Call {
    Frame { number: u64, time: u64, link: u32, original_len: u32, data: Vec<u8> },
    Stream { number: u64, time: u64, offset: u64, ports: (u16, u16), payload: Vec<u8> },
    Observe { number: u64, time: u64, protocol: u8, flags: u8, payload: Vec<u8> },
    Absorb(bool),
    Advance(u64),
    Finish,
}

fn call() -> impl Strategy<Value = Call> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let time = || prop_oneof![0..10_000_000_000_u64, any::<u64>()];
    let number = || prop_oneof![0..100_u64, any::<u64>()];
    prop_oneof![
        (
            number(),
            time(),
            prop_oneof![Just(1), Just(101), any::<u32>()],
            any::<u32>(),
            bytes()
        )
            .prop_map(|(number, time, link, original_len, data)| Call::Frame {
                number,
                time,
                link,
                original_len,
                data
            }),
        (number(), time(), any::<u64>(), any::<(u16, u16)>(), bytes()).prop_map(
            |(number, time, offset, ports, payload)| Call::Stream {
                number,
                time,
                offset,
                ports,
                payload
            }
        ),
        (
            number(),
            time(),
            prop_oneof![Just(6), Just(17), any::<u8>()],
            any::<u8>(),
            bytes()
        )
            .prop_map(|(number, time, protocol, flags, payload)| Call::Observe {
                number,
                time,
                protocol,
                flags,
                payload
            }),
        any::<bool>().prop_map(Call::Absorb),
        time().prop_map(Call::Advance),
        Just(Call::Finish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a host does, in whatever order, with numbers that run wild: no panic, and
    /// everything that came in is counted.
    #[test]
    fn no_sequence_of_calls_panics(calls in proptest::collection::vec(call(), 0..60)) {
        let mut config = Config::from_toml("memory = '16MiB'").unwrap();
        config.sampling = "1".parse().unwrap();
        let mut sensor = Sensor::new(config).unwrap();
        let mut workers = [sensor.worker(), sensor.worker()];
        let mut given = 0;
        for (i, call) in calls.iter().enumerate() {
            let worker = &mut workers[i % 2];
            match call {
                Call::Frame { number, time, link, original_len, data } => {
                    let time = Timestamp::from_nanos(*time);
                    let (number, original_len) = (*number, *original_len);
                    let link = LinkType(*link);
                    worker.frame(&Frame { number, time, link, original_len, tap: 0, data });
                    given += 1;
                }
                Call::Stream { number, time, offset, ports, payload } => {
                    let flow = FlowKey {
                        source: [10, 0, 0, 1].into(),
                        destination: [10, 0, 0, 2].into(),
                        protocol: 6,
                        source_port: ports.0,
                        destination_port: ports.1,
                        encapsulation: 0,
                    };
                    worker.stream(&StreamPiece {
                        number: *number,
                        time: Timestamp::from_nanos(*time),
                        flow,
                        offset: *offset,
                        handshake: Handshake::Unknown,
                        payload,
                    });
                    given += 1;
                }
                Call::Observe { number, time, protocol, flags, payload } => {
                    worker.observe(&Packet {
                        number: *number,
                        time: Timestamp::from_nanos(*time),
                        source: [10, 0, 0, (number % 200) as u8].into(),
                        destination: [10, 0, 0, (time % 200) as u8].into(),
                        protocol: *protocol,
                        source_port: 1,
                        destination_port: 2,
                        sequence: *time as u32,
                        acknowledgement: 0,
                        tcp_flags: *flags,
                        encapsulation: *number,
                        to_group: false,
                        untrusted_tunnel: false,
                        identification: None,
                        tap: 0,
                        payload,
                    });
                    given += 1;
                }
                Call::Absorb(both) if *both => sensor.absorb(&mut workers),
                Call::Absorb(_) => sensor.absorb([&mut workers[0]]),
                Call::Advance(time) => sensor.advance(Timestamp::from_nanos(*time)),
                Call::Finish => sensor.finish(),
            }
        }
        sensor.absorb(&mut workers);
        sensor.finish();
        prop_assert_eq!(sensor.stats().packets.frames, given);
    }
}

/// What the documentation promises of threads.
#[test]
fn what_can_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Sensor>();
    sync::<Sensor>();
    send::<Worker>();
    sync::<Worker>();
    send::<wormsift::Finding>();
    sync::<wormsift::Finding>();
    send::<wormsift::Stats>();
    sync::<wormsift::Stats>();
    send::<wormsift::Error>();
    sync::<wormsift::Error>();
    send::<Config>();
    sync::<Config>();
    // Workers of one sensor at work on threads of their own.
    let stored = outbreak_frames(9, 8_000);
    let frames = frames(&stored);
    let mut sensor = Sensor::new(Config::default()).unwrap();
    sensor.sift(&frames[..]);
    let truth = results(sensor);
    let mut sensor = Sensor::new(Config::default()).unwrap();
    let mut workers: Vec<Worker> = (0..4).map(|_| sensor.worker()).collect();
    std::thread::scope(|scope| {
        for (i, worker) in workers.iter_mut().enumerate() {
            let mine = frames.iter().skip(i).step_by(4);
            scope.spawn(move || mine.for_each(|frame| worker.frame(frame)));
        }
    });
    sensor.absorb(&mut workers);
    assert_eq!(results(sensor), truth);
}
