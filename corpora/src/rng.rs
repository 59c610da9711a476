//! Random numbers, the only source of them: seeded, portable, split by name.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2018), its state filled
//! by SplitMix64 as its authors advise. Draws use no function of the system's
//! mathematical library, so that a seed gives the same bytes on every machine.

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of one consumer: `label` names it. Consumers under
    /// different labels draw independently, so that a new one changes no other.
    pub fn new(seed: u64, label: &str) -> Self {
        let mut mixer = seed ^ mix(label_hash(label));
        Self { state: std::array::from_fn(|_| split_mix(&mut mixer)) }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        drawn
    }

    /// A number from 0 to `bound - 1`; 0 where `bound` is 0. The bias is below
    /// `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included; `low` where `high` is less.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// An index into a list of `length`; 0 for an empty one.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One entry of a list, or `None` of an empty one.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.index(list.len()))
    }

    /// One entry of a list that is not empty.
    pub(crate) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// One word of a list; the empty word of an empty one.
    pub(crate) fn word<'a>(&mut self, list: &[&'a str]) -> &'a str {
        self.pick(list).copied().unwrap_or_default()
    }

    /// Evenly from [0, 1), in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A waiting time with this mean, of events without memory.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * natural_logarithm(1.0 - self.unit())
    }

    /// Overwrites `bytes` with random ones.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        let mut chunks = bytes.chunks_exact_mut(8);
        for chunk in &mut chunks {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes());
        }
        let rest = chunks.into_remainder();
        let last = self.next_u64().to_le_bytes();
        rest.copy_from_slice(&last[..rest.len()]);
    }

    /// Appends `count` random bytes.
    pub fn append(&mut self, count: usize, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.resize(start + count, 0);
        self.fill(&mut bytes[start..]);
    }

    /// So many random bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        bytes
    }

    /// Puts a list into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }
}

/// A fixed, even scrambling of 64 bits: SplitMix64's last step.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mix(*state)
}

/// FNV-1a, 64 bits.
fn label_hash(label: &str) -> u64 {
    label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// ln x for normal x > 0 by exact IEEE operations alone: x = m 2^e with m in
/// [0.5, 1) brought near 1, then ln m = 2 artanh((m - 1) / (m + 1)).
fn natural_logarithm(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut fraction = f64::from_bits((bits & FRACTION) | (1023 << 52));
    if fraction > std::f64::consts::SQRT_2 {
        fraction /= 2.0;
        exponent += 1;
    }
    let z = (fraction - 1.0) / (fraction + 1.0);
    let square = z * z;
    let mut series = 0.0;
    for odd in (1..=19).rev().step_by(2) {
        series = series * square + 1.0 / f64::from(odd);
    }
    2.0 * z * series + exponent as f64 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_known_numbers() {
        let mut state = 0;
        // The published first outputs of SplitMix64 under seed 0.
        assert_eq!(split_mix(&mut state), 0xe220_a839_7b1d_cdaf);
        assert_eq!(split_mix(&mut state), 0x6e78_9e6a_a1b9_65f4);
        // xoshiro256++ from the state 1, 2, 3, 4, as its reference code prints.
        let mut rng = Rng { state: [1, 2, 3, 4] };
        assert_eq!(rng.next_u64(), 41_943_041);
        assert_eq!(rng.next_u64(), 58_720_359);
    }

    #[test]
    fn labels_part_the_streams() {
        let (mut a, mut b) = (Rng::new(1, "web"), Rng::new(1, "mail"));
        let (mut c, mut d) = (Rng::new(1, "web"), Rng::new(2, "web"));
        let first = a.next_u64();
        assert_ne!(first, b.next_u64());
        assert_eq!(first, c.next_u64());
        assert_ne!(first, d.next_u64());
    }

    #[test]
    fn the_logarithm_agrees_with_the_library() {
        let mut rng = Rng::new(3, "logarithm");
        for _ in 0..10_000 {
            let x = (1.0 - rng.unit()) * 10f64.powi(rng.between(0, 40) as i32 - 20);
            let (ours, library) = (natural_logarithm(x), x.ln());
            assert!(
                (ours - library).abs() <= 1e-14 * library.abs().max(1.0),
                "{x}: {ours}"
            );
        }
    }

    #[test]
    fn draws_have_their_means_and_bounds() {
        let mut rng = Rng::new(4, "means");
        let count = 100_000;
        let mean = |draw: &mut dyn FnMut() -> f64| {
            (0..count).map(|_| draw()).sum::<f64>() / f64::from(count)
        };
        assert!((mean(&mut || rng.exponential(5.0)) - 5.0).abs() < 0.1);
        assert!((mean(&mut || rng.between(3, 9) as f64) - 6.0).abs() < 0.05);
        assert!((0..1_000).all(|_| (3..=9).contains(&rng.between(3, 9))));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.between(7, 2), 7);
    }

    #[test]
    fn filling_reaches_every_byte_of_any_length() {
        let mut rng = Rng::new(5, "fill");
        for length in 0..40 {
            let mut seen = vec![0u8; length];
            for _ in 0..20 {
                let mut bytes = vec![0u8; length];
                rng.fill(&mut bytes);
                seen.iter_mut().zip(&bytes).for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(seen.iter().all(|&byte| byte != 0), "{length}");
        }
    }

    #[test]
    fn shuffling_keeps_every_entry() {
        let mut list: Vec<u32> = (0..100).collect();
        Rng::new(6, "shuffle").shuffle(&mut list);
        assert_ne!(list, (0..100).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..100).collect::<Vec<_>>());
    }
}
