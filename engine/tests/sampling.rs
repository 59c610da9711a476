//! Sampling keeps the share that its formulas say.
//!
//! All randomness is from fixed seeds: a bound of 99.9 % that holds today holds
//! tomorrow.

use crate::common::environment::sample;
use wormsift::fingerprint::{Fingerprint, Fingerprinter, Kernel, Sampling, Scratch};

const BETA: usize = 40;
/// Two-sided 99.9 % of the normal distribution.
const SIGMAS: f64 = 3.2905;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn key(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Bytes of `values` different values, with stretches of zeros and of short
    /// periods sown in.
    fn structured(&mut self, length: usize) -> Vec<u8> {
        let values = [2, 4, 26, 256][self.below(4)];
        let mut bytes: Vec<u8> = (0..length).map(|_| self.below(values) as u8).collect();
        for _ in 0..self.below(3) {
            let unit = self.below(9);
            let start = self.below(length.max(1));
            let end = length.min(start + self.below(120));
            match unit {
                0 => bytes[start.min(end)..end].fill(0),
                _ => {
                    for i in (start + unit).min(end)..end {
                        bytes[i] = bytes[i - unit];
                    }
                }
            }
        }
        bytes
    }
}

fn fingerprinter(key: u128, beta: usize, sampling: Sampling) -> Fingerprinter {
    Fingerprinter::new(key, beta, sampling, Kernel::best())
}

fn kept(
    fingerprinter: &Fingerprinter,
    scratch: &mut Scratch,
    bytes: &[u8],
) -> Vec<(usize, Fingerprint)> {
    let mut kept = Vec::new();
    fingerprinter.for_each(scratch, bytes, |offset, hash| kept.push((offset, hash)));
    kept
}

fn has_short_period(window: &[u8]) -> bool {
    (1..=8).any(|unit| window[unit..] == window[..window.len() - unit])
}

/// EarlyBird, section 5.2: an invariant of x bytes is tracked with probability
/// 1 - (1 - f)^(x - beta + 1). The residues of a random body's windows are
/// independent under every key (each has a fresh byte under an invertible map),
/// so trials are too, and the interval is the binomial one, without clusters.
#[test]
fn invariants_are_tracked_as_often_as_the_formula_says() {
    let keys = sample(20, 200);
    let trials = f64::from(keys) * 100.0;
    let mut random = Random(1);
    let mut scratch = Scratch::default();
    for (f, n) in [(1.0 / 64.0, 64), (1.0 / 8.0, 8)] {
        for length in [40, 50, 64, 80, 100, 128, 167, 200, 250, 300, 350, 400] {
            let mut tracked = 0;
            for _ in 0..keys {
                let fingerprinter = fingerprinter(random.key(), BETA, Sampling::Value(n));
                for _ in 0..100 {
                    let body = random.bytes(length);
                    let numbers = fingerprinter.for_each(&mut scratch, &body, |_, _| {});
                    tracked += u32::from(numbers.kept > 0);
                }
            }
            let expected = 1.0 - f64::powi(1.0 - f, (length - BETA + 1) as i32);
            let share = f64::from(tracked) / trials;
            let deviation = (expected * (1.0 - expected) / trials).sqrt();
            // Half a trial, as the count is whole.
            let bound = SIGMAS * deviation + 0.5 / trials;
            println!("1/{n} x {length}: {share:.4}, formula {expected:.4} +- {bound:.4}");
            assert!((share - expected).abs() <= bound, "x = {length}");
        }
    }
}

/// The guarantee: two payloads that share beta + w - 1 bytes share a kept window
/// of them, whatever stands around, unless all of them are periodic.
#[test]
fn winnowing_never_misses_a_shared_run() {
    let mut random = Random(2);
    let mut scratch = Scratch::default();
    let mut pairs = 0u32;
    let mut all_periodic = 0u32;
    let rounds = sample(105, 1_050);
    for round in 0..rounds {
        let (beta, width) = match round % 5 {
            0 => (16 + random.below(49), 2 + random.below(200)),
            1 => (40, 16),
            _ => (BETA, 128),
        };
        let fingerprinter =
            fingerprinter(random.key(), beta, Sampling::Winnow(width as u16));
        for _ in 0..100 {
            let shared = random.structured(beta + width - 1);
            let mut kept_inside = || -> Vec<(usize, Fingerprint)> {
                let (before, after) = (random.below(150), random.below(150));
                let around = random.structured(before + after);
                let payload = [&around[..before], &shared, &around[before..]].concat();
                let kept = kept(&fingerprinter, &mut scratch, &payload).into_iter();
                let inside = before..before + width;
                kept.filter(|(offset, _)| inside.contains(offset))
                    .map(|(offset, hash)| (offset - before, hash))
                    .collect()
            };
            let (here, there) = (kept_inside(), kept_inside());
            if shared.windows(beta).all(has_short_period) {
                all_periodic += 1;
                continue;
            }
            pairs += 1;
            let common = here.iter().any(|window| there.contains(window));
            assert!(common, "beta {beta}, w {width}, {shared:?}");
        }
    }
    println!("{pairs} pairs, none missed; {all_periodic} runs were all periodic");
    assert!(pairs >= 95 * rounds as u32);
}

