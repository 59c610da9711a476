//! SIGINT and SIGTERM: a wish to end, to be looked at between batches.

use crate::output::exit_code::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often a signal is looked for beside work that cannot be stopped.
const LOOK: Duration = Duration::from_millis(50);

/// What has been asked for since it was made.
#[derive(Clone)]
pub(crate) struct Signals {
    caught: Arc<AtomicUsize>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only `live` asks"))]
    hangup: Arc<AtomicBool>,
}

impl Signals {
    /// From now on the first signal is remembered, and a second ends the process.
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::of("signals", error);
        let caught = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down, and raises it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))
                .map_err(failed)?;
            flag::register(signal, Arc::clone(&again)).map_err(failed)?;
            flag::register_usize(signal, Arc::clone(&caught), signal as usize)
                .map_err(failed)?;
        }
        Ok(Self { caught, hangup: Arc::default() })
    }

    /// The same, and SIGHUP is a wish to open files anew.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_hangup() -> Result<Self, Failure> {
        let signals = Self::new()?;
        flag::register(signal_hook::consts::SIGHUP, Arc::clone(&signals.hangup))
            .map_err(|error| Failure::of("signals", error))?;
        Ok(signals)
    }

    /// Whether there was a SIGHUP since the last look.
    #[cfg(target_os = "linux")]
    pub(crate) fn take_hangup(&self) -> bool {
        self.hangup.swap(false, Ordering::Relaxed)
    }

    /// The signal that was caught, if any.
    pub(crate) fn caught(&self) -> Option<i32> {
        i32::try_from(self.caught.load(Ordering::Relaxed))
            .ok()
            .filter(|signal| *signal != 0)
    }
}

/// Does work that does not look for signals. When one comes, `flush` writes what there is,
/// and the process ends: nobody waits for the rest.
pub(crate) fn interruptible<T>(
    signals: &Signals,
    flush: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (done, ended) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(signal) = signals.caught() {
                    flush();
                    std::process::exit(Exit::Signal(signal).code().into());
                }
            }
        });
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_remembered() {
        let signals = Signals::new().unwrap();
        assert_eq!(signals.caught(), None);
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!(signals.caught(), Some(SIGTERM));
    }
}
