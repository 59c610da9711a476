//! The engine that all threads share.

use crate::buffer::{self, wormsift_buffer};
use crate::config::{Ordered, wormsift_config};
use crate::finding::wormsift_finding;
use crate::pool::Pool;
use crate::status::wormsift_status::{
    WORMSIFT_AGAIN, WORMSIFT_ERR_CONFIG, WORMSIFT_ERR_IO, WORMSIFT_ERR_STATE, WORMSIFT_OK,
};
use crate::status::{Failure, guard, hand_out, take_back, text, wormsift_status};
use crate::structs::{self, wormsift_stats};
use engine::pipeline::{Baseline, TimeOrder};
use engine::signature::Kind;
use engine::{Error, Finding, Sensor, Stats, Timestamp, Worker};
use std::collections::VecDeque;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use wormsift_export::mute::{MuteFile, Mutes, Muting};
use wormsift_export::text::decoy_news;

/// All tables, and what was found. Every call on it may come from any thread.
pub struct wormsift_engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    core: Arc<Mutex<Core>>,
    /// Whether a hand-over that nobody waits for is under way.
    sifting: Arc<AtomicBool>,
    pool: Pool,
    ordered: Ordered,
    rule_kinds: Arc<[Kind]>,
    /// The process that made it: its threads are in no other.
    process: u32,
    /// The next block of numbers for packets without.
    block: AtomicU64,
}

/// What the order by time counts.
#[derive(Default)]
struct OrderCounts {
    late: u64,
    forced: u64,
    waiting_bytes: usize,
}

struct Core {
    sensor: Sensor,
    findings: VecDeque<Finding>,
    warnings: VecDeque<String>,
    muting: Muting,
    /// In ordered mode: handed over, and not yet sifted.
    waiting: Vec<Worker>,
    /// Empty ones.
    spare: Vec<Worker>,
    /// With order by time: what waits, and the workers that it is taken from.
    order: Option<TimeOrder>,
    slots: Vec<(usize, Arc<Mutex<Worker>>)>,
}

impl Core {
    /// Takes what one worker, or all, have buffered, into the order by time.
    fn collect(&mut self, only: Option<usize>) {
        let Some(order) = &mut self.order else { return };
        for (lane, slot) in &self.slots {
            if only.is_some_and(|only| only != *lane) {
                continue;
            }
            // One that failed has half a packet in it.
            let Ok(mut slot) = slot.lock() else { continue };
            let spare = self.spare.pop().unwrap_or_else(|| self.sensor.worker());
            let mut taken = std::mem::replace(&mut *slot, spare);
            drop(slot);
            order.take(*lane, &mut taken);
            self.spare.push(taken);
        }
    }

    /// Sifts what is settled, or all that waits.
    fn sift_in_order(&mut self, all: bool) {
        if let Some(order) = &mut self.order {
            if all {
                order.sift_all(&mut self.sensor);
            } else {
                order.sift(&mut self.sensor);
            }
        }
        self.absorb_waiting();
    }

    /// What the sensor has found and has to say is put in line.
    fn hear(&mut self) {
        self.findings.extend(self.sensor.findings());
        // Each signature says its incident and kind.
        drop(self.sensor.incidents());
        drop((self.sensor.dark_events(), self.sensor.waves()));
        self.warnings.extend(self.sensor.decoy_reports().iter().map(decoy_news));
        self.warnings.extend(self.sensor.warnings());
    }

    /// The next finding that is in line, with what mutes it.
    fn next(&mut self, rule_kinds: &Arc<[Kind]>) -> Option<wormsift_finding> {
        let finding = self.findings.pop_front()?;
        let muted = self.muting.signature(finding.signature());
        self.warnings.extend(self.muting.take_news());
        Some(wormsift_finding::of(finding, muted, Arc::clone(rule_kinds)))
    }

    fn absorb_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.sensor.absorb(&mut self.waiting);
        self.spare.append(&mut self.waiting);
    }
}

/// What every call answers after one that failed half way.
fn failed(what: &str) -> Failure {
    Failure::new(
        WORMSIFT_ERR_STATE,
        format!("an earlier call failed inside the library; make a new {what}"),
    )
}

/// Packets that wait for silent workers take this much; what workers buffer comes on top.
const MOST_WAITING: usize = 32 << 20;

/// Numbers in a block.
const BLOCK: u64 = 1 << 16;

