//! All interfaces that frames are read from.
//!
//! Frames of one go on as they lie in its rings; those of several are copied and put in the
//! order of their times. One that is down or gone is said, and does not keep the others
//! waiting.

use super::lines::now;
use super::tap::{Capturing, Tap};
use crate::output::exit_code::Failure;
use std::time::{Duration, Instant};
use wormsift::packet::Frame;
use wormsift::pipeline::FrameList;
use wormsift_capture::live::{
    BpfProgram, LiveBatch, LiveCounters, LiveError, Merge, MergedBatch, wait_for_any,
};
use wormsift_run::Frames;

/// How long frames that wait for other interfaces are left alone.
const TURN: Duration = Duration::from_millis(10);

/// Interfaces that are open.
pub(crate) struct Taps {
    /// By the number of the tap.
    taps: Vec<Listened>,
    /// Only frames of several go through it.
    merge: Merge,
    opened: Instant,
    changes: Vec<Change>,
}

/// One of them.
struct Listened {
    tap: Tap,
    state: State,
    /// As they were last told.
    counters: LiveCounters,
}

/// Whether frames can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// It may come up again.
    Down,
    /// Removed: its frames never come again.
    Gone,
}

/// What has become of an interface, in words.
#[derive(Debug)]
pub(crate) enum Change {
    /// It is up again.
    Better(String),
    /// It is down or gone.
    Worse(String),
}

/// An interface as others see it.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) counters: LiveCounters,
}

/// Frames in order.
pub(crate) enum Batch<'a> {
    /// In the rings of the one interface.
    Lent(LiveBatch<'a>),
    Merged(MergedBatch),
}

impl Listened {
    /// Whether it may have frames.
    fn can_give(&self) -> bool {
        self.state != State::Gone || self.tap.outlives_interface()
    }
}

