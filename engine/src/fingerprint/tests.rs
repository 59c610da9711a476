//! One runner holds every kernel against a twin that does everything the slow
//! way: residues from the definition, minima by looking at every run.

use super::rolling_hash::by_definition;
use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::sync::Once;

/// Kept windows and numbers, straight from the rules.
fn twin(
    fingerprinter: &Fingerprinter,
    bytes: &[u8],
) -> (Vec<(usize, Fingerprint)>, Windows) {
    let plan = &fingerprinter.plan;
    let windows: Vec<&[u8]> = bytes.windows(plan.beta).collect();
    let is_periodic = |window: &[u8]| {
        (1..=8.min(window.len() / 2))
            .any(|unit| (unit..window.len()).all(|i| window[i] == window[i - unit]))
    };
    let first = plan.secrets.first.terms(plan.beta);
    let second = plan.secrets.second.terms(plan.beta);
    let sampled: Vec<bool> = match fingerprinter.sampling {
        Sampling::Value(_) => {
            let is_sampled =
                |window: &&[u8]| by_definition(&first, window) & plan.mask == plan.target;
            windows.iter().map(is_sampled).collect()
        }
        Sampling::Winnow(width) => {
            let value = |window: &&[u8]| match is_periodic(window) {
                true => u16::MAX,
                false => {
                    let high = by_definition(&first, window);
                    let low = by_definition(&second, window);
                    u16::from_be_bytes([high, low]) ^ plan.secrets.constant
                }
            };
            let values: Vec<u16> = windows.iter().map(value).collect();
            let mut sampled = vec![false; values.len()];
            let width = usize::from(width).min(values.len());
            for start in 0..(values.len() + 1).saturating_sub(width) {
                let run = &values[start..start + width];
                let minimum = run.iter().min();
                for (sampled, value) in sampled[start..].iter_mut().zip(run) {
                    *sampled |= Some(value) == minimum;
                }
            }
            sampled
        }
    };
    let mut kept = Vec::new();
    let mut numbers = Windows { total: windows.len() as u64, ..Windows::default() };
    for (offset, window) in windows.into_iter().enumerate() {
        if !sampled[offset] {
            continue;
        }
        if is_periodic(window) {
            numbers.periodic += 1;
        } else {
            let hash = xxh3_64_with_seed(window, plan.secrets.window_seed);
            kept.push((offset, Fingerprint(hash)));
        }
    }
    numbers.kept = kept.len() as u64;
    (kept, numbers)
}

/// The kernels of this processor, said once. Those that its features promise must be
/// among them, or the tests would hold nothing against the twin.
fn kernels() -> impl Iterator<Item = Kernel> {
    static SAID: Once = Once::new();
    let here = Kernel::ALL.into_iter().filter(|kernel| kernel.is_available());
    SAID.call_once(|| {
        let names: Vec<String> = here.clone().map(|kernel| kernel.to_string()).collect();
        // Past the capture of what tests print.
        let _ = writeln!(std::io::stderr(), "kernels that run: {}", names.join(", "));
        let mut promised = vec![Kernel::Scalar];
        #[cfg(target_arch = "aarch64")]
        promised.push(Kernel::Neon);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") {
            promised.push(Kernel::Avx2);
            if is_x86_feature_detected!("avx512vbmi2") && is_x86_feature_detected!("gfni")
            {
                promised.push(Kernel::Avx512);
            }
        }
        for kernel in promised {
            assert!(kernel.is_available(), "{kernel} should run here: {names:?}");
        }
    });
    here
}

