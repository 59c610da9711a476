//! What does the whole packet path cost, after decoding?
//!
//! - `sensor/payload`: bytes a second by payload size, unique random payloads, one
//!   thread, 64 MiB of tables: what most traffic looks like to a sifter.
//! - `sensor/memory`: the same at 1,460 bytes by the size of the tables: what cache
//!   misses cost.
//! - `sensor/threads`: frames in, one to four threads.
//!
//! Payloads are drawn anew for each pass by xoring a counter into them, since
//! repeating them would make all content prevalent. Seeds are fixed.

use baseline::against::{self, Baseline, Criterion};
use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wormsift::config::{Config, Size};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::sensor::Sensor;

struct Traffic {
    frames: Vec<Vec<u8>>,
    pass: u64,
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Traffic {
    /// UDP frames with `payload` random bytes each, `total` bytes of payload in all.
    fn new(payload: usize, total: usize) -> Self {
        let mut state = payload as u64;
        let frames = (0..total / payload)
            .map(|_| {
                let mut bytes = vec![2; 12];
                bytes.extend_from_slice(&[8, 0, 0x45, 0]);
                bytes.extend_from_slice(&((payload + 28) as u16).to_be_bytes());
                bytes.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0]);
                bytes.extend_from_slice(&random(&mut state).to_le_bytes());
                bytes.extend_from_slice(&[0, 7, 0, 9]);
                bytes.extend_from_slice(&((payload + 8) as u16).to_be_bytes());
                bytes.extend_from_slice(&[0, 0]);
                bytes.extend((0..payload).map(|_| random(&mut state) as u8));
                bytes
            })
            .collect();
        Self { frames, pass: 0 }
    }

    /// The next pass: other payloads, one second later.
    fn advance(&mut self) {
        self.pass += 1;
        let mut state = self.pass;
        for frame in &mut self.frames {
            let mask = random(&mut state).to_le_bytes();
            for block in frame[42..].chunks_mut(8) {
                block.iter_mut().zip(mask).for_each(|(byte, m)| *byte ^= m);
            }
        }
    }

    fn frames(&self) -> Vec<Frame<'_>> {
        self.frames
            .iter()
            .enumerate()
            .map(|(i, data)| Frame {
                number: self.pass * self.frames.len() as u64 + i as u64 + 1,
                time: Timestamp::from_nanos(self.pass * 1_000_000_000),
                link: LinkType::ETHERNET,
                original_len: data.len() as u32,
                data,
            })
            .collect()
    }
}

fn sensor(mebibytes: u64) -> Sensor {
    let mut config = Config::default();
    config.memory = Some(Size(mebibytes << 20));
    Sensor::new(config).expect("valid settings")
}

fn run(
    b: &mut criterion::Bencher<'_, against::Against>,
    payload: usize,
    mebibytes: u64,
    threads: usize,
) {
    let pool = rayon_pool(threads);
    let mut sensor = sensor(mebibytes);
    let mut traffic = Traffic::new(payload, TOTAL);
    b.iter_custom(|passes| {
        let mut spent = std::time::Duration::ZERO;
        for _ in 0..passes {
            traffic.advance();
            let frames = traffic.frames();
            let begin = std::time::Instant::now();
            pool.install(|| sensor.sift(black_box(&frames[..])));
            spent += begin.elapsed();
        }
        spent
    });
    assert!(sensor.findings().is_empty(), "random payloads hold nothing that spreads");
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

const TOTAL: usize = 8 << 20;

fn payload(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/payload");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for size in [64, 300, 700, 1_460] {
        group.bench_function(BenchmarkId::from_parameter(size), |b| run(b, size, 64, 1));
    }
    group.finish();
}

fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/memory");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for mebibytes in [16, 64, 256, 1_024] {
        let name = BenchmarkId::from_parameter(format!("{mebibytes}MiB"));
        group.bench_function(name, |b| run(b, 1_460, mebibytes, 1));
    }
    group.finish();
}

fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("sensor/threads");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    for threads in [1, 2, 4] {
        group.bench_function(BenchmarkId::from_parameter(threads), |b| {
            run(b, 1_460, 64, threads)
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird)
        .sample_size(10)
        .measurement_time(std::time::Duration::from_secs(3))
        .warm_up_time(std::time::Duration::from_millis(500));
    targets = payload, memory, threads
}
criterion_main!(benches);