impl Taps {
    /// Opens interfaces.
    pub(crate) fn open<'a>(
        names: impl IntoIterator<Item = &'a str>,
        how: Capturing<'_>,
    ) -> Result<Self, Failure> {
        let taps = names.into_iter().map(|name| {
            let tap = Tap::open(how, name)?;
            Ok(Listened { tap, state: State::Up, counters: LiveCounters::default() })
        });
        let taps = taps.collect::<Result<Vec<_>, Failure>>()?;
        let merge = Merge::new(taps.len());
        Ok(Self { merge, opened: Instant::now(), taps, changes: Vec::new() })
    }

    /// Bytes of memory that frames come in through: rings, and of several interfaces what
    /// waits and the batch that comes on top.
    pub(crate) fn memory_bytes(&self) -> usize {
        let rings: usize = self.taps.iter().map(|it| it.tap.memory_bytes()).sum();
        let batch = self.taps.iter().map(|it| it.tap.batch_bytes()).max();
        match self.taps.len() {
            1 => rings,
            _ => rings + Merge::MOST_BYTES + batch.unwrap_or(0),
        }
    }

    /// Lets only this through from now on.
    pub(crate) fn set_filter(&self, program: &BpfProgram) -> Result<(), LiveError> {
        let mut left = self.taps.iter().filter(|it| it.state != State::Gone);
        left.try_for_each(|it| it.tap.set_filter(program))
    }

    /// Nothing that comes in after this is lent.
    pub(crate) fn stop_receiving(&mut self) -> Result<(), LiveError> {
        let mut left = self.taps.iter_mut().filter(|it| it.state != State::Gone);
        left.try_for_each(|it| it.tap.stop_receiving())
    }

    /// Nothing waits any longer for what other interfaces received before it.
    pub(crate) fn end(&mut self) {
        self.merge.end();
    }

    /// Waits for frames of any of them; whether there are some. Fails when no interface is
    /// left.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<bool, Failure> {
        let time = if self.merge.is_waiting() { time.min(TURN) } else { time };
        let mut left: Vec<&mut Listened> =
            self.taps.iter_mut().filter(|it| it.can_give()).collect();
        let mut waited: Vec<_> = left.iter_mut().map(|it| it.tap.waited()).collect();
        let told = wait_for_any(&mut waited, time)
            .map_err(|error| Failure::of("interfaces: cannot wait", error))?;
        drop(waited);
        let mut is_ready = false;
        let mut gone = Vec::new();
        for (it, told) in left.into_iter().zip(told) {
            match told {
                Ok(ready) => is_ready |= ready,
                Err(error) if error.is_down() => {
                    if it.state == State::Up {
                        it.state = State::Down;
                        let name = it.tap.name();
                        let text = format!("{name}: the interface is down; waiting");
                        self.changes.push(Change::Worse(text));
                    }
                }
                Err(_) if it.state == State::Gone => {}
                Err(error) => {
                    it.state = State::Gone;
                    gone.push(error.to_string());
                }
            }
        }
        self.go_on_without(gone)?;
        Ok(is_ready)
    }

    /// Looks whether those that were down are up again or gone. Fails when no interface is
    /// left.
    pub(crate) fn look(&mut self) -> Result<(), Failure> {
        let mut gone = Vec::new();
        for it in self.taps.iter_mut().filter(|it| it.state == State::Down) {
            let name = it.tap.name();
            if !it.tap.is_present() {
                it.state = State::Gone;
                gone.push(format!("{name}: the interface is gone"));
            } else if it.tap.is_up() {
                it.state = State::Up;
                self.changes.push(Change::Better(format!("{name}: up again")));
            }
        }
        self.go_on_without(gone)
    }

    /// Says which are gone, for these reasons; the last one that goes is a failure.
    fn go_on_without(&mut self, mut gone: Vec<String>) -> Result<(), Failure> {
        let are_gone = self.taps.iter().all(|it| it.state == State::Gone);
        let last = if are_gone { gone.pop() } else { None };
        let texts = gone.into_iter().map(|it| format!("{it}; going on without it"));
        self.changes.extend(texts.map(Change::Worse));
        last.map_or(Ok(()), |reason| Err(Failure::Failed(reason)))
    }

    /// What has become of interfaces since the last time.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Each of them, with its counters as of the last [`counters`](Self::counters).
    pub(crate) fn interfaces(&self) -> Vec<Interface> {
        let interface = |it: &Listened| Interface {
            name: it.tap.name().to_owned(),
            state: it.state,
            counters: it.counters,
        };
        self.taps.iter().map(interface).collect()
    }

    /// The frames that are ready.
    pub(crate) fn batch(&mut self) -> Batch<'_> {
        match &mut self.taps[..] {
            [one] => Batch::Lent(one.tap.batch()),
            taps => Batch::Merged(merged(&mut self.merge, taps, self.opened)),
        }
    }

    /// What came in so far. Of one that is gone it is what it told last.
    pub(crate) fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        let mut sum = LiveCounters::default();
        sum.merged_early = self.merge.early();
        sum.merged_late = self.merge.late();
        for it in &mut self.taps {
            match it.tap.counters() {
                Ok(counters) => it.counters = counters,
                Err(_) if it.state == State::Gone => {}
                Err(error) => return Err(error),
            }
            sum += it.counters;
        }
        Ok(sum)
    }
}

/// The frames that can go on. Takes one batch after the other, the first of the tap that is
/// furthest behind, until there are some: what is ahead waits in its rings meanwhile, and
/// little is copied that must wait here.
fn merged(merge: &mut Merge, taps: &mut [Listened], opened: Instant) -> MergedBatch {
    merge.ask(now(), opened.elapsed());
    let mut ready = Vec::new();
    for (number, it) in (0..).zip(taps.iter()) {
        match it.can_give() && it.tap.may_be_ready() {
            true => ready.push(number),
            false => merge.idle(number),
        }
    }
    loop {
        let next = merge.furthest_behind(ready.iter().copied());
        if let Some(next) = next {
            ready.retain(|tap| *tap != next);
            merge.ask(now(), opened.elapsed());
            merge.take(next, &taps[usize::from(next)].tap.batch());
        }
        let batch = merge.ready();
        if !batch.is_empty() || next.is_none() {
            return batch;
        }
    }
}

impl Frames for Batch<'_> {
    fn count(&self) -> u64 {
        let len = match self {
            Self::Lent(batch) => batch.len(),
            Self::Merged(batch) => batch.len(),
        };
        len as u64
    }

    fn keep(&mut self, wanted: impl FnMut(&Frame<'_>) -> bool) {
        match self {
            Self::Lent(batch) => batch.retain(wanted),
            Self::Merged(batch) => batch.retain(wanted),
        }
    }
}
