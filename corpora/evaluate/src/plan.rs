//! What is to be evaluated: request and manifest together.

use super::manifest::Manifest;
use super::results::Sweep;
use super::story::Story;
use super::suite::Suite;
use crate::error::{EvaluateError, ManifestError};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wormsift::time::Span;
use wormsift_corpora::{Profile, Scenario};

/// Seeds of a scenario unless told otherwise.
const SEEDS: u64 = 20;

/// What is asked for. What is absent here, the manifest may say.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// A built-in suite.
    pub suite: Option<Suite>,
    /// Scenarios by name.
    pub scenarios: Vec<String>,
    /// A TOML file that lists what to evaluate.
    pub manifest: Option<PathBuf>,
    /// Captures, each with its truth beside it.
    pub captures: Vec<String>,
    /// Captures, one trace, in which nothing spreads.
    pub clean: Vec<String>,
    /// Captures in which the packets are counted that a run's rules match.
    pub held_out: Vec<String>,
    /// Captures from which each run learns first.
    pub learn: Vec<String>,
    /// Seeds of each scenario, from 1 on.
    pub seeds: Option<u64>,
    /// A setting that takes several values.
    pub sweep: Option<Sweep>,
    /// How long after an alarm the hosts that it names are cut off, in epidemics of their own.
    pub isolate_after: Vec<Span>,
}

/// Everything that is evaluated: request and manifest together.
pub struct Plan {
    pub(crate) title: String,
    pub(crate) stories: Vec<Story>,
    /// Every seed that some story has.
    pub(crate) seeds: Vec<u64>,
    /// Captures with their truth files.
    pub(crate) labelled: Vec<(String, PathBuf)>,
    pub(crate) clean: Vec<String>,
    pub(crate) held_out: Vec<String>,
    pub(crate) learn: Vec<String>,
    pub(crate) sweep: Option<Sweep>,
    pub(crate) isolate_after: Vec<Span>,
}

