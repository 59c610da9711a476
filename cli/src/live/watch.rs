//! The loop of a live sensor.

mod reload;
mod report;

use super::board::{BatchTimes, Fixed, Load, Snapshot};
use super::lines::{Lines, LiveRun, LiveStats, now};
use super::state::State;
use super::suricata::Suricata;
use super::taps::{Batch, Change, Taps};
use super::writer::{News as Written, Writer, WriterCounts};
use crate::args::{InterfaceArgs, SettingArgs};
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use crate::status::{Board, News};
use rayon::ThreadPool;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wormsift::Sensor;
use wormsift::packet::Timestamp;
use wormsift_capture::live::{LiveCounters, LiveError, Rings};
use wormsift_export::durations::Durations;
use wormsift_export::mute::Muting;
use wormsift_run::{Frames, Selection};

/// How long a signal, or somebody who looks at the page, may wait.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often clocks are looked at.
const SECOND: Duration = Duration::from_secs(1);
/// By how much the sensor's time is kept behind the wall clock while nothing comes in: a
/// packet that waits in a ring must not be behind the sensor's time.
const BEHIND: Duration = Duration::from_secs(1);

/// All that was opened.
pub(super) struct Parts {
    pub(super) settings: SettingArgs,
    pub(super) interfaces: InterfaceArgs,
    pub(super) bpf: Option<PathBuf>,
    pub(super) mute: Option<PathBuf>,
    pub(super) muting: Muting,
    pub(super) durations: Durations,
    pub(super) interval: Duration,
    pub(super) duration: Option<Duration>,
    pub(super) signals: Signals,
    pub(super) selection: Selection,
    pub(super) sensor: Sensor,
    pub(super) taps: Taps,
    pub(super) pool: ThreadPool,
    pub(super) lines: Lines,
    pub(super) writer: Option<Writer>,
    pub(super) suricata: Option<Suricata>,
    pub(super) state: Option<State>,
    pub(super) board: Arc<Board<Snapshot>>,
    pub(super) fixed: Arc<Fixed>,
    pub(super) status: Option<File>,
}

/// The loop and what it keeps.
pub(super) struct Watch {
    parts: Parts,
    started: Instant,
    /// When the second and the interval last began, and how busy they were.
    second: Interval,
    interval: Interval,
    /// Counters when the second began.
    before: LiveCounters,
    capture: LiveCounters,
    load: Load,
    batches: BatchTimes,
    news: News,
    /// When packets last came in.
    last_batch: Instant,
    /// Of the writer, as of the last report.
    counts: WriterCounts,
}

/// A time that runs, and how much of it was spent with packets.
struct Interval {
    start: Instant,
    busy: Duration,
}

impl Interval {
    fn new() -> Self {
        Self { start: Instant::now(), busy: Duration::ZERO }
    }

    fn share(&self) -> f64 {
        (self.busy.as_secs_f64() / self.start.elapsed().as_secs_f64().max(1e-9)).min(1.0)
    }
}

