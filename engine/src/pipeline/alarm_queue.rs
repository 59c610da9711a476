//! Alarms that wait for the tick, with their evidence.

use super::clock::TICK;
use super::stats::ContentCounters;
use crate::detect::propagation::Propagation;
use crate::signature::{Alarm, AlarmedCandidate, Candidates, Load};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};
use std::cmp::Reverse;

/// Alarms of one shard that may wait for one tick, those that matter most; the others
/// may fire again at their next sighting.
const MOST_PENDING: usize = 256;
/// Of these, so many are taken with their evidence: those of which there is most. A shard in
/// which so many wait to be emitted stops where it is.
const MOST_TICKED: usize = 64;

/// A threshold was passed; the evidence is taken at the next tick.
#[derive(Default)]
pub(crate) struct PendingAlarm {
    pub(crate) key: u64,
    pub(crate) alarm: Alarm,
    /// When it last fired before.
    pub(crate) before: Option<Timestamp>,
    /// How much evidence there is of its content, see [`Candidates::weight`].
    pub(crate) rank: u32,
    pub(crate) protocol: u8,
    pub(crate) port: Option<u16>,
    pub(crate) packet: u64,
    pub(crate) offset: i32,
}

/// An alarm with its evidence as it stood at a tick.
#[derive(Default)]
pub(crate) struct TickedAlarm {
    pub(crate) tick: Timestamp,
    pub(crate) alarm: AlarmedCandidate,
}

/// The alarms of one content shard, on their way out.
#[derive(Default)]
pub(crate) struct AlarmQueue {
    pending: Vec<PendingAlarm>,
    /// No rank among `pending` is below it.
    least_pending: u32,
    /// The tick at which the pending alarms are due.
    due: Timestamp,
    /// Those whose tick has come, to be emitted.
    pub(crate) ticked: Vec<TickedAlarm>,
    /// The ticks of those that were taken, and may not be emitted yet.
    unemitted: Vec<Timestamp>,
}

impl AlarmQueue {
    /// Whether so many wait to be emitted that the shard must stop.
    pub(crate) fn is_full(&self) -> bool {
        self.ticked.len() + self.unemitted.len() >= MOST_TICKED
    }

    /// Takes those whose tick has come, to where they are emitted.
    pub(crate) fn take_ticked(&mut self) -> Vec<TickedAlarm> {
        let ticked = std::mem::take(&mut self.ticked);
        self.unemitted.extend(ticked.iter().map(|alarm| alarm.tick));
        ticked
    }

    /// What was taken is emitted up to this tick.
    pub(crate) fn emitted_until(&mut self, tick: Timestamp) {
        self.unemitted.retain(|of| *of > tick);
    }

    /// Whether there are alarms to be taken or emitted at `now`.
    pub(crate) fn has_work(&self, now: Timestamp) -> bool {
        self.are_due(now) || !self.ticked.is_empty()
    }

    /// Whether alarms wait whose tick has come.
    #[inline]
    pub(crate) fn are_due(&self, now: Timestamp) -> bool {
        !self.pending.is_empty() && now >= self.due
    }

    /// Lets an alarm wait for the tick after `now`; false where there is no room for it.
    pub(crate) fn put(
        &mut self,
        pending: PendingAlarm,
        now: Timestamp,
        candidates: &mut Candidates,
        counters: &mut ContentCounters,
    ) -> bool {
        if self.pending.len() == MOST_PENDING
            && !self.displace(pending.rank, candidates, counters)
        {
            counters.alarms_deferred += 1;
            return false;
        }
        self.due = Epoch::of(now, TICK).end(TICK);
        self.pending.push(pending);
        true
    }

    /// Puts off the pending alarm that matters least, if it does less than one of `rank`.
    fn displace(
        &mut self,
        rank: u32,
        candidates: &mut Candidates,
        counters: &mut ContentCounters,
    ) -> bool {
        if rank <= self.least_pending {
            return false;
        }
        let least = (0..self.pending.len()).min_by_key(|&i| self.pending[i].rank);
        let Some(least) = least else { return true };
        self.least_pending = self.pending[least].rank;
        if rank <= self.least_pending {
            return false;
        }
        let put_off = self.pending.swap_remove(least);
        counters.alarms_deferred += 1;
        if let Some(slot) = candidates.find(put_off.key) {
            candidates.set_alarm(slot, put_off.alarm, put_off.before);
        }
        true
    }

    /// Takes the evidence of the pending alarms: one piece for each window, whichever
    /// alarms it raised. Windows beyond the bound may alarm again at their next sighting.
    pub(crate) fn take(
        &mut self,
        candidates: &mut Candidates,
        propagation: &Propagation,
        load: Load,
        counters: &mut ContentCounters,
    ) {
        self.least_pending = 0;
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_by_key(|p| (p.key, p.packet, p.offset, p.alarm));
        let mut ranked = Vec::with_capacity(pending.len());
        for of_key in pending.chunk_by(|a, b| a.key == b.key) {
            // An entry may have been displaced since; then its alarm has no evidence.
            let Some(slot) = candidates.find(of_key[0].key) else {
                counters.alarms_without_room += of_key.len() as u64;
                continue;
            };
            ranked.push((Reverse(candidates.weight(slot)), slot, of_key));
        }
        ranked.sort_by_key(|(rank, _, of_key)| (*rank, of_key[0].key));
        for (_, slot, of_key) in ranked.split_off(ranked.len().min(MOST_TICKED)) {
            for pending in of_key {
                candidates.set_alarm(slot, pending.alarm, pending.before);
            }
            counters.alarms_deferred += of_key.len() as u64;
        }
        for (_, slot, of_key) in ranked {
            let Some(candidate) = candidates.get(slot).cloned() else { continue };
            let first = &of_key[0];
            self.ticked.push(TickedAlarm {
                tick: self.due,
                alarm: AlarmedCandidate {
                    key: first.key,
                    alarm: first.alarm,
                    fired: Alarm::ALL
                        .map(|alarm| of_key.iter().any(|it| it.alarm == alarm)),
                    protocol: first.protocol,
                    port: first.port,
                    spread: propagation.spread(first.key),
                    relays: propagation.relays(first.key, candidate.sources.list()),
                    candidate,
                    samples: Vec::new(),
                    packet: first.packet,
                    offset: first.offset,
                    load,
                },
            });
        }
    }
}

// Between batches none is ticked.
persist!(AlarmQueue { pending, least_pending, due; ticked, unemitted });
persist!(TickedAlarm { tick, alarm });
persist!(PendingAlarm { key, alarm, before, rank, protocol, port, packet, offset });
