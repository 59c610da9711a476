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

    /// Names a tap that has no name in the settings, for what is said of it alone.
    pub fn name_tap(&mut self, tap: u16, name: &str) {
        if let Some(lane) = self.lanes.get_mut(usize::from(tap))
            && lane.counted.name.is_empty()
        {
            name.clone_into(&mut lane.counted.name);
        }
    }

    /// A tap was blind from one tick to another, none of which is closed: parcels of them are
    /// lost, or it was not running. See [`Signature::blind`](crate::signature::Signature::blind).
    pub fn miss(&mut self, tap: u16, from: u64, to: u64) {
        let tap = usize::from(tap);
        if let Some(lane) = self.lanes.get_mut(tap) {
            self.blind.add(tap, from, to);
            lane.counted.blind = self.blind.ticks(tap);
        }
    }

    /// Waits no longer for a tap's parcels before this one: they are lost, and refused if they
    /// come.
    pub fn skip_to(&mut self, tap: u16, sequence: u64) {
        if let Some(lane) = self.lanes.get_mut(usize::from(tap)) {
            lane.next = lane.next.max(sequence);
        }
    }
}