/// All kernels of this processor, on these bytes, against the twin.
fn check_all_kernels(key: u128, beta: usize, sampling: Sampling, bytes: &[u8]) {
    let scalar = Fingerprinter::new(key, beta, sampling, Kernel::Scalar);
    let expected = twin(&scalar, bytes);
    let mut scratch = Scratch::default();
    for kernel in kernels() {
        let fingerprinter = Fingerprinter::new(key, beta, sampling, kernel);
        assert_eq!(fingerprinter.kernel(), kernel);
        let mut kept = Vec::new();
        let numbers =
            fingerprinter.for_each(&mut scratch, bytes, |offset, fingerprint| {
                kept.push((offset, fingerprint));
            });
        assert_eq!(
            (&kept, numbers),
            (&expected.0, expected.1),
            "{kernel} {sampling} {beta}"
        );
        let sampled = fingerprinter.count_sampled(&mut scratch, bytes);
        assert_eq!(sampled, numbers.kept + numbers.periodic, "{kernel}");
    }
}

/// Numbers from a seed (SplitMix64).
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

    /// Random bytes, of few or many values, with periodic stretches sown in.
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let values = [2, 3, 20, 256, 256][self.below(5)];
        let mut bytes: Vec<u8> = (0..length).map(|_| self.below(values) as u8).collect();
        for _ in 0..self.below(4) {
            if length > 1 {
                let unit = 1 + self.below(10);
                let start = self.below(length);
                let end = length.min(start + self.below(400));
                for i in (start + unit).min(end)..end {
                    bytes[i] = bytes[i - unit];
                }
            }
        }
        bytes
    }
}

#[test]
fn every_kernel_samples_as_the_definition_does_for_every_beta() {
    let mut random = Random(1);
    for beta in Fingerprinter::MIN_BETA..=Fingerprinter::MAX_BETA {
        for n in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            let length = random.below(400);
            let bytes = random.bytes(length);
            check_all_kernels(random.key(), beta, Sampling::Value(n), &bytes);
        }
        for width in [2, 3, 1 + random.below(100), 5 + random.below(1_000)] {
            let length = random.below(600);
            let bytes = random.bytes(length);
            let sampling = Sampling::Winnow(width as u16);
            check_all_kernels(random.key(), beta, sampling, &bytes);
        }
    }
}

#[test]
fn every_kernel_samples_as_the_definition_does_at_every_length_and_alignment() {
    let mut random = Random(2);
    let bytes = random.bytes(5_000);
    for length in (0..200).chain((200..4_096).step_by(61)).chain(4_090..=4_096) {
        let start = random.below(65);
        let bytes = &bytes[start..start + length];
        check_all_kernels(random.key(), 40, Sampling::Value(8), bytes);
        if length % 3 == 0 || length > 300 {
            check_all_kernels(random.key(), 40, Sampling::Winnow(32), bytes);
            check_all_kernels(random.key(), 40, Sampling::Winnow(128), bytes);
        }
    }
}

#[test]
fn payloads_of_several_blocks_have_no_seams() {
    let mut random = Random(3);
    for length in [BLOCK - 1, BLOCK + 38, BLOCK + 39, BLOCK + 40, 2 * BLOCK + 777, 70_000]
    {
        let bytes = random.bytes(length);
        let beta = 8 + random.below(57);
        check_all_kernels(random.key(), beta, Sampling::Value(64), &bytes);
        check_all_kernels(random.key(), 40, Sampling::Value(1), &bytes);
        check_all_kernels(random.key(), beta, Sampling::Winnow(128), &bytes);
        check_all_kernels(random.key(), beta, Sampling::Winnow(1_024), &bytes);
    }
    let zeros_within = {
        let mut bytes = random.bytes(3 * BLOCK);
        bytes[BLOCK - 500..BLOCK + 2_000].fill(0);
        bytes
    };
    check_all_kernels(7, 40, Sampling::Winnow(128), &zeros_within);
    check_all_kernels(7, 40, Sampling::Value(1), &zeros_within);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_kernel_samples_as_the_definition_does(
        key: u128,
        seed: u64,
        beta in 8usize..=64,
        exponent in 0u32..=8,
        width in 2u16..300,
        length in 0usize..1_000,
    ) {
        let bytes = Random(seed).bytes(length);
        check_all_kernels(key, beta, Sampling::Value(1 << exponent), &bytes);
        check_all_kernels(key, beta, Sampling::Winnow(width), &bytes);
    }

    #[test]
    fn a_copy_of_a_window_is_kept_wherever_it_stands(
        key: u128, seed: u64, before in 0usize..300, after in 0usize..300,
    ) {
        let mut random = Random(seed);
        let body: Vec<u8> = (0..200).map(|_| random.below(256) as u8).collect();
        let around = random.bytes(before + after);
        let payload = [&around[..before], &body, &around[before..]].concat();
        let fingerprinter = Fingerprinter::new(key, 40, Sampling::Value(8), Kernel::best());
        let mut scratch = Scratch::default();
        let (mut alone, mut within) = (Vec::new(), Vec::new());
        fingerprinter.for_each(&mut scratch, &body, |offset, hash| alone.push((offset, hash)));
        fingerprinter.for_each(&mut scratch, &payload, |offset, hash| {
            if (before..=before + 160).contains(&offset) {
                within.push((offset - before, hash));
            }
        });
        prop_assert_eq!(alone, within);
    }
}

