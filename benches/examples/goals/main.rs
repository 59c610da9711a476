//! The project's speed goals, measured.
//!
//! ```text
//! cargo run --release -p wormsift-benches --example goals -- [--turns N] [--native FILE] [CAPTURE...]
//! ```
//!
//! Prints one table of ratios, all taken in one run: contenders take turns, and each
//! figure is the median over the turns. Packets come from the captures given, else
//! from `$WORMSIFT_CAPTURES/benign`, else they are made. `--native` names the same
//! program built for this very processor; then the faster of both builds of a
//! baseline is what counts (`benches/goals.sh` does that).
//!
//! Memory copy is that of the same payloads, one by one, from memory to memory. The
//! baseline's loop takes two bytes a step; beside it stands the textbook's, one a step.
//!
//! Exit code 1 says that the baseline itself is too slow to be believed.

mod engine;
mod native;

use baseline::measure::{Contender, Turns, random, second_level_cache};
use baseline::{EarlyBird, Packets, Rabin};
use engine::Engine;
use native::Native;
use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch};

const PAYLOAD: usize = 1_460;
/// Far larger than a core's share of any cache.
const IN_MEMORY: usize = 128 << 20;
/// Scalar code sees a part, to keep turns short.
const PART: usize = 16 << 20;
/// The rolling loop's least speed, as a share of memory copy.
const CREDIBLE: f64 = 1.0 / 22.0;

const COPY: &str = "memory copy";
/// The same bytes at one go: what the library does best, not what packets allow.
const COPY_WHOLE: &str = "memory copy, all at once";
const RABIN: &str = "scalar Rabin";
const BYTEWISE: &str = "scalar Rabin, byte by byte";
const LARGE: &str = "scalar EarlyBird";
const SMALL: &str = "scalar EarlyBird, sketch in L2";

fn main() -> ExitCode {
    let mut turns = 11;
    let mut native = None;
    let mut captures = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--turns" => {
                turns = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(11)
            }
            "--native" => native = arguments.next(),
            "--serve" => return native::serve(),
            _ => captures.push(argument),
        }
    }
    let native = native.map(|path| RefCell::new(Native::start(&path)));
    let memory = random(IN_MEMORY);
    let kernels = kernels(turns, &memory, native.as_ref());
    drop(memory);
    let packets = RefCell::new(Packets::open(&captures));
    if packets.borrow().payload().is_empty() {
        eprintln!("goals: no packet with payload in {}", packets.borrow().name());
        return ExitCode::FAILURE;
    }
    if let Some(native) = &native {
        native.borrow_mut().load(&captures);
    }
    let sizes = Sizes::new();
    let engine = engine(turns, &packets, &sizes, native.as_ref());
    report(&kernels, &engine, &packets.borrow(), &sizes)
}

/// Bytes of the baseline's sketch.
struct Sizes {
    /// That of a sensor of 64 MiB in all.
    large: usize,
    /// A quarter of the second-level cache.
    small: usize,
}

impl Sizes {
    fn new() -> Self {
        Self { large: Engine::new(64).prevalence(), small: second_level_cache() / 4 }
    }
}

/// The sampling kernels over payloads from memory.
fn kernels(turns: usize, memory: &[u8], native: Option<&RefCell<Native>>) -> Turns {
    let part = &memory[..PART];
    let copy = RefCell::new(vec![1u8; memory.len()]);
    let rabin = Rabin::new(40);
    let mut contenders = vec![
        Contender::new(COPY, memory.len(), || {
            copy_each(&mut copy.borrow_mut(), black_box(memory).chunks(PAYLOAD));
        }),
        Contender::new(COPY_WHOLE, memory.len(), || {
            copy_each(&mut copy.borrow_mut(), [black_box(memory)].into_iter());
        }),
        Contender::new(RABIN, part.len(), || roll(&rabin, black_box(part))),
        Contender::new(BYTEWISE, part.len(), || {
            let mut sum = 0u64;
            for payload in black_box(part).chunks(PAYLOAD) {
                rabin.for_each_bytewise(payload, 63, 1, |offset, fingerprint| {
                    sum = sum.wrapping_add(fingerprint ^ offset as u64);
                });
            }
            sum
        }),
    ];
    let best = Kernel::best();
    let mut cases = vec![(best, Sampling::Value(64)), (best, Sampling::Winnow(128))];
    if best != Kernel::Avx2 && Kernel::Avx2.is_available() {
        cases.push((Kernel::Avx2, Sampling::Value(64)));
    }
    for (kernel, sampling) in cases {
        let fingerprinter = Fingerprinter::new(1, 40, sampling, kernel);
        let mut scratch = Scratch::default();
        let name = match sampling {
            Sampling::Winnow(_) => "winnow kernel".to_owned(),
            Sampling::Value(_) => format!("sampling kernel, {}", kernel.name()),
        };
        contenders.push(Contender::new(name, memory.len(), move || {
            let payloads = black_box(memory).chunks(PAYLOAD);
            payloads.map(|p| fingerprinter.count_sampled(&mut scratch, p)).sum::<u64>()
        }));
    }
    if let Some(native) = native {
        contenders.push(native::contender(native, RABIN, part.len()));
    }
    Turns::take(turns, contenders)
}

/// Copies payloads one by one to where the last one ended.
fn copy_each<'a>(to: &mut [u8], payloads: impl Iterator<Item = &'a [u8]>) {
    let mut at = 0;
    for payload in payloads {
        to[at..at + payload.len()].copy_from_slice(payload);
        at += payload.len();
    }
    black_box(&to[0]);
}

/// All windows of each payload, rolled.
fn roll(rabin: &Rabin, bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    for payload in bytes.chunks(PAYLOAD) {
        rabin.for_each(payload, 63, 1, |offset, fingerprint| {
            sum = sum.wrapping_add(fingerprint ^ offset as u64);
        });
    }
    sum
}

