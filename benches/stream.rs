//! Windows across segments, and samples of streams.
//!
//! - `advance/in_order`: the tails alone, by payload size, few directions
//!   (their entries stay in the cache). Throughput in payload bytes.
//! - `advance/directions`: full-size segments in order, by the number of
//!   directions that take turns: from the cache to memory.
//! - `advance/disorder`: 536-byte segments, by what is done to every tenth:
//!   nothing, swapped with its neighbour, sent twice, lost.
//! - `samples/segment`: history and open samples, by payload size.
//! - `samples/take`: a new sample for each packet, by the size of the segments
//!   that its past has to be put together from. Throughput in samples.

use baseline::against::{self, Baseline, Criterion};
use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wormsift::packet::{Host, Timestamp};
use wormsift::stream::{PacketPiece, Samples, Segment, StreamTails};

/// Window of 40 bytes.
const CONTEXT: usize = 39;
const SEED: u64 = 0x5eed;

/// A keyed direction hash stands in by a mixed counter.
fn direction(i: u64) -> u64 {
    let z = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z ^ z >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn payload(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| direction(i) as u8).collect()
}

fn join_all(tails: &mut StreamTails, direction: u64, sequence: u32, payload: &[u8]) {
    let segment = Segment { direction, sequence, syn: false, payload };
    tails.advance(segment, |buffer, seam, offset| {
        black_box((buffer, seam, offset));
    });
}

fn in_order(c: &mut Criterion) {
    let mut group = c.benchmark_group("advance/in_order");
    for len in [1, 40, 536, 1_460] {
        let payload = payload(len);
        let mut tails = StreamTails::new(1 << 20, CONTEXT, SEED);
        let mut sequence = 0u32;
        group.throughput(Throughput::Bytes(64 * len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| {
                for i in 0..64 {
                    join_all(&mut tails, direction(i), sequence, &payload);
                }
                sequence = sequence.wrapping_add(len as u32);
            });
        });
    }
    group.finish();
}

fn directions(c: &mut Criterion) {
    let payload = payload(1_460);
    let mut group = c.benchmark_group("advance/directions");
    for count in [64u64, 4_096, 262_144] {
        let mut tails = StreamTails::new(64 << 20, CONTEXT, SEED);
        let mut packet = 0u64;
        group.throughput(Throughput::Elements(1_024));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                for _ in 0..1_024 {
                    let sequence = (packet / count * 1_460) as u32;
                    join_all(&mut tails, direction(packet % count), sequence, &payload);
                    packet += 1;
                }
            });
        });
    }
    group.finish();
}

fn disorder(c: &mut Criterion) {
    let payload = payload(536);
    let mut group = c.benchmark_group("advance/disorder");
    for kind in ["none", "swapped", "twice", "lost"] {
        let order: Vec<u32> = (0..1_000u32)
            .flat_map(|i| match (kind, i % 10) {
                ("swapped", 4) => vec![i + 1],
                ("swapped", 5) => vec![i - 1],
                ("twice", 4) => vec![i, i],
                ("lost", 4) => vec![],
                _ => vec![i],
            })
            .collect();
        let mut tails = StreamTails::new(1 << 20, CONTEXT, SEED);
        let mut round = 0u32;
        group.throughput(Throughput::Elements(order.len() as u64));
        group.bench_function(kind, |b| {
            b.iter(|| {
                for i in &order {
                    let sequence = (round * 1_000 + i).wrapping_mul(536);
                    join_all(&mut tails, direction(1), sequence, &payload);
                }
                round = round.wrapping_add(1) & 0xffff;
            });
        });
    }
    group.finish();
}

fn piece(number: u64, flow: u64, sequence: u32, payload: &[u8]) -> PacketPiece<'_> {
    PacketPiece {
        number,
        direction: Some(direction(flow)),
        sequence,
        syn: false,
        payload,
        source: Host(1),
        destination: Host(2),
        source_port: 1,
        destination_port: 2,
        time: Timestamp::from_nanos(number),
        whole: true,
        seam: None,
    }
}

fn segment(c: &mut Criterion) {
    let mut group = c.benchmark_group("samples/segment");
    for len in [40, 536, 1_460] {
        let payload = payload(len);
        let mut samples = Samples::new(1 << 20, 2_048, SEED);
        let (mut number, mut sequence) = (0, 0u32);
        group.throughput(Throughput::Elements(64));
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| {
                for flow in 0..64 {
                    samples.segment(piece(number, flow, sequence, &payload));
                    number += 1;
                }
                sequence = sequence.wrapping_add(len as u32);
            });
        });
    }
    group.finish();
}

fn take(c: &mut Criterion) {
    let mut group = c.benchmark_group("samples/take");
    for len in [40, 536, 1_460] {
        let payload = payload(len);
        let mut samples = Samples::new(1 << 20, 2_048, SEED);
        for number in 0..64u64 {
            samples.segment(piece(number, 1, number as u32 * len as u32, &payload));
        }
        let last = piece(63, 1, 63 * len as u32, &payload);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| {
                assert!(samples.take(last, 0, 40, 1));
                assert!(samples.release(63, 0, 40));
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200));
    targets = in_order, directions, disorder, segment, take
}
criterion_main!(benches);
