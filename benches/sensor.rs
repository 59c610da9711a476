//! The whole packet path after decoding.
//!
//! - `sensor/payload`: bytes a second by payload size, unique random payloads, one
//!   thread, 64 MiB of tables: what most traffic looks like to a sifter.
//! - `sensor/memory`: the same at 1,460 bytes by the size of the tables: what cache
//!   misses cost.
//! - `sensor/sampling`, `sensor/beta`: at 1,460 bytes by the share of windows kept and
//!   by their length.
//! - `sensor/content`: random bytes, text, and text of which a tenth of the packets
//!   is the same: what repeats goes on to the costlier stages.
//! - `sensor/threads`: frames in, one to four threads.
//!
//! Payloads are altered between passes, since repeating them would make all content
//! prevalent, and packet time goes on as fast as the tables are made for. Seeds are
//! fixed.

use baseline::against::{self, Against, Baseline, Criterion};
use baseline::measure::{random, text};
use baseline::packets::{Packets, WINDOW};
use criterion::{Bencher, BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::{Duration, Instant};
use wormsift::config::{Config, Size};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift::sketch::hash_word;

/// Payload bytes of a pass.
const TOTAL: usize = 8 << 20;
const PAYLOAD: usize = 1_460;
const HEADERS: usize = 42;

struct Traffic {
    frames: Vec<Vec<u8>>,
    pass: u64,
    /// Nanoseconds of packet time that a pass takes.
    pass_time: u64,
}

impl Traffic {
    /// UDP frames whose payloads are cut from `bytes`; every tenth is the same if
    /// `repeating`.
    fn new(payload: usize, bytes: &[u8], repeating: bool) -> Self {
        let payloads = bytes.chunks_exact(payload).enumerate();
        let frames = payloads
            .map(|(n, own)| {
                let body = if repeating && n % 10 == 0 { &bytes[..payload] } else { own };
                let mut frame = vec![2; 12];
                frame.extend_from_slice(&[8, 0, 0x45, 0]);
                frame.extend_from_slice(&((payload + 28) as u16).to_be_bytes());
                frame.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0]);
                // Few sources and destinations: what repeats is no outbreak.
                let [from, to] =
                    [hash_word(n as u64, 1) % 20, hash_word(n as u64, 2) % 20];
                frame.extend_from_slice(&[10, 0, 0, from as u8, 10, 0, 1, to as u8]);
                frame.extend_from_slice(&[0, 7, 0, 9]);
                frame.extend_from_slice(&((payload + 8) as u16).to_be_bytes());
                frame.extend_from_slice(&[0, 0]);
                frame.extend_from_slice(body);
                frame
            })
            .collect();
        Self { frames, pass: 0, pass_time: 0 }
    }

    /// The next pass: other payloads. What repeated still does.
    fn advance(&mut self) {
        self.pass += 1;
        let mask = hash_word(self.pass, 3).to_le_bytes();
        for frame in &mut self.frames {
            for block in frame[HEADERS..].chunks_mut(8) {
                block.iter_mut().zip(mask).for_each(|(byte, m)| *byte ^= m);
            }
        }
    }

    fn frames(&self) -> Vec<Frame<'_>> {
        let count = self.frames.len() as u64;
        (0..)
            .zip(&self.frames)
            .map(|(i, data)| Frame {
                number: self.pass * count + i + 1,
                time: Timestamp::from_nanos(
                    self.pass * self.pass_time + i * self.pass_time / count,
                ),
                link: LinkType::ETHERNET,
                original_len: data.len() as u32,
                tap: 0,
                data,
            })
            .collect()
    }
}

/// Sifts pass after pass; only the sifting is timed.
fn run(
    b: &mut Bencher<'_, Against>,
    mut traffic: Traffic,
    config: Config,
    threads: usize,
) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.expect("threads");
    let mut sensor = Sensor::new(config).expect("valid settings");
    let table = sensor.stats().memory.prevalence_bytes;
    let pace = Packets::bytes_per_window(table as usize);
    traffic.pass_time = (TOTAL as u64).saturating_mul(WINDOW) / pace;
    b.iter_custom(|passes| {
        let mut spent = Duration::ZERO;
        for _ in 0..passes {
            traffic.advance();
            let frames = traffic.frames();
            let begin = Instant::now();
            pool.install(|| sensor.sift(black_box(&frames[..])));
            spent += begin.elapsed();
        }
        spent
    });
    assert!(sensor.findings().is_empty(), "nothing of this spreads");
}

fn unique(payload: usize) -> Traffic {
    Traffic::new(payload, &random(TOTAL), false)
}

fn memory_of(mebibytes: u64) -> Config {
    let mut config = Config::default();
    config.memory = Size(mebibytes << 20);
    config
}

fn payload(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/payload");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for size in [64, 300, 700, 1_460] {
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            run(b, unique(size), memory_of(64), 1);
        });
    }
    group.finish();
}

fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/memory");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for mebibytes in [16, 64, 256, 1_024] {
        let name = BenchmarkId::from_parameter(format!("{mebibytes}MiB"));
        group.bench_function(name, |b| run(b, unique(PAYLOAD), memory_of(mebibytes), 1));
    }
    group.finish();
}

fn sampling(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/sampling");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for sampling in ["4", "16", "64", "256", "winnow:128"] {
        group.bench_function(BenchmarkId::from_parameter(sampling), |b| {
            let mut config = memory_of(64);
            config.sampling = sampling.parse().expect("a sampling");
            run(b, unique(PAYLOAD), config, 1);
        });
    }
    group.finish();
}

fn beta(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/beta");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for beta in [16, 32, 40, 64] {
        group.bench_function(BenchmarkId::from_parameter(beta), |b| {
            let mut config = memory_of(64);
            config.beta = beta;
            run(b, unique(PAYLOAD), config, 1);
        });
    }
    group.finish();
}

fn content(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/content");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    let cases = [
        ("random", random(TOTAL), false),
        ("text", text(TOTAL), false),
        ("repeating", text(TOTAL), true),
    ];
    for (name, bytes, repeating) in cases {
        group.bench_function(name, |b| {
            run(b, Traffic::new(PAYLOAD, &bytes, repeating), memory_of(64), 1);
        });
    }
    group.finish();
}

fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/threads");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for threads in [1, 2, 4] {
        group.bench_function(BenchmarkId::from_parameter(threads), |b| {
            run(b, unique(PAYLOAD), memory_of(64), threads);
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird)
        .sample_size(10)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = payload, memory, sampling, beta, content, threads
}
criterion_main!(benches);
