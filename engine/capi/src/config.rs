//! Settings.
//!
//! By name, as strings: the names of the TOML file. A struct of all settings would have
//! to grow with each new one, and a plugin could not hand on what its host has in a file.

use crate::status::wormsift_status::{WORMSIFT_ERR_CONFIG, WORMSIFT_OK};
use crate::status::{Failure, guard, hand_out, take_back, text, wormsift_status};
use engine::Config;
use engine::config::Span;
use engine::signature::Kind;
use std::ffi::c_char;
use std::sync::Arc;
use wormsift_export::RULE_KINDS;

/// Settings.
#[derive(Clone)]
pub struct wormsift_config {
    /// Those of the engine.
    pub(crate) config: Config,
    pub(crate) threads: usize,
    pub(crate) ordered: Ordered,
    /// How long a silent worker holds others up, with order by time; `None` for as long
    /// as there is room.
    pub(crate) hold: Option<Span>,
    /// The kinds of incidents whose signatures have rules.
    pub(crate) rule_kinds: Arc<[Kind]>,
}

impl Default for wormsift_config {
    fn default() -> Self {
        Self {
            config: Config::default(),
            threads: 1,
            ordered: Ordered::default(),
            hold: Some(HOLD),
            rule_kinds: RULE_KINDS.into(),
        }
    }
}

/// What decides in which order packets of several workers are sifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ordered {
    /// When they are handed over.
    #[default]
    Arrival,
    /// Their numbers.
    Number,
    /// Their times.
    Time,
}

/// The default of "hold".
const HOLD: Span = Span::from_secs(2);

impl wormsift_config {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "threads" => {
                self.threads = number(name, value, 1..=1_024)?;
                return Ok(());
            }
            "ordered" => {
                self.ordered = match value {
                    "0" => Ordered::Arrival,
                    "1" => Ordered::Number,
                    "time" => Ordered::Time,
                    _ => return Err(refused(name, value, "0, 1 or time")),
                };
                return Ok(());
            }
            "hold" => {
                self.hold = hold(value)
                    .ok_or_else(|| refused(name, value, "a time such as 2s, or none"))?;
                return Ok(());
            }
            "rule_kinds" => {
                self.rule_kinds = kinds(value).ok_or_else(|| {
                    let names = Kind::ALL.map(Kind::name).join(", ");
                    refused(name, value, &format!("all, or some of {names}"))
                })?;
                return Ok(());
            }
            _ => {}
        }
        let mut changed = self.config.clone();
        changed.set_text(name, value).map_err(failure)?;
        // One that is out of range is refused here; those that depend on each other are
        // looked at when an engine is made.
        match changed.validate() {
            Err(engine::Error::Config { key, reason }) if key == name => {
                Err(failure(engine::Error::Config { key, reason }))
            }
            _ => {
                self.config = changed;
                Ok(())
            }
        }
    }

    /// Tables that this machine has no memory for would end the host.
    pub(crate) fn check_memory(&self) -> Result<(), Failure> {
        let memory = self.config.memory;
        match machine_memory() {
            Some(machine) if memory.0 > machine => Err(refused(
                "memory",
                &memory.to_string(),
                &format!("at most the {} MiB of this machine", machine >> 20),
            )),
            _ => Ok(()),
        }
    }
}

/// Bytes of memory that the machine has, where the system says.
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// `None` for a value that is no time, `Some(None)` for "none".
fn hold(value: &str) -> Option<Option<Span>> {
    if value == "none" {
        return Some(None);
    }
    let digits = value.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = value[..digits].parse().ok()?;
    match &value[digits..] {
        "ms" => Some(Some(Span(count.saturating_mul(1_000_000)))),
        "s" => Some(Some(Span::from_secs(count))),
        "min" => Some(Some(Span::from_secs(count.checked_mul(60)?))),
        _ => None,
    }
}

/// Kinds between commas, also as a list in TOML; `None` for what is none.
fn kinds(value: &str) -> Option<Arc<[Kind]>> {
    let value = value.trim();
    let list = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let names = list.unwrap_or(value).split(',').map(str::trim);
    // A list may end with a comma.
    let names = names.filter(|name| list.is_none() || !name.is_empty());
    let mut kinds = Vec::new();
    for name in names {
        let name = name.trim_matches('"').replace('-', "_");
        match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => kinds.push(kind),
            None if name == "all" => kinds.extend(Kind::ALL),
            None => return None,
        }
    }
    (!kinds.is_empty()).then(|| kinds.into())
}

/// A value that is not what a setting takes.
pub(crate) fn refused(name: &str, value: &str, expected: &str) -> Failure {
    failure(engine::Error::config(name, format!("expected {expected}, found {value:?}")))
}

fn failure(error: engine::Error) -> Failure {
    Failure::new(WORMSIFT_ERR_CONFIG, error.to_string())
}

fn number(
    name: &str,
    value: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Failure> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        refused(name, value, &format!("{} to {}", range.start(), range.end()))
    })
}

