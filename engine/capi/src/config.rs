//! How are settings given?
//!
//! By name, as strings: the names of the TOML file. A struct of forty settings would have
//! to grow with each new one, and a plugin could not hand on what its host has in a file.

use crate::status::wormsift_status::{WORMSIFT_ERR_CONFIG, WORMSIFT_OK};
use crate::status::{Failure, guard, hand_out, take_back, text, wormsift_status};
use engine::Config;
use std::ffi::c_char;

/// Settings.
#[derive(Clone, Default)]
pub struct wormsift_config {
    /// What was set, by name.
    given: toml::Table,
    pub(crate) threads: usize,
    pub(crate) ordered: bool,
}

impl wormsift_config {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        parse(&self.given)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "threads" => {
                self.threads = number(name, value, 1..=1_024)?;
                return Ok(());
            }
            "ordered" => {
                self.ordered = number(name, value, 0..=1)? == 1;
                return Ok(());
            }
            _ => {}
        }
        // As the file would have it: a number, a list, true; or else text.
        let literal = toml::from_str::<toml::Table>(&format!("it = {value}"))
            .ok()
            .and_then(|mut table| (table.len() == 1).then(|| table.remove("it")))
            .flatten();
        let written = toml::Value::String(value.to_owned());
        let mut last = None;
        for value in literal.into_iter().chain([written]) {
            let mut given = self.given.clone();
            given.insert(name.to_owned(), value);
            match parse(&given) {
                Ok(_) => {
                    self.given = given;
                    return Ok(());
                }
                Err(failure) => last = last.or(Some(failure)),
            }
        }
        Err(last.unwrap_or_else(|| Failure::new(WORMSIFT_ERR_CONFIG, name)))
    }
}

fn parse(table: &toml::Table) -> Result<Config, Failure> {
    let failed = |error: String| Failure::new(WORMSIFT_ERR_CONFIG, error);
    let text = toml::to_string(table).map_err(|error| failed(error.to_string()))?;
    Config::from_toml(&text).map_err(|error| failed(error.to_string()))
}

fn number(
    name: &str,
    value: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Failure> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let reason = format!(
            "setting `{name}`: expected {} to {}, found {value:?}",
            range.start(),
            range.end()
        );
        Failure::new(WORMSIFT_ERR_CONFIG, reason)
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
        unsafe {
            hand_out(out, || Ok(wormsift_config { threads: 1, ..Default::default() }))
        }
    })
}

/// Sets one setting by its name in the TOML file, such as "memory" to "64MiB". Settings
/// are checked one by one, those that depend on each other when an engine is made.
///
/// Two belong to this interface alone: "threads", the threads that an engine sifts on
/// (1), and "ordered": 1 if packets have numbers and the answer must not depend on which
/// worker they went through (see `wormsift_worker_flush`).
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
        // Through the engine first: its errors name line and setting.
        let failed = |error: String| Failure::new(WORMSIFT_ERR_CONFIG, error);
        Config::from_toml(toml).map_err(|error| failed(error.to_string()))?;
        let table: toml::Table =
            toml::from_str(toml).map_err(|error| failed(error.to_string()))?;
        let mut given = config.given.clone();
        given.extend(table);
        parse(&given)?;
        config.given = given;
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
            ("ordered", "1"),
        ] {
            config.set(name, value).unwrap();
        }
        let parsed = config.config().unwrap();
        assert_eq!((parsed.sources, parsed.boilerplate), (10, false));
        assert_eq!(parsed.relay_exempt.len(), 1);
        assert_eq!((config.threads, config.ordered), (4, true));
        for (name, value, word) in [
            ("souces", "10", "`sources`"),
            ("sources", "many", "sources"),
            ("threads", "0", "1 to 1024"),
            ("ordered", "yes", "0 to 1"),
            ("sources", "10\ndestinations = 3", "sources"),
        ] {
            let failure = config.set(name, value).unwrap_err();
            assert_eq!(failure.status, WORMSIFT_ERR_CONFIG);
            assert!(failure.reason.contains(word), "{}", failure.reason);
        }
        assert_eq!(config.config().unwrap().sources, 10, "as before");
    }
}
