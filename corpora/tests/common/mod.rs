//! What the tests of scenarios share: traces, and a parser of their frames.

#[path = "../../../engine/tests/common/environment.rs"]
pub(crate) mod environment;
pub(crate) mod exact;

use std::net::IpAddr;

use wormsift_corpora::{GenerateOptions, Scenario, Trace};

pub(crate) fn trace_with(name: &str, seed: u64, options: GenerateOptions) -> Trace {
    let scenario = Scenario::named(name, seed).expect(name).options(options);
    scenario.stream().expect(name).into_trace()
}

/// One seed gives the same frames, in order, and the same truth; another gives others.
pub(crate) fn assert_seed_decides(name: &str) {
    let short = || GenerateOptions { packets: Some(1_500), ..GenerateOptions::default() };
    let first = trace_with(name, 7, short());
    assert_eq!(first.frames.len(), 1_500, "{name}");
    assert!(first.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    let again = trace_with(name, 7, short());
    assert!(first.frames == again.frames, "{name}");
    assert_eq!(first.truth, again.truth);
    let other = trace_with(name, 8, short());
    assert!(first.frames != other.frames, "{name}");
}

pub(crate) fn trace(name: &str, seed: u64) -> Trace {
    trace_with(name, seed, GenerateOptions::default())
}

/// The worm alone.
pub(crate) fn alone(name: &str, seed: u64) -> Trace {
    let options =
        GenerateOptions { background_hosts: Some(0), ..GenerateOptions::default() };
    trace_with(name, seed, options)
}

pub(crate) fn refused(name: &str, options: GenerateOptions) -> bool {
    Scenario::named(name, 1).expect(name).options(options).stream().is_err()
}

/// A plain frame over IPv4.
pub(crate) struct Parsed<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// Source and destination; for ICMP, 0 and type x 256 + code.
    pub(crate) ports: [u16; 2],
    /// Of TCP.
    pub(crate) flags: u8,
    pub(crate) payload: &'a [u8],
}

/// Parses a frame; none of this code is the engine's.
pub(crate) fn parse(frame: &[u8]) -> Option<Parsed<'_>> {
    if frame.get(12..15)? != [8, 0, 0x45] {
        return None;
    }
    let address = |at: usize| {
        let bytes: [u8; 4] = frame[at..at + 4].try_into().unwrap();
        IpAddr::from(bytes)
    };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let end = 14 + usize::from(word(16));
    let (ports, flags, start) = match frame[23] {
        6 => ([word(34), word(36)], frame[47], 34 + usize::from(frame[46] >> 4) * 4),
        17 => ([word(34), word(36)], 0, 42),
        1 => ([0, word(34)], 0, 42),
        other => panic!("protocol {other}"),
    };
    Some(Parsed {
        source: address(26),
        destination: address(30),
        protocol: frame[23],
        ports,
        flags,
        payload: frame.get(start..end)?,
    })
}

/// The carriers of the first content, with their times.
pub(crate) fn carriers(trace: &Trace) -> Vec<(u64, Parsed<'_>)> {
    let listed = &trace.truth.contents[0].carriers;
    let frames = trace.frames.iter().zip(1..);
    frames
        .filter(|(_, number)| listed.contains(*number))
        .map(|((time, frame), _)| (*time, parse(frame).expect("a plain frame")))
        .collect()
}
