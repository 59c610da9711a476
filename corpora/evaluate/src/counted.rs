//! The hosts and the first sighting that signatures report, compared with the truth.
//!
//! What a signature may be wrong by is what its own fields say of themselves:
//!
//! - an `exact` number of hosts by nothing,
//! - one that is `about` so many by its standard error, 2.3 %: four of those are allowed,
//!   which one estimate in 16,000 exceeds,
//! - one that is `at_least` so many may be too low by anything, and too high by nothing up
//!   to 64, and as an estimate may beyond,
//! - `first_seen` is the first packet where `first_sighting` is certain, and else may be
//!   later. Hosts are those since then.
//!
//! The truth is about the bytes that the signature shows, at its port ([`super::sent`]):
//! where these hold a byte that not every copy has, about the copies that have it. Over TCP
//! the capture may end in the midst of a copy, and a copy takes several packets. The truth
//! is then a range: from the hosts of whole copies to those of all copies; and from the
//! first packet of a copy to the packet that completes one.

use super::about::concerns;
use super::said::Said;
use super::sent::{Between, Sent, Sought};
use serde::{Deserialize, Serialize};
use wormsift::config::Config;
use wormsift::packet::Frame;
use wormsift::signature::{Count, Precision, Signature};
use wormsift_corpora::GroundTruth;

/// Of an estimate of hosts, relative: see [`Precision::About`].
const STANDARD_ERROR: f64 = 0.023;
/// Up to so many, hosts are counted one by one.
const EXACT: u64 = wormsift::signature::MOST_HOSTS as u64;
/// So many of them are allowed.
const ERRORS: f64 = 4.0;

/// What a signature says of the hosts of a content, and what is true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// The content's name in the truth.
    pub(crate) content: String,
    /// The signature's id.
    pub(crate) signature: String,
    /// Hosts that sent it.
    pub(crate) sources: HostCount,
    /// Hosts that it was sent to.
    pub(crate) destinations: HostCount,
    /// When it was first seen.
    pub(crate) first_seen: FirstSeen,
}

/// A number of hosts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HostCount {
    /// As the signature's last word says.
    pub(crate) reported: u64,
    /// `exact`, `about` or `at_least`.
    pub(crate) precision: String,
    /// The true number: hosts of whole copies, and of all copies.
    pub(crate) truth: [u64; 2],
    /// How far it is from the truth, as a share of that; below 0 where it is too low.
    pub(crate) error: f64,
    /// Whether it may be so far.
    pub(crate) within: bool,
}

/// A first sighting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstSeen {
    /// Whether no earlier one was forgotten.
    pub(crate) certain: bool,
    /// Seconds after the first packet of a copy; below 0 before it.
    pub(crate) seconds: f64,
    /// Whether it may be then.
    pub(crate) within: bool,
}

impl Counted {
    /// Whether all of it is as true as it says.
    pub(crate) fn within(&self) -> bool {
        self.sources.within && self.destinations.within && self.first_seen.within
    }

    /// What is not, in words.
    pub(crate) fn wrong(&self) -> Option<String> {
        let hosts = |name: &str, it: &HostCount| {
            let [least, most] = it.truth;
            let truth = match least == most {
                true => least.to_string(),
                false => format!("{least} to {most}"),
            };
            let said = format!("{} {name} ({})", it.reported, it.precision);
            (!it.within).then(|| format!("{said}, in truth {truth}"))
        };
        let first = &self.first_seen;
        hosts("sources", &self.sources)
            .or_else(|| hosts("destinations", &self.destinations))
            .or_else(|| {
                let said = format!("first seen {:.3} s after the first", first.seconds);
                (!first.within).then_some(said)
            })
    }
}

