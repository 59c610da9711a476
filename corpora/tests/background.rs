//! The background of the committed trace holds nothing that spreads.
//!
//! An exact count, with no sampling, of every 40-byte window: the background
//! alone must reach neither alarm at the engine's default thresholds. Windows
//! across the segments of a TCP connection count too.

use std::collections::{BTreeSet, HashMap};

use wormsift_corpora::{GenerateOptions, Outbreak};

const WINDOW: usize = 40;

/// What this test needs of a frame: none of its code is the engine's.
struct Packet<'a> {
    source: u32,
    destination: u32,
    protocol: u8,
    ports: (u16, u16),
    payload: &'a [u8],
}

fn parse(frame: &[u8]) -> Packet<'_> {
    let u16_at = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) << 16 | u32::from(u16_at(at + 2));
    assert_eq!((u16_at(12), frame[14]), (0x0800, 0x45));
    let protocol = frame[23];
    let end = 14 + usize::from(u16_at(16));
    let (ports, start) = match protocol {
        6 => ((u16_at(34), u16_at(36)), 34 + usize::from(frame[46] >> 4) * 4),
        17 => ((u16_at(34), u16_at(36)), 42),
        1 => ((0, u16_at(34)), 42),
        other => panic!("protocol {other}"),
    };
    let payload = &frame[start..end];
    Packet { source: u32_at(26), destination: u32_at(30), protocol, ports, payload }
}

/// Who was seen with one window at one port, in order.
#[derive(Default)]
struct Seen {
    sources: BTreeSet<u32>,
    destinations: BTreeSet<u32>,
    /// By source that had received it before it first sent it: the destinations
    /// that had not sent it.
    relays: HashMap<u32, BTreeSet<u32>>,
    /// Packets so far.
    packets: usize,
    /// The packet that brought the spread to three.
    passed_on: Option<usize>,
    /// The packet that brought sources and destinations to thirty.
    dispersed: Option<usize>,
}

impl Seen {
    fn enter(&mut self, number: usize, source: u32, destination: u32) {
        // The first two sightings come before the content is prevalent.
        self.packets += 1;
        if self.packets <= 2 {
            return;
        }
        if !self.sources.contains(&source) && self.destinations.contains(&source) {
            self.relays.entry(source).or_default();
        }
        if let Some(reached) = self.relays.get_mut(&source)
            && !self.sources.contains(&destination)
        {
            reached.insert(destination);
        }
        self.sources.insert(source);
        self.destinations.insert(destination);
        if self.spread() >= 3 {
            self.passed_on.get_or_insert(number);
        }
        if self.lesser() >= 30 {
            self.dispersed.get_or_insert(number);
        }
    }

    fn lesser(&self) -> usize {
        self.sources.len().min(self.destinations.len())
    }

    fn spread(&self) -> usize {
        self.relays.values().map(BTreeSet::len).filter(|&reached| reached >= 2).sum()
    }
}

fn periodic(window: &[u8]) -> bool {
    (1..=8).any(|period| window[period..].iter().zip(window).all(|(a, b)| a == b))
}

/// Every window of the capture at its port.
fn count(outbreak: &Outbreak) -> Vec<Seen> {
    let trace = outbreak.trace().unwrap();
    assert!(trace.frames.len() > 2_000);
    let mut seen: HashMap<(u8, u16, Vec<u8>), Seen> = HashMap::new();
    let mut tails: HashMap<(u32, u32, u16, u16), Vec<u8>> = HashMap::new();
    for (number, (_, frame)) in trace.frames.iter().enumerate() {
        let packet = parse(frame);
        let (from, to) = (packet.source, packet.destination);
        let mut bytes = packet.payload.to_vec();
        if packet.protocol == 6 {
            let tail =
                tails.entry((from, to, packet.ports.0, packet.ports.1)).or_default();
            bytes = [&tail[..], packet.payload].concat();
            *tail = bytes[bytes.len().saturating_sub(WINDOW - 1)..].to_vec();
        }
        for window in bytes.windows(WINDOW).filter(|window| !periodic(window)) {
            let key = (packet.protocol, packet.ports.1, window.to_vec());
            seen.entry(key).or_default().enter(number, from, to);
        }
    }
    seen.into_values().collect()
}

/// Greatest of the lesser of sources and destinations, and greatest spread.
fn worst(seen: &[Seen]) -> (usize, usize) {
    (
        seen.iter().map(Seen::lesser).max().unwrap_or(0),
        seen.iter().map(Seen::spread).max().unwrap_or(0),
    )
}

#[test]
fn the_default_background_reaches_neither_alarm() {
    for seed in 1..=3 {
        let options = GenerateOptions { worm: false, ..GenerateOptions::default() };
        let (dispersion, spread) = worst(&count(&Outbreak::new(seed).options(options)));
        println!("seed {seed}: at most {dispersion} x {dispersion}, spread {spread}");
        // Headers do repeat, as they should, but in too few hosts.
        assert!((3..30).contains(&dispersion), "seed {seed}: {dispersion}");
        assert!(spread < 3, "seed {seed}: {spread}");
    }
}

#[test]
fn the_worm_is_passed_on_long_before_it_is_dispersed() {
    for seed in 1..=3 {
        let seen = count(&Outbreak::new(seed));
        let (dispersion, spread) = worst(&seen);
        assert!(dispersion >= 35, "seed {seed}: {dispersion}");
        assert!(spread >= 30, "seed {seed}: {spread}");
        // All 281 windows of the invariant, and no others.
        let dispersed: Vec<_> =
            seen.iter().filter(|seen| seen.dispersed.is_some()).collect();
        assert_eq!(dispersed.len(), 320 - WINDOW + 1);
        for seen in dispersed {
            assert!(seen.passed_on.unwrap() < seen.dispersed.unwrap());
        }
    }
}
