//! What is to be run, under which settings?

use super::results::Sweep;
use crate::exit_code::Failure;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use wormsift::config::Config;
use wormsift_corpora::{Profile, Scenario};

/// One run: a scenario, a seed and settings. What makes two runs the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Settings beside the configuration, TOML.
    pub(crate) settings: String,
    pub(crate) swept: Option<String>,
    pub(crate) seed: u64,
    /// The effective configuration, and the version that ran.
    pub(crate) config: String,
}

/// Runs over one scenario and seed, or one capture: its frames are made once.
pub(crate) struct Job {
    pub(crate) source: Source,
    pub(crate) runs: Vec<(Key, Config)>,
}

/// Where the frames of a job are from.
pub(crate) enum Source {
    /// A generated story.
    Scenario(Scenario),
    /// Captures that are one trace, and the truth file beside them, if there is one.
    Capture(Vec<String>, Option<PathBuf>),
}

/// A run of one capture a swept value.
pub(crate) fn capture_job(
    name: &str,
    files: Vec<String>,
    truth: Option<PathBuf>,
    sweep: Option<&Sweep>,
    base: &Config,
) -> Result<Job, Failure> {
    let mut runs = Vec::new();
    for swept in values(sweep) {
        let config = merged(base, "", sweep, swept)?;
        let key = Key {
            name: name.to_owned(),
            settings: String::new(),
            swept: swept.cloned(),
            seed: 0,
            config: fingerprint(&config),
        };
        runs.push((key, config));
    }
    Ok(Job { source: Source::Capture(files, truth), runs })
}

/// Every run of these scenarios, each under each of its expectations, seed and swept
/// value.
pub(crate) fn jobs(
    profiles: &[&'static Profile],
    seeds: &[u64],
    sweep: Option<&Sweep>,
    base: &Config,
) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    for profile in profiles {
        // A sweep asks how one setting matters: the others stay as they are.
        let expectations = match sweep {
            Some(_) => &profile.expectations[..profile.expectations.len().min(1)],
            None => profile.expectations,
        };
        for &seed in seeds {
            let scenario = Scenario::named(profile.name, seed).map_err(Failure::usage)?;
            let mut runs = Vec::new();
            for expectation in expectations {
                for swept in values(sweep) {
                    let config = merged(base, expectation.settings, sweep, swept)?;
                    let key = Key {
                        name: profile.name.to_owned(),
                        settings: expectation.settings.to_owned(),
                        swept: swept.cloned(),
                        seed,
                        config: fingerprint(&config),
                    };
                    runs.push((key, config));
                }
            }
            jobs.push(Job { source: Source::Scenario(scenario), runs });
        }
    }
    Ok(jobs)
}

/// The swept values, or one run without any.
fn values(sweep: Option<&Sweep>) -> Vec<Option<&String>> {
    match sweep {
        Some(sweep) => sweep.values.iter().map(Some).collect(),
        None => vec![None],
    }
}

/// The version and a hash of the settings: a result of another version, or under other
/// settings, is not this one's.
fn fingerprint(config: &Config) -> String {
    let text =
        format!("{}\n{:?}\n{}", config.to_toml(), config.key, env!("CARGO_PKG_VERSION"));
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

/// The base with some settings, and then the swept one, in place of its own.
pub(crate) fn merged(
    base: &Config,
    settings: &str,
    sweep: Option<&Sweep>,
    swept: Option<&String>,
) -> Result<Config, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(error);
    let mut table: toml::Table = base.to_toml().parse().map_err(|error| wrong(&error))?;
    table.extend(settings.parse::<toml::Table>().map_err(|error| wrong(&error))?);
    if let (Some(sweep), Some(value)) = (sweep, swept) {
        // A number, a truth value, or a text.
        let line = format!("{} = {value}", sweep.key);
        let parsed = line.parse::<toml::Table>();
        let quoted = format!("{} = {value:?}", sweep.key);
        let takes = |text: &str| Config::from_toml(text).is_ok();
        let chosen = match parsed {
            Ok(parsed) if takes(&line) => parsed,
            _ => quoted.parse().map_err(|error| wrong(&error))?,
        };
        table.extend(chosen);
    }
    let mut config =
        Config::from_toml(&table.to_string()).map_err(|error| wrong(&error))?;
    config.key = base.key;
    config.validate().map_err(|error| wrong(&error))?;
    Ok(config)
}

/// `sources=2..50`, `sources=2..50:4` or `sampling=1,64,winnow:128`.
pub(crate) fn parse_sweep(text: &str) -> Result<Sweep, String> {
    let (key, values) = text
        .split_once('=')
        .ok_or("expected KEY=FROM..TO, KEY=FROM..TO:STEP or KEY=A,B")?;
    if !Config::KEYS.contains(&key) || key == "key" {
        return Err(format!("no setting is called {key:?}"));
    }
    let values: Vec<String> = match values.split_once("..") {
        None => values.split(',').map(|value| value.trim().to_owned()).collect(),
        Some((from, to)) => {
            let (to, step) = to.split_once(':').unwrap_or((to, "1"));
            let number = |text: &str| {
                text.parse::<u64>().map_err(|_| format!("{text:?} is no whole number"))
            };
            let (from, to, step) = (number(from)?, number(to)?, number(step)?);
            if step == 0 || to < from || (to - from) / step > 1_000 {
                return Err("expected 1 to 1,001 values".to_owned());
            }
            (from..=to).step_by(step as usize).map(|value| value.to_string()).collect()
        }
    };
    if values.iter().any(String::is_empty) {
        return Err("a value is missing".to_owned());
    }
    Ok(Sweep { key: key.to_owned(), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_ranges_or_lists() {
        let values = |text: &str| parse_sweep(text).map(|sweep| sweep.values.join(" "));
        assert_eq!(values("sources=2..6:2").unwrap(), "2 4 6");
        assert_eq!(values("sampling=1,64,winnow:128").unwrap(), "1 64 winnow:128");
        for wrong in [
            "sources",
            "source=1",
            "sources=5..2",
            "sources=1..9:0",
            "sources=1,,2",
            "key=1",
        ] {
            assert!(parse_sweep(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_swept_value_wins_over_the_scenarios_and_that_over_the_base() {
        let base = Config::default();
        let sweep = parse_sweep("sampling=winnow:16").unwrap();
        let config = merged(
            &base,
            "port_rule = \"none\"\nsampling = \"1\"",
            Some(&sweep),
            sweep.values.first(),
        )
        .unwrap();
        assert_eq!(config.sampling, "winnow:16".parse().unwrap());
        assert_eq!(config.port_rule, wormsift::config::PortRule::None);
        let sweep = parse_sweep("sources=1000000").unwrap();
        assert!(merged(&base, "", Some(&sweep), sweep.values.first()).is_err());
    }
}
