use super::*;
use proptest::prelude::*;

/// The stretch `range` of `content`, seen in samples where the content
/// begins at (sample, start).
fn piece<'a>(
    content: &'a [u8],
    range: std::ops::Range<usize>,
    samples: &[(u64, usize)],
) -> Piece<'a> {
    let occurrences = samples.iter().map(|&(id, start)| Occurrence {
        sample: (0, id),
        start: start + range.start,
        at: 0,
        length: range.len(),
    });
    Piece {
        content: &content[range.clone()],
        occurrences: occurrences.collect(),
        support: Support::Sources,
        windows: 1,
        stops: [0; 2],
    }
}

const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog, twice.";

#[test]
fn two_common_samples_join_what_overlaps_or_abuts() {
    let samples = [(1, 0), (2, 30)];
    for second in [15, 20] {
        let pieces = [piece(TEXT, second..40, &samples), piece(TEXT, 0..20, &samples)];
        let joined = coalesce(&pieces);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].content, &TEXT[..40]);
        assert_eq!(joined[0].parts, [(0, second as i64), (1, 0)]);
    }
    let apart = [piece(TEXT, 21..40, &samples), piece(TEXT, 0..20, &samples)];
    assert_eq!(coalesce(&apart).len(), 2);
}

#[test]
fn one_common_sample_joins_only_where_there_are_no_more() {
    let one = [(1, 0)];
    let many = [(1, 0), (2, 30)];
    let others = [(1, 0), (3, 30)];
    let overlap = |a, b| coalesce(&[piece(TEXT, 0..20, a), piece(TEXT, 15..40, b)]).len();
    assert_eq!(overlap(&one, &one), 1);
    assert_eq!(overlap(&many, &one), 1);
    assert_eq!(overlap(&many, &others), 2);
    let abut = [piece(TEXT, 0..20, &one), piece(TEXT, 20..40, &one)];
    assert_eq!(coalesce(&abut).len(), 2);
}

#[test]
fn different_distances_do_not_join() {
    let a = piece(TEXT, 0..20, &[(1, 0), (2, 0)]);
    let mut b = piece(TEXT, 10..40, &[(1, 0), (2, 0)]);
    b.occurrences[1].start += 1;
    assert_eq!(coalesce(&[a, b]).len(), 2);
}

#[test]
fn equal_and_contained_bytes_join_without_a_common_sample() {
    let pieces = [
        piece(TEXT, 5..25, &[(1, 0), (2, 0)]),
        piece(TEXT, 0..40, &[(3, 0), (4, 0)]),
        piece(TEXT, 0..40, &[(5, 0), (6, 0)]),
        piece(TEXT, 30..45, &[(7, 0), (8, 0)]),
    ];
    let joined = coalesce(&pieces);
    assert_eq!(joined.len(), 2);
    assert_eq!(joined[0].content, &TEXT[..40]);
    assert_eq!(joined[0].parts, [(0, 5), (1, 0), (2, 0)]);
}

#[test]
fn variants_with_a_common_part_stay_apart() {
    let first = b"common part, then one ending".to_vec();
    let second = b"common part, then another one".to_vec();
    let pieces = [
        piece(&first, 0..18, &[(1, 0), (2, 0), (3, 0), (4, 0)]),
        piece(&second, 5..29, &[(3, 0), (4, 0)]),
        piece(&first, 5..28, &[(1, 0), (2, 0)]),
    ];
    let joined = coalesce(&pieces);
    assert_eq!(joined.len(), 2);
    assert_eq!(joined[0].content, second);
    assert_eq!(joined[1].content, &first[5..]);
}

#[test]
fn a_piece_with_less_support_joins_but_adds_no_bytes() {
    let samples = [(1, 0), (2, 30)];
    let mut weak = piece(TEXT, 10..50, &samples);
    weak.support = Support::OneSource;
    let pieces = [weak, piece(TEXT, 0..20, &samples)];
    let joined = coalesce(&pieces);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].content, &TEXT[..20]);
    assert_eq!(joined[0].support, Support::Sources);
    assert_eq!(joined[0].parts, [(0, 10), (1, 0)]);
}

