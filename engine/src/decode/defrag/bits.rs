//! A set of byte positions, one bit each.

/// Positions below 65,536.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

const WORD: usize = u64::BITS as usize;

impl Bits {
    /// Bytes that the positions below `end` take.
    pub(super) const fn bytes_for(end: usize) -> usize {
        end.div_ceil(WORD) * size_of::<u64>()
    }

    /// Makes room for the positions below `end`.
    pub(super) fn grow(&mut self, end: usize) {
        let words = end.div_ceil(WORD);
        self.0.reserve_exact(words.saturating_sub(self.0.len()));
        self.0.resize(words.max(self.0.len()), 0);
    }

    /// Bytes taken.
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }

    /// Sets the positions from `start` to before `end`, for which there is room.
    pub(super) fn set(&mut self, start: usize, end: usize) {
        self.each_word(start, end, |word, mask| *word |= mask);
    }

    /// The same, unset.
    pub(super) fn unset(&mut self, start: usize, end: usize) {
        self.each_word(start, end, |word, mask| *word &= !mask);
    }

    fn each_word(
        &mut self,
        start: usize,
        end: usize,
        mut change: impl FnMut(&mut u64, u64),
    ) {
        let mut at = start;
        while at < end {
            let word_end = (at / WORD + 1) * WORD;
            let upto = end.min(word_end);
            let mask = (u64::MAX >> (WORD - (upto - at))) << (at % WORD);
            if let Some(word) = self.0.get_mut(at / WORD) {
                change(word, mask);
            }
            at = upto;
        }
    }

    /// The first position at or after `from` and before `end` that is set, or is not.
    fn next(&self, from: usize, end: usize, set: bool) -> Option<usize> {
        let mut at = from;
        while at < end {
            let word = self.0.get(at / WORD).copied().unwrap_or(0);
            let word = (if set { word } else { !word }) >> (at % WORD);
            if word != 0 {
                let found = at + word.trailing_zeros() as usize;
                return (found < end).then_some(found);
            }
            at = (at / WORD + 1) * WORD;
        }
        None
    }

    /// The runs of positions of `start..end` that are set, or that are not, in order.
    pub(super) fn runs(
        &self,
        start: usize,
        end: usize,
        set: bool,
    ) -> impl Iterator<Item = (usize, usize)> {
        let mut at = start;
        std::iter::from_fn(move || {
            let from = self.next(at, end, set)?;
            at = self.next(from, end, !set).unwrap_or(end);
            Some((from, at))
        })
    }

    /// Whether all positions from `start` to before `end` are set.
    pub(super) fn all(&self, start: usize, end: usize) -> bool {
        self.next(start, end, false).is_none()
    }

    /// How far the set positions go on from `at`, back and forth, by `most` at most.
    pub(super) fn around(
        &self,
        (start, end): (usize, usize),
        most: usize,
        furthest: usize,
    ) -> (usize, usize) {
        let least = start.saturating_sub(most);
        let before = self.runs(least, start, false).last().map_or(least, |(_, to)| to);
        let last = furthest.min(end + most);
        (before, self.next(end, last, false).unwrap_or(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_a_list_of_booleans(
            steps in prop::collection::vec((0_usize..300, 0_usize..300, any::<bool>()), 0..12),
            from in 0_usize..300, to in 0_usize..300, most in 0_usize..90,
        ) {
            let (mut bits, mut twin) = (Bits::default(), vec![false; 300]);
            bits.grow(300);
            for (a, b, set) in steps {
                let (start, end) = (a.min(b), a.max(b));
                if set { bits.set(start, end) } else { bits.unset(start, end) }
                twin[start..end].fill(set);
            }
            let (from, to) = (from.min(to), from.max(to));
            for set in [true, false] {
                let mut told = vec![!set; 300];
                for (start, end) in bits.runs(from, to, set) {
                    prop_assert!(from <= start && start < end && end <= to);
                    told[start..end].fill(set);
                }
                prop_assert_eq!(&told[from..to], &twin[from..to]);
            }
            prop_assert_eq!(bits.all(from, to), twin[from..to].iter().all(|bit| *bit));
            let back = twin[..from].iter().rev().take(most).take_while(|bit| **bit).count();
            let forth = twin[to..].iter().take(most).take_while(|bit| **bit).count();
            prop_assert_eq!(bits.around((from, to), most, 300), (from - back, to + forth));
        }
    }
}
