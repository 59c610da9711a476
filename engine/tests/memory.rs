//! Memory is fixed when the sensor is built: allocations are counted, and on Linux the
//! mappings of large tables and what of the process is resident.

#[allow(dead_code, reason = "this test uses a part")]
mod common;

use common::Random;
use common::environment::skipped;
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use wormsift::config::{Config, PortRule, Size};
use wormsift::packet::{Packet, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift::signature::Alarm;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[allow(unsafe_code)] // An allocator cannot be written without.
// SAFETY: every call goes to the system allocator unchanged; only counters are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of mappings for which huge pages are asked, as large tables are. 0 where the
/// system does not list mappings.
fn mapped(is_expected: bool) -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let (mut size, mut sum) = (0, 0);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Size:") => {
                size = words.next().and_then(|n| n.parse().ok()).unwrap_or(0)
            }
            Some("VmFlags:") if words.any(|flag| flag == "hg") => sum += size << 10,
            _ => {}
        }
    }
    if sum == 0 && is_expected {
        skipped("hugepages", "the system marks no mapping: only allocations are counted");
    }
    sum
}

/// Resident bytes of the process, now (`VmRSS`) or at the peak (`VmHWM`); 0 where the
/// system does not say.
fn resident(which: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    line.map_or(0, |line| {
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("KiB") << 10
    })
}

/// What a sensor takes beyond what was there before it.
struct Taken {
    heap: usize,
    resident: usize,
    /// Whether tables are large enough for mappings of their own.
    has_mappings: bool,
}

impl Taken {
    /// From now on, by a sensor of so many bytes.
    fn begin(memory: usize) -> Self {
        let heap = LIVE.load(Relaxed);
        PEAK.store(heap, Relaxed);
        // The peak begins anew; where that is not permitted it only errs up.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let has_mappings = memory >= BUDGET;
        Self { heap, resident: resident("VmRSS"), has_mappings }
    }

    /// Allocations now, and mapped tables.
    fn now(&self) -> usize {
        LIVE.load(Relaxed) - self.heap + mapped(self.has_mappings)
    }

    /// Allocations at their peak, and the tables that are mapped now.
    fn peak(&self) -> usize {
        PEAK.load(Relaxed) - self.heap + mapped(self.has_mappings)
    }

    fn peak_resident(&self) -> usize {
        resident("VmHWM").saturating_sub(self.resident)
    }
}

/// All of the process is counted: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const BUDGET: usize = 64 << 20;
/// Buffers between the stages, a worker's batch, the signatures remembered.
const OVERHEAD: usize = 40 << 20;
/// The same where a slice of frames is sifted: no worker's batch.
const ALARMS_OVERHEAD: usize = 24 << 20;

struct Flood {
    random: Random,
    number: u64,
    time: u64,
}

impl Flood {
    fn send(
        &mut self,
        worker: &mut wormsift::pipeline::Worker,
        source: u32,
        destination: u32,
        tcp: bool,
        payload: &[u8],
    ) {
        self.number += 1;
        self.time += 20_000;
        worker.observe(&Packet {
            number: self.number,
            time: Timestamp::from_nanos(self.time),
            source: IpAddr::V4(Ipv4Addr::from(source)),
            destination: IpAddr::V4(Ipv4Addr::from(destination)),
            protocol: if tcp { 6 } else { 17 },
            source_port: self.random.next() as u16,
            destination_port: 9_999,
            sequence: self.random.next() as u32,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload,
        });
    }
}

