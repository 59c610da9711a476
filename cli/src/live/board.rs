//! Snapshot of the running sensor, shared between threads for the status page and metrics.
//!
//! The thread that reads packets makes a snapshot only when a request waits for one. No
//! other thread accesses the sensor.

use super::taps::{Interface, State};
use crate::output::muted::MutedFindings;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wormsift::Stats;
use wormsift::packet::AddressPlan;
use wormsift::signature::{Incident, Signature};
use wormsift_capture::live::LiveCounters;
use wormsift_export::mute::{Muted, MutedCounts};

/// Signatures that the page shows.
const NEWEST: usize = 20;
/// Incidents that are kept for the page, of which it shows those of the highest rank.
const INCIDENTS: usize = 64;
/// Warnings that the page shows.
const WARNINGS: usize = 10;
/// How long a request waits for a new snapshot.
const PATIENCE: Duration = Duration::from_secs(2);
/// A capture loop without a round for this long counts as blocked.
const HANGS: Duration = Duration::from_secs(10);

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

/// The newest incidents and signatures, the newest first, each with its latest state; and
/// warnings.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// Without their hosts and the ids of their signatures.
    pub(super) incidents: VecDeque<Incident>,
    pub(super) signatures: VecDeque<Signature>,
    /// What is muted, which is in neither.
    pub(super) muted: MutedFindings,
    pub(super) warnings: VecDeque<String>,
}

impl News {
    /// Takes the last word on an incident; one that has become part of another is dropped.
    pub(super) fn incident(&mut self, incident: Incident, muted: Option<&Muted>) {
        self.incidents.retain(|other| other.id != incident.id);
        self.muted.incident(&incident, muted);
        if incident.part_of.is_none() && muted.is_none() {
            let bounded = Incident {
                signatures: Vec::new(),
                hosts: Vec::new(),
                reasons: Vec::new(),
                addresses: AddressPlan::default(),
                ..incident
            };
            self.incidents.push_front(bounded);
            self.incidents.truncate(INCIDENTS);
        }
    }

    /// Those of the highest rank, at most so many.
    pub(super) fn best_incidents(&self, most: usize) -> Vec<&Incident> {
        let mut best: Vec<&Incident> = self.incidents.iter().collect();
        best.sort_by(|a, b| a.by_rank(b));
        best.truncate(most);
        best
    }

    pub(super) fn signature(&mut self, signature: &Signature, muted: Option<&Muted>) {
        self.signatures.retain(|other| other.id != signature.id);
        self.muted.signature(signature, muted);
        if muted.is_some() {
            return;
        }
        self.signatures.push_front(signature.clone());
        self.signatures.truncate(NEWEST);
    }

    pub(super) fn warning(&mut self, text: &str) {
        self.warnings.push_front(text.to_owned());
        self.warnings.truncate(WARNINGS);
    }
}

/// The latest snapshot, and whether a new one is requested.
pub(super) struct Board {
    started: Instant,
    is_wanted: AtomicBool,
    /// Milliseconds from the start to the last round of the loop.
    round: AtomicU64,
    posted: Mutex<Posted>,
    fresh: Condvar,
}

#[derive(Default)]
struct Posted {
    count: u64,
    snapshot: Option<Arc<Snapshot>>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            is_wanted: AtomicBool::new(false),
            round: AtomicU64::new(0),
            posted: Mutex::default(),
            fresh: Condvar::new(),
        }
    }

    /// Records a round of the loop. Returns whether a snapshot is requested.
    pub(super) fn round(&self) -> bool {
        let now = self.started.elapsed().as_millis() as u64;
        self.round.store(now, Ordering::Relaxed);
        self.is_wanted.swap(false, Ordering::Relaxed)
    }

    /// Stores a snapshot and wakes the requests that wait for one.
    pub(super) fn post(&self, snapshot: Snapshot) {
        let mut posted = self.posted();
        posted.count += 1;
        posted.snapshot = Some(Arc::new(snapshot));
        self.fresh.notify_all();
    }

    /// Requests a snapshot and waits for it. Returns the one before if the loop is busy for
    /// too long, and none if there was none.
    pub(super) fn read(&self) -> Option<Arc<Snapshot>> {
        let posted = self.posted();
        let before = posted.count;
        self.is_wanted.store(true, Ordering::Relaxed);
        let wait = |posted: &mut Posted| posted.count == before;
        let (posted, _) = self
            .fresh
            .wait_timeout_while(posted, PATIENCE, wait)
            .unwrap_or_else(PoisonError::into_inner);
        posted.snapshot.clone()
    }

    /// Whether the loop still makes rounds.
    pub(super) fn is_alive(&self) -> bool {
        let last = Duration::from_millis(self.round.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last) < HANGS
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::signature::{Confidence, IncidentHost, Kind};

    fn incident(id: usize, kind: Kind) -> Incident {
        Incident {
            id: format!("{id:032x}"),
            kind,
            confidence: Confidence::Medium,
            hosts: vec![IncidentHost::default(); 256],
            signatures: vec![String::new(); 500],
            ..Incident::default()
        }
    }

    #[test]
    fn the_newest_incidents_are_kept_and_the_highest_rank_leads() {
        let mut news = News::default();
        for id in 0..1_000 {
            news.incident(incident(id, Kind::MassDelivery), None);
        }
        news.incident(incident(990, Kind::Outbreak), None);
        assert_eq!(news.incidents.len(), INCIDENTS);
        let is_bounded = |it: &Incident| it.hosts.is_empty() && it.signatures.is_empty();
        assert!(news.incidents.iter().all(is_bounded));
        let best = news.best_incidents(3);
        let best: Vec<_> = best.iter().map(|it| (it.kind, it.id.clone())).collect();
        let expected =
            [(Kind::Outbreak, 990), (Kind::MassDelivery, 936), (Kind::MassDelivery, 937)];
        assert_eq!(best, expected.map(|(kind, id)| (kind, format!("{id:032x}"))));
        // Its last word says that it is part of another.
        let part_of = Some("0".repeat(32));
        news.incident(Incident { part_of, ..incident(990, Kind::Outbreak) }, None);
        assert_eq!(news.incidents.len(), INCIDENTS - 1);
        assert!(news.incidents.iter().all(|it| it.kind == Kind::MassDelivery));
        // What is muted is apart.
        let known =
            Muted { entry: String::new(), reason: "known".to_owned(), until: None };
        news.incident(incident(991, Kind::MassDelivery), Some(&known));
        assert_eq!(news.muted.rows().len(), 1);
        assert!(news.incidents.iter().all(|it| it.id != format!("{:032x}", 991)));
    }
}
