//! The latest snapshot of a run, shared between threads.
//!
//! The thread that does the work makes a snapshot only when a request waits for one. No
//! other thread accesses what it works on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a request waits for a new snapshot.
const PATIENCE: Duration = Duration::from_secs(2);
/// A loop without a round for this long counts as blocked.
const HANGS: Duration = Duration::from_secs(10);

/// The latest snapshot, and whether a new one is requested.
pub(crate) struct Board<S> {
    started: Instant,
    is_wanted: AtomicBool,
    /// Milliseconds from the start to the last round of the loop.
    round: AtomicU64,
    posted: Mutex<Posted<S>>,
    fresh: Condvar,
}

struct Posted<S> {
    count: u64,
    snapshot: Option<Arc<S>>,
}

impl<S> Board<S> {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            is_wanted: AtomicBool::new(false),
            round: AtomicU64::new(0),
            posted: Mutex::new(Posted { count: 0, snapshot: None }),
            fresh: Condvar::new(),
        }
    }

    /// Records a round of the loop. Returns whether a snapshot is requested.
    pub(crate) fn round(&self) -> bool {
        let now = self.started.elapsed().as_millis() as u64;
        self.round.store(now, Ordering::Relaxed);
        self.is_wanted.swap(false, Ordering::Relaxed)
    }

    /// Stores a snapshot and wakes the requests that wait for one.
    pub(crate) fn post(&self, snapshot: S) {
        let mut posted = self.posted();
        posted.count += 1;
        posted.snapshot = Some(Arc::new(snapshot));
        self.fresh.notify_all();
    }

    /// Requests a snapshot and waits for it. Returns the one before if the loop is busy for
    /// too long, and none if there was none.
    pub(crate) fn read(&self) -> Option<Arc<S>> {
        let posted = self.posted();
        let before = posted.count;
        self.is_wanted.store(true, Ordering::Relaxed);
        let wait = |posted: &mut Posted<S>| posted.count == before;
        let (posted, _) = self
            .fresh
            .wait_timeout_while(posted, PATIENCE, wait)
            .unwrap_or_else(PoisonError::into_inner);
        posted.snapshot.clone()
    }

    /// Whether the loop still makes rounds.
    pub(crate) fn is_alive(&self) -> bool {
        let last = Duration::from_millis(self.round.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last) < HANGS
    }

    fn posted(&self) -> MutexGuard<'_, Posted<S>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
