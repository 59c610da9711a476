//! Packet time: it never runs back, whatever the packets' clock does.
//!
//! Each packet claims a time of its own, and is counted at *engine time*, the running
//! maximum in packet order. What one packet or a few claim far from it is not believed:
//! they count at the current time. When [`WITNESSES`] packets in a row agree on another
//! time, the clock has stepped:
//!
//! - forward: the time in between has passed, and windows with it;
//! - back, by whatever: engine time goes on from where it stands, as if no time had passed,
//!   and is from now on ahead of the packets by the difference. No table ever runs back:
//!   windows, epochs and relays go on, and findings give the packets' own time
//!   (`own_time`);
//! - to and fro between two clocks: back to a time line left not long ago, no time has
//!   passed either.
//!
//! All of it is decided by packets in packet order. A step costs the time resolution of
//! the packets that bear witness to it; a packet, one comparison or two.

use super::own_time::OwnTime;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Alarms are gathered at whole multiples of this.
pub(crate) const TICK: Span = Span::from_secs(1);

/// Packets in a row that must agree with one on another time before it is believed.
pub(crate) const WITNESSES: u32 = 16;

/// The last time that a packet may claim, 2262-04-11: what lies beyond is counted as this.
pub(crate) const LAST: Timestamp = Timestamp::from_nanos(i64::MAX as u64);

/// Engine time ends here, so that windows can be added to any.
const CEILING: Timestamp = Timestamp::from_nanos(u64::MAX / 4 * 3);

/// Packets that are late by up to this much are out of order; no clock has stepped.
const LATE: Span = Span::from_secs(2);

/// Once engine time is ahead of the packets, a jump forward counts as no more than this
/// (or what is believable, if that is more): all windows are over then, by default two
/// prevalence windows of a day among them, and a clock that goes to and fro between years
/// does not use up the years there are.
const LONGEST_GAP: Span = Span::from_secs(2 * 86_400);

/// How long a time line is remembered after it was left.
const LEFT_FOR: Span = Span::from_secs(600);

/// Time lines that are remembered at once.
const MOST_LEFT: usize = 4;

/// Turns the timestamps of packets, taken in packet order, into engine time.
pub(crate) struct Clock {
    now: Option<Timestamp>,
    /// Jumps forward of more than this need witnesses.
    believable: Span,
    /// So do jumps back of more than this.
    late: Span,
    jump: Option<Jump>,
    /// Packets near the first one's time, until there are [`WITNESSES`] of them.
    confirmed: u32,
    /// By how much, whole ticks, engine time is ahead of the packets'.
    ahead: Span,
    left: Vec<Left>,
    own_time: OwnTime,
    /// Packets earlier than the current time, counted at the current time.
    pub(crate) backwards: u64,
    /// Those of them that are earlier by more than `believable`.
    pub(crate) far_backwards: u64,
    /// Packets that claimed a jump forward not yet believed, counted at the current time.
    pub(crate) jumps: u64,
    /// Steps back that were believed.
    pub(crate) steps_back: u64,
    /// The first of them: from and to, in the packets' own time.
    pub(crate) first_step_back: (Timestamp, Timestamp),
}

/// A time far away that waits to be believed.
#[derive(Default)]
struct Jump {
    forward: bool,
    /// The latest time claimed by those that agree.
    time: Timestamp,
    witnesses: u32,
}

/// A time line that was left.
#[derive(Default)]
struct Left {
    /// Its last time, as packets claimed it.
    last: Timestamp,
    /// The same in engine time.
    at: Timestamp,
    ahead: Span,
}

impl Clock {
    pub(crate) fn new(believable: Span) -> Self {
        Self {
            now: None,
            believable,
            late: LATE.min(believable),
            jump: None,
            confirmed: 0,
            ahead: Span(0),
            left: Vec::new(),
            own_time: OwnTime::default(),
            backwards: 0,
            far_backwards: 0,
            jumps: 0,
            steps_back: 0,
            first_step_back: Default::default(),
        }
    }