impl Shared {
    /// A lock fails only after a panic inside the sensor, whose tables may then be half
    /// changed.
    fn core(&self) -> Result<MutexGuard<'_, Core>, Failure> {
        if self.is_forked() {
            return Err(Failure::new(
                WORMSIFT_ERR_STATE,
                "the process was forked after the engine was made, and its threads are \
                 in the parent alone: make a new engine in the child",
            ));
        }
        self.core.lock().map_err(|_| failed("engine"))
    }

    /// Work on the sensor, on the engine's threads; what it finds is put in line.
    fn work<T: Send>(
        &self,
        work: impl FnOnce(&mut Core) -> T + Send,
    ) -> Result<T, Failure> {
        let mut guard = self.core()?;
        let core = &mut *guard;
        let result = self.pool.rayon().install(|| work(core));
        core.hear();
        Ok(result)
    }

    /// What a worker has buffered is to be taken. With order by time the engine's own
    /// threads do that while the caller goes on, unless they are behind: then it waits.
    pub(crate) fn take_soon(
        &self,
        slot: &Mutex<Worker>,
        lane: Option<usize>,
    ) -> Result<(), Failure> {
        if self.ordered != Ordered::Time
            || self.is_forked()
            || self.core.is_poisoned()
            || self.sifting.swap(true, Ordering::AcqRel)
        {
            return self.take(slot, lane);
        }
        let (core, sifting) = (Arc::clone(&self.core), Arc::clone(&self.sifting));
        self.pool.rayon().spawn(move || {
            // A panic in it poisons the lock, which is how all calls hear of it.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                // Who holds the lock may wait for this very thread. What is buffered is
                // then left to the next hand-over.
                let Ok(mut core) = core.try_lock() else { return };
                core.collect(lane);
                core.sift_in_order(false);
                core.hear();
            }));
            sifting.store(false, Ordering::Release);
        });
        Ok(())
    }

    /// Takes what a worker has buffered, and empties it.
    pub(crate) fn take(
        &self,
        slot: &Mutex<Worker>,
        lane: Option<usize>,
    ) -> Result<(), Failure> {
        let worker = || slot.lock().map_err(|_| failed("worker"));
        match self.ordered {
            Ordered::Time => self.work(|core| {
                core.collect(lane);
                core.sift_in_order(false);
            }),
            Ordered::Arrival => {
                let mut worker = worker()?;
                let worker = &mut *worker;
                self.work(move |core| core.sensor.absorb([worker]))
            }
            Ordered::Number => {
                let mut core = self.core()?;
                let fresh = core.spare.pop().unwrap_or_else(|| core.sensor.worker());
                core.waiting.push(std::mem::replace(&mut *worker()?, fresh));
                Ok(())
            }
        }
    }

    /// A new worker, and its lane if there are any.
    pub(crate) fn worker(&self) -> Result<(Arc<Mutex<Worker>>, Option<usize>), Failure> {
        let mut core = self.core()?;
        let slot = Arc::new(Mutex::new(core.sensor.worker()));
        let lane = core.order.as_mut().map(TimeOrder::open);
        if let Some(lane) = lane {
            core.slots.push((lane, Arc::clone(&slot)));
            core.slots.sort_by_key(|(lane, _)| *lane);
        }
        Ok((slot, lane))
    }

    /// Nothing more comes from a lane.
    pub(crate) fn close(&self, lane: Option<usize>) {
        let (Some(lane), Ok(mut core)) = (lane, self.core()) else { return };
        core.slots.retain(|(it, _)| *it != lane);
        if let Some(order) = &mut core.order {
            order.close(lane);
        }
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// Numbers that nobody else has.
    pub(crate) fn numbers(&self) -> std::ops::Range<u64> {
        let first = self.block.fetch_add(1, Ordering::Relaxed) * BLOCK + 1;
        first..first + BLOCK
    }

    fn order_counts(&self) -> Result<OrderCounts, Failure> {
        let core = self.core()?;
        Ok(core.order.as_ref().map_or_else(OrderCounts::default, |order| OrderCounts {
            late: order.late(),
            forced: order.forced(),
            waiting_bytes: order.waiting_bytes(),
        }))
    }

    fn stats(&self) -> Result<Stats, Failure> {
        Ok(self.core()?.sensor.stats())
    }
}

/// An engine out of settings and a way to make its sensor.
fn engine(
    config: Option<&wormsift_config>,
    make: impl FnOnce(engine::Config) -> Result<Sensor, Failure> + Send,
) -> Result<wormsift_engine, Failure> {
    let settings = config.ok_or_else(|| Failure::null("config"))?;
    settings.check_memory()?;
    let config = settings.config.clone();
    if config.taps.len() > 1 {
        // Its packets do not say which they came by.
        let reason = format!("expected one at most, found {}", config.taps.len());
        return Err(failure(Error::Config { key: "taps".to_owned(), reason }));
    }
    let pool = Pool::new(settings.threads)?;
    let sensor = pool.rayon().install(|| make(config))?;
    let far = sensor.config().dispersion_window;
    let by_time = settings.ordered == Ordered::Time;
    let core = Core {
        order: by_time.then(|| TimeOrder::new(settings.hold, MOST_WAITING, far)),
        slots: Vec::new(),
        sensor,
        findings: VecDeque::new(),
        warnings: VecDeque::new(),
        muting: Muting::default(),
        waiting: Vec::new(),
        spare: Vec::new(),
    };
    let shared = Shared {
        core: Arc::new(Mutex::new(core)),
        sifting: Arc::default(),
        pool,
        ordered: settings.ordered,
        rule_kinds: Arc::clone(&settings.rule_kinds),
        process: std::process::id(),
        block: AtomicU64::new(0),
    };
    Ok(wormsift_engine { shared: Arc::new(shared) })
}

