//! The engine on decoded packets, one thread.

use baseline::Packets;
use std::sync::LazyLock;
use std::time::Instant;
use wormsift::config::{Config, Size};
use wormsift::pipeline::{Sensor, Worker};

/// Payload bytes that a worker buffers between two calls of `absorb`.
const BUFFERED: usize = 1 << 20;

/// A sensor as a host drives it: one worker, absorbed from at some megabytes.
pub(super) struct Engine {
    sensor: Sensor,
    worker: Worker,
    pool: rayon::ThreadPool,
}

impl Engine {
    pub(super) fn new(mebibytes: u64) -> Self {
        Self::of(sensor(mebibytes))
    }

    /// One that times its stages, which slows them down by a clock's reading for each
    /// content past prevalence.
    pub(super) fn timed(mebibytes: u64) -> Self {
        let mut sensor = sensor(mebibytes);
        sensor.time_stages(nanos);
        Self::of(sensor)
    }

    fn of(sensor: Sensor) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        Self { worker: sensor.worker(), sensor, pool: pool.expect("a thread") }
    }

    /// Bytes of the prevalence tables.
    pub(super) fn prevalence(&self) -> usize {
        self.sensor.stats().memory.prevalence_bytes as usize
    }

    pub(super) fn sift(&mut self, packets: &Packets, bytes_per_window: u64) {
        let Self { sensor, worker, pool } = self;
        pool.install(|| {
            let mut buffered = 0;
            for packet in packets.iter(bytes_per_window) {
                worker.observe(&packet);
                buffered += packet.payload.len();
                if buffered >= BUFFERED {
                    sensor.absorb([&mut *worker]);
                    buffered = 0;
                }
            }
            sensor.absorb([&mut *worker]);
            sensor.findings();
        });
    }

    /// Seconds from fingerprints to dispersion since the last call.
    pub(super) fn stages(&mut self) -> f64 {
        let times = self.sensor.take_stage_times();
        (times.fingerprint + times.prevalence + times.dispersion) as f64 / 1e9
    }
}

fn sensor(mebibytes: u64) -> Sensor {
    let mut config = Config::default();
    config.memory = Size(mebibytes << 20);
    Sensor::new(config).expect("valid settings")
}

/// Nanoseconds since the first call.
fn nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}
