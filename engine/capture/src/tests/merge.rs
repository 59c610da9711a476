//! Captures that overlap in time, against a merge that looks at all files before each frame.

use super::*;
use wormsift::packet::Timestamp;

/// A small generator of numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// A frame of a file under construction: seconds, nanoseconds, link type, data.
type Made = (u32, u32, u16, Vec<u8>);

/// What the merge should give, without numbers: at each step the file is taken whose next
/// frame is the earliest, of several the first.
fn merged(files: &[Vec<Made>]) -> Vec<Seen> {
    let mut next = vec![0; files.len()];
    let mut seen = Vec::new();
    loop {
        let heads = files.iter().enumerate();
        let heads = heads.filter_map(|(i, file)| Some((file.get(next[i])?, i)));
        let Some((made, i)) = heads.min_by_key(|((s, n, ..), i)| (*s, *n, *i)) else {
            return seen;
        };
        next[i] += 1;
        let (seconds, nanos, link, data) = made;
        let time = u64::from(*seconds) * 1_000_000_000 + u64::from(*nanos);
        let number = seen.len() as u64 + 1;
        let len = data.len() as u32;
        seen.push((number, time, u32::from(*link), len, data.clone()));
    }
}

fn as_pcap(frames: &[Made], order: Order) -> Vec<u8> {
    let link = frames.first().map_or(1, |frame| frame.2);
    let mut file = PcapSample::new(order, NANOSECONDS, link.into());
    for (seconds, nanos, _, data) in frames {
        file = file.record((*seconds, *nanos), data, data.len() as u32);
    }
    file.bytes
}

/// Each link type is an interface; every other one counts in microseconds from an offset.
fn as_pcapng(frames: &[Made], order: Order) -> Vec<u8> {
    let mut links: Vec<u16> = frames.iter().map(|frame| frame.2).collect();
    links.sort_unstable();
    links.dedup();
    let mut file = PcapNgSample::new(order);
    for link in &links {
        file = file.clock(*link, 9, i64::from(link % 3));
    }
    for (seconds, nanos, link, data) in frames {
        let interface = links.binary_search(link).unwrap() as u32;
        let seconds = u64::from(*seconds) - u64::from(link % 3);
        let ticks = seconds * 1_000_000_000 + u64::from(*nanos);
        file = file.enhanced(interface, ticks, data, data.len() as u32, &[]);
    }
    file.bytes
}

/// Files that overlap, with equal times within and between them, several link types, and
/// sometimes a frame that goes back.
fn files(random: &mut Random, number: usize) -> Vec<Vec<Made>> {
    let mut time = 1_000_u64;
    let mut files = vec![Vec::new(); number];
    let frames = random.below(400);
    for i in 0..frames {
        time += random.below(3) * random.below(2);
        let claimed = if random.below(50) == 0 { time - random.below(40) } else { time };
        let file = random.below(number as u64) as usize;
        // A classic pcap has one link type.
        let link = if file.is_multiple_of(3) {
            1
        } else {
            [1, 113, 101][random.below(3) as usize]
        };
        let data = i.to_le_bytes().repeat(1 + random.below(30) as usize);
        files[file].push(((claimed / 4) as u32, (claimed % 4) as u32, link, data));
    }
    files
}

#[test]
fn a_capture_in_several_files_reads_like_the_whole() {
    let mut random = Random(7);
    for round in 0..150 {
        let number = 1 + random.below(9) as usize;
        let files = files(&mut random, number);
        let expected = merged(&files);
        let inputs = || {
            let input = |(i, frames): (usize, &Vec<Made>)| {
                let order = Order::BOTH[i % 2];
                let file = if i % 3 == 0 {
                    as_pcap(frames, order)
                } else {
                    as_pcapng(frames, order)
                };
                match (i + round) % 4 {
                    0 => Input::bytes("t", gzip(&file)),
                    1 => Input::bytes("t", zstd(&file)),
                    2 => pieces(&file, 700),
                    _ => Input::bytes("t", file),
                }
            };
            files.iter().enumerate().map(input).collect()
        };
        assert_eq!(drain(&mut Trace::open(inputs()), EVERYTHING), expected, "{round}");
        let limits = Limits { bytes: 500, frames: 1 + random.below(9) as usize };
        assert_eq!(drain(&mut Trace::open(inputs()), limits), expected, "{round}");

        let back = |file: &Vec<Made>| {
            file.windows(2)
                .filter(|two| (two[1].0, two[1].1) < (two[0].0, two[0].1))
                .count()
        };
        let mut trace = Trace::open(inputs());
        while trace.next_batch(EVERYTHING).is_some() {}
        let told = trace.disorder();
        let packets: u64 = told.iter().map(|it| it.packets).sum();
        assert_eq!(packets, files.iter().map(back).sum::<usize>() as u64);
        assert_eq!(packets, trace.counters().frames_back);
        assert_eq!(told.len(), files.iter().filter(|file| back(file) > 0).count());
        assert_eq!(trace.disorder(), [], "told once");
    }
}

#[test]
fn a_file_that_goes_back_is_told_of_by_name_and_packet() {
    let at = |seconds: u32| (seconds, 0, 1, vec![seconds as u8]);
    let input = Input::bytes("x.pcap", as_pcap(&[5, 9, 2, 8, 7].map(at), Order::Little));
    let mut trace = Trace::open(vec![input]);
    let times: Vec<u64> = drain(&mut trace, EVERYTHING).iter().map(|it| it.1).collect();
    assert_eq!(
        times,
        [5, 9, 2, 8, 7].map(|s| s * 1_000_000_000),
        "the file's order stays"
    );
    let told = trace.disorder();
    let line = "x.pcap: 2 packets go back in time, the first is packet 3, the furthest step \
                is 7.0 s; `reordercap` sorts a capture by time";
    assert_eq!(told[0].to_string(), line);
}

