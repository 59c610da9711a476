//! What the integration tests share.

pub(crate) mod captures;
pub(crate) mod contents;
pub(crate) mod environment;
pub(crate) mod epochs;
pub(crate) mod relay_flood;
pub(crate) mod segments;
pub(crate) mod source_files;
pub(crate) mod tshark;
pub(crate) mod twin;

use std::net::IpAddr;
use wormsift::packet::{Frame, LinkType, Packet, Timestamp, protocol};

/// SplitMix64: the tests' seeded numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

/// A datagram at a time in nanoseconds, from an address and port to an address and port.
pub(crate) fn datagram<'a>(
    number: u64,
    time: u64,
    (source, source_port): (IpAddr, u16),
    (destination, destination_port): (IpAddr, u16),
    payload: &'a [u8],
) -> Packet<'a> {
    Packet {
        number,
        time: Timestamp::from_nanos(time),
        source,
        destination,
        protocol: protocol::UDP,
        source_port,
        destination_port,
        sequence: 0,
        acknowledgement: 0,
        tcp_flags: 0,
        encapsulation: 0,
        to_group: false,
        untrusted_tunnel: false,
        identification: None,
        tap: 0,
        payload,
    }
}

/// The first frames of a fast outbreak over ordinary traffic, with their times.
pub(crate) fn outbreak_frames(seed: u64, frames: u64) -> Vec<(u64, Vec<u8>)> {
    wormsift_corpora::Outbreak::new(seed)
        .scan_rate(20.0)
        .packets(frames)
        .trace()
        .expect("an outbreak")
        .frames
}

/// Stored Ethernet frames as the engine takes them, numbered from 1.
pub(crate) fn frames(stored: &[(u64, Vec<u8>)]) -> Vec<Frame<'_>> {
    stored
        .iter()
        .zip(1..)
        .map(|((time, data), number)| Frame {
            number,
            time: Timestamp::from_nanos(*time),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        })
        .collect()
}

/// Contents of `length` random bytes, `rate` of them a second, each sent eight times
/// over UDP: from three sources to three destinations.
pub(crate) fn flood_frames(
    seed: u64,
    contents: u32,
    length: usize,
    rate: u32,
) -> Vec<(u64, Vec<u8>)> {
    use std::net::Ipv4Addr;
    use wormsift_corpora::frame_builder::{Datagram, FrameBuilder, Transport};
    let mut random = Random(seed);
    let mut stored = Vec::new();
    for content in 0..contents {
        let payload = random.bytes(length);
        let time =
            1_000_000_000_000 + u64::from(content) * (1_000_000_000 / u64::from(rate));
        for copy in 0..8 {
            let host =
                |net: u32| IpAddr::V4(Ipv4Addr::from(net + 3 * content + copy % 3));
            let mut frame = Vec::new();
            FrameBuilder::default().frame(
                &Datagram {
                    source: host(0x0a00_0000),
                    destination: host(0x1400_0000),
                    hop_limit: 64,
                    identification: 0,
                    transport: Transport::Udp {
                        source_port: 1_000,
                        destination_port: 9_999,
                    },
                    payload: &payload,
                },
                &mut frame,
            );
            stored.push((time, frame));
        }
    }
    stored
}

/// Datagrams of 1,361 windows each, a hundred contents a second: every twentieth content eight
/// times, the others once.
pub(crate) fn mostly_unique_frames(seed: u64, contents: u32) -> Vec<(u64, Vec<u8>)> {
    let all = flood_frames(seed, contents, 1_400, 100).into_iter().enumerate();
    all.filter(|(at, _)| at % 8 == 0 || at / 8 % 20 == 0)
        .map(|(_, frame)| frame)
        .collect()
}
