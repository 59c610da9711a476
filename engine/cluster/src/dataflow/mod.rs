//! Taps, content shards and the merger as a [timely] dataflow, on the threads of one
//! process or of several.
//!
//! ```text
//! taps: captures -> parcels, pieces -- exchange to one --> merger -> findings
//!   ^---- asks, exchange by tap <-----------------------'   |  ^
//!                     tasks, exchange by worker <-----------'  '--- results, exchange to one
//!                       '--> content shards, a part on each worker ---^
//! ```
//!
//! Guarantees: findings are those of one sensor over the same taps, under the conditions of
//! [`wormsift::fleet`], and the same however many workers and processes there are. Within a
//! process messages are passed as they are. If one process is lost all others end: nothing is
//! kept, and the same captures give the same once more. Costs: one thread a worker, and what reads
//! the captures. A tap is on one worker: one capture occupies two, several captures as several taps
//! more. Memory: a second of packet time at each tap, whole.

mod carried;
mod graph;
mod layout;
mod messages;
mod network;
mod tap_source;

pub use layout::Layout;
pub use network::Processes;
pub use tap_source::{Fed, Feed};

use crate::Error;
use graph::{Ends, build};
use messages::{Down, Up};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tap_source::TapSource;
use timely::WorkerConfig;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Allocator, Hooks};
use timely::worker::Worker;
use wormsift::Config;
use wormsift::config::Span;
use wormsift::fleet::{Merger, ShardWorker, Tap};
use wormsift::pipeline::Baseline;
use xxhash_rust::xxh3::Xxh3;

/// The name of the fleet that all parts share.
const FLEET: &str = "dataflow";

/// How long the merger's loop waits before it looks after signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long a worker that has nothing to do looks around before it sleeps. Workers share cores
/// with those that read.
const SPIN: Duration = Duration::from_micros(20);

/// Opens what the tap of a number reads.
pub type Open = dyn Fn(u16) -> Result<Box<dyn Feed>, String> + Send + Sync;

/// What is run.
#[derive(Clone)]
pub struct Job {
    /// With the names of all taps.
    pub config: Config,
    /// What is known to be good.
    pub baseline: Option<Arc<Baseline>>,
    /// Worker threads of each process.
    pub workers: u16,
    /// The processes; `None` for this one alone.
    pub processes: Option<Processes>,
    /// Opens what a tap reads; called on the worker that has it.
    pub open: Arc<Open>,
    /// Whether to give up, in processes that have no merger and while others have not come.
    pub gives_up: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// What came of a run in the first process.
pub struct Done {
    /// It is finished.
    pub merger: Merger,
    /// Samples that were asked for when their payload was gone already.
    pub asked_too_late: u64,
    /// By tap: what [`Feed::account`] said.
    pub accounts: BTreeMap<u16, Vec<u64>>,
}

/// Whether a run is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is.
    GoOn,
    /// Captures are not read any further; what was read is made an end of.
    Stop,
}

impl Job {
    /// Who does what.
    pub fn layout(&self) -> Layout {
        let processes = self.processes.as_ref().map_or(1, |it| it.addresses.len());
        let processes = u16::try_from(processes.max(1)).unwrap_or(u16::MAX);
        Layout { processes, workers: self.workers.max(1) }
    }

    fn own(&self) -> u16 {
        self.processes.as_ref().map_or(0, |it| it.own)
    }

    fn taps(&self) -> u16 {
        u16::try_from(self.config.taps.len().max(1)).unwrap_or(u16::MAX)
    }

    /// Runs to the end. In the first process `news` is called whenever the merger may have
    /// found something; in others never, and there is no result.
    ///
    /// # Errors
    ///
    /// A setting, a process that does not come, what a tap cannot read, or what `news` says. If
    /// a process is lost while it runs, [`on_lost`] is what happens. After an error the process
    /// should end: its other workers, and other processes, go on until it does.
    pub fn run<E: From<Error> + Send>(
        self,
        news: impl FnMut(&mut Merger) -> Result<Control, E> + Send,
    ) -> Result<Option<Done>, E> {
        // A thread of its own: what the engine is told of its threads lasts as long.
        let early =
            || Err(Error::Worker("the merger has ended too early".to_owned()).into());
        thread::scope(|scope| {
            scope.spawn(|| self.run_here(news)).join().unwrap_or_else(|_| early())
        })
    }