/// Every signature about something planted beside what is true of that, as of its last
/// word. Contents whose carriers the truth does not list are left out.
pub(crate) fn counted(
    said: &Said,
    frames: &[Frame<'_>],
    truth: &GroundTruth,
    config: &Config,
) -> Vec<Counted> {
    let about: Vec<Vec<bool>> =
        said.closing.iter().map(|it| concerns(it, truth, config)).collect();
    let mut all = Vec::new();
    for (index, content) in truth.contents.iter().enumerate() {
        let its = said.closing.iter().zip(&about).filter(|(_, about)| about[index]);
        let its: Vec<&Signature> = its.map(|(it, _)| it).collect();
        if its.is_empty() || content.carriers.runs.is_empty() {
            continue;
        }
        let sought: Vec<Sought<'_>> =
            its.iter().map(|it| Sought::of(it, config)).collect();
        let sent = Sent::of(&sought, content, frames, config);
        all.extend(
            its.iter().zip(&sent).map(|(it, sent)| compared(it, &content.name, sent)),
        );
    }
    all
}

fn compared(it: &Signature, content: &str, sent: &Sent) -> Counted {
    let seen_ns = it.first_seen.as_nanos();
    let [sources, destinations] = sent.hosts_since(seen_ns);
    Counted {
        content: content.to_owned(),
        signature: it.id.clone(),
        sources: HostCount::new(it.source_count(), sources),
        destinations: HostCount::new(it.destination_count(), destinations),
        first_seen: FirstSeen::new(seen_ns, !it.may_be_earlier(), sent.first_ns()),
    }
}

impl HostCount {
    fn new(count: Count, truth: Between) -> Self {
        let Between { least, most } = truth;
        let reported = u64::from(count.number);
        let nearest = reported.clamp(least, most) as f64;
        let error = match nearest > 0.0 {
            true => (reported as f64 - nearest) / nearest,
            false => reported as f64,
        };
        let within = match count.precision {
            Precision::Exact => error == 0.0,
            Precision::About => error.abs() <= ERRORS * STANDARD_ERROR,
            Precision::AtLeast if reported <= EXACT => error <= 0.0,
            Precision::AtLeast => error <= ERRORS * STANDARD_ERROR,
        };
        let precision = count.precision.name().to_owned();
        Self { reported, precision, truth: [least, most], error, within }
    }
}

impl FirstSeen {
    /// `first` are the first packet of a copy, and the one that completes the first whole
    /// one; without any, nothing can have been seen.
    fn new(seen_ns: u64, certain: bool, first: Option<[u64; 2]>) -> Self {
        let Some([some, whole]) = first else {
            return Self { certain, ..Self::default() };
        };
        Self {
            certain,
            seconds: (seen_ns as i128 - some as i128) as f64 / 1e9,
            within: seen_ns >= some && (seen_ns <= whole || !certain),
        }
    }
}

/// The comparisons of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CountedRow {
    /// Signatures compared, in all runs, and those as true as they say.
    pub(crate) compared: u64,
    /// See `compared`.
    pub(crate) within: u64,
    /// Numbers of hosts that are `exact`, `about` and `at_least`.
    pub(crate) precisions: [u64; 3],
    /// Root of the mean square of the relative errors of those that are `about`.
    pub(crate) error: Option<f64>,
    /// Signatures whose first sighting is certain.
    pub(crate) certain: u64,
    /// Most seconds from the first packet to a first sighting that is not certain.
    pub(crate) late: Option<f64>,
    /// What is wrong with the first that is not true; empty where all are.
    pub(crate) wrong: String,
}

impl CountedRow {
    /// Of runs, each with its seed.
    pub(crate) fn of<'a>(runs: impl Iterator<Item = (u64, &'a [Counted])>) -> Self {
        let mut row = Self::default();
        let mut squares = Vec::new();
        for (seed, it) in
            runs.flat_map(|(seed, all)| all.iter().map(move |it| (seed, it)))
        {
            row.compared += 1;
            row.within += u64::from(it.within());
            row.certain += u64::from(it.first_seen.certain);
            if !it.first_seen.certain {
                row.late = Some(row.late.map_or(it.first_seen.seconds, |most: f64| {
                    most.max(it.first_seen.seconds)
                }));
            }
            for count in [&it.sources, &it.destinations] {
                let known = Precision::ALL.map(Precision::name);
                if let Some(at) = known.iter().position(|name| *name == count.precision) {
                    row.precisions[at] += 1;
                }
                if count.precision == Precision::About.name() {
                    squares.push(count.error * count.error);
                }
            }
            if let (true, Some(wrong)) = (row.wrong.is_empty(), it.wrong()) {
                row.wrong = format!("seed {seed}: {}: {wrong}", it.content);
            }
        }
        row.error = (!squares.is_empty())
            .then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt());
        row
    }
}

#[cfg(test)]
mod tests;
