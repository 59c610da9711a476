//! Watching contents, and writing their signatures.
//!
//! - `candidates/absent`: is this key a candidate? Asked of nearly every window
//!   that is kept, and nearly always answered with no. By entries in the table.
//! - `candidates/hit`: one more sighting of a candidate, its host lists at their
//!   full length and its samples settled. By how many candidates take turns.
//! - `candidates/admit`: making an entry while there is room.
//! - `candidates/evict`: making an entry in a full table: the flood's price.
//! - `grow`: one window to its full content, 8 samples. By length of content.
//! - `ledger`: one tick of 300 alarms of one content of 376 bytes: as a new one, as
//!   one that is known, and beside 4,096 other signatures on the same port.
//!
//! Inputs come from fixed seeds. The samples' surroundings are random, so growth
//! ends where the content does.

use baseline::against::{self, Baseline, Criterion};
use criterion::{BatchSize, BenchmarkId, Throughput};
use criterion::{criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wormsift::detect::conversations::Facts;
use wormsift::packet::{Host, Timestamp, protocol};
use wormsift::signature::{
    Alarm, AlarmedCandidate, Candidate, Candidates, Ledger, LedgerSettings, Load,
    Missing, Sample, Seen, grow,
};
use wormsift::time::Span;

const BETA: usize = 40;

/// A step of splitmix64: numbers that look random, from a counter.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| mix((seed << 32) + n) as u8).collect()
}

fn host(n: u64) -> Host {
    Host(0xffff_0a00_0000 + u128::from(n & 0xff_ffff))
}

fn seen(packet: u64) -> Seen {
    Seen {
        content: packet,
        packet,
        time: Timestamp::from_nanos(packet * 1_000),
        offset: 0,
        source: host(mix(packet)),
        destination: host(mix(packet ^ 1 << 40)),
        protocol: protocol::TCP,
        source_port: 1_024,
        destination_port: 80,
        flow_shard: (packet % 64) as u8,
        facts: Facts::default(),
        is_decoys: false,
        tap: 0,
        missing: Missing::default(),
    }
}

/// A table of `entries`, full of 2 x 2 candidates with the keys mix(0..entries).
fn full(entries: usize) -> Candidates {
    let mut table = Candidates::new(2_048 * entries, 8, Span::from_secs(4 * 3_600), 11);
    let mut requests = Vec::new();
    for n in 0..table.capacity() as u64 {
        table.observe(mix(n), &seen(n), (2, 2), 0, &mut requests);
        requests.clear();
    }
    table
}

fn candidates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("candidates");
    group.throughput(Throughput::Elements(1));
    for entries in [256, 4_096, 65_536] {
        let table = full(entries);
        let mut n = 1 << 40;
        group.bench_function(BenchmarkId::new("absent", entries), |bencher| {
            bencher.iter(|| {
                n += 1;
                black_box(table.find(mix(n)))
            });
        });
    }
    for turns in [1, 64, 1_024] {
        let mut table = Candidates::new(16 << 20, 8, Span::from_secs(4 * 3_600), 11);
        let mut requests = Vec::new();
        for n in 0..turns * 100 {
            table.observe(mix(n % turns), &seen(n), (64, 64), 0, &mut requests);
            requests.clear();
        }
        let mut n = turns * 100;
        group.bench_function(BenchmarkId::new("hit", turns), |bencher| {
            bencher.iter(|| {
                n += 1;
                table.observe(mix(n % turns), &seen(n), (64, 64), 0, &mut requests);
                requests.clear();
            });
        });
    }
    let entries = 4_096;
    group.throughput(Throughput::Elements(1_000));
    group.bench_function(BenchmarkId::new("admit", entries), |bencher| {
        bencher.iter_batched_ref(
            || {
                (
                    Candidates::new(2_048 * entries, 8, Span::from_secs(4 * 3_600), 11),
                    Vec::with_capacity(4_096),
                )
            },
            |(table, requests)| {
                for n in 0..1_000 {
                    table.observe(mix(n), &seen(n), (2, 2), 0, requests);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    for entries in [256, 4_096, 65_536] {
        let mut table = full(entries);
        let mut requests = Vec::new();
        let mut n = 1 << 30;
        group.bench_function(BenchmarkId::new("evict", entries), |bencher| {
            bencher.iter(|| {
                n += 1;
                table.observe(mix(n), &seen(n), (2, 2), 0, &mut requests);
                requests.clear();
            });
        });
    }
    group.finish();
}

/// Streams of 8 hosts that show `content`, the window at `position`.
fn samples(content: &[u8], position: usize, first: u64) -> Vec<Sample> {
    (first..first + 8)
        .map(|id| {
            let before = 20 + (id % 8) as usize;
            let mut bytes = noise(id + 1, before);
            bytes.extend(content);
            bytes.extend(noise(id + 2, 100));
            let window = before + position..before + position + BETA;
            Sample {
                flow_shard: (id % 64) as u8,
                id,
                bytes: bytes.into(),
                window,
                source: host(id),
                destination: host(id + 1_000),
                source_port: 1_024,
                destination_port: 80,
                packet: id,
                time: Timestamp::from_nanos(id),
                payload_length: None,
            }
        })
        .collect()
}

fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("grow");
    for length in [40, 376, 1_900] {
        let content = noise(99, length);
        let samples = samples(&content, (length - BETA) / 2, 1);
        let grown = grow(&samples).expect("eight samples");
        assert!(grown.length >= length, "{} of {length} bytes", grown.length);
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| grow(black_box(&samples)));
        });
    }
    group.finish();
}

