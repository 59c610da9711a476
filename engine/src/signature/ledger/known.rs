//! One signature that was reported, and what is known of it by now.

use super::super::coalesce::{Compared, Grams, Occurrence, Piece};
use super::super::confidence::Grounds;
use super::super::evidence::growth;
use super::super::incidents::{Incidents, Member};
use super::super::kind::{Facts, infected};
use super::super::{
    Alarm, Boilerplate, Confidence, Count, Evidence, FirstSighting, Kind, Nearest,
    PassingOn, Population, Relay, Roles, Sample, Signature, SignatureSample, Support,
    View,
    tokens::{Holder, Tokens, chosen, narrowed, tokens},
};
use super::LedgerSettings;
use super::forwarders::Forwarders;
use super::reported::{KEYS, Report};
use super::tally::Tally;
use crate::packet::{AddressPlan, Host, Timestamp};
use crate::state::persist;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// The most samples that a signature names; the newest are kept, since later
/// alarms share those.
const MOST_WITNESSES: usize = 16;

/// A reported signature.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) protocol: u8,
    pub(super) port: Option<u16>,
    pub(super) content: Vec<u8>,
    pub(super) support: Support,
    /// See [`Piece::stops`].
    pub(super) stops: [u32; 2],
    pub(super) witnesses: Vec<Witness>,
    /// Unless there were too few samples to tell.
    pub(super) tokens: Option<Tokens>,
    /// Content keys of the windows that alarmed.
    pub(super) members: BTreeSet<u64>,
    pub(super) tally: Tally,
    /// When each alarm last counted, in the order of [`Alarm::ALL`].
    pub(super) fired: [Option<Timestamp>; Alarm::ALL.len()],
    /// Whether its relays were noted as such.
    pub(super) noted: bool,
    /// The grade that was last told.
    pub(super) told: Option<Confidence>,
    /// The boilerplate that covers most of the content, once it was asked for: laying all
    /// literals over a content costs more than the rest of a signature.
    nearest: OnceLock<Option<Nearest>>,
    /// What follows from content and hosts, once it was asked for: incidents ask at each tick,
    /// of signatures that have not changed.
    derived: OnceLock<Derived>,
    pub(super) id: String,
    alarm: Alarm,
    detected_at: Timestamp,
}

/// What follows from the content and the hosts of a signature.
#[derive(Debug)]
struct Derived {
    distinct_bytes: u32,
    /// The listed hosts, in order.
    sources: Vec<Host>,
    destinations: Vec<Host>,
    /// Listed sources that are listed destinations, too.
    on_both: u64,
    /// Of the content.
    grams: Grams,
}

/// A sample, and where it shows the content.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Witness {
    pub(super) occurrence: Occurrence,
    seen: SignatureSample,
}

impl Known {
    pub(super) fn new(
        (protocol, port): (u8, Option<u16>),
        id: String,
        content: Vec<u8>,
        support: Support,
        alarm: Alarm,
        detected_at: Timestamp,
    ) -> Self {
        Self {
            id,
            protocol,
            port,
            content,
            support,
            stops: [0; 2],
            witnesses: Vec::new(),
            tokens: None,
            members: BTreeSet::new(),
            tally: Tally::default(),
            fired: Default::default(),
            noted: false,
            told: None,
            nearest: OnceLock::new(),
            derived: OnceLock::new(),
            alarm,
            detected_at,
        }
    }

    /// Gives it a content that has grown or was cut, and returns the one that it had.
    pub(super) fn replace_content(&mut self, content: Vec<u8>) -> Vec<u8> {
        if content != self.content {
            self.nearest.take();
        }
        std::mem::replace(&mut self.content, content)
    }

    /// It was put off, and is reported at this tick.
    pub(super) fn tell_late(&mut self, now: Timestamp) {
        self.detected_at = now;
    }

    /// The tick at which it was first reported.
    pub(super) fn detected_at(&self) -> Timestamp {
        self.detected_at
    }

    /// What stays when it is forgotten.
    pub(super) fn report(&self) -> Report {
        // 32 hex digits, as `signature_id` makes them.
        let id = u128::from_str_radix(&self.id, 16).unwrap_or_default();
        let mut keys = [0; KEYS];
        keys.iter_mut().zip(&self.members).for_each(|(it, key)| *it = *key);
        Report { id, alarm: self.alarm, detected_at: self.detected_at, keys }
    }

    /// Itself, as a content that was first reported as `before` says: under its id,
    /// however it has grown this time.
    pub(super) fn returned(self, before: Report) -> Self {
        let Report { id, alarm, detected_at, .. } = before;
        Self { id: format!("{id:032x}"), alarm, detected_at, noted: true, ..self }
    }