    fn run_here<E: From<Error>>(
        self,
        mut news: impl FnMut(&mut Merger) -> Result<Control, E>,
    ) -> Result<Option<Done>, E> {
        let (allocators, guard) = self.allocators()?;
        // Where the run fails the connections are broken by the end of the process, and nobody
        // waits until others have said all.
        let guard = ManuallyDrop::new(guard);
        let (failed, failures) = mpsc::channel();
        let mut allocators = allocators.into_iter();
        let first = allocators.next();
        let mut threads = Vec::new();
        for allocator in allocators {
            let (job, failed) = (self.clone(), failed.clone());
            let work = move || {
                let never = mpsc::channel().1;
                let body =
                    |worker: &mut Worker, ends| job.until_end(worker, ends, &never);
                let done = catch_unwind(AssertUnwindSafe(|| job.work(allocator, body)));
                let early = || Err(worker_failed("go on", "a worker has panicked"));
                if let Err(why) = done.unwrap_or_else(|_| early()) {
                    let _ = failed.send(why);
                }
            };
            let thread = thread::Builder::new().name("worker".to_owned()).spawn(work);
            threads.push(thread.map_err(|why| worker_failed("start a thread", why))?);
        }
        drop(failed);
        let mut done = None;
        if let Some(allocator) = first {
            let is_merger = self.own() == 0;
            let result = self.work(allocator, |worker, ends| match is_merger {
                true => self.merge(worker, ends, &failures, &mut news).map(Some),
                false => self
                    .until_end(worker, ends, &failures)
                    .map(|()| None)
                    .map_err(E::from),
            });
            done = result?;
        }
        for thread in threads {
            if thread.join().is_err() {
                return Err(
                    Error::Worker("a worker has ended too early".to_owned()).into()
                );
            }
        }
        if let Ok(why) = failures.try_recv() {
            return Err(why.into());
        }
        drop(ManuallyDrop::into_inner(guard));
        Ok(done)
    }

