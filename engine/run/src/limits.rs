//! What this machine can bear: threads and memory that a caller may ask for.

use std::num::NonZero;
use wormsift::config::Config;

/// Most threads: four for each core, but a machine of few cores may try some more.
pub fn most_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    (4 * cores).clamp(16, 1_024)
}

/// Refuses tables (`copies` sensors of them) that this machine's memory cannot hold.
///
/// # Errors
///
/// One line with what they would take and what there is.
pub fn check_memory(config: &Config, copies: usize) -> Result<(), String> {
    let one = config.memory;
    check_bytes(one.0.saturating_mul(copies as u64), || match copies {
        1 => "memory: the tables".to_owned(),
        _ => format!("{copies} threads with tables of {one} each"),
    })
}

/// Refuses `what` if it takes more bytes than this machine has.
///
/// # Errors
///
/// One line with both figures.
pub fn check_bytes(bytes: u64, what: impl FnOnce() -> String) -> Result<(), String> {
    match physical_memory() {
        Some(all) if bytes > all => Err(format!(
            "{} would take {}, and this machine has {} of memory; ask for less",
            what(),
            readable(bytes),
            readable(all)
        )),
        _ => Ok(()),
    }
}

/// Bytes of memory; `None` where the system does not tell.
fn physical_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// `15.6 GiB`.
fn readable(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < units.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = usize::from(value.fract() >= 0.05);
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::config::Size;

    #[test]
    #[cfg(target_os = "linux")]
    fn more_memory_than_there_is_is_refused_with_both_figures() {
        assert!(check_memory(&Config::default(), 1).is_ok());
        let refused = |memory, copies| {
            let mut config = Config::default();
            config.memory = memory;
            check_memory(&config, copies).unwrap_err()
        };
        let said = refused(Size(16 << 40), 1);
        assert!(said.starts_with("memory: the tables would take 16 TiB, and"), "{said}");
        let said = refused(Size(1 << 30), 1 << 20);
        assert!(said.starts_with("1048576 threads with tables of 1GiB each"), "{said}");
    }

    #[test]
    fn sizes_are_told_to_one_digit() {
        assert_eq!([1, 1_536, 16 << 40].map(readable), ["1 B", "1.5 KiB", "16 TiB"]);
    }
}