impl Watch {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            started: Instant::now(),
            second: Interval::new(),
            interval: Interval::new(),
            before: LiveCounters::default(),
            capture: LiveCounters::default(),
            load: Load::default(),
            batches: BatchTimes::default(),
            news: News::default(),
            last_batch: Instant::now(),
            counts: WriterCounts::default(),
        }
    }

    /// Until a signal or the end of the time; then all that has come in is used and
    /// written.
    pub(super) fn run(mut self, talk: &Talk) -> Result<Exit, Failure> {
        self.report(talk)?;
        let ended = loop {
            if let Some(signal) = self.parts.signals.caught() {
                break Ok(Exit::Signal(signal));
            }
            if self.parts.duration.is_some_and(|time| self.started.elapsed() >= time) {
                break Ok(Exit::Done);
            }
            if self.parts.signals.take_hangup() {
                self.reload(talk);
            }
            let waited = self.parts.taps.wait(PATIENCE);
            self.tell_changes(talk)?;
            if let Err(failure) = waited {
                break Err(failure);
            }
            self.sift();
            self.report(talk)?;
            if self.second.start.elapsed() >= SECOND
                && let Err(failure) = self.each_second(talk)
            {
                break Err(failure);
            }
            if self.interval.start.elapsed() >= self.parts.interval {
                self.each_interval(talk)?;
            }
            if self.parts.board.round() {
                let snapshot = self.snapshot();
                self.parts.board.post(snapshot);
            }
        };
        let stopped_by = match ended {
            Ok(Exit::Signal(signal)) => Some(signal),
            _ => None,
        };
        self.drain(stopped_by, talk)?;
        match ended {
            // Asked to end, it has: what starts and stops it takes anything else for a
            // failure.
            Ok(Exit::Signal(signal_hook::consts::SIGTERM)) => Ok(Exit::Done),
            ended => ended,
        }
    }

    /// Sifts what is ready.
    fn sift(&mut self) {
        let parts = &mut self.parts;
        let mut batch = parts.taps.batch();
        if batch.count() == 0 {
            return;
        }
        let begun = Instant::now();
        self.last_batch = begun;
        parts.selection.apply(&mut batch);
        let sensor = &mut parts.sensor;
        match &batch {
            Batch::Lent(batch) => {
                let frames = batch.frames();
                parts.pool.install(|| sensor.sift(frames));
            }
            Batch::Merged(batch) => parts.pool.install(|| sensor.sift(batch)),
        }
        drop(batch);
        let took = begun.elapsed();
        self.batches.add(took);
        self.second.busy += took;
        self.interval.busy += took;
    }

    /// Clocks: rates, packet time while nothing comes in, rules, Suricata's answers.
    fn each_second(&mut self, talk: &Talk) -> Result<(), Failure> {
        self.count()?;
        let time = self.second.start.elapsed().as_secs_f64();
        let per_second = |now: u64, before: u64| (now - before) as f64 / time;
        let (now_, before) = (self.capture, self.before);
        self.load = Load {
            packets_per_second: per_second(now_.frames, before.frames),
            bits_per_second: per_second(now_.bytes, before.bytes) * 8.0,
            drops_per_second: per_second(now_.kernel_drops, before.kernel_drops),
            busy: self.second.share(),
        };
        self.before = self.capture;
        self.second = Interval::new();
        if self.last_batch.elapsed() >= BEHIND {
            let behind = BEHIND.as_nanos() as u64;
            let time = Timestamp::from_nanos(now().as_nanos().saturating_sub(behind));
            let sensor = &mut self.parts.sensor;
            self.parts.pool.install(|| sensor.advance(time));
            self.report(talk)?;
        }
        if let Some(text) = self.parts.writer.as_mut().and_then(Writer::second) {
            self.hear_writer(vec![Written::Warning(text)], talk)?;
        }
        self.hear_suricata(talk);
        let looked = self.parts.taps.look();
        self.tell_changes(talk)?;
        looked
    }

    /// What is done once an interval.
    fn each_interval(&mut self, talk: &Talk) -> Result<(), Failure> {
        self.write_stats(None, talk)?;
        let parts = &mut self.parts;
        if let Some(state) = &mut parts.state {
            state.save(&mut parts.sensor, talk);
        }
        self.interval = Interval::new();
        Ok(())
    }

    fn write_stats(
        &mut self,
        stopped_by: Option<i32>,
        talk: &Talk,
    ) -> Result<(), Failure> {
        self.count()?;
        let parts = &mut self.parts;
        let stats = LiveStats {
            engine: &parts.sensor.stats(),
            capture: self.capture,
            selection: parts.selection.counts(),
            muted_counters: parts.muting.counts(),
            run: LiveRun {
                time: now().to_string(),
                interface: &parts.fixed.interface,
                kernel: parts.fixed.kernel,
                threads: parts.fixed.threads,
                seconds: self.started.elapsed().as_secs_f64(),
                busy: self.interval.share(),
                resident_bytes: resident(parts.status.as_ref()),
                output_errors: parts.lines.output.errors(),
                alerts_waiting: self.counts.alerts_waiting,
                alerts_dropped: self.counts.alerts_dropped,
                rules_left_out: self.counts.rules_left_out,
                stopped_by,
            },
        };
        parts.lines.stats(&stats, talk)
    }

    fn count(&mut self) -> Result<(), Failure> {
        self.capture = self.parts.taps.counters().map_err(failed)?;
        Ok(())
    }

    /// Says what has become of interfaces.
    fn tell_changes(&mut self, talk: &Talk) -> Result<(), Failure> {
        for change in self.parts.taps.take_changes() {
            match change {
                Change::Better(text) => talk.result(text),
                Change::Worse(text) => {
                    self.news.warning(&text);
                    self.parts.lines.warning(&text, talk)?;
                }
            }
        }
        Ok(())
    }

    fn hear_suricata(&mut self, talk: &Talk) {
        let Some(suricata) = &mut self.parts.suricata else { return };
        say_results(suricata.results(), talk);
    }

    /// The end: nothing more comes in; what is in the rings is used, everything pending is
    /// written.
    fn drain(&mut self, stopped_by: Option<i32>, talk: &Talk) -> Result<(), Failure> {
        self.parts.taps.stop_receiving().map_err(failed)?;
        let mut quiet = Instant::now();
        while let Some(time) = Rings::HAND_OVER.checked_sub(quiet.elapsed()) {
            match self.parts.taps.wait(time) {
                Ok(true) => {
                    self.sift();
                    quiet = Instant::now();
                }
                // A signal, or an interface that went down, ends a wait early.
                Ok(false) => {}
                Err(_) => break,
            }
            self.report(talk)?;
        }
        self.parts.taps.end();
        self.sift();
        let sensor = &mut self.parts.sensor;
        self.parts.pool.install(|| sensor.finish());
        self.report(talk)?;
        if let Some(writer) = self.parts.writer.take() {
            let (written, counts) = writer.finish();
            self.counts = counts;
            self.hear_writer(written, talk)?;
        }
        self.write_stats(stopped_by, talk)?;
        if let Some(state) = self.parts.state.take() {
            state.finish(&mut self.parts.sensor, talk);
        }
        if let Some(suricata) = self.parts.suricata.take() {
            say_results(suricata.finish(), talk);
        }
        let parts = &self.parts;
        talk.result(crate::output::run_summary::live(
            &parts.fixed.interface,
            self.started.elapsed().as_secs_f64(),
            self.capture.frames,
            self.capture.kernel_drops,
            &parts.sensor.stats(),
            parts.muting.counts(),
        ));
        Ok(())
    }

    fn snapshot(&mut self) -> Snapshot {
        let parts = &self.parts;
        Snapshot {
            fixed: Arc::clone(&parts.fixed),
            uptime: self.started.elapsed(),
            now: now().to_string().get(..19).unwrap_or_default().to_owned() + "Z",
            stats: parts.sensor.stats(),
            capture: self.capture,
            load: self.load,
            batches: self.batches,
            resident: resident(parts.status.as_ref()),
            interfaces: parts.taps.interfaces(),
            selected: parts.selection.counts().selected,
            output_errors: parts.lines.output.errors(),
            suricata: parts.suricata.as_ref().map(Suricata::counts),
            muted: parts.muting.counts(),
            news: self.news.clone(),
        }
    }
}

fn say_results(results: Vec<Result<(), String>>, talk: &Talk) {
    for result in results {
        match result {
            Ok(()) => talk.detail("Suricata has reloaded the rules"),
            Err(reason) => talk.warning(format_args!("{reason}; trying again")),
        }
    }
}

fn failed(error: LiveError) -> Failure {
    Failure::Failed(error.to_string())
}

/// Bytes of this process in memory, as `/proc/self/status` has them; 0 if it does not.
fn resident(status: Option<&File>) -> u64 {
    let mut text = [0; 4_096];
    let read = status.map_or(0, |file| file.read_at(&mut text, 0).unwrap_or(0));
    String::from_utf8_lossy(&text[..read])
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes << 10)
}
