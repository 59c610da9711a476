//! Two speeds compared by turns, on a machine that others use too.
//!
//! Contenders take turns, one repetition each, and ratios are taken within a turn:
//! what slows the machine for a while then slows both. The median of the turns is
//! what is told.

use std::hint::black_box;
use std::time::Instant;

/// Something that can be timed again and again.
pub struct Contender<'a> {
    name: String,
    /// What a repetition goes through.
    bytes: u64,
    run: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` goes through `bytes`, and all of it is timed.
    pub fn new<T>(
        name: impl Into<String>,
        bytes: usize,
        mut run: impl FnMut() -> T + 'a,
    ) -> Self {
        Self::timed(name, bytes, move || {
            let begin = Instant::now();
            black_box(run());
            begin.elapsed().as_secs_f64()
        })
    }

    /// The same where `run` says how many seconds were spent.
    pub fn timed(
        name: impl Into<String>,
        bytes: usize,
        run: impl FnMut() -> f64 + 'a,
    ) -> Self {
        Self { name: name.into(), bytes: bytes as u64, run: Box::new(run) }
    }
}

/// Seconds a byte, by contender and turn.
pub struct Turns(Vec<(String, Vec<f64>)>);

impl Turns {
    /// Lets contenders take turns; a first one, not counted, warms up.
    pub fn take(turns: usize, mut contenders: Vec<Contender<'_>>) -> Self {
        let mut seconds = vec![Vec::with_capacity(turns); contenders.len()];
        for turn in 0..=turns {
            for (contender, seconds) in contenders.iter_mut().zip(&mut seconds) {
                let spent = (contender.run)() / contender.bytes as f64;
                if turn > 0 {
                    seconds.push(spent);
                }
            }
        }
        let names = contenders.into_iter().map(|contender| contender.name);
        Self(names.zip(seconds).collect())
    }

    /// Everyone's name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Median speed in 10^9 bytes a second.
    ///
    /// # Panics
    /// If there is nobody of this name.
    pub fn gigabytes(&self, name: &str) -> f64 {
        1e-9 / median(self.of(name).to_vec())
    }

    /// How many times as fast `name` is as `other`: the median over the turns.
    ///
    /// # Panics
    /// If there is nobody of one of these names.
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        let pairs = self.of(name).iter().zip(self.of(other));
        median(pairs.map(|(own, other)| other / own).collect())
    }

    fn of(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|(own, _)| own == name);
        &found.unwrap_or_else(|| panic!("nobody called {name} was measured")).1
    }
}

/// The middle one, or the mean of the two; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Random bytes (xorshift64*): the same on every machine.
pub fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Words of lower-case letters, spaces and line ends: 28 byte values, with the
/// same few words over and over.
pub fn text(length: usize) -> Vec<u8> {
    let words: Vec<Vec<u8>> = random(1 << 14)
        .chunks(8)
        .map(|word| {
            let letters = word[0] as usize % 7 + 1;
            word[1..=letters].iter().map(|byte| b'a' + byte % 26).collect()
        })
        .collect();
    let mut bytes = Vec::with_capacity(length + 8);
    for (index, pick) in random(length).chunks_exact(2).enumerate() {
        let pick = usize::from(u16::from_le_bytes([pick[0], pick[1]]));
        bytes.extend_from_slice(&words[pick % words.len()]);
        bytes.push(if index % 12 == 0 { b'\n' } else { b' ' });
        if bytes.len() >= length {
            break;
        }
    }
    bytes.truncate(length);
    bytes
}

/// Bytes of a core's second-level cache, as Linux tells it; 1 MiB elsewhere.
pub fn second_level_cache() -> usize {
    let text = (0..8).find_map(|index| {
        let folder = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
        let level = std::fs::read_to_string(format!("{folder}/level")).ok()?;
        let size = std::fs::read_to_string(format!("{folder}/size")).ok()?;
        (level.trim() == "2").then(|| size.trim().to_owned())
    });
    let kibibytes = text.and_then(|text| text.strip_suffix('K')?.parse::<usize>().ok());
    kibibytes.map_or(1 << 20, |n| n << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_turn() {
        let turns = Turns(vec![
            ("fast".into(), vec![1.0, 10.0, 1.0]),
            ("slow".into(), vec![3.0, 30.0, 4.0]),
        ]);
        assert_eq!(turns.ratio("fast", "slow"), 3.0);
        assert_eq!(turns.ratio("slow", "fast"), 1.0 / 3.0);
        assert_eq!(turns.gigabytes("fast"), 1e-9);
    }

    #[test]
    fn everyone_gets_a_turn_and_the_first_is_not_counted() {
        let (mut calls, mut spent) = (0, 8.0);
        let contender = Contender::timed("one", 2, || {
            calls += 1;
            spent /= 2.0;
            spent
        });
        let turns = Turns::take(3, vec![contender]);
        assert_eq!(turns.of("one"), [1.0, 0.5, 0.25]);
        assert_eq!(calls, 4);
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
    }
}
