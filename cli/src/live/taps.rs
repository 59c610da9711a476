//! All interfaces that frames are read from.
//!
//! Frames of one go on as they lie in its rings; those of several are copied and put in the
//! order of their times.

use super::lines::now;
use super::tap::Tap;
use crate::args::LiveArgs;
use crate::input::selection::Frames;
use crate::output::exit_code::Failure;
use std::time::{Duration, Instant};
use wormsift::packet::{Frame, Timestamp};
use wormsift::pipeline::FrameList;
use wormsift_capture::live::{
    BpfProgram, LiveBatch, LiveCounters, LiveError, Merge, MergedBatch, Rings,
};

/// How long an interface may wait while another is looked at.
const TURN: Duration = Duration::from_millis(10);

/// Interfaces that are open.
pub(super) struct Taps {
    /// By the number of the tap.
    taps: Vec<Tap>,
    merge: Merge,
    /// Whether nothing more is received, so that nothing need wait.
    is_over: bool,
}

/// Frames in order.
pub(super) enum Batch<'a> {
    /// In the rings of the one interface.
    Lent(LiveBatch<'a>),
    Merged(MergedBatch),
}

impl Taps {
    /// Opens the interfaces as the arguments say.
    pub(super) fn open(args: &LiveArgs) -> Result<Self, Failure> {
        let taps = args.interfaces.names().map(|name| Tap::open(args, name));
        let taps = taps.collect::<Result<_, _>>()?;
        Ok(Self { taps, merge: Merge::default(), is_over: false })
    }

    /// Bytes of memory that frames come in through.
    pub(super) fn memory_bytes(&self) -> usize {
        self.taps.iter().map(Tap::memory_bytes).sum()
    }

    /// Lets only this through from now on.
    pub(super) fn set_filter(&self, program: &BpfProgram) -> Result<(), LiveError> {
        self.taps.iter().try_for_each(|tap| tap.set_filter(program))
    }

    /// Nothing that comes in after this is lent.
    pub(super) fn stop_receiving(&mut self) -> Result<(), LiveError> {
        self.taps.iter_mut().try_for_each(Tap::stop_receiving)
    }

    /// Nothing waits any longer for what other interfaces received before it.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// Waits for frames; whether there are some. Of several interfaces one that is down does
    /// not keep the others waiting.
    pub(super) fn wait(&mut self, time: Duration) -> Result<bool, LiveError> {
        if let [tap] = &mut self.taps[..] {
            return tap.wait(time);
        }
        let begun = Instant::now();
        loop {
            let mut failed = None;
            let mut is_ready = false;
            for (at, tap) in (0..).zip(&mut self.taps) {
                match tap.wait(if at == 0 { TURN } else { Duration::ZERO }) {
                    Ok(ready) => is_ready |= ready,
                    Err(error) => failed = Some(error),
                }
            }
            match failed {
                Some(error) => return Err(error),
                None if is_ready || begun.elapsed() >= time => return Ok(is_ready),
                None => {}
            }
        }
    }

    /// The name of one that is not there any more.
    pub(super) fn gone(&self) -> Option<&str> {
        self.taps.iter().find(|tap| !tap.is_present()).map(Tap::name)
    }

    /// The name of one that is down.
    pub(super) fn down(&self) -> Option<&str> {
        self.taps.iter().find(|tap| !tap.is_up()).map(Tap::name)
    }

    /// The frames that are ready.
    pub(super) fn batch(&mut self) -> Batch<'_> {
        if self.taps.len() == 1 {
            return Batch::Lent(self.taps[0].batch());
        }
        for (number, tap) in (0..).zip(&mut self.taps) {
            self.merge.take(number, &tap.batch());
        }
        let until = match self.is_over {
            true => Timestamp::MAX,
            false => {
                let wait = Rings::HAND_OVER.as_nanos() as u64;
                Timestamp::from_nanos(now().as_nanos().saturating_sub(wait))
            }
        };
        Batch::Merged(self.merge.ready(until))
    }

    /// What came in so far.
    pub(super) fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        let mut sum = LiveCounters::default();
        sum.merged_early = self.merge.early();
        for tap in &mut self.taps {
            sum += tap.counters()?;
        }
        Ok(sum)
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
