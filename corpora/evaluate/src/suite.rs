//! The built-in suites: which stories they have.

use super::story::{Expected, Story};
use std::str::FromStr;
use wormsift_corpora::presets::Preset;
use wormsift_corpora::{Kind, Profile, Scenario, Verdict};

/// A named group of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Every standard worm and hard negative, each under each of its settings.
    Standard,
    /// Every worm and hard negative under the settings as they are; and every worm again
    /// that some tap could find, where the tap sees all.
    Plain,
    /// Infrastructure that forwards or repeats content, each kind alone, and all around a worm.
    Trust,
    /// Worms whose author knows the sensor and evades it.
    Adversary,
}

/// A worm of the whole Internet is only followed to so many infected hosts where all of it
/// is seen: one of Slammer's scans in 57,000 infects.
const FOLLOWED: u32 = 3;

const TOO_FEW: Verdict = Verdict::Silent(
    "the capture ends when a few hosts are infected, fewer than the sources that this alarm \
     asks for",
);

impl Suite {
    /// Every suite.
    const ALL: [Self; 4] = [Self::Standard, Self::Plain, Self::Trust, Self::Adversary];

    /// What a flag or a manifest calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Plain => "plain",
            Self::Trust => "trust",
            Self::Adversary => "adversary",
        }
    }

    /// The names of all, for a sentence.
    pub(crate) fn names() -> String {
        let [others @ .., last] = Self::ALL.map(Self::name);
        format!("{} or {last}", others.join(", "))
    }

    /// Whether a scenario belongs to it.
    pub(crate) fn holds(self, profile: &Profile) -> bool {
        match self {
            Self::Standard => profile.standard,
            Self::Plain => profile.is_plain(),
            Self::Trust => profile.trust,
            Self::Adversary => profile.adversary,
        }
    }

    /// A scenario of it, as it is in this suite.
    pub(crate) fn story(self, profile: &'static Profile, seeds: u64) -> Story {
        match self {
            Self::Standard | Self::Trust | Self::Adversary => {
                Story::standard(profile, seeds)
            }
            Self::Plain => Story::plain(profile, seeds),
        }
    }

    /// The stories that it has besides.
    pub(crate) fn others(self, seeds: u64) -> Vec<Story> {
        match self {
            Self::Standard | Self::Trust | Self::Adversary => Vec::new(),
            Self::Plain => {
                Scenario::profiles().filter_map(|it| seen_whole(it, seeds)).collect()
            }
        }
    }
}

impl FromStr for Suite {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|suite| suite.name() == name).ok_or(())
    }
}

/// A worm under the settings as they are, where the tap sees all that its hosts send.
///
/// `None` where that makes no other question: nothing spreads; no alarm can see the
/// content, whoever sends it to whom; or a worm of the whole Internet would take millions
/// of packets to infect a second host.
fn seen_whole(profile: &'static Profile, seeds: u64) -> Option<Story> {
    let first = profile.expectations.first()?;
    let silent = |verdict| matches!(verdict, Verdict::Silent(_));
    let never = silent(first.dispersion) && silent(first.propagation);
    let global = Preset::named(profile.name).is_some();
    let followed = profile.name == "slammer";
    let other = profile.kind != Kind::Worm || !profile.is_plain();
    if other || never || global && !followed {
        return None;
    }
    let mut story = Story::plain(profile, seeds);
    story.options.sees_all = true;
    story.name += " sees_all=true";
    if followed {
        story.options.until_infected = Some(FOLLOWED);
        story.name += &format!(" until_infected={FOLLOWED}");
        for case in &mut story.cases {
            case.dispersion = Expected::of(TOO_FEW);
            case.propagation = Expected::of(Verdict::Fires);
        }
    }
    Some(story)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Request};
    use wormsift_corpora::GenerateOptions;

    fn plan(suite: Suite, scenarios: &[&str]) -> Plan {
        let scenarios = scenarios.iter().map(|name| (*name).to_owned()).collect();
        let suite = Some(suite);
        Plan::new(&Request { suite, scenarios, seeds: Some(1), ..Request::default() })
            .unwrap()
    }

    #[test]
    fn the_plain_suite_has_every_scenario_once_at_the_defaults() {
        let plan = plan(Suite::Plain, &[]);
        assert_eq!(plan.title, "the plain suite");
        let settings = plan.stories.iter().flat_map(|story| &story.cases);
        assert!(settings.clone().all(|case| case.settings.is_empty()));
        assert_eq!(settings.count(), plan.stories.len());
        let as_they_are = plan.stories.iter().filter(|story| !story.options.sees_all);
        let names: Vec<&str> = as_they_are.clone().map(|story| &*story.name).collect();
        let all = Scenario::profiles().filter(|it| it.is_plain());
        let all = all.map(|it| it.name);
        assert_eq!(names, all.collect::<Vec<_>>());
        assert!(as_they_are.clone().all(|it| it.options == GenerateOptions::default()));
        // The first expectation of a profile is about the defaults.
        let first = Scenario::profiles().map(|it| it.expectations[0].settings);
        assert!(first.into_iter().all(str::is_empty));
    }

    #[test]
    fn worms_that_can_be_found_are_also_seen_by_a_tap_that_sees_all() {
        let plan = plan(Suite::Plain, &[]);
        let whole = plan.stories.iter().filter(|story| story.options.sees_all);
        let names: Vec<&str> = whole.map(|story| story.profile.name).collect();
        for name in ["outbreak", "tcp-exploit", "slammer", "web-server-browser", "mail"] {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["encrypted", "polymorphic-short-tokens", "code-red", "flash-crowd"] {
            assert!(!names.contains(&name), "{name}");
        }
        assert_eq!(names.len(), 19);
    }

    #[test]
    fn a_scenario_that_is_named_besides_has_all_its_settings() {
        let plan = plan(Suite::Plain, &["random-port"]);
        let named = plan.stories.iter().filter(|story| story.name == "random-port");
        let cases: Vec<usize> = named.map(|story| story.cases.len()).collect();
        assert_eq!(cases, [4]);
    }

    #[test]
    fn suites_are_called_by_name() {
        for suite in Suite::ALL {
            assert_eq!(suite.name().parse(), Ok(suite));
        }
        assert_eq!("plane".parse::<Suite>(), Err(()));
        assert_eq!(Suite::names(), "standard, plain, trust or adversary");
    }
}
