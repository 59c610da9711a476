//! The room as a whole, on captures built byte by byte.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use proptest::prelude::*;

use super::samples::{
    MICROSECONDS, MODIFIED, NANOSECONDS, Order, PcapNgSample, PcapSample, gzip, zstd,
};
use super::*;

/// A frame by value: number, nanoseconds, link type, length on the wire, data.
type Seen = (u64, u64, u32, u32, Vec<u8>);

const EVERYTHING: Limits = Limits { bytes: usize::MAX, frames: usize::MAX };

fn drain(trace: &mut Trace, limits: Limits) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(batch) = trace.next_batch(limits) {
        assert!(!batch.is_empty());
        assert_eq!(batch.len(), batch.frames().count());
        assert_eq!(batch.bytes(), batch.frames().map(|f| f.data.len()).sum::<usize>());
        seen.extend((0..batch.len()).map(|i| {
            let f = batch.frame(i);
            (f.number, f.time.as_nanos(), f.link.0, f.original_len, f.data.to_vec())
        }));
    }
    assert!(trace.next_batch(limits).is_none(), "the end stays the end");
    seen
}

fn read(content: Vec<u8>) -> (Vec<Seen>, Vec<String>, CaptureCounters) {
    let mut trace = Trace::from_bytes("t", content);
    let seen = drain(&mut trace, EVERYTHING);
    let damage = trace.damage().iter().map(Damage::to_string).collect();
    (seen, damage, trace.counters())
}

fn whole(content: Vec<u8>) -> Vec<Seen> {
    let (seen, damage, _) = read(content);
    assert_eq!(damage, Vec::<String>::new());
    seen
}

/// Three records, the second empty, with a fraction that carries; and where they end.
fn pcap(order: Order, magic: u32) -> (Vec<u8>, Vec<usize>) {
    let header = if magic == MODIFIED { 24 } else { 16 };
    let file = PcapSample::new(order, magic, 0xf400_0071)
        .record((1, 500), b"first", 60)
        .record((2, 0), b"", 0)
        .record((u32::MAX, u32::MAX), b"the third", 9);
    let edges = vec![24, 24 + header + 5, 24 + 2 * header + 5, 24 + 3 * header + 14];
    (file.bytes, edges)
}

/// Two sections in different orders, three interfaces, every kind of block.
fn pcapng(first: Order, second: Order) -> (Vec<u8>, Vec<usize>) {
    let file = PcapNgSample::new(first)
        .interface(1, 4, &[])
        .simple(b"no time", 7)
        .clock(113, 9, 5)
        .block(4, &[&[1, 0, 4, 0, 10, 0, 0, 1], &[0; 4]])
        .enhanced(1, 1 << 32 | 7, b"nanos", 99, &[])
        .enhanced(0, 1_000_001, b"micros", 6, &[])
        .simple(b"cut.", 1_000)
        .block(0xbad, &[b"custom  "])
        .block(0x8000_0001, &[])
        .section(second)
        .clock(276, 0x80 | 20, -1)
        .old(0, 3, 3 << 20, b"old");
    let options = file.option(1, b"a packet's comment");
    let file = file.enhanced(0, 2 << 20, b"commented", 9, &options);
    (file.bytes, file.edges)
}

#[test]
fn every_pcap_magic_in_both_orders_reads_the_same() {
    for order in Order::BOTH {
        for (magic, unit) in [(MICROSECONDS, 1_000), (NANOSECONDS, 1), (MODIFIED, 1_000)]
        {
            let last = u64::from(u32::MAX) * (1_000_000_000 + unit);
            let expected: Vec<Seen> = vec![
                (1, 1_000_000_000 + 500 * unit, 113, 60, b"first".to_vec()),
                (2, 2_000_000_000, 113, 0, vec![]),
                (3, last, 113, 9, b"the third".to_vec()),
            ];
            assert_eq!(whole(pcap(order, magic).0), expected, "{order:?} {magic:x}");
        }
    }
}

