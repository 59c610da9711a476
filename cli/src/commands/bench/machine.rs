//! The machine that a measurement ran on.

use serde::{Deserialize, Serialize};
use std::fs;

/// Processor and caches, as far as Linux tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The processor's name; empty where it is not told.
    pub(super) processor: String,
    /// Processors that this process may use.
    pub(super) cores: usize,
    /// Caches of the first core, from the nearest: such as `L1d 48K`.
    pub(super) caches: Vec<String>,
}

impl Machine {
    pub(super) fn look() -> Self {
        Self {
            processor: processor().unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            caches: (0..8).filter_map(cache).collect(),
        }
    }

    /// One line.
    pub(super) fn to_text(&self) -> String {
        let name = match self.processor.as_str() {
            "" => "unknown processor",
            name => name,
        };
        let caches = match self.caches.as_slice() {
            [] => "caches unknown".to_owned(),
            caches => caches.join(", "),
        };
        format!("{name}, {} cores, {caches}", self.cores)
    }
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first core's cache of this index; none for instructions.
fn cache(index: usize) -> Option<String> {
    let read = |what: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}");
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    };
    let suffix = match read("type")?.as_str() {
        "Instruction" => return None,
        "Data" => "d",
        _ => "",
    };
    Some(format!("L{}{suffix} {}", read("level")?, read("size")?))
}