    /// The current engine time; 0 before the first packet.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.unwrap_or_default()
    }

    /// What the packets' own time was, by engine time.
    pub(super) fn own_time(&self) -> &OwnTime {
        &self.own_time
    }

    /// Jumps forward of more than this need witnesses.
    pub(crate) fn believable(&self) -> Span {
        self.believable
    }

    /// The engine time at which a packet counts.
    pub(crate) fn stamp(&mut self, claimed: Timestamp) -> Timestamp {
        let claimed = claimed.min(LAST);
        let time = self.engine_time(claimed);
        let Some(now) = self.now else {
            self.now = Some(time);
            return time;
        };
        let (near, forward) = (self.is_near(claimed, time, now), time > now);
        if !forward {
            self.backwards += u64::from(time < now);
            self.far_backwards += u64::from(now.since(time) > self.believable);
        }
        if near {
            self.jump = None;
            self.confirmed = (self.confirmed + 1).min(WITNESSES);
            let now = now.max(time);
            self.now = Some(now);
            return now;
        }
        if self.is_witnessed(claimed, forward) {
            self.jump = None;
            return self.step(claimed, time, now);
        }
        self.jumps += u64::from(forward);
        now
    }

    /// Whether a packet goes on where the ones before it were.
    #[inline]
    fn is_near(&self, claimed: Timestamp, time: Timestamp, now: Timestamp) -> bool {
        let apart = time.apart(now);
        apart <= self.late
            || time > now && apart <= self.believable && self.line(claimed, now).is_none()
    }

    /// Whether enough packets have said the same by now, this one included.
    fn is_witnessed(&mut self, claimed: Timestamp, forward: bool) -> bool {
        match &mut self.jump {
            // They follow each other as packets of one clock do.
            Some(jump)
                if jump.forward == forward
                    && claimed + self.late >= jump.time
                    && claimed <= jump.time + self.believable =>
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

    /// The time line that this time goes on with, of those left not long ago: either it
    /// stood still in the meantime, or it ran on. There is some play, for engine time passes
    /// more slowly where packets bear witness; less between lines that lie close, so that
    /// an ordinary gap is not taken for a return.
    fn line(&self, claimed: Timestamp, now: Timestamp) -> Option<usize> {
        self.left.iter().position(|line| {
            let since = now.since(line.at);
            let apart = line.ahead.0.abs_diff(self.ahead.0);
            let play = (self.late * 8).min(Span(apart / 2));
            let ran_on = (claimed + line.ahead).apart(now) <= play;
            let stood_still =
                claimed + self.late >= line.last && claimed <= line.last + play;
            since <= self.remembered() && (ran_on || stood_still)
        })
    }

    /// For how long a time line that was left is remembered.
    fn remembered(&self) -> Span {
        LEFT_FOR.min(self.believable)
    }

    /// Goes over to the time that was borne witness to.
    fn step(&mut self, claimed: Timestamp, time: Timestamp, now: Timestamp) -> Timestamp {
        let own_now = now - self.ahead;
        let known = self.line(claimed, now).map(|line| self.left.remove(line));
        let remembered = self.remembered();
        self.left.retain(|line| now.since(line.at) <= remembered);
        if self.left.len() == MOST_LEFT {
            self.left.remove(0);
        }
        self.left.push(Left { last: own_now, at: now, ahead: self.ahead });
        let not_before = match known {
            Some(line) => {
                let ran_on = claimed + line.ahead;
                if ran_on.apart(now) <= self.late {
                    self.ahead = line.ahead;
                    return self.go_on(ran_on.max(now), now);
                }
                now
            }
            None if time > now && self.ahead == Span(0) => time,
            None if time > now => {
                now + time.since(now).min(LONGEST_GAP.max(self.believable))
            }
            None => now,
        };
        // Whole ticks, so that findings keep falling on whole seconds.
        self.ahead = TICK * not_before.since(claimed).0.div_ceil(TICK.0);
        if claimed < own_now && self.confirmed < WITNESSES {
            // The first packet has nothing to be held against: it was wrong, and so was
            // all that was reported by it.
            self.own_time.always(self.ahead);
            self.left.clear();
        } else if claimed < own_now {
            self.steps_back += 1;
            if self.steps_back == 1 {
                self.first_step_back = (own_now, claimed);
            }
        }
        self.confirmed = WITNESSES;
        self.go_on(claimed + self.ahead, now)
    }

    /// Moves on to `time`. What counted at the time `before` were witnesses: they are
    /// reported at the time that they bore witness to.
    fn go_on(&mut self, time: Timestamp, before: Timestamp) -> Timestamp {
        let time = time.min(CEILING);
        self.own_time.step(before, self.ahead);
        self.now = Some(time);
        time
    }

    /// Moves to a time that the host vouches for.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let now = self.engine_time(now.min(LAST));
        if self.now.is_none_or(|current| now > current) {
            self.now = Some(now);
            self.jump = None;
        }
    }

    fn engine_time(&self, claimed: Timestamp) -> Timestamp {
        (claimed + self.ahead).min(CEILING)
    }
}

