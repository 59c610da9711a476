//! From one window to all that repeats around it.

use super::Sample;
use crate::state::persist_choice;

/// How much the samples behind a grown content are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Support {
    #[default]
    /// One sample: the window alone, since nothing can confirm more.
    OneSample,
    /// Samples of one source: they may agree on what only that source sends.
    OneSource,
    /// Samples of at least two sources.
    Sources,
}

/// A window widened as far as samples agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Bytes of content before the window.
    pub before: usize,
    /// Bytes of content in all.
    pub length: usize,
    /// Indices of the samples that hold all of it, rising.
    pub kept: Vec<usize>,
    /// Who stands behind it.
    pub support: Support,
    /// Whether the samples differ before it and behind it; else too few of them go on.
    pub differs: [bool; 2],
}

impl Grown {
    /// Where the content begins in `samples[i]`, one of those kept.
    pub fn start(&self, samples: &[Sample], i: usize) -> usize {
        samples[i].window.start - self.before
    }

    /// The content, from the samples that it was grown from.
    pub fn content<'a>(&self, samples: &'a [Sample]) -> &'a [u8] {
        let first = self.kept[0];
        let start = self.start(samples, first);
        &samples[first].bytes[start..start + self.length]
    }
}

/// Aligns `samples` at their windows and grows left, then right, byte by byte,
/// while all agree.
///
/// A sample that ends drops out, as long as at least two remain, from two
/// sources where there were two, and at least half of those at the start; so
/// content is not cut where the shortest sample ends. Samples without the window
/// are left out (of different windows, those of the fewest samples), and so is a
/// second sighting in one piece of stream. `None` when nothing is left.
pub fn grow(samples: &[Sample]) -> Option<Grown> {
    let mut kept = aligned(samples);
    let first = *kept.first()?;
    let window = samples[first].window.len();
    if kept.len() == 1 {
        let support = Support::OneSample;
        let differs = [false; 2];
        return Some(Grown { before: 0, length: window, kept, support, differs });
    }
    let support = if has_two_sources(samples, &kept) {
        Support::Sources
    } else {
        Support::OneSource
    };
    let enough = Enough { at_least: kept.len().div_ceil(2).max(2), support };
    let (before, differs_before) =
        extend(samples, &mut kept, enough, |sample, distance| {
            let at = sample.window.start.checked_sub(distance + 1)?;
            Some(sample.bytes[at])
        });
    let (after, differs_after) =
        extend(samples, &mut kept, enough, |sample, distance| {
            sample.bytes.get(sample.window.end + distance).copied()
        });
    let differs = [differs_before, differs_after];
    Some(Grown { before, length: before + window + after, kept, support, differs })
}

/// Which samples must remain.
#[derive(Clone, Copy)]
struct Enough {
    at_least: usize,
    support: Support,
}

/// The samples that hold the most frequent window; of equally frequent ones, the
/// first.
fn aligned(samples: &[Sample]) -> Vec<usize> {
    let mut usable: Vec<(usize, &[u8])> = Vec::with_capacity(samples.len());
    for (i, sample) in samples.iter().enumerate() {
        let known = usable.iter().any(|&(j, _)| samples[j].name() == sample.name());
        if let Some(window) = sample.window_bytes().filter(|_| !known) {
            usable.push((i, window));
        }
    }
    let mut best = Vec::new();
    for (i, window) in &usable {
        let first = usable.iter().position(|(_, other)| other == window);
        if first.is_none_or(|first| usable[first].0 != *i) {
            continue;
        }
        let same: Vec<usize> =
            usable.iter().filter(|(_, w)| w == window).map(|(i, _)| *i).collect();
        if same.len() > best.len() {
            best = same;
        }
    }
    best
}

/// Grows one way and returns by how many bytes, and whether the next ones differ; `kept`
/// loses what dropped out.
fn extend(
    samples: &[Sample],
    kept: &mut Vec<usize>,
    enough: Enough,
    byte: impl Fn(&Sample, usize) -> Option<u8>,
) -> (usize, bool) {
    let mut grown = 0;
    let mut survivors = Vec::with_capacity(kept.len());
    loop {
        let mut common = None;
        survivors.clear();
        for &i in kept.iter() {
            if let Some(byte) = byte(&samples[i], grown) {
                if *common.get_or_insert(byte) != byte {
                    return (grown, true);
                }
                survivors.push(i);
            }
        }
        if survivors.len() < kept.len() {
            let spread = enough.support != Support::Sources
                || has_two_sources(samples, &survivors);
            if survivors.len() < enough.at_least || !spread {
                return (grown, false);
            }
            std::mem::swap(kept, &mut survivors);
        }
        grown += 1;
    }
}

