//! Decoding frames to packets.
//!
//! - `decode/protocol`: does the transport matter? 512-byte payloads in IPv4 over
//!   Ethernet, by protocol; throughput in packets.
//! - `decode/payload`: does the payload's size matter? It must not: no byte of it
//!   is read. TCP in IPv4, by payload bytes.
//! - `decode/wrapping`: what does each header on the way down add? The same UDP
//!   packet, by what is around it.
//! - `decode/checksums`: what does checking cost? TCP with 1,460 bytes, off and on;
//!   throughput in bytes.
//! - `decode/fragments`: datagrams of 8 KiB in
//!   fragments of 1,480 bytes, in order and backwards; throughput in fragments.
//! - `decode/flood`: a flood of lone fragments, by the number of datagrams that the pool
//!   holds.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use baseline::against::{self, Against, Baseline, Criterion};
use criterion::{
    BenchmarkGroup, BenchmarkId, Throughput, criterion_group, criterion_main,
};
use wormsift::decode::{Decoded, Decoder, Defragmenter, Fragment};
use wormsift::packet::{Frame, LinkType, Timestamp, protocol};

/// Frames a round: different ones, so that branches are not all foreseen.
const FRAMES: usize = 256;

/// Seeded bytes (an xorshift generator).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], &ethertype.to_be_bytes()[..], payload].concat()
}

fn vlan(id: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), &ethertype.to_be_bytes()[..], payload].concat()
}

fn ipv4(random: &mut Random, number: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut data = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, number, 0, 0];
    data[2..4].copy_from_slice(&total.to_be_bytes());
    data.extend(random.bytes(8));
    let sum = !sum(&data);
    data[10..12].copy_from_slice(&sum.to_be_bytes());
    data.extend(payload);
    data
}

fn ipv6(random: &mut Random, number: u8, payload: &[u8]) -> Vec<u8> {
    let mut data = vec![0x60, 0, 0, 0, 0, 0, number, 64];
    data[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    data.extend(random.bytes(32));
    data.extend(payload);
    data
}

fn udp(random: &mut Random, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut data = random.bytes(8);
    data[2..4].copy_from_slice(&destination.to_be_bytes());
    data[4..6].copy_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    data.extend(payload);
    data
}

fn tcp(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let mut data = random.bytes(20);
    data[12] = 0x50;
    data.extend(payload);
    data
}

/// A TCP packet in IPv4 whose checksum holds.
fn checked_tcp(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let mut segment = tcp(random, payload);
    segment[16..18].fill(0);
    let mut data = ipv4(random, protocol::TCP, &segment);
    let length = (segment.len() as u16).to_be_bytes();
    let pseudo = [&data[12..20], &[0, protocol::TCP], &length, &segment].concat();
    data[36..38].copy_from_slice(&(!sum(&pseudo)).to_be_bytes());
    data
}

fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Measures one round over frames that must all be decoded.
fn measure(
    group: &mut BenchmarkGroup<'_, Against>,
    name: BenchmarkId,
    decoder: Decoder,
    frames: &[Vec<u8>],
) {
    let frames: Vec<Frame<'_>> = frames
        .iter()
        .map(|data| Frame {
            number: 1,
            time: Timestamp::from_nanos(0),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        })
        .collect();
    for frame in &frames {
        assert!(matches!(decoder.frame(frame), Decoded::Packet(_)));
    }
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for frame in &frames {
                // By reference: by value it would be copied once more.
                black_box(&decoder.frame(black_box(frame)));
            }
        });
    });
}

fn frames(mut make: impl FnMut(&mut Random) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut random = Random(0x5eed);
    (0..FRAMES).map(|_| make(&mut random)).collect()
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, Against> {
    let mut group = criterion.benchmark_group(format!("decode/{name}"));
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(800));
    group.sample_size(20);
    group.throughput(Throughput::Elements(FRAMES as u64));
    group
}

fn by_protocol(criterion: &mut Criterion) {
    let mut group = group(criterion, "protocol");
    let decoder = Decoder::new(true, false);
    let tcp = frames(|random| {
        let payload = random.bytes(512);
        let segment = tcp(random, &payload);
        ethernet(0x0800, &ipv4(random, protocol::TCP, &segment))
    });
    measure(&mut group, "tcp".into_id(), decoder.clone(), &tcp);
    let udp = frames(|random| {
        let payload = random.bytes(512);
        let datagram = udp(random, 53, &payload);
        ethernet(0x0800, &ipv4(random, protocol::UDP, &datagram))
    });
    measure(&mut group, "udp".into_id(), decoder.clone(), &udp);
    for (name, number) in [("icmp", protocol::ICMP), ("other", 89)] {
        let frames = frames(|random| {
            let payload = random.bytes(520);
            ethernet(0x0800, &ipv4(random, number, &payload))
        });
        measure(&mut group, name.into_id(), decoder.clone(), &frames);
    }
    let mixed: Vec<_> =
        tcp.iter().zip(&udp).flat_map(|pair| [pair.0.clone(), pair.1.clone()]).collect();
    measure(&mut group, "tcp and udp".into_id(), decoder.clone(), &mixed[..FRAMES]);
    group.finish();
}

