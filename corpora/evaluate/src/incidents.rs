//! The incidents of a run, compared with what the truth says is to be made of each subject.
//!
//! Counted is the last word on each incident; those that are part of others are not.
//!
//! An incident is about the subjects at whose port it is. At none of their ports, it is about
//! the one with which it shares most hosts. A subject is as expected where at most two
//! incidents are about it, all of the kind expected, and:
//!
//! - `nothing`: there is none,
//! - `never_high`: none is high,
//! - `high`: there is one, all are high, and the first of all to read is among them.
//!
//! No incident about something else may be high: these are the subject [`OTHERS`].

use super::said::Said;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wormsift::config::Config;
use wormsift::packet::Host;
use wormsift::signature::{Confidence, Incident, PassingOn};
use wormsift_corpora::ground_truth::IncidentTruth;
use wormsift_corpora::{GroundTruth, IncidentGrade, IncidentKind};
use wormsift_export::text::{counted, service_name};

/// Incidents that one subject, and a run of a hard negative on average, may make.
const MOST: u64 = 2;
/// What incidents are about that are about no subject of the truth.
const OTHERS: &str = "others";

/// What a run made of what happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunIncidents {
    /// All, the first to read first.
    pub(crate) all: Vec<IncidentSaid>,
    /// What was expected beside what was said; empty where the truth expects nothing.
    pub(crate) subjects: Vec<SubjectSaid>,
}

/// The last word on an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IncidentSaid {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) confidence: String,
    /// Protocols and ports: `tcp/80`.
    pub(crate) services: Vec<String>,
    /// How many signatures it has.
    pub(crate) signatures: u64,
    pub(crate) sources: u32,
    pub(crate) destinations: u32,
    /// What the relays of its strongest signature did, as far as is known.
    pub(crate) relays: String,
    /// Subjects of the truth that it is about.
    pub(crate) subjects: Vec<String>,
    /// Grounds for its kind, then for the grade of its strongest signature.
    pub(crate) reasons: Vec<String>,
}

/// A subject of the truth, and the incidents about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubjectSaid {
    pub(crate) subject: String,
    /// The kind expected; empty where any may be.
    pub(crate) kind: String,
    /// The grade expected: `high`, `never_high` or `nothing`.
    pub(crate) grade: String,
    /// Kinds of the incidents about it, the first to read first.
    pub(crate) kinds: Vec<String>,
    /// How many of them are high.
    pub(crate) high: u64,
    /// What is not as expected; empty where all is.
    pub(crate) wrong: String,
}

impl RunIncidents {
    /// Lays what was said beside the truth.
    pub(crate) fn of(said: &Said, truth: &GroundTruth, config: &Config) -> Self {
        let last = last(&said.incidents);
        let about: Vec<BTreeSet<usize>> =
            last.iter().map(|it| about(it, &truth.incidents, config)).collect();
        let names = |about: &BTreeSet<usize>| {
            about.iter().map(|at| truth.incidents[*at].subject.clone()).collect()
        };
        let all = last.iter().zip(&about).map(|(it, about)| IncidentSaid {
            subjects: names(about),
            ..IncidentSaid::of(it, said)
        });
        let first = about.first();
        let subjects = truth.incidents.iter().enumerate().map(|(at, expected)| {
            let its = last.iter().zip(&about).filter(|(_, about)| about.contains(&at));
            let its: Vec<&Incident> = its.map(|(it, _)| *it).collect();
            let is_first = first.is_some_and(|about| about.contains(&at));
            SubjectSaid {
                subject: expected.subject.clone(),
                kind: kind_name(expected.kind).to_owned(),
                grade: grade_name(expected.grade).to_owned(),
                wrong: wrong(expected.kind, expected.grade, &its, is_first),
                ..SubjectSaid::of(&its)
            }
        });
        let mut subjects: Vec<_> = subjects.collect();
        if !subjects.is_empty() {
            let its = last.iter().zip(&about).filter(|(_, about)| about.is_empty());
            let its: Vec<&Incident> = its.map(|(it, _)| *it).collect();
            let high = its.iter().find(|it| is_high(it));
            subjects.push(SubjectSaid {
                subject: OTHERS.to_owned(),
                grade: grade_name(IncidentGrade::NeverHigh).to_owned(),
                wrong: high
                    .map(|it| format!("{} is high", named(it)))
                    .unwrap_or_default(),
                ..SubjectSaid::of(&its)
            });
        }
        Self { all: all.collect(), subjects }
    }

    /// How many are high.
    pub(crate) fn high(&self) -> u64 {
        let high = Confidence::High.name();
        self.all.iter().filter(|it| it.confidence == high).count() as u64
    }
}

impl IncidentSaid {
    fn of(it: &Incident, said: &Said) -> Self {
        let strongest = it.signatures.first().and_then(|id| said.word(id));
        let grounds = strongest.map(|it| &it.evidence.reasons);
        Self {
            id: it.id.clone(),
            kind: it.kind.name().to_owned(),
            confidence: it.confidence.name().to_owned(),
            services: services(it),
            signatures: it.signatures.len() as u64,
            sources: it.sources.number,
            destinations: it.destinations.number,
            relays: strongest.map_or_else(String::new, |signature| {
                passed_on(signature.relays.len(), &signature.evidence.passing_on)
            }),
            subjects: Vec::new(),
            reasons: it
                .reasons
                .iter()
                .chain(grounds.into_iter().flatten())
                .cloned()
                .collect(),
        }
    }
}

