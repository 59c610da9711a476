//! What a merger and a tap know, saved and restored.

use super::gate::Gate;
use super::merger::{Lane, Merger};
use super::tap::Tap;
use crate::config::Config;
use crate::error::Error;
use crate::pipeline::Sensor;
use crate::pipeline::saved::{Tables, identity, settings_of};
use crate::state::{Exchange, Persist, StateFile};
use std::io;
use std::path::Path;

impl Merger {
    /// Writes all that it knows to a file that [`Merger::restore`] reads. What parcels held
    /// that are [covered](super::FleetTap::covered) is in it; those that came after them must
    /// be sent again, in the order in which they came.
    ///
    /// # Errors
    ///
    /// The file cannot be written, an answer is missing, workers have not been
    /// [asked](Merger::gather) since the last tick, or the merger is at its end.
    pub fn save(&mut self, path: &Path) -> Result<(), Error> {
        if !self.is_between_ticks() {
            let reason = "a merger is saved between two ticks, when no answer is missing";
            return Err(Error::config("(state)", reason));
        }
        let identity = identity(&self.sensor.config, self.sensor.baseline_shape);
        StateFile::write(path, identity, &mut Saved(self))?.place()
    }

    /// A merger that goes on where the saved one was: the same parcels and answers give it the
    /// same findings.
    ///
    /// # Errors
    ///
    /// As [`Sensor::restore`].
    pub fn restore(config: Config, fleet: &str, path: &Path) -> Result<Self, Error> {
        let (sensor, file) = Sensor::reopen(config, path)?;
        let mut merger = Self::of(sensor, fleet);
        file.restore(&mut Saved(&mut merger))?;
        merger.is_restored = true;
        Ok(merger)
    }
}

struct Saved<'a>(&'a mut Merger);

impl Persist for Saved<'_> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let Merger {
            sensor, closing, lanes, blind, last_number, followed, refused, ..
        } = &mut *self.0;
        Tables(sensor).persist(file)?;
        let mut covered = closing.clone();
        for (tap, lane) in lanes.iter().enumerate() {
            if let Some(first) = lane.waiting.front() {
                covered = covered.without(tap, first.parcel.tick);
            }
        }
        covered.persist(file)?;
        if file.is_reading() {
            *closing = covered;
        }
        lanes.iter_mut().try_for_each(|lane| lane.persist(file))?;
        blind.persist(file)?;
        last_number.persist(file)?;
        followed.persist(file)?;
        refused.persist(file)
    }
}

/// Without the parcels that wait.
impl Persist for Lane {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let late = self.waiting.iter().filter(|it| it.is_late).count() as u64;
        let mut late = self.counted.late - late;
        let Self {
            next,
            waiting: _,
            last_tick,
            numbered,
            totals,
            settled,
            is_gated,
            counted,
        } = self;
        counted.covered.persist(file)?;
        late.persist(file)?;
        counted.blind.persist(file)?;
        counted.is_blind.persist(file)?;
        numbered.persist(file)?;
        totals.persist(file)?;
        settled.persist(file)?;
        is_gated.persist(file)?;
        counted.withholds.persist(file)?;
        if file.is_reading() {
            (*next, *last_tick) = (counted.covered, 0);
            (counted.parcels, counted.late) = (counted.covered, late);
        }
        Ok(())
    }
}

impl Tap {
    /// Writes all that it knows to a file that [`Tap::restore`] reads; what is buffered goes
    /// into parcels first, which the host takes. Payloads that are held are not in it: a sample
    /// that is asked from them afterwards is missing, and counted.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&mut self, path: &Path) -> Result<(), Error> {
        self.flush();
        let identity = identity(&self.config, None);
        StateFile::write(path, identity, &mut SavedTap(self))?.place()
    }

    /// A tap that goes on where the saved one was.
    ///
    /// # Errors
    ///
    /// As [`Sensor::restore`], or another tap was saved.
    pub fn restore(
        config: Config,
        fleet: &str,
        number: u16,
        gate: Gate,
        path: &Path,
    ) -> Result<Self, Error> {
        let file = StateFile::open(path)?;
        let config = settings_of(&file, config, path)?;
        let mut tap = Self::with_gate(config, fleet, number, gate)?;
        file.restore(&mut SavedTap(&mut tap))?;
        Ok(tap)
    }
}

struct SavedTap<'a>(&'a mut Tap);

impl Persist for SavedTap<'_> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut number = self.0.number;
        number.persist(file)?;
        if number != self.0.number {
            return Err(file.misfit(format!("tap {}", self.0.number), number));
        }
        let mut is_gated = self.0.gate.is_some();
        is_gated.persist(file)?;
        if is_gated != self.0.gate.is_some() {
            return Err(file.misfit("a tap with the same gate", "another"));
        }
        let Tap { defragmenter, clock, streams, gate, state, counters, .. } =
            &mut *self.0;
        gate.as_mut().map_or(Ok(()), |gate| gate.persist(file))?;
        defragmenter.persist(file)?;
        clock.persist(file)?;
        streams.persist(file)?;
        state.persist(file)?;
        counters.persist(file)
    }
}
