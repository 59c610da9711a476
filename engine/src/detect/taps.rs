//! Sightings of a content by tap.
//!
//! A packet that several taps saw counts at each of them here, and nowhere else.

use crate::state::{Exchange, Persist};
use std::collections::BTreeMap;

/// Taps that one sensor may have.
pub(crate) const MOST_TAPS: usize = 64;

/// Sightings of a content, by the number of the tap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapCounts(Box<[u32]>);

impl TapCounts {
    /// None, for so many taps.
    pub(crate) fn new(taps: usize) -> Self {
        Self(vec![0; taps].into())
    }

    /// Bytes of the counts of so many taps, none for no tap.
    pub(crate) fn bytes_for(taps: usize) -> usize {
        match taps {
            0 => 0,
            _ => size_of::<Self>() + taps * size_of::<u32>(),
        }
    }

    /// Counts a sighting.
    pub(crate) fn count(&mut self, tap: u8) {
        if let Some(count) = self.0.get_mut(usize::from(tap)) {
            *count = count.saturating_add(1);
        }
    }

    /// Takes over the greater count of each tap.
    pub(crate) fn raise(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0 = other.0.clone();
            return;
        }
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
    }

    /// The taps that saw it, of these, with their sightings.
    pub(crate) fn seen_by(&self, names: &[String]) -> BTreeMap<String, u32> {
        let counts = names.iter().cloned().zip(self.0.iter().copied());
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl Persist for TapCounts {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let mut counts = self.0.to_vec();
        counts.persist(file)?;
        if file.is_reading() {
            if counts.len() > MOST_TAPS {
                return Err(file.misfit("at most 64 taps", counts.len()));
            }
            self.0 = counts.into();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_count_of_each_tap_stays() {
        let mut counts = TapCounts::default();
        counts.count(0);
        let names = ["edge", "core", "lab"].map(str::to_owned);
        assert!(counts.seen_by(&names).is_empty());
        let [mut one, mut other] = [3, 3].map(TapCounts::new);
        [0, 2, 2].into_iter().for_each(|tap| one.count(tap));
        [2, 1, 9].into_iter().for_each(|tap| other.count(tap));
        counts.raise(&one);
        counts.raise(&other);
        let seen = [("core", 1), ("edge", 1), ("lab", 2)];
        assert_eq!(
            counts.seen_by(&names),
            seen.map(|(tap, n)| (tap.to_owned(), n)).into()
        );
        assert_eq!(counts.memory_bytes(), 12);
    }
}
