//! Hours of contents that are over, until the tick that follows.
//!
//! A shard may be ahead of the ledger within a batch. So what is over is kept with its tick,
//! and the ledger takes it when it has come there, after the alarms of that tick.

use crate::pipeline::clock::TICK;
use crate::signature::{Candidates, Hour};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};

/// Hours that are over, in the order of their ticks.
#[derive(Default)]
pub(crate) struct Hours(Vec<(Timestamp, (u64, Hour))>);

impl Hours {
    /// Keeps those that a packet of this time has ended.
    #[inline]
    pub(super) fn keep(&mut self, candidates: &mut Candidates, time: Timestamp) {
        if !candidates.has_hours() {
            return;
        }
        let tick = Epoch::of(time, TICK).end(TICK);
        self.0.extend(candidates.take_hours().map(|hour| (tick, hour)));
    }

    /// The tick of the first that waits.
    #[inline]
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(tick, _)| *tick)
    }

    /// Takes those of the ticks up to this one, with their keys.
    pub(crate) fn take(&mut self, tick: Timestamp) -> impl Iterator<Item = (u64, Hour)> {
        let count = self.0.partition_point(|(of, _)| *of <= tick);
        self.0.drain(..count).map(|(_, hour)| hour)
    }

    /// Takes those that come after these.
    pub(crate) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

persist!(Hours { 0 });
