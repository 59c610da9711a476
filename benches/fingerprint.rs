//! Choosing the windows to keep.
//!
//! Bytes a second of payload, over payloads that together are far larger than the
//! caches, unless a group says otherwise.
//!
//! - `kernel`: the sampling bits alone, each kernel, from memory and from cache;
//!   beside them `rabin`, the scalar 64-bit Rabin fingerprint that the goals are
//!   multiples of;
//! - `stages`: what the walk over kept windows, with its XXH3, adds to the kernel;
//! - `payload`: by payload size;
//! - `together`: by the number of payloads that are handed over at once;
//! - `sampling`: by share of windows kept;
//! - `beta`: by window length;
//! - `content`: by content, as skew may keep more or fewer windows;
//! - `winnow`: the guarantee mode, by kernel and by run width.

use baseline::Rabin;
use baseline::against::{self, Baseline, Criterion};
use baseline::measure::{random, text};
use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch};

const KEY: u128 = 0x2718_2818_2845_9045_2353_6028_7471_3527;
const PAYLOAD: usize = 1_460;
/// Far larger than a core's share of any cache.
const IN_MEMORY: usize = 128 << 20;
/// Fits a second-level cache.
const IN_CACHE: usize = 256 << 10;

fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// Keeps all fingerprints' sum, so that none is left out.
fn sum(
    fingerprinter: &Fingerprinter,
    scratch: &mut Scratch,
    bytes: &[u8],
    payload: usize,
) -> u64 {
    let mut sum = 0u64;
    for payload in bytes.chunks(payload) {
        fingerprinter.for_each(scratch, payload, |offset, fingerprint| {
            sum = sum.wrapping_add(fingerprint.0 ^ offset as u64);
        });
    }
    sum
}

fn count(
    fingerprinter: &Fingerprinter,
    scratch: &mut Scratch,
    bytes: &[u8],
    payload: usize,
) -> u64 {
    let payloads = bytes.chunks(payload);
    payloads.map(|payload| fingerprinter.count_sampled(scratch, payload)).sum()
}

fn rabin(rabin: &Rabin, bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    for payload in bytes.chunks(PAYLOAD) {
        rabin.for_each(payload, 63, 1, |offset, fingerprint| {
            sum = sum.wrapping_add(fingerprint ^ offset as u64);
        });
    }
    sum
}

/// The slow paths see a part of the buffer only, to keep the run short.
fn part(kernel: Kernel, bytes: &[u8]) -> &[u8] {
    if kernel == Kernel::Scalar {
        &bytes[..bytes.len().min(IN_MEMORY / 8)]
    } else {
        bytes
    }
}

fn kernel(criterion: &mut Criterion) {
    let memory = random(IN_MEMORY);
    let cache = &memory[..IN_CACHE];
    let mut scratch = Scratch::default();
    for (place, bytes) in [("memory", &memory[..]), ("cache", cache)] {
        let mut group = criterion.benchmark_group("kernel");
        for kernel in kernels() {
            let bytes = part(kernel, bytes);
            let fingerprinter = Fingerprinter::new(KEY, 40, Sampling::Value(64), kernel);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::new(kernel.name(), place), |bencher| {
                bencher.iter(|| {
                    count(&fingerprinter, &mut scratch, black_box(bytes), PAYLOAD)
                });
            });
        }
        let bytes = part(Kernel::Scalar, bytes);
        let baseline = Rabin::new(40);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("rabin", place), |bencher| {
            bencher.iter(|| rabin(&baseline, black_box(bytes)));
        });
    }
}

fn stages(criterion: &mut Criterion) {
    let memory = random(IN_MEMORY);
    let mut scratch = Scratch::default();
    let mut group = criterion.benchmark_group("stages");
    for kernel in kernels() {
        let bytes = part(kernel, &memory);
        let fingerprinter = Fingerprinter::new(KEY, 40, Sampling::Value(64), kernel);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("kernel", kernel), |bencher| {
            bencher
                .iter(|| count(&fingerprinter, &mut scratch, black_box(bytes), PAYLOAD));
        });
        group.bench_function(BenchmarkId::new("kernel+walk", kernel), |bencher| {
            bencher.iter(|| {
                let payloads = black_box(bytes).chunks(PAYLOAD);
                let mut sum = 0;
                for payload in payloads {
                    fingerprinter.for_each_window(&mut scratch, payload, |offset, _| {
                        sum += offset;
                    });
                }
                sum
            });
        });
        group.bench_function(BenchmarkId::new("kernel+walk+xxh3", kernel), |bencher| {
            bencher.iter(|| sum(&fingerprinter, &mut scratch, black_box(bytes), PAYLOAD));
        });
    }
}