    /// One for each worker of this process, and what keeps the connections.
    fn allocators(
        &self,
    ) -> Result<(Vec<AllocatorBuilder>, Box<dyn std::any::Any>), Error> {
        let (workers, hooks) = (usize::from(self.workers.max(1)), Hooks::default());
        let own = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), None);
        let Some(processes) = self.processes.as_ref().filter(|it| it.addresses.len() > 1)
        else {
            return Ok((
                own.into_iter().map(AllocatorBuilder::Process).collect(),
                Box::new(()),
            ));
        };
        let is_over = &*self.gives_up;
        let sockets = processes.connect(self.workers.max(1), self.identity(), is_over)?;
        let number = usize::from(processes.own);
        let started =
            initialize_networking_from_sockets(own, sockets, number, workers, hooks);
        let (builders, guard) = started.map_err(|why| worker_failed("start", why))?;
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(guard)))
    }

    /// One worker, on this thread.
    fn work<R, E: From<Error>>(
        &self,
        allocator: AllocatorBuilder,
        body: impl FnOnce(&mut Worker, Ends) -> Result<R, E>,
    ) -> Result<R, E> {
        // The engine's own loops stay on this thread.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        let _pool = pool.build().map_err(|why| worker_failed("start", why))?;
        let allocator = match allocator {
            AllocatorBuilder::Process(it) => Allocator::Process(it.build()),
            AllocatorBuilder::Tcp(it) => Allocator::Tcp(it.build()),
            AllocatorBuilder::Thread(_) => Allocator::Thread(Default::default()),
        };
        let config = WorkerConfig::default().idle_spin(SPIN);
        // One that has failed is not dropped: its channels would end as if it were done.
        let mut worker = ManuallyDrop::new(Worker::new(config, allocator, None));
        let (taps, shards) = self.parts(worker.index() as u16)?;
        let ends = build(&mut worker, taps, shards);
        let done = body(&mut worker, ends)?;
        drop(ManuallyDrop::into_inner(worker));
        Ok(done)
    }

    /// What the worker of this number has.
    fn parts(&self, number: u16) -> Result<(Vec<TapSource>, ShardWorker), Error> {
        let layout = self.layout();
        let mut taps = Vec::new();
        for tap in (0..self.taps()).filter(|tap| layout.worker_of(*tap) == number) {
            let feed = (self.open)(tap).map_err(Error::Worker)?;
            let tap = Tap::new(self.config.clone(), FLEET, tap);
            taps.push(TapSource::new(tap.map_err(settings)?, feed));
        }
        let (config, baseline) = (self.config.clone(), self.baseline.as_deref().cloned());
        let shares = layout.shares(self.taps());
        let shards = ShardWorker::new(config, FLEET, baseline, &shares, number);
        Ok((taps, shards.map_err(settings)?))
    }

    /// A worker without the merger, until the run is over or another worker of its process has
    /// failed.
    fn until_end(
        &self,
        worker: &mut Worker,
        ends: Ends,
        failures: &mpsc::Receiver<Error>,
    ) -> Result<(), Error> {
        let _ = ends.close();
        while worker.has_dataflows() {
            if let Ok(why) = failures.try_recv() {
                return Err(why);
            }
            if self.own() > 0 && (self.gives_up)() {
                return Err(Error::Worker("stopped".to_owned()));
            }
            worker.step_or_park(Some(PATIENCE));
        }
        Ok(())
    }

    /// What all processes must have in common.
    fn identity(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(
            serde_json::Value::Object(self.config.to_values()).to_string().as_bytes(),
        );
        hash.update(&self.config.effective_key().to_le_bytes());
        hash.update(&self.baseline.as_ref().map_or(Vec::new(), |it| it.write()));
        hash.digest()
    }

    /// The merger's loop.
    fn merge<E: From<Error>>(
        &self,
        worker: &mut Worker,
        mut ends: Ends,
        failures: &mpsc::Receiver<Error>,
        news: &mut impl FnMut(&mut Merger) -> Result<Control, E>,
    ) -> Result<Done, E> {
        let (layout, taps) = (self.layout(), self.taps());
        let merger = match self.baseline.as_deref().cloned() {
            Some(baseline) => Merger::with_baseline(self.config.clone(), FLEET, baseline),
            None => Merger::new(self.config.clone(), FLEET),
        };
        // Captures are read as fast as they are sifted: nobody is late.
        let merger =
            merger.map_err(settings)?.with_lateness(Span::from_secs(u64::MAX)).in_runs();
        let mut merger = merger.with_workers(&layout.shares(taps));
        let (mut ended, mut is_stopped) = (0, false);
        while !merger.is_finished() {
            if let Ok(why) = failures.try_recv() {
                return Err(why.into());
            }
            while let Some(message) = ends.up() {
                match message? {
                    Up::Parcel(parcel) => {
                        ended += u16::from(parcel.tick().is_none());
                        merger
                            .push(*parcel)
                            .map_err(|why| worker_failed("merge", why))?;
                    }
                    Up::Piece(piece) => {
                        merger
                            .answer(piece)
                            .map_err(|why| worker_failed("merge", why))?;
                    }
                    Up::Failed(why) => return Err(Error::Worker(why).into()),
                    Up::Left { .. } => {}
                }
            }
            while let Some(result) = ends.result() {
                let taken = merger.take_result(result?);
                taken.map_err(|why| worker_failed("take what a worker knows", why))?;
            }
            if ended == taps {
                merger.finish();
            }
            if news(&mut merger)? == Control::Stop
                && !std::mem::replace(&mut is_stopped, true)
            {
                (0..taps)
                    .for_each(|tap| ends.tell(layout.worker_of(tap), tap, Down::Stop));
            }
            send(&mut merger, &mut ends, layout);
            ends.end_turn();
            if !merger.is_finished() {
                worker.step_or_park(Some(PATIENCE));
            }
        }
        (0..taps).for_each(|tap| ends.tell(layout.worker_of(tap), tap, Down::Dismissed));
        let rest = ends.close();
        while worker.has_dataflows() {
            worker.step_or_park(Some(PATIENCE));
        }
        let (mut asked_too_late, mut accounts) = (0, BTreeMap::new());
        while let Some(message) = rest() {
            if let Up::Left { tap, asked_too_late: more, account } = message? {
                asked_too_late += more;
                accounts.insert(tap, account);
            }
        }
        Ok(Done { merger, asked_too_late, accounts })
    }
}

/// Sends what the merger asks and has to be done.
fn send(merger: &mut Merger, ends: &mut Ends, layout: Layout) {
    for ask in merger.asks() {
        ends.tell(layout.worker_of(ask.tap()), ask.tap(), Down::Ask(ask));
    }
    merger.tasks().into_iter().for_each(|task| ends.give(task));
}

/// Has `told` be called, once, when the connection to another process breaks while a dataflow
/// runs, with what is to be said; it should end the process. Other panics go on as before.
pub fn on_lost(told: impl Fn(&str) + Send + Sync + 'static) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // How timely says it (its documentation of `tcp`).
        let payload = panic.payload();
        let said = match payload.downcast_ref::<String>() {
            Some(said) => said,
            None => payload.downcast_ref::<&str>().copied().unwrap_or_default(),
        };
        match said.strip_prefix("timely communication error: ") {
            Some(why) => told(&format!(
                "another process of the dataflow is gone ({why}); all end. Start all again"
            )),
            None => before(panic),
        }
    }));
}

fn worker_failed(doing: &str, why: impl Display) -> Error {
    Error::Worker(format!("cannot {doing}: {why}"))
}

fn settings(why: impl Display) -> Error {
    Error::Settings(why.to_string())
}
