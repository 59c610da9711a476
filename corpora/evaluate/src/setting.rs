//! Where, when and with what an evaluation ran.

use super::plan::Plan;
use super::results::{Input, Setting};
use super::stored::read_truth;
use crate::error::EvaluateError;
use crate::observer::Observer;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use wormsift::config::Config;
use wormsift::packet::Timestamp;
use wormsift::pipeline::Sensor;
use wormsift_capture::{Limits, Trace};
use wormsift_export::text::counted;

/// The settings of an evaluation that begins now.
pub(crate) fn setting(
    config: &Config,
    threads: usize,
    seeds: &[u64],
) -> Result<Setting, EvaluateError> {
    let kernel = Sensor::new(config.clone())?.kernel();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    Ok(Setting {
        tool: format!("wormsift {} (kernel {kernel})", env!("CARGO_PKG_VERSION")),
        command: command(),
        started: Timestamp::from_nanos(now).to_string(),
        machine: machine(),
        threads,
        seconds: 0.0,
        config: config.to_toml(),
        seeds: seeds.to_vec(),
        inputs: Vec::new(),
    })
}

/// The command line, whatever bytes are in it: the caller may be any program.
fn command() -> String {
    let words: Vec<_> = std::env::args_os().collect();
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Processor, cores and memory, as far as the system tells.
fn machine() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = field("/proc/cpuinfo", "model name")
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .map_or_else(String::new, |kib| format!(", {} GiB", kib >> 20));
    format!("{processor}, {cores} cores{memory}, {}", std::env::consts::OS)
}

/// Names, sizes and hashes of the files behind all captures of the plan, each once, and
/// whether something is wrong with one of them.
pub(crate) fn inputs(
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<(Vec<Input>, bool), EvaluateError> {
    let mut described: Vec<Input> = Vec::new();
    let mut damaged = false;
    for argument in plan.captures() {
        let (inputs, missing) = wormsift_capture::inputs(std::slice::from_ref(argument));
        if let Some(missing) = missing.into_iter().next() {
            return Err(missing.into());
        }
        for input in inputs {
            let name = input.name().to_owned();
            if described.iter().any(|known| known.name == name) {
                continue;
            }
            let path = Path::new(&name);
            let bytes = fs::metadata(path).map_err(EvaluateError::io(path))?.len();
            let sha256 = hash(path)?;
            let mut trace = Trace::open(vec![input]);
            while trace.next_batch(Limits::default()).is_some() {}
            for line in trace.damage() {
                observer.error(&line);
                damaged = true;
            }
            trace.disorder().iter().for_each(|line| observer.warning(line));
            let packets = trace.counters().frames;
            described.push(Input { name, bytes, packets, sha256 });
        }
    }
    Ok((described, damaged))
}

/// The hashes of the files behind these names.
pub(crate) fn hashes(inputs: &[Input], names: &[String]) -> String {
    behind(inputs, names).map(|input| input.sha256.clone() + "\n").collect()
}

/// Reads every truth once, so that none fails late, and warns of one that is about
/// another number of packets than its capture holds.
pub(crate) fn check_truths(
    plan: &Plan,
    inputs: &[Input],
    observer: &dyn Observer,
) -> Result<(), EvaluateError> {
    for (name, path) in &plan.labelled {
        let about = read_truth(path)?.packets;
        let files = std::slice::from_ref(name);
        let held = behind(inputs, files).map(|input| input.packets).sum::<u64>();
        if about != held {
            observer.warning(&format_args!(
                "{}: is about {}, and {name} holds {held}",
                path.display(),
                counted(about, "packet")
            ));
        }
    }
    Ok(())
}

/// The files behind these names, among those that were read.
fn behind<'a>(inputs: &'a [Input], names: &[String]) -> impl Iterator<Item = &'a Input> {
    let (files, _) = wormsift_capture::inputs(names);
    files
        .into_iter()
        .filter_map(|file| inputs.iter().find(|input| input.name == file.name()))
}

/// SHA-256 of a file, hexadecimal.
pub(crate) fn hash(path: &Path) -> Result<String, EvaluateError> {
    let failed = EvaluateError::io(path);
    let mut file = File::open(path).map_err(&failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(&failed)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What stands for this very build: a result of another one may differ, though it have
/// the same version.
pub(crate) fn build() -> Result<String, EvaluateError> {
    let this = std::env::current_exe();
    hash(&this.map_err(EvaluateError::io(Path::new("this program")))?)
}
