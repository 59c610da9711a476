//! What all hard negatives share: hosts, events and background.
//!
//! Event by event: a [`Story`] says what happens at a moment, lays the frames of
//! it and enters what follows into the agenda. So a host passes on only what it
//! has received, and a capture may be of any length.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::cast::Cast;
use super::wire::Wire;
use crate::background::{self, BackgroundSettings};
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::{FrameStream, Limits};
use crate::rng::Rng;
use crate::scenario::GenerateOptions;
use crate::traffic::{LAST_START_NS, Mark, Planted, Traffic};

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MILLISECOND: u64 = 1_000_000;

/// What happens in a scenario.
pub(super) trait Story: Send + 'static {
    /// One thing that can happen.
    type Event: Send;

    /// Enters what happens first, at `start_ns` or later.
    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Self::Event>);

    /// Lets one thing happen.
    fn happen(
        &mut self,
        time_ns: u64,
        event: Self::Event,
        scene: &mut Scene<Self::Event>,
    );

    /// Its size, for the truth.
    fn parameters(&self) -> Vec<(&'static str, Value)>;
}

/// What a story is told with.
pub(super) struct Scene<E> {
    pub(super) rng: Rng,
    pub(super) wire: Wire,
    agenda: BTreeMap<(u64, u64), E>,
    entered: u64,
}

impl<E> Scene<E> {
    /// Enters an event. Those of one time happen in the order of their entry.
    pub(super) fn at(&mut self, time_ns: u64, event: E) {
        // Nothing starts after the last moment: the story ends there.
        if time_ns <= LAST_START_NS {
            self.agenda.insert((time_ns, self.entered), event);
            self.entered += 1;
        }
    }

    /// Enters an event at a random moment, on average so many a second.
    pub(super) fn after(&mut self, time_ns: u64, rate: f64, event: E) {
        let gap = self.rng.exponential(1e9 / rate) as u64;
        self.at(time_ns.saturating_add(gap), event);
    }
}

/// What differs between scenarios before they begin.
pub(super) struct Plan {
    pub(super) name: &'static str,
    /// How long it goes on by default.
    pub(super) seconds: u64,
    /// Inside hosts with ordinary traffic, by default.
    pub(super) background_hosts: u32,
    /// Whether `scan_rate` means something here.
    pub(super) scans: bool,
}

impl Plan {
    /// Four minutes over the ordinary traffic of ten hosts.
    pub(super) const fn named(name: &'static str) -> Self {
        Self { name, seconds: 240, background_hosts: 10, scans: false }
    }

    /// Starts the scenario: `build` draws its hosts.
    pub(super) fn open<S: Story>(
        &self,
        seed: u64,
        options: &GenerateOptions,
        build: impl FnOnce(&mut Cast) -> Result<S, CorpusError>,
    ) -> Result<FrameStream, CorpusError> {
        self.refuse_nonsense(options)?;
        let rng = Rng::new(seed, &format!("{} cast", self.name));
        let mut cast = Cast::new(options, rng)?;
        let inside = cast.inside_network();
        let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
        if options.worm {
            let story = build(&mut cast)?;
            traffic.push(Box::new(Telling::new(
                self.name,
                seed,
                options.start_ns,
                story,
            )));
        }
        traffic.extend(background::open(&BackgroundSettings {
            seed,
            start_ns: options.start_ns,
            inside,
            hosts: options.background_hosts.unwrap_or(self.background_hosts),
            rate: options.background_rate.unwrap_or(0.1),
            prefer: cast.desks(),
        })?);
        let duration = match (options.duration, options.packets) {
            (None, None) => Some(Duration::from_secs(self.seconds)),
            (duration, _) => duration,
        };
        let nanos =
            |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let limits = Limits {
            until_ns: duration
                .map(|duration| options.start_ns.saturating_add(nanos(duration))),
            packets: options.packets,
        };
        let list = options.list_carriers;
        Ok(FrameStream::new(self.name, seed, traffic, limits, list))
    }

    fn refuse_nonsense(&self, options: &GenerateOptions) -> Result<(), CorpusError> {
        if options.start_ns > LAST_START_NS {
            return Err(CorpusError::setting("start_ns", "a time before 2116"));
        }
        let nothing = |name: &'static str, set: bool| {
            let expected = "none: nothing spreads in this scenario";
            if set { Err(CorpusError::setting(name, expected)) } else { Ok(()) }
        };
        nothing("until_infected", options.until_infected.is_some())?;
        nothing("vulnerable_hosts", options.vulnerable_hosts.is_some())?;
        nothing("body", options.body.is_some())?;
        nothing("scan_rate", options.scan_rate.is_some() && !self.scans)?;
        let plain = Carriage { ipv6: options.carriage.ipv6, ..Carriage::default() };
        if options.carriage != plain {
            let expected = "udp or udp,ipv6: its conversations have forms of their own";
            return Err(CorpusError::setting("carriage", expected));
        }
        Ok(())
    }
}

/// A story being told.
struct Telling<S: Story> {
    story: S,
    scene: Scene<S::Event>,
}

impl<S: Story> Telling<S> {
    fn new(name: &str, seed: u64, start_ns: u64, mut story: S) -> Self {
        let mut scene = Scene {
            rng: Rng::new(seed, &format!("{name} story")),
            wire: Wire::default(),
            agenda: BTreeMap::new(),
            entered: 0,
        };
        story.begin(start_ns, &mut scene);
        Self { story, scene }
    }
}

impl<S: Story> Traffic for Telling<S> {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let queued = self.scene.wire.next_time();
            let next =
                self.scene.agenda.first_key_value().map(|((time_ns, _), _)| *time_ns);
            if next.is_none_or(|next| queued.is_some_and(|queued| queued < next)) {
                return queued;
            }
            if let Some(((time_ns, _), event)) = self.scene.agenda.pop_first() {
                self.story.happen(time_ns, event, &mut self.scene);
            }
        }
    }

    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        self.next_time()?;
        self.scene.wire.pop(frame)
    }

    fn planted(&self) -> Planted {
        let parameters = self.story.parameters().into_iter();
        let parameters =
            parameters.map(|(name, value)| (name.to_owned(), value)).collect();
        Planted { parameters, ..Planted::default() }
    }
}
