//! How far frames are read: each counts once, whatever the batches and threads.

use std::num::NonZero;
use wormsift::config::Config;
use wormsift::decode::{Reach, Unread};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::{Sensor, Stats};

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ethertype.to_be_bytes(), payload].concat()
}

/// IPv4 in Ethernet; `position` holds the flags and the fragment's offset.
fn ip(protocol: u8, position: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let header = [
        &[0x45, 0][..],
        &total.to_be_bytes(),
        &[0, 7],
        &position.to_be_bytes(),
        &[64, protocol, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2],
    ];
    ethernet(0x0800, &[&header.concat()[..], payload].concat())
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&[0x9c, 0x40][..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload]
        .concat()
}

/// One frame of each kind, and how far it is read.
fn kinds() -> Vec<(Vec<u8>, Reach)> {
    let datagram = udp(9, &[7; 32]);
    let unset_vxlan =
        [&[8, 0, 0, 0, 0, 0, 5, 0][..], &ethernet(0x0800, &[0x45; 60])].concat();
    let mut unset = unset_vxlan;
    unset[8 + 14..8 + 18].copy_from_slice(&[0x45, 0, 0, 60]);
    vec![
        (ip(17, 0, &udp(9, b"what a datagram carries")), Reach::Payload),
        (ip(17, 0, &udp(9, b"")), Reach::NoPayload),
        (ethernet(0x8906, &[0; 60]), Reach::Ethertype),
        (ethernet(0x0806, &[0; 28]), Reach::Control),
        (ip(89, 0, &[0; 40]), Reach::Control),
        (ip(200, 0, &[0; 40]), Reach::IpProtocol),
        (ip(50, 0, &[9; 60]), Reach::Encrypted),
        (ip(17, 0, &udp(12_345, &unset)), Reach::Tunnel),
        // A datagram in two pieces, and one that stays a piece.
        (ip(17, 0x2000, &datagram[..16]), Reach::Payload),
        (ip(17, 0x0002, &datagram[16..]), Reach::Payload),
        (ip(6, 0x2000, &[0; 16]), Reach::Fragment),
        (ip(6, 0, &[0; 20]), Reach::Damaged),
    ]
}

const ROUNDS: usize = 200;

fn frames(kinds: &[(Vec<u8>, Reach)]) -> Vec<Frame<'_>> {
    (0..ROUNDS)
        .flat_map(|_| kinds)
        .zip(1..)
        .map(|((data, _), number)| Frame {
            number,
            time: Timestamp::from_nanos(1_700_000_000_000_000_000 + number * 1_000_000),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        })
        .collect()
}

fn sensor() -> Sensor {
    Sensor::new(Config::from_toml("memory = '16MiB'").unwrap()).unwrap()
}

fn told(mut sensor: Sensor) -> (Stats, Vec<String>) {
    sensor.finish();
    (sensor.stats(), sensor.warnings())
}

fn in_batches(frames: &[Frame<'_>], size: usize, threads: usize) -> (Stats, Vec<String>) {
    let mut sensor = sensor();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| frames.chunks(size).for_each(|batch| sensor.sift(batch)));
    told(sensor)
}

#[test]
fn each_frame_counts_once_and_under_the_layer_that_stopped_it() {
    let kinds = kinds();
    let (stats, _) = in_batches(&frames(&kinds), 64, 2);
    let coverage = stats.coverage;
    for reach in Reach::ALL {
        let rows = || kinds.iter().filter(|(_, kind)| *kind == reach);
        let bytes: usize = rows().map(|(data, _)| data.len()).sum();
        let frames = (rows().count() * ROUNDS) as u64;
        assert_eq!(coverage.frames_at(reach), frames, "{reach:?}");
        assert_eq!(coverage.bytes_at(reach), (bytes * ROUNDS) as u64, "{reach:?}");
    }
    assert_eq!(coverage.frames(), (kinds.len() * ROUNDS) as u64);
    let share = coverage.payload_frame_share();
    assert!((share - 3.0 / kinds.len() as f64).abs() < 1e-5, "{share}");
}

#[test]
fn what_is_unread_is_counted_by_kind_with_its_conversations() {
    let (stats, _) = in_batches(&frames(&kinds()), 64, 2);
    for kind in [Unread::Esp, Unread::IpProtocol, Unread::VxlanSuspected] {
        assert_eq!(stats.unread.packets(kind), ROUNDS as u64, "{kind:?}");
        assert_eq!(stats.unread.flows(kind), 1, "{kind:?}");
    }
    assert_eq!(stats.unread.packets(Unread::WireGuard), 0);
}

#[test]
fn each_cause_above_a_hundredth_is_warned_of_once_by_name() {
    let kinds = kinds();
    let frames = frames(&kinds);
    let (_, warnings) = in_batches(&frames, 100, 2);
    for needed in [
        "8.3 % of the frames (200 of 2400)",
        "Ethernet type 0x8906 (FCoE)",
        "IP protocol 200",
        "IP protocol 50 (ESP, encrypted)",
        "UDP port 12345 (looks like VXLAN): add the port to vxlan_ports",
        "fragments of datagrams",
    ] {
        let found = warnings.iter().filter(|line| line.contains(needed)).count();
        assert!(found >= 1, "{needed}: {warnings:#?}");
    }
    assert_eq!(warnings.len(), 5, "{warnings:#?}");
}

#[test]
fn neither_batches_nor_threads_nor_workers_change_the_count() {
    let kinds = kinds();
    let frames = frames(&kinds);
    let section = |(stats, warnings): (Stats, Vec<String>)| {
        (stats.coverage, stats.unread, warnings)
    };
    let expected = section(in_batches(&frames, frames.len(), 1));
    let most = std::thread::available_parallelism().map_or(2, NonZero::get).max(3);
    for (size, threads) in [(1, 1), (7, most), (1_000, 2)] {
        assert_eq!(section(in_batches(&frames, size, threads)), expected, "{size}");
    }
    let mut sensor = sensor();
    let mut workers = [sensor.worker(), sensor.worker(), sensor.worker()];
    for (at, frame) in frames.iter().enumerate() {
        workers[at % 3].frame(frame);
    }
    sensor.absorb(&mut workers);
    assert_eq!(section(told(sensor)), expected, "workers of a host");
}
