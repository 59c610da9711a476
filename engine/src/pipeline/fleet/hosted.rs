//! A merger whose host closes ticks and brings parcels in order, as a transport does that knows
//! what it has lost.
//!
//! Where the lateness is without end, no tick closes otherwise that a tap has not passed.

use super::merger::Merger;

impl Merger {
    /// Closes the ticks up to this one, whatever came of them. Taps have passed it, but those
    /// that are `behind`, which are not asked.
    pub fn close_to(&mut self, tick: u64, behind: &[u16]) {
        let is_behind = |tap| u16::try_from(tap).is_ok_and(|tap| behind.contains(&tap));
        self.closing.tell(tick, is_behind);
        self.step();
    }

    /// Waits no longer for a tap's parcels before this one: they are lost, and refused if they
    /// come.
    pub fn skip_to(&mut self, tap: u16, sequence: u64) {
        if let Some(lane) = self.lanes.get_mut(usize::from(tap)) {
            lane.next = lane.next.max(sequence);
        }
    }
}
