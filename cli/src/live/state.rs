//! How does a restart lose no more than an interval? `--state`.

use super::sandbox::calls::start_thread;
use crate::exit_code::Failure;
use crate::talk::Talk;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use wormsift::config::Config;
use wormsift::state::WrittenState;
use wormsift::{Error, Sensor};

/// Where the state is kept, and the thread that waits for the disk.
pub(super) struct State {
    path: PathBuf,
    written: SyncSender<WrittenState>,
    placed: Receiver<Result<(), Error>>,
    /// States on their way to the disk: at most one.
    waiting: usize,
}

impl State {
    pub(super) fn start(path: PathBuf) -> std::io::Result<Self> {
        let (written, states) = sync_channel::<WrittenState>(1);
        let (answer, placed) = sync_channel(2);
        start_thread("state", move || {
            while let Ok(state) = states.recv() {
                if answer.send(state.place()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { path, written, placed, waiting: 0 })
    }

    /// Saves what `sensor` knows, unless the disk still has the state before. A failure is
    /// said, and tried again after the next interval; it does not end the sensor.
    pub(super) fn save(&mut self, sensor: &mut Sensor, talk: &Talk) {
        while let Ok(result) = self.placed.try_recv() {
            self.done(result, talk);
        }
        if self.waiting > 0 {
            talk.warning(format_args!(
                "{}: the disk is too slow for a state each interval; one left out",
                self.path.display()
            ));
            return;
        }
        match sensor.write_state(&self.path) {
            Ok(state) => match self.written.try_send(state) {
                Ok(()) => self.waiting += 1,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    talk.error(format_args!("{}: not saved", self.path.display()));
                }
            },
            Err(error) => talk.error(error),
        }
    }

    /// Saves for the last time, and waits until that is done.
    pub(super) fn finish(mut self, sensor: &mut Sensor, talk: &Talk) {
        self.wait(talk);
        self.save(sensor, talk);
        self.wait(talk);
    }

    fn wait(&mut self, talk: &Talk) {
        while self.waiting > 0
            && let Ok(result) = self.placed.recv()
        {
            self.done(result, talk);
        }
    }

    fn done(&mut self, result: Result<(), Error>, talk: &Talk) {
        self.waiting = self.waiting.saturating_sub(1);
        if let Err(error) = result {
            talk.error(error);
        }
    }
}

/// The sensor that was saved at `path`, or `None` where there is none to go on from. One
/// that cannot be used is said and kept aside. `config` has no key unless one was given.
pub(super) fn restore(
    path: &Path,
    config: Config,
    talk: &Talk,
) -> Result<Option<Sensor>, Failure> {
    let refused = match Sensor::restore(config, path) {
        Ok(sensor) => return Ok(Some(sensor)),
        Err(Error::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            return Ok(None);
        }
        // Nothing is wrong with the file itself: better end than lose it.
        Err(Error::Io { path, source })
            if source.kind() != std::io::ErrorKind::InvalidData =>
        {
            return Err(Failure::of(path, source));
        }
        Err(refused) => refused,
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(".refused");
    let aside = PathBuf::from(aside);
    fs::rename(path, &aside).map_err(|error| Failure::of(path.display(), error))?;
    talk.warning(format_args!(
        "{refused}; kept as {}, the sensor starts without it",
        aside.display()
    ));
    Ok(None)
}