#[test]
fn every_pcapng_block_in_both_orders_reads_as_the_draft_says() {
    for first in Order::BOTH {
        for second in Order::BOTH {
            let (seen, damage, counters) = read(pcapng(first, second).0);
            let nanos = (1 << 32) + 7 + 5_000_000_000;
            let expected: Vec<Seen> = vec![
                (1, 0, 1, 7, b"no t".to_vec()),
                (2, nanos, 113, 99, b"nanos".to_vec()),
                (3, 1_000_001_000, 1, 6, b"micros".to_vec()),
                (4, 1_000_001_000, 1, 1_000, b"cut.".to_vec()),
                (5, 2_000_000_000, 276, 3, b"old".to_vec()),
                (6, 1_000_000_000, 276, 9, b"commented".to_vec()),
            ];
            assert_eq!(seen, expected, "{first:?} {second:?}");
            assert_eq!(damage, Vec::<String>::new());
            assert_eq!(
                counters,
                CaptureCounters {
                    files: 1,
                    frames: 6,
                    bytes: 31,
                    skipped_blocks: 3,
                    frames_without_time: 2,
                    ..Default::default()
                }
            );
        }
    }
}

#[test]
fn packets_of_an_undescribed_interface_are_counted_and_the_file_goes_on() {
    let file = PcapNgSample::new(Order::Big)
        .simple(b"lost", 4)
        .interface(1, 0, &[])
        .enhanced(1, 0, b"lost too", 8, &[])
        .enhanced(0, 1, b"kept", 4, &[]);
    let at = file.edges[1] + 8;
    let (seen, damage, counters) = read(file.bytes);
    assert_eq!(seen, [(1, 1_000, 1, 4, b"kept".to_vec())]);
    assert_eq!(
        damage,
        [format!(
            "t: byte {at}: expected a packet of one of 0 known interfaces, found one of interface 0"
        )]
    );
    assert_eq!((counters.frames_without_interface, counters.defects), (2, 2));
    assert_eq!(counters.damaged_files, 1);
}

#[test]
fn times_out_of_range_are_clamped_and_counted() {
    let file = PcapNgSample::new(Order::Little)
        .clock(1, 6, -10)
        .enhanced(0, 1, b"before 1970", 11, &[])
        .enhanced(0, u64::MAX, b"after 2554", 10, &[]);
    let (seen, _, counters) = read(file.bytes);
    assert_eq!((seen[0].1, seen[1].1), (0, u64::MAX));
    assert_eq!(counters.clamped_times, 2);
}

#[test]
fn a_cut_at_any_byte_gives_the_frames_before_it_and_damage_inside_a_record_only() {
    let mut files: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
    for order in Order::BOTH {
        files.push(pcapng(order, order));
        files.extend(
            [MICROSECONDS, NANOSECONDS, MODIFIED].map(|magic| pcap(order, magic)),
        );
    }
    for (content, edges) in files {
        let all = whole(content.clone());
        let mut read_before = 0;
        for cut in 0..content.len() {
            let (seen, damage, counters) = read(content[..cut].to_vec());
            assert!(all.starts_with(&seen), "cut at {cut}");
            assert!(seen.len() >= read_before, "cut at {cut}");
            read_before = seen.len();
            let between_records = edges.contains(&cut) && cut != 0;
            assert_eq!(damage.is_empty(), between_records, "cut at {cut}: {damage:?}");
            assert_eq!(counters.defects, u64::from(!between_records));
            if let Some(line) = damage.first() {
                let start = edges.iter().rfind(|&&edge| edge <= cut).unwrap_or(&0);
                assert!(line.starts_with(&format!("t: byte {start}: ")), "{line}");
            }
            // The same through a stream, whose reads end anywhere.
            let mut stream = Trace::open(vec![pieces(&content[..cut], 7)]);
            assert_eq!(drain(&mut stream, EVERYTHING), seen);
            let lines: Vec<_> = stream.damage().iter().map(Damage::to_string).collect();
            assert_eq!(lines, damage);
        }
        assert_eq!(read_before + 1, all.len(), "all but the last frame were seen");
    }
}