/// Which of `known` share a sample or bytes with a new piece.
fn are_related(known: &[Piece<'_>], new: &Piece<'_>) -> Vec<bool> {
    let new = std::slice::from_ref(new);
    let grams: Vec<Grams> = known.iter().map(|it| Grams::of(it.content)).collect();
    let compared = known.iter().zip(&grams);
    let compared: Vec<Compared<'_>> =
        compared.map(|(it, grams)| Compared { content: it.content, grams }).collect();
    let samples = samples_of(new);
    let is_in =
        |it: &Piece<'_>| it.occurrences.iter().any(|o| samples.contains(&o.sample));
    let related = related(&compared, new);
    related.into_iter().zip(known).map(|(related, it)| related || is_in(it)).collect()
}

#[test]
fn what_is_longer_than_a_sample_is_joined_where_it_overlaps() {
    let content: Vec<u8> = (0..120).map(|i: u32| ((i * i * 37) >> 3) as u8).collect();
    let first = piece(&content, 0..70, &[(1, 0), (2, 9)]);
    let second = piece(&content, 30..120, &[(3, 0), (4, 9)]);
    let joined = coalesce(&[second.clone(), first.clone()]);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].content, content);
    assert!(are_related(std::slice::from_ref(&first), &second)[0]);
    // Too little in common, or an end that the samples show.
    let short = piece(&content, 50..120, &[(3, 0), (4, 9)]);
    assert_eq!(coalesce(&[first.clone(), short]).len(), 2);
    for (one, stops) in [(0, [0, 1]), (1, [1, 0])] {
        let mut pieces = [first.clone(), second.clone()];
        pieces[one].stops = stops;
        assert_eq!(coalesce(&pieces).len(), 2);
    }
}

#[test]
fn content_ends_where_more_windows_stop_than_go_on() {
    let samples = [(1, 0), (2, 30)];
    let with = |range: std::ops::Range<usize>, windows, stops| Piece {
        windows,
        stops,
        ..piece(TEXT, range, &samples)
    };
    // One window goes on to both sides, against two that stop before and three behind.
    let pieces =
        [with(0..40, 1, [1, 1]), with(10..20, 2, [2, 0]), with(15..30, 3, [0, 3])];
    let joined = coalesce(&pieces);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].content, &TEXT[10..30]);
    assert_eq!(joined[0].parts, [(0, -10), (1, 0), (2, 5)]);
    assert_eq!(joined[0].stops, [2, 3]);
    // One against one is no majority.
    let pieces = [with(0..40, 1, [1, 1]), with(10..20, 1, [1, 1])];
    assert_eq!(coalesce(&pieces)[0].content, &TEXT[..40]);
}

#[test]
fn content_is_never_joined_beyond_its_bound() {
    let mut state = 1_u32;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(40_000)
    .collect();
    let samples = [(1, 0), (2, 0)];
    let pieces: Vec<_> =
        (0..79).map(|n| piece(&content, n * 500..n * 500 + 1_000, &samples)).collect();
    let joined = coalesce(&pieces);
    assert!(joined.iter().all(|joined| joined.content.len() <= MOST_BYTES));
    assert_eq!(joined.len(), 3);
    assert_eq!(joined.iter().map(|joined| joined.parts.len()).sum::<usize>(), 79);
}

#[test]
fn crowded_samples_compare_each_piece_with_fewer_others_and_still_join() {
    // 5,000 different pieces in two samples, each overlapping the next forty and more:
    // more pairs than may be, were each compared with 64.
    let mut state = 1_u32;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(10_000)
    .collect();
    let samples = [(1, 0), (2, 0)];
    let pieces: Vec<_> =
        (0..5_000).map(|n| piece(&content, n..n + 100, &samples)).collect();
    let joined = coalesce(&pieces);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].content, &content[..5_099]);
    assert_eq!(joined[0].parts.len(), 5_000);
}