fn failure(error: Error) -> Failure {
    let status = match error {
        Error::Io { .. } | Error::State { .. } => WORMSIFT_ERR_IO,
        _ => WORMSIFT_ERR_CONFIG,
    };
    Failure::new(status, error.to_string())
}

/// # Safety
///
/// `engine` is null or a handle of this library.
unsafe fn shared<'a>(engine: *const wormsift_engine) -> Result<&'a Shared, Failure> {
    // SAFETY: the caller's promise.
    let engine = unsafe { engine.as_ref() };
    engine.map(|engine| &*engine.shared).ok_or_else(|| Failure::null("engine"))
}

/// A new engine, with all its tables.
///
/// # Safety
///
/// `config` is null or a handle of this library; `out` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_new(
    config: *const wormsift_config,
    out: *mut *mut wormsift_engine,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe {
            hand_out(out, || {
                engine(config.as_ref(), |config| Sensor::new(config).map_err(failure))
            })
        }
    })
}

/// The same with what `wormsift learn` wrote, under the same key and parameters: content
/// that is known to be good raises no alarm.
///
/// # Safety
///
/// As `wormsift_engine_new`; `path` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_new_with_baseline(
    config: *const wormsift_config,
    path: *const c_char,
    out: *mut *mut wormsift_engine,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let path = unsafe { text(path, "path")? };
        let make = |config: engine::Config| {
            let file = std::fs::read(path).map_err(|error| {
                Failure::new(WORMSIFT_ERR_IO, format!("{path}: {error}"))
            })?;
            let baseline = Baseline::read(&config, &file).map_err(|error| {
                Failure::new(WORMSIFT_ERR_CONFIG, format!("{path}: {error}"))
            })?;
            Sensor::with_baseline(config, baseline).map_err(failure)
        };
        // SAFETY: the caller's promise.
        unsafe { hand_out(out, || engine(config.as_ref(), make)) }
    })
}

/// An engine that goes on where the saved one was. The settings must be the saved ones;
/// without a key in them, the saved key is used.
///
/// # Safety
///
/// As `wormsift_engine_new_with_baseline`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_restore(
    config: *const wormsift_config,
    path: *const c_char,
    out: *mut *mut wormsift_engine,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let path = unsafe { text(path, "path")? };
        let make = |config| Sensor::restore(config, Path::new(path)).map_err(failure);
        // SAFETY: the caller's promise.
        unsafe { hand_out(out, || engine(config.as_ref(), make)) }
    })
}

/// Frees an engine. NULL is allowed. Workers that are left stay valid, and what they find
/// is lost.
///
/// # Safety
///
/// `engine` is null or a handle that was not freed, and in no call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_free(engine: *mut wormsift_engine) {
    // SAFETY: the caller's promise.
    if unsafe { engine.as_ref() }.is_some_and(|engine| engine.shared.is_forked()) {
        // Its threads, which it would wait for, are in the parent: the child leaves the
        // memory alone.
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { take_back(engine) }
}

/// Sifts what ordered workers have handed over, and moves packet time to `now_ns`, if
/// that is later: findings come out although no packet does. Nanoseconds since 1970; 0
/// leaves time to the packets. Call it about once a second of packet time.
///
/// With "ordered" = "time" it takes what all workers have buffered, whether or not they
/// were flushed, sifts what is settled, and `now_ns` says how far the fastest thread has
/// come: silent workers hold nothing up for longer than "hold".
///
/// # Safety
///
/// `engine` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_advance(
    engine: *mut wormsift_engine,
    now_ns: u64,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let shared = unsafe { shared(engine)? };
        shared.work(|core| {
            let now = Some(Timestamp::from_nanos(now_ns)).filter(|_| now_ns > 0);
            if let (Some(order), Some(now)) = (&mut core.order, now) {
                order.pass(now);
            }
            core.collect(None);
            core.sift_in_order(false);
            if let (None, Some(now)) = (&core.order, now) {
                core.sensor.advance(now);
            }
        })?;
        Ok(WORMSIFT_OK)
    })
}

/// The end of the traffic: what is pending comes out, then one summary a signature.
/// Workers should have been flushed or freed. Packets may follow.
///
/// # Safety
///
/// `engine` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_finish(
    engine: *mut wormsift_engine,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let shared = unsafe { shared(engine)? };
        shared.work(|core| {
            core.collect(None);
            core.sift_in_order(true);
            core.sensor.finish();
        })?;
        Ok(WORMSIFT_OK)
    })
}