/// Every content alarms through each of its 1,361 windows, within the second or over
/// several seconds of one batch: evidence, samples and joining must not pile up.
#[test]
fn a_flood_of_alarms_stays_in_the_budget() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (memory, rate) in [(16 << 20, 1), (64 << 20, 1), (64 << 20, 4), (256 << 20, 20)] {
        let stored = common::flood_frames(memory, 200, 1_400, rate);
        let frames = common::frames(&stored);
        let mut config = Config::default();
        config.memory = Size(memory);
        config.sampling = "1".parse().unwrap();
        config.port_rule = PortRule::None;
        config.prevalence_window = "10d".parse().unwrap();
        config.dispersion_window = "10d".parse().unwrap();
        (config.sources, config.destinations) = (3, 3);
        let taken = Taken::begin(memory as usize);
        let mut sensor = Sensor::new(config).unwrap();
        sensor.sift(&frames[..]);
        let (peak, resident) = (taken.peak(), taken.peak_resident());
        let stats = sensor.stats();
        let alarms = stats.signatures.alarms;
        println!(
            "alarms: {alarms} of windows, {} put off; peak {} MiB, {} resident, at {} MiB, \
             {rate} contents a second",
            stats.content.alarms_deferred,
            peak >> 20,
            resident >> 20,
            memory >> 20,
        );
        // A flood that a small table cannot hold is kept out of it, but for some contents.
        let least = if memory > 16 << 20 { 4_096 } else { 1_361 };
        assert!(alarms > least, "{stats:?}");
        let bound = memory as usize + ALARMS_OVERHEAD;
        assert!(peak <= bound && resident <= bound, "{peak}, {resident} at the peak");
    }
}

/// Floods every table, hides an outbreak in the middle, and watches both.
#[test]
fn a_flood_of_everything_stays_in_the_budget_and_hides_no_outbreak() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut config = Config::default();
    config.memory = Size(BUDGET as u64);
    config.sampling = "1".parse().unwrap();
    let taken = Taken::begin(BUDGET);
    let mut sensor = Sensor::new(config).unwrap();
    let built = taken.now();
    let budget = BUDGET + OVERHEAD;
    assert!(built <= BUDGET + BUDGET / 10, "{built} bytes at construction");

    let mut worker = sensor.worker();
    let mut flood =
        Flood { random: Random(5), number: 0, time: 1_000_000_000_000_000_000 };
    let worm = Random(99).bytes(200);
    let mut found = Vec::new();
    let capacity = sensor.stats().candidates.capacity;
    // Contents at 2 x 2, ten times what the candidate table holds, each of one window.
    let contents = 10 * capacity;
    for content in 0..contents {
        let body = Random(content << 20).bytes(40);
        for step in 0..5 {
            let host = 0x0a00_0000 + (content as u32 % 4_000_000) * 2 + step % 2;
            flood.send(&mut worker, host, host + 0x2000_0000, false, &body);
        }
        // Distinct payloads, addresses and TCP directions beside it.
        let other = flood.random.next() as u32;
        let unique = flood.random.bytes(120);
        flood.send(&mut worker, other, !other, true, &unique);
        // An outbreak that grows through the middle of the flood: host n infects 3n+1..3n+3.
        if content % 500 == 0 && content > contents / 4 && content < contents * 3 / 4 {
            let n = ((content - contents / 4) / 500) as u32;
            for victim in 1..=3 {
                for _ in 0..2 {
                    flood.send(
                        &mut worker,
                        0xc0a8_0000 + n,
                        0xc0a8_0000 + 3 * n + victim,
                        false,
                        &worm,
                    );
                }
            }
        }
        if worker.buffered() >= 2_000 {
            sensor.absorb([&mut worker]);
            found.extend(sensor.findings());
            assert!(sensor.memory_bytes() <= BUDGET as u64);
        }
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    let (peak, resident) = (taken.peak(), taken.peak_resident());
    found.extend(sensor.findings());
    let stats = sensor.stats();
    let displaced = stats.candidates.evicted_unseen
        + stats.candidates.evicted_less_dispersed
        + stats.candidates.evicted_relay
        + stats.candidates.refused
        + stats.content.kept_out;
    println!(
        "flood: {} packets; at construction {} MiB, peak {} MiB, {} resident, of {} + {}; {} \
         candidates displaced or kept out",
        flood.number,
        built >> 20,
        peak >> 20,
        resident >> 20,
        BUDGET >> 20,
        OVERHEAD >> 20,
        displaced,
    );
    assert!(displaced >= 8 * capacity, "what finds no room is counted");
    assert!(peak <= budget && resident <= budget, "{peak}, {resident} at the peak");
    for alarm in [Alarm::Propagation, Alarm::Dispersion] {
        assert!(
            found.iter().any(|finding| {
                let signature = finding.signature();
                let content = &signature.content;
                signature.evidence.alarms.contains(&alarm)
                    && worm.windows(content.len()).any(|window| window == content)
            }),
            "{alarm:?}"
        );
    }
}