fn candidate() -> Candidate {
    let mut table = Candidates::new(1 << 16, 8, Span::from_secs(4 * 3_600), 11);
    for n in 0..64 {
        table.observe(1, &seen(n), (30, 30), 0, &mut Vec::new());
    }
    table.by_key().next().expect("one was entered").clone()
}

/// `count` alarms, one for each of the first windows of `content`.
fn alarms(content: &[u8], count: usize, first: u64) -> Vec<AlarmedCandidate> {
    let candidate = candidate();
    let streams = samples(content, 0, first);
    (0..count)
        .map(|position| {
            let mut samples = streams.clone();
            for sample in &mut samples {
                let start = sample.window.start + position;
                sample.window = start..start + BETA;
            }
            let key = mix((first << 20) + position as u64);
            let mut candidate = candidate.clone();
            candidate.key = key;
            AlarmedCandidate {
                key,
                alarm: Alarm::Dispersion,
                fired: Alarm::ALL.map(|it| it == Alarm::Dispersion),
                protocol: 17,
                port: Some(1_434),
                candidate,
                spread: 0,
                relays: Vec::new(),
                samples,
                packet: first,
                offset: position as i32,
                load: Load::default(),
            }
        })
        .collect()
}

fn ledger_with(others: u64) -> Ledger {
    let mut ledger = Ledger::new(LedgerSettings {
        port_rules: ["destination"; 2],
        dispersion_window: Span::from_secs(4 * 3_600),
        signatures: 8_192,
        bytes: 1 << 30,
        seed: 11,
        partly_seen: 0..0,
        taps: Vec::new(),
    });
    let alarms =
        (0..others).flat_map(|n| alarms(&noise(10_000 + n, 376), 1, 100 + 8 * n));
    ledger.tick(Timestamp::from_nanos(1), alarms.collect());
    assert_eq!(ledger.len() as u64, others);
    ledger
}

fn tick(criterion: &mut Criterion) {
    const ALARMS: usize = 300;
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(ALARMS as u64));
    let content = noise(7, 376);
    let alarms = alarms(&content, ALARMS, 1);
    let now = Timestamp::from_nanos(2);
    group.bench_function("new", |bencher| {
        bencher.iter_batched(
            || (ledger_with(0), alarms.clone()),
            |(mut ledger, alarms)| ledger.tick(now, alarms),
            BatchSize::LargeInput,
        );
    });
    for (name, others) in [("known", 0), ("known among 4096", 4_096)] {
        let mut ledger = ledger_with(others);
        // Told or not: more were new at once than are told.
        ledger.tick(now, alarms.clone());
        assert_eq!(ledger.len() as u64, others + 1);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || alarms.clone(),
                |alarms| assert!(ledger.tick(now, alarms).is_empty()),
                BatchSize::LargeInput,
            );
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
    targets = candidates, growth, tick
}
criterion_main!(benches);
