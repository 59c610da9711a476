//! What a file of each format says.

use super::*;

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

/// libpcap's rule: before version 2.3 the lengths are swapped, in 2.3 where the first is
/// the greater, later not.
#[test]
fn lengths_of_old_files_are_swapped_by_version() {
    /// A header of the version, and records of (first length, second length, data).
    fn file(
        order: Order,
        magic: u32,
        version: (u16, u16),
        records: &[(u32, u32, &[u8])],
    ) -> Vec<u8> {
        let mut bytes = PcapSample::new(order, magic, 1).bytes;
        bytes[4..6].copy_from_slice(&order.u16(version.0));
        bytes[6..8].copy_from_slice(&order.u16(version.1));
        for &(first, second, data) in records {
            for field in [7, 8, first, second] {
                bytes.extend(order.u32(field));
            }
            bytes.extend(if magic == MODIFIED { &[0xee; 8][..] } else { &[] });
            bytes.extend(data);
        }
        bytes
    }
    let swapped: &[(u32, u32, &[u8])] =
        &[(90, 3, b"cut"), (5, 5, b"whole"), (60, 0, b"")];
    let straight: &[(u32, u32, &[u8])] =
        &[(3, 90, b"cut"), (5, 5, b"whole"), (0, 60, b"")];
    for order in Order::BOTH {
        for (magic, unit) in [(MICROSECONDS, 1_000), (NANOSECONDS, 1), (MODIFIED, 1_000)]
        {
            let time = 7_000_000_000 + 8 * unit;
            let expected: Vec<Seen> = vec![
                (1, time, 1, 90, b"cut".to_vec()),
                (2, time, 1, 5, b"whole".to_vec()),
                (3, time, 1, 60, vec![]),
            ];
            for (version, records) in [
                ((2, 0), swapped),
                ((2, 1), swapped),
                ((2, 2), swapped),
                ((543, 0), swapped),
                ((2, 3), swapped),
                ((2, 3), straight),
                ((2, 4), straight),
            ] {
                let bytes = file(order, magic, version, records);
                assert_eq!(whole(bytes.clone()), expected, "{version:?}");
                // Also where it comes in pieces.
                let mut trace = Trace::open(vec![pieces(&bytes, 5)]);
                assert_eq!(drain(&mut trace, EVERYTHING), expected, "{version:?}");
            }
        }
        let (_, damage, _) =
            read(file(order, MICROSECONDS, (2, 2), &[(3, 1 << 25, b"cut")]));
        assert!(damage[0].contains("a record of at most 16777216 bytes"), "{damage:?}");
        let (_, damage, _) = read(file(order, MICROSECONDS, (2, 2), &[(3, 5, b"cut")]));
        assert!(damage[0].contains("expected a record of 21 bytes"), "{damage:?}");
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
                    frames_back: 2,
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
        (vec![], "t: expected a pcap or pcapng capture, found an empty file"),
        (b"hi\n".to_vec(), "t: expected a pcap or pcapng capture, found text"),
        (vec![0x0a], "byte 0: expected a capture file header of 4 bytes, found the end"),
        (
            b"PK\x03\x04".to_vec(),
            "t: expected a pcap or pcapng capture, found a zip archive",
        ),
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
