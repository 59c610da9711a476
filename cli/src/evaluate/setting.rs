//! Where, when and with what did it run?

use super::results::{Input, Setting};
use crate::exit_code::Failure;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};
use wormsift::capture::{self, Limits, Trace};
use wormsift::config::Config;
use wormsift::packet::Timestamp;
use wormsift::sensor::Sensor;

/// The settings of an evaluation that begins now.
pub(crate) fn setting(
    config: &Config,
    threads: usize,
    seeds: &[u64],
) -> Result<Setting, Failure> {
    let kernel = Sensor::new(config.clone()).map_err(Failure::usage)?.kernel();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    Ok(Setting {
        tool: format!("wormsift {} (kernel {kernel})", env!("CARGO_PKG_VERSION")),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        started: Timestamp::from_nanos(now).to_string(),
        machine: machine(),
        threads,
        seconds: 0.0,
        config: config.to_toml(),
        seeds: seeds.to_vec(),
        inputs: Vec::new(),
    })
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

/// Names, sizes and hashes of the files behind these names.
pub(crate) fn inputs(names: &[String]) -> Result<Vec<Input>, Failure> {
    let (inputs, _) = capture::inputs(names);
    let mut described = Vec::new();
    for input in inputs {
        let name = input.name().to_string();
        let failed = |error: io::Error| Failure::of(&name, error);
        let mut file = match File::open(&name) {
            Ok(file) => file,
            // Standard input is read once.
            Err(_) if name == "-" => continue,
            Err(error) => return Err(failed(error)),
        };
        let mut hash = Sha256::new();
        let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            hash.update(&buffer[..read]);
        }
        let mut trace = Trace::open(vec![input]);
        while trace.next_batch(Limits::default()).is_some() {}
        let digest = hash.finalize();
        described.push(Input {
            packets: trace.counters().frames,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            name,
            bytes,
        });
    }
    Ok(described)
}
