//! Reading frames from capture files.
//!
//! Only headers are touched, so all of it is overhead: with sifting at a few GB/s on a
//! core, reading should stay far above. Every run counts its frames. Payloads are pseudo
//! random bytes from a seed, half of them zeroed, so that compression has work to do.
//!
//! - `format`: which format is dearer to walk? pcap, pcapng, and pcapng whose packets
//!   have options; content in memory, 512-byte frames.
//! - `frame_size`: where does the cost a frame show? pcap in memory, 64 to 1,500 bytes.
//! - `source`: the same capture from memory, a mapping, a
//!   plain stream, gzip and zstd; throughput counts decompressed bytes.
//! - `batch`: pcap in memory, 1 to 8,192 frames a batch.
//! - `small_files`: a thousand files of two frames, opened, put in order and read.
//!
//! Deltas under a tenth are noise.

use std::fs;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::time::Duration;

use baseline::against::{self, Against, Baseline, Criterion};
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Throughput, criterion_group, criterion_main,
};
use wormsift_capture::{Input, Limits, Trace, inputs};

/// Payload bytes of a capture: beyond the caches close to a core.
const CAPTURE_BYTES: usize = 32 << 20;

fn format(c: &mut Criterion) {
    let mut group = group(c, "capture/format");
    let frames = Frames::of(512);
    let captures = [
        ("pcap", frames.pcap()),
        ("pcapng", frames.pcapng(&[])),
        ("pcapng_with_options", frames.pcapng(b"\x02\0\x04\0\x01\0\0\0\0\0\0\0")),
    ];
    for (name, capture) in captures {
        group.throughput(Throughput::Bytes(capture.len() as u64));
        bench(&mut group, name, frames.count, || Input::bytes(name, capture.clone()));
    }
}

fn frame_size(c: &mut Criterion) {
    let mut group = group(c, "capture/frame_size");
    for size in [64, 512, 1_500] {
        let frames = Frames::of(size);
        let capture = frames.pcap();
        group.throughput(Throughput::ElementsAndBytes {
            elements: frames.count,
            bytes: capture.len() as u64,
        });
        bench(&mut group, size, frames.count, || Input::bytes("pcap", capture.clone()));
    }
}

fn source(c: &mut Criterion) {
    let mut group = group(c, "capture/source");
    let frames = Frames::of(512);
    let capture = frames.pcap();
    let folder = Folder::new();
    let path = folder.0.join("capture.pcap");
    fs::write(&path, &capture).expect("a writable temporary folder");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&capture).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(&capture[..], 1).expect("memory");

    group.throughput(Throughput::Bytes(capture.len() as u64));
    let count = frames.count;
    bench(&mut group, "memory", count, || Input::bytes("pcap", capture.clone()));
    bench(&mut group, "mapping", count, || {
        // As for the others, a copy of the capture runs through the caches first.
        black_box(capture.clone());
        Input::path(&path)
    });
    bench(&mut group, "stream", count, || {
        Input::reader("pcap", Cursor::new(capture.clone()))
    });
    bench(&mut group, "gzip", count, || Input::bytes("gzip", gzip.clone()));
    bench(&mut group, "zstd", count, || Input::bytes("zstd", zstd.clone()));
}

fn batch(c: &mut Criterion) {
    let mut group = group(c, "capture/batch");
    let frames = Frames::of(512);
    let capture = frames.pcap();
    group.throughput(Throughput::Elements(frames.count));
    for limit in [1, 16, 256, 8_192] {
        let limits = Limits { bytes: usize::MAX, frames: limit };
        group.bench_function(BenchmarkId::from_parameter(limit), |b| {
            let open = || Trace::from_bytes("pcap", capture.clone());
            b.iter_batched_ref(
                open,
                |trace| read(trace, limits, frames.count),
                BatchSize::PerIteration,
            );
        });
    }
}