    /// Itself as a piece, so that new pieces can join it.
    pub(super) fn piece(&self) -> Piece<'_> {
        Piece {
            content: &self.content,
            occurrences: self
                .witnesses
                .iter()
                .map(|witness| witness.occurrence)
                .collect(),
            support: self.support,
            windows: self.members.len() as u32,
            stops: self.stops,
        }
    }

    /// Finds the tokens, or holds those known against more samples; says whether they
    /// changed.
    pub(super) fn see_tokens(
        &mut self,
        before: &[u8],
        holders: Vec<Holder>,
        ordinary: &[Arc<[u8]>],
    ) -> bool {
        let holders = chosen(holders);
        let now = match &self.tokens {
            None => tokens(&self.content, &holders, ordinary),
            Some(known) if known.list.len() == 1 => {
                Some(Tokens::of_content(&self.content))
            }
            Some(known) => Some(narrowed(known, before, &self.content, &holders)),
        };
        let strings = |tokens: &Option<Tokens>| {
            tokens.as_ref().is_some_and(|it| it.list.len() > 1).then(|| tokens.clone())
        };
        let changed = strings(&self.tokens) != strings(&now);
        self.tokens = now;
        changed
    }

    /// Takes over all that counts for another signature of the same content.
    pub(super) fn absorb(&mut self, other: &Self, seed: u64) {
        self.members.extend(&other.members);
        self.tally.merge(&other.tally, seed);
        self.noted |= other.noted;
        for (mine, theirs) in self.fired.iter_mut().zip(other.fired) {
            *mine = (*mine).max(theirs);
        }
    }

    /// The alarms that fired.
    fn alarms(&self) -> Vec<Alarm> {
        let fired = |alarm: &Alarm| self.fired[*alarm as usize].is_some();
        Alarm::ALL.into_iter().filter(fired).collect()
    }

    /// Itself as it is compared with other signatures.
    pub(super) fn member(&self, number: u64) -> Member<'_> {
        Member {
            number,
            protocol: self.protocol,
            port: self.port.or_else(|| self.tally.ports.busiest()),
            facts: self.facts(),
            sources: (&self.derived().sources[..]).into(),
        }
    }

    /// It has changed.
    pub(super) fn renew(&mut self) {
        self.derived.take();
    }

    /// Itself as new pieces are compared with it.
    pub(super) fn compared(&self) -> Compared<'_> {
        Compared { content: &self.content, grams: &self.derived().grams }
    }

    /// Whether it was seen in one of these samples.
    pub(super) fn is_in(&self, samples: &BTreeSet<(u8, u64)>) -> bool {
        self.witnesses.iter().any(|it| samples.contains(&it.occurrence.sample))
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(|| {
            let sources = sorted(self.tally.sources.list());
            let destinations = sorted(self.tally.destinations.list());
            let is_on_both = |host: &&Host| destinations.binary_search(host).is_ok();
            let on_both = sources.iter().filter(is_on_both).count() as u64;
            let distinct_bytes = distinct_bytes(&self.content);
            let grams = Grams::of(&self.content);
            Derived { distinct_bytes, sources, destinations, on_both, grams }
        })
    }

    /// What decides its kind.
    fn facts(&self) -> Facts<'_> {
        let tally = &self.tally;
        let (sources, destinations) = (tally.sources.list(), tally.destinations.list());
        let counts = [tally.source_count(), tally.destinations.count()];
        let numbers = counts.map(|count| u64::from(count.number));
        let listed = (sources.len() * destinations.len()).max(1) as u64;
        // Of lists that name one in n hosts and one in m, one in n m is on both.
        let both_ways = self.derived().on_both * numbers[0] * numbers[1] / listed;
        let both_ways = both_ways.min(numbers[0]).min(numbers[1]);
        Facts {
            relays: self.relays_as_judged(),
            roles: tally.roles,
            handshakes: tally.sources.bits().counts(sources.len()),
            hosts: counts.map(Some),
            all_hosts: numbers[0] + numbers[1] - both_ways,
            both_ways,
        }
    }

    /// Whether responders alone sent it, as far as roles are known.
    fn is_only_replied(&self) -> bool {
        let Roles { initiator, responder, unknown } = self.tally.roles;
        responder > 0 && initiator + unknown == 0
    }

    /// Its relays. Of what responders alone send, it says nothing that a relay began a
    /// conversation at the port before it received it: who fetches a content begins.
    fn relays_as_judged(&self) -> Cow<'_, [Relay]> {
        let relays = &self.tally.relays.1[..];
        match self.is_only_replied() {
            true => relays.iter().map(|it| Relay { began_before: None, ..*it }).collect(),
            false => relays.into(),
        }
    }

    /// The grade as of now, and each ground for it.
    pub(super) fn grade(&self, n: u64, around: &Around<'_>) -> (Confidence, Vec<String>) {
        let tally = &self.tally;
        let (sources, relays) = (tally.sources.list(), &tally.relays.1);
        let (infected_relays, proven_relays) = infected(&self.facts());
        let (kind, contents) = around
            .incidents
            .of(n)
            .map_or((Kind::Unclear, 1), |(_, found)| (found.kind, found.members.len()));
        let count = |is: fn(&Relay) -> bool| relays.iter().filter(|it| is(it)).count();
        Grounds {
            distinct_bytes: self.derived().distinct_bytes,
            support: self.support,
            alarms: &self.alarms(),
            hosts: self.hosts(around),
            relays: relays.len(),
            infected_relays,
            proven_relays,
            decoys: (
                count(|relay| relay.is_decoy),
                count(|relay| relay.is_decoy && relay.proven == Some(true)),
            ),
            contact_relays: count(Relay::keeps_to_contacts),
            kind,
            contents,
            only_replies: self.is_only_replied(),
            forwarded: around.forwarders.are_all((self.protocol, self.port), relays),
            credible_relays: count(|relay| relay.proven != Some(false)),
            protocol: self.protocol,
            handshakes: tally.sources.bits().counts(sources.len()),
            view: around.view,
            load: tally.load,
        }
        .judge()
    }

    /// Sources and destinations. Of a content that does not show a window in each of its
    /// copies, some hosts are missing.
    fn hosts(&self, around: &Around<'_>) -> [Count; 2] {
        let counts = [self.tally.source_count(), self.tally.destinations.count()];
        match around.is_partly_seen(&self.content) {
            true => counts.map(|count| Count::at_least(count.number)),
            false => counts,
        }
    }

    /// The addresses that sent it; as with hosts, some may be missing.
    fn population(&self, around: &Around<'_>) -> Option<Population> {
        let population = self.tally.population()?;
        Some(match around.is_partly_seen(&self.content) {
            true => population.at_least(),
            false => population,
        })
    }

    /// The signature as of now; `n` is its number in the ledger.
    pub(super) fn signature(&self, n: u64, around: &Around<'_>) -> Signature {
        let tally = &self.tally;
        let (sources, relays) = (tally.sources.list(), &tally.relays.1);
        let handshakes = tally.sources.bits().counts(sources.len());
        let hosts = self.hosts(around);
        let (confidence, mut reasons) = self.grade(n, around);
        let incident = around.incidents.of(n);
        reasons.extend(translation(tally.packets, tally.translated));
        let evidence = Evidence {
            keys: self.members.len() as u64,
            alarms: self.alarms(),
            distinct_bytes: self.derived().distinct_bytes,
            passing_on: PassingOn::of(relays),
            growth: growth(relays),
            handshakes,
            view: around.view,
            translated: tally.translated,
            load: tally.load,
            nearest: self.nearest.get_or_init(|| around.nearest(&self.content)).clone(),
            reasons,
        };
        let samples = self.witnesses.iter();
        let [sources, destinations] = hosts;
        let tokens =
            self.tokens.clone().unwrap_or_else(|| Tokens::of_content(&self.content));
        Signature {
            id: self.id.clone(),
            alarm: self.alarm,
            confidence,
            kind: incident.map_or(Kind::Unclear, |(_, found)| found.kind),
            incident: incident.map(|(id, _)| format!("{id:032x}")),
            protocol: self.protocol,
            port: self.port,
            port_rule: around.settings.rule_of(self.port).to_owned(),
            part_of: None,
            content: self.content.clone(),
            tokens: tokens.list,
            tokens_ordered: tokens.ordered,
            packets: tally.packets,
            sources: sources.number,
            sources_precision: sources.precision,
            destinations: destinations.number,
            destinations_precision: destinations.precision,
            source_list: self.derived().sources.clone(),
            destination_list: self.derived().destinations.clone(),
            roles: tally.roles,
            ports: tally.ports,
            taps: tally.taps.seen_by(&around.settings.taps),
            // Only a merger knows.
            blind: std::collections::BTreeMap::new(),
            withheld: std::collections::BTreeSet::new(),
            spread: tally.spread,
            relays: tally.relays.1.clone(),
            population: self.population(around),
            first_seen: tally.first.unwrap_or_default().time,
            first_sighting: tally.first.map(|first| FirstSighting {
                certain: first.certain && !around.is_partly_seen(&self.content),
                ..first
            }),
            last_seen: tally.last_seen,
            detected_at: self.detected_at,
            evidence,
            samples: samples
                .map(|w| SignatureSample { offset: w.occurrence.origin(), ..w.seen })
                .collect(),
            // The sensor knows.
            addresses: AddressPlan::default(),
        }
    }

    /// Bytes that it takes, near enough: trees and vectors at their usual fill.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            // Here and in the ledger's map.
            + 4 * self.id.len()
            + self.content.len()
            + self.tokens.as_ref().map_or(0, Tokens::memory_bytes)
            + self.witnesses.len() * size_of::<Witness>()
            + self.tally.memory_bytes()
            // What is derived.
            + size_of_val(self.tally.sources.list())
            + size_of_val(self.tally.destinations.list())
            + size_of::<Grams>()
            // Once in this set and once in the ledger's map from keys.
            + self.members.len() * 6 * size_of::<u64>()
            + Incidents::BYTES_EACH
    }
}

