//! The minima of runs that each kernel finds, against a look at every run.

use super::Kernel;
use super::arch::Path;
use super::winnow::Runs;
use proptest::prelude::*;

/// Whether each value is the minimum of a run of `width`; all are one run where they are
/// fewer.
fn by_definition(values: &[u16], width: usize) -> Vec<bool> {
    let mut found = vec![false; values.len()];
    let width = width.min(values.len());
    if width == 0 {
        return found;
    }
    for (start, run) in values.windows(width).enumerate() {
        let minimum = run.iter().min();
        for (found, value) in found[start..].iter_mut().zip(run) {
            *found |= Some(value) == minimum;
        }
    }
    found
}

/// Every kernel of this processor, with the same buffers throughout.
fn check(runs: &mut Runs, values: &[u16], width: usize) {
    let expected = by_definition(values, width);
    // What follows means nothing, small or large.
    for (after, kernel) in [0, 77, u16::MAX].into_iter().cycle().zip(Kernel::ALL) {
        if !kernel.is_available() || values.is_empty() {
            continue;
        }
        let followed = [values, &[after; 64]].concat();
        let mut words = vec![!0; followed.len().div_ceil(64)];
        Path::new(kernel, 40).minima(&followed, width, runs, &mut words);
        let found: Vec<bool> =
            (0..values.len()).map(|at| words[at / 64] >> (at % 64) & 1 == 1).collect();
        let wrong = found.iter().zip(&expected).position(|(found, it)| found != it);
        assert_eq!(wrong, None, "{kernel} width {width} of {} values", values.len());
    }
}

/// Values of one of several kinds.
fn values(kind: usize, length: usize, parameter: u16, random: &[u16]) -> Vec<u16> {
    let random = random.iter().cycle().take(length).copied().zip(0..);
    let value = |(random, at): (u16, u16)| match kind {
        0 => random,
        // Many ties.
        1 => random % (2 + parameter % 50),
        2 => parameter,
        // Monotone, with ties and without.
        3 => at / (1 + parameter % 4),
        4 => u16::MAX - at / (1 + parameter % 4),
        // Long stretches that are lifted out of the minimum.
        5 if !(at / (1 + parameter % 2_000)).is_multiple_of(3) => u16::MAX,
        6 => u16::MAX - random % 2,
        // Rare small ones.
        7 => random.max(parameter),
        _ => random,
    };
    random.map(value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_kernel_finds_the_minima_of_every_run(
        random in prop::collection::vec(any::<u16>(), 1..5_000),
        length in prop_oneof![0usize..200, 0usize..5_000],
        width in prop_oneof![1usize..70, 60usize..140, 1usize..=1_000],
        kind in 0usize..8,
        parameter: u16,
    ) {
        let mut runs = Runs::default();
        check(&mut runs, &values(kind, length, parameter, &random), width);
        // With buffers that are in use.
        check(&mut runs, &values(0, length / 2, parameter, &random), width);
        check(&mut runs, &values(kind, 2 * length / 3, parameter, &random), 128);
    }
}

#[test]
fn every_kernel_finds_them_at_every_length_near_the_width() {
    let mut runs = Runs::default();
    let random: Vec<u16> =
        (0..2_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
    for width in [62, 63, 64, 94, 95, 96, 127, 128, 129, 1_000] {
        for length in width - 2..width + 140 {
            for kind in 0..8 {
                check(&mut runs, &values(kind, length, 97, &random), width);
            }
        }
    }
}
