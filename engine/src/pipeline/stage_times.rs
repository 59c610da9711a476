//! How long each stage of the pipeline takes.
//!
//! The engine reads no clock: a caller who wants times gives one
//! ([`Sensor::time_stages`]). Without it a stage costs one comparison a batch more, and
//! one a run of frames or packets.

use super::Sensor;

/// A clock that never runs back: nanoseconds since some moment.
pub type StageClock = fn() -> u64;

/// Nanoseconds that the stages took, summed over all threads. Of what a
/// [`Worker`](super::Worker) takes, fingerprints are timed and decoding is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Frames to packets.
    pub decode: u64,
    /// Windows chosen and hashed.
    pub fingerprint: u64,
    /// Windows across TCP segments, and samples of streams begun.
    pub tails: u64,
    /// Sightings lined up and counted.
    pub prevalence: u64,
    /// Of what is past prevalence: distinct hosts, propagation, candidates.
    pub dispersion: u64,
    /// Samples taken, and alarms turned into signatures.
    pub signatures: u64,
}

impl StageTimes {
    /// All stages with their names, in the order in which traffic meets them.
    pub fn stages(&self) -> [(&'static str, u64); 6] {
        [
            ("decode", self.decode),
            ("fingerprint", self.fingerprint),
            ("tails", self.tails),
            ("prevalence", self.prevalence),
            ("dispersion", self.dispersion),
            ("signatures", self.signatures),
        ]
    }
}

/// Reads the clock, if there is one.
#[derive(Clone, Copy, Default)]
pub(crate) struct StageTimer(Option<StageClock>);

impl StageTimer {
    /// The moment; zero without a clock.
    #[inline]
    pub(crate) fn start(self) -> u64 {
        self.0.map_or(0, |clock| clock())
    }

    /// Adds the time since `start`, and returns the moment.
    #[inline]
    pub(crate) fn add(self, start: u64, to: &mut u64) -> u64 {
        let now = self.start();
        *to += now - start;
        now
    }
}

impl Sensor {
    /// Begins to time the stages, with this clock; those of workers that are made
    /// afterwards. Findings stay the same.
    pub fn time_stages(&mut self, clock: StageClock) {
        self.timer = StageTimer(Some(clock));
        self.content.iter_mut().for_each(|content| content.timer = self.timer);
    }

    /// What the stages took since the last call; zeros before
    /// [`time_stages`](Self::time_stages).
    pub fn take_stage_times(&mut self) -> StageTimes {
        let mut times = std::mem::take(&mut self.times);
        for content in &mut self.content {
            let [all, promoted] = std::mem::take(&mut content.nanos);
            times.prevalence += all - promoted;
            times.dispersion += promoted;
        }
        for flow in &mut self.flow {
            times.tails += std::mem::take(&mut flow.nanos);
        }
        for stream in self.streams.shards() {
            let [joined, collected] = std::mem::take(&mut stream.nanos);
            times.tails += joined;
            times.signatures += collected;
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::packet::{Packet, Timestamp};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that ticks at each look.
    fn looks() -> u64 {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        LOOKS.fetch_add(1, Ordering::Relaxed)
    }

    #[test]
    fn fingerprints_of_workers_are_timed_with_one_chunk_and_with_several() {
        let mut sensor = Sensor::new(Config::default()).unwrap();
        sensor.time_stages(looks);
        let mut workers = [sensor.worker(), sensor.worker()];
        let mut number = 0;
        for count in [1, 2] {
            for worker in &mut workers[..count] {
                number += 1;
                worker.observe(&Packet {
                    number,
                    time: Timestamp::from_nanos(number),
                    source: "192.0.2.1".parse().unwrap(),
                    destination: "198.51.100.7".parse().unwrap(),
                    protocol: 17,
                    source_port: 4_000,
                    destination_port: 53,
                    sequence: 0,
                    acknowledgement: 0,
                    tcp_flags: 0,
                    encapsulation: 0,
                    to_group: false,
                    untrusted_tunnel: false,
                    identification: None,
                    tap: 0,
                    payload: &[7; 100],
                });
            }
            sensor.absorb(&mut workers[..count]);
            let times = sensor.take_stage_times();
            assert_eq!((times.decode, times.fingerprint > 0), (0, true), "{count}");
        }
    }
}
