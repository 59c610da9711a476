//! What a sensor knows, saved and restored.

use super::baseline::Shape;
use super::{Baseline, Sensor};
use crate::config::{Config, SecretKey};
use crate::error::Error;
use crate::fingerprint::Kernel;
use crate::state::{Exchange, Identity, Persist, StateFile, WrittenState};
use serde_json::Value;
use std::fmt::Display;
use std::io;
use std::path::Path;

impl Sensor {
    /// Writes all that the sensor knows to a file that [`Sensor::restore`] reads: tables,
    /// candidates, samples, signatures, packet time, counters, settings and key. The file
    /// is written beside `path` and renamed over it; its owner alone may read it.
    ///
    /// Not in it are findings, reports and warnings that have not been taken, what workers have
    /// buffered, and fragments of datagrams that are not complete: those count as `unfinished`.
    ///
    /// # Errors
    ///
    /// The file cannot be written; what was there before is then untouched.
    pub fn save(&mut self, path: &Path) -> Result<(), Error> {
        self.write_state(path)?.place()
    }

    /// The first half of [`Sensor::save`], for which the sensor is needed; what is left
    /// can be done on another thread.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write_state(&mut self, path: &Path) -> Result<WrittenState, Error> {
        let identity = identity(&self.config, self.baseline_shape);
        StateFile::write(path, identity, &mut Tables(self))
    }

    /// A sensor that goes on where the saved one was: the same packets give it the same
    /// findings as if it had never stopped.
    ///
    /// `config` is that of the saved sensor; without a key in it, the saved key is used.
    /// A baseline is part of what was saved: [`Sensor::baseline`] says which.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no saved state of this version, is damaged, or was
    /// saved under other settings; the first that differs is named.
    pub fn restore(config: Config, path: &Path) -> Result<Self, Error> {
        let (mut sensor, file) = Self::reopen(config, path)?;
        file.restore(&mut Tables(&mut sensor))?;
        Ok(sensor)
    }

    /// The sensor that a file is to be read into.
    pub(super) fn reopen(
        config: Config,
        path: &Path,
    ) -> Result<(Self, StateFile), Error> {
        let file = StateFile::open(path)?;
        let config = settings_of(&file, config, path)?;
        // Its memory is not the tables': without it they would have other sizes.
        let known =
            file.baseline().map(|(bytes, rate)| Baseline::new(&config, bytes, rate));
        Ok((Self::with(config, Kernel::best(), known)?, file))
    }
}

/// What a state is bound to.
pub(super) fn identity(config: &Config, baseline: Option<Shape>) -> Identity {
    Identity {
        settings: Value::Object(config.to_values()).to_string(),
        key: config.effective_key(),
        baseline: baseline.map(Shape::numbers).unwrap_or_default(),
    }
}

/// The settings that a state is taken up with: these, if they are those of the file; without
/// a key in them, with its key.
pub(super) fn settings_of(
    file: &StateFile,
    mut config: Config,
    path: &Path,
) -> Result<Config, Error> {
    let wrong = |name: &str, reason: &dyn Display| {
        Error::config(name, format!("{}: {reason}", path.display()))
    };
    let values =
        serde_json::from_str(file.settings()).map_err(|e| wrong("(state)", &e))?;
    let mut saved = Config::from_values(&values).map_err(|error| match error {
        Error::Config { key, reason } => wrong(&key, &reason),
        error => error,
    })?;
    saved.key = Some(SecretKey(file.key()));
    config.key = config.key.or(saved.key);
    match config.first_difference(&saved) {
        Some(name) => Err(wrong(name, &"the state was saved under another value")),
        None => Ok(config),
    }
}

/// The part of a sensor that outlives it.
pub(super) struct Tables<'a>(pub(super) &'a mut Sensor);

impl Persist for Tables<'_> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let Sensor {
            clock,
            flow,
            streams,
            content,
            packet_log,
            host_names,
            starts,
            dark,
            taps,
            running_view,
            ticked_view,
            decoys,
            ledger,
            frames,
            packets,
            windows,
            drops,
            coverage,
            causes,
            defragmenter,
            warned,
            flood_told,
            learning_begun,
            away: _,
            baseline_shape: _,
            config: _,
            sifter: _,
            round: _,
            decoder: _,
            spare: _,
            findings: _,
            incidents: _,
            decoy_reports: _,
            waves: _,
            warnings: _,
            timer: _,
            times: _,
        } = self.0;
        clock.persist(file)?;
        for shard in flow {
            shard.persist(file)?;
        }
        streams.persist(file)?;
        for shard in content {
            shard.persist(file)?;
        }
        packet_log.persist(file)?;
        host_names.persist(file)?;
        starts.persist(file)?;
        // There is one of the same size, or none.
        dark.as_mut().map_or(Ok(()), |dark| dark.persist(file))?;
        taps.as_mut().map_or(Ok(()), |it| it.persist(file))?;
        running_view.persist(file)?;
        ticked_view.persist(file)?;
        decoys.persist(file)?;
        ledger.persist(file)?;
        frames.persist(file)?;
        packets.persist(file)?;
        windows.persist(file)?;
        drops.persist(file)?;
        coverage.persist(file)?;
        causes.persist(file)?;
        defragmenter.persist(file)?;
        warned.persist(file)?;
        flood_told.persist(file)?;
        learning_begun.persist(file)
    }
}
