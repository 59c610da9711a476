//! Blocks made by hand, as the kernel would fill them, and as it never would.

use super::*;
use proptest::prelude::*;

const HEADER: usize = size_of::<libc::tpacket3_hdr>();

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

/// The content of a frame, and the VLAN tag that was taken out of it: TCI, TPID.
type Given = (Vec<u8>, Option<(u16, u16)>);

/// A block of these frames.
fn block(frames: &[Given]) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 14];
    let head = offset_of!(libc::tpacket_block_desc, hdr);
    put(&mut bytes, head, libc::TP_STATUS_USER);
    put(&mut bytes, head + 4, frames.len() as u32);
    let mut at = 48;
    put(&mut bytes, head + 8, at as u32);
    for (index, (content, tag)) in frames.iter().enumerate() {
        let start = HEADER + 20 + TAG_BYTES;
        let next = (start + content.len()).next_multiple_of(16);
        let is_last = index + 1 == frames.len();
        for (place, value) in [
            (0, if is_last { 0 } else { next as u32 }),
            (4, 7),
            (8, index as u32),
            (12, content.len() as u32),
            (16, content.len() as u32 + 1),
            (
                20,
                tag.map_or(0, |_| {
                    libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID
                }),
            ),
            (32, tag.map_or(0, |(tci, _)| u32::from(tci))),
        ] {
            put(&mut bytes, at + place, value);
        }
        bytes[at + 24..at + 26].copy_from_slice(&(start as u16).to_ne_bytes());
        let tpid = tag.map_or(0, |(_, tpid)| tpid);
        bytes[at + 36..at + 38].copy_from_slice(&tpid.to_ne_bytes());
        bytes[at + start..at + start + content.len()].copy_from_slice(content);
        at += next;
    }
    bytes
}

#[test]
fn frames_come_out_as_they_went_in_with_their_tags() {
    let plain: Vec<u8> = (0..60).collect();
    let tagged: Vec<u8> = (100..200).collect();
    let mut bytes = block(&[
        (plain.clone(), None),
        (tagged.clone(), Some((0x2064, 0x88a8))),
        (vec![1, 2, 3], Some((1, 0x8100))),
        (plain.clone(), None),
    ]);
    let mut frames = Vec::new();
    let walked = walk_block(&mut bytes, LinkType::ETHERNET, &mut frames);
    assert_eq!((walked.frames, walked.vlan, walked.cut), (4, 1, 4));
    let expected = [&tagged[..12], &[0x88, 0xa8, 0x20, 0x64], &tagged[12..]].concat();
    let data: Vec<&[u8]> = frames.iter().map(|frame| frame.data).collect();
    assert_eq!(data, [&plain[..], &expected[..], &[1, 2, 3][..], &plain[..]]);
    let lengths: Vec<u32> = frames.iter().map(|frame| frame.original_len).collect();
    assert_eq!(lengths, [61, 105, 4, 61]);
    assert_eq!(walked.bytes, 61 + 105 + 4 + 61);
    assert_eq!(frames[2].time, Timestamp::from_nanos(7_000_000_002));
}

#[test]
fn frames_without_an_ethernet_header_get_no_tag() {
    let mut bytes = block(&[(vec![0x45; 40], Some((5, 0x8100)))]);
    let mut frames = Vec::new();
    let walked = walk_block(&mut bytes, LinkType::RAW, &mut frames);
    assert_eq!((walked.vlan, frames[0].data), (0, &[0x45; 40][..]));
}

proptest! {
    #[test]
    fn no_block_makes_a_walk_leave_it(
        seed in proptest::collection::vec(any::<u8>(), 2_048),
        small in proptest::collection::vec((0_usize..512, 0_u32..3_000), 0..64),
    ) {
        let mut bytes = seed;
        for (place, value) in small {
            put(&mut bytes, place * 4, value);
        }
        for link in [LinkType::ETHERNET, LinkType::RAW] {
            let mut copy = bytes.clone();
            let mut frames = Vec::new();
            let walked = walk_block(&mut copy, link, &mut frames);
            prop_assert_eq!(walked.frames as usize, frames.len());
        }
    }
}
