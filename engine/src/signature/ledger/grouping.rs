//! Which alarms of a tick are of one content, and of which known signatures.

use super::super::coalesce::{Compared, related, samples_of};
use super::super::tokens::Holder;
use super::super::{Grown, Joined, Occurrence, Piece, Sample, Support, coalesce, grow};
use super::known::{Known, Witness, newest};
use super::{AlarmedCandidate, Ledger, Service};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One content of a tick: alarms, and the known signatures that they belong to.
#[derive(Default)]
pub(super) struct Group {
    pub(super) known: Vec<u64>,
    pub(super) alarms: Vec<usize>,
    /// Its content and witnesses, unless no alarm brought a sample.
    pub(super) content: Option<(Joined, Vec<Witness>)>,
    /// The samples that the alarms brought.
    pub(super) holders: Vec<Holder>,
}

impl Ledger {
    /// Grows the alarms of one service and sorts them into contents.
    pub(super) fn group(
        &mut self,
        service: Service,
        alarms: &[&AlarmedCandidate],
    ) -> Vec<Group> {
        let mut grown: Vec<(usize, Grown)> = Vec::new();
        let mut without_sample = Vec::new();
        for (i, alarm) in alarms.iter().enumerate() {
            match grow(&alarm.samples) {
                Some(it) => grown.push((i, it)),
                None => without_sample.push(i),
            }
        }
        let new: Vec<Piece<'_>> =
            grown.iter().map(|(i, it)| piece(&alarms[*i].samples, it)).collect();
        let (known, mut pieces) =
            self.related(service, &new, &self.again(&grown, alarms));
        pieces.extend(new);
        let mut groups = Vec::new();
        for joined in coalesce(&pieces) {
            let mut group = Group::default();
            let mut holders: BTreeMap<(u64, (u8, u64)), Holder> = BTreeMap::new();
            let length = joined.content.len();
            let mut seen = Vec::new();
            for &(i, at) in &joined.parts {
                let moved = |w: Witness| w.moved(at, length);
                if let Some(&n) = known.get(i) {
                    group.known.push(n);
                    seen.extend(
                        self.known[&n].witnesses.iter().copied().filter_map(moved),
                    );
                } else {
                    let (alarm, grown) = &grown[i - known.len()];
                    group.alarms.push(*alarm);
                    let samples = &alarms[*alarm].samples;
                    for &s in &grown.kept {
                        let order = (samples[s].packet, samples[s].name());
                        holders.entry(order).or_insert_with(|| {
                            let start = grown.start(samples, s) as i64 - at;
                            holder(order, &samples[s], start, length)
                        });
                    }
                    seen.extend(witnesses(samples, grown).filter_map(moved));
                }
            }
            if !group.alarms.is_empty() {
                group.content = Some((joined, newest(seen)));
                group.holders = holders.into_values().collect();
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
                    ..Group::default()
                }),
            }
        }
        groups
    }

    /// How many windows of each known signature alarm anew, with samples of two sources.
    fn again(
        &self,
        grown: &[(usize, Grown)],
        alarms: &[&AlarmedCandidate],
    ) -> BTreeMap<u64, u32> {
        let mut again = BTreeMap::new();
        for (i, it) in grown {
            if it.support == Support::Sources
                && let Some(owner) = self.owners.get(&alarms[*i].key)
            {
                *again.entry(*owner).or_default() += 1;
            }
        }
        again
    }

    /// The known signatures that pieces of a service may join, by number, as pieces.
    ///
    /// Where a quarter of a signature's windows alarm `again`, those alone say how far it
    /// goes: their new samples may show that later copies share less than the first did, and
    /// what those lack alarms no more.
    fn related<'l>(
        &'l self,
        service: Service,
        new: &[Piece<'_>],
        again: &BTreeMap<u64, u32>,
    ) -> (Vec<u64>, Vec<Piece<'l>>) {
        let known: Vec<u64> =
            self.services.get(&service).into_iter().flatten().copied().collect();
        let all: Vec<&Known> = known.iter().map(|n| &self.known[n]).collect();
        let compared: Vec<Compared<'_>> = all.iter().map(|it| it.compared()).collect();
        let samples = samples_of(new);
        let related = related(&compared, new);
        let piece = |n: u64, it: &'l Known| {
            let piece = it.piece();
            let is_old = again.get(&n).is_some_and(|it| 4 * it >= piece.windows);
            Piece { windows: if is_old { 0 } else { piece.windows }, ..piece }
        };
        let both = known.into_iter().zip(all).zip(related);
        both.filter(|((_, it), related)| *related || it.is_in(&samples))
            .map(|((n, it), _)| (n, piece(n, it)))
            .unzip()
    }
}

/// The grown window of one alarm.
fn piece<'a>(samples: &'a [Sample], grown: &Grown) -> Piece<'a> {
    Piece {
        content: grown.content(samples),
        occurrences: grown
            .kept
            .iter()
            .map(|&i| Occurrence {
                sample: samples[i].name(),
                start: grown.start(samples, i),
                at: 0,
                length: grown.length,
            })
            .collect(),
        support: grown.support,
        windows: 1,
        stops: grown.differs.map(u32::from),
    }
}

/// A sample of a content of so many bytes, which begins at `start` in it.
fn holder(order: (u64, (u8, u64)), sample: &Sample, start: i64, length: usize) -> Holder {
    let held = sample.bytes.len() as i64;
    let clipped = |at: i64| at.clamp(0, held) as usize;
    Holder {
        order,
        source: sample.source,
        bytes: Arc::clone(&sample.bytes),
        content: clipped(start)..clipped(start + length as i64),
    }
}

/// The samples that show it.
fn witnesses(samples: &[Sample], grown: &Grown) -> impl Iterator<Item = Witness> {
    grown
        .kept
        .iter()
        .map(|&i| Witness::new(&samples[i], grown.start(samples, i), grown.length))
}
