//! What was reported, so that only news is reported.
//!
//! One content alarms through many windows, in many shards, over many ticks.
//! The ledger remembers the contents that it has reported. It lays the alarms of
//! a tick beside them and decides for each: a new content, more of a known one,
//! the other alarm for a known one, or nothing new.

mod known;

use super::candidate::within;
use super::{Alarm, Candidate, Piece, Relay, Sample, Signature, coalesce, grow};
use crate::packet::Timestamp;
use known::{Known, Witness};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much a [`Ledger`] remembers, and for how long an alarm is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Name of the port rule, as it stands in signatures.
    pub port_rule: String,
    /// A content alarms once in this time.
    pub dispersion_window: Duration,
    /// Most signatures remembered.
    pub signatures: usize,
    /// Most bytes that they may take.
    pub bytes: usize,
}

/// An alarm of one window, with all that is known of it at that tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmedCandidate {
    /// Content key of the window.
    pub key: u64,
    /// Which alarm, the first one where both fired.
    pub alarm: Alarm,
    /// Whether the other alarm fired too.
    pub both: bool,
    /// IP protocol number.
    pub protocol: u8,
    /// Port under the port rule.
    pub port: Option<u16>,
    /// The candidate as of the tick.
    pub candidate: Candidate,
    /// Sum of the relays' fan-outs.
    pub spread: u32,
    /// Hosts that passed the window on.
    pub relays: Vec<Relay>,
    /// The samples that could be kept.
    pub samples: Vec<Sample>,
    /// Number of the packet that raised the alarm.
    pub packet: u64,
    /// Where the window begins in that packet's payload.
    pub offset: i32,
}

/// A window's state at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The candidate.
    pub candidate: Candidate,
    /// Sum of the relays' fan-outs.
    pub spread: u32,
    /// Hosts that passed the window on.
    pub relays: Vec<Relay>,
}

/// What the ledger has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A content that was not known.
    Signature(Signature),
    /// A known one: its content changed, the other alarm fired, or it alarmed
    /// again after a dispersion window.
    Update(Signature),
    /// The last word on one: at the end, or when it is forgotten.
    Summary(Signature),
}

impl Finding {
    /// The signature, whatever is said of it.
    pub fn signature(&self) -> &Signature {
        match self {
            Self::Signature(it) | Self::Update(it) | Self::Summary(it) => it,
        }
    }

    /// The same, to keep.
    pub fn into_signature(self) -> Signature {
        match self {
            Self::Signature(it) | Self::Update(it) | Self::Summary(it) => it,
        }
    }
}

/// What became of alarms and signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerCounters {
    /// Alarms of windows.
    pub alarms: u64,
    /// Those of a content that was known before the tick.
    pub alarms_known: u64,
    /// Those without a usable sample, of windows that are in no known signature:
    /// nothing can be reported.
    pub windows_unknown: u64,
    /// Signatures reported.
    pub signatures: u64,
    /// Updates reported.
    pub updates: u64,
    /// Signatures found to be part of an older one.
    pub absorbed: u64,
    /// Signatures forgotten for want of room, the oldest first.
    pub retired: u64,
}

impl LedgerCounters {
    /// Adds another ledger's counts.
    pub fn add(&mut self, other: &Self) {
        self.alarms += other.alarms;
        self.alarms_known += other.alarms_known;
        self.windows_unknown += other.windows_unknown;
        self.signatures += other.signatures;
        self.updates += other.updates;
        self.absorbed += other.absorbed;
        self.retired += other.retired;
    }
}

/// Turns the alarms of ticks into findings.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    /// By order of first report.
    known: BTreeMap<u64, Known>,
    next: u64,
    /// Which signature a content key is a window of.
    owners: BTreeMap<u64, u64>,
    /// The signatures of one protocol and port: others never join.
    services: BTreeMap<Service, BTreeSet<u64>>,
    bytes: usize,
    counters: LedgerCounters,
}

type Service = (u8, Option<u16>);

/// Where an alarm was raised: decides the order of findings.
type Raised = (u64, i32, u64);

/// One content of a tick: alarms, and the known signatures that they belong to.
struct Group {
    known: Vec<u64>,
    alarms: Vec<usize>,
    /// Its content and witnesses, unless no alarm brought a sample.
    content: Option<(super::Joined, Vec<Witness>)>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(settings: LedgerSettings) -> Self {
        Self {
            settings,
            known: BTreeMap::new(),
            next: 0,
            owners: BTreeMap::new(),
            services: BTreeMap::new(),
            bytes: 0,
            counters: LedgerCounters::default(),
        }
    }