persist!(Clock {
    now, jump, confirmed, ahead, left, own_time, backwards, far_backwards, jumps, steps_back,
    first_step_back; believable, late
});
persist!(Jump { forward, time, witnesses });
persist!(Left { last, at, ahead });

#[cfg(test)]
mod tests {
    use super::*;

    // Plain numbers of nanoseconds, so that sums are those of the tests themselves.
    const TICK: u64 = super::TICK.0;
    const LATE: u64 = super::LATE.0;
    const LAST: u64 = super::LAST.as_nanos();
    const CEILING: u64 = super::CEILING.as_nanos();
    const HOUR: u64 = 3_600 * TICK;
    const YEAR: u64 = 365 * 24 * HOUR;
    /// A dispersion window.
    const WINDOW: u64 = 600 * TICK;

    fn clock_of(believable: u64) -> Clock {
        Clock::new(Span(believable))
    }

    fn stamp(clock: &mut Clock, claimed: u64) -> u64 {
        clock.stamp(Timestamp::from_nanos(claimed)).as_nanos()
    }

    fn now(clock: &Clock) -> u64 {
        clock.now().as_nanos()
    }

    fn own_at(clock: &Clock, time: u64) -> u64 {
        clock.own_time().at(Timestamp::from_nanos(time)).as_nanos()
    }

    /// Packets of one clock, a tenth of a second apart.
    fn run(clock: &mut Clock, from: u64, packets: u64) -> u64 {
        (0..packets).for_each(|i| _ = stamp(clock, from + i * TICK / 10));
        from + packets * TICK / 10
    }

    fn own(clock: &Clock) -> u64 {
        own_at(clock, now(clock))
    }

    #[test]
    fn time_is_the_running_maximum() {
        let mut clock = clock_of(100);
        let stamps: Vec<u64> = [5, 7, 6, 7, 90].map(|t| stamp(&mut clock, t)).to_vec();
        assert_eq!(stamps, [5, 7, 7, 7, 90]);
        assert_eq!((clock.backwards, clock.jumps), (1, 0));
    }

    #[test]
    fn one_broken_timestamp_moves_nothing() {
        let mut clock = clock_of(100);
        let stamps: Vec<u64> =
            [5, 1_000_000, 6, 7].map(|t| stamp(&mut clock, t)).to_vec();
        assert_eq!(stamps, [5, 5, 6, 7]);
        assert_eq!(clock.jumps, 1);
    }

    #[test]
    fn a_jump_is_believed_when_the_next_sixteen_packets_agree() {
        let mut clock = clock_of(100);
        stamp(&mut clock, 5);
        for i in 0..16 {
            assert_eq!(stamp(&mut clock, 10_000 + i), 5);
        }
        assert_eq!(stamp(&mut clock, 10_016), 10_016);
        assert_eq!((clock.jumps, now(&clock)), (16, 10_016));
        assert_eq!(own(&clock), 10_016);
    }

