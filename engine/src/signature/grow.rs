//! From a window to the whole content: align the samples, grow while they agree.

use crate::packet::Host;

/// A sample, aligned at the window.
#[derive(Clone, Copy, Debug)]
pub struct Aligned<'a> {
    /// The piece of stream.
    pub bytes: &'a [u8],
    /// Where the window starts in it.
    pub window: usize,
    /// Who sent it.
    pub source: Host,
}

/// A content and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Bytes of it before the window.
    pub before: usize,
    /// All of it.
    pub content: Vec<u8>,
    /// Indices of the samples that hold the window.
    pub samples: Vec<usize>,
    /// Distinct sources among them.
    pub sources: usize,
}

/// Grows a window of `window_len` bytes (shorter where it is a whole short
/// datagram) left and right while the samples agree.
///
/// A sample that ends drops out, as long as half of the samples and two of them,
/// of two sources where there are two, remain. With one sample alone the window is
/// all that is known. `None` if no sample holds the window.
pub fn grow(samples: &[Aligned<'_>], window_len: usize) -> Option<Growth> {
    let rest = |sample: &Aligned<'_>| sample.bytes.len().saturating_sub(sample.window);
    let shortest = samples.iter().map(rest).min()?;
    // A window cut short is a datagram below the window length, hashed whole.
    let length = window_len.min(shortest);
    if length == 0 {
        return None;
    }
    let window = |i: usize| &samples[i].bytes[samples[i].window..][..length];
    // Samples that disagree inside the window are not of this content.
    let holding: Vec<usize> = (0..samples.len()).filter(|&i| window(i) == window(0)).collect();
    let sources = distinct_sources(samples, &holding);
    let reach = |byte: &dyn Fn(&Aligned<'_>, usize) -> Option<u8>| {
        let least = holding.len().div_ceil(2).max(2);
        let mut active = holding.clone();
        let mut agreed = Vec::new();
        loop {
            active.retain(|&i| byte(&samples[i], agreed.len()).is_some());
            if active.len() < least || distinct_sources(samples, &active) < sources.min(2) {
                return agreed;
            }
            let mut bytes = active.iter().filter_map(|&i| byte(&samples[i], agreed.len()));
            let Some(first) = bytes.next() else { return agreed };
            if bytes.any(|other| other != first) {
                return agreed;
            }
            agreed.push(first);
        }
    };
    let before = reach(&|sample, n| sample.window.checked_sub(n + 1).map(|at| sample.bytes[at]));
    let after = reach(&|sample, n| sample.bytes.get(sample.window + length + n).copied());
    let content = before.iter().rev().chain(window(0)).chain(&after).copied().collect();
    Some(Growth { before: before.len(), content, samples: holding, sources })
}

fn distinct_sources(samples: &[Aligned<'_>], which: &[usize]) -> usize {
    let mut sources: Vec<Host> = which.iter().map(|&i| samples[i].source).collect();
    sources.sort_unstable();
    sources.dedup();
    sources.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aligned(bytes: &[u8], window: usize, source: u128) -> Aligned<'_> {
        Aligned { bytes, window, source: Host(source) }
    }

    #[test]
    fn it_grows_while_samples_agree() {
        let (a, b) = (b"xxHELLO WORLDyy", b"zHELLO WORLDww");
        let growth = grow(&[aligned(a, 3, 1), aligned(b, 2, 2)], 4).unwrap();
        assert_eq!((growth.before, &growth.content[..]), (1, &b"HELLO WORLD"[..]));
        assert_eq!(growth.sources, 2);
    }

    #[test]
    fn one_sample_shows_the_window_alone() {
        let growth = grow(&[aligned(b"xxHELLO", 2, 1)], 4).unwrap();
        assert_eq!((growth.before, &growth.content[..]), (0, &b"HELL"[..]));
        assert_eq!(grow(&[], 4), None);
    }

    #[test]
    fn samples_of_one_source_do_not_speak_for_two() {
        // The long samples are of one source; the other source's ends.
        let long = b"HELLO WORLD of one source";
        let short = b"HELLO WORLD";
        let samples = [aligned(long, 0, 1), aligned(long, 0, 1), aligned(short, 0, 2)];
        assert_eq!(grow(&samples, 4).unwrap().content, short);
    }

    #[test]
    fn a_short_datagram_is_its_own_window() {
        let samples = [aligned(b"tiny datagram", 0, 1), aligned(b"tiny datagram", 0, 2)];
        assert_eq!(grow(&samples, 40).unwrap().content, b"tiny datagram");
    }

    proptest! {
        #[test]
        fn planted_content_grows_to_exactly_itself(
            content in prop::collection::vec(any::<u8>(), 40..400),
            surroundings in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..50), prop::collection::vec(any::<u8>(), 0..50)),
                2..8),
            at in any::<prop::sample::Index>(),
        ) {
            let window = at.index(content.len() - 39);
            let pieces: Vec<Vec<u8>> = (0_u8..)
                .zip(&surroundings)
                .map(|(n, (before, after))| {
                    // Neighbours differ from sample to sample, so that nothing agrees by chance.
                    let mut piece = before.clone();
                    piece.push(n);
                    piece.extend(&content);
                    piece.push(n);
                    piece.extend(after);
                    piece
                })
                .collect();
            let samples: Vec<Aligned<'_>> = pieces
                .iter()
                .zip(&surroundings)
                .zip(0..)
                .map(|((piece, (before, _)), n)| aligned(piece, before.len() + 1 + window, n))
                .collect();
            let growth = grow(&samples, 40).unwrap();
            prop_assert_eq!(growth.before, window);
            prop_assert_eq!(&growth.content, &content);
        }
    }
}
