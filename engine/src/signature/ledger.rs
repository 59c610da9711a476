//! What was reported, so that only news is reported.
//!
//! One content alarms through many windows, in many shards, over many ticks.
//! The ledger remembers the contents that it has reported. It lays the alarms of
//! a tick beside them and decides for each: a new content, more of a known one,
//! the other alarm for a known one, or nothing new.

mod forwarders;
mod grouping;
mod incidents;
mod known;
mod reported;
mod tally;
mod telling;
mod waves;

use super::baseline::{Boilerplate, LiteralFile, START, Suppressed, SuppressedList};
use super::incidents::{Incident, Incidents};
use super::{
    Alarm, Candidate, Load, Relay, Sample, Side, Signature, View, Wave, signature_id,
};
use crate::counters::counters;
use crate::state::persist;
use crate::time::{Span, Timestamp};
use forwarders::Forwarders;
use grouping::Group;
use known::{Around, Known};
use memchr::memmem;
use reported::{KEYS, Report, Reported};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use tally::Tally;
use telling::Allowance;

/// How much a [`Ledger`] remembers, and for how long an alarm is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Name of the port rule in signatures that have a port, and in those that have none.
    pub port_rules: [&'static str; 2],
    /// A content alarms once in this time.
    pub dispersion_window: Span,
    /// Most signatures remembered.
    pub signatures: usize,
    /// Most bytes that they may take.
    pub bytes: usize,
    /// Of the registers that count hosts, as the candidates have it.
    pub seed: u64,
    /// Bytes of contents of which some copies may show no window.
    pub partly_seen: Range<usize>,
    /// The names of the taps, where these have any.
    pub taps: Vec<String>,
}

impl LedgerSettings {
    /// Name of the port rule of a signature with this port.
    fn rule_of(&self, port: Option<u16>) -> &'static str {
        self.port_rules[usize::from(port.is_none())]
    }
}

/// An alarm of one window, with all that is known of it at that tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmedCandidate {
    /// Content key of the window.
    pub key: u64,
    /// Which alarm, the first one where several fired.
    pub alarm: Alarm,
    /// Which of [`Alarm::ALL`] fired.
    pub fired: [bool; Alarm::ALL.len()],
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
    /// How full the tables of its shard were at the tick.
    pub load: Load,
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
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A content that was not known.
    Signature(Signature),
    /// A known one: its content changed, another alarm fired, or it alarmed
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

counters! {
    /// What became of alarms and signatures.
    pub struct SignatureCounters {
        /// Alarms of windows.
        #[serde(rename = "alarms_seen")] // A list of the other name is in every finding.
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
        /// Signatures found to be part of an older one, which carries on both.
        pub absorbed: u64,
        /// Signatures forgotten for want of room, the oldest first, and what waits to be
        /// reported before them.
        pub retired: u64,
        /// Contents kept back as boilerplate, once a tick that they alarm at.
        pub suppressed: u64,
        /// Contents that came back after that, reported as updates.
        pub returned: u64,
        /// Signatures that were not reported at their first tick, since more were new than
        /// are told: those of which the fewest hosts bear evidence.
        pub put_off: u64,
        /// Of these, those that were forgotten before it was their turn.
        pub untold: u64,
    }
}

/// Turns the alarms of ticks into findings.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    /// By order of first report.
    known: BTreeMap<u64, Known>,
    next: u64,
    /// The same by what they were reported as.
    ids: BTreeMap<String, u64>,
    /// Which signature a content key is a window of.
    owners: BTreeMap<u64, u64>,
    /// The signatures of one protocol and port: others never join.
    services: BTreeMap<Service, BTreeSet<u64>>,
    bytes: usize,
    /// What was reported and is no longer known.
    reported: Reported,
    /// Hosts that pass on whatever comes.
    forwarders: Forwarders,
    incidents: Incidents,
    /// Signatures that were not reported yet.
    untold: BTreeSet<u64>,
    /// How many may be.
    allowance: Allowance,
    /// Signatures that alarms of the tick were of.
    touched: BTreeSet<u64>,
    /// News of incidents that was not taken yet.
    incident_news: Vec<Incident>,
    /// Waves that were not taken yet.
    wave_news: Vec<Wave>,
    /// Samples of the current tick that no alarm asked for.
    ordinary: Vec<Arc<[u8]>>,
    counters: SignatureCounters,
    /// The boilerplate that is kept back, and the length of windows.
    boilerplate: Option<(Boilerplate, usize)>,
    suppressed: SuppressedList,
    /// What the tap has shown by now.
    view: View,
}

type Service = (u8, Option<u16>);

/// What a content of a tick has to say, of a signature by its number.
#[derive(Debug)]
enum News {
    First(u64),
    More(u64),
    PartOf(u64, Box<Signature>),
}

