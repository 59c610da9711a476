//! Packet time: the running maximum in packet order.

/// Packets that must agree with a jump ahead before it is believed.
const WITNESSES: u32 = 16;

/// Turns the timestamps of packets, taken in packet order, into a time that
/// never runs back and that one broken timestamp cannot carry away.
pub(crate) struct Clock {
    now: Option<u64>,
    /// Jumps ahead of more than this many nanoseconds need witnesses.
    believable: u64,
    jump: Option<Jump>,
    /// Packets earlier than the current time, counted at the current time.
    pub(crate) backwards: u64,
    /// Packets that claimed a jump not yet believed, counted at the current time.
    pub(crate) jumps: u64,
}

/// A time ahead that waits to be believed.
struct Jump {
    time: u64,
    witnesses: u32,
}

impl Clock {
    pub(crate) fn new(believable: u64) -> Self {
        Self { now: None, believable, jump: None, backwards: 0, jumps: 0 }
    }

    /// The current time; 0 before the first packet.
    pub(crate) fn now(&self) -> u64 {
        self.now.unwrap_or(0)
    }

    /// The time at which a packet counts.
    pub(crate) fn stamp(&mut self, claimed: u64) -> u64 {
        let Some(now) = self.now else {
            self.now = Some(claimed);
            return claimed;
        };
        if claimed <= now {
            self.backwards += u64::from(claimed < now);
            self.jump = None;
            return now;
        }
        if claimed - now <= self.believable {
            self.jump = None;
            self.now = Some(claimed);
            return claimed;
        }
        let agrees = self
            .jump
            .as_ref()
            .is_some_and(|jump| jump.time.abs_diff(claimed) <= self.believable);
        let witnesses = match &mut self.jump {
            Some(jump) if agrees => {
                jump.witnesses += 1;
                jump.time = jump.time.max(claimed);
                jump.witnesses
            }
            jump => {
                *jump = Some(Jump { time: claimed, witnesses: 0 });
                0
            }
        };
        if witnesses == WITNESSES {
            self.jump = None;
            self.now = Some(claimed);
            return claimed;
        }
        self.jumps += 1;
        now
    }

    /// Moves to a time that the host vouches for.
    pub(crate) fn advance(&mut self, now: u64) {
        if self.now.is_none_or(|current| now > current) {
            self.now = Some(now);
            self.jump = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_the_running_maximum() {
        let mut clock = Clock::new(100);
        let stamps: Vec<u64> = [5, 7, 6, 7, 90].map(|t| clock.stamp(t)).to_vec();
        assert_eq!(stamps, [5, 7, 7, 7, 90]);
        assert_eq!((clock.backwards, clock.jumps), (1, 0));
    }

    #[test]
    fn one_broken_timestamp_moves_nothing() {
        let mut clock = Clock::new(100);
        let stamps: Vec<u64> = [5, 1_000_000, 6, 7].map(|t| clock.stamp(t)).to_vec();
        assert_eq!(stamps, [5, 5, 6, 7]);
        assert_eq!(clock.jumps, 1);
    }

    #[test]
    fn a_jump_is_believed_when_the_next_sixteen_packets_agree() {
        let mut clock = Clock::new(100);
        clock.stamp(5);
        for i in 0..16 {
            assert_eq!(clock.stamp(10_000 + i), 5);
        }
        assert_eq!(clock.stamp(10_016), 10_016);
        assert_eq!((clock.jumps, clock.now()), (16, 10_016));
    }

    #[test]
    fn jumps_that_disagree_with_each_other_are_not_believed() {
        let mut clock = Clock::new(100);
        clock.stamp(5);
        for i in 0..100 {
            assert_eq!(clock.stamp(10_000 + i * 1_000), 5);
        }
    }
}
