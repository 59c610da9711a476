//! Packet time: the running maximum in packet order.

use super::alarms::TICK;
use crate::packet::Timestamp;
use crate::signature::Finding;
use crate::state::persist;

/// Packets that must agree with a jump ahead, or behind the very first packet,
/// before it is believed.
const WITNESSES: u32 = 16;

/// The last time that counts, 2262-04-11: what lies beyond is counted as this, so
/// that windows can be added to any time.
const LAST: u64 = i64::MAX as u64;

/// Turns the timestamps of packets, taken in packet order, into a time that
/// never runs back and that one broken timestamp cannot carry away.
///
/// The first packet has nothing to be held against. Should the packets after it
/// agree on an earlier time, time goes on from where it is, and `ahead` is what
/// it is ahead of theirs by.
pub(crate) struct Clock {
    now: Option<u64>,
    /// Jumps of more than this many nanoseconds need witnesses.
    believable: u64,
    jump: Option<Jump>,
    /// Packets near the first one's time, until there are [`WITNESSES`] of them.
    confirmed: u32,
    /// By how many nanoseconds, whole ticks, this clock is ahead of the packets'.
    ahead: u64,
    /// Packets earlier than the current time, counted at the current time.
    pub(crate) backwards: u64,
    /// Those of them that are earlier by more than `believable`.
    pub(crate) far_backwards: u64,
    /// Packets that claimed a jump not yet believed, counted at the current time.
    pub(crate) jumps: u64,
}

/// A time far away that waits to be believed.
#[derive(Default)]
struct Jump {
    forward: bool,
    /// The latest time claimed by those that agree.
    time: u64,
    witnesses: u32,
}

impl Clock {
    pub(crate) fn new(believable: u64) -> Self {
        Self {
            now: None,
            believable,
            jump: None,
            confirmed: 0,
            ahead: 0,
            backwards: 0,
            far_backwards: 0,
            jumps: 0,
        }
    }

    /// The current time; 0 before the first packet.
    pub(crate) fn now(&self) -> u64 {
        self.now.unwrap_or(0)
    }

    /// What to take off a time of this clock to get the packets' own.
    pub(crate) fn ahead(&self) -> u64 {
        self.ahead
    }

    /// The time at which a packet counts.
    pub(crate) fn stamp(&mut self, claimed: u64) -> u64 {
        let claimed = self.own(claimed);
        let Some(now) = self.now else {
            self.now = Some(claimed);
            return claimed;
        };
        let distance = claimed.abs_diff(now);
        if distance <= self.believable {
            self.backwards += u64::from(claimed < now);
            self.jump = None;
            self.confirmed = (self.confirmed + 1).min(WITNESSES);
            let now = now.max(claimed);
            self.now = Some(now);
            return now;
        }
        let forward = claimed > now;
        if !forward {
            self.backwards += 1;
            self.far_backwards += 1;
            if self.confirmed == WITNESSES {
                self.jump = None;
                return now;
            }
        }
        if self.is_witnessed(claimed, forward) {
            self.jump = None;
            return self.believe(claimed, now);
        }
        self.jumps += u64::from(forward);
        now
    }

    /// Whether enough packets have said the same by now, this one included.
    fn is_witnessed(&mut self, claimed: u64, forward: bool) -> bool {
        match &mut self.jump {
            Some(jump)
                if jump.forward == forward
                    && jump.time.abs_diff(claimed) <= self.believable =>
            {
                jump.witnesses += 1;
                jump.time = jump.time.max(claimed);
                jump.witnesses == WITNESSES
            }
            jump => {
                *jump = Some(Jump { forward, time: claimed, witnesses: 0 });
                false
            }
        }
    }

    fn believe(&mut self, claimed: u64, now: u64) -> u64 {
        // Whole ticks, so that findings keep falling on whole seconds.
        let behind = now.saturating_sub(claimed).div_ceil(TICK) * TICK;
        self.ahead += behind;
        self.confirmed = WITNESSES;
        self.now = Some(claimed + behind);
        claimed + behind
    }

    /// Moves to a time that the host vouches for.
    pub(crate) fn advance(&mut self, now: u64) {
        let now = self.own(now);
        if self.now.is_none_or(|current| now > current) {
            self.now = Some(now);
            self.jump = None;
        }
    }

    fn own(&self, time: u64) -> u64 {
        time.min(LAST) + self.ahead
    }
}

/// Takes `by` nanoseconds off every time in a finding.
pub(crate) fn set_back(finding: &mut Finding, by: u64) {
    let (Finding::Signature(it) | Finding::Update(it) | Finding::Summary(it)) = finding;
    let samples = it.samples.iter_mut().map(|sample| &mut sample.time);
    let relays = it.relays.iter_mut();
    relays
        .flat_map(|relay| relay.received_at.iter_mut().chain([&mut relay.sent_at]))
        .chain(samples)
        .chain([&mut it.first_seen, &mut it.last_seen, &mut it.detected_at])
        .for_each(|time| {
            *time = Timestamp::from_nanos(time.as_nanos().saturating_sub(by));
        });
}

persist!(Clock { now, jump, confirmed, ahead, backwards, far_backwards, jumps; believable });
persist!(Jump { forward, time, witnesses });

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

    #[test]
    fn a_first_packet_far_ahead_of_all_others_is_not_believed_for_long() {
        for first in [u64::MAX - 5, 40 * TICK + 7] {
            let mut clock = Clock::new(2 * TICK);
            let start = clock.stamp(first);
            for i in 0..16 {
                assert_eq!(clock.stamp(5 * TICK + i), start);
            }
            // From now on time follows the others.
            let then = clock.stamp(5 * TICK + 16);
            assert!((start..start + TICK).contains(&then));
            assert_eq!(then - clock.ahead(), 5 * TICK + 16);
            assert_eq!(clock.ahead() % TICK, 0);
            assert_eq!(clock.stamp(6 * TICK) - clock.ahead(), 6 * TICK);
            assert_eq!((clock.backwards, clock.far_backwards), (17, 17));
            // A first time is put right once.
            for i in 0..100 {
                let now = clock.now();
                assert_eq!(clock.stamp(i), now);
            }
        }
    }

    #[test]
    fn sixteen_packets_settle_the_first_time() {
        let mut clock = Clock::new(100);
        (0..17).for_each(|i| _ = clock.stamp(1_000 + i));
        for i in 0..100 {
            assert_eq!(clock.stamp(i), 1_016);
        }
        assert_eq!((clock.ahead(), clock.far_backwards), (0, 100));
    }

    #[test]
    fn times_near_the_end_of_numbers_leave_room_for_windows() {
        let mut clock = Clock::new(u64::MAX);
        assert!(clock.stamp(u64::MAX) <= u64::MAX / 2);
        clock.advance(u64::MAX);
        assert!(clock.now() <= u64::MAX / 2);
    }
}
