//! Speeds as multiples of the baseline's.
//!
//! A measurement for criterion that is wall time, with one thing added: beside each
//! throughput stands its multiple of a baseline that was measured, just before, in
//! the same process. A bench takes [`Criterion`] from here and builds it with
//! [`criterion()`].

use crate::{CountMin, EarlyBird, Packets, Rabin, measure};
use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use std::hint::black_box;
use std::time::{Duration, Instant};
use wormsift::sketch::hash_word;

/// Criterion that prints multiples of a [`Baseline`].
pub type Criterion = criterion::Criterion<Against>;

/// What a throughput is a multiple of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The whole of [`EarlyBird`] on random payloads of 1,460 bytes, a sketch of
    /// 64 MiB; for benches that count packets or the like, per packet of 700 bytes.
    EarlyBird,
    /// The rolling fingerprint alone, on 1,460 bytes.
    Rabin,
    /// One update of the four-row count of 64 MiB.
    CountMin,
}

/// Bytes of payload that stand for a packet: about the mean of real traffic.
const PACKET: usize = 700;
const REPETITIONS: usize = 7;
const TABLE: usize = 64 << 20;

impl Baseline {
    fn name(self) -> &'static str {
        match self {
            Self::EarlyBird => "scalar EarlyBird",
            Self::Rabin => "scalar Rabin",
            Self::CountMin => "four-row count-min",
        }
    }

    /// Nanoseconds for a byte and for an element, where it has such.
    fn measure(self) -> [Option<f64>; 2] {
        match self {
            Self::EarlyBird => {
                let mut early_bird = EarlyBird::new(TABLE);
                // Pages that were never written cost their first writer.
                (0..TABLE as u64 / 4_096).for_each(|n| {
                    black_box(early_bird.warm(hash_word(n, 5)));
                });
                let mut pass = |payload: usize| {
                    let mut packets = Packets::unique(payload, 2 << 20);
                    let seconds = median_seconds(|| {
                        packets.advance();
                        let begin = Instant::now();
                        packets.iter(TABLE as u64).for_each(|p| early_bird.observe(&p));
                        begin.elapsed()
                    });
                    (seconds / packets.payload().len() as f64, packets.len())
                };
                let (a_byte, _) = pass(1_460);
                let (of_packet, _) = pass(PACKET);
                [Some(a_byte * 1e9), Some(of_packet * 1e9 * PACKET as f64)]
            }
            Self::Rabin => {
                let (rabin, bytes) = (Rabin::new(40), measure::random(2 << 20));
                let seconds = median_seconds(|| {
                    let begin = Instant::now();
                    let mut sum = 0u64;
                    for payload in bytes.chunks(1_460) {
                        rabin.for_each(payload, 63, 1, |offset, fingerprint| {
                            sum = sum.wrapping_add(fingerprint ^ offset as u64);
                        });
                    }
                    black_box(sum);
                    begin.elapsed()
                });
                [Some(seconds * 1e9 / bytes.len() as f64), None]
            }
            Self::CountMin => {
                const KEYS: u64 = 1 << 16;
                let mut table = CountMin::new(TABLE);
                (0..TABLE as u64 / 1_024).for_each(|n| {
                    table.add(hash_word(n, 5));
                });
                let mut round = 0;
                let seconds = median_seconds(|| {
                    round += 1;
                    let begin = Instant::now();
                    (0..KEYS).for_each(|n| {
                        black_box(table.add(hash_word(n, round)));
                    });
                    begin.elapsed()
                });
                [None, Some(seconds * 1e9 / KEYS as f64)]
            }
        }
    }
}

fn median_seconds(mut run: impl FnMut() -> Duration) -> f64 {
    measure::median((0..REPETITIONS).map(|_| run().as_secs_f64()).collect())
}

/// Criterion whose throughputs stand beside this baseline's, measured here and now.
pub fn criterion(baseline: Baseline) -> Criterion {
    criterion::Criterion::default().with_measurement(Against::new(baseline))
}

/// Wall time, told with its multiple of a baseline.
pub struct Against {
    clock: WallTime,
    text: Multiples,
}

impl Against {
    fn new(baseline: Baseline) -> Self {
        let [byte, element] = baseline.measure();
        Self { clock: WallTime, text: Multiples { name: baseline.name(), byte, element } }
    }
}

impl Measurement for Against {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        self.clock.start()
    }
    fn end(&self, begin: Instant) -> Duration {
        self.clock.end(begin)
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        self.clock.add(a, b)
    }
    fn zero(&self) -> Duration {
        self.clock.zero()
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        self.clock.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        &self.text
    }
}

/// What the baseline takes, in nanoseconds.
struct Multiples {
    name: &'static str,
    byte: Option<f64>,
    element: Option<f64>,
}

impl Multiples {
    /// How many times as fast as the baseline, for one iteration of so many
    /// nanoseconds; `None` where there is no common unit.
    fn multiple(&self, throughput: &Throughput, nanos: f64) -> Option<f64> {
        let (amount, each) = match throughput {
            Throughput::Bytes(n) | Throughput::BytesDecimal(n) => (*n, self.byte),
            Throughput::ElementsAndBytes { bytes, .. } => (*bytes, self.byte),
            Throughput::Elements(n) => (*n, self.element),
            _ => return None,
        };
        Some(amount as f64 * each? / nanos)
    }
}

impl ValueFormatter for Multiples {
    fn format_throughput(&self, throughput: &Throughput, value: f64) -> String {
        let plain = WallTime.formatter().format_throughput(throughput, value);
        match self.multiple(throughput, value) {
            Some(times) => format!("{plain} = {times:.2} x {}", self.name),
            None => plain,
        }
    }
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }
    fn scale_throughputs(
        &self,
        typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, throughput, values)
    }
    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throughput_is_told_with_its_multiple() {
        let text = Multiples { name: "scalar Rabin", byte: Some(2.0), element: None };
        let told = text.format_throughput(&Throughput::Bytes(1_000), 250.0);
        assert!(told.ends_with("= 8.00 x scalar Rabin"), "{told}");
        let packets =
            Multiples { name: "scalar EarlyBird", byte: None, element: Some(7.0) };
        assert_eq!(packets.multiple(&Throughput::Elements(10), 140.0), Some(0.5));
        assert_eq!(text.multiple(&Throughput::Elements(10), 140.0), None);
        assert_eq!(text.multiple(&Throughput::Bits(10), 140.0), None);
    }
}
