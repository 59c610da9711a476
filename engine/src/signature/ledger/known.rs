//! One signature that was reported, and what is known of it by now.

use super::super::coalesce::{Piece, Place};
use super::super::confidence::Grounds;
use super::super::evidence::{SourceBits, credible, growth};
use super::super::{
    Alarm, Boilerplate, Candidate, Evidence, Load, Nearest, Relay, Sample, Signature,
    SignatureSample, Support, View, signature_id,
    tokens::{Holder, Tokens, chosen, narrowed, tokens},
};
use super::forwarders::Forwarders;
use super::reported::{KEYS, Report};
use crate::packet::{Host, Timestamp};
use crate::state::persist;
use std::collections::BTreeSet;
use std::sync::Arc;

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
    pub(super) fired: [Option<Timestamp>; 2],
    /// Whether its relays were noted as such.
    pub(super) noted: bool,
    pub(super) id: String,
    alarm: Alarm,
    detected_at: Timestamp,
}

/// A sample, and where it shows the content.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Witness {
    pub(super) place: Place,
    seen: SignatureSample,
}

impl Known {
    pub(super) fn new(
        (protocol, port): (u8, Option<u16>),
        port_rule: &str,
        content: Vec<u8>,
        support: Support,
        alarm: Alarm,
        detected_at: Timestamp,
    ) -> Self {
        Self {
            id: signature_id(protocol, port_rule, port, &content),
            protocol,
            port,
            content,
            support,
            stops: [0; 2],
            witnesses: Vec::new(),
            tokens: None,
            members: BTreeSet::new(),
            tally: Tally::default(),
            fired: [None; 2],
            noted: false,
            alarm,
            detected_at,
        }
    }

    /// What stays when it is forgotten.
    pub(super) fn report(&self) -> Report {
        // 32 hex digits, as `signature_id` makes them.
        let id = u128::from_str_radix(&self.id, 16).unwrap_or_default();
        let mut keys = [0; KEYS];
        keys.iter_mut().zip(&self.members).for_each(|(place, key)| *place = *key);
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
            places: self.witnesses.iter().map(|witness| witness.place).collect(),
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
    pub(super) fn absorb(&mut self, other: &Self) {
        self.members.extend(&other.members);
        self.tally.merge(&other.tally);
        self.noted |= other.noted;
        for (mine, theirs) in self.fired.iter_mut().zip(other.fired) {
            *mine = (*mine).max(theirs);
        }
    }

    /// The signature as of now.
    pub(super) fn signature(&self, around: &Around<'_>) -> Signature {
        let alarms: Vec<Alarm> = Alarm::ALL
            .into_iter()
            .filter(|alarm| self.fired[*alarm as usize].is_some())
            .collect();
        let tally = &self.tally;
        let (sources, relays) = (&tally.source_list.1, &tally.relays.1);
        let mut seen = [false; 256];
        self.content.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        let distinct_bytes = seen.iter().filter(|seen| **seen).count() as u32;
        let handshakes = tally.source_bits.counts(sources.len());
        let grounds = Grounds {
            distinct_bytes,
            support: self.support,
            alarms: &alarms,
            relays: relays.len(),
            forwarded: around.forwarders.are_all((self.protocol, self.port), relays),
            credible_relays: credible(relays, sources, tally.source_bits),
            protocol: self.protocol,
            handshakes,
            view: around.view,
            load: tally.load,
        };
        let (confidence, reasons) = grounds.judge();
        let evidence = Evidence {
            keys: self.members.len() as u64,
            alarms,
            distinct_bytes,
            growth: growth(relays),
            handshakes,
            view: around.view,
            load: tally.load,
            nearest: around.nearest(&self.content),
            reasons,
        };
        let samples = self.witnesses.iter();
        let tokens =
            self.tokens.clone().unwrap_or_else(|| Tokens::of_content(&self.content));
        Signature {
            id: self.id.clone(),
            alarm: self.alarm,
            confidence,
            protocol: self.protocol,
            port: self.port,
            port_rule: around.port_rule.to_owned(),
            part_of: None,
            content: self.content.clone(),
            tokens: tokens.list,
            tokens_ordered: tokens.ordered,
            packets: tally.packets,
            sources: tally.sources,
            destinations: tally.destinations,
            source_list: sorted(&tally.source_list.1),
            destination_list: sorted(&tally.destination_list.1),
            spread: tally.spread,
            relays: tally.relays.1.clone(),
            first_seen: tally.first_seen.unwrap_or_default(),
            last_seen: tally.last_seen,
            detected_at: self.detected_at,
            evidence,
            samples: samples
                .map(|w| SignatureSample { offset: w.place.origin(), ..w.seen })
                .collect(),
        }
    }

    /// Bytes that it takes, near enough: trees and vectors at their usual fill.
    pub(super) fn bytes(&self) -> usize {
        let hosts = self.tally.source_list.1.len() + self.tally.destination_list.1.len();
        size_of::<Self>()
            // Here and in the ledger's map.
            + 4 * self.id.len()
            + self.content.len()
            + self.tokens.as_ref().map_or(0, Tokens::memory_bytes)
            + self.witnesses.len() * size_of::<Witness>()
            + hosts * size_of::<Host>()
            + self.tally.relays.1.len() * size_of::<Relay>()
            // Once in this set and once in the ledger's map from keys.
            + self.members.len() * 6 * size_of::<u64>()
    }
}

/// What a signature says besides what is known of its content.
pub(super) struct Around<'a> {
    pub(super) port_rule: &'a str,
    pub(super) view: View,
    pub(super) boilerplate: Option<&'a Boilerplate>,
    pub(super) forwarders: &'a Forwarders,
}