impl News {
    fn is_of(&self, number: u64) -> bool {
        matches!(self, Self::First(n) | Self::More(n) if *n == number)
    }
}

/// Where an alarm was raised: decides the order of findings.
type Raised = (u64, i32, u64);

impl Ledger {
    /// An empty ledger.
    pub fn new(settings: LedgerSettings) -> Self {
        Self {
            reported: Reported::new(settings.bytes / REPORTED_SHARE),
            forwarders: Forwarders::new(settings.bytes / FORWARDERS_SHARE),
            incidents: Incidents::default(),
            untold: BTreeSet::new(),
            allowance: Allowance::default(),
            touched: BTreeSet::new(),
            incident_news: Vec::new(),
            wave_news: Vec::new(),
            settings,
            known: BTreeMap::new(),
            next: 0,
            ids: BTreeMap::new(),
            owners: BTreeMap::new(),
            services: BTreeMap::new(),
            bytes: 0,
            ordinary: Vec::new(),
            counters: SignatureCounters::default(),
            boilerplate: None,
            suppressed: SuppressedList::default(),
            view: View::default(),
        }
    }

    /// Shows samples of other traffic, for the next tick alone: a string that stands in
    /// those is no token.
    pub fn show_ordinary(&mut self, samples: Vec<Arc<[u8]>>) {
        self.ordinary = samples;
    }

    /// Takes what the tap has shown up to the next tick, or the end.
    pub fn show_view(&mut self, view: View) {
        self.view = view;
    }

    /// Keeps back new contents that are boilerplate and little else, windows being of
    /// `beta` bytes.
    pub fn with_boilerplate(
        mut self,
        boilerplate: Option<Boilerplate>,
        beta: usize,
    ) -> Self {
        self.boilerplate = boilerplate.map(|boilerplate| (boilerplate, beta));
        self
    }

    /// Bytes that the boilerplate takes, and the list of what was kept back at most.
    pub fn boilerplate_bytes(&self) -> usize {
        self.boilerplate.as_ref().map_or(0, |(boilerplate, _)| boilerplate.memory_bytes())
    }

    /// The first contents that were kept back, in the order of their ticks.
    pub fn suppressed(&self) -> &[Suppressed] {
        self.suppressed.list()
    }

    /// How often contents were kept back, by the file of literals.
    pub fn suppressed_by(&self) -> &BTreeMap<LiteralFile, u64> {
        self.suppressed.by()
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
        self.bytes + self.reported.memory_bytes() + self.forwarders.memory_bytes()
    }

    /// What became of alarms and signatures so far.
    pub fn counters(&self) -> &SignatureCounters {
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
        let mut news: Vec<(Raised, News)> = Vec::new();
        for (service, alarms) in services {
            for group in self.group(service, &alarms) {
                let first = raised(alarms[group.alarms[0]]);
                for entered in self.enter(now, service, &alarms, group) {
                    if let News::PartOf(other, _) = &entered {
                        // It was news of its own in this tick.
                        news.retain(|(_, it)| !it.is_of(*other));
                    }
                    news.push((first, entered));
                }
            }
        }
        self.choose(now, &mut news);
        news.sort_by_key(|(raised, _)| *raised);
        let mut findings = self.tell(news.into_iter().map(|(_, news)| news).collect());
        self.ordinary = Vec::new();
        let others = self.reported.budget() + self.forwarders.budget();
        while self.known.len() > self.settings.signatures
            || self.bytes > self.settings.bytes - others
        {
            let Some(first) = self.first_to_go() else { break };
            let Some(retired) = self.forget(first) else { break };
            if self.untold.remove(&first) {
                self.counters.untold += 1;
                continue;
            }
            self.reported.insert(retired.report());
            findings.push(Finding::Summary(retired.signature(first, &self.around())));
            self.counters.retired += 1;
        }
        findings
    }

    /// Ends the run: one summary a remembered signature, with the counts of
    /// candidates that are still there (`lookup`, by key, protocol and port), else the last
    /// known.
    ///
    /// They come in the order of [`Signature::by_rank`].
    pub fn finish(
        &mut self,
        mut lookup: impl FnMut(u64, u8, Option<u16>) -> Option<Snapshot>,
    ) -> Vec<Finding> {
        self.drop_untold();
        let mut summaries = Vec::with_capacity(self.known.len());
        for known in self.known.values_mut() {
            known.renew();
            for &key in &known.members {
                if let Some(now) = lookup(key, known.protocol, known.port) {
                    known.tally.add(
                        &now.candidate,
                        now.spread,
                        &now.relays,
                        self.settings.seed,
                    );
                }
            }
            self.reported.insert(known.report());
            if let Some(hour) = known.tally.hour() {
                self.wave_news.extend(known.tally.take_hour(hour, &known.id));
            }
        }
        let parts = self.look_at_incidents().parts;
        self.tell_parts(&parts);
        let around = self.around();
        summaries
            .extend(self.known.iter().map(|(n, known)| known.signature(*n, &around)));
        let mut incidents: Vec<Incident> =
            (self.incidents.all()).map(|(id, found)| self.incident(id, found)).collect();
        incidents.sort_by(Incident::by_rank);
        self.incident_news.append(&mut incidents);
        self.known.clear();
        self.ids.clear();
        self.owners.clear();
        self.services.clear();
        self.bytes = 0;
        summaries.sort_by(Signature::by_rank);
        summaries.into_iter().map(Finding::Summary).collect()
    }