    #[test]
    fn jumps_that_disagree_with_each_other_are_not_believed() {
        let mut clock = clock_of(100);
        stamp(&mut clock, 5);
        for i in 0..100 {
            assert_eq!(stamp(&mut clock, 10_000 + i * 1_000), 5);
        }
        let mut clock = clock_of(WINDOW);
        run(&mut clock, 90 * HOUR, 100);
        let now = now(&clock);
        for i in 0..100 {
            assert_eq!(stamp(&mut clock, (80 - i % 2) * HOUR + i), now);
        }
    }

    #[test]
    fn a_step_back_is_believed_when_the_next_sixteen_packets_agree() {
        for back in [3 * TICK, 300 * TICK, HOUR, 40 * 24 * HOUR, YEAR] {
            let mut clock = clock_of(WINDOW);
            let end = run(&mut clock, YEAR + 5, 100);
            let now = now(&clock);
            let after = end - back;
            for i in 0..16 {
                assert_eq!(stamp(&mut clock, after + i), now, "not yet");
            }
            let then = stamp(&mut clock, after + 16);
            assert!((now..=now + TICK).contains(&then), "engine time goes on");
            assert_eq!(own(&clock), after + 16);
            assert_eq!(
                own_at(&clock, now - TICK),
                now - TICK,
                "as it was reported before"
            );
            assert_eq!(clock.ahead.0 % TICK, 0);
            assert_eq!(stamp(&mut clock, after + TICK), then - 16 + TICK);
            let step = [now, after + 16].map(Timestamp::from_nanos);
            assert_eq!((clock.steps_back, clock.first_step_back), (1, step.into()));
        }
    }

    #[test]
    fn a_few_packets_from_the_past_move_nothing() {
        let mut clock = clock_of(WINDOW);
        let mut at = run(&mut clock, 9 * HOUR, 50);
        for round in 0..100 {
            for forged in 0..16 {
                assert_eq!(stamp(&mut clock, HOUR + forged * round), now(&clock));
            }
            assert_eq!(stamp(&mut clock, at), at);
            at += TICK;
        }
        assert_eq!((clock.steps_back, clock.ahead), (0, Span(0)));
        assert_eq!((clock.backwards, clock.far_backwards), (1_600, 1_600));
    }

    #[test]
    fn packets_that_are_late_are_no_step() {
        let mut clock = clock_of(WINDOW);
        run(&mut clock, HOUR, 100);
        let now = now(&clock);
        for i in 0..100 {
            assert_eq!(stamp(&mut clock, now - LATE + i), now);
        }
        assert_eq!((clock.steps_back, clock.backwards, clock.far_backwards), (0, 100, 0));
    }

    #[test]
    fn a_first_packet_far_ahead_of_all_others_is_not_believed_for_long() {
        for first in [u64::MAX - 5, 40 * TICK + 7] {
            let mut clock = clock_of(2 * TICK);
            let start = stamp(&mut clock, first);
            for i in 0..16 {
                assert_eq!(stamp(&mut clock, 5 * TICK + i), start);
            }
            // From now on time follows the others.
            let then = stamp(&mut clock, 5 * TICK + 16);
            assert!((start..start + TICK).contains(&then));
            assert_eq!(own(&clock), 5 * TICK + 16);
            assert!(own_at(&clock, start) <= 5 * TICK + 16, "it never was true");
            stamp(&mut clock, 6 * TICK);
            assert_eq!(own(&clock), 6 * TICK);
            assert_eq!((clock.backwards, clock.far_backwards), (17, 17));
            assert_eq!(clock.steps_back, 0, "no clock has stepped");
        }
    }

