//! A bounded list of signatures that keeps those of the most weight
//! ([`Signature::by_weight`]): the lowest grade and spread goes first, whatever is newer.
//! Each operation costs the logarithm of its size.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use wormsift::signature::Signature;

/// The last word on each of at most so many signatures.
pub(crate) struct Ranked {
    most: usize,
    next: u64,
    places: HashMap<String, u64>,
    kept: BTreeMap<u64, Arc<Signature>>,
    order: BTreeSet<Weighed>,
}

/// In the order of weight; ids differ.
struct Weighed(Arc<Signature>);

impl Ord for Weighed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.by_weight(&other.0)
    }
}

impl PartialOrd for Weighed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Weighed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Weighed {}

impl Ranked {
    /// An empty list of at most `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            next: 0,
            places: HashMap::new(),
            kept: BTreeMap::new(),
            order: BTreeSet::new(),
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn has(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// In the order in which they were first entered.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.kept.values().map(|it| &**it)
    }

    /// Takes the last word on a signature. Whether one had to go, this one perhaps.
    pub(crate) fn enter(&mut self, signature: Arc<Signature>) -> bool {
        let place = match self.places.get(&signature.id) {
            Some(place) => *place,
            None => {
                self.next += 1;
                self.next
            }
        };
        self.places.insert(signature.id.clone(), place);
        if let Some(before) = self.kept.insert(place, Arc::clone(&signature)) {
            self.order.remove(&Weighed(before));
        }
        self.order.insert(Weighed(signature));
        if self.kept.len() <= self.most {
            return false;
        }
        if let Some(Weighed(least)) =
            self.order.first().map(|it| Weighed(Arc::clone(&it.0)))
        {
            self.remove(&least.id);
        }
        true
    }

    /// Forgets a signature.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(place) = self.places.remove(id)
            && let Some(known) = self.kept.remove(&place)
        {
            self.order.remove(&Weighed(known));
        }
    }

    /// Takes out the one of the most weight.
    #[cfg(target_os = "linux")]
    pub(crate) fn take_best(&mut self) -> Option<Arc<Signature>> {
        let best = Arc::clone(&self.order.last()?.0);
        self.remove(&best.id);
        Some(best)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::output::table::testing::signature;
    use wormsift::signature::Confidence;

    fn of(id: u32, confidence: Confidence, spread: u32) -> Arc<Signature> {
        Arc::new(Signature { confidence, ..signature(id, spread, 10, b"some content") })
    }

    fn ids(ranked: &Ranked) -> Vec<u32> {
        ranked.iter().map(|it| u32::from_str_radix(&it.id, 16).unwrap()).collect()
    }

    #[test]
    fn the_lowest_grade_and_spread_goes_first_however_new() {
        let mut ranked = Ranked::new(3);
        assert!(!ranked.enter(of(1, Confidence::High, 2)));
        assert!(!ranked.enter(of(2, Confidence::Low, 900)));
        assert!(!ranked.enter(of(3, Confidence::Medium, 5)));
        // Newer ones of less weight have no place.
        for id in 10..200 {
            assert!(ranked.enter(of(id, Confidence::Low, 3)));
        }
        assert_eq!(ids(&ranked), [1, 2, 3]);
        assert!(ranked.enter(of(4, Confidence::Medium, 4)));
        assert_eq!(ids(&ranked), [1, 3, 4]);
        assert!(ranked.enter(of(5, Confidence::High, 1)));
        assert_eq!(ids(&ranked), [1, 3, 5]);
        // News of a known one take its place, and may cost it.
        assert!(!ranked.enter(of(1, Confidence::Low, 2)));
        assert_eq!((ids(&ranked), ranked.len()), (vec![1, 3, 5], 3));
        assert!(ranked.enter(of(6, Confidence::Medium, 1)));
        assert_eq!(ids(&ranked), [3, 5, 6]);
        let best = std::iter::from_fn(|| ranked.take_best());
        let best: Vec<String> = best.map(|it| it.id.clone()).collect();
        assert_eq!(best, [5, 3, 6].map(|id| format!("{id:032x}")));
        assert_eq!((ranked.len(), ranked.has(&best[0])), (0, false));
    }
}
