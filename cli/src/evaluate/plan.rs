//! What is to be evaluated: flags and manifest together.

use super::results::Sweep;
use crate::args::{EvaluateArgs, Suite};
use crate::exit_code::Failure;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use wormsift_corpora::{Profile, Scenario};

/// Seeds of a scenario unless told otherwise.
const SEEDS: u64 = 20;

/// Everything that was asked for.
pub(crate) struct Plan {
    pub(crate) title: String,
    pub(crate) profiles: Vec<&'static Profile>,
    pub(crate) seeds: Vec<u64>,
    /// Captures with their truth files.
    pub(crate) labelled: Vec<(String, PathBuf)>,
    pub(crate) clean: Vec<String>,
    pub(crate) held_out: Vec<String>,
    pub(crate) sweep: Option<Sweep>,
}

/// A corpus manifest. Paths are relative to its folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    title: Option<String>,
    seeds: Option<u64>,
    suite: Option<String>,
    #[serde(default)]
    scenarios: Vec<String>,
    #[serde(default)]
    labelled: Vec<String>,
    #[serde(default)]
    clean: Vec<String>,
    #[serde(default)]
    held_out: Vec<String>,
    sweep: Option<String>,
}

impl Plan {
    /// What flags and manifest ask for; flags win.
    pub(crate) fn new(args: &EvaluateArgs) -> Result<Self, Failure> {
        let manifest = match &args.manifest {
            Some(path) => read(path)?,
            None => Manifest::default(),
        };
        let suite = match (args.suite, manifest.suite.as_deref()) {
            (Some(Suite::Standard), _) | (None, Some("standard")) => true,
            (None, None) => false,
            (None, Some(other)) => {
                return Err(Failure::usage(format!(
                    "no suite is called {other:?}: expected standard"
                )));
            }
        };
        let named: Vec<&String> =
            args.scenario.iter().chain(&manifest.scenarios).collect();
        for name in &named {
            Scenario::named(name, 1).map_err(Failure::usage)?;
        }
        let wanted = |profile: &&Profile| {
            suite && profile.standard || named.iter().any(|name| *name == profile.name)
        };
        let profiles: Vec<_> = Scenario::profiles().filter(wanted).collect();
        let labelled: Vec<_> = args
            .captures
            .iter()
            .chain(&manifest.labelled)
            .map(|name| (name.clone(), crate::commands::truth_beside(Path::new(name))))
            .collect();
        let or = |flag: &[String], other: Vec<String>| {
            if flag.is_empty() { other } else { flag.to_vec() }
        };
        let sweep = match (&args.sweep, &manifest.sweep) {
            (Some(sweep), _) => Some(sweep.clone()),
            (None, Some(text)) => {
                Some(super::job::parse_sweep(text).map_err(Failure::usage)?)
            }
            (None, None) => None,
        };
        let plan = Self {
            title: manifest
                .title
                .unwrap_or_else(|| title(suite, &named, &labelled, &args.clean)),
            profiles,
            seeds: (1..=args.seeds.or(manifest.seeds).unwrap_or(SEEDS)).collect(),
            labelled,
            clean: or(&args.clean, manifest.clean),
            held_out: or(&args.held_out, manifest.held_out),
            sweep,
        };
        if plan.profiles.is_empty() && plan.labelled.is_empty() && plan.clean.is_empty() {
            return Err(Failure::usage(
                "nothing to evaluate: give --suite, --scenario, --manifest, --clean or captures",
            ));
        }
        Ok(plan)
    }
}

fn title(
    suite: bool,
    named: &[&String],
    labelled: &[(String, PathBuf)],
    clean: &[String],
) -> String {
    let mut parts = Vec::new();
    if suite {
        parts.push("the standard suite".to_owned());
    }
    parts.extend(named.iter().map(|name| (*name).clone()));
    parts.extend(labelled.iter().map(|(name, _)| name.clone()));
    parts.extend(clean.iter().cloned());
    parts.join(", ")
}

fn read(path: &Path) -> Result<Manifest, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        let line = error.to_string().trim().replace('\n', " ");
        Failure::usage(format!("{}: {line}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut manifest: Manifest =
        toml::from_str(&text).map_err(|error| wrong(&error.message()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in [&mut manifest.labelled, &mut manifest.clean, &mut manifest.held_out]
        .into_iter()
        .flatten()
    {
        *name = folder.join(&*name).display().to_string();
    }
    Ok(manifest)
}
