//! Record of how many addresses sent a content, as a line holds it.

use super::LineError;
use super::texts::{HostsMethodName, PrecisionName};
use serde::{Deserialize, Serialize};
use wormsift::signature::{Count, HostRange, Population};

/// How many addresses sent the content, and between which numbers that of hosts lies.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "population")
)]
pub(super) struct PopulationRecord {
    /// Exact to 128, then an estimate with a standard error of 1.6 % (where windows of the
    /// content had no memory for it, 2.3 %). Since first_seen.
    addresses: u32,
    addresses_precision: PrecisionName,
    /// The greatest number within an hour of packet time; an estimate has a standard error of
    /// 2.3 %.
    addresses_hour_peak: u32,
    /// Within the hour of last_seen, likewise.
    addresses_now: u32,
    /// By the window the greatest number of addresses within ten minutes, as an estimate less
    /// three standard errors: not above the truth where hosts share addresses, nor where none
    /// changed its own within those.
    hosts_low: u32,
    /// By the durations for which hosts keep an address; null where none are given.
    hosts_estimate: Option<u32>,
    /// By the window all addresses, as an estimate and three standard errors: too high where hosts change theirs, too low where they
    /// share them.
    hosts_high: u32,
    hosts_method: HostsMethodName,
}

impl From<Population> for PopulationRecord {
    fn from(population: Population) -> Self {
        let HostRange { low, estimate, high, method } = population.hosts;
        Self {
            addresses: population.addresses.number,
            addresses_precision: population.addresses.precision.into(),
            addresses_hour_peak: population.addresses_hour_peak,
            addresses_now: population.addresses_now,
            hosts_low: low,
            hosts_estimate: estimate,
            hosts_high: high,
            hosts_method: method.into(),
        }
    }
}

impl TryFrom<PopulationRecord> for Population {
    type Error = LineError;

    fn try_from(record: PopulationRecord) -> Result<Self, LineError> {
        Ok(Self {
            addresses: Count {
                number: record.addresses,
                precision: record.addresses_precision.read("addresses_precision")?,
            },
            addresses_hour_peak: record.addresses_hour_peak,
            addresses_now: record.addresses_now,
            hosts: HostRange {
                low: record.hosts_low,
                estimate: record.hosts_estimate,
                high: record.hosts_high,
                method: record.hosts_method.read("hosts_method")?,
            },
        })
    }
}
