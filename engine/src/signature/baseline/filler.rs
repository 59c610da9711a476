//! Stretches of a content that only repeat a unit of 8 bytes or less: padding, alignment,
//! silence.
//!
//! Whole windows of it are dropped before anything is counted. Here are the stretches
//! inside a grown content, beside what few other bytes the windows had.

use std::ops::Range;

/// The longest unit: that of the windows that are dropped.
const LONGEST_UNIT: usize = 8;

/// As many bytes in a row must equal those one unit before: once in 2^64 by accident.
const LEAST_REPEATED: usize = 8;

/// All stretches of at least a unit and eight bytes of it again, by unit, then place.
/// They may overlap. Costs eight passes over the content.
pub(super) fn stretches(content: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for unit in 1..=LONGEST_UNIT {
        let mut repeated = 0;
        for at in unit..content.len() {
            if content[at] == content[at - unit] {
                repeated += 1;
                continue;
            }
            if repeated >= LEAST_REPEATED {
                found.push(at - repeated - unit..at);
            }
            repeated = 0;
        }
        if repeated >= LEAST_REPEATED {
            found.push(content.len() - repeated - unit..content.len());
        }
    }
    found
}

/// The slow twin: whether byte `at` lies in filler, tried unit by unit and place by place.
#[cfg(test)]
pub(super) fn is_filler(content: &[u8], at: usize) -> bool {
    (1..=LONGEST_UNIT).any(|unit| {
        let length = unit + LEAST_REPEATED;
        (0..=at).any(|start| {
            let Some(stretch) = content.get(start..start + length) else { return false };
            at < start + length && stretch[unit..] == stretch[..LEAST_REPEATED]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stretches_are_those_of_a_naive_search(
            parts in prop::collection::vec(
                (prop::collection::vec(0_u8..4, 1..10), 1_usize..5), 0..8),
        ) {
            let content: Vec<u8> =
                parts.iter().flat_map(|(unit, times)| unit.repeat(*times)).collect();
            let stretches = stretches(&content);
            for at in 0..content.len() {
                let found = stretches.iter().any(|stretch| stretch.contains(&at));
                prop_assert_eq!(found, is_filler(&content, at), "{} of {:?}", at, &content);
            }
        }
    }

    #[test]
    fn padding_is_filler_and_text_is_not() {
        let mut header = vec![7];
        header.extend([0; 39]);
        assert_eq!(stretches(&header)[0], 1..40);
        assert!(
            stretches(b"GET /index.html HTTP/1.1\r\nHost: example.org\r\n").is_empty()
        );
        assert!(stretches(&[0; 8]).is_empty());
        assert_eq!(stretches(&[0; 9])[0], 0..9);
        let found = stretches(b"xabcabcabcabcy");
        assert_eq!((found.len(), &found[0]), (1, &(1..13)));
    }
}