/// One axis: all else at 40 bytes, 1 in 64, payloads of 1,460 random bytes, the
/// best kernel, in cache.
fn axis(
    criterion: &mut Criterion,
    name: &str,
    cases: impl IntoIterator<Item = (String, Fingerprinter, usize, Vec<u8>)>,
) {
    let mut scratch = Scratch::default();
    let mut group = criterion.benchmark_group(name);
    for (case, fingerprinter, payload, bytes) in cases {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(case, |bencher| {
            bencher
                .iter(|| sum(&fingerprinter, &mut scratch, black_box(&bytes), payload));
        });
    }
}

fn best(beta: usize, sampling: Sampling) -> Fingerprinter {
    Fingerprinter::new(KEY, beta, sampling, Kernel::best())
}

fn payload(criterion: &mut Criterion) {
    let cases = [48, 100, 300, 576, 1_460, 9_000, 65_536].map(|payload| {
        let fingerprinter = best(40, Sampling::Value(64));
        (payload.to_string(), fingerprinter, payload, random(IN_CACHE))
    });
    axis(criterion, "payload", cases);
}

/// Payloads of a real network's sizes, by themselves and many at a time.
fn together(criterion: &mut Criterion) {
    let bytes = random(IN_CACHE);
    let sizes = [1_460, 0, 90, 1_460, 48, 0, 300, 41, 130, 576, 0, 64];
    let mut rest = &bytes[..];
    let mut payloads = Vec::new();
    for size in sizes.into_iter().cycle() {
        let Some((payload, after)) = rest.split_at_checked(size) else { break };
        payloads.push(payload);
        rest = after;
    }
    let fingerprinter = best(40, Sampling::Value(64));
    let mut scratch = Scratch::default();
    let mut group = criterion.benchmark_group("together");
    group.throughput(Throughput::Bytes((bytes.len() - rest.len()) as u64));
    for at_once in [1, 4, 16, 64, 256] {
        group.bench_function(at_once.to_string(), |bencher| {
            bencher.iter(|| {
                let mut sum = 0u64;
                for payloads in black_box(&payloads).chunks(at_once) {
                    fingerprinter.for_each_of(&mut scratch, payloads, |_, at, print| {
                        sum = sum.wrapping_add(print.0 ^ at as u64);
                    });
                }
                sum
            });
        });
    }
}

fn sampling(criterion: &mut Criterion) {
    let cases = [1, 4, 16, 64, 256].map(|n| {
        let fingerprinter = best(40, Sampling::Value(n));
        (format!("1 in {n}"), fingerprinter, PAYLOAD, random(IN_CACHE))
    });
    axis(criterion, "sampling", cases);
}

fn beta(criterion: &mut Criterion) {
    let cases = [8, 16, 32, 39, 40, 48, 63, 64].map(|beta| {
        (beta.to_string(), best(beta, Sampling::Value(64)), PAYLOAD, random(IN_CACHE))
    });
    axis(criterion, "beta", cases);
}

fn content(criterion: &mut Criterion) {
    let by_value = best(40, Sampling::Value(64));
    let winnow = best(40, Sampling::Winnow(128));
    let cases = [("value", by_value), ("winnow", winnow)].into_iter().flat_map(
        |(mode, fingerprinter)| {
            [
                ("random", random(IN_CACHE)),
                ("text", text(IN_CACHE)),
                ("zeros", vec![0; IN_CACHE]),
            ]
            .map(|(content, bytes)| {
                (format!("{mode}/{content}"), fingerprinter.clone(), PAYLOAD, bytes)
            })
        },
    );
    axis(criterion, "content", cases);
}

fn winnow(criterion: &mut Criterion) {
    let memory = random(IN_MEMORY / 4);
    let mut scratch = Scratch::default();
    let mut group = criterion.benchmark_group("winnow");
    for kernel in kernels() {
        let bytes = part(kernel, &memory);
        let fingerprinter = Fingerprinter::new(KEY, 40, Sampling::Winnow(128), kernel);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("kernel", kernel), |bencher| {
            bencher
                .iter(|| count(&fingerprinter, &mut scratch, black_box(bytes), PAYLOAD));
        });
        group.bench_function(BenchmarkId::new("kernel+walk+xxh3", kernel), |bencher| {
            bencher.iter(|| sum(&fingerprinter, &mut scratch, black_box(bytes), PAYLOAD));
        });
    }
    for width in [16, 64, 256, 1_024] {
        let fingerprinter = best(40, Sampling::Winnow(width));
        group.throughput(Throughput::Bytes(memory.len() as u64));
        group.bench_function(BenchmarkId::new("width", width), |bencher| {
            bencher
                .iter(|| sum(&fingerprinter, &mut scratch, black_box(&memory), PAYLOAD));
        });
    }
}

criterion_group! {
    name = fingerprint;
    config = against::criterion(Baseline::Rabin)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = kernel, stages, payload, together, sampling, beta, content, winnow
}
criterion_main!(fingerprint);