impl SubjectSaid {
    fn of(its: &[&Incident]) -> Self {
        Self {
            kinds: its.iter().map(|it| it.kind.name().to_owned()).collect(),
            high: its.iter().filter(|it| is_high(it)).count() as u64,
            ..Self::default()
        }
    }
}

/// The last word on each that is no part of another, the first to read first.
fn last(news: &[(u64, Incident)]) -> Vec<&Incident> {
    let last: BTreeMap<&str, &Incident> =
        news.iter().map(|(_, it)| (&*it.id, it)).collect();
    let mut last: Vec<_> = last.into_values().filter(|it| it.part_of.is_none()).collect();
    last.sort_by(|a, b| a.by_rank(b));
    last
}

/// The subjects that an incident is about, by their places.
fn about(it: &Incident, subjects: &[IncidentTruth], config: &Config) -> BTreeSet<usize> {
    let is_at = |port: u16| it.services.iter().any(|(_, at)| *at == Some(port));
    let at_port: BTreeSet<usize> = (0..)
        .zip(subjects)
        .filter(|(_, one)| is_at(one.port))
        .map(|(at, _)| at)
        .collect();
    if !at_port.is_empty() {
        return at_port;
    }
    let hosts: BTreeSet<Host> = it.hosts.iter().map(|it| it.host).collect();
    let shared = |one: &IncidentTruth| {
        let its = one.hosts.iter().map(|host| Host::of(*host, config.v6_prefix));
        its.collect::<BTreeSet<_>>().intersection(&hosts).count()
    };
    let shared: Vec<usize> = subjects.iter().map(shared).collect();
    let most = shared.iter().copied().max().unwrap_or(0);
    let alike = (0..).zip(&shared).filter(|(_, shared)| most > 0 && **shared == most);
    alike.map(|(at, _)| at).take(1).collect()
}

fn wrong(
    kind: IncidentKind,
    grade: IncidentGrade,
    its: &[&Incident],
    is_first: bool,
) -> String {
    let mut wrong = Vec::new();
    if grade == IncidentGrade::Nothing {
        wrong.extend(its.first().map(|it| format!("{} is reported", named(it))));
        return wrong.concat();
    }
    if its.len() as u64 > MOST {
        wrong.push(counted(its.len() as u64, "incident"));
    }
    let other = its.iter().find(|it| it.kind.name() != kind_name(kind));
    wrong
        .extend(other.map(|it| format!("{} in place of {}", named(it), kind_name(kind))));
    match grade {
        IncidentGrade::High => {
            if its.is_empty() {
                wrong.push("no incident".to_owned());
            } else if !is_first {
                wrong.push("another is first to read".to_owned());
            }
            let low = its.iter().find(|it| !is_high(it));
            wrong.extend(
                low.map(|it| format!("{} is {}", named(it), it.confidence.name())),
            );
        }
        IncidentGrade::NeverHigh => {
            let high = its.iter().find(|it| is_high(it));
            wrong.extend(high.map(|it| format!("{} is high", named(it))));
        }
        IncidentGrade::Nothing => {}
    }
    wrong.join(", ")
}

fn is_high(it: &Incident) -> bool {
    it.confidence == Confidence::High
}

fn services(it: &Incident) -> Vec<String> {
    it.services.iter().map(|(protocol, port)| service_name(*protocol, *port)).collect()
}

fn named(it: &Incident) -> String {
    format!("{} at {}", it.kind.name(), services(it).join(" "))
}

/// What relays did, in words.
pub(crate) fn passed_on(relays: usize, it: &PassingOn) -> String {
    format!(
        "{} in {} generations; targets {} new, {} known, {} unknown; conversations at the port \
         begun {} after, {} before, {} unknown; {} shown not to be forged",
        counted(relays as u64, "relay"),
        it.generations,
        it.new_targets,
        it.known_targets,
        it.target_unknown,
        it.turned,
        it.began_before,
        it.began_unknown,
        it.proven
    )
}

/// As the detector names it.
fn kind_name(kind: IncidentKind) -> &'static str {
    use wormsift::signature::Kind;
    let kind = match kind {
        IncidentKind::Outbreak => Kind::Outbreak,
        IncidentKind::ForwardingService => Kind::ForwardingService,
        IncidentKind::PeerProtocol => Kind::PeerProtocol,
        IncidentKind::ScanCampaign => Kind::ScanCampaign,
        IncidentKind::MassDelivery => Kind::MassDelivery,
        IncidentKind::Unclear => Kind::Unclear,
    };
    kind.name()
}

fn grade_name(grade: IncidentGrade) -> &'static str {
    match grade {
        IncidentGrade::High => "high",
        IncidentGrade::NeverHigh => "never_high",
        IncidentGrade::Nothing => "nothing",
    }
}

#[cfg(test)]
mod tests;