#[test]
fn what_is_no_capture_is_damage_with_what_was_there() {
    let ng = || PcapNgSample::new(Order::Little);
    let patched = |mut content: Vec<u8>, at: usize, byte: u8| {
        content[at] = byte;
        content
    };
    let section = ng().bytes.len();
    let packet = || ng().interface(1, 0, &[]).enhanced(0, 0, b"data", 4, &[]);
    let at = packet().edges[2];
    let record = PcapSample::new(Order::Little, MICROSECONDS, 1).record((1, 1), b"x", 1);
    let cases = [
        (vec![], "byte 0: expected a capture file header, found an empty file"),
        (vec![0x0a], "byte 0: expected a capture file header of 4 bytes, found the end"),
        (b"PK\x03\x04".to_vec(), "found the bytes 50 4b 03 04 (zip, which is not read)"),
        (record.bytes[..23].to_vec(), "expected a pcap file header of 24 bytes, found"),
        (
            patched(record.bytes.clone(), 4, 1),
            "byte 4: expected a pcap file of version 2, found version 1.4",
        ),
        (
            patched(record.bytes.clone(), 35, 1),
            "byte 24: expected a record of at most 167",
        ),
        (
            patched(ng().bytes, 8, 0),
            "byte 8: expected the byte-order magic 4d 3c 2b 1a or",
        ),
        (patched(ng().bytes, 12, 2), "byte 12: expected a section of version 1, found"),
        (patched(ng().bytes, 4, 0), "byte 4: expected a block length of 12 to 16777216"),
        (patched(ng().bytes, 4, 13), "in steps of 4, found 13"),
        (patched(ng().bytes, 7, 9), "byte 4: expected a block length"),
        (patched(ng().bytes, section - 4, 0), "again at the block's end, found 0"),
        (patched(packet().bytes, at + 20, 5), "at most 4 captured bytes"),
        (ng().interface(1, 0, &[]).block(6, &[]).bytes, "a packet block of at least 32"),
        (ng().interface(1, 0, &[]).block(3, &[]).bytes, "expected a simple packet block"),
        (ng().interface(1, 0, &[]).simple(b"data", 5).bytes, "at most 4 captured bytes"),
        (ng().block(1, &[]).bytes, "expected an interface description block, found"),
        (ng().block(1, &[&[0; 1 << 20]]).bytes, "interface description block of at most"),
    ];
    for (content, expected) in cases {
        let (seen, damage, _) = read(content);
        assert_eq!(seen, Vec::<Seen>::new(), "{expected}");
        assert_eq!(damage.len(), 1, "{expected}");
        assert!(damage[0].contains(expected), "{} does not say {expected}", damage[0]);
    }
}

#[test]
fn a_section_describes_a_bounded_number_of_interfaces() {
    let mut file = PcapNgSample::new(Order::Little);
    let section = file.bytes.len();
    file = file.interface(1, 0, &[]);
    let block = file.bytes[section..].to_vec();
    for _ in 0..1 << 16 {
        file.bytes.extend(&block);
    }
    let (_, damage, _) = read(file.bytes);
    assert!(damage[0].contains("at most 65536 interfaces"), "{damage:?}");
}

#[test]
fn compressed_files_read_like_plain_ones_in_any_number_of_pieces() {
    // Large enough for several chunks.
    let mut file = PcapSample::new(Order::Little, MICROSECONDS, 1);
    for i in 0..3_000_u32 {
        file = file.record((i, i), &i.to_le_bytes().repeat(200), 800);
    }
    let plain = file.bytes;
    let expected = whole(plain.clone());
    assert_eq!(expected.len(), 3_000);
    for compress in [gzip as fn(&[u8]) -> Vec<u8>, zstd] {
        for pieces in [1, 2, 7] {
            let parts = plain.chunks(plain.len().div_ceil(pieces)).map(compress);
            let packed = parts.collect::<Vec<_>>().concat();
            let size = packed.len() as u64;
            let mut trace = Trace::from_bytes("t", packed);
            assert_eq!(trace.total_bytes(), Some(size));
            assert_eq!(drain(&mut trace, Limits::default()), expected);
            assert_eq!(trace.damage(), []);
            assert_eq!(trace.position(), size);
        }
    }
}