/// Takes the next finding, in order: `WORMSIFT_AGAIN`, and NULL, if there is none now.
/// Free it with `wormsift_finding_free`.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `out` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_next(
    engine: *mut wormsift_engine,
    out: *mut *mut wormsift_finding,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let shared = unsafe { shared(engine)? };
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        match shared.core()?.next(&shared.rule_kinds) {
            // SAFETY: the caller's promise.
            Some(finding) => unsafe { hand_out(out, || Ok(finding)) },
            None => {
                // SAFETY: not null.
                unsafe { *out = std::ptr::null_mut() };
                Ok(WORMSIFT_AGAIN)
            }
        }
    })
}

/// Mutes what a file of `wormsift mute` names, among the findings that are taken from now on:
/// they come as before, say so (`wormsift_finding_muted`), and have no rules. Takes the place
/// of an earlier file. A line that cannot be read is told as a warning, and the others are
/// used. `WORMSIFT_ERR_IO` if there is no such file; nothing is changed then.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `path` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_mute(
    engine: *mut wormsift_engine,
    path: *const c_char,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (shared, path) = unsafe { (shared(engine)?, text(path, "path")?) };
        let file = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(WORMSIFT_ERR_IO, format!("{path}: {error}")))?;
        let (file, errors) = MuteFile::parse(&file);
        let mutes = Mutes::new(file.entries().map(|(_, entry)| entry.clone()));
        let mut core = shared.core()?;
        core.muting.replace(mutes);
        core.warnings.extend(errors.iter().map(|error| format!("{path}: {error}")));
        Ok(WORMSIFT_OK)
    })
}

/// Takes the next thing that the engine has to say about itself, such as overload:
/// `WORMSIFT_AGAIN`, and an empty buffer, if there is none.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `out` is null or points to a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_next_warning(
    engine: *mut wormsift_engine,
    out: *mut wormsift_buffer,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let warning = unsafe { shared(engine)? }.core()?.warnings.pop_front();
        match warning {
            // SAFETY: the caller's promise.
            Some(warning) => unsafe { buffer::write(out, || Ok(warning)) },
            None => {
                // SAFETY: the caller's promise.
                unsafe { buffer::empty(out)? };
                Ok(WORMSIFT_AGAIN)
            }
        }
    })
}

/// Fills in counters. Set `struct_size` before.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `out` is null or points to as many bytes
/// as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_stats(
    engine: *const wormsift_engine,
    out: *mut wormsift_stats,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let shared = unsafe { shared(engine)? };
        let (stats, order) = (shared.stats()?, shared.order_counts()?);
        let values = wormsift_stats {
            struct_size: 0,
            frames: stats.packets.frames,
            packets: stats.packets.packets,
            payload_bytes: stats.packets.payload_bytes,
            drops: stats.drops.total(),
            sightings: stats.content.sightings,
            signatures: stats.signatures.signatures,
            memory_bytes: stats.memory.total_bytes,
            time_backwards: stats.packets.time_backwards,
            late: order.late,
            forced: order.forced,
        };
        // SAFETY: the caller's promise.
        unsafe { structs::write(out, &values, "out")? };
        Ok(WORMSIFT_OK)
    })
}

/// All counters and gauges as JSON: an object of sections, each one of names and numbers.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `out` is null or points to a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_stats_json(
    engine: *const wormsift_engine,
    out: *mut wormsift_buffer,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let shared = unsafe { shared(engine)? };
        let (stats, order) = (shared.stats()?, shared.order_counts()?);
        let json = || {
            serde_json::to_value(&stats)
                .map(|mut all| {
                    all["order"] = serde_json::json!({
                        "late": order.late,
                        "forced": order.forced,
                        "waiting_bytes": order.waiting_bytes,
                    });
                    all.to_string()
                })
                .map_err(|error| Failure::new(WORMSIFT_ERR_STATE, error.to_string()))
        };
        // SAFETY: the caller's promise.
        unsafe { buffer::write(out, json) }
    })
}

/// Saves all that is known to a file, which is replaced at once or not at all. Not in it:
/// what workers have buffered, what waits for its turn in an order by time, and findings
/// that were not taken.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `path` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_engine_save(
    engine: *mut wormsift_engine,
    path: *const c_char,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (shared, path) = unsafe { (shared(engine)?, text(path, "path")?) };
        shared
            .work(|core| {
                core.collect(None);
                core.sift_in_order(false);
                core.sensor.save(Path::new(path))
            })?
            .map_err(failure)?;
        Ok(WORMSIFT_OK)
    })
}

#[cfg(test)]
pub(crate) mod tests;
