//! Searches for traffic that takes the sensor most time a packet on one thread.
//!
//! ```text
//! cargo run --release -p wormsift-benches --example worst_cost -- [ROUNDS [SEED]]
//! cargo run --release -p wormsift-benches --example worst_cost -- --pattern PATTERN FILE.pcap
//! ```
//!
//! A *pattern* is a handful of numbers from which 20,000 packets are made: what bodies are made
//! of, how many there are, who sends them to whom, and when. The search begins with patterns
//! that are known to be dear, changes one number at a time and keeps what costs more. Costs are
//! multiples of those of datagrams of 1,460 random bytes, measured by turns on one thread. The
//! second form writes a pattern as a capture, so that its instructions can be counted.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Instant;
use wormsift::config::Config;
use wormsift::fingerprint::Scratch;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift_corpora::frame_builder::{Datagram, FrameBuilder, Transport};
use wormsift_corpora::rng::Rng;
use wormsift_corpora::{FrameWriter, PcapWriter};

const PACKETS: u64 = 20_000;
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// What bodies are made of.
const BODIES: [&str; 6] =
    ["random", "dictionary", "period", "literals", "edited", "kept"];

/// The numbers that traffic is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pattern {
    /// Place in [`BODIES`].
    body: u64,
    /// Bytes of a body.
    length: u64,
    /// How many different bodies take turns.
    bodies: u64,
    /// Bytes of a word of the dictionary, of the period, or between two edits.
    piece: u64,
    /// Hosts that send.
    sources: u64,
    /// Hosts that receive.
    destinations: u64,
    /// Whether each host passes on what it received: sources are destinations.
    chain: u64,
    /// Copies of a body one after the other before the next has its turn.
    run: u64,
    /// Packets a second.
    rate: u64,
    /// Ports of destinations.
    ports: u64,
}

/// Name, least and most of each number.
const NUMBERS: [(&str, u64, u64); 10] = [
    ("body", 0, BODIES.len() as u64 - 1),
    ("length", 40, 1_460),
    ("bodies", 1, PACKETS),
    ("piece", 1, 64),
    ("sources", 1, 20_000),
    ("destinations", 1, 20_000),
    ("chain", 0, 1),
    ("run", 1, 200),
    ("rate", 1, 1_000_000),
    ("ports", 1, 1_000),
];

/// Datagrams of random bytes: what costs are multiples of.
const ORDINARY: Pattern = Pattern {
    body: 0,
    length: 1_460,
    bodies: PACKETS,
    piece: 1,
    sources: 200,
    destinations: 200,
    chain: 0,
    run: 1,
    rate: 10_000,
    ports: 1,
};

impl Pattern {
    fn numbers(&mut self) -> [&mut u64; NUMBERS.len()] {
        [
            &mut self.body,
            &mut self.length,
            &mut self.bodies,
            &mut self.piece,
            &mut self.sources,
            &mut self.destinations,
            &mut self.chain,
            &mut self.run,
            &mut self.rate,
            &mut self.ports,
        ]
    }

    /// One number changed, by a factor or to anything.
    fn changed(mut self, random: &mut Rng) -> Self {
        let which = below(random, NUMBERS.len() as u64) as usize;
        let (_, least, most) = NUMBERS[which];
        let number = &mut *self.numbers()[which];
        *number = match below(random, 4) {
            0 => least + below(random, most - least + 1),
            1 => *number / 2,
            2 => *number * 2,
            _ => *number * (50 + below(random, 100)) / 100,
        }
        .clamp(least, most);
        self
    }

