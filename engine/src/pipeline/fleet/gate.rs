//! The gate of a tap: which sightings go to the merger.
//!
//! Under [`Gate::Promoted`] a tap counts by itself how often it sees a content, and passes on
//! only what is prevalent there, what the merger follows already, and what goes to a dark
//! address or to or from a decoy. Records of packets go all the same: conversations, new pairs
//! and dark addresses need them.
//!
//! What the merger follows at the end of a tick is wanted from two ticks later on, or, where
//! the ask comes later than that, from then on. What came before a content passed the gate is
//! not known to the merger. Costs: the prevalence tables of a sensor, and 8 bytes for each
//! content that is wanted.

use super::parcel::Contents;
use crate::config::Config;
use crate::detect::prevalence::Prevalence;
use crate::pipeline::batch::Chunk;
use crate::pipeline::build::TapParts;
use crate::pipeline::content_shard::{Next, PortKeys, line_up, port_keys};
use crate::pipeline::decoys::DecoyRules;
use crate::pipeline::record_at::{RecordAt, SeamSighting};
use crate::pipeline::sizing::CONTENT_SHARDS;
use crate::state::{Exchange, Persist, persist};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Which sightings a tap passes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// All. Findings are those of one process; takes a seventh of the traffic's bytes.
    #[default]
    All,
    /// What is prevalent at the tap by itself, and what is followed already.
    Promoted,
}

/// Ticks from the one at whose end a content is followed to that from which on it is wanted.
const AFTER: u64 = 2;

/// Contents that the merger begins to follow, and follows no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) begun: Vec<u64>,
    pub(super) ended: Vec<u64>,
}

impl Change {
    /// From one sorted list to another.
    pub(super) fn between(before: &[u64], after: &[u64]) -> Self {
        let not_in = |list: &[u64], of: &[u64]| {
            let is_other = |key: &u64| of.binary_search(key).is_err();
            list.iter().copied().filter(is_other).collect()
        };
        Self { begun: not_in(after, before), ended: not_in(before, after) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ended.is_empty()
    }
}

/// See the [module](self).
pub(super) struct Gatekeeper {
    prevalence: Vec<Prevalence>,
    threshold: u32,
    port_keys: Option<PortKeys>,
    wanted: BTreeSet<u64>,
    /// By the tick from which on they hold.
    changes: BTreeMap<u64, Vec<Change>>,
    queue: Vec<Next>,
}

impl Gatekeeper {
    pub(super) fn new(config: &Config, parts: &TapParts) -> Self {
        let seed = |shard| parts.seeds.shard("prevalence", shard);
        let seeds: Vec<u64> = (0..CONTENT_SHARDS).map(seed).collect();
        let (least, most) = (config.prevalence_window, config.prevalence_window_most);
        let (bytes, threshold) = (parts.plan.prevalence, config.prevalence);
        let tables = Prevalence::side_by_side(bytes, least, threshold, &seeds);
        Self {
            prevalence: tables
                .into_iter()
                .map(|it| it.with_windows(least, most))
                .collect(),
            threshold: config.prevalence.into(),
            port_keys: port_keys(config, &parts.seeds),
            wanted: BTreeSet::new(),
            changes: BTreeMap::new(),
            queue: Vec::new(),
        }
    }

    /// Takes what changes at the end of a tick.
    pub(super) fn change(&mut self, tick: u64, change: &Change) {
        if !change.is_empty() {
            let from = tick.saturating_add(AFTER);
            self.changes.entry(from).or_default().push(change.clone());
        }
    }

    /// Leaves in the contents of a parcel what passes. `chunk` has the records with the times at
    /// which they count.
    pub(super) fn pass(
        &mut self,
        tick: u64,
        contents: &mut Contents,
        chunk: &mut Chunk,
        decoys: &DecoyRules,
    ) {
        while let Some(due) = self.changes.first_entry().filter(|it| *it.key() <= tick) {
            for Change { begun, ended } in due.remove() {
                self.wanted.extend(begun);
                ended.iter().for_each(|key| {
                    self.wanted.remove(key);
                });
            }
        }
        let named = contents.chunk.arrivals.iter().filter(|arrival| arrival.is_named);
        let mut always: BTreeSet<u32> = named.map(|arrival| arrival.record).collect();
        if !decoys.is_empty() {
            let concerned = (0..).zip(&chunk.records).filter(|(_, it)| {
                decoys.holds(it.source) || decoys.holds(it.destination)
            });
            always.extend(concerned.map(|(record, _)| record));
        }
        chunk.ports.clear();
        chunk.ports.extend(chunk.records.iter().map(|record| record.destination_port));
        std::mem::swap(&mut chunk.sightings, &mut contents.chunk.sightings);
        let mut seams: Vec<Vec<SeamSighting>> = vec![Vec::new(); CONTENT_SHARDS];
        contents.seams.sort_unstable_by_key(|seam| (seam.at, seam.offset, seam.key));
        for seam in contents.seams.drain(..) {
            seams[super::content_shard(seam.key)].push(seam);
        }
        for (shard, seams) in seams.iter().enumerate() {
            let passing = self.pass_shard(shard, chunk, seams, &always);
            for it in passing {
                let is_seam = seams
                    .binary_search_by_key(&(it.at, it.offset, it.key), |seam| {
                        (seam.at, seam.offset, seam.key)
                    })
                    .is_ok();
                let (at, key, offset) = (it.at, it.key, it.offset);
                match is_seam {
                    true => contents.seams.push(SeamSighting { at, key, offset }),
                    false => contents.chunk.keep(key, at.record, offset),
                }
            }
        }
        chunk.sightings.iter_mut().for_each(Vec::clear);
    }

    fn pass_shard(
        &mut self,
        shard: usize,
        chunk: &Chunk,
        seams: &[SeamSighting],
        always: &BTreeSet<u32>,
    ) -> Vec<Next> {
        let prevalence = &mut self.prevalence[shard];
        let chunks = std::slice::from_ref(chunk);
        let hash = |key| prevalence.hash(key);
        let class = |key, port| self.port_keys.map_or(key, |it| it.at(key, port));
        let mut queue = std::mem::take(&mut self.queue);
        line_up(&mut queue, shard, chunks, seams, RecordAt::default(), hash, class);
        let mut seen: Vec<u64> = Vec::new();
        let mut packet = None;
        let wanted = &self.wanted;
        let threshold = self.threshold;
        let mut passes = |next: &Next| {
            if packet != Some(next.at) {
                packet = Some(next.at);
                seen.clear();
                prevalence.advance(next.at.record(chunks).time);
            }
            // The same content again in one packet counts once.
            if seen.contains(&next.key) {
                return false;
            }
            seen.push(next.key);
            prevalence.count_hashed(next.hash) >= threshold
                || wanted.contains(&next.class)
                || wanted.contains(&next.key)
                || always.contains(&next.at.record)
        };
        let passing = queue.iter().filter(|next| passes(next)).copied().collect();
        queue.clear();
        self.queue = queue;
        passing
    }
}

impl Persist for Gatekeeper {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        self.prevalence.iter_mut().try_for_each(|table| table.persist(file))?;
        let mut wanted: Vec<u64> = self.wanted.iter().copied().collect();
        wanted.persist(file)?;
        self.wanted = wanted.into_iter().collect();
        self.changes.persist(file)
    }
}

persist!(Change { begun, ended });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leads_from_one_list_to_the_other() {
        let change = Change::between(&[1, 3, 5], &[2, 3, 6]);
        assert_eq!(change, Change { begun: vec![2, 6], ended: vec![1, 5] });
        assert!(Change::between(&[7], &[7]).is_empty());
    }
}
