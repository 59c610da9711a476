//! Event scheduler: handles the events of a process in order of time and gives out the
//! frames that they send.
//!
//! Every scenario and every kind of background traffic is a [`Process`]. It handles one
//! event at a time, sends frames over a [`Link`] and schedules further events; events of
//! one time are handled in the order in which they were scheduled. Frames of an event must
//! not be earlier than the event: a frame leaves once all events up to its time are
//! handled. Memory holds the frames and events to come, so that a capture may be of any
//! length.

use crate::event_queue::EventQueue;
use crate::link::Link;
use crate::rng::Rng;
use crate::time::LAST_START_NS;
use crate::traffic::{Mark, Parameters, Planted, Traffic};

/// What happens, event by event.
pub(crate) trait Process: Send + 'static {
    /// One thing that can happen.
    type Event: Send;

    /// Schedules the first events, at `start_ns` or later.
    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Self::Event>);

    /// Handles one event.
    fn handle(
        &mut self,
        time_ns: u64,
        event: Self::Event,
        schedule: &mut Schedule<Self::Event>,
    );

    /// When the capture ends, once that is known.
    fn ends_at(&self) -> Option<u64> {
        None
    }

    /// What has been planted so far.
    fn planted(&self) -> Planted {
        Planted::default()
    }
}

/// What a process works with: random numbers, the link, and the events to come.
#[derive(Debug)]
pub(crate) struct Schedule<E> {
    pub(crate) rng: Rng,
    pub(crate) link: Link,
    events: EventQueue<E>,
}

impl<E> Schedule<E> {
    /// Schedules an event, unless it is too late for anything to start.
    pub(crate) fn at(&mut self, time_ns: u64, event: E) {
        if time_ns <= LAST_START_NS {
            self.events.push(time_ns, event);
        }
    }

    /// Schedules an event after a random time, as of events that come at this mean rate a
    /// second (a Poisson process).
    pub(crate) fn after(&mut self, time_ns: u64, rate: f64, event: E) {
        let gap = self.rng.exponential(1e9 / rate) as u64;
        self.at(time_ns.saturating_add(gap), event);
    }
}

/// A process that runs, as a source of frames.
pub(crate) struct Simulation<P: Process> {
    process: P,
    schedule: Schedule<P::Event>,
}

impl<P: Process> Simulation<P> {
    /// Begins the process.
    pub(crate) fn new(mut process: P, start_ns: u64, rng: Rng, link: Link) -> Self {
        let mut schedule = Schedule { rng, link, events: EventQueue::default() };
        process.begin(start_ns, &mut schedule);
        Self { process, schedule }
    }
}

impl<P: Process> Traffic for Simulation<P> {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let frame = self.schedule.link.frames.next_time();
            let Some(event) = self.schedule.events.next_time() else { return frame };
            if frame.is_some_and(|frame| frame < event) {
                return frame;
            }
            if let Some((time_ns, event)) = self.schedule.events.pop() {
                self.process.handle(time_ns, event, &mut self.schedule);
            }
            // Where nothing more crosses the tap, events could go on for ever.
            let next = self.schedule.events.next_time();
            let over = self.process.ends_at().zip(next).is_some_and(|(end, at)| end < at);
            if over && self.schedule.link.frames.next_time().is_none() {
                return None;
            }
        }
    }

    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        self.next_time()?;
        self.schedule.link.frames.pop(frame)
    }

    fn ends_at(&self) -> Option<u64> {
        self.process.ends_at()
    }

    fn planted(&self) -> Planted {
        self.process.planted()
    }
}

/// Conversations that begin at random moments, at a mean rate that may change.
pub(crate) trait Arrivals: Send + 'static {
    /// How many begin a second, on average, where that does not change.
    const RATE: f64 = 1.0;

    /// How many begin a second, on average, from this moment on.
    fn rate(&self, _time_ns: u64) -> f64 {
        Self::RATE
    }

    /// Sends the frames of one conversation that begins now.
    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng);

    /// The settings that made it, for the ground truth.
    fn parameters(&self) -> Parameters {
        Parameters::new()
    }
}

/// The Poisson process of these arrivals, the first of them at the start.
pub(crate) struct Poisson<A>(pub(crate) A);

impl<A: Arrivals> Process for Poisson<A> {
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.at(start_ns, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.0.arrive(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, self.0.rate(time_ns), ());
    }