fn small_files(c: &mut Criterion) {
    const FILES: u64 = 1_000;
    let mut group = group(c, "capture/small_files");
    let folder = Folder::new();
    for i in 0..FILES {
        let frames = Frames { size: 512, count: 2, first_second: (FILES - i) as u32 };
        let path = folder.0.join(format!("{i:04}.pcap"));
        fs::write(path, frames.pcap()).expect("a writable temporary folder");
    }
    let argument = folder.0.to_string_lossy().into_owned();
    group.throughput(Throughput::Elements(FILES));
    group.bench_function("two_frames_each", |b| {
        b.iter(|| {
            let (inputs, _) = inputs(std::slice::from_ref(&argument));
            read(&mut Trace::open(inputs), Limits::default(), 2 * FILES);
        });
    });
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, Against> {
    let mut group = c.benchmark_group(name);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group
}

fn bench(
    group: &mut BenchmarkGroup<'_, Against>,
    name: impl ToString,
    count: u64,
    open: impl Fn() -> Input,
) {
    group.bench_function(name.to_string(), |b| {
        b.iter_batched_ref(
            || Trace::open(vec![open()]),
            |trace| read(trace, Limits::default(), count),
            BatchSize::PerIteration,
        );
    });
}

/// Reads everything, with one look at each frame's place.
fn read(trace: &mut Trace, limits: Limits, count: u64) {
    let mut seen = 0;
    while let Some(batch) = trace.next_batch(limits) {
        for frame in batch.frames() {
            black_box((frame.time, frame.data.as_ptr(), frame.data.len()));
            seen += 1;
        }
    }
    assert_eq!(seen, count);
}

/// What a capture of this bench holds.
struct Frames {
    size: usize,
    count: u64,
    first_second: u32,
}

impl Frames {
    fn of(size: usize) -> Self {
        Self { size, count: (CAPTURE_BYTES / size) as u64, first_second: 1 }
    }

    /// One frame's bytes at a time, from SplitMix64 and a fixed seed.
    fn for_each(&self, mut write: impl FnMut(u32, &[u8])) {
        let mut state = 0x5eed_u64;
        let mut data = vec![0; self.size];
        for i in 0..self.count {
            for chunk in data.chunks_mut(16) {
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let bytes = (mixed ^ mixed >> 31).to_le_bytes();
                let len = chunk.len().min(8);
                chunk[..len].copy_from_slice(&bytes[..len]);
            }
            write(self.first_second + (i / 1_000) as u32, &data);
        }
    }

    fn pcap(&self) -> Vec<u8> {
        let mut capture = Vec::with_capacity(24 + self.count as usize * (self.size + 16));
        let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1];
        capture.extend(header.iter().flat_map(|field| field.to_le_bytes()));
        self.for_each(|second, data| {
            let len = data.len() as u32;
            let header = [second, 0, len, len];
            capture.extend(header.iter().flat_map(|field| field.to_le_bytes()));
            capture.extend(data);
        });
        capture
    }

    fn pcapng(&self, options: &[u8]) -> Vec<u8> {
        let mut capture = Vec::new();
        let start = [
            0x0a0d_0d0a_u32,
            28,
            0x1a2b_3c4d,
            1,
            u32::MAX,
            u32::MAX,
            28,
            1,
            20,
            1,
            0,
            20,
        ];
        capture.extend(start.iter().flat_map(|field| field.to_le_bytes()));
        self.for_each(|second, data| {
            let len = data.len() as u32;
            let padding = data.len().next_multiple_of(4) - data.len();
            let block = 32 + len + padding as u32 + options.len() as u32;
            let micros = u64::from(second) * 1_000_000;
            let header = [6, block, 0, (micros >> 32) as u32, micros as u32, len, len];
            capture.extend(header.iter().flat_map(|field| field.to_le_bytes()));
            capture.extend(data);
            capture.extend(&[0; 3][..padding]);
            capture.extend(options);
            capture.extend(block.to_le_bytes());
        });
        capture
    }
}

/// A folder that is gone when the bench is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("wormsift-bench-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a writable temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

criterion_group! {
    name = benches;
    config = against::criterion(Baseline::EarlyBird);
    targets = format, frame_size, source, batch, small_files
}
criterion_main!(benches);
