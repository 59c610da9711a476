//! `wormsift bench`: the cost of each stage, on this traffic and this machine.
//!
//! The paper's Table 1 for the user's own captures. stdout is the table or the JSON;
//! what is going on is said on stderr.

mod machine;
mod memory;
mod results;

use crate::args::BenchArgs;
use crate::args::settings::Settings;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout;
use crate::output::talk::Talk;
use machine::Machine;
use memory::Memory;
use results::{Results, Row, Rows};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use wormsift::config::Config;
use wormsift::fingerprint::{Fingerprinter, Kernel, Scratch};
use wormsift::pipeline::{Sensor, StageTimes};
use wormsift_capture::{Damage, Limits, Trace};
use wormsift_run::reader::{self, Reader, Wait};
use wormsift_run::{Choice, Selection};

pub(super) fn run(args: &BenchArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let settings = Settings::new(&args.settings)?;
    let earlier = args.compare.as_deref().map(Results::read).transpose()?;
    if args.captures.iter().any(|name| name == "-") {
        return Err(Failure::usage(
            "expected files, found `-`: a bench reads its captures several times",
        ));
    }
    let signals = Signals::new()?;
    let (memory, damage) = Memory::read(&args.captures, &settings.config);
    damage.iter().for_each(|line| talk.error(line));
    if memory.payload_bytes() == 0 {
        return Err(Failure::of(args.captures.join(" "), "no packet with a payload"));
    }
    if memory.is_cut() {
        talk.warning("only the first GiB of packets is held in memory");
    }
    let results = measure(args, settings.config, memory, &signals, talk)?;
    let Some(mut results) = results else {
        return Ok(Exit::Signal(signals.caught().unwrap_or(2)));
    };
    if let Some(earlier) = &earlier {
        for difference in results.compare(earlier) {
            talk.warning(difference);
        }
    }
    stdout::print(&if args.json { results.to_json() } else { results.to_text() })?;
    Ok(if damage.is_empty() { Exit::Done } else { Exit::Damaged })
}

/// All passes; `None` when a signal ended them.
fn measure(
    args: &BenchArgs,
    config: Config,
    mut memory: Memory,
    signals: &Signals,
    talk: &Talk,
) -> Result<Option<Results>, Failure> {
    let pool = args.run.pool()?;
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| Failure::of("threads", error))?;
    let threads = pool.current_num_threads();
    let new_sensor = || Sensor::new(config.clone()).map_err(Failure::usage);
    let mut alone = new_sensor()?;
    let mut together = (threads > 1).then(new_sensor).transpose()?;
    let mut staged = new_sensor()?;
    staged.time_stages(clock);
    let mut rows = Rows::default();
    // The first pass meets tables whose pages do not exist yet, and is not counted.
    for pass in 0..=args.passes {
        talk.detail(format_args!("pass {pass} of {}", args.passes));
        let read = time(|| read_all(&args.captures));
        let kernel = time(|| sampling_kernel(&config, &memory));
        one.install(|| sift(&mut staged, &memory));
        let stages = staged.take_stage_times();
        let whole = time(|| one.install(|| sift(&mut alone, &memory)));
        let parallel = together
            .as_mut()
            .map(|sensor| time(|| pool.install(|| sift(sensor, &memory))));
        if pass > 0 {
            rows.add("read", read);
            rows.add("sampling kernel", kernel);
            add_stages(&mut rows, &stages);
            rows.add("sensor, 1 thread", whole);
            if let Some(spent) = parallel {
                rows.add(&format!("sensor, {threads} threads"), spent);
            }
        }
        if signals.caught().is_some() {
            return Ok(None);
        }
        memory.advance();
    }
    let disk = from_disk(args, &config, signals)?;
    let Some((seconds, file_bytes, disk_packets)) = disk else { return Ok(None) };
    let (packets, bytes) = (memory.packets() as u64, memory.payload_bytes());
    let mut results = Results {
        kind: results::KIND.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: alone.kernel().to_owned(),
        machine: Machine::look(),
        captures: args.captures.clone(),
        packets,
        payload_bytes: bytes,
        captured_bytes: memory.captured_bytes(),
        passes: args.passes,
        threads,
        sampling: config.sampling.to_string(),
        memory: Results::memory_of(&alone.stats()),
        stages: rows.finish(packets, bytes),
        file_bytes,
    };
    // A cut memory holds fewer packets than the disk: rates of either are its own.
    let share = disk_packets as f64 / packets as f64;
    results.stages.push(Row::new(
        &format!("detect from disk, {threads} threads"),
        seconds,
        disk_packets as f64,
        bytes as f64 * share,
    ));
    Ok(Some(results))
}

fn add_stages(rows: &mut Rows, times: &StageTimes) {
    let stages = times.stages().map(|(name, nanos)| (name, Duration::from_nanos(nanos)));
    for (name, spent) in stages {
        rows.add(name, spent);
    }
    rows.add("sum", stages.iter().map(|(_, spent)| *spent).sum());
}

/// Nanoseconds since the first call, for the sensor's stage timers.
fn clock() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_nanos())
        .unwrap_or(u64::MAX)
}

/// The sampling kernel alone: all payloads once.
fn sampling_kernel(config: &Config, memory: &Memory) -> u64 {
    let (key, beta) = (config.effective_key(), config.beta);
    let fingerprinter = Fingerprinter::new(key, beta, config.sampling, Kernel::best());
    let mut scratch = Scratch::default();
    let count = |payload| fingerprinter.count_sampled(&mut scratch, payload);
    memory.payloads().map(count).sum()
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    std::hint::black_box(run());
    begin.elapsed()
}

fn sift(sensor: &mut Sensor, memory: &Memory) {
    sensor.sift(memory);
    // What is found is not this command's business, but must not pile up.
    sensor.findings();
    sensor.warnings();
}

/// Finds all frames, and does nothing with them.
fn read_all(captures: &[String]) -> (u64, Vec<Damage>) {
    let (inputs, mut damage) = wormsift_capture::inputs(captures);
    let mut trace = Trace::open(inputs);
    let mut frames = 0;
    while let Some(batch) = trace.next_batch(Limits::default()) {
        frames += batch.len() as u64;
    }
    damage.extend(trace.damage());
    (frames, damage)
}

/// Once through the files as `detect` does it: seconds, bytes on disk, packets.
fn from_disk(
    args: &BenchArgs,
    config: &Config,
    signals: &Signals,
) -> Result<Option<(f64, u64, u64)>, Failure> {
    let begin = Instant::now();
    let pool = args.run.pool()?;
    let mut sensor = Sensor::new(config.clone()).map_err(Failure::usage)?;
    let (inputs, _) = wormsift_capture::inputs(&args.captures);
    let selection = Selection::new(Choice::default(), config);
    let limits = args.run.batch.unwrap_or_default();
    let reader = Reader::start(inputs, selection, limits)?;
    let mut progress = reader::Progress::default();
    loop {
        let read = match reader.next(reader::PATIENCE)? {
            Wait::Read(read) => read,
            Wait::NotYet => continue,
            Wait::Ended => break,
        };
        if signals.caught().is_some() {
            return Ok(None);
        }
        if let Some(batch) = read.batch.filter(|batch| !batch.is_empty()) {
            pool.install(|| sensor.sift(&batch));
            sensor.findings();
        }
        progress = read.progress;
    }
    pool.install(|| sensor.finish());
    let frames = sensor.stats().packets.frames;
    Ok(Some((begin.elapsed().as_secs_f64(), progress.position, frames)))
}
