//! Captures as other taps would show them: decoys beside TCP segments, and segments
//! joined to larger ones. Plain Ethernet, IPv4 and TCP; other frames stay as they are.

use super::Random;
use std::collections::BTreeMap;
use std::ops::Range;

/// Stored frames with their times.
pub(crate) type Stored = Vec<(u64, Vec<u8>)>;

/// Where a frame's TCP header and payload lie.
pub(crate) fn tcp_of(frame: &[u8]) -> Option<(usize, Range<usize>)> {
    if frame.get(12..14)? != [8, 0] || *frame.get(23)? != 6 {
        return None;
    }
    let tcp = 14 + usize::from(frame[14] & 15) * 4;
    let end = 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    let payload = tcp + usize::from(*frame.get(tcp + 12)? >> 4) * 4;
    (payload <= end && end <= frame.len()).then_some((tcp, payload..end))
}

/// The bytes of a decoy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoy {
    /// All others, new in each.
    Random,
    /// One byte in sixty is another, at places of its own.
    Some,
}

/// Beside each segment another at the same sequence number, of a low TTL and with a wrong
/// checksum, before or after it.
pub(crate) fn with_decoys(frames: &Stored, decoy: Decoy, before: bool) -> Stored {
    let mut random = Random(5);
    let mut shown = Vec::new();
    for (time, frame) in frames {
        let Some((tcp, payload)) = tcp_of(frame).filter(|(_, it)| !it.is_empty()) else {
            shown.push((*time, frame.clone()));
            continue;
        };
        let mut other = frame.clone();
        (other[22], other[tcp + 16]) = (1, other[tcp + 16] ^ 0x5a);
        match decoy {
            Decoy::Random => {
                let bytes = random.bytes(payload.len());
                other[payload].copy_from_slice(&bytes);
            }
            Decoy::Some => {
                let first = random.below(60) as usize;
                let bytes = other[payload].iter_mut().skip(first).step_by(60);
                bytes.for_each(|byte| *byte ^= 1 + random.below(255) as u8);
            }
        }
        let pair = [(*time, other), (*time, frame.clone())];
        shown.extend(if before {
            pair.to_vec()
        } else {
            pair.into_iter().rev().collect()
        });
    }
    shown
}

/// Segments that follow each other in a direction as one, as receive offload joins them:
/// as many as `runs` draws, at the time of the first.
pub(crate) fn joined(frames: &Stored, mut run: impl FnMut() -> u64) -> Stored {
    struct Open {
        place: usize,
        next: u32,
        left: u64,
    }
    let mut shown: Stored = Vec::new();
    let mut open: BTreeMap<Vec<u8>, Open> = BTreeMap::new();
    for (time, frame) in frames {
        let Some((tcp, payload)) = tcp_of(frame) else {
            shown.push((*time, frame.clone()));
            continue;
        };
        let flow = [&frame[26..34], &frame[tcp..tcp + 4]].concat();
        let sequence = u32::from_be_bytes(frame[tcp + 4..tcp + 8].try_into().unwrap());
        if payload.is_empty() {
            // SYN, FIN or RST.
            if frame[tcp + 13] & 7 != 0 {
                open.remove(&flow);
            }
            shown.push((*time, frame.clone()));
            continue;
        }
        let next = sequence.wrapping_add(payload.len() as u32);
        if let Some(it) = open.get_mut(&flow)
            && it.next == sequence
            && it.left > 0
            && shown[it.place].1.len() + payload.len() < 60_000
        {
            let whole = &mut shown[it.place].1;
            whole.extend(&frame[payload]);
            let length = (whole.len() - 14) as u16;
            whole[16..18].copy_from_slice(&length.to_be_bytes());
            (it.next, it.left) = (next, it.left - 1);
            continue;
        }
        shown.push((*time, frame[..payload.end].to_vec()));
        open.insert(flow, Open { place: shown.len() - 1, next, left: run() });
    }
    shown
}
