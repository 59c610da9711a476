//! Counting distinct hosts, and following a content from host to host.
//!
//! - `distinct_count`: one sighting entered and read, by table size: within the
//!   second-level cache, the third, and memory; `touched` reads the cells of a batch of
//!   256 sightings first.
//! - `width`: the same in a 4 MiB table, by bitmap width: what high thresholds cost.
//! - `propagation`: one sighting, by what it is: `servers` (a few hosts send, to ever new
//!   ones: no relay), `echoes` (every recipient answers: possible relays, all the time),
//!   `outbreak` (every recipient passes it on: the relays of one content grow).
//!
//! Contents and hosts are seeded sequences.

use baseline::against::{self, Baseline, Criterion};
use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wormsift::detect::dispersion::Dispersion;
use wormsift::detect::propagation::Propagation;
use wormsift::fingerprint::prefetch;
use wormsift::packet::{Host, Timestamp};
use wormsift::sketch::hash_word;
use wormsift::time::Span;

/// Sightings in one measured run.
const SIGHTINGS: u64 = 1 << 14;
/// Sightings touched ahead.
const BATCH: usize = 256;
const WINDOW: Span = Span(1 << 40);
const TIME: Timestamp = Timestamp::from_nanos(WINDOW.0);

fn host(n: u64) -> Host {
    Host(0xffff_0000_0000 | u128::from(n as u32))
}

/// Content, source and destination: 1 in 8 sightings is of one of 64 busy contents.
fn sightings() -> Vec<(u64, Host, Host)> {
    (0..SIGHTINGS)
        .map(|n| {
            let random = hash_word(n, 42);
            let content = if random.is_multiple_of(8) { random >> 58 } else { n };
            (hash_word(content, 1), host(random), host(random >> 16))
        })
        .collect()
}

fn distinct_count(c: &mut Criterion) {
    let mut group = c.benchmark_group("distinct_count");
    group.throughput(Throughput::Elements(SIGHTINGS));
    let sightings = sightings();
    for (name, bytes) in [("256KiB", 256 << 10), ("4MiB", 4 << 20), ("128MiB", 128 << 20)]
    {
        let mut tables = warm(bytes, 64);
        let mut round = 0u64;
        group.bench_function(BenchmarkId::new("plain", name), |b| {
            b.iter(|| {
                round = hash_word(round, 9);
                for (key, source, destination) in &sightings {
                    let key = key ^ round;
                    black_box(tables.observe(key, TIME, *source, *destination));
                }
            });
        });
        group.bench_function(BenchmarkId::new("touched", name), |b| {
            b.iter(|| {
                round = hash_word(round, 9);
                for batch in sightings.chunks(BATCH) {
                    for (key, _, _) in batch {
                        tables
                            .places(key ^ round)
                            .iter()
                            .flatten()
                            .for_each(|line| prefetch(*line));
                    }
                    for (key, source, destination) in batch {
                        let key = key ^ round;
                        black_box(tables.observe(key, TIME, *source, *destination));
                    }
                }
            });
        });
    }
    group.finish();
}

/// Tables with all the pages of both epochs written.
fn warm(bytes: usize, width: usize) -> Dispersion {
    let mut tables = Dispersion::new(bytes, width, WINDOW, 1);
    for time in [Timestamp::from_nanos(0), TIME] {
        for n in 0..bytes as u64 / 384 {
            tables.observe(hash_word(n, 7), time, host(n), host(n));
        }
    }
    tables
}

fn width(c: &mut Criterion) {
    let mut group = c.benchmark_group("width");
    group.throughput(Throughput::Elements(SIGHTINGS));
    let sightings = sightings();
    for threshold in [30, 1_000, 10_000] {
        let width = Dispersion::width_for(threshold);
        let mut tables = warm(4 << 20, width);
        group.bench_function(BenchmarkId::from_parameter(width), |b| {
            b.iter(|| {
                for (key, source, destination) in &sightings {
                    black_box(tables.observe(*key, TIME, *source, *destination));
                }
            });
        });
    }
    group.finish();
}

/// Endless traffic of one kind: the n-th sighting.
type Traffic = fn(u64) -> (u64, Host, Host);

fn servers(n: u64) -> (u64, Host, Host) {
    (hash_word(n % 512, 1), host(n % 7), host(hash_word(n, 2)))
}

fn echoes(n: u64) -> (u64, Host, Host) {
    let [server, client] = [host(n / 2 % 7), host(hash_word(n / 2, 2))];
    let key = hash_word(n / 2 % 512, 1);
    if n.is_multiple_of(2) { (key, server, client) } else { (key, client, server) }
}

fn outbreak(n: u64) -> (u64, Host, Host) {
    // Host k infects 8k + 1 to 8k + 8.
    (hash_word(0, 1), host(n / 8 + 1_000), host(n + 1_001))
}

fn propagation(c: &mut Criterion) {
    let mut group = c.benchmark_group("propagation");
    group.throughput(Throughput::Elements(SIGHTINGS));
    let kinds: [(&str, Traffic); 3] =
        [("servers", servers), ("echoes", echoes), ("outbreak", outbreak)];
    for (name, traffic) in kinds {
        let mut table = Propagation::new(4 << 20, WINDOW, 1);
        let mut next = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                for n in next..next + SIGHTINGS {
                    let (key, source, destination) = traffic(n);
                    black_box(table.observe(key, TIME, source, destination, false));
                }
                next += SIGHTINGS;
            });
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
    targets = distinct_count, width, propagation
}
criterion_main!(benches);
