//! Pieces of content, and when two of them are one.

/// A sample by flow shard and number.
pub(crate) type SampleId = (u8, u64);

/// A stretch of content and where it starts in each sample that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) content: Vec<u8>,
    /// Sorted by sample.
    pub(crate) starts: Vec<(SampleId, i64)>,
}

impl Piece {
    /// How far `other` starts after this piece, if both are one content: in at least
    /// two common samples they overlap or abut at the same distance, and agree where
    /// they overlap. A single common sample is enough where one of them has no more
    /// than two.
    pub(crate) fn distance(&self, other: &Self) -> Option<i64> {
        let mut distances: Vec<i64> = Vec::new();
        let mut theirs = other.starts.iter().peekable();
        for (sample, start) in &self.starts {
            while theirs.next_if(|(id, _)| id < sample).is_some() {}
            if let Some((_, their)) = theirs.next_if(|(id, _)| id == sample) {
                distances.push(their - start);
            }
        }
        let few = self.starts.len().min(other.starts.len()) <= 2;
        let needed = if few { 1 } else { 2 };
        distances.sort_unstable();
        distances
            .chunk_by(|a, b| a == b)
            .filter(|run| run.len() >= needed)
            .map(|run| run[0])
            .find(|distance| self.fits(other, *distance))
    }

    fn fits(&self, other: &Self, distance: i64) -> bool {
        let (mine, theirs) = (self.content.len() as i64, other.content.len() as i64);
        let (from, to) = (distance.max(0), mine.min(distance + theirs));
        from <= to
            && self.content[from as usize..to as usize]
                == other.content[(from - distance) as usize..(to - distance) as usize]
    }

    /// Where the bytes of `other` lie in this piece.
    pub(crate) fn position(&self, other: &Self) -> Option<i64> {
        let (whole, part) = (&self.content, &other.content);
        if part.len() > whole.len() {
            return None;
        }
        whole.windows(part.len()).position(|window| window == part).map(|at| at as i64)
    }

    /// Joins `other`, which starts `distance` after this piece and fits.
    pub(crate) fn join(&mut self, other: &Self, distance: i64) {
        if distance < 0 {
            let mut front = other.content.clone();
            let reach = (-distance) as usize;
            if front.len() < reach + self.content.len() {
                front.truncate(reach);
                front.extend_from_slice(&self.content);
            }
            self.content = front;
            for (_, start) in &mut self.starts {
                *start += distance;
            }
        } else if self.content.len() < distance as usize + other.content.len() {
            self.content.truncate(distance as usize);
            self.content.extend_from_slice(&other.content);
        }
        let shift = distance.max(0);
        for (sample, start) in &other.starts {
            if let Err(at) = self.starts.binary_search_by_key(sample, |(id, _)| *id) {
                self.starts.insert(at, (*sample, start - shift));
            }
        }
        self.starts.truncate(MOST_SAMPLES);
    }
}

/// Samples that a joined piece remembers.
const MOST_SAMPLES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(content: &[u8], starts: &[(u64, i64)]) -> Piece {
        let starts = starts.iter().map(|(id, start)| ((0, *id), *start)).collect();
        Piece { content: content.to_vec(), starts }
    }

    #[test]
    fn pieces_join_when_two_samples_agree_on_the_distance() {
        let mut a = piece(b"abcdef", &[(1, 10), (2, 20), (3, 5)]);
        let b = piece(b"efgh", &[(1, 14), (2, 24), (4, 0)]);
        assert_eq!(a.distance(&b), Some(4));
        assert_eq!(b.distance(&a), Some(-4));
        a.join(&b, 4);
        assert_eq!(a.content, b"abcdefgh");
        assert!(a.starts.contains(&((0, 4), -4)));
        let far = piece(b"gh", &[(1, 18), (2, 28), (4, 0)]);
        assert_eq!(piece(b"abcdef", &[(1, 10), (2, 20), (3, 5)]).distance(&far), None);
    }

    #[test]
    fn pieces_that_disagree_stay_apart() {
        let a = piece(b"abcdef", &[(1, 0), (2, 0), (3, 0)]);
        let b = piece(b"xfgh", &[(1, 4), (2, 4), (3, 4)]);
        assert_eq!(a.distance(&b), None);
        let once = piece(b"efgh", &[(1, 4), (8, 4), (9, 4)]);
        assert_eq!(a.distance(&once), None, "one common sample among many is chance");
    }

    proptest! {
        #[test]
        fn overlapping_windows_join_to_the_whole_in_any_order(
            content in prop::collection::vec(any::<u8>(), 60..300),
            order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let step = (content.len() - 40).div_ceil(19).max(1);
            let parts: Vec<Piece> = order
                .iter()
                .map(|i| (i * step).min(content.len() - 40))
                .map(|at| piece(&content[at..at + 40], &[(1, at as i64), (2, at as i64 + 7), (3, 100 + at as i64)]))
                .collect();
            let mut joined: Vec<Piece> = Vec::new();
            for part in parts {
                let mut part = part;
                while let Some((at, distance)) =
                    joined.iter().enumerate().find_map(|(i, p)| p.distance(&part).map(|d| (i, d)))
                {
                    let mut host = joined.swap_remove(at);
                    host.join(&part, distance);
                    part = host;
                }
                joined.push(part);
            }
            prop_assert_eq!(joined.len(), 1);
            prop_assert_eq!(&joined[0].content, &content);
        }
    }
}