#[test]
fn a_cut_compressed_file_gives_what_came_before_the_cut() {
    let mut file = PcapSample::new(Order::Little, MICROSECONDS, 1);
    for i in 0..500_u32 {
        let data: Vec<u8> = (0..300).map(|j| (i * 31 + j * j) as u8).collect();
        file = file.record((i, 0), &data, 300);
    }
    let expected = whole(file.bytes.clone());
    for (compress, name) in
        [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd as fn(&[u8]) -> Vec<u8>, "zstd")]
    {
        let packed = compress(&file.bytes);
        for cut in (5..packed.len()).step_by(97) {
            let (seen, damage, _) = read(packed[..cut].to_vec());
            assert!(expected.starts_with(&seen));
            assert_eq!(damage.len(), 1, "{name} cut at {cut}");
            assert!(
                damage[0].contains(&format!("expected more {name} data")),
                "{damage:?}"
            );
        }
        // The content itself is cut: there is no byte on disk to name.
        let (seen, damage, _) = read(compress(&file.bytes[..24 + 316 + 10]));
        assert_eq!(seen.len(), 1);
        assert_eq!(
            damage,
            [
                "t: packet 2: expected a record header of 16 bytes, found the end of the file after 10"
            ]
        );
    }
}

#[test]
fn batches_cut_at_any_limit_hold_the_same_frames() {
    let inputs = || {
        let (first, _) = pcapng(Order::Little, Order::Big);
        let (second, _) = pcap(Order::Big, NANOSECONDS);
        vec![
            Input::bytes("a", first.clone()),
            Input::bytes("b", gzip(&second)),
            Input::bytes("c", zstd(&first)),
            pieces(&second, 11),
        ]
    };
    let expected = drain(&mut Trace::open(inputs()), EVERYTHING);
    assert_eq!(expected.len(), 18);
    assert!(expected.iter().zip(1..).all(|(frame, number)| frame.0 == number));
    for frames in [0, 1, 2, 3, 5, 100] {
        for bytes in [0, 1, 8, 9, 100, usize::MAX] {
            let limits = Limits { bytes, frames };
            let mut trace = Trace::open(inputs());
            assert_eq!(drain(&mut trace, limits), expected, "{limits:?}");
            assert_eq!(trace.counters().frames, 18);
        }
    }
    let mut trace = Trace::open(inputs());
    while let Some(batch) = trace.next_batch(Limits { bytes: 9, frames: 2 }) {
        assert!(batch.len() <= 2);
        let (last, before) = (batch.len() - 1, batch.bytes());
        assert!(before - batch.frame(last).data.len() < 9, "the last frame filled it");
    }
}

#[test]
fn files_come_by_first_timestamp_and_ties_in_order_of_the_inputs() {
    let at = |second: u32, name: &[u8]| {
        PcapSample::new(Order::Little, MICROSECONDS, 1).record((second, 0), name, 1).bytes
    };
    let inputs = vec![
        Input::bytes("empty", vec![]),
        Input::bytes("late", at(9, b"late")),
        Input::path("/nonexistent/capture"),
        Input::bytes("tie 1", gzip(&at(5, b"tie 1"))),
        pieces(&at(5, b"tie 2"), 3),
        Input::bytes("tie 3", at(5, b"tie 3")),
        Input::bytes("early", zstd(&at(1, b"early"))),
        Input::bytes("untimed", PcapNgSample::new(Order::Big).bytes),
    ];
    let mut trace = Trace::open(inputs);
    let names: Vec<_> = drain(&mut trace, EVERYTHING).into_iter().map(|f| f.4).collect();
    let expected: [&[u8]; 5] = [b"early", b"tie 1", b"tie 2", b"tie 3", b"late"];
    assert_eq!(names, expected);
    let damage = trace.damage();
    let paths: Vec<_> = damage.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["empty", "/nonexistent/capture"]);
    assert_eq!(trace.damage(), [], "drained");
    let counters = trace.counters();
    assert_eq!((counters.files, counters.damaged_files, counters.frames), (8, 2, 5));
}

