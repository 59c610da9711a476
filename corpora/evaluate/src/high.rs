//! How many hosts were infected when a worm was first said to be one: graded *high*.
//!
//! The grade asks for hosts that received the content and passed it on. So what counts are the
//! infections after the first relay that the tap can see: the first packet with the content
//! from a host whose infection the tap saw. Where it takes more than ten, the row says why.

use super::about::is_true;
use super::incidents::passed_on;
use super::said::Said;
use super::sent::each;
use super::statistics::Estimate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::packet::Frame;
use wormsift::signature::{Confidence, Signature};
use wormsift_corpora::GroundTruth;
use wormsift_export::text::counted;

/// Infections after the first relay that are few.
pub(crate) const FEW: u64 = 10;

/// When one run's worm was high.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HighAt {
    /// Hosts infected when it first was; `None` where it never was.
    pub(crate) infected: Option<u64>,
    /// Hosts infected at the first relay that the tap sees; `None` where it sees none.
    pub(crate) relay: Option<u64>,
    /// Why it was not high within [`FEW`] infections after that; empty where it was.
    pub(crate) why_not: String,
}

impl HighAt {
    /// `None` where nobody is infected.
    pub(crate) fn of(
        said: &Said,
        frames: &[Frame<'_>],
        truth: &GroundTruth,
        config: &Config,
    ) -> Option<Self> {
        if truth.infections.is_empty() || truth.contents.is_empty() {
            return None;
        }
        let infected = |time_ns: u64| {
            truth.infections.iter().filter(|one| one.time_ns <= time_ns).count() as u64
        };
        let high_ns = high_ns(said, truth, config);
        let mut at = Self {
            infected: high_ns.map(infected),
            relay: first_relay_ns(frames, truth, config).map(infected),
            why_not: String::new(),
        };
        at.why_not = at.why_not(|| grounds(said, truth, config));
        if !at.why_not.is_empty() && high_ns.is_some_and(|at| at > truth.last_packet_ns) {
            at.why_not += ", when the capture ended";
        }
        Some(at)
    }

    /// Infections from the first relay to the moment at which it was high.
    pub(crate) fn after_relay(&self) -> Option<u64> {
        Some(self.infected?.saturating_sub(self.relay?))
    }

    fn why_not(&self, grounds: impl Fn() -> String) -> String {
        match (self.infected, self.relay) {
            (Some(infected), Some(relay)) if infected <= relay + FEW => String::new(),
            (Some(infected), Some(relay)) => {
                format!(
                    "{} after the first relay",
                    counted(infected - relay, "infection")
                )
            }
            (Some(_), None) => String::new(),
            (None, Some(_)) => format!("never high: {}", grounds()),
            (None, None) => "the tap sees no relay".to_owned(),
        }
    }
}

/// When a signature or an incident that holds something planted was first high.
fn high_ns(said: &Said, truth: &GroundTruth, config: &Config) -> Option<u64> {
    let last = said.last();
    let planted: BTreeSet<&str> = last
        .iter()
        .filter(|(_, (_, it))| is_true(it, truth, config))
        .map(|(id, _)| *id)
        .collect();
    let signatures = said
        .news
        .iter()
        .filter(|(_, it)| it.confidence == Confidence::High && planted.contains(&*it.id));
    let incidents = said.incidents.iter().filter(|(_, it)| {
        it.confidence == Confidence::High
            && it.signatures.iter().any(|id| planted.contains(&**id))
    });
    let times = signatures.map(|(time, _)| *time).chain(incidents.map(|(time, _)| *time));
    times.min()
}

/// When a host whose infection the tap saw first sent something planted.
fn first_relay_ns(
    frames: &[Frame<'_>],
    truth: &GroundTruth,
    config: &Config,
) -> Option<u64> {
    let infected: HashMap<IpAddr, u64> = truth
        .infections
        .iter()
        .filter(|one| one.packet.is_some())
        .map(|one| (one.host, one.time_ns))
        .collect();
    let mut first = None;
    each(frames, config, |packet| {
        let time_ns = packet.time.as_nanos();
        let passes_on = infected.get(&packet.source).is_some_and(|at| *at <= time_ns);
        if first.is_none() && passes_on {
            let carries = |packet| {
                truth.contents.iter().any(|content| content.carriers.contains(packet))
            };
            first = carries(packet.number).then_some(time_ns);
        }
    });
    first
}

/// The grade of the strongest signature about something planted, and the grounds for it.
fn grounds(said: &Said, truth: &GroundTruth, config: &Config) -> String {
    let words = said.news.iter().filter_map(|(_, it)| said.word(&it.id));
    let planted = words.filter(|it| is_true(it, truth, config));
    let Some(it) = planted.min_by(|a, b| Signature::by_rank(a, b)) else {
        return "not found".to_owned();
    };
    let relays = passed_on(it.relays.len(), &it.evidence.passing_on);
    format!(
        "{} {}, {relays}. {}",
        it.confidence.name(),
        it.kind.name(),
        it.evidence.reasons.join(" ")
    )
}

/// When the worm of a row's runs was high.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HighRow {
    /// Runs in which somebody is infected, those in which it was high, those whose tap sees
    /// a relay, and of these those in which it was high within [`FEW`] infections after it.
    pub(crate) runs: u64,
    /// See `runs`.
    pub(crate) high: u64,
    /// See `runs`.
    pub(crate) relayed: u64,
    /// See `runs`.
    pub(crate) within: u64,
    /// Hosts infected when it was.
    pub(crate) infected: Option<Estimate>,
    /// Infections since the first relay that the tap sees.
    pub(crate) after_relay: Option<Estimate>,
    /// Why not within so few, in the first run that says so; empty where all were.
    pub(crate) why_not: String,
}

impl HighRow {
    /// For a cell: the infected when it was, and how many since the first relay.
    pub(crate) fn cell(&self) -> String {
        let infected = match (&self.infected, self.runs) {
            (_, 0) => return String::new(),
            (None, runs) => return format!("0/{runs}"),
            (Some(infected), _) => infected.median,
        };
        let after = self.after_relay.map(|it| format!(" +{:.0}", it.median));
        let after = after.unwrap_or_default();
        let some = match self.high == self.runs {
            true => String::new(),
            false => format!(" {}/{}", self.high, self.runs),
        };
        format!("{infected:.0}{after}{some}")
    }
}

#[cfg(test)]
mod tests;
