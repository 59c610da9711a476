//! The engine on decoded packets, one thread.

use baseline::Packets;
use baseline::packets::WINDOW;
use wormsift::config::{Config, Size};
use wormsift::detect::dispersion::Dispersion;
use wormsift::detect::prevalence::Prevalence;
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch, prefetch};
use wormsift::packet::Host;
use wormsift::time::{Span, Timestamp};
use wormsift::pipeline::{Sensor, Worker};
use wormsift::sketch::remix;

/// Packets that are fingerprinted together.
const BATCH: usize = 64;
/// Kept windows whose table lines are touched together.
const BLOCK: usize = 256;
/// Payload bytes between two hand-overs.
const HAND_OVER: usize = 1 << 20;

/// Fingerprint, prevalence and dispersion in a row, without the sensor around them.
pub(super) struct Rooms {
    fingerprinter: Fingerprinter,
    scratch: Scratch,
    prevalence: Prevalence,
    dispersion: Dispersion,
    block: Vec<(u64, Timestamp, Host, Host)>,
    hashes: Vec<u64>,
}

impl Rooms {
    /// Bytes for prevalence and for dispersion.
    pub(super) fn new((prevalence, dispersion): (usize, usize)) -> Self {
        let width = Dispersion::width_for(30);
        Self {
            fingerprinter: Fingerprinter::new(1, 40, Sampling::Value(64), Kernel::best()),
            scratch: Scratch::default(),
            prevalence: Prevalence::new(prevalence, Span(WINDOW), 3, 2),
            dispersion: Dispersion::new(dispersion, width, Span(240 * WINDOW), 3),
            block: Vec::with_capacity(BLOCK),
            hashes: Vec::with_capacity(BLOCK),
        }
    }

    pub(super) fn sift(&mut self, packets: &Packets, bytes_per_window: u64) {
        let mut packets = packets.iter(bytes_per_window).peekable();
        let (mut batch, mut payloads) = (Vec::new(), Vec::new());
        while packets.peek().is_some() {
            batch.clear();
            payloads.clear();
            for packet in packets.by_ref().take(BATCH) {
                let salt =
                    u64::from(packet.protocol) << 16 | u64::from(packet.destination_port);
                let hosts =
                    (Host::of(packet.source, 64), Host::of(packet.destination, 64));
                batch.push((remix(salt, 4), packet.time, hosts));
                payloads.push(packet.payload);
            }
            let block = &mut self.block;
            let scratch = &mut self.scratch;
            self.fingerprinter.for_each_of(scratch, &payloads, |index, _, print| {
                let (salt, time, hosts) = batch[index];
                block.push((remix(print.0 ^ salt, 5), time, hosts.0, hosts.1));
            });
            if self.block.len() >= BLOCK {
                self.drain();
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        self.hashes.clear();
        self.hashes.extend(self.block.iter().map(|(key, ..)| self.prevalence.hash(*key)));
        self.hashes.iter().for_each(|hash| prefetch(self.prevalence.places(*hash)));
        let block = self.block.drain(..).zip(&self.hashes);
        for ((key, time, source, destination), &hash) in block {
            let estimate = self.prevalence.observe_hashed(hash, time);
            if self.prevalence.is_prevalent(estimate) {
                self.dispersion.observe(key, time, source, destination);
            }
        }
    }
}

/// A sensor as a host drives it: one worker, hand-overs at some megabytes.
pub(super) struct Whole {
    sensor: Sensor,
    worker: Worker,
    pool: rayon::ThreadPool,
}

impl Whole {
    pub(super) fn new(mebibytes: u64) -> Self {
        let mut config = Config::default();
        config.memory = Some(Size(mebibytes << 20));
        let sensor = Sensor::new(config).expect("valid settings");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        Self { worker: sensor.worker(), sensor, pool: pool.expect("a thread") }
    }

    /// Bytes of prevalence and of dispersion.
    pub(super) fn tables(&self) -> (usize, usize) {
        let memory = self.sensor.stats().memory;
        (memory.prevalence_bytes as usize, memory.dispersion_bytes as usize)
    }

    pub(super) fn sift(&mut self, packets: &Packets, bytes_per_window: u64) {
        let Self { sensor, worker, pool } = self;
        pool.install(|| {
            let mut buffered = 0;
            for packet in packets.iter(bytes_per_window) {
                worker.observe(&packet);
                buffered += packet.payload.len();
                if buffered >= HAND_OVER {
                    sensor.absorb([&mut *worker]);
                    buffered = 0;
                }
            }
            sensor.absorb([&mut *worker]);
            sensor.findings();
        });
    }
}