/// Decoded packets through the engine and through the baseline.
fn engine(
    turns: usize,
    packets: &RefCell<Packets>,
    sizes: &Sizes,
    native: Option<&RefCell<Native>>,
) -> Turns {
    let bytes = packets.borrow().payload().len();
    let mut copy = vec![1u8; bytes];
    let mut contenders = vec![Contender::new(COPY, bytes, move || {
        copy_each(&mut copy, packets.borrow().iter(1).map(|packet| packet.payload));
    })];
    for (name, table) in [(LARGE, sizes.large), (SMALL, sizes.small)] {
        let mut early_bird = EarlyBird::new(table);
        contenders.push(Contender::timed(name, bytes, move || {
            sift_scalar(&mut packets.borrow_mut(), &mut early_bird, table)
        }));
        if let Some(native) = native {
            contenders.push(native::contender(native, name, bytes));
        }
    }
    for (name, mebibytes) in [(STAGES, 64), (STAGES_SMALL, 16)] {
        let mut engine = Engine::timed(mebibytes);
        let pace = Packets::bytes_per_window(engine.prevalence());
        contenders.push(Contender::timed(name, bytes, move || {
            let packets = &mut *packets.borrow_mut();
            packets.advance();
            engine.sift(packets, pace);
            engine.stages()
        }));
    }
    for (name, mebibytes) in [(WHOLE, 64), (WHOLE_SMALL, 16)] {
        let mut engine = Engine::new(mebibytes);
        let pace = Packets::bytes_per_window(engine.prevalence());
        contenders.push(Contender::timed(name, bytes, move || {
            let packets = &mut *packets.borrow_mut();
            packets.advance();
            let begin = Instant::now();
            engine.sift(packets, pace);
            begin.elapsed().as_secs_f64()
        }));
    }
    Turns::take(turns, contenders)
}

const STAGES: &str = "stages fingerprint to dispersion, 64 MiB";
const STAGES_SMALL: &str =
    "stages fingerprint to dispersion, 16 MiB (a shard's tables in L2)";
const WHOLE: &str = "whole sensor, 64 MiB";
const WHOLE_SMALL: &str = "whole sensor, 16 MiB (a shard's tables in L2)";

/// One pass of the baseline, in seconds.
fn sift_scalar(packets: &mut Packets, early_bird: &mut EarlyBird, table: usize) -> f64 {
    packets.advance();
    let begin = Instant::now();
    let pace = Packets::bytes_per_window(table);
    packets.iter(pace).for_each(|packet| early_bird.observe(&packet));
    begin.elapsed().as_secs_f64()
}

fn report(kernels: &Turns, engine: &Turns, packets: &Packets, sizes: &Sizes) -> ExitCode {
    println!("Median speeds, one thread:");
    for (turns, from) in
        [(kernels, "random payloads of 1,460 bytes"), (engine, "packets")]
    {
        for name in turns.names() {
            println!("  {:7.2} GB/s  {name} ({from})", turns.gigabytes(name));
        }
    }
    println!(
        "Packets: {}; {} packets, {} payload bytes.",
        packets.name(),
        packets.len(),
        packets.payload().len()
    );
    println!(
        "The baseline's sketch: {} KiB, as the prevalence tables of 64 MiB; {} KiB in L2.",
        sizes.large >> 10,
        sizes.small >> 10
    );
    println!();
    println!("{:<98} {:>8} {:>6}", "goal", "measured", "wanted");
    let kernel = format!("sampling kernel, {}", Kernel::best().name());
    let avx2 = "sampling kernel, avx2".to_owned();
    for (turns, name, other, wanted) in [
        (kernels, kernel.as_str(), RABIN, 25.0),
        (kernels, avx2.as_str(), RABIN, 8.0),
        (kernels, "winnow kernel", RABIN, 7.0),
        (kernels, kernel.as_str(), BYTEWISE, 25.0),
        (kernels, avx2.as_str(), BYTEWISE, 8.0),
        (kernels, "winnow kernel", BYTEWISE, 7.0),
        (engine, STAGES, LARGE, 6.0),
        (engine, WHOLE, LARGE, 6.0),
        (engine, STAGES_SMALL, SMALL, 8.0),
        (engine, WHOLE_SMALL, SMALL, 8.0),
        (engine, STAGES_SMALL, COPY, 0.5),
        (engine, WHOLE_SMALL, COPY, 0.5),
    ] {
        let row = format!("{name} : {other}");
        if turns.names().all(|found| found != name) {
            println!("{row:<98} {:>8} {wanted:>6}", "not here");
            continue;
        }
        let other = native::faster(turns, other);
        let found = turns.ratio(name, &other);
        let verdict = if found >= wanted { "" } else { "  below" };
        println!("{row:<98} {found:>8.2} {wanted:>6}{verdict}");
    }
    credible(kernels)
}

/// Whether the baseline is as good as scalar code can be expected to be.
fn credible(kernels: &Turns) -> ExitCode {
    let rabin = native::faster(kernels, RABIN);
    let share = kernels.ratio(&rabin, COPY);
    println!();
    println!("{rabin} : memory copy = 1 : {:.1} (at least 1 : 22)", 1.0 / share);
    for (name, other) in [(BYTEWISE, COPY), (rabin.as_str(), COPY_WHOLE)] {
        println!("{name} : {other} = 1 : {:.1}", 1.0 / kernels.ratio(name, other));
    }
    if share >= CREDIBLE {
        return ExitCode::SUCCESS;
    }
    println!("THE BASELINE IS TOO SLOW: nothing above may be quoted.");
    ExitCode::FAILURE
}
