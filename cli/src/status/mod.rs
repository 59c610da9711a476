//! What a long run shows of itself: a page (`/`), Prometheus metrics (`/metrics`) and `/health`.
//!
//! The loop of the run posts snapshots to a [`Board`], and only when a request waits for one;
//! [`serve`] answers. `live`, `tap` and `merge` differ in the snapshot ([`Shown`]), and share
//! what shows a sensor's findings ([`News`], [`page`]) and counters ([`metrics`]).

mod board;
mod http;
pub(crate) mod metrics;
mod news;
pub(crate) mod page;

pub(crate) use board::Board;
pub(crate) use http::{listen, serve};
pub(crate) use news::News;

use std::io;
use std::sync::mpsc::channel;
use std::thread;

/// A snapshot of a run, as others see it.
pub(crate) trait Shown: Send + Sync + 'static {
    /// The page of `/`.
    fn page(&self) -> String;
    /// The page of `/metrics`.
    fn metrics(&self) -> String;
    /// Why it is not well, in one line.
    fn trouble(&self) -> Option<String>;
}

/// Starts a thread, and waits until it runs.
pub(crate) fn start_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let (runs, wait) = channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more only if the process is about to end.
        let _ = runs.send(());
        drop(runs);
        work();
    })?;
    wait.recv().map_err(io::Error::other)
}