/// New settings, all at their defaults. Free them with `wormsift_config_free`; engines
/// keep a copy.
///
/// # Safety
///
/// `out` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_config_new(
    out: *mut *mut wormsift_config,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { hand_out(out, || Ok(wormsift_config::default())) }
    })
}

/// Sets one setting by its name in the TOML file, such as "memory" to "64MiB". Settings
/// are checked one by one, those that depend on each other when an engine is made.
///
/// Four belong to this interface alone. "threads": the threads that an engine sifts on
/// (1). "ordered": what decides in which order packets of several workers are sifted; 0,
/// the default, their arrival; 1, their numbers (see `wormsift_worker_flush`); "time",
/// their times, for hosts that have several capture threads and number nothing: the answer
/// is then that of one thread wherever times differ. "hold": with "time", how long a
/// worker that is silent holds the others up, in packet time (2s); "none", for captures
/// that are read as fast as can be, until 32 MiB wait. What comes later than that counts
/// at the time that has been reached, and as `late`. "rule_kinds": the kinds of incidents
/// whose signatures have rules, names between commas or "all" (outbreak, unclear,
/// scan_campaign: not what hosts pass on by trade or deliver to many).
///
/// Booleans are yes, no, on, off, true or false.
///
/// # Safety
///
/// `config` is null or a handle of this library; texts are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_config_set(
    config: *mut wormsift_config,
    name: *const c_char,
    value: *const c_char,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (config, name, value) =
            unsafe { (config.as_mut(), text(name, "name")?, text(value, "value")?) };
        config.ok_or_else(|| Failure::null("config"))?.set(name, value)?;
        Ok(WORMSIFT_OK)
    })
}

/// Takes settings from the text of a TOML file; those that it does not name stay as they
/// are.
///
/// # Safety
///
/// As `wormsift_config_set`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_config_toml(
    config: *mut wormsift_config,
    toml: *const c_char,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (config, toml) = unsafe { (config.as_mut(), text(toml, "toml")?) };
        let config = config.ok_or_else(|| Failure::null("config"))?;
        config.config.read_toml(toml).map_err(failure)?;
        Ok(WORMSIFT_OK)
    })
}

/// Frees settings. NULL is allowed.
///
/// # Safety
///
/// `config` is null or a handle that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_config_free(config: *mut wormsift_config) {
    // SAFETY: the caller's promise.
    unsafe { take_back(config) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_lists_and_text_as_in_the_file() {
        let mut config = wormsift_config::default();
        for (name, value) in [
            ("sources", "10"),
            ("sampling", "16"),
            ("memory", "64MiB"),
            ("boilerplate", "false"),
            ("relay_exempt", "[\"192.0.2.1:25\"]"),
            ("threads", "4"),
            ("tunnels", "off"),
            ("ordered", "1"),
            ("rule_kinds", "[\"outbreak\",\"peer-protocol\",]"),
        ] {
            config.set(name, value).unwrap();
        }
        let parsed = &config.config;
        assert_eq!((parsed.sources, parsed.boilerplate), (10, false));
        assert_eq!(parsed.relay_exempt.len(), 1);
        assert!(!parsed.tunnels);
        assert_eq!((config.threads, config.ordered), (4, Ordered::Number));
        assert_eq!(config.rule_kinds[..], [Kind::Outbreak, Kind::PeerProtocol]);
        config.set("rule_kinds", "unclear, mass_delivery").unwrap();
        assert_eq!(config.rule_kinds[..], [Kind::Unclear, Kind::MassDelivery]);
        config.set("rule_kinds", "all").unwrap();
        assert_eq!(config.rule_kinds[..], Kind::ALL);
        assert_eq!(wormsift_config::default().rule_kinds[..], RULE_KINDS);
        for (name, value, word) in [
            ("souces", "10", "`sources`"),
            ("sources", "many", "sources"),
            ("threads", "0", "1 to 1024"),
            ("ordered", "yes", "0, 1 or time"),
            ("hold", "long", "a time such as 2s"),
            ("rule_kinds", "worm", "all, or some of outbreak, "),
            ("rule_kinds", "outbreak,", "all, or some of"),
            ("rule_kinds", "", "all, or some of"),
            ("rule_kinds", "[]", "all, or some of"),
            ("beta", "0", "8 to 64"),
            ("boilerplate", "maybe", "true or false"),
            ("rate", "1Gbit/s", "removed; `memory`"),
            ("sources", "10\ndestinations = 3", "sources"),
        ] {
            let failure = config.set(name, value).unwrap_err();
            assert_eq!(failure.status, WORMSIFT_ERR_CONFIG);
            assert!(failure.reason.contains(word), "{}", failure.reason);
            assert!(failure.reason.contains(name), "{}", failure.reason);
            for rust in ["invalid type", "usize", "u32", "variant", "expected a boolean"]
            {
                assert!(!failure.reason.contains(rust), "{}", failure.reason);
            }
        }
        assert_eq!(config.config.sources, 10, "as before");
    }
}