#[test]
fn many_payloads_at_once_are_as_each_by_itself() {
    let mut random = Random(7);
    let mut scratch = Scratch::default();
    for kernel in kernels() {
        for sampling in [1, 8, 64].map(Sampling::Value).into_iter().chain([
            Sampling::Winnow(3),
            Sampling::Winnow(128),
            Sampling::Winnow(1_024),
        ]) {
            let fingerprinter = Fingerprinter::new(random.key(), 40, sampling, kernel);
            let payloads: Vec<Vec<u8>> = (0..200)
                .map(|n| {
                    let length = [0, 39, 40, 64, 300, 1_460, 2 * BLOCK][n % 7];
                    let length = random.below(length + 1);
                    // Stretches that go on from a payload to the next.
                    if n % 5 < 2 { vec![7; length] } else { random.bytes(length) }
                })
                .collect();
            let (mut expected, mut expected_numbers) = (Vec::new(), Windows::default());
            for (index, bytes) in payloads.iter().enumerate() {
                expected_numbers +=
                    fingerprinter.for_each(&mut scratch, bytes, |offset, print| {
                        expected.push((index, offset, print));
                    });
            }
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let mut found = Vec::new();
            let numbers = fingerprinter.for_each_of(
                &mut scratch,
                &payloads,
                |index, offset, print| found.push((index, offset, print)),
            );
            assert!(found == expected, "{kernel} {sampling}");
            assert_eq!(numbers, expected_numbers, "{kernel} {sampling}");
        }
    }
}

#[test]
fn zero_padding_is_never_sampled_by_value_unless_all_is() {
    let mut scratch = Scratch::default();
    for key in 0..500 {
        for exponent in 1..=8 {
            let sampling = Sampling::Value(1 << exponent);
            let fingerprinter = Fingerprinter::new(key, 40, sampling, Kernel::best());
            assert_eq!(fingerprinter.count_sampled(&mut scratch, &[0; 200]), 0);
        }
    }
    let all = Fingerprinter::new(1, 40, Sampling::Value(1), Kernel::best());
    let numbers = all.for_each(&mut scratch, &[0; 200], |_, _| {});
    assert_eq!(numbers, Windows { total: 161, kept: 0, periodic: 161 });
}

#[test]
fn every_payload_of_a_window_or_more_yields_one_when_winnowing() {
    let mut random = Random(4);
    let mut scratch = Scratch::default();
    for length in 40..600 {
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        let fingerprinter =
            Fingerprinter::new(random.key(), 40, Sampling::Winnow(128), Kernel::best());
        let numbers = fingerprinter.for_each(&mut scratch, &bytes, |_, _| {});
        assert!(numbers.kept >= 1, "{length}");
    }
}