    /// Each signature that was told, with the counts of candidates that are still there
    /// (`lookup` as in [`Ledger::finish`]), in the order of [`Signature::by_rank`]. It changes
    /// nothing.
    pub(crate) fn current(
        &mut self,
        mut lookup: impl FnMut(u64, u8, Option<u16>) -> Option<Snapshot>,
    ) -> Vec<Signature> {
        let seed = self.settings.seed;
        let mut before = Vec::with_capacity(self.known.len());
        for known in self.known.values_mut() {
            let mut tally = Tally::default();
            tally.merge(&known.tally, seed);
            for &key in &known.members {
                if let Some(now) = lookup(key, known.protocol, known.port) {
                    tally.add(&now.candidate, now.spread, &now.relays, seed);
                }
            }
            before.push(std::mem::replace(&mut known.tally, tally));
            known.renew();
        }
        let around = self.around();
        let told = self.known.iter().filter(|(n, _)| !self.untold.contains(n));
        let mut signatures: Vec<Signature> =
            told.map(|(n, known)| known.signature(*n, &around)).collect();
        for (known, before) in self.known.values_mut().zip(before) {
            known.tally = before;
            known.renew();
        }
        signatures.sort_by(Signature::by_rank);
        signatures
    }

    /// Writes one content of a tick into the ledger.
    fn enter(
        &mut self,
        now: Timestamp,
        service: Service,
        alarms: &[&AlarmedCandidate],
        mut group: Group,
    ) -> Vec<News> {
        group.alarms.sort_unstable();
        let mut findings = Vec::new();
        let mut returned = false;
        if let ([], Some((joined, _))) = (&group.known[..], &group.content)
            && let Some(n) = self.known_as(service, &joined.content)
        {
            group.known.push(n);
            group.content = None;
        }
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
                let alarmed: Vec<_> = group.alarms.iter().map(|i| alarms[*i]).collect();
                if self.suppress(now, service, &joined.content, &alarmed) {
                    return findings;
                }
                let content = joined.content.clone();
                let support = joined.support;
                let id = self.id_of(service, &content);
                let known = Known::new(service, id, content, support, first, now);
                self.next += 1;
                let windows = alarmed.iter().map(|alarm| alarm.key);
                match self.reported.take(known.report().id, windows) {
                    Some(before) => {
                        returned = true;
                        (self.next, known.returned(before))
                    }
                    None => (self.next, known),
                }
            }
        };
        for &other in group.known.iter().filter(|other| **other != n) {
            if let Some(other) = self.forget(other).map(|known| (other, known)) {
                known.absorb(&other.1, self.settings.seed);
                // Its windows are the other's now.
                self.reported.insert(Report { keys: [0; KEYS], ..other.1.report() });
                self.counters.absorbed += 1;
                let part_of = Some(known.id.clone());
                let last = other.1.signature(other.0, &self.around());
                let last = Signature { part_of, ..last };
                findings.push(News::PartOf(other.0, Box::new(last)));
            }
        }
        let mut news = false;
        if let Some((joined, witnesses)) = group.content {
            let before = known.replace_content(joined.content);
            news |= before != known.content;
            news |= known.see_tokens(&before, group.holders, &self.ordinary);
            known.support = known.support.max(joined.support);
            known.stops = joined.stops;
            known.witnesses = witnesses;
        }
        for &i in &group.alarms {
            let alarm = alarms[i];
            known.members.insert(alarm.key);
            known.tally.load = known.tally.load.max(alarm.load);
            known.tally.add(
                &alarm.candidate,
                alarm.spread,
                &alarm.relays,
                self.settings.seed,
            );
            for kind in Alarm::ALL.into_iter().filter(|k| alarm.fired[*k as usize]) {
                let fired = &mut known.fired[kind as usize];
                let window = self.settings.dispersion_window;
                if fired.is_none_or(|at| now.since(at) >= window) {
                    *fired = Some(now);
                    news = true;
                }
            }
        }
        self.counters.returned += u64::from(returned);
        // Once a signature: what goes on for days is no new occasion.
        if !known.noted && !known.tally.relays.1.is_empty() {
            known.noted = true;
            self.forwarders.note(service, &known.tally.relays.1);
        }
        if oldest.is_none() && !returned {
            findings.insert(0, News::First(n));
        } else if news {
            findings.insert(0, News::More(n));
        }
        self.touched.insert(n);
        self.remember(n, known);
        findings
    }

    /// The known signature that a content belongs to though it shares no sample with it: in
    /// another class, or the one that began as this very content, before it grew.
    fn known_as(&self, service: Service, content: &[u8]) -> Option<u64> {
        let began_as = || self.ids.get(&self.id_of(service, content)).copied();
        self.known_in_other_class(service, content).or_else(began_as)
    }

    /// A known signature that holds this content at a port, of one over all ports, or over
    /// all ports, of one at a port: some windows of a content may alarm there first.
    fn known_in_other_class(&self, service: Service, content: &[u8]) -> Option<u64> {
        let (protocol, port) = service;
        let is_other = |known: &Known| {
            known.protocol == protocol && known.port.is_some() != port.is_some()
        };
        let finder = memmem::Finder::new(content);
        let holds = |known: &Known| finder.find(&known.content).is_some();
        let mut known = self.known.iter();
        known.find(|(_, it)| is_other(it) && holds(it)).map(|(n, _)| *n)
    }

    /// The id of a content that is first reported now.
    fn id_of(&self, (protocol, port): Service, content: &[u8]) -> String {
        signature_id(protocol, self.settings.rule_of(port), port, content)
    }

    fn around(&self) -> Around<'_> {
        Around {
            settings: &self.settings,
            view: self.view,
            boilerplate: self.boilerplate.as_ref().map(|(boilerplate, _)| boilerplate),
            forwarders: &self.forwarders,
            incidents: &self.incidents,
        }
    }

    /// Keeps a new content back if it is boilerplate and little else.
    fn suppress(
        &mut self,
        now: Timestamp,
        service: Service,
        content: &[u8],
        alarms: &[&AlarmedCandidate],
    ) -> bool {
        let Some((boilerplate, beta)) = &self.boilerplate else { return false };
        let covered = boilerplate.cover(content);
        let (true, Some(by)) = (covered.is_all(*beta), covered.mostly()) else {
            return false;
        };
        let most = |side: fn(&Candidate) -> &Side| {
            let counts = alarms.iter().map(|alarm| side(&alarm.candidate).count().number);
            counts.max().unwrap_or(0)
        };
        self.counters.suppressed += 1;
        self.suppressed.add(Suppressed {
            id: self.id_of(service, content),
            by,
            alarm: alarms[0].alarm,
            protocol: service.0,
            port: service.1,
            length: content.len(),
            start: content[..content.len().min(START)].to_vec(),
            longest_unknown: covered.longest_unknown(),
            hosts: [most(|it| &it.sources), most(|it| &it.destinations)],
            first: now,
            times: 1,
        });
        true
    }

    fn remember(&mut self, n: u64, mut known: Known) {
        known.renew();
        self.bytes += known.bytes();
        self.owners.extend(known.members.iter().map(|key| (*key, n)));
        self.services.entry((known.protocol, known.port)).or_default().insert(n);
        self.ids.insert(known.id.clone(), n);
        self.known.insert(n, known);
    }

    fn forget(&mut self, n: u64) -> Option<Known> {
        let known = self.known.remove(&n)?;
        self.bytes -= known.bytes();
        self.ids.remove(&known.id);
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

/// Alarms of windows, of which one may have raised several.
fn fired<'a>(alarms: impl IntoIterator<Item = &'a AlarmedCandidate>) -> u64 {
    alarms.into_iter().flat_map(|alarm| alarm.fired).map(u64::from).sum()
}

/// The part of the budget that remembers what was reported.
const REPORTED_SHARE: usize = 4;
/// The part that remembers hosts that pass on whatever comes.
const FORWARDERS_SHARE: usize = 16;

fn raised(alarm: &AlarmedCandidate) -> Raised {
    (alarm.packet, alarm.offset, alarm.key)
}

// Between ticks there are no samples of one, and the view is shown anew at each.
// Samples are with the payloads, and found when the alarm is emitted.
persist!(AlarmedCandidate {
    key, alarm, fired, protocol, port, candidate, spread, relays, packet, offset, load; samples
});
persist!(Ledger {
    known, next, ids, owners, services, bytes, reported, forwarders, incidents, untold,
    allowance, counters, suppressed; settings, touched, incident_news, wave_news, ordinary, boilerplate, view
});

#[cfg(test)]
mod tests;
