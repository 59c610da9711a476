//! A tap's end: what is in its spool goes to the broker, as often as that is needed.
//!
//! Guarantees: a parcel is sent in its order, and sent again until the broker has it; what the
//! broker lost after it had acknowledged it, it gets again when the merger asks, or when the
//! link is made anew. A parcel leaves the spool when the merger's checkpoint covers it.
//! Costs: each parcel is read from the disk once more; a window of 32 parcels is on the way.

use super::link::{Link, Task};
use super::refusals::Refusals;
use super::sending::Work;
use super::streams::{answered, publish};
use crate::message::{Ask, Message, Piece, fits};
use crate::spool::{Spool, SpoolCounters};
use crate::{Error, Fleet, TapName};
use async_nats::jetstream::Context;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// So many asks wait for whoever answers them.
const MOST_ASKS: usize = 1024;

/// What a publisher did since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublisherCounters {
    /// Parcels that the broker acknowledged, each time.
    pub acknowledged: u64,
    /// Of these, how many the broker had already.
    pub duplicates: u64,
    /// Parcels that the merger asked for again.
    pub asked_again: u64,
    /// Asks dropped because 1,024 waited; the merger repeats them.
    pub asks_dropped: u64,
    /// How often the log was found too full for another parcel.
    pub log_full: u64,
    /// Connections and attempts that ended, whatever the reason.
    pub interrupted: u64,
    /// The latest such reason.
    pub why: String,
    /// Messages of the merger that are none.
    pub refused: Refusals,
    /// The spool's own.
    pub spool: SpoolCounters,
}

/// How far a tap's parcels are: numbers of parcels since its spool was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// That were put into the spool.
    pub appended: u64,
    /// That the broker has, as far as it says; it may lose them.
    pub delivered: u64,
    /// That the merger's checkpoint covers.
    pub covered: u64,
    /// Bytes of the spool's files.
    pub spool_bytes: u64,
}

/// What the tap's threads and the link's share.
pub(super) struct Shared {
    pub(super) fleet: Fleet,
    pub(super) tap: TapName,
    spool: Mutex<Spool>,
    counters: Mutex<PublisherCounters>,
    /// All before this sequence was acknowledged.
    pub(super) delivered: AtomicU64,
    /// A parcel was appended.
    pub(super) appended: Notify,
    /// More is covered; waits with the spool's lock.
    pub(super) covered: Condvar,
}

impl Shared {
    pub(super) fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().expect("no thread panics with the spool")
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, PublisherCounters> {
        self.counters.lock().expect("no thread panics with the counters")
    }
}

/// Sends a tap's parcels; answers the merger.
pub struct Publisher {
    shared: Arc<Shared>,
    asks: Receiver<Ask>,
    link: Link,
    context: Arc<Mutex<Option<Context>>>,
    _task: Task,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("tap", &self.shared.tap).finish_non_exhaustive()
    }
}

impl Publisher {
    /// Begins to send what is in the spool of `tap`.
    pub fn start(link: &Link, fleet: &Fleet, tap: &TapName, spool: Spool) -> Self {
        let shared = Arc::new(Shared {
            fleet: fleet.clone(),
            tap: tap.clone(),
            spool: Mutex::new(spool),
            counters: Mutex::default(),
            delivered: AtomicU64::new(0),
            appended: Notify::new(),
            covered: Condvar::new(),
        });
        let (sender, asks) = sync_channel(MOST_ASKS);
        let context = Arc::new(Mutex::new(None));
        let work =
            Work { shared: shared.clone(), asks: sender, context: context.clone() };
        let task = link.keep_up(work);
        Self { shared, asks, link: link.clone(), context, _task: task }
    }

    /// Puts a parcel into the spool, from where it is sent, and says its sequence. Never
    /// waits for the broker.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`].
    pub fn send(
        &self,
        tick: u64,
        part: u32,
        leaves: bool,
        bytes: &[u8],
    ) -> Result<u64, Error> {
        let sequence = self.shared.spool().append(tick, part, leaves, bytes)?;
        self.shared.appended.notify_one();
        Ok(sequence)
    }

    /// As [`Spool::absent_since`].
    pub fn absent_since(&self, tick: u64) {
        self.shared.spool().absent_since(tick);
    }

    /// The merger's next ask for contents; `None` after `wait`. It is repeated until its
    /// answer has come: an ask that was answered may come once more.
    pub fn ask(&self, wait: Duration) -> Option<Ask> {
        self.asks.recv_timeout(wait).ok()
    }

    /// Answers an ask, and waits until the broker has the answer.
    ///
    /// # Errors
    ///
    /// An answer that is too long, or that the broker does not have after `wait`. The merger
    /// asks again.
    pub fn answer(&self, number: u64, bytes: &[u8], wait: Duration) -> Result<(), Error> {
        fits("an answer", bytes)?;
        let Shared { fleet, tap, .. } = &*self.shared;
        let piece = Piece { tap: tap.clone(), number, bytes: bytes.to_vec() };
        let encoded = Message::Piece(piece).encode(fleet);
        let begin = Instant::now();
        loop {
            let context = self.context.lock().expect("no thread panics with it").clone();
            let why = match context {
                None => self.link.status().unwrap_or_else(|| "not connected".into()),
                Some(context) => {
                    let id = format!("{tap}/piece/{number}");
                    let sent = publish(&context, fleet.piece(tap), id, encoded.clone());
                    let done = async { sent.await?.await.map_err(|e| e.to_string()) };
                    match self.link.block_on(answered("an answer", done)) {
                        Ok(_) => return Ok(()),
                        Err(why) => why,
                    }
                }
            };
            if begin.elapsed() > wait {
                return Err(Error::Broker(format!("tap {tap}: {why}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How far its parcels are.
    pub fn progress(&self) -> Progress {
        let spool = self.shared.spool();
        Progress {
            appended: spool.next(),
            delivered: self.shared.delivered.load(Ordering::Relaxed),
            covered: spool.covered(),
            spool_bytes: spool.bytes(),
        }
    }

    /// Waits until all that was sent is covered; says whether it is.
    pub fn wait_until_covered(&self, wait: Duration) -> bool {
        let waits = |spool: &mut Spool| spool.covered() < spool.next();
        let waited =
            self.shared.covered.wait_timeout_while(self.shared.spool(), wait, waits);
        !waited.expect("no thread panics with the spool").1.timed_out()
    }

    /// What it did since it was started.
    pub fn counters(&self) -> PublisherCounters {
        let spool = self.shared.spool().counters();
        PublisherCounters { spool, ..self.shared.counters().clone() }
    }
}