impl Plan {
    /// What request and manifest ask for; the request wins.
    pub fn new(args: &Request) -> Result<Self, EvaluateError> {
        let manifest = match &args.manifest {
            Some(path) => read(path)?,
            None => Manifest::default(),
        };
        let named_suite = |name: &String| {
            name.parse().map_err(|()| EvaluateError::Suite {
                found: name.clone(),
                expected: Suite::names(),
            })
        };
        let suite = match (args.suite, &manifest.suite) {
            (Some(suite), _) => Some(suite),
            (None, name) => name.as_ref().map(named_suite).transpose()?,
        };
        let sweep = match (&args.sweep, &manifest.sweep) {
            (Some(sweep), _) => Some(sweep.clone()),
            (None, Some(text)) => Some(super::job::parse_sweep(text)?),
            (None, None) => None,
        };
        let named: Vec<String> =
            args.scenarios.iter().chain(&manifest.names).cloned().collect();
        for name in &named {
            Scenario::named(name, 1)?;
        }
        let seeds = args.seeds.or(manifest.seeds).unwrap_or(SEEDS);
        // One that is named besides has all its settings.
        let story = |profile: &'static Profile| {
            if named.iter().any(|name| *name == profile.name) {
                return Some(Story::standard(profile, seeds));
            }
            let suite = suite.filter(|suite| suite.holds(profile))?;
            Some(suite.story(profile, seeds))
        };
        let mut stories: Vec<Story> = Scenario::profiles().filter_map(story).collect();
        stories.extend(suite.into_iter().flat_map(|suite| suite.others(seeds)));
        for mut told in manifest.told {
            // A flag wins over what the manifest says of one scenario, too.
            told.seeds = args.seeds.or(told.seeds);
            stories.push(Story::changed(told, seeds)?);
        }
        if sweep.is_some() {
            stories.iter_mut().for_each(Story::for_sweep);
        }
        different(&stories)?;
        let given = args.captures.iter().map(|name| (name.clone(), None));
        let labelled: Vec<_> = given
            .chain(manifest.labelled)
            .map(|(name, truth)| {
                let beside = || wormsift_corpora::truth_beside(Path::new(&name));
                let truth = truth.unwrap_or_else(beside);
                (name, truth)
            })
            .collect();
        let or = |flag: &[String], other: Vec<String>| {
            if flag.is_empty() { other } else { flag.to_vec() }
        };
        let plan = Self {
            title: String::new(),
            seeds: (1..=most_seeds(&stories).unwrap_or(seeds)).collect(),
            stories,
            labelled,
            clean: or(&args.clean, manifest.clean),
            held_out: or(&args.held_out, manifest.held_out),
            learn: args.learn.clone(),
            sweep,
            isolate_after: args.isolate_after.clone(),
        };
        let runs_alone = plan.isolate_after.is_empty();
        if runs_alone
            && plan.stories.is_empty()
            && plan.labelled.is_empty()
            && plan.clean.is_empty()
        {
            return Err(EvaluateError::Nothing);
        }
        if plan.captures().any(|name| name == "-") {
            return Err(EvaluateError::StandardInput);
        }
        let title = manifest.title.unwrap_or_else(|| plan.name(suite));
        Ok(Self { title, ..plan })
    }

    /// What the row of the clean captures is called: they are one trace.
    pub(crate) fn clean_name(&self) -> String {
        self.clean.join(" ")
    }

    /// Every capture that is read.
    pub fn captures(&self) -> impl Iterator<Item = &String> {
        let labelled = self.labelled.iter().map(|(name, _)| name);
        self.clean.iter().chain(&self.held_out).chain(&self.learn).chain(labelled)
    }

    fn name(&self, suite: Option<Suite>) -> String {
        let of_suite =
            |story: &Story| suite.is_some_and(|suite| suite.holds(story.profile));
        let alone = self.stories.iter().filter(|story| !of_suite(story));
        let mut parts = Vec::new();
        if let Some(suite) = suite {
            parts.push(format!("the {} suite", suite.name()));
        }
        parts.extend(alone.map(|story| story.name.clone()));
        parts.extend(self.labelled.iter().map(|(name, _)| name.clone()));
        parts.extend(self.clean.iter().cloned());
        if parts.is_empty() {
            parts.push("isolation".to_owned());
        }
        parts.join(", ")
    }
}

/// Rows are told apart by name and settings.
fn different(stories: &[Story]) -> Result<(), EvaluateError> {
    let mut known = BTreeSet::new();
    for story in stories {
        for case in &story.cases {
            if !known.insert((&story.name, &case.settings)) {
                return Err(EvaluateError::ListedTwice { scenario: story.name.clone() });
            }
        }
    }
    Ok(())
}

fn most_seeds(stories: &[Story]) -> Option<u64> {
    stories.iter().map(|story| story.seeds.len() as u64).max()
}

fn read(path: &Path) -> Result<Manifest, EvaluateError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::read_to_string(path)
        .map_err(ManifestError::Io)
        .and_then(|text| Manifest::read(&text, folder))
        .map_err(|reason| EvaluateError::Manifest { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(suite: Suite) -> Vec<String> {
        let request = Request { suite: Some(suite), ..Request::default() };
        let plan = Plan::new(&request).unwrap();
        assert_eq!(plan.title, format!("the {} suite", suite.name()));
        plan.stories.into_iter().map(|story| story.name).collect()
    }

    #[test]
    fn no_scenario_is_in_two_suites() {
        let (standard, trust) = (names(Suite::Standard), names(Suite::Trust));
        assert!(standard.len() >= 34, "{standard:?}");
        assert_eq!(trust.len(), 12, "{trust:?}");
        assert_eq!(trust.last().map(String::as_str), Some("busy-site"));
        assert!(trust.iter().all(|name| !standard.contains(name)), "{trust:?}");
    }
}
