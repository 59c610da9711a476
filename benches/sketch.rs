//! Counting in sketches.
//!
//! - `count_min`: one update (the sum over both epochs, as prevalence does it), by
//!   table size: within the second-level cache, the third, and memory. `plain` updates key
//!   by key; `touched` first hashes a batch of 256 keys and reads their lines, so that their misses
//!   overlap, then updates the batch.
//! - `clear`: forgetting a table of 16 MiB after 100 keys and after a million.
//! - `bloom`: entering and asking, at half the capacity, by filter size.
//!
//! Keys are a seeded sequence, each once: the worst case, and nearly the real one.

use baseline::against::{self, Baseline, Criterion};
use criterion::{BatchSize, BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wormsift::detect::prevalence::Prevalence;
use wormsift::fingerprint::prefetch;
use wormsift::packet::Timestamp;
use wormsift::sketch::{Bloom, Clear, CountMin, hash_word};
use wormsift::time::Span;

/// Updates in one measured run.
const KEYS: u64 = 1 << 16;
/// Keys touched ahead of their updates.
const BATCH: usize = 256;
const WINDOW: Span = Span(1 << 40);

fn keys() -> Vec<u64> {
    (0..KEYS).map(|n| hash_word(n, 42)).collect()
}

fn count_min(c: &mut Criterion) {
    let mut group = c.benchmark_group("count_min");
    group.throughput(Throughput::Elements(KEYS));
    let keys = keys();
    let (before, time) = (Timestamp::from_nanos(0), Timestamp::from_nanos(WINDOW.0));
    for (name, bytes) in [("256KiB", 256 << 10), ("4MiB", 4 << 20), ("128MiB", 128 << 20)]
    {
        let mut tables = Prevalence::new(bytes, WINDOW, 3, 1);
        // Pages are the system's until they are written: not what is measured. Both
        // epochs get a key for each of their lines.
        for time in [before, time] {
            (0..bytes as u64 / 128).for_each(|n| {
                tables.observe(hash_word(n, 7), time);
            });
        }
        let mut round = 0u64;
        group.bench_function(BenchmarkId::new("plain", name), |b| {
            b.iter(|| {
                round = hash_word(round, 9);
                for key in &keys {
                    black_box(tables.observe(key ^ round, time));
                }
            });
        });
        group.bench_function(BenchmarkId::new("touched", name), |b| {
            let mut hashes = [0; BATCH];
            b.iter(|| {
                round = hash_word(round, 9);
                for batch in keys.chunks(BATCH) {
                    for (hash, key) in hashes.iter_mut().zip(batch) {
                        *hash = tables.hash(key ^ round);
                    }
                    hashes[..batch.len()]
                        .iter()
                        .flat_map(|hash| tables.places(*hash))
                        .flatten()
                        .for_each(prefetch);
                    for hash in &hashes[..batch.len()] {
                        black_box(tables.observe_hashed(*hash, time));
                    }
                }
            });
        });
    }
    group.finish();
}

fn clear(c: &mut Criterion) {
    let mut group = c.benchmark_group("clear");
    for written in [100, 1_000_000] {
        let table = || {
            let mut table = CountMin::new(16 << 20);
            (0..written).for_each(|n| {
                table.add(hash_word(n, 3));
            });
            table
        };
        // What it costs for each key that was counted.
        group.throughput(Throughput::Elements(written));
        group.bench_function(BenchmarkId::from_parameter(written), |b| {
            b.iter_batched_ref(table, |table| table.clear(), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn bloom(c: &mut Criterion) {
    let mut group = c.benchmark_group("bloom");
    group.throughput(Throughput::Elements(KEYS));
    let keys = keys();
    for (name, bytes) in [("64KiB", 64 << 10), ("16MiB", 16 << 20)] {
        let mut filter = Bloom::new(bytes, 1e-4, 1);
        (0..filter.capacity() as u64 / 2).for_each(|n| {
            filter.insert(hash_word(n, 5));
        });
        group.bench_function(BenchmarkId::new("absent", name), |b| {
            b.iter(|| keys.iter().filter(|key| filter.contains(**key)).count());
        });
        let present: Vec<_> =
            (0..KEYS).map(|n| hash_word(n % (filter.capacity() as u64 / 2), 5)).collect();
        group.bench_function(BenchmarkId::new("present", name), |b| {
            b.iter(|| present.iter().filter(|key| filter.contains(**key)).count());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::CountMin)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = count_min, clear, bloom
}
criterion_main!(benches);
