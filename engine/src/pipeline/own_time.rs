//! From engine time back to the packets' own time.
//!
//! Engine time never runs back, the packets' clock may. The difference between the two
//! changes where the clock steps; the last [`MOST_STEPS`] such places are kept, so that
//! each time in a finding is given as the packets of that moment had it. Times before the
//! oldest place that is kept are given with its difference.

use super::clock::Clock;
use crate::dark::DarkEvent;
use crate::signature::{DecoyReport, Incident, Signature};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Places that are kept.
const MOST_STEPS: usize = 64;

/// The differences by engine time, in order.
#[derive(Default)]
pub(super) struct OwnTime {
    steps: Vec<Step>,
}

/// From an engine time on, engine time is ahead by so much.
#[derive(Clone, Copy, Default)]
struct Step {
    from: Timestamp,
    ahead: Span,
}

impl OwnTime {
    /// From engine time `from` on, the difference is `ahead`.
    pub(super) fn step(&mut self, from: Timestamp, ahead: Span) {
        self.steps.pop_if(|last| last.from == from);
        if self.steps.len() == MOST_STEPS {
            self.steps.remove(0);
            self.steps[0].from = Timestamp::default();
        }
        self.steps.push(Step { from, ahead });
    }

    /// The difference has always been `ahead`.
    pub(super) fn always(&mut self, ahead: Span) {
        self.steps = vec![Step { from: Timestamp::default(), ahead }];
    }

    /// The packets' own time at an engine time.
    pub(super) fn at(&self, time: Timestamp) -> Timestamp {
        let step = self.steps.iter().rfind(|step| step.from <= time);
        time - step.map_or(Span(0), |step| step.ahead)
    }

    /// Whether both times have always been one.
    pub(super) fn is_engine_time(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Puts every time in a signature into the packets' own.
pub(super) fn restore(it: &mut Signature, clock: &Clock) {
    let samples = it.samples.iter_mut().map(|sample| &mut sample.time);
    let relays = it.relays.iter_mut();
    relays
        .flat_map(|relay| relay.received_at.iter_mut().chain([&mut relay.sent_at]))
        .chain(samples)
        .chain(it.first_sighting.iter_mut().map(|first| &mut first.time))
        .chain([&mut it.first_seen, &mut it.last_seen, &mut it.detected_at])
        .for_each(|time| *time = clock.own_time().at(*time));
}

/// The same of an incident.
pub(super) fn restore_incident(incident: &mut Incident, clock: &Clock) {
    let hosts = incident.hosts.iter_mut().filter_map(|host| host.first_seen.as_mut());
    let own =
        [&mut incident.first_seen, &mut incident.last_seen, &mut incident.detected_at];
    hosts.chain(own).for_each(|time| *time = clock.own_time().at(*time));
}

/// The same of an event at dark addresses.
pub(super) fn restore_event(event: &mut DarkEvent, clock: &Clock) {
    event.times_mut().into_iter().for_each(|time| *time = clock.own_time().at(*time));
}

/// The same of a report of a decoy.
pub(super) fn restore_report(report: &mut DecoyReport, clock: &Clock) {
    let suspects = report.suspects.iter_mut().map(|it| &mut it.time);
    suspects.chain([&mut report.time]).for_each(|it| *it = clock.own_time().at(*it));
}

persist!(OwnTime { steps });
persist!(Step { from, ahead });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_the_difference_of_its_moment() {
        let mut own = OwnTime::default();
        let step = |own: &mut OwnTime, from, ahead| {
            own.step(Timestamp::from_nanos(from), Span(ahead));
        };
        let at = |own: &OwnTime, time| own.at(Timestamp::from_nanos(time)).as_nanos();
        assert!(own.is_engine_time());
        assert_eq!(at(&own, 7), 7);
        step(&mut own, 100, 40);
        step(&mut own, 200, 0);
        step(&mut own, 200, 50);
        let times: Vec<u64> =
            [99, 100, 199, 200, 300].map(|time| at(&own, time)).to_vec();
        assert_eq!(times, [99, 60, 159, 150, 250]);
        own.always(Span(10));
        assert_eq!((at(&own, 5), at(&own, 50)), (0, 40));
        for i in 1..=200 {
            step(&mut own, i * 1_000, i);
        }
        assert_eq!(own.steps.len(), MOST_STEPS);
        assert_eq!(at(&own, 200_000), 199_800);
        assert_eq!(at(&own, 137_000), 136_863, "the oldest that is kept");
        assert_eq!(at(&own, 500), 363, "and what was before it");
    }
}