#[test]
fn what_shares_neither_a_sample_nor_bytes_is_not_related() {
    let short = b"under sixteen";
    let known = [
        piece(TEXT, 0..20, &[(1, 0)]),
        piece(TEXT, 0..40, &[(2, 0)]),
        piece(TEXT, 12..36, &[(3, 0)]),
        piece(TEXT, 5..30, &[(4, 0)]),
        piece(short, 0..13, &[(5, 0)]),
    ];
    let which = |new: &Piece<'_>| {
        let related = are_related(&known, new);
        (0..known.len()).filter(|i| related[*i]).collect::<Vec<_>>()
    };
    // A sample; bytes inside it; bytes that hold it; equal bytes.
    assert_eq!(which(&piece(TEXT, 44..50, &[(1, 7)])), [0]);
    assert_eq!(which(&piece(TEXT, 14..34, &[(9, 0)])), [1, 2]);
    assert_eq!(which(&piece(TEXT, 4..38, &[(9, 0)])), [1, 2, 3]);
    assert_eq!(which(&piece(short, 0..13, &[(9, 0)])), [4]);
}

proptest! {
    /// A filter of grams rules out no content that is joined.
    #[test]
    fn what_holds_the_bytes_of_the_other_is_related(
        text in prop::collection::vec(0_u8..4, 20..400),
        known in (any::<prop::sample::Index>(), 16_usize..120),
        new in (any::<prop::sample::Index>(), 16_usize..120),
    ) {
        let range = |(at, length): (prop::sample::Index, usize)| {
            let start = at.index(text.len() - 16);
            start..(start + length).min(text.len())
        };
        let (known, new) = (range(known), range(new));
        let holds = |outer: &[u8], inner: &[u8]| {
            outer.windows(inner.len()).any(|part| part == inner)
        };
        let pieces = [piece(&text, known, &[(1, 0)]), piece(&text, new, &[(2, 0)])];
        let [known, new] = [pieces[0].content, pieces[1].content];
        if holds(known, new) || holds(new, known) {
            prop_assert!(are_related(&pieces[..1], &pieces[1])[0]);
        }
    }

    #[test]
    fn overlapping_pieces_make_one_content_in_any_order(
        content in prop::collection::vec(any::<u8>(), 60..1_500),
        starts in prop::collection::vec(0_usize..200, 3..9),
        keys in any::<prop::sample::Index>(),
    ) {
        // Each piece overlaps the next by at least a byte.
        let mut ranges = Vec::new();
        let mut start = 0;
        while start < content.len() {
            let end = (start + 50).min(content.len());
            ranges.push(start..end);
            start = if end == content.len() { end } else { end - 1 - start % 7 };
        }
        let mut pieces: Vec<_> = ranges
            .iter()
            .enumerate()
            .map(|(n, range)| {
                // Three samples each; the next piece has two of them or all.
                let shown: Vec<(u64, usize)> = (n / 2..n / 2 + 3)
                    .map(|id| (id as u64, starts[id % starts.len()]))
                    .collect();
                piece(&content, range.clone(), &shown)
            })
            .collect();
        let turn = keys.index(pieces.len());
        pieces.rotate_left(turn);
        if turn % 2 == 0 {
            pieces.reverse();
        }
        let joined = coalesce(&pieces);
        prop_assert_eq!(joined.len(), 1);
        prop_assert_eq!(&joined[0].content, &content);
        for &(i, at) in &joined[0].parts {
            let part = &pieces[i].content;
            prop_assert_eq!(&content[at as usize..][..part.len()], &part[..]);
        }
        prop_assert_eq!(joined[0].parts.len(), pieces.len());
    }
}
