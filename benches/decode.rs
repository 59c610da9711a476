//! What does it cost to find the payload?
//!
//! - `decode/frame`: nanoseconds a frame by what it is wrapped in, 500-byte payload.
//!   Throughput counts frames.
//! - `decode/fragments`: a datagram in fragments of 500 bytes, put together again, by
//!   its size. Throughput counts bytes.
//!
//! Inputs are built once from fixed numbers.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wormsift::decode::{Decoded, Decoder, Defragmenter, Fragment};
use wormsift::packet::{Frame, LinkType, Timestamp};

/// An Ethernet frame with tags and an IPv4 UDP datagram of 500 bytes.
fn frame(tags: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.extend_from_slice(tags);
    bytes.extend_from_slice(&[
        0x45, 0, 2, 16, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    bytes.extend_from_slice(&[0, 7, 0, 9, 1, 252, 0, 0]);
    bytes.extend((0..500_u32).map(|i| (i * 7) as u8));
    bytes
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode/frame");
    group.throughput(Throughput::Elements(1));
    let decoder = Decoder::new(true, false);
    let cases: [(&str, &[u8]); 4] = [
        ("plain", &[8, 0]),
        ("vlan", &[0x81, 0, 0, 5, 8, 0]),
        ("qinq", &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 8, 0]),
        ("mpls", &[0x88, 0x47, 0, 1, 1, 64]),
    ];
    for (name, tags) in cases {
        let data = frame(tags);
        let frame = Frame {
            number: 1,
            time: Timestamp::from_nanos(1),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            data: &data,
        };
        assert!(
            matches!(decoder.frame(&frame), Decoded::Packet(p) if p.payload.len() == 500)
        );
        group.bench_function(name, |b| b.iter(|| decoder.frame(black_box(&frame))));
    }
    group.finish();
}

fn fragments(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode/fragments");
    for size in [1_000, 8_000, 60_000] {
        let body: Vec<u8> = (0..size as u32).map(|i| (i * 31) as u8).collect();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            let mut pool = Defragmenter::new(64, 4 << 20);
            b.iter(|| {
                let mut whole = None;
                for (i, bytes) in body.chunks(496).enumerate() {
                    whole = pool.insert(&Fragment {
                        number: 1,
                        time: Timestamp::from_nanos(1),
                        source: [10, 0, 0, 1].into(),
                        destination: [10, 0, 0, 2].into(),
                        protocol: 17,
                        identification: 7,
                        encapsulation: 0,
                        depth: 0,
                        offset: i * 496,
                        more: (i + 1) * 496 < body.len(),
                        bytes,
                    });
                }
                assert_eq!(whole.as_ref().map(|w| w.payload.len()), Some(size));
                whole
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .measurement_time(std::time::Duration::from_secs(2))
        .warm_up_time(std::time::Duration::from_millis(500));
    targets = frames, fragments
}
criterion_main!(benches);