/// What is to be said where a quarter of the packets, or more, were seen twice.
fn translation(packets: u64, translated: u32) -> Option<String> {
    (translated > 0 && 4 * u64::from(translated) >= packets).then(|| {
        format!(
            "{translated} of {packets} packets came again from another address within 50 ms: \
             the tap sees both sides of an address translator, so that hosts count twice."
        )
    })
}

/// What a signature says besides what is known of its content.
pub(super) struct Around<'a> {
    pub(super) settings: &'a LedgerSettings,
    pub(super) view: View,
    pub(super) boilerplate: Option<&'a Boilerplate>,
    pub(super) forwarders: &'a Forwarders,
    pub(super) incidents: &'a Incidents,
}

impl Around<'_> {
    /// Whether some copies of a content may show no window.
    fn is_partly_seen(&self, content: &[u8]) -> bool {
        self.settings.partly_seen.contains(&content.len())
    }

    /// The boilerplate that covers most of a content.
    fn nearest(&self, content: &[u8]) -> Option<Nearest> {
        let covered = self.boilerplate?.cover(content);
        let file = covered.mostly()?;
        let bytes = covered.by.get(&file).copied().unwrap_or(0) as u64;
        Some(Nearest { literals: file.name().to_owned(), bytes })
    }
}

/// The newest of `witnesses`, one a sample.
pub(super) fn newest(mut witnesses: Vec<Witness>) -> Vec<Witness> {
    witnesses
        .sort_by_key(|witness| (witness.occurrence.sample, witness.occurrence.start));
    let mut merged: Vec<Witness> = Vec::new();
    for witness in witnesses {
        match merged.last_mut() {
            Some(last) if last.occurrence.sample == witness.occurrence.sample => {
                last.widen(&witness.occurrence);
            }
            _ => merged.push(witness),
        }
    }
    merged.sort_by_key(|witness| (witness.seen.packet, witness.occurrence.sample));
    merged.drain(..merged.len().saturating_sub(MOST_WITNESSES));
    merged.shrink_to_fit();
    merged
}