    /// Signatures remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Bytes that the remembered signatures take, at most the setting.
    pub fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// What became of alarms and signatures so far.
    pub fn counters(&self) -> &LedgerCounters {
        &self.counters
    }

    /// Takes all alarms of one tick, over all shards and in any order, and says
    /// what is news, in the order in which the alarms were raised.
    pub fn tick(
        &mut self,
        now: Timestamp,
        mut alarms: Vec<AlarmedCandidate>,
    ) -> Vec<Finding> {
        alarms.sort_by_key(|alarm| (raised(alarm), alarm.alarm));
        self.counters.alarms += fired(&alarms);
        let mut services: BTreeMap<Service, Vec<&AlarmedCandidate>> = BTreeMap::new();
        for alarm in &alarms {
            services.entry((alarm.protocol, alarm.port)).or_default().push(alarm);
        }
        let mut findings: Vec<(Raised, Finding)> = Vec::new();
        for (service, alarms) in services {
            for group in self.group(service, &alarms) {
                let first = raised(alarms[group.alarms[0]]);
                let news = self.enter(now, service, &alarms, group);
                findings.extend(news.into_iter().map(|finding| (first, finding)));
            }
        }
        findings.sort_by_key(|(raised, _)| *raised);
        let mut findings: Vec<_> =
            findings.into_iter().map(|(_, finding)| finding).collect();
        while self.known.len() > self.settings.signatures
            || self.bytes > self.settings.bytes
        {
            let Some(oldest) = self.known.keys().next().copied() else { break };
            let retired = self.forget(oldest);
            findings.extend(
                retired
                    .map(|it| Finding::Summary(it.signature(&self.settings.port_rule))),
            );
            self.counters.retired += 1;
        }
        findings
    }

    /// Ends the run: one summary a remembered signature, with the counts of
    /// candidates that are still there (`lookup`, by key), else the last known.
    ///
    /// What was passed on comes first (by spread), then what is most dispersed
    /// (by the smaller of sources and destinations), then by packets, then by id.
    pub fn finish(
        &mut self,
        mut lookup: impl FnMut(u64) -> Option<Snapshot>,
    ) -> Vec<Finding> {
        let mut summaries = Vec::with_capacity(self.known.len());
        for known in self.known.values_mut() {
            for &key in &known.members {
                if let Some(now) = lookup(key) {
                    known.tally.add(key, &now.candidate, now.spread, &now.relays);
                }
            }
            summaries.push(known.signature(&self.settings.port_rule));
        }
        self.known.clear();
        self.owners.clear();
        self.services.clear();
        self.bytes = 0;
        summaries.sort_by(|a, b| rank(a).cmp(&rank(b)));
        summaries.into_iter().map(Finding::Summary).collect()
    }

    /// Grows the alarms of one service and sorts them into contents.
    fn group(&mut self, service: Service, alarms: &[&AlarmedCandidate]) -> Vec<Group> {
        let known: Vec<u64> =
            self.services.get(&service).into_iter().flatten().copied().collect();
        let mut pieces: Vec<Piece> =
            known.iter().map(|n| self.known[n].piece()).collect();
        let mut witnesses: Vec<Vec<Witness>> =
            known.iter().map(|n| self.known[n].witnesses.clone()).collect();
        let mut of_alarm = Vec::new();
        let mut without_sample = Vec::new();
        for (i, alarm) in alarms.iter().enumerate() {
            match piece(&alarm.samples) {
                Some((piece, seen)) => {
                    pieces.push(piece);
                    witnesses.push(seen);
                    of_alarm.push(i);
                }
                None => without_sample.push(i),
            }
        }
        let mut groups = Vec::new();
        for joined in coalesce(&pieces) {
            let mut group =
                Group { known: Vec::new(), alarms: Vec::new(), content: None };
            let mut seen = Vec::new();
            for &(i, at) in &joined.parts {
                match i.checked_sub(known.len()) {
                    None => group.known.push(known[i]),
                    Some(i) => group.alarms.push(of_alarm[i]),
                }
                let length = joined.content.len();
                seen.extend(witnesses[i].iter().filter_map(|w| w.moved(at, length)));
            }
            if !group.alarms.is_empty() {
                group.content = Some((joined, seen));
                groups.push(group);
            }
        }
        for i in without_sample {
            let Some(&owner) = self.owners.get(&alarms[i].key) else {
                self.counters.windows_unknown += 1;
                continue;
            };
            match groups.iter_mut().find(|group| group.known.contains(&owner)) {
                Some(group) => group.alarms.push(i),
                None => groups.push(Group {
                    known: vec![owner],
                    alarms: vec![i],
                    content: None,
                }),
            }
        }
        groups
    }

