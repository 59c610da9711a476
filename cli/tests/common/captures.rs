//! Captures made and read by the tests of `generate`.

use wormsift_capture::{Input, Limits, Trace};

/// A frame of a capture: time in nanoseconds, link type, length on the wire, bytes.
pub(crate) type Kept = (u64, u32, u32, Vec<u8>);

/// A second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Classic pcap in nanoseconds, of the first frame's link type.
pub(crate) fn pcap_of(frames: &[Kept]) -> Vec<u8> {
    let link_type = frames.first().map_or(1, |frame| frame.1);
    let mut file = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, link_type] {
        file.extend(word.to_le_bytes());
    }
    for (time, _, original, bytes) in frames {
        let words =
            [time / SECOND, time % SECOND, bytes.len() as u64, (*original).into()];
        for word in words {
            file.extend((word as u32).to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

/// All frames of a capture file, which must be sound.
pub(crate) fn frames_of(path: &str) -> Vec<Kept> {
    let mut trace = Trace::open(vec![Input::path(path)]);
    let mut frames = Vec::new();
    while let Some(batch) = trace.next_batch(Limits::default()) {
        frames.extend(batch.frames().map(|frame| {
            (frame.time.as_nanos(), frame.link.0, frame.original_len, frame.data.to_vec())
        }));
    }
    let damage: Vec<String> = trace.damage().iter().map(ToString::to_string).collect();
    assert_eq!(damage, Vec::<String>::new());
    frames
}

/// IPv4 and UDP without a link header, cut after `captured` bytes.
pub(crate) fn raw_udp(
    time: u64,
    ends: [[u8; 4]; 2],
    payload: &[u8],
    captured: usize,
) -> Kept {
    let mut packet = super::udp(ends[0], ends[1], 9_000, payload).split_off(14);
    let original = packet.len() as u32;
    packet.truncate(captured);
    (time, 101, original, packet)
}
