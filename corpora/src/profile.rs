//! What a scenario is for, and what a sifter should say of it.
//!
//! A [`Profile`] stands beside each scenario. Its expectations are what content
//! sifting can see by its nature, written down before anything is measured: an
//! evaluation sets them beside what a sensor really said. No detector reads them.

use serde::{Deserialize, Serialize};

/// What kind of story a scenario tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something spreads by itself.
    Worm,
    /// Nothing does, though it may look so: whatever is reported is false.
    Benign,
}

/// What one alarm should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It must fire, in every seed.
    Fires,
    /// It must fire, in every seed, but hardly before the other alarm: the text says why.
    Late(&'static str),
    /// It cannot see this, or must not: the text says why.
    Silent(&'static str),
    /// It may do either: the text says what decides.
    Open(&'static str),
}

/// What both alarms should do under some settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Detector settings that differ from the defaults, as lines of TOML
    /// (`port_rule = "none"`); empty for the defaults.
    pub settings: &'static str,
    /// Enough hosts on both sides.
    pub dispersion: Verdict,
    /// Passed on by those who received it.
    pub propagation: Verdict,
}

impl Expectation {
    /// Under default settings.
    pub const fn by_default(dispersion: Verdict, propagation: Verdict) -> Self {
        Self { settings: "", dispersion, propagation }
    }

    /// Under other settings.
    pub const fn under(
        settings: &'static str,
        dispersion: Verdict,
        propagation: Verdict,
    ) -> Self {
        Self { settings, dispersion, propagation }
    }
}

/// What is known of a scenario before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What happens in it, in one line.
    pub summary: &'static str,
    /// What it is meant to defeat, or what it imitates, in one line.
    pub defeats: &'static str,
    /// What kind of story it is.
    pub kind: Kind,
    /// Whether the tap sees both directions of its conversations.
    pub two_way: bool,
    /// Whether hosts are infected at the very port that they then attack.
    pub same_port: bool,
    /// Whether it belongs to the standard suite.
    pub standard: bool,
    /// What should be found, one entry a group of settings; the first is the
    /// defaults.
    pub expectations: &'static [Expectation],
}