/// Padding cannot win: where a run holds anything else, no periodic window is
/// sampled, and what the parts keep, the whole keeps.
#[test]
fn zeros_sown_into_a_body_do_not_displace_its_kept_windows() {
    let mut random = Random(3);
    let mut scratch = Scratch::default();
    for _ in 0..sample(200, 2_000) {
        let key = random.key();
        let (before, zeros, after) =
            (167 + random.below(300), random.below(167), 167 + random.below(300));
        let (front, back) = (random.bytes(before), random.bytes(after));
        let payload = [&front[..], &vec![0; zeros], &back[..]].concat();
        for sampling in [Sampling::Winnow(128), Sampling::Value(16)] {
            let fingerprinter = fingerprinter(key, BETA, sampling);
            let numbers = fingerprinter.for_each(&mut scratch, &payload, |_, _| {});
            assert_eq!(numbers.periodic, 0, "{sampling}");
            let whole = kept(&fingerprinter, &mut scratch, &payload);
            for window in kept(&fingerprinter, &mut scratch, &front) {
                assert!(whole.contains(&window), "{sampling}");
            }
            for (offset, hash) in kept(&fingerprinter, &mut scratch, &back) {
                assert!(whole.contains(&(offset + before + zeros, hash)), "{sampling}");
            }
        }
    }
}

#[test]
fn density_on_random_payloads_is_the_formulas() {
    let mut random = Random(4);
    let mut scratch = Scratch::default();
    for sampling in [
        Sampling::Value(1),
        Sampling::Value(16),
        Sampling::Value(64),
        Sampling::Value(256),
        Sampling::Winnow(16),
        Sampling::Winnow(128),
        Sampling::Winnow(1_024),
    ] {
        let (mut total, mut sampled) = (0, 0);
        for _ in 0..sample(10, 40) {
            let payload = random.bytes(200_000);
            let fingerprinter = fingerprinter(random.key(), BETA, sampling);
            let numbers = fingerprinter.for_each(&mut scratch, &payload, |_, _| {});
            total += numbers.total;
            sampled += numbers.kept;
        }
        let (density, formula) = (sampled as f64 / total as f64, sampling.density());
        println!("{sampling}: {density:.6}, formula {formula:.6}");
        assert!((density / formula - 1.0).abs() < 0.03, "{sampling}: {density}");
    }
}

/// Residues are linear in the bytes, so content of few values or few set bits is
/// where a skew would show: over the distinct windows there is none.
#[test]
fn skewed_content_is_sampled_at_its_share_of_distinct_windows() {
    let mut random = Random(6);
    let mut scratch = Scratch::default();
    let length = 400_000;
    let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let two = (0..length).map(|_| b'0' + random.below(2) as u8).collect();
    let four = (0..length).map(|_| b"ACGT"[random.below(4)]).collect();
    let base64 = (0..length).map(|_| base64[random.below(64)]).collect();
    let sparse = |_| if random.below(32) == 0 { random.below(256) as u8 } else { 0 };
    let sparse = (0..length).map(sparse).collect();
    let counter = (0..length as u32 / 4).flat_map(u32::to_be_bytes).collect();
    let lines: String = (0..length / 7).map(|line| format!("{line}\r\n")).collect();
    let contents: [(&str, Vec<u8>); 6] = [
        ("two values", two),
        ("four letters", four),
        ("base64", base64),
        ("one byte in 32 not zero", sparse),
        ("32-bit counter", counter),
        ("decimal lines", lines.into_bytes()),
    ];
    for (name, content) in contents {
        let distinct = |sampling, key, scratch: &mut Scratch| {
            let mut kept = kept(&fingerprinter(key, BETA, sampling), scratch, &content);
            kept.sort_unstable_by_key(|&(_, hash)| hash);
            kept.dedup_by_key(|&mut (_, hash)| hash);
            kept.len() as f64
        };
        let all = distinct(Sampling::Value(1), 0, &mut scratch);
        let keys = 16;
        let sampled: f64 = (0..keys)
            .map(|_| distinct(Sampling::Value(64), random.key(), &mut scratch))
            .sum();
        let share = sampled / f64::from(keys) / all * 64.0;
        println!("{name}: {all} distinct windows, kept share {share:.4} of 1/64");
        let bound = SIGMAS * f64::sqrt(64.0 / (all * f64::from(keys)));
        assert!((share - 1.0).abs() < bound, "{name}: {share} +- {bound}");
    }
}

/// Whether a window is kept under one key says nothing about another key: a
/// chi-square over the four outcomes, for a hundred pairs of keys.
#[test]
fn two_keys_sample_independently() {
    let mut random = Random(5);
    let mut scratch = Scratch::default();
    let mut sum = 0.0;
    for _ in 0..100 {
        let keys = [random.key(), random.key()]
            .map(|key| fingerprinter(key, BETA, Sampling::Value(8)));
        let mut counts = [[0u32; 2]; 2];
        for _ in 0..sample(20, 100) {
            let payload = random.bytes(1_460);
            let mut outcomes = vec![[0; 2]; payload.len() - BETA + 1];
            for (which, fingerprinter) in keys.iter().enumerate() {
                fingerprinter.for_each(&mut scratch, &payload, |offset, _| {
                    outcomes[offset][which] = 1;
                });
            }
            for [first, second] in outcomes {
                counts[first][second] += 1;
            }
        }
        let total = f64::from(counts.iter().flatten().sum::<u32>());
        let shares = [7.0 / 8.0, 1.0 / 8.0];
        for (row, first) in counts.iter().zip(shares) {
            for (&count, second) in row.iter().zip(shares) {
                let expected = total * first * second;
                sum += (f64::from(count) - expected).powi(2) / expected;
            }
        }
    }
    println!("chi-square {sum:.1}, three degrees of freedom for each of 100 pairs");
    // The normal approximation at 300 degrees of freedom, two-sided 99.9 %.
    let bound = SIGMAS * f64::sqrt(600.0);
    assert!((sum - 300.0).abs() < bound, "{sum}");
}