#[test]
fn short_datagrams_are_sampled_at_the_same_share_in_a_domain_of_their_own() {
    let mut random = Random(5);
    let by_value = Fingerprinter::new(9, 40, Sampling::Value(16), Kernel::best());
    let winnowing = Fingerprinter::new(9, 40, Sampling::Winnow(128), Kernel::best());
    let every_window = Fingerprinter::new(9, 20, Sampling::Value(1), Kernel::best());
    let mut scratch = Scratch::default();
    let trials = 64_000;
    let mut kept = 0u32;
    for _ in 0..trials {
        let datagram: Vec<u8> = (0..20).map(|_| random.below(256) as u8).collect();
        let Short::Kept(whole) = winnowing.short(&datagram) else {
            panic!("not kept when winnowing");
        };
        match by_value.short(&datagram) {
            Short::Kept(fingerprint) => {
                assert_eq!(fingerprint, whole);
                kept += 1;
            }
            outcome => assert_eq!(outcome, Short::NotSampled),
        }
        every_window
            .for_each(&mut scratch, &datagram, |_, window| assert_ne!(window, whole));
    }
    // Mean 4,000, standard deviation 61.
    assert!((3_750..4_250).contains(&kept), "{kept}");
    assert_eq!(winnowing.short(b"abcdeabcdeabcdeabcde"), Short::Periodic);
    assert_eq!(by_value.short(&[0; 16]), Short::Periodic);
}

#[test]
fn settings_out_of_range_are_brought_into_it_and_a_missing_kernel_is_replaced() {
    let sampling =
        |sampling| Fingerprinter::new(1, 8, sampling, Kernel::Scalar).sampling();
    assert_eq!(sampling(Sampling::Value(0)), Sampling::Value(1));
    assert_eq!(sampling(Sampling::Value(63)), Sampling::Value(64));
    assert_eq!(sampling(Sampling::Value(9_999)), Sampling::Value(256));
    assert_eq!(sampling(Sampling::Winnow(0)), Sampling::Winnow(2));
    assert_eq!(sampling(Sampling::Winnow(9_999)), Sampling::Winnow(1_024));
    for kernel in Kernel::ALL {
        let used = Fingerprinter::new(1, 64, Sampling::default(), kernel).kernel();
        assert_eq!(used == kernel, kernel.is_available());
        assert!(used.is_available());
    }
}

#[test]
#[should_panic(expected = "8 to 64 bytes, not 65")]
fn a_window_of_65_bytes_is_refused() {
    Fingerprinter::new(1, 65, Sampling::default(), Kernel::Scalar);
}

#[test]
fn scratch_stops_growing() {
    let mut random = Random(6);
    let bytes = random.bytes(100_000);
    let mut scratch = Scratch::default();
    let value = Fingerprinter::new(1, 64, Sampling::Value(1), Kernel::best());
    let winnow = Fingerprinter::new(1, 64, Sampling::Winnow(1_024), Kernel::best());
    value.for_each(&mut scratch, &bytes, |_, _| {});
    winnow.for_each(&mut scratch, &bytes, |_, _| {});
    let warm = scratch.memory_bytes();
    assert!(warm > 0 && warm < 104 * 1_024, "{warm}");
    for length in (0..100_000).step_by(997) {
        value.for_each(&mut scratch, &bytes[..length], |_, _| {});
        winnow.for_each(&mut scratch, &bytes[..length], |_, _| {});
    }
    assert_eq!(scratch.memory_bytes(), warm);
}

#[test]
fn context_is_what_the_seam_needs() {
    let fingerprinter = |sampling| Fingerprinter::new(1, 40, sampling, Kernel::best());
    assert_eq!(fingerprinter(Sampling::Value(64)).context(), 39);
    assert_eq!(fingerprinter(Sampling::Winnow(128)).context(), 166);
    assert_eq!(fingerprinter(Sampling::Value(64)).beta(), 40);
}