    fn planted(&self) -> Planted {
        Planted::none(self.0.parameters())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::link::Endpoint;

    fn endpoint(last: u8) -> Endpoint {
        let address = Ipv4Addr::new(10, 0, 0, last).into();
        Endpoint { address, port: 7, inside: last == 1, hop_limit: 64 }
    }

    /// Sends a datagram of one byte, the event, at each event and `later` after it; each
    /// event below 4 schedules two more, of which the second is not later than the first.
    struct Tree {
        later: u64,
        handled: Vec<(u64, u8)>,
    }

    impl Process for Tree {
        type Event = u8;

        fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<u8>) {
            schedule.at(start_ns, 1);
            schedule.at(LAST_START_NS + 1, 99);
        }

        fn handle(&mut self, time_ns: u64, event: u8, schedule: &mut Schedule<u8>) {
            self.handled.push((time_ns, event));
            for time_ns in [time_ns, time_ns + self.later] {
                schedule.link.udp(time_ns, (&endpoint(1), &endpoint(2)), &[event]);
            }
            if event < 4 {
                schedule.at(time_ns + 10, 2 * event);
                schedule.at(time_ns + 10, 2 * event + 1);
            }
        }
    }

    fn run(simulation: &mut Simulation<Tree>) -> Vec<(u64, u8)> {
        let (mut frame, mut sent) = (Vec::new(), Vec::new());
        while let Some(announced) = simulation.next_time() {
            let (time_ns, mark) = simulation.next_frame(&mut frame).unwrap();
            assert_eq!((announced, mark), (time_ns, Mark::Ordinary));
            sent.push((time_ns, frame[42]));
        }
        sent
    }

    fn tree(later: u64) -> Simulation<Tree> {
        let process = Tree { later, handled: Vec::new() };
        Simulation::new(process, 100, Rng::new(1, "tree"), Link::default())
    }

    #[test]
    fn events_and_frames_come_by_time_then_in_their_order() {
        let mut simulation = tree(15);
        let sent = run(&mut simulation);
        let events =
            [(100, 1), (110, 2), (110, 3), (120, 4), (120, 5), (120, 6), (120, 7)];
        assert_eq!(simulation.process.handled, events);
        // The twin: all frames of the events above, in order of time, stably sorted.
        let both =
            |&(time_ns, event): &(u64, u8)| [(time_ns, event), (time_ns + 15, event)];
        let mut expected: Vec<(u64, u8)> = events.iter().flat_map(both).collect();
        expected.sort_by_key(|(time_ns, _)| *time_ns);
        assert_eq!(sent, expected);
    }

    #[test]
    fn no_event_is_handled_before_it_must_be() {
        let mut simulation = tree(2);
        assert_eq!(simulation.next_time(), Some(100));
        assert_eq!(simulation.process.handled, [(100, 1)]);
    }

    /// Sends a frame once, and schedules an event every 10 ns for ever.
    struct Endless(u64);

    impl Process for Endless {
        type Event = ();

        fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
            schedule.link.udp(start_ns, (&endpoint(1), &endpoint(2)), &[1]);
            schedule.at(start_ns, ());
        }

        fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
            self.0 += 1;
            schedule.at(time_ns + 10, ());
        }

        fn ends_at(&self) -> Option<u64> {
            Some(125)
        }
    }

    #[test]
    fn events_without_frames_end_with_the_capture() {
        let rng = Rng::new(1, "endless");
        let mut simulation = Simulation::new(Endless(0), 100, rng, Link::default());
        let mut frame = Vec::new();
        assert!(simulation.next_frame(&mut frame).is_some());
        assert_eq!(simulation.next_frame(&mut frame), None);
        // At 100, 110 and 120.
        assert_eq!(simulation.process.0, 3);
    }

    struct Counted(u32);

    impl Arrivals for Counted {
        const RATE: f64 = 50.0;

        fn arrive(&mut self, time_ns: u64, link: &mut Link, _: &mut Rng) {
            self.0 += 1;
            link.udp(time_ns, (&endpoint(1), &endpoint(2)), &[]);
        }
    }

    #[test]
    fn a_poisson_process_begins_at_the_start_and_keeps_its_rate() {
        let rng = Rng::new(2, "poisson");
        let mut simulation =
            Simulation::new(Poisson(Counted(0)), 1_000, rng, Link::default());
        assert_eq!(simulation.next_time(), Some(1_000));
        let mut frame = Vec::new();
        while simulation.next_time().is_some_and(|time_ns| time_ns < 200_000_000_000) {
            simulation.next_frame(&mut frame);
        }
        // 10,000 are expected, with a standard deviation of 100.
        let count = simulation.process.0.0;
        assert!((9_600..=10_400).contains(&count), "{count}");
    }
}
