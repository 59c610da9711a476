//! Victims of floods under forged addresses: one service that answers many dark addresses.

use super::activities::{Activity, Kind};
use super::class::Arrival;
use super::event::{DarkEvent, VictimEvent};
use super::rate::Extent;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Packets, distinct dark addresses and time from which on it is a flood.
const LEAST_PACKETS: u64 = 25;
const LEAST_DESTINATIONS: u64 = 10;
const LEAST_TIME: Span = Span::from_secs(60);

/// A minute slides in steps of ten seconds.
const STEPS: u64 = 6;
const STEP: Span = Span::from_secs(10);

/// Its busiest minute.
#[derive(Default)]
pub(super) struct Victim {
    /// Packets in each of the last steps, by the step's number.
    steps: [u32; STEPS as usize],
    step: u64,
    /// The most packets in a minute.
    peak: u32,
}

impl Kind for Victim {
    /// CAIDA's 30 packets a minute on a /8 (Corsaro, plugin `dos`).
    const LEAST_RATE: f64 = 128.0;

    fn note(&mut self, _: &Arrival, time: Timestamp) {
        let step = time.as_nanos() / STEP.0;
        for passed in self.step.max(step.saturating_sub(STEPS)) + 1..=step {
            self.steps[(passed % STEPS) as usize] = 0;
        }
        self.step = step;
        let now = &mut self.steps[(step % STEPS) as usize];
        *now = now.saturating_add(1);
        let minute = self.steps.iter().fold(0, |sum: u32, it| sum.saturating_add(*it));
        self.peak = self.peak.max(minute);
    }

    fn event(victim: &Activity<Self>, extent: Extent, ended: bool) -> Option<DarkEvent> {
        let (destinations, precision) = victim.reached();
        let is_v4 = !victim.subject.host.is_v6();
        let rate = extent.rate(victim.packets, victim.lasted()).filter(|_| is_v4);
        let peak = rate.map(|_| extent.of_minute(victim.kind.peak));
        if victim.packets < LEAST_PACKETS
            || destinations < LEAST_DESTINATIONS
            || victim.lasted() < LEAST_TIME
            || peak.is_some_and(|peak| peak < Self::LEAST_RATE)
        {
            return None;
        }
        Some(DarkEvent::Victim(VictimEvent {
            id: victim.subject.id("victim", victim.first_seen),
            victim: victim.subject.host,
            protocol: victim.subject.protocol,
            port: victim.subject.port,
            packets: victim.packets,
            destinations,
            precision,
            rate,
            peak_rate: peak,
            first_seen: victim.first_seen,
            last_seen: victim.last_seen,
            ended,
        }))
    }
}

persist!(Victim { steps, step, peak });
