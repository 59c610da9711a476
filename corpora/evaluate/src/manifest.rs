//! Corpus manifests: TOML files that list what to evaluate.
//!
//! ```toml
//! title = "our corpus"
//! seeds = 20
//! suite = "standard"                  # or "trust"
//! sweep = "sources=2..50:4"
//! scenarios = ["mail", "cdn-certificates"]
//! labelled = ["injected.pcapng.zst", { capture = "day.pcap", truth = "answers.json" }]
//! clean = ["office.pcap"]
//! held_out = ["campus.pcap"]
//!
//! [[scenario]]
//! name = "outbreak"
//! label = "a small outbreak"
//! seeds = 5
//! settings = { sources = 10, destinations = 10 }
//! options = { until_infected = 40, background_hosts = 20 }
//! expect = { dispersion = "fires", propagation = "open" }
//! ```
//!
//! Paths are relative to its folder. A key that is not known is refused, and the nearest
//! one named.

use crate::error::ManifestError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use wormsift::config::Span;
use wormsift_corpora::{Carriage, GenerateOptions};

const KEYS: [&str; 9] = [
    "title",
    "seeds",
    "suite",
    "sweep",
    "scenarios",
    "scenario",
    "labelled",
    "clean",
    "held_out",
];
const SCENARIO_KEYS: [&str; 6] =
    ["name", "label", "seeds", "settings", "options", "expect"];
const OPTION_KEYS: [&str; 10] = [
    "duration",
    "packets",
    "until_infected",
    "background_hosts",
    "background_rate",
    "vulnerable_hosts",
    "scan_rate",
    "sees_all",
    "carriage",
    "worm",
];
const EXPECT_KEYS: [&str; 2] = ["dispersion", "propagation"];
const LABELLED_KEYS: [&str; 2] = ["capture", "truth"];
const VERDICTS: [&str; 3] = ["fires", "silent", "open"];

/// A manifest that has been read and found to be one.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) title: Option<String>,
    pub(crate) seeds: Option<u64>,
    pub(crate) suite: Option<String>,
    pub(crate) sweep: Option<String>,
    /// Scenarios as they are.
    pub(crate) names: Vec<String>,
    /// Scenarios with something changed.
    pub(crate) told: Vec<Told>,
    /// Captures, and their truth where it does not lie beside them.
    pub(crate) labelled: Vec<(String, Option<PathBuf>)>,
    pub(crate) clean: Vec<String>,
    pub(crate) held_out: Vec<String>,
}

/// A scenario with something changed.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) label: Option<String>,
    pub(crate) seeds: Option<u64>,
    /// Settings of the engine, lines of TOML.
    pub(crate) settings: String,
    pub(crate) options: GenerateOptions,
    /// What the options say, for a name; empty for none.
    pub(crate) changed: String,
    /// What both alarms should do; empty for no opinion.
    pub(crate) expect: [String; 2],
}

#[derive(Deserialize)]
struct File {
    title: Option<String>,
    seeds: Option<u64>,
    suite: Option<String>,
    sweep: Option<String>,
    #[serde(default)]
    scenarios: Vec<String>,
    #[serde(default)]
    scenario: Vec<Table>,
    #[serde(default)]
    labelled: Vec<Value>,
    #[serde(default)]
    clean: Vec<String>,
    #[serde(default)]
    held_out: Vec<String>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    label: Option<String>,
    seeds: Option<u64>,
    #[serde(default)]
    settings: Table,
    #[serde(default)]
    options: Table,
    #[serde(default)]
    expect: Table,
}

#[derive(Deserialize)]
struct Options {
    duration: Option<Span>,
    packets: Option<u64>,
    until_infected: Option<u32>,
    background_hosts: Option<u32>,
    background_rate: Option<f64>,
    vulnerable_hosts: Option<u32>,
    scan_rate: Option<f64>,
    #[serde(default)]
    sees_all: bool,
    carriage: Option<String>,
    worm: Option<bool>,
}

#[derive(Deserialize)]
struct Expect {
    dispersion: Option<String>,
    propagation: Option<String>,
}

#[derive(Deserialize)]
struct Labelled {
    capture: String,
    truth: Option<PathBuf>,
}