    /// Each stretch of five seconds begins an hour before the end of the one before.
    #[test]
    fn steps_back_again_and_again_cost_no_time() {
        let mut clock = clock_of(WINDOW);
        let start = 3_000 * HOUR;
        let mut at = start;
        for round in 0..2_000 {
            let end = run(&mut clock, at, 50);
            assert_eq!(own(&clock), end - TICK / 10, "{round}");
            at = end - HOUR;
        }
        assert_eq!(clock.steps_back, 1_999);
        // At most a tick a step, and the packets that bear witness stand still.
        assert!(now(&clock) - start <= 2_000 * 6 * TICK);
    }

    #[test]
    fn to_and_fro_between_two_clocks_time_goes_on_as_one() {
        for apart in [5 * TICK, HOUR, 2 * YEAR] {
            let mut clock = clock_of(WINDOW);
            let start = 3 * YEAR;
            for round in 0..2_000 {
                // Both run on in parallel, and come in runs.
                let at =
                    start + round * 4 * TICK - if round % 2 == 1 { apart } else { 0 };
                run(&mut clock, at, 40);
            }
            let passed = now(&clock) - start;
            // 8,000 s have passed; packets that bear witness stand still, and a step costs
            // up to a tick.
            assert!(passed <= 16_000 * TICK, "{apart}: {} s", passed / TICK);
            assert!(passed >= 4_000 * TICK, "{apart}: {} s", passed / TICK);
        }
    }

    /// After a step back, a packet each few seconds: time goes on with them, also where it
    /// comes to the old time again.
    #[test]
    fn sparse_packets_after_a_step_back_are_no_return() {
        for (back, gap) in [(100, 5), (300, 3), (30, 7), (5, 4)] {
            let mut clock = clock_of(WINDOW);
            let end = run(&mut clock, HOUR, 100);
            let mut at = run(&mut clock, end - back * TICK, 20);
            let before = now(&clock);
            for _ in 0..1_000 {
                at += gap * TICK;
                stamp(&mut clock, at);
            }
            let passed = now(&clock) - before;
            let all = 1_000 * gap * TICK;
            assert!(passed <= all + 10 * TICK, "{back}, {gap}: {} s", passed / TICK);
            assert!(passed >= all - 200 * TICK, "{back}, {gap}: {} s", passed / TICK);
        }
    }

    #[test]
    fn far_jumps_to_and_fro_do_not_use_up_the_years() {
        let mut clock = clock_of(WINDOW);
        for round in 0..2_000_u64 {
            let at = [u64::MAX - YEAR, YEAR][round as usize % 2];
            // Longer than a time line is remembered.
            run(&mut clock, at, 7_000);
            assert_eq!(
                own(&clock),
                at.min(LAST) + if at < LAST { 6_999 * TICK / 10 } else { 0 }
            );
        }
        assert!(now(&clock) < CEILING - 100 * YEAR);
    }

    #[test]
    fn a_gap_after_a_step_back_has_passed() {
        let mut clock = clock_of(WINDOW);
        let end = run(&mut clock, YEAR, 100);
        let end = run(&mut clock, end - 5 * HOUR, 100);
        let before = now(&clock);
        run(&mut clock, end + 2 * HOUR, 20);
        assert!(now(&clock) - before >= 2 * HOUR);
        assert_eq!(own(&clock), end + 2 * HOUR + 19 * TICK / 10);
    }

    #[test]
    fn times_near_the_end_of_numbers_leave_room_for_windows() {
        let mut clock = clock_of(u64::MAX);
        assert!(stamp(&mut clock, u64::MAX) <= u64::MAX / 2);
        clock.advance(Timestamp::MAX);
        assert!(now(&clock) <= u64::MAX / 2);
        // However far ahead engine time is, no sum overflows.
        let mut clock = clock_of(100);
        for round in 0..40 {
            for i in 0..17 {
                stamp(&mut clock, [u64::MAX - 17, 0][round % 2] + i);
            }
            clock.advance(Timestamp::MAX);
            assert!(now(&clock) <= CEILING);
        }
    }
}