impl Witness {
    pub(super) fn new(sample: &Sample, start: usize, length: usize) -> Self {
        Self {
            occurrence: Occurrence { sample: sample.name(), start, at: 0, length },
            seen: SignatureSample {
                packet: sample.packet,
                time: sample.time,
                source: sample.source,
                destination: sample.destination,
                source_port: sample.source_port,
                destination_port: sample.destination_port,
                offset: 0,
                payload_length: sample.payload_length,
            },
        }
    }

    /// The witness seen from a content that this one's lies in at `at`, cut to
    /// that content's `length`; `None` when nothing of it is inside.
    pub(super) fn moved(&self, at: i64, length: usize) -> Option<Self> {
        let first = self.occurrence.at as i64 + at;
        let cut = usize::try_from(-first).unwrap_or(0);
        let begin = usize::try_from(first).unwrap_or(0);
        let rest = self.occurrence.length.checked_sub(cut)?;
        let length = rest.min(length.checked_sub(begin)?);
        let occurrence = Occurrence {
            start: self.occurrence.start + cut,
            at: begin,
            length,
            ..self.occurrence
        };
        (length > 0).then_some(Self { occurrence, ..*self })
    }

    /// Adds a stretch of the same sample that begins no earlier and touches.
    fn widen(&mut self, other: &Occurrence) {
        let own = &mut self.occurrence;
        let end = own.start + own.length;
        if other.origin() == own.origin() && other.start <= end {
            own.length = end.max(other.start + other.length) - own.start;
        }
    }
}

fn distinct_bytes(content: &[u8]) -> u32 {
    let mut seen = [false; 256];
    content.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() as u32
}

fn sorted(list: &[Host]) -> Vec<Host> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list
}

persist!(Known {
    protocol,
    port,
    content,
    support,
    stops,
    witnesses,
    tokens,
    members,
    tally,
    fired,
    noted,
    told,
    id,
    alarm,
    detected_at;
    nearest,
    derived
});
persist!(Witness { occurrence, seen });
