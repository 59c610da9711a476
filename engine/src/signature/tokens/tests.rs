use super::*;
use crate::signature::sample::testing::host;
use proptest::prelude::*;

/// Random bytes of a seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(length)
    .collect()
}

/// A sample of host `n`: these pieces; the content is the one at `at`.
fn holder(n: u64, pieces: &[&[u8]], at: usize) -> Holder {
    let start = pieces[..at].concat().len();
    Holder {
        order: (n, (0, n)),
        source: host(n),
        bytes: pieces.concat().into(),
        content: start..start + pieces[at].len(),
    }
}

fn list(tokens: &Tokens) -> Vec<&[u8]> {
    tokens.list.iter().map(Vec::as_slice).collect()
}

const CONTENT: &[u8] = b"the grown content of forty bytes and more";
const BEFORE: &[u8] = b"\x90first";
const AFTER: &[u8] = b"and the last token";

/// Samples of eight hosts with `BEFORE`, the content and `AFTER` among random bytes.
fn polymorphic() -> Vec<Holder> {
    let gap =
        |n: u64, which: u64| noise(8 * n + which, 100 + ((7 * n + which) % 90) as usize);
    (0..8)
        .map(|n| {
            let gaps: Vec<Vec<u8>> = (0..4).map(|which| gap(n, which)).collect();
            let pieces: [&[u8]; 7] =
                [&gaps[0], BEFORE, &gaps[1], CONTENT, &gaps[2], AFTER, &gaps[3]];
            holder(n, &pieces, 3)
        })
        .collect()
}

#[test]
fn what_all_samples_share_is_found_in_its_order() {
    let found = tokens(CONTENT, &polymorphic(), &[]).unwrap();
    assert_eq!(list(&found), [BEFORE, CONTENT, AFTER]);
    assert!(found.ordered);
}

#[test]
fn another_order_in_one_sample_is_no_order() {
    let mut holders = polymorphic();
    holders[5] = holder(5, &[AFTER, b"..", CONTENT, b"--", BEFORE], 2);
    let found = tokens(CONTENT, &holders, &[]).unwrap();
    assert_eq!(list(&found), [BEFORE, CONTENT, AFTER]);
    assert!(!found.ordered);
}

#[test]
fn two_sources_are_too_few_and_cut_samples_do_not_count() {
    let mut holders = polymorphic();
    assert_eq!(tokens(CONTENT, &holders[..2], &[]), None);
    // One source twice, and one that was cut behind the content.
    holders[1].source = holders[0].source;
    holders[2] = holder(2, &[b"..", CONTENT], 1);
    let chosen = chosen(holders.into_iter().rev().collect());
    let order: Vec<u64> = chosen.iter().map(|one| one.order.0).collect();
    assert_eq!(order, [0, 3, 4, 5, 6, 7]);
    assert_eq!(list(&tokens(CONTENT, &chosen, &[]).unwrap()), [BEFORE, CONTENT, AFTER]);
}

#[test]
fn a_token_of_unrelated_samples_is_left_out() {
    let unrelated: Arc<[u8]> = [b"GET / ", AFTER].concat().into();
    let related: Arc<[u8]> = [CONTENT, BEFORE].concat().into();
    let quiet: Arc<[u8]> = b"nothing of it".as_slice().into();
    let mut ordinary = vec![unrelated, related];
    let found = tokens(CONTENT, &polymorphic(), &ordinary).unwrap();
    assert_eq!(list(&found), [BEFORE, CONTENT]);
    // Of a hundred, one may be an accident.
    ordinary.resize(100, quiet);
    let found = tokens(CONTENT, &polymorphic(), &ordinary).unwrap();
    assert_eq!(list(&found), [BEFORE, CONTENT, AFTER]);
}

#[test]
fn what_chance_explains_is_no_token() {
    // Digits: any four stand somewhere in most texts of 2,000.
    let digits = |n: u64| -> Vec<u8> {
        noise(n + 1, 2_000).iter().map(|byte| b'0' + byte / 26).collect()
    };
    let holders: Vec<Holder> =
        (0..3).map(|n| holder(n, &[&digits(n), CONTENT], 1)).collect();
    let all: Vec<&[u8]> = holders[1..].iter().map(|one| &*one.bytes).collect();
    assert!(common(&holders[0].bytes, &all).len() > 2, "the test shows nothing");
    assert_eq!(list(&tokens(CONTENT, &holders, &[]).unwrap()), [CONTENT]);
}

#[test]
fn only_the_most_telling_ones_are_kept() {
    let planted: Vec<Vec<u8>> =
        (0..20).map(|n| noise(900 + n, 5 + 3 * n as usize)).collect();
    let holders: Vec<Holder> = (0..4)
        .map(|n| {
            let mut pieces = vec![CONTENT.to_vec()];
            for one in &planted {
                pieces.push(noise(1_000 + n, 3 + n as usize));
                pieces.push(one.clone());
            }
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            holder(n, &pieces, 0)
        })
        .collect();
    let found = tokens(CONTENT, &holders, &[]).unwrap();
    let mut expected = vec![CONTENT];
    expected.extend(planted[13..].iter().map(Vec::as_slice));
    assert_eq!(list(&found), expected);
}

#[test]
fn later_samples_shorten_or_drop_tokens_and_the_content_may_grow() {
    let known = tokens(CONTENT, &polymorphic(), &[]).unwrap();
    let grown = [b"more of ", CONTENT].concat();
    let later = [holder(20, &[&noise(1, 30), &grown, b"..", b"the last token"], 1)];
    let narrowed = narrowed(&known, CONTENT, &grown, &later);
    assert_eq!(list(&narrowed), [&grown[..], b"the last token"]);
    assert!(narrowed.ordered);
    let other = [holder(21, &[b"the last token", &noise(2, 9), &grown], 2)];
    assert!(!super::narrowed(&narrowed, &grown, &grown, &other).ordered);
}

proptest! {
    #[test]
    fn every_token_is_in_every_sample_and_none_in_another(
        pieces in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(0u8..3, 0..30), 4), 3..7),
        shared in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 3),
    ) {
        let holders: Vec<Holder> = pieces
            .iter()
            .zip(0..)
            .map(|(gaps, n)| {
                let pieces: [&[u8]; 7] =
                    [&gaps[0], &shared[0], &gaps[1], CONTENT, &gaps[2], &shared[1], &gaps[3]];
                holder(n, &pieces, 3)
            })
            .collect();
        let found = tokens(CONTENT, &holders, &[]).unwrap();
        prop_assert!(found.list.len() <= MOST_TOKENS);
        prop_assert_eq!(found.list.iter().filter(|token| &token[..] == CONTENT).count(), 1);
        for (i, token) in found.list.iter().enumerate() {
            prop_assert!(token.len() >= LEAST_TOKEN);
            prop_assert!(holders.iter().all(|one| find(&one.bytes, token).is_some()));
            let within = |(j, other): (usize, &Vec<u8>)| i != j && find(other, token).is_some();
            prop_assert!(!found.list.iter().enumerate().any(within));
        }
        // The order by trying: each token behind the one before, in every sample.
        let ordered = holders.iter().all(|one| {
            let mut from = 0;
            found.list.iter().all(|token| {
                let next = (from..one.bytes.len()).find(|at| one.bytes[*at..].starts_with(token));
                from = next.map_or(0, |at| at + token.len());
                next.is_some()
            })
        });
        prop_assert_eq!(found.ordered, ordered);
    }
}
