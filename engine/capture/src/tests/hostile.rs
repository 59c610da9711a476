//! Files that were cut, mutated, or made up.

use proptest::prelude::*;

use super::*;

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
                let place = if cut == 0 { "t: " } else { &format!("t: byte {start}: ") };
                assert!(line.starts_with(place), "{line}");
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
