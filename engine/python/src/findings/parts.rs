//! Parts of findings: relays, samples, hosts.

use pyo3::prelude::*;
use wormsift::Timestamp;
use wormsift::signature;

/// Nanoseconds since 1970.
fn nanos(time: Timestamp) -> u64 {
    time.as_nanos()
}

/// A host that received a content before it sent it.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct Relay(pub(super) signature::Relay);

#[pymethods]
impl Relay {
    /// Its address.
    #[getter]
    fn host(&self) -> String {
        self.0.host.to_string()
    }

    /// When it first received it, in nanoseconds since 1970.
    #[getter]
    fn received_at_ns(&self) -> Option<u64> {
        self.0.received_at.map(nanos)
    }

    /// From whom.
    #[getter]
    fn received_from(&self) -> Option<String> {
        self.0.received_from.map(|it| it.to_string())
    }

    /// When it first sent it, in nanoseconds since 1970.
    #[getter]
    fn sent_at_ns(&self) -> u64 {
        nanos(self.0.sent_at)
    }

    /// Hosts that it was the first to send it to.
    #[getter]
    fn fan_out(&self) -> u32 {
        self.0.fan_out
    }

    /// Of these, up to 255, those that it began to talk to after it had received it.
    #[getter]
    fn new_targets(&self) -> u8 {
        self.0.new_targets
    }

    /// Of these, up to 255, those that it had talked to before.
    #[getter]
    fn known_targets(&self) -> u8 {
        self.0.known_targets
    }

    /// Whether it is shown that its address was not forged.
    #[getter]
    fn proven(&self) -> Option<bool> {
        self.0.proven
    }

    /// Whether it is a decoy.
    #[getter]
    fn is_decoy(&self) -> bool {
        self.0.is_decoy
    }

    fn __repr__(&self) -> String {
        format!("<wormsift.Relay {}, fan-out {}>", self.0.host, self.0.fan_out)
    }
}

/// A packet in which a content was seen.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct Sample(pub(super) signature::SignatureSample);

#[pymethods]
impl Sample {
    /// Number of the packet, from 1.
    #[getter]
    fn packet(&self) -> u64 {
        self.0.packet
    }

    /// Its time, in nanoseconds since 1970.
    #[getter]
    fn time_ns(&self) -> u64 {
        nanos(self.0.time)
    }

    /// Who sent it.
    #[getter]
    fn source(&self) -> String {
        self.0.source.to_string()
    }

    /// Whom it was sent to.
    #[getter]
    fn destination(&self) -> String {
        self.0.destination.to_string()
    }

    /// Port of the sender, 0 without ports.
    #[getter]
    fn source_port(&self) -> u16 {
        self.0.source_port
    }

    /// Port of the receiver; for ICMP type x 256 + code.
    #[getter]
    fn destination_port(&self) -> u16 {
        self.0.destination_port
    }

    /// Where the content begins in the payload, in bytes.
    #[getter]
    fn offset(&self) -> i64 {
        self.0.offset
    }

    fn __repr__(&self) -> String {
        format!(
            "<wormsift.Sample packet {} from {} to {}>",
            self.0.packet, self.0.source, self.0.destination
        )
    }
}

/// A host of an incident.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct IncidentHost(pub(super) signature::IncidentHost);

#[pymethods]
impl IncidentHost {
    /// Its address.
    #[getter]
    fn host(&self) -> String {
        self.0.host.to_string()
    }

    /// When it was first seen with the content, in nanoseconds since 1970.
    #[getter]
    fn first_seen_ns(&self) -> Option<u64> {
        self.0.first_seen.map(nanos)
    }

    /// From whom it received it.
    #[getter]
    fn received_from(&self) -> Option<String> {
        self.0.received_from.map(|it| it.to_string())
    }

    /// How many relays stand before it.
    #[getter]
    fn generation(&self) -> u32 {
        self.0.generation
    }

    /// Hosts that it passed it on to.
    #[getter]
    fn fan_out(&self) -> u32 {
        self.0.fan_out
    }

    fn __repr__(&self) -> String {
        format!(
            "<wormsift.IncidentHost {}, generation {}>",
            self.0.host, self.0.generation
        )
    }
}