#[test]
fn a_live_stream_gives_what_has_arrived() {
    struct Fed(mpsc::Receiver<Vec<u8>>, VecDeque<u8>);
    impl Read for Fed {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() {
                self.1.extend(self.0.try_recv().expect("reads only what it needs"));
            }
            self.1.read(into)
        }
    }
    let (send, receive) = mpsc::channel();
    let mut trace =
        Trace::open(vec![Input::reader("fed", Fed(receive, VecDeque::new()))]);
    assert_eq!(trace.total_bytes(), None);
    let file = PcapSample::new(Order::Little, MICROSECONDS, 1).record((1, 0), b"one", 3);
    let more = file.record((2, 0), b"two", 3).record((3, 0), b"three", 5).bytes;
    let (first, rest) = more.split_at(24 + 19 + 10);
    send.send(first.to_vec()).unwrap();
    let batch = trace.next_batch(Limits::default()).unwrap();
    assert_eq!(batch.frames().map(|f| f.data.to_vec()).collect::<Vec<_>>(), [b"one"]);
    // The batch stays valid while the stream goes on.
    send.send(rest.to_vec()).unwrap();
    let next = trace.next_batch(Limits::default()).unwrap();
    assert_eq!(next.len(), 2);
    assert_eq!((batch.frame(0).data, next.frame(1).data), (&b"one"[..], &b"three"[..]));
    send.send(vec![]).unwrap();
    assert!(trace.next_batch(Limits::default()).is_none());
    assert_eq!(trace.damage(), []);
}

#[test]
fn a_record_larger_than_a_chunk_arrives_whole_and_a_larger_than_the_cap_is_damage() {
    let big = vec![7; MAX_RECORD_BYTES - 16];
    let file = PcapSample::new(Order::Big, NANOSECONDS, 1)
        .record((1, 0), b"small", 5)
        .record((2, 0), &big, 1)
        .record((3, 0), &[&big[..], b"x"].concat(), 1);
    let edge = file.bytes.len() - big.len() - 17;
    let (seen, damage, _) = read(file.bytes.clone());
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].3 as usize, big.len(), "no shorter on the wire than captured");
    assert!(damage[0].starts_with(&format!("t: byte {edge}: expected a record of at")));
    assert_eq!(drain(&mut Trace::from_bytes("t", zstd(&file.bytes)), EVERYTHING), seen);
}

#[test]
fn batches_can_be_sent_filtered_and_kept() {
    fn sendable<T: Send + 'static>(_: &T) {}
    let mut trace = Trace::from_bytes("t", gzip(&pcapng(Order::Little, Order::Big).0));
    sendable(&trace);
    let mut batch = trace.next_batch(EVERYTHING).unwrap();
    drop(trace);
    sendable(&batch);
    batch.retain(|frame| frame.number % 2 == 0);
    let numbers: Vec<_> = batch.frames().map(|frame| frame.number).collect();
    assert_eq!(numbers, [2, 4, 6]);
    assert_eq!(batch.bytes(), 5 + 4 + 9);
    assert_eq!(batch.frame(2).data, b"commented");
    batch.retain(|_| false);
    assert!(batch.is_empty());
}

#[test]
fn small_and_mapped_and_compressed_files_on_disk_read_like_memory() {
    let folder = Folder::new();
    let mut file = PcapSample::new(Order::Little, MICROSECONDS, 1);
    for i in 0..2_000_u32 {
        file = file.record((i, 0), &i.to_be_bytes().repeat(20), 80);
    }
    let (small, _) = pcap(Order::Big, NANOSECONDS);
    let random: Vec<u8> = (0..200_000_u64).map(|i| ((i * i * i) >> 9) as u8).collect();
    let noisy =
        PcapSample::new(Order::Big, MICROSECONDS, 1).record((7, 0), &random, 9).bytes;
    for content in [&file.bytes, &small, &noisy] {
        for packed in [content.clone(), gzip(content), zstd(content)] {
            let path = folder.file("capture", &packed);
            let mut trace = Trace::open(vec![Input::path(path.as_str())]);
            assert_eq!(trace.total_bytes(), Some(packed.len() as u64));
            assert_eq!(drain(&mut trace, EVERYTHING), whole(content.clone()));
            assert_eq!(trace.position(), packed.len() as u64);
            assert_eq!(trace.damage(), []);
        }
    }
}

