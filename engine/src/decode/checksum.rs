//! The Internet checksum (RFC 1071).

use std::net::IpAddr;

/// The ones' complement sum of parts, each padded to even length.
pub(super) fn sum(parts: &[&[u8]]) -> u16 {
    let mut total = 0_u64;
    for part in parts {
        let (pairs, rest) = part.as_chunks::<2>();
        total +=
            pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>();
        if let [last] = rest {
            total += u64::from(*last) << 8;
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// Whether a transport segment sums to all ones with its pseudo header.
pub(super) fn transport_holds(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    segment: &[u8],
) -> bool {
    let length = (segment.len() as u32).to_be_bytes();
    let tail = [0, 0, 0, protocol];
    let all = match (source, destination) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            sum(&[&s.octets(), &d.octets(), &length, &tail, segment])
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            sum(&[&s.octets(), &d.octets(), &length, &tail, segment])
        }
        _ => return false,
    };
    all == 0xffff
}
