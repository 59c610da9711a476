//! How unlikely it is to meet a rule's bytes by accident.

/// What each byte value costs, by how often it stands in some pieces of traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct ByteCost {
    bits: Box<[f64; 256]>,
}

impl ByteCost {
    /// Of these pieces; every value counts once more than it was seen (Laplace), so that
    /// one that was never seen is not impossible.
    pub fn of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut counts = Box::new([1.0; 256]);
        pieces.flatten().for_each(|byte| counts[usize::from(*byte)] += 1.0);
        let all = counts.iter().sum::<f64>().log2();
        counts.iter_mut().for_each(|count| *count = all - count.log2());
        Self { bits: counts }
    }

    /// How unlikely the token is at one place of such traffic, were its bytes independent:
    /// minus the binary logarithm of the probability.
    pub fn bits(&self, token: &[u8]) -> f64 {
        token.iter().map(|byte| self.bits[usize::from(*byte)]).sum()
    }
}

/// How much strings say, in bits, by themselves: for each, its length times the entropy of
/// its bytes, or of the differences between neighbours where that is less (a counting
/// filler has every value, and one difference).
///
/// A lower bound of what it takes to meet them by accident in traffic of the same
/// bytes: a string of n bytes never says more than n log2 n bits.
pub fn information<'a>(tokens: impl IntoIterator<Item = &'a [u8]>) -> f64 {
    tokens
        .into_iter()
        .map(|token| {
            let steps = token.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
            entropy(token.iter().copied()).min(entropy(steps)) * token.len() as f64
        })
        .sum()
}

/// Fewer distinct byte values look like filler.
pub const LEAST_VALUES: usize = 8;

/// Distinct byte values.
pub fn distinct<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> usize {
    let mut seen = [false; 256];
    bytes.into_iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

/// Empirical entropy, bits a byte; 0 of nothing.
fn entropy(bytes: impl Iterator<Item = u8>) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.for_each(|byte| counts[usize::from(byte)] += 1);
    let all = f64::from(counts.iter().sum::<u32>());
    let share = |count: &u32| f64::from(*count) / all;
    counts.iter().filter(|count| **count > 0).map(|c| -share(c) * share(c).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_say_little_and_random_bytes_much() {
        let bits = |token: &[u8]| information([token]);
        assert_eq!(bits(&[0; 300]), 0.0);
        assert_eq!(bits(b""), 0.0);
        let counting: Vec<u8> = (0..=255).collect();
        assert_eq!(bits(&counting), 0.0);
        assert!(bits(b"abcdefghijklmnopqrstuvwabcdefghi") < 10.0);
        assert!(bits(b"ABABABABABABABABABABABAB") < 30.0);
        // 16 different bytes, 4 bits each; 15 steps.
        assert!(bits(b"q8Zk!v2\x90\x01pR\xe7m#\x55\xa3") > 60.0);
        let two: [&[u8]; 2] = [b"q8Zk!v2\x90", b"\x01pR\xe7m#\x55\xa3"];
        assert!((information(two) - 2.0 * information([two[0]])).abs() < 1.0);
        assert_eq!(distinct(b"abba"), 2);
    }

    #[test]
    fn rare_bytes_cost_more() {
        let text = vec![b'a'; 767];
        let cost = ByteCost::of([&text[..]].into_iter());
        // 768 of 1,023, and 1 of 1,023.
        assert!((cost.bits(b"aaaa") - 4.0 * 0.4136).abs() < 0.01);
        assert!((cost.bits(b"bbbb") - 4.0 * 9.9986).abs() < 0.01);
    }
}