    /// Times and frames.
    fn frames(&self, seed: u64) -> Vec<(u64, Vec<u8>)> {
        let mut random = Rng::new(seed, "edits");
        let pool = baseline::measure::random(1 << 17);
        let words: Vec<&[u8]> = pool.chunks(self.piece as usize).take(64).collect();
        let mut body = Vec::new();
        let mut made = u64::MAX;
        let base = self.made(0, &pool, &words);
        let mut frames = Vec::new();
        for n in 0..PACKETS {
            let turn = n / self.run % self.bodies;
            if turn != made {
                body = self.made(turn, &pool, &words);
                made = turn;
            }
            if BODIES[self.body as usize] == "edited" {
                // Every copy differs here and there from the first body.
                body.clone_from(&base);
                let gap = 40 + self.piece as usize;
                let first = below(&mut random, gap as u64) as usize;
                body.iter_mut()
                    .skip(first)
                    .step_by(gap)
                    .for_each(|it| *it ^= n as u8 | 1);
            }
            let source = n % self.run % self.sources;
            let destination = match self.chain {
                0 => n / self.run.min(7) % self.destinations,
                _ => source + 1,
            };
            let host = |net: u32, n: u64| IpAddr::V4(Ipv4Addr::from(net + n as u32));
            let mut frame = Vec::new();
            let transport = Transport::Udp {
                source_port: 1_000,
                destination_port: 9_000 + (n % self.ports) as u16,
            };
            let net = if self.chain == 1 { 0x0a00_0000 } else { 0x1400_0000 };
            FrameBuilder::default().frame(
                &Datagram {
                    source: host(0x0a00_0000, source),
                    destination: host(net, destination),
                    hop_limit: 64,
                    identification: n as u32,
                    transport,
                    payload: &body,
                },
                &mut frame,
            );
            frames.push((BEGIN + n * (1_000_000_000 / self.rate), frame));
        }
        frames
    }

    /// Body number `turn`.
    fn made(&self, turn: u64, pool: &[u8], words: &[&[u8]]) -> Vec<u8> {
        let length = self.length as usize;
        let mut random = Rng::new(turn, "body");
        match BODIES[self.body as usize] {
            "dictionary" => {
                let mut body = Vec::with_capacity(length + 64);
                while body.len() < length {
                    body.extend_from_slice(
                        words[below(&mut random, words.len() as u64) as usize],
                    );
                }
                body.truncate(length);
                body
            }
            "period" => {
                let at = below(&mut random, 1 << 16) as usize;
                pool[at..]
                    .iter()
                    .take(self.piece as usize)
                    .copied()
                    .cycle()
                    .take(length)
                    .collect()
            }
            "literals" => {
                let line = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\
                    Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n";
                let mark = below(&mut random, 1 << 20).to_string().into_bytes();
                let line = [&line[..], &mark].concat();
                line.into_iter().cycle().take(length).collect()
            }
            "kept" => kept(turn, length),
            _ => {
                let mut body = Vec::with_capacity(length);
                random.append(length, &mut body);
                body
            }
        }
    }
}

/// A body of which winnowing keeps many windows under the key of offline runs: each byte is
/// chosen so that most of the last windows are kept. What anybody can compute who knows the key.
fn kept(turn: u64, length: usize) -> Vec<u8> {
    let worker = Sensor::new(Config::default()).expect("the default settings").worker();
    let fingerprinter = worker.fingerprinter();
    let beta = fingerprinter.beta();
    let mut scratch = Scratch::default();
    let mut random = Rng::new(turn, "kept");
    let mut body = Vec::new();
    random.append(beta, &mut body);
    while body.len() < length {
        let from = body.len().saturating_sub(3 * beta);
        let mut best = (0, 0);
        let first = random.next_u64() as u8;
        for n in 0..=255 {
            body.push(first.wrapping_add(n));
            let mut count = 0;
            fingerprinter.for_each(&mut scratch, &body[from..], |_, _| count += 1);
            body.pop();
            best = best.max((count, first.wrapping_add(n)));
        }
        body.push(best.1);
    }
    body
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = *self;
        for (n, ((name, ..), number)) in NUMBERS.iter().zip(this.numbers()).enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{name}={number}")?;
        }
        Ok(())
    }
}

impl FromStr for Pattern {
    type Err = String;

