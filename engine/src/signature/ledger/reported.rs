//! Was this content reported before, though it is no longer known?

use crate::packet::Timestamp;
use crate::signature::Alarm;
use crate::state::persist;
use std::collections::BTreeMap;

/// How a content was first reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The signature's id.
    pub(super) id: u128,
    pub(super) alarm: Alarm,
    pub(super) detected_at: Timestamp,
}

/// The latest reports of signatures that were forgotten, so that none of them is
/// reported as new again. Where there is no room, the one forgotten first goes.
#[derive(Debug)]
pub(super) struct Reported {
    /// Each with the number that it was last entered under.
    by_id: BTreeMap<u128, (u64, Report)>,
    /// The ids by these numbers.
    order: BTreeMap<u64, u128>,
    next: u64,
    capacity: usize,
}

/// What one takes, near enough: trees at their usual fill.
const BYTES: usize = size_of::<(u128, (u64, Report), u64, u128)>() * 3 / 2;

impl Reported {
    /// At most `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            by_id: BTreeMap::new(),
            order: BTreeMap::new(),
            next: 0,
            capacity: bytes / BYTES,
        }
    }

    /// Bytes that it may come to take.
    pub(super) fn budget(&self) -> usize {
        self.capacity * BYTES
    }

    /// Bytes that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.by_id.len() * BYTES
    }

    /// Enters a report; one that is there keeps its first time.
    pub(super) fn insert(&mut self, report: Report) {
        let first = self.take(&report).unwrap_or(report);
        self.by_id.insert(report.id, (self.next, first));
        self.order.insert(self.next, report.id);
        self.next += 1;
        if self.by_id.len() > self.capacity
            && let Some((_, id)) = self.order.pop_first()
        {
            self.by_id.remove(&id);
        }
    }

    /// Takes out the earlier report of the same id.
    pub(super) fn take(&mut self, report: &Report) -> Option<Report> {
        let (number, before) = self.by_id.remove(&report.id)?;
        self.order.remove(&number);
        Some(before)
    }
}

persist!(Report { id, alarm, detected_at });
persist!(Reported { by_id, order, next; capacity });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(id: u128, at: u64) -> Report {
        Report { id, alarm: Alarm::Dispersion, detected_at: Timestamp::from_nanos(at) }
    }

    #[test]
    fn the_first_time_stays_and_the_longest_forgotten_goes() {
        let mut reported = Reported::new(3 * BYTES);
        for (id, at) in [(1, 10), (2, 20), (1, 30), (3, 40), (4, 50)] {
            reported.insert(report(id, at));
        }
        assert_eq!(reported.take(&report(2, 0)), None);
        assert_eq!(reported.take(&report(1, 0)), Some(report(1, 10)));
        assert_eq!(reported.take(&report(1, 0)), None);
        assert_eq!(reported.memory_bytes(), 2 * BYTES);
        let mut none = Reported::new(BYTES - 1);
        none.insert(report(1, 1));
        assert_eq!((none.take(&report(1, 0)), none.budget()), (None, 0));
    }

    proptest! {
        #[test]
        fn it_answers_like_a_list_of_the_latest_and_keeps_to_its_bound(
            steps in prop::collection::vec((0_u128..12, any::<bool>()), 0..200),
            capacity in 1_usize..9,
        ) {
            let mut reported = Reported::new(capacity * BYTES);
            let mut twin: Vec<Report> = Vec::new();
            for (at, (id, take)) in steps.into_iter().enumerate() {
                let place = twin.iter().position(|known| known.id == id);
                let before = place.map(|place| twin.remove(place));
                if take {
                    prop_assert_eq!(reported.take(&report(id, 0)), before);
                } else {
                    reported.insert(report(id, at as u64));
                    twin.push(before.unwrap_or(report(id, at as u64)));
                    twin.drain(..twin.len().saturating_sub(capacity));
                }
                prop_assert_eq!(reported.order.len(), twin.len());
                prop_assert_eq!(reported.memory_bytes(), twin.len() * BYTES);
            }
        }
    }
}
