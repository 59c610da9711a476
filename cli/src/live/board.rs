//! Snapshot of the running sensor, for the status page and metrics.

use super::taps::{Interface, State};
use crate::status::News;
use std::sync::Arc;
use std::time::Duration;
use wormsift::Stats;
use wormsift_capture::live::LiveCounters;
use wormsift_export::mute::MutedCounts;

/// Everything that is shown, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) fixed: Arc<Fixed>,
    pub(super) uptime: Duration,
    /// The wall clock, RFC 3339.
    pub(super) now: String,
    pub(super) stats: Stats,
    pub(super) capture: LiveCounters,
    pub(super) load: Load,
    pub(super) batches: BatchTimes,
    /// Bytes of this process in memory, the rings included; 0 where it is unknown.
    pub(super) resident: u64,
    pub(super) interfaces: Vec<Interface>,
    pub(super) selected: u64,
    pub(super) output_errors: u64,
    pub(super) suricata: Option<Reloads>,
    pub(super) muted: MutedCounts,
    pub(super) news: News,
}

impl Snapshot {
    /// Whether no interface is up, so that nothing can come in.
    pub(super) fn is_down(&self) -> bool {
        self.interfaces.iter().all(|it| it.state != State::Up)
    }
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    pub(super) interface: String,
    pub(super) kernel: &'static str,
    pub(super) threads: usize,
    pub(super) ring_bytes: usize,
    /// What was said about the sandbox.
    pub(super) sandbox: Vec<String>,
}

/// Rates over the last full interval of about a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) packets_per_second: f64,
    pub(super) bits_per_second: f64,
    pub(super) drops_per_second: f64,
    /// Share of the time spent with packets, 0 to 1.
    pub(super) busy: f64,
}

/// How often Suricata was asked to reload, by what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reloads {
    pub(super) done: u64,
    pub(super) failed: u64,
}

/// A histogram of the times that batches took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BatchTimes {
    pub(super) counts: [u64; BatchTimes::BOUNDS.len()],
    pub(super) count: u64,
    pub(super) seconds: f64,
}

impl BatchTimes {
    /// Upper bounds of the buckets in seconds; the last one has none.
    pub(super) const BOUNDS: [f64; 7] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

    pub(super) fn add(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        for (count, bound) in self.counts.iter_mut().zip(Self::BOUNDS) {
            *count += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.seconds += seconds;
    }
}
