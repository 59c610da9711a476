//! The baseline itself.
//!
//! - `early_bird/payload`: the whole of it by payload size, a sketch of 64 MiB;
//! - `early_bird/sketch`: on 1,460 bytes by the size of the sketch: within the
//!   second-level cache, the third, and memory;
//! - `rabin/payload`: the rolling loop alone by payload size;
//! - `memory_copy`: copying what the loop reads, and what it reads from memory.
//!
//! What other benches print multiples of; here the multiple is of its own figure at
//! 1,460 bytes.

use baseline::against::{self, Baseline, Criterion};
use baseline::measure::random;
use baseline::{EarlyBird, Packets, Rabin};
use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::{Duration, Instant};

const TOTAL: usize = 4 << 20;
const PAYLOADS: [usize; 4] = [64, 300, 700, 1_460];

fn early_bird(c: &mut Criterion) {
    let by_payload = PAYLOADS.map(|payload| (payload.to_string(), payload, 64 << 20));
    let by_sketch = [("256KiB", 256 << 10), ("8MiB", 8 << 20), ("256MiB", 256 << 20)]
        .map(|(name, bytes)| (name.to_owned(), 1_460, bytes));
    for (axis, cases) in [("payload", &by_payload[..]), ("sketch", &by_sketch[..])] {
        let mut group = c.benchmark_group(format!("early_bird/{axis}"));
        for (name, payload, sketch) in cases {
            let mut packets = Packets::unique(*payload, TOTAL);
            let mut early_bird = EarlyBird::new(*sketch);
            let pace = Packets::bytes_per_window(*sketch);
            group.throughput(Throughput::Bytes(packets.payload().len() as u64));
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter_custom(|passes| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..passes {
                        packets.advance();
                        let begin = Instant::now();
                        packets.iter(pace).for_each(|p| early_bird.observe(&p));
                        spent += begin.elapsed();
                    }
                    spent
                });
            });
        }
    }
}

fn rabin(c: &mut Criterion) {
    let mut group = c.benchmark_group("rabin/payload");
    let (bytes, rabin) = (random(TOTAL), Rabin::new(40));
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for payload in PAYLOADS {
        group.bench_function(BenchmarkId::from_parameter(payload), |b| {
            b.iter(|| {
                let mut sum = 0u64;
                for payload in black_box(&bytes).chunks(payload) {
                    rabin.for_each(payload, 63, 1, |_, print| {
                        sum = sum.wrapping_add(print);
                    });
                }
                sum
            });
        });
    }
}

fn memory_copy(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory_copy");
    for (name, length) in [("cache", TOTAL / 16), ("memory", 32 * TOTAL)] {
        let from = random(length);
        let mut to = vec![1u8; length];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                to.copy_from_slice(black_box(&from));
                black_box(&to[0]);
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird)
        .sample_size(10)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300));
    targets = early_bird, rabin, memory_copy
}
criterion_main!(benches);
