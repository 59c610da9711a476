//! Many inputs as one, in batches, from wherever they come.

use std::sync::mpsc;

use super::*;

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
fn a_long_stream_is_read_in_few_chunks_that_are_used_again() {
    let mut file = PcapSample::new(Order::Little, MICROSECONDS, 1);
    for i in 0..40_000_u32 {
        file = file.record((i, 0), &[i as u8; 1_000], 1_000);
    }
    let mut trace = Trace::from_bytes("t", zstd(&file.bytes));
    let mut most = 0;
    while let Some(batch) = trace.next_batch(Limits::default()) {
        let metadata = 64 * batch.len().next_power_of_two();
        assert!(batch.memory_bytes() <= 3 * CHUNK_BYTES + metadata);
        most = most.max(trace.memory_bytes());
    }
    assert_eq!(trace.counters().frames, 40_000);
    assert!((CHUNK_BYTES..=4 * CHUNK_BYTES).contains(&most), "{most} of 40 MB");

    // Batches that are kept keep their chunks, but the trace forgets them.
    let mut trace = Trace::from_bytes("t", gzip(&file.bytes));
    let kept: Vec<_> =
        std::iter::from_fn(|| trace.next_batch(Limits::default())).collect();
    assert!(trace.memory_bytes() <= 33 * CHUNK_BYTES);
    let frames: Vec<_> = kept.iter().flat_map(FrameBatch::frames).collect();
    assert!(frames.iter().zip(0_u32..).all(|(f, i)| f.data == [i as u8; 1_000]));
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
fn small_and_large_and_compressed_files_on_disk_read_like_memory() {
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
        folder.file(name, &pcap(Order::Little, MICROSECONDS).0);
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
    assert_eq!(damage[0], "nothing: no such file or folder");
    assert_eq!(damage[1], "*.txt: no file matches this pattern");
    assert_eq!(damage[2], "empty: no files in this folder");
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
    folder.file("file.pcap", b"");
    symlink(folder.path(""), folder.path("loop")).unwrap();
    symlink(folder.path("file.pcap"), folder.path("link.pcap")).unwrap();
    symlink(folder.path("gone"), folder.path("broken")).unwrap();
    let _socket = UnixListener::bind(folder.path("socket")).unwrap();
    let (inputs, damage) = inputs(&[folder.path("")]);
    let names: Vec<_> = inputs.iter().map(|i| i.name().rsplit('/').next()).collect();
    assert_eq!(names, [Some("broken"), Some("file.pcap"), Some("link.pcap")]);
    assert_eq!(damage, []);
    let mut trace = Trace::open(inputs);
    assert!(trace.next_batch(EVERYTHING).is_none());
    assert_eq!(trace.damage().len(), 3);
    assert_eq!(trace.total_bytes(), Some(0));
}