    /// Writes one content of a tick into the ledger.
    fn enter(
        &mut self,
        now: Timestamp,
        service: Service,
        alarms: &[&AlarmedCandidate],
        mut group: Group,
    ) -> Vec<Finding> {
        group.alarms.sort_unstable();
        let rule = self.settings.port_rule.clone();
        let mut findings = Vec::new();
        // The oldest is carried on under its id; others were parts of it.
        let oldest = group.known.iter().min().copied();
        let (n, mut known) = match oldest.and_then(|n| Some((n, self.forget(n)?))) {
            Some(found) => {
                self.counters.alarms_known +=
                    fired(group.alarms.iter().map(|i| alarms[*i]));
                found
            }
            None => {
                let Some((joined, _)) = &group.content else { return findings };
                let first = alarms[group.alarms[0]].alarm;
                let content = joined.content.clone();
                let support = joined.support;
                self.next += 1;
                let known = Known::new(service, &rule, content, support, first, now);
                (self.next, known)
            }
        };
        for &other in group.known.iter().filter(|other| **other != n) {
            if let Some(other) = self.forget(other) {
                known.absorb(&other);
                self.counters.absorbed += 1;
                findings.push(Finding::Summary(other.signature(&rule)));
            }
        }
        let mut news = false;
        if let Some((joined, witnesses)) = group.content {
            news |= known.content != joined.content;
            known.content = joined.content;
            known.support = known.support.max(joined.support);
            known.attest(witnesses);
        }
        for &i in &group.alarms {
            let alarm = alarms[i];
            known.members.insert(alarm.key);
            known.tally.add(alarm.key, &alarm.candidate, alarm.spread, &alarm.relays);
            for kind in Alarm::ALL.into_iter().filter(|k| alarm.both || *k == alarm.alarm)
            {
                let fired = &mut known.fired[kind as usize];
                let window = self.settings.dispersion_window;
                if fired.is_none_or(|at| !within(now, at, window)) {
                    *fired = Some(now);
                    news = true;
                }
            }
        }
        let signature = known.signature(&rule);
        if oldest.is_none() {
            self.counters.signatures += 1;
            findings.insert(0, Finding::Signature(signature));
        } else if news {
            self.counters.updates += 1;
            findings.insert(0, Finding::Update(signature));
        }
        self.remember(n, known);
        findings
    }

    fn remember(&mut self, n: u64, known: Known) {
        self.bytes += known.bytes();
        self.owners.extend(known.members.iter().map(|key| (*key, n)));
        self.services.entry((known.protocol, known.port)).or_default().insert(n);
        self.known.insert(n, known);
    }

    fn forget(&mut self, n: u64) -> Option<Known> {
        let known = self.known.remove(&n)?;
        self.bytes -= known.bytes();
        for key in &known.members {
            if self.owners.get(key) == Some(&n) {
                self.owners.remove(key);
            }
        }
        let service = (known.protocol, known.port);
        if let Some(of_service) = self.services.get_mut(&service) {
            of_service.remove(&n);
            if of_service.is_empty() {
                self.services.remove(&service);
            }
        }
        Some(known)
    }
}

/// Alarms of windows, of which one may have raised both.
fn fired<'a>(alarms: impl IntoIterator<Item = &'a AlarmedCandidate>) -> u64 {
    alarms.into_iter().map(|alarm| 1 + u64::from(alarm.both)).sum()
}

fn raised(alarm: &AlarmedCandidate) -> Raised {
    (alarm.packet, alarm.offset, alarm.key)
}

/// The grown window of one alarm, and the samples that show it.
fn piece(samples: &[Sample]) -> Option<(Piece, Vec<Witness>)> {
    let grown = grow(samples)?;
    let witnesses: Vec<Witness> = grown
        .kept
        .iter()
        .map(|&i| Witness::new(&samples[i], grown.start(samples, i), grown.length))
        .collect();
    let piece = Piece {
        content: grown.content(samples).to_vec(),
        places: witnesses.iter().map(|witness| witness.place).collect(),
        support: grown.support,
    };
    Some((piece, witnesses))
}

/// Sorts what matters most first.
fn rank(signature: &Signature) -> (Reverse<(u32, u32, u64)>, &str) {
    let minimum = signature.sources.min(signature.destinations);
    (Reverse((signature.spread, minimum, signature.packets)), &signature.id)
}

#[cfg(test)]
mod tests;
