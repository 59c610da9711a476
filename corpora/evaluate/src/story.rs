//! A scenario of an evaluation: its options, seeds and expected findings.

use super::incident_rows::Asked;
use super::manifest::Told;
use wormsift_corpora::{
    CorpusError, Expectation, GenerateOptions, Kind, Profile, Scenario, Verdict,
};

/// A scenario to be evaluated.
pub(crate) struct Story {
    /// What its rows are called.
    pub(crate) name: String,
    pub(crate) profile: &'static Profile,
    pub(crate) options: GenerateOptions,
    pub(crate) seeds: Vec<u64>,
    /// One a group of settings.
    pub(crate) cases: Vec<Case>,
}

/// A group of settings, and what should be found under them.
#[derive(Clone)]
pub(crate) struct Case {
    /// Settings beside the configuration, lines of TOML.
    pub(crate) settings: String,
    pub(crate) dispersion: Expected,
    pub(crate) propagation: Expected,
    /// What is asked of the incidents.
    pub(crate) incidents: Asked,
}

/// What one alarm should do.
#[derive(Clone, Default)]
pub(crate) struct Expected {
    /// `fires`, `silent` or `open`; empty where nobody said.
    pub(crate) verdict: String,
    /// Why it cannot fire, or what decides.
    pub(crate) reason: String,
}

impl Story {
    /// A scenario as it is, under each of the settings that its profile names.
    pub(crate) fn standard(profile: &'static Profile, seeds: u64) -> Self {
        Self {
            name: profile.name.to_owned(),
            profile,
            options: GenerateOptions::default(),
            seeds: (1..=seeds).collect(),
            cases: profile.expectations.iter().map(|it| Case::of(profile, it)).collect(),
        }
    }

    /// A scenario as it is, under the settings as they are.
    pub(crate) fn plain(profile: &'static Profile, seeds: u64) -> Self {
        let mut story = Self::standard(profile, seeds);
        story.cases.retain(|case| case.settings.is_empty());
        story
    }

    /// A scenario with something changed. What its profile expects holds for the scenario
    /// as it is, so only what the manifest expects counts.
    pub(crate) fn changed(told: Told, seeds: u64) -> Result<Self, CorpusError> {
        let profile = Scenario::named(&told.name, 1)?.profile();
        let name = told.label.unwrap_or_else(|| match &*told.changed {
            "" => told.name,
            changed => format!("{} {changed}", told.name),
        });
        let [dispersion, propagation] =
            told.expect.map(|verdict| Expected { verdict, reason: String::new() });
        Ok(Self {
            name,
            profile,
            options: told.options,
            seeds: (1..=told.seeds.unwrap_or(seeds)).collect(),
            cases: vec![Case {
                settings: told.settings,
                dispersion,
                propagation,
                incidents: Asked::Nothing,
            }],
        })
    }

    /// A sweep asks how one setting matters: the others stay as they are, and what was
    /// expected under them is not expected here.
    pub(crate) fn for_sweep(&mut self) {
        self.cases.truncate(1);
        for case in &mut self.cases {
            case.dispersion = Expected::default();
            case.propagation = Expected::default();
            case.incidents = Asked::Nothing;
        }
    }

    /// The scenario under one seed.
    pub(crate) fn scenario(&self, seed: u64) -> Result<Scenario, CorpusError> {
        let scenario = Scenario::named(self.profile.name, seed)?;
        Ok(scenario.options(self.options.clone()))
    }
}

impl Case {
    fn of(profile: &Profile, expectation: &Expectation) -> Self {
        let incidents = match profile.kind {
            // What is to be made of them is said of the settings as they are.
            _ if !expectation.settings.is_empty() => Asked::Nothing,
            Kind::Worm => Asked::Subjects,
            Kind::Benign => Asked::Few(profile.most_incidents),
        };
        Self {
            incidents,
            settings: expectation.settings.to_owned(),
            dispersion: Expected::of(expectation.dispersion),
            propagation: Expected::of(expectation.propagation),
        }
    }
}

impl Expected {
    pub(crate) fn of(verdict: Verdict) -> Self {
        let (verdict, reason) = match verdict {
            Verdict::Fires => ("fires", ""),
            Verdict::Late(why) => ("fires", why),
            Verdict::Silent(why) => ("silent", why),
            Verdict::Open(what) => ("open", what),
        };
        Self { verdict: verdict.to_owned(), reason: reason.to_owned() }
    }
}
