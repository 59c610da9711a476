//! The threads that sift.

use crate::status::{Failure, wormsift_status};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::thread::{Builder, JoinHandle};

/// An engine's own threads. When it is dropped they have ended: a host may then unload
/// the library.
pub(crate) struct Pool {
    /// `None` only while it is being dropped.
    rayon: Option<ThreadPool>,
    threads: Vec<JoinHandle<()>>,
    /// The process that has the threads.
    process: u32,
}

impl Pool {
    pub(crate) fn new(count: usize) -> Result<Self, Failure> {
        let mut threads = Vec::with_capacity(count);
        let rayon = ThreadPoolBuilder::new()
            .num_threads(count)
            .spawn_handler(|thread| {
                let name = format!("wormsift-{}", thread.index());
                threads.push(Builder::new().name(name).spawn(|| thread.run())?);
                Ok(())
            })
            .build()
            .map_err(|error| {
                Failure::new(wormsift_status::WORMSIFT_ERR_IO, error.to_string())
            })?;
        Ok(Self { rayon: Some(rayon), threads, process: std::process::id() })
    }

    pub(crate) fn rayon(&self) -> &ThreadPool {
        self.rayon.as_ref().expect("it is there until the drop")
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // In a child of that process there is nobody to wait for.
            std::mem::forget(self.rayon.take());
            self.threads.drain(..).for_each(std::mem::forget);
            return;
        }
        // Tells the threads to end.
        self.rayon = None;
        for thread in self.threads.drain(..) {
            // One that panicked has ended as well.
            let _ = thread.join();
        }
    }
}
