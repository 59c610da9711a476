//! Contents that were reported before and are no longer known.

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
    /// The lowest content keys of its windows, 0 where there are fewer: by these a
    /// content is known that grows otherwise when it comes back.
    pub(super) keys: [u64; KEYS],
}

/// Content keys remembered of each.
pub(super) const KEYS: usize = 2;

/// The latest reports of signatures that were forgotten, so that none of them is
/// reported as new again. Where there is no room, the one forgotten first goes.
#[derive(Debug)]
pub(super) struct Reported {
    /// Each with the number that it was last entered under.
    by_id: BTreeMap<u128, (u64, Report)>,
    /// The ids by these numbers.
    order: BTreeMap<u64, u128>,
    /// The ids by the content keys of those entered last.
    by_key: BTreeMap<u64, u128>,
    next: u64,
    capacity: usize,
}

/// What one takes, near enough: trees at their usual fill.
const BYTES: usize =
    size_of::<(u128, (u64, Report), u64, u128, [(u64, u128); KEYS])>() * 3 / 2;

impl Reported {
    /// At most `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            by_id: BTreeMap::new(),
            order: BTreeMap::new(),
            by_key: BTreeMap::new(),
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

    /// Enters a report; one of its id that is there keeps its first time.
    pub(super) fn insert(&mut self, report: Report) {
        let first = self.remove(report.id).unwrap_or(report);
        let report = Report { keys: report.keys, ..first };
        self.by_key.extend(report.windows().map(|key| (key, report.id)));
        self.by_id.insert(report.id, (self.next, report));
        self.order.insert(self.next, report.id);
        self.next += 1;
        if self.by_id.len() > self.capacity
            && let Some(id) = self.order.values().next().copied()
        {
            self.remove(id);
        }
    }

    /// Takes out the earlier report of this id, else of the first of the windows that is
    /// known.
    pub(super) fn take(
        &mut self,
        id: u128,
        windows: impl IntoIterator<Item = u64>,
    ) -> Option<Report> {
        let of_window = |key| self.by_key.get(&key).copied();
        let known = if self.by_id.contains_key(&id) {
            Some(id)
        } else {
            windows.into_iter().find_map(of_window)
        };
        self.remove(known?)
    }

    fn remove(&mut self, id: u128) -> Option<Report> {
        let (number, report) = self.by_id.remove(&id)?;
        self.order.remove(&number);
        for key in report.windows() {
            if self.by_key.get(&key) == Some(&id) {
                self.by_key.remove(&key);
            }
        }
        Some(report)
    }
}

impl Report {
    fn windows(&self) -> impl Iterator<Item = u64> + use<> {
        self.keys.into_iter().filter(|key| *key != 0)
    }
}

persist!(Report { id, alarm, detected_at, keys });
persist!(Reported { by_id, order, by_key, next; capacity });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(id: u128, at: u64) -> Report {
        let detected_at = Timestamp::from_nanos(at);
        let keys = [100 + id as u64, 200 + id as u64];
        Report { id, alarm: Alarm::Dispersion, detected_at, keys }
    }

    #[test]
    fn a_content_is_known_by_its_windows_too() {
        let mut reported = Reported::new(3 * BYTES);
        reported.insert(report(1, 10));
        reported.insert(report(2, 20));
        // The id comes first, then the windows in their order.
        assert_eq!(reported.take(1, [102]), Some(report(1, 10)));
        assert_eq!(reported.take(9, [0, 7, 101]), None);
        assert_eq!(reported.take(9, [7, 202, 102]), Some(report(2, 20)));
        assert!(reported.by_key.is_empty());
        // A window belongs to the one that was forgotten last.
        reported.insert(report(3, 30));
        reported.insert(Report { id: 4, ..report(3, 40) });
        assert_eq!(reported.take(9, [103]).map(|it| it.id), Some(4));
        assert_eq!(reported.take(9, [103]), None);
        assert_eq!(reported.take(3, []), Some(report(3, 30)));
    }

    #[test]
    fn the_first_time_stays_and_the_longest_forgotten_goes() {
        let mut reported = Reported::new(3 * BYTES);
        for (id, at) in [(1, 10), (2, 20), (1, 30), (3, 40), (4, 50)] {
            reported.insert(report(id, at));
        }
        assert_eq!(reported.take(2, []), None);
        assert_eq!(reported.take(1, []), Some(report(1, 10)));
        assert_eq!(reported.take(1, []), None);
        assert_eq!(reported.memory_bytes(), 2 * BYTES);
        let mut none = Reported::new(BYTES - 1);
        none.insert(report(1, 1));
        assert_eq!((none.take(1, []), none.budget()), (None, 0));
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
                    prop_assert_eq!(reported.take(id, []), before);
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
