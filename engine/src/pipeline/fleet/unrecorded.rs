//! Frames that left no record, as ARP: a tap's parcels list them with their times, for the merger
//! numbers packets as one process does.
//!
//! Guarantees: where nothing else is there, a tick passes by them; they wait in bounded memory
//! whatever they claim. Costs: 16 bytes each, of [`MOST_UNRECORDED`] at most.

use super::parcel::Contents;
use super::tap::{Tap, tick_of};
use crate::pipeline::batch::Chunk;
use crate::pipeline::clock::TICK;
use crate::time::{Epoch, Timestamp};

/// So many make a parcel whatever their times are.
const MOST_UNRECORDED: usize = 1 << 16;

impl Tap {
    /// Puts frames that left no record into parcels of their own ticks, where a frame of this time
    /// begins another one and there is nothing else; and where there are many of them, into one of
    /// the tick that is open.
    pub(super) fn pass_unrecorded(&mut self, time: Timestamp) {
        while let Some(&(_, first)) = self.state.unrecorded.first() {
            let open = self.state.tick;
            let own = open.map_or(tick_of(first), |open| open.max(tick_of(first)));
            // What claims to be far ahead is believed of packets alone.
            let since = open.map_or(first, |open| Epoch::new(open).start(TICK));
            let since = since.max(self.clock.now());
            let is_near = |time: Timestamp| time.since(since) <= self.clock.believable();
            let is_alone = self.worker.buffered() == 0;
            let is_next = tick_of(time) > own && is_near(first) && is_near(time);
            let tick = match self.state.unrecorded.len() < MOST_UNRECORDED {
                true if is_next && is_alone => own,
                true => return,
                false => open.unwrap_or(own),
            };
            self.state.tick = Some(tick);
            if self.worker.frames > 0 {
                self.flush();
            } else {
                let unrecorded = self.unrecorded_before(None, tick);
                let contents = Contents { unrecorded, ..Contents::empty() };
                self.emit(contents, Chunk::new(), tick, false);
            }
        }
    }

    /// Frames without a record before the packet of a number, but for the last ones if they
    /// belong to the ticks after this one.
    pub(super) fn unrecorded_before(
        &mut self,
        next: Option<u64>,
        tick: u64,
    ) -> Vec<(u64, Timestamp)> {
        let is_before = |it: &(u64, _)| next.is_none_or(|next| it.0 < next);
        let mut count = self.state.unrecorded.partition_point(is_before);
        // Many are held back no longer, whatever they claim.
        let is_bounded = self.state.unrecorded.len() < MOST_UNRECORDED;
        while count > 0
            && is_bounded
            && tick_of(self.state.unrecorded[count - 1].1) > tick
        {
            count -= 1;
        }
        self.state.unrecorded.drain(..count).collect()
    }
}