impl Around<'_> {
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
    witnesses.sort_by_key(|witness| (witness.place.sample, witness.place.start));
    let mut merged: Vec<Witness> = Vec::new();
    for witness in witnesses {
        match merged.last_mut() {
            Some(last) if last.place.sample == witness.place.sample => {
                last.widen(&witness.place);
            }
            _ => merged.push(witness),
        }
    }
    merged.sort_by_key(|witness| (witness.seen.packet, witness.place.sample));
    merged.drain(..merged.len().saturating_sub(MOST_WITNESSES));
    merged.shrink_to_fit();
    merged
}

impl Witness {
    pub(super) fn new(sample: &Sample, start: usize, length: usize) -> Self {
        Self {
            place: Place { sample: sample.name(), start, at: 0, length },
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
        let first = self.place.at as i64 + at;
        let cut = usize::try_from(-first).unwrap_or(0);
        let begin = usize::try_from(first).unwrap_or(0);
        let rest = self.place.length.checked_sub(cut)?;
        let length = rest.min(length.checked_sub(begin)?);
        let place =
            Place { start: self.place.start + cut, at: begin, length, ..self.place };
        (length > 0).then_some(Self { place, ..*self })
    }

    /// Adds a stretch of the same sample that begins no earlier and touches.
    fn widen(&mut self, other: &Place) {
        let place = &mut self.place;
        let end = place.start + place.length;
        if other.origin() == place.origin() && other.start <= end {
            place.length = end.max(other.start + other.length) - place.start;
        }
    }
}

/// Evidence over all windows of one content: each figure from the window that
/// says most, since a window cannot have been in more packets than the content.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sources: u32,
    pub(super) destinations: u32,
    pub(super) packets: u64,
    pub(super) spread: u32,
    pub(super) first_seen: Option<Timestamp>,
    pub(super) last_seen: Timestamp,
    /// Each list with the key that it is from.
    pub(super) source_list: (u64, Vec<Host>),
    /// Which of these get answers.
    pub(super) source_bits: SourceBits,
    pub(super) destination_list: (u64, Vec<Host>),
    pub(super) relays: (u64, Vec<Relay>),
    /// The highest at any of its alarms.
    pub(super) load: Load,
}

impl Tally {
    /// Counts what one window's candidate knows.
    pub(super) fn add(
        &mut self,
        key: u64,
        candidate: &Candidate,
        spread: u32,
        relays: &[Relay],
    ) {
        self.sources = self.sources.max(candidate.sources);
        self.destinations = self.destinations.max(candidate.destinations);
        self.packets = self.packets.max(candidate.packets);
        self.see(candidate.first_seen, candidate.last_seen);
        if longest(&mut self.source_list, key, &candidate.source_list) {
            self.source_bits = candidate.source_bits;
        }
        longest(&mut self.destination_list, key, &candidate.destination_list);
        self.pass_on(key, spread, relays);
    }

    fn merge(&mut self, other: &Self) {
        self.sources = self.sources.max(other.sources);
        self.destinations = self.destinations.max(other.destinations);
        self.packets = self.packets.max(other.packets);
        self.see(other.first_seen.unwrap_or(self.last_seen), other.last_seen);
        if longest(&mut self.source_list, other.source_list.0, &other.source_list.1) {
            self.source_bits = other.source_bits;
        }
        self.load = self.load.max(other.load);
        longest(
            &mut self.destination_list,
            other.destination_list.0,
            &other.destination_list.1,
        );
        self.pass_on(other.relays.0, other.spread, &other.relays.1);
    }

    fn see(&mut self, first: Timestamp, last: Timestamp) {
        self.first_seen = Some(self.first_seen.map_or(first, |known| known.min(first)));
        self.last_seen = self.last_seen.max(last);
    }

    /// Spread and relays are of one window: the largest spread, then the lowest key.
    fn pass_on(&mut self, key: u64, spread: u32, relays: &[Relay]) {
        let first = self.spread == 0 && self.relays.1.is_empty();
        let more = spread > self.spread;
        if first || more || (spread == self.spread && key <= self.relays.0) {
            self.spread = spread;
            self.relays = (key, relays.to_vec());
        }
    }
}

/// Keeps the longest list; of equally long ones, the lowest key's. Whether it is this.
fn longest(best: &mut (u64, Vec<Host>), key: u64, list: &[Host]) -> bool {
    let longer = list.len() > best.1.len();
    let kept = longer || (list.len() == best.1.len() && key <= best.0);
    if kept {
        *best = (key, list.to_vec());
    }
    kept
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
    id,
    alarm,
    detected_at
});
persist!(Witness { place, seen });
persist!(Tally {
    sources,
    destinations,
    packets,
    spread,
    first_seen,
    last_seen,
    source_list,
    source_bits,
    destination_list,
    relays,
    load
});
