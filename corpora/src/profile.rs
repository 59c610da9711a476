//! Profile of a scenario: what it is for, and what a detector should report on it.
//!
//! Each scenario has a [`Profile`]. Its expectations are what content sifting can see by
//! its nature, written down before anything is measured: an evaluation compares them with
//! what a sensor reported. No detector reads them.

use serde::{Deserialize, Serialize};

/// What kind of scenario it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Relayed by hosts that received it.
    pub propagation: Verdict,
}

impl Expectation {
    /// Under default settings.
    pub(crate) const fn by_default(dispersion: Verdict, propagation: Verdict) -> Self {
        Self { settings: "", dispersion, propagation }
    }

    /// Under other settings.
    pub(crate) const fn under(
        settings: &'static str,
        dispersion: Verdict,
        propagation: Verdict,
    ) -> Self {
        Self { settings, dispersion, propagation }
    }

    /// Both alarms fire under these settings.
    pub(crate) const fn fires_under(settings: &'static str) -> Self {
        Self::under(settings, Verdict::Fires, Verdict::Fires)
    }
}

/// Both alarms fire under default settings.
pub(crate) const FIRES: &[Expectation] =
    &[Expectation::by_default(Verdict::Fires, Verdict::Fires)];

/// What a detector should make of something that repeats: in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// Something spreads by itself.
    Outbreak,
    /// Hosts pass on what they receive to a fixed set of hosts, as their service is.
    ForwardingService,
    /// Hosts of one kind tell each other the same.
    PeerProtocol,
    /// Hosts send the same to many that they look for.
    ScanCampaign,
    /// Hosts send the same to many that take it.
    MassDelivery,
    /// None of these can be told from the packets.
    Unclear,
}

/// How sure a detector should be that something spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentGrade {
    /// Sure.
    High,
    /// It may be reported, but never as sure.
    NeverHigh,
    /// It must not be reported.
    Nothing,
}

/// What a detector should make of one thing that happens in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentExpectation {
    /// What happens, by a name that the scenario gives it.
    pub subject: &'static str,
    /// What it is.
    pub kind: IncidentKind,
    /// How sure one may be that it spreads.
    pub grade: IncidentGrade,
    /// What in the packets says so.
    pub reason: &'static str,
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
    /// Whether something spreads.
    pub kind: Kind,
    /// Whether it belongs to the standard suite.
    pub standard: bool,
    /// Whether it belongs to the suite `trust`.
    pub trust: bool,
    /// Whether it belongs to the suite `adversary`.
    pub adversary: bool,
    /// Whether it is about dark addresses or decoys, and therefore in no suite.
    pub unsolicited: bool,
    /// Whether several taps see it, each in a capture of its own; then it is in no suite.
    pub several_taps: bool,
    /// What should be found, one entry a group of settings; the first is the
    /// defaults.
    pub expectations: &'static [Expectation],
    /// What is to be made of it; empty where that was not written down.
    pub incidents: &'static [IncidentExpectation],
    /// Where nothing spreads: incidents a run, on average, at most.
    pub most_incidents: u64,
}

/// A person who looks at a hard negative should not have to look at more than this.
const MOST_INCIDENTS: u64 = 2;

impl Profile {
    /// A worm of the standard suite.
    pub(crate) const fn worm(
        name: &'static str,
        summary: &'static str,
        defeats: &'static str,
        expectations: &'static [Expectation],
    ) -> Self {
        Self {
            name,
            summary,
            defeats,
            kind: Kind::Worm,
            standard: true,
            trust: false,
            adversary: false,
            unsolicited: false,
            several_taps: false,
            expectations,
            incidents: &[],
            most_incidents: MOST_INCIDENTS,
        }
    }

    /// A hard negative of the standard suite.
    pub(crate) const fn benign(
        name: &'static str,
        summary: &'static str,
        defeats: &'static str,
        expectations: &'static [Expectation],
    ) -> Self {
        Self { kind: Kind::Benign, ..Self::worm(name, summary, defeats, expectations) }
    }

    /// The same with so many incidents: where several services have contents of their own.
    pub(crate) const fn with_incidents(self, most_incidents: u64) -> Self {
        Self { most_incidents, ..self }
    }

    /// The same in the suite `trust` in place of the standard one.
    pub(crate) const fn in_trust(
        self,
        incidents: &'static [IncidentExpectation],
    ) -> Self {
        Self { standard: false, trust: true, incidents, ..self }
    }

    /// The same in the suite `adversary` in place of the standard one.
    pub(crate) const fn of_adversary(self) -> Self {
        Self { standard: false, adversary: true, ..self }
    }

    /// The same outside of all suites: about dark addresses or decoys.
    pub(crate) const fn of_unsolicited(self) -> Self {
        Self { standard: false, unsolicited: true, ..self }
    }

    /// The same outside of all suites: seen by several taps.
    pub(crate) const fn of_several_taps(self) -> Self {
        Self { standard: false, several_taps: true, ..self }
    }

    /// Whether it is a worm or a hard negative as such, of no group of its own: what the
    /// suite `plain` consists of.
    pub const fn is_plain(&self) -> bool {
        !self.trust && !self.adversary && !self.unsolicited && !self.several_taps
    }
}