    /// `name=number,...`; what is left out is as in ordinary traffic.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut pattern = ORDINARY;
        for part in text.split(',') {
            let (name, number) = part
                .split_once('=')
                .ok_or(format!("expected name=number, found {part}"))?;
            let which = NUMBERS.iter().position(|(it, ..)| *it == name);
            let which = which.ok_or(format!("there is no number {name}"))?;
            let (_, least, most) = NUMBERS[which];
            let number: u64 =
                number.parse().map_err(|error| format!("{part}: {error}"))?;
            if !(least..=most).contains(&number) {
                return Err(format!("{part}: expected {least} to {most}"));
            }
            *pattern.numbers()[which] = number;
        }
        Ok(pattern)
    }
}

/// Nanoseconds a packet, all that a run does but making the sensor.
fn cost(pool: &rayon::ThreadPool, frames: &[(u64, Vec<u8>)]) -> f64 {
    let frames: Vec<Frame<'_>> = frames
        .iter()
        .enumerate()
        .map(|(n, (time, data))| Frame {
            number: n as u64 + 1,
            time: Timestamp::from_nanos(*time),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        })
        .collect();
    let mut sensor = Sensor::new(Config::default()).expect("the default settings");
    pool.install(|| {
        let begin = Instant::now();
        for batch in frames.chunks(2_000) {
            sensor.sift(batch);
            std::hint::black_box(sensor.findings());
        }
        sensor.finish();
        std::hint::black_box(sensor.findings());
        begin.elapsed().as_nanos() as f64 / frames.len() as f64
    })
}

/// A number below `most`.
fn below(random: &mut Rng, most: u64) -> u64 {
    random.next_u64() % most
}

/// Patterns that the search begins with.
const FIRST: [&str; 11] = [
    "bodies=1",
    "bodies=500,run=40,sources=40,destinations=40",
    "bodies=500,run=40,sources=40,chain=1",
    "body=1,piece=8,bodies=2000,run=10,sources=10,chain=1",
    "body=1,piece=41,bodies=5000,run=8,sources=8,chain=1",
    "body=2,piece=13,bodies=500,run=40,sources=40,chain=1",
    "body=3,bodies=500,run=40,sources=40,chain=1",
    "body=4,bodies=1,run=40,sources=40,chain=1",
    "body=4,bodies=1,run=40,sources=40,chain=1,rate=20",
    "bodies=500,run=40,sources=40,chain=1,rate=20",
    "body=5,bodies=8,run=40,sources=40,chain=1",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, pattern, path] = &arguments[..]
        && option == "--pattern"
    {
        let pattern: Pattern = pattern.parse()?;
        let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?))?;
        for (time, frame) in pattern.frames(1) {
            writer.write_frame(time, &frame)?;
        }
        writer.into_inner().flush()?;
        return Ok(());
    }
    let rounds: u64 = arguments.first().map_or(Ok(100), |it| it.parse())?;
    let seed: u64 = arguments.get(1).map_or(Ok(1), |it| it.parse())?;
    let mut random = Rng::new(seed, "search");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let ordinary = ORDINARY.frames(1);
    let multiple = |pattern: &Pattern| {
        let frames = pattern.frames(1);
        let base = cost(&pool, &ordinary);
        let spent = cost(&pool, &frames);
        (spent / base, spent)
    };
    let mut best: Vec<(f64, Pattern)> = Vec::new();
    for text in FIRST {
        let pattern: Pattern = text.parse()?;
        let (times, spent) = multiple(&pattern);
        println!("{times:8.1} times, {:8.2} us: {text}", spent / 1e3);
        best.push((times, pattern));
    }
    for round in 0..rounds {
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        best.truncate(6);
        let from = best[below(&mut random, best.len() as u64) as usize].1;
        let pattern = from.changed(&mut random);
        if best.iter().any(|(_, it)| *it == pattern) {
            continue;
        }
        let (times, spent) = multiple(&pattern);
        if times > best[0].0 {
            println!(
                "{times:8.1} times, {:8.2} us: {pattern} (round {round})",
                spent / 1e3
            );
        }
        best.push((times, pattern));
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("dearest: {:.1} times: {}", best[0].0, best[0].1);
    Ok(())
}
