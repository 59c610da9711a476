//! Counts of messages that were refused.

use crate::Refusal;

/// Messages refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// [`Refusal::Damaged`].
    pub damaged: u64,
    /// [`Refusal::Version`].
    pub version: u64,
    /// [`Refusal::Fleet`].
    pub fleet: u64,
    /// [`Refusal::Kind`].
    pub kind: u64,
    /// [`Refusal::Tap`].
    pub tap: u64,
}

impl Refusals {
    pub(crate) fn count(&mut self, why: Refusal) {
        *match why {
            Refusal::Damaged => &mut self.damaged,
            Refusal::Version => &mut self.version,
            Refusal::Fleet => &mut self.fleet,
            Refusal::Kind => &mut self.kind,
            Refusal::Tap => &mut self.tap,
        } += 1;
    }
}