fn has_two_sources(samples: &[Sample], of: &[usize]) -> bool {
    of.iter().any(|&i| samples[i].source != samples[of[0]].source)
}

persist_choice!(Support: Support::OneSample, Support::OneSource, Support::Sources);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::sample::testing::{sample, sample_at};
    use proptest::prelude::*;

    #[test]
    fn one_sample_gives_the_window_alone() {
        let samples = [sample(1, 1, b"xxWINDOWyy", 2..8)];
        let grown = grow(&samples).unwrap();
        assert_eq!(grown.content(&samples), b"WINDOW");
        assert_eq!(grown.support, Support::OneSample);
        // The same piece of stream again is no second witness.
        let twice = [samples[0].clone(), samples[0].clone()];
        assert_eq!(grow(&twice).unwrap().support, Support::OneSample);
    }

    #[test]
    fn one_source_grows_but_is_marked() {
        let samples =
            [sample(1, 9, b"abWINDOWcd", 2..8), sample(2, 9, b"bWINDOWcx", 1..7)];
        let grown = grow(&samples).unwrap();
        assert_eq!(grown.content(&samples), b"bWINDOWc");
        assert_eq!(grown.support, Support::OneSource);
    }

    #[test]
    fn samples_that_lack_the_window_are_left_out() {
        let samples = [
            sample(1, 1, b"xOTHERSy", 1..7),
            sample(2, 2, b"aWINDOWb", 1..7),
            sample(3, 3, b"aWINDOWc", 1..7),
            sample(4, 4, b"WIN", 0..6),
            sample(5, 5, b"", 0..0),
        ];
        let grown = grow(&samples).unwrap();
        assert_eq!(grown.content(&samples), b"aWINDOW");
        assert_eq!(grown.kept, [1, 2]);
        assert_eq!(grow(&samples[3..]), None);
        assert_eq!(grow(&[]), None);
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "it may come from outside")]
    fn a_window_out_of_bounds_or_reversed_is_no_window() {
        let samples = [sample(1, 1, b"abc", 2..9), sample(2, 2, b"abc", 2..1)];
        assert_eq!(grow(&samples), None);
    }

    #[test]
    fn samples_that_end_drop_out_while_half_and_two_sources_remain() {
        let long = b"WINDOW and so on";
        let samples = [
            sample(1, 1, &long[..8], 0..6),
            sample(2, 1, &long[..9], 0..6),
            sample(3, 1, &long[..12], 0..6),
            sample(4, 2, &long[..14], 0..6),
            sample(5, 2, long, 0..6),
        ];
        let grown = grow(&samples).unwrap();
        assert_eq!((grown.length, grown.kept), (12, vec![2, 3, 4]));
        assert_eq!(grown.differs, [false; 2]);
        // Four of one source and one of another: the one must remain.
        let mut lone = samples.clone();
        lone[0].source = lone[4].source;
        lone[3].source = lone[1].source;
        lone[4].source = lone[1].source;
        assert_eq!(grow(&lone).unwrap().length, 8);
    }

    proptest! {
        #[test]
        fn a_planted_content_grows_to_its_full_length_and_not_beyond(
            content in prop::collection::vec(any::<u8>(), 1..=600),
            surroundings in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 1..60),
                 prop::collection::vec(any::<u8>(), 1..60)),
                2..=8,
            ),
            place in any::<prop::sample::Index>(),
            width in 1_usize..=40,
        ) {
            let start = place.index(content.len());
            let width = width.min(content.len() - start);
            let samples: Vec<_> = surroundings
                .iter()
                .enumerate()
                .map(|(n, (before, after))| {
                    // The neighbours of the content differ from sample to sample.
                    let mut bytes = before.clone();
                    *bytes.last_mut().unwrap() = n as u8;
                    bytes.extend(&content);
                    bytes.push(n as u8);
                    bytes.extend(after);
                    sample_at(n as u64, n as u64, bytes, before.len() + start, width)
                })
                .collect();
            let grown = grow(&samples).unwrap();
            prop_assert_eq!(grown.content(&samples), &content[..]);
            prop_assert_eq!(grown.kept.len(), samples.len());
            prop_assert_eq!(grown.support, Support::Sources);
            prop_assert_eq!(grown.differs, [true; 2]);
            for &i in &grown.kept {
                prop_assert_eq!(grown.start(&samples, i), surroundings[i].0.len());
            }
        }
    }
}
