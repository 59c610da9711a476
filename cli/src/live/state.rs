//! `--state`: a restart loses no more than an interval.

use super::sandbox::calls::start_thread;
use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use wormsift::config::Config;
use wormsift::pipeline::Baseline;
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
                "{}: the state before is still being written, so this one is left out; give a longer \
                 --interval",
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
/// that cannot be used is said and kept aside. `config` has no key unless one was given;
/// `given` is the baseline of this start.
pub(super) fn restore(
    path: &Path,
    config: Config,
    given: Option<&Baseline>,
    talk: &Talk,
) -> Result<Option<Sensor>, Failure> {
    let refused = match Sensor::restore(config, path) {
        Ok(sensor) => match other_baseline(&sensor, given) {
            None => return Ok(Some(sensor)),
            Some(reason) => format!("{}: {reason}", path.display()),
        },
        Err(Error::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            return Ok(None);
        }
        // Nothing is wrong with the file itself: better end than lose it.
        Err(Error::Io { path, source }) => {
            return Err(Failure::of(path.display(), source));
        }
        Err(refused) => refused.to_string(),
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

/// Why a saved sensor does not know what this start was given to know, if so. What it
/// learned in a learning period may come on top.
fn other_baseline(saved: &Sensor, given: Option<&Baseline>) -> Option<&'static str> {
    let learns = saved.config().learning_period.0 > 0;
    match (saved.baseline(), given) {
        (None, None) => None,
        (Some(_), None) if learns => None,
        (Some(_), None) => Some("was saved with a baseline, and none is given"),
        (None, Some(_)) => Some("was saved without a baseline, and one is given"),
        (Some(mut known), Some(given)) => {
            let before = known.write();
            let fits = if learns {
                known.merge(given).is_ok() && known.write() == before
            } else {
                given.write() == before
            };
            (!fits).then_some("was saved with another baseline than the one given")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_baseline_that_it_was_saved_with_is_taken() {
        let config = |more: &str| {
            Config::from_toml(&format!("memory = \"16MiB\"\n{more}")).unwrap()
        };
        let learned = |config: &Config, keys: &[u64]| {
            let mut baseline = Baseline::new(config, 1 << 20, 1e-6);
            keys.iter().for_each(|key| assert!(baseline.learn(*key)));
            baseline
        };
        let plain = config("");
        let [mine, other] = [&[1, 2][..], &[1][..]].map(|keys| learned(&plain, keys));
        let with = |config: &Config, keys: &[u64]| {
            Sensor::with_baseline(config.clone(), learned(config, keys)).unwrap()
        };
        let refused = |saved: &Sensor, given| other_baseline(saved, given).is_some();
        let knowing = with(&plain, &[1, 2]);
        assert!(!refused(&knowing, Some(&mine)));
        assert!(refused(&knowing, Some(&other)) && refused(&knowing, None));
        let ignorant = Sensor::new(plain).unwrap();
        assert!(!refused(&ignorant, None) && refused(&ignorant, Some(&mine)));

        // Learning adds to it, and takes nothing away.
        let learning = config("learning_period = \"1h\"");
        let more = with(&learning, &[1, 2, 3]);
        assert!(!refused(&more, Some(&mine)) && !refused(&more, None));
        assert!(refused(&more, Some(&learned(&learning, &[4]))));
    }
}
