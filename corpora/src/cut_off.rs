//! Hosts that are cut off while a scenario runs.
//!
//! Whoever is listed sends nothing that the tap would see from some moment on, and so infects
//! nobody by it; what goes past the tap goes on. A scenario looks at the list when a scan is
//! made, which is no later than the frame before it is given out: a moment that is at least
//! that far ahead counts in time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// The list. Clones share it, so that it can grow while a stream runs.
#[derive(Clone, Debug, Default)]
pub struct CutOff(Arc<Mutex<BTreeMap<Ipv4Addr, u64>>>);

impl CutOff {
    /// Cuts off a host from this moment on, in nanoseconds since the epoch; from an earlier one,
    /// if that was said before.
    pub fn add(&self, host: Ipv4Addr, from_ns: u64) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = hosts.entry(host).or_insert(from_ns);
        *from = from_ns.min(*from);
    }

    /// Whether a host is cut off at a moment.
    pub(crate) fn holds(&self, host: Ipv4Addr, time_ns: u64) -> bool {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&host).is_some_and(|from_ns| *from_ns <= time_ns)
    }
}