#[test]
fn files_that_do_not_overlap_are_opened_one_after_the_other() {
    let folder = Folder::new();
    let data = vec![7; 1_000];
    for file in 0..10_u32 {
        let frames: Vec<Made> =
            (0..100).map(|i| (1 + file * 100 + i, 0, 1, data.clone())).collect();
        folder.file(&format!("{file}"), &as_pcap(&frames, Order::Little));
    }
    let (inputs, _) = inputs(&[folder.path("*")]);
    let mut trace = Trace::open(inputs);
    let mut last = 0;
    while let Some(batch) = trace.next_batch(Limits { frames: 60, bytes: usize::MAX }) {
        assert!(trace.under_way <= 1);
        for frame in batch.frames() {
            assert!(frame.time.as_nanos() > last);
            last = frame.time.as_nanos();
        }
    }
    assert_eq!(trace.counters().frames, 1_000);
}

#[test]
fn more_files_overlap_than_are_held_open() {
    const FILES: u32 = 300;
    let folder = Folder::new();
    let data = vec![7; 1_500];
    for file in 0..FILES {
        let frames: Vec<Made> =
            (0..40).map(|i| (10 + i * FILES + file, 0, 1, data.clone())).collect();
        // Plain and compressed ones, larger than what is read at once.
        let bytes = as_pcap(&frames, Order::Little);
        let bytes = if file % 2 == 0 { bytes } else { gzip(&bytes) };
        folder.file(&format!("x.pcap{file}"), &bytes);
    }
    let (inputs, missing) = inputs(&[folder.path("")]);
    assert_eq!((inputs.len(), missing), (FILES as usize, vec![]));
    let names: Vec<_> = inputs.iter().take(12).map(|it| it.name().to_owned()).collect();
    assert!(
        names[2].ends_with("x.pcap2") && names[10].ends_with("x.pcap10"),
        "{names:?}"
    );
    let mut trace = Trace::open(inputs);
    let (mut frames, mut most) = (0_u32, 0);
    while let Some(batch) = trace.next_batch(Limits::default()) {
        for frame in batch.frames() {
            let second = 10 + frames;
            assert_eq!(
                frame.time,
                Timestamp::from_nanos(u64::from(second) * 1_000_000_000)
            );
            frames += 1;
        }
        // Once all are open.
        let settled = (2 * FILES..40 * FILES).contains(&frames);
        assert!(batch.len() > 300 || !settled, "batches stay large");
        most = most.max(trace.memory_bytes());
        #[cfg(target_os = "linux")]
        assert!(open_files(&folder.0) <= crate::source::HELD);
    }
    assert_eq!((frames, trace.damage()), (40 * FILES, vec![]));
    assert!(most <= 48 << 20, "{most} bytes");
}

/// Files of a folder that this process has open.
#[cfg(target_os = "linux")]
fn open_files(folder: &std::path::Path) -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
    links
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| target.starts_with(folder))
        .count()
}

#[test]
fn what_is_no_capture_in_a_folder_is_skipped_and_told() {
    let folder = Folder::new();
    let capture = as_pcap(&[(1, 0, 1, vec![1])], Order::Little);
    folder.file("in/day.pcap", &capture);
    folder.file("in/packed", &zstd(&capture));
    folder.file("in/day.truth.json", b"{\"packets\": 1}");
    folder.file("in/notes.txt.gz", &gzip(b"some notes"));
    folder.file("in/empty", b"");
    // Named like a capture, or a capture in another format: this is told as damage.
    folder.file("in/broken.pcap.gz", &gzip(b"some notes"));
    folder.file("in/old", b"GMBU\x00\x02\x01\x00");
    folder.file("none/README", b"nothing here");
    fs::create_dir(folder.path("void")).unwrap();
    let strip = |line: String| line.replace(&folder.path(""), "");
    let found = find(
        &["in", "none", "void", "gone", "*.cap", "in/notes.txt.gz"]
            .map(|name| folder.path(name)),
    );
    let names: Vec<_> = found.inputs.iter().map(|it| strip(it.name().into())).collect();
    let named = ["in/broken.pcap.gz", "in/day.pcap", "in/old", "in/packed"];
    assert_eq!(names, [&named[..], &["in/notes.txt.gz"]].concat());
    let skipped: Vec<_> = found.skipped.iter().map(|it| strip(it.to_string())).collect();
    let why = "skipped, it is no capture";
    assert_eq!(
        skipped,
        [
            format!("in/day.truth.json: {why}: JSON text"),
            format!("in/empty: {why}: an empty file"),
            format!("in/notes.txt.gz: {why}: text"),
            format!("none/README: {why}: text"),
        ]
    );
    let missing: Vec<_> = found.missing.iter().map(|it| strip(it.to_string())).collect();
    assert_eq!(
        missing,
        [
            "none: no captures here: the one file is none",
            "void: no files in this folder",
            "gone: no such file or folder",
            "*.cap: no file matches this pattern",
        ]
    );
    let mut trace = Trace::open(found.inputs);
    assert_eq!(drain(&mut trace, EVERYTHING).len(), 2);
    let mut damage: Vec<_> =
        trace.damage().iter().map(|it| strip(it.to_string())).collect();
    damage.sort();
    assert_eq!(
        damage,
        [
            "in/broken.pcap.gz: expected a pcap or pcapng capture, found text",
            "in/notes.txt.gz: expected a pcap or pcapng capture, found text",
            "in/old: expected a pcap or pcapng capture, found a Microsoft Network Monitor 2 \
             capture; convert it with `editcap -F pcap IN OUT`",
        ]
    );
}