#[test]
fn thousands_of_small_files_are_one_trace() {
    let folder = Folder::new();
    for i in 0..3_000_u32 {
        let file = PcapSample::new(Order::Little, MICROSECONDS, 1);
        let time = (10_000 - i, 0);
        folder.file(&format!("{i:04}"), &file.record(time, &i.to_le_bytes(), 4).bytes);
    }
    let (inputs, damage) = inputs(&[folder.path("")]);
    assert_eq!((inputs.len(), damage), (3_000, vec![]));
    let mut trace = Trace::open(inputs);
    let mut batches = 0;
    let mut last_time = 0;
    while let Some(batch) = trace.next_batch(EVERYTHING) {
        batches += 1;
        for frame in batch.frames() {
            assert!(frame.time.as_nanos() > last_time);
            last_time = frame.time.as_nanos();
        }
    }
    assert_eq!(trace.counters().frames, 3_000);
    assert_eq!(trace.position(), trace.total_bytes().unwrap());
    assert_eq!(batches, 3, "a batch holds a bounded number of buffers");
}

#[test]
fn arguments_stand_for_files_folders_patterns_and_standard_input() {
    let folder = Folder::new();
    for name in ["b.pcap", "a.pcap", "deep/er/d.gz", "deep/c", "odd[1].pcap"] {
        folder.file(name, b"content");
    }
    fs::create_dir(folder.path("empty")).unwrap();
    let named = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|name| folder.path(name)).collect();
        let (inputs, damage) = inputs(&arguments);
        let root = folder.path("");
        let strip = |name: &str| name.trim_start_matches(&root).to_string();
        let names: Vec<_> = inputs.iter().map(|input| strip(input.name())).collect();
        (names, damage.iter().map(|d| strip(&d.to_string())).collect::<Vec<_>>())
    };
    let none = Vec::<String>::new();
    let all = ["a.pcap", "b.pcap", "deep/c", "deep/er/d.gz", "odd[1].pcap"];
    assert_eq!(named(&[""]), (all.map(String::from).to_vec(), none.clone()));
    let (names, damage) =
        named(&["b.pcap", "deep", "b.pcap", "nothing", "*.txt", "empty"]);
    assert_eq!(names, ["b.pcap", "deep/c", "deep/er/d.gz", "b.pcap"]);
    assert_eq!(damage.len(), 3);
    assert!(
        damage[0].starts_with("nothing: byte 0: expected a file, a folder, or a pat")
    );
    assert!(damage[1].ends_with("found a pattern that nothing matches"));
    assert!(damage[2].ends_with("found none in it"));
    assert_eq!(named(&["[ab].pcap"]).0, ["a.pcap", "b.pcap"]);
    assert_eq!(named(&["?e*"]).0, ["deep/c", "deep/er/d.gz"], "a folder that matches");
    assert_eq!(named(&["**/c"]).0, ["deep/c"]);
    // It exists, so it is not a pattern (as one, it would name `odd1.pcap`).
    assert_eq!(named(&["odd[1].pcap"]).0, ["odd[1].pcap"]);
    assert_eq!(named(&["[z-a].pcap["]).1.len(), 1, "a pattern that is none");

    let (stdin, damage) = inputs(&["-".into(), "-".into()]);
    assert_eq!((stdin.len(), damage.len()), (1, 1));
    assert_eq!(stdin[0].name(), "standard input");
}

#[cfg(unix)]
#[test]
fn links_and_special_files_in_a_folder_cannot_make_it_endless() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let folder = Folder::new();
    folder.file("file", b"");
    symlink(folder.path(""), folder.path("loop")).unwrap();
    symlink(folder.path("file"), folder.path("link")).unwrap();
    symlink(folder.path("gone"), folder.path("broken")).unwrap();
    let _socket = UnixListener::bind(folder.path("socket")).unwrap();
    let (inputs, damage) = inputs(&[folder.path("")]);
    let names: Vec<_> = inputs.iter().map(|i| i.name().rsplit('/').next()).collect();
    assert_eq!(names, [Some("broken"), Some("file"), Some("link")]);
    assert_eq!(damage, []);
    let mut trace = Trace::open(inputs);
    assert!(trace.next_batch(EVERYTHING).is_none());
    assert_eq!(trace.damage().len(), 3);
    assert_eq!(trace.total_bytes(), Some(0));
}