impl Manifest {
    /// Reads the text of a manifest that lies in this folder.
    pub(crate) fn read(text: &str, folder: &Path) -> Result<Self, ManifestError> {
        let table: Table = text.parse().map_err(|error| syntax(text, &error))?;
        let file: File = typed(table, &KEYS, "the manifest")?;
        let beside = |name: &String| folder.join(name).display().to_string();
        let labelled = file.labelled.into_iter().map(|value| match value {
            Value::String(name) => Ok((beside(&name), None)),
            Value::Table(table) => {
                let one: Labelled = typed(table, &LABELLED_KEYS, "labelled")?;
                Ok((beside(&one.capture), one.truth.map(|truth| folder.join(truth))))
            }
            other => Err(ManifestError::Labelled { found: other.to_string() }),
        });
        Ok(Self {
            title: file.title,
            seeds: some_seeds(file.seeds)?,
            suite: file.suite,
            sweep: file.sweep,
            names: file.scenarios,
            told: file.scenario.into_iter().map(Told::read).collect::<Result<_, _>>()?,
            labelled: labelled.collect::<Result<_, _>>()?,
            clean: file.clean.iter().map(beside).collect(),
            held_out: file.held_out.iter().map(beside).collect(),
        })
    }
}

impl Told {
    fn read(table: Table) -> Result<Self, ManifestError> {
        let entry: Entry = typed(table, &SCENARIO_KEYS, "scenario")?;
        let expect: Expect = typed(entry.expect, &EXPECT_KEYS, "expect")?;
        Ok(Self {
            seeds: some_seeds(entry.seeds)?,
            settings: entry.settings.to_string().trim_end().to_owned(),
            changed: changed(&entry.options),
            options: options(entry.options)?,
            expect: [verdict(expect.dispersion)?, verdict(expect.propagation)?],
            name: entry.name,
            label: entry.label,
        })
    }
}

fn options(table: Table) -> Result<GenerateOptions, ManifestError> {
    let it: Options = typed(table, &OPTION_KEYS, "options")?;
    let carriage = it.carriage.unwrap_or_default();
    let carriage = match &*carriage {
        "" => Ok(Carriage::default()),
        text => text.parse(),
    };
    Ok(GenerateOptions {
        duration: it.duration.map(|span| std::time::Duration::from_nanos(span.0)),
        packets: it.packets,
        until_infected: it.until_infected,
        background_hosts: it.background_hosts,
        background_rate: it.background_rate,
        vulnerable_hosts: it.vulnerable_hosts,
        scan_rate: it.scan_rate,
        sees_all: it.sees_all,
        carriage: carriage.map_err(ManifestError::Carriage)?,
        worm: it.worm.unwrap_or(true),
        ..GenerateOptions::default()
    })
}

/// `packets=500 worm=false`
fn changed(options: &Table) -> String {
    let one = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    options.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn verdict(text: Option<String>) -> Result<String, ManifestError> {
    match text {
        Some(text) if !VERDICTS.contains(&&*text) => {
            Err(ManifestError::Expect { found: text })
        }
        text => Ok(text.unwrap_or_default()),
    }
}

fn some_seeds(seeds: Option<u64>) -> Result<Option<u64>, ManifestError> {
    match seeds {
        Some(0) => Err(ManifestError::NoSeeds),
        seeds => Ok(seeds),
    }
}

/// The table as a `T`, if all its keys are known ones.
fn typed<T: DeserializeOwned>(
    table: Table,
    known: &[&'static str],
    table_name: &'static str,
) -> Result<T, ManifestError> {
    for key in table.keys() {
        if !known.contains(&&**key) {
            let nearest =
                known.iter().min_by_key(|name| strsim::damerau_levenshtein(key, name));
            return Err(ManifestError::UnknownKey {
                key: key.clone(),
                table: table_name,
                nearest: nearest.unwrap_or(&""),
            });
        }
    }
    // One key at a time, so that the error can name it.
    for (key, value) in &table {
        let one = Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = one.try_into::<T>() {
            let reason = error.message();
            if !reason.starts_with("missing field") {
                let (key, reason) = (Some(key.clone()), reason.to_owned());
                return Err(ManifestError::Value { table: table_name, key, reason });
            }
        }
    }
    table.try_into().map_err(|error| ManifestError::Value {
        table: table_name,
        key: None,
        reason: error.message().to_owned(),
    })
}

/// One line with the place.
fn syntax(text: &str, error: &toml::de::Error) -> ManifestError {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    ManifestError::Syntax { line, reason: error.message().trim().replace('\n', " ") }
}

#[cfg(test)]
mod tests;
