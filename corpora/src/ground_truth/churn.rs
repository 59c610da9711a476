//! The truth about hosts that change their addresses.

use serde::{Deserialize, Serialize};

/// Hosts that send one content, each from one address after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChurnTruth {
    /// How many hosts have the content, from the first packet to the last.
    pub hosts: u64,
    /// How many of them have sent it.
    pub senders: u64,
    /// The most of them that sent it within one hour of the clock.
    pub concurrent_peak: u64,
    /// From how many addresses it was sent. None is used twice.
    pub addresses: u64,
    /// For how long addresses are kept, in seconds: all those of the first 200 hosts that were
    /// in use at some time of the capture, each whole.
    pub kept_seconds: Vec<f64>,
}