fn by_payload(criterion: &mut Criterion) {
    let mut group = group(criterion, "payload");
    for length in [0, 64, 512, 1_460, 8_960] {
        let frames = frames(|random| {
            let payload = random.bytes(length);
            let segment = tcp(random, &payload);
            ethernet(0x0800, &ipv4(random, protocol::TCP, &segment))
        });
        let name = BenchmarkId::from_parameter(length);
        measure(&mut group, name, Decoder::new(true, false), &frames);
    }
    group.finish();
}

fn by_wrapping(criterion: &mut Criterion) {
    let mut group = group(criterion, "wrapping");
    let plain = |random: &mut Random| {
        let payload = random.bytes(200);
        let datagram = udp(random, 53, &payload);
        ipv4(random, protocol::UDP, &datagram)
    };
    let wrapped: [(&str, Vec<Vec<u8>>); 7] = [
        ("none", frames(|random| ethernet(0x0800, &plain(random)))),
        ("vlan", frames(|random| ethernet(0x8100, &vlan(7, 0x0800, &plain(random))))),
        (
            "qinq",
            frames(|random| {
                ethernet(0x88a8, &vlan(7, 0x8100, &vlan(8, 0x0800, &plain(random))))
            }),
        ),
        (
            "ipv6",
            frames(|random| {
                let payload = random.bytes(200);
                let datagram = udp(random, 53, &payload);
                ethernet(0x86dd, &ipv6(random, protocol::UDP, &datagram))
            }),
        ),
        (
            "mpls",
            frames(|random| {
                let labelled = [&[0, 6, 65, 64], &plain(random)[..]].concat();
                ethernet(0x8847, &labelled)
            }),
        ),
        (
            "gre",
            frames(|random| {
                let inner = [&[0, 0, 8, 0], &plain(random)[..]].concat();
                ethernet(0x0800, &ipv4(random, 47, &inner))
            }),
        ),
        (
            "vxlan",
            frames(|random| {
                let inner = ethernet(0x0800, &plain(random));
                let datagram =
                    udp(random, 4_789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &inner[..]].concat());
                ethernet(0x0800, &ipv4(random, protocol::UDP, &datagram))
            }),
        ),
    ];
    for (name, frames) in &wrapped {
        measure(&mut group, name.into_id(), Decoder::new(true, false), frames);
    }
    group.finish();
}

fn by_checksums(criterion: &mut Criterion) {
    let mut group = group(criterion, "checksums");
    group.throughput(Throughput::Bytes((FRAMES * 1_460) as u64));
    let frames = frames(|random| {
        let payload = random.bytes(1_460);
        ethernet(0x0800, &checked_tcp(random, &payload))
    });
    for (name, checksums) in [("off", false), ("on", true)] {
        measure(&mut group, name.into_id(), Decoder::new(true, checksums), &frames);
    }
    group.finish();
}

fn piece(identification: u32, offset: usize, more: bool, bytes: &[u8]) -> Fragment<'_> {
    Fragment {
        number: 1,
        time: Timestamp::from_nanos(0),
        source: IpAddr::from([192, 0, 2, 1]),
        destination: IpAddr::from([192, 0, 2, 2]),
        identification,
        protocol: protocol::UDP,
        encapsulation: 0,
        untrusted_tunnel: false,
        tap: 0,
        offset: offset as u16,
        more,
        depth: 0,
        routed: false,
        bytes,
    }
}

fn fragments(criterion: &mut Criterion) {
    let bytes = Random(0x5eed).bytes(8_192);
    let mut pieces: Vec<_> = bytes
        .chunks(1_480)
        .enumerate()
        .map(|(place, chunk)| {
            let offset = place * 1_480;
            piece(1, offset, offset + chunk.len() < bytes.len(), chunk)
        })
        .collect();
    let mut group = group(criterion, "fragments");
    group.throughput(Throughput::Elements(pieces.len() as u64));
    for order in ["in order", "backwards"] {
        let mut pool = Defragmenter::new(64, 1 << 20);
        group.bench_function(order, |bencher| {
            bencher.iter(|| {
                let whole = pieces.iter().find_map(|fragment| pool.insert(fragment));
                assert_eq!(black_box(whole).map(|it| it.bytes.len()), Some(8_192));
            });
        });
        pieces.reverse();
    }
    group.finish();
}

fn flood(criterion: &mut Criterion) {
    let bytes = Random(0x5eed).bytes(1_480);
    let mut group = group(criterion, "flood");
    group.throughput(Throughput::Elements(1));
    for slots in [16, 256, 4_096] {
        let mut pool = Defragmenter::new(slots, slots * 2_048);
        let mut identification = 0;
        group.bench_function(BenchmarkId::from_parameter(slots), |bencher| {
            bencher.iter(|| {
                identification += 1;
                let fragment = piece(identification, 0, true, &bytes);
                assert!(pool.insert(black_box(&fragment)).is_none());
            });
        });
        assert!(pool.waiting() <= slots as u64);
    }
    group.finish();
}

/// A name that stands alone.
trait IntoId {
    fn into_id(self) -> BenchmarkId;
}

impl IntoId for &str {
    fn into_id(self) -> BenchmarkId {
        BenchmarkId::from_parameter(self)
    }
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird);
    targets = by_protocol, by_payload, by_wrapping, by_checksums, fragments, flood
}
criterion_main!(benches);