/// The packet blocks that are read by hand, and pcap-parser's reading of them.
#[test]
fn enhanced_packets_read_as_pcap_parser_reads_them() {
    use pcap_parser::pcapng::{
        parse_enhancedpacketblock_be, parse_enhancedpacketblock_le,
    };
    use pcap_parser::traits::PcapNGPacketBlock;
    for order in Order::BOTH {
        for len in 0..40_u8 {
            let data: Vec<u8> = (0..len).collect();
            let file = PcapNgSample::new(order).clock(1, 9, 0);
            let options = file.option(1, b"comment");
            let options = &options[..if len % 2 == 0 { 0 } else { options.len() }];
            let ticks = u64::from(len) << 33 | u64::from(len);
            let file = file.enhanced(0, ticks, &data, u32::from(len) + 5, options);
            let block = &file.bytes[file.edges[2]..];
            let (rest, parsed) = match order {
                Order::Little => parse_enhancedpacketblock_le(block).unwrap(),
                Order::Big => parse_enhancedpacketblock_be(block).unwrap(),
            };
            assert!(rest.is_empty());
            let (seconds, nanos) = parsed.decode_ts(0, 1_000_000_000);
            let time = u64::from(seconds) * 1_000_000_000 + u64::from(nanos);
            let expected = (1, time, 1, parsed.origlen, parsed.packet_data().to_vec());
            assert_eq!(whole(file.bytes.clone()), [expected]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn random_bytes_after_a_good_start_neither_panic_nor_hang(
        start in 0_usize..9,
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let starts = starts();
        let (content, keep) = &starts[start];
        survives([&content[..*keep], &noise[..]].concat());
    }

    #[test]
    fn mutated_files_neither_panic_nor_hang(
        start in 0_usize..9,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = starts()[start].0.clone();
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        survives(content);
    }
}

/// Files of every kind, each with the length of its header.
fn starts() -> Vec<(Vec<u8>, usize)> {
    let mut starts = vec![(vec![0; 40], 0)];
    for order in Order::BOTH {
        starts.extend([MICROSECONDS, MODIFIED].map(|magic| (pcap(order, magic).0, 24)));
        let (content, edges) = pcapng(order, order);
        starts.push((content, edges[2]));
    }
    starts.push((gzip(&starts[1].0), 10));
    starts.push((zstd(&starts[3].0), 6));
    starts
}

/// Any content reads the same in batches of every size and through a stream, and a file
/// has at most one line of damage.
fn survives(content: Vec<u8>) {
    let (seen, damage, counters) = read(content.clone());
    assert!(damage.len() <= 1);
    assert_eq!(damage.is_empty(), counters.defects == 0);
    assert!(damage.iter().all(|line| !line.contains(char::is_control)));
    assert_eq!(counters.frames, seen.len() as u64);
    let mut single = Trace::from_bytes("t", content.clone());
    assert_eq!(drain(&mut single, Limits { bytes: 1, frames: 1 }), seen);
    let mut stream = Trace::open(vec![pieces(&content, 5)]);
    assert_eq!(drain(&mut stream, EVERYTHING), seen);
    assert_eq!(stream.damage().len(), damage.len());
}

/// A stream named `t` that gives so many bytes at a time, and sometimes is interrupted.
fn pieces(content: &[u8], piece: usize) -> Input {
    struct Pieces(VecDeque<Vec<u8>>, bool);
    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some(mut piece) = self.0.pop_front() else { return Ok(0) };
            let read = piece.len().min(into.len());
            into[..read].copy_from_slice(&piece[..read]);
            if read < piece.len() {
                self.0.push_front(piece.split_off(read));
            }
            Ok(read)
        }
    }
    Input::reader("t", Pieces(content.chunks(piece).map(<[u8]>::to_vec).collect(), false))
}

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path =
            std::env::temp_dir().join(format!("wormsift-{}-{}", unique.0, unique.1));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(PathBuf::from(&path).parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
