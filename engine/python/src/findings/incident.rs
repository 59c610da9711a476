//! `Incident`: signatures that belong together.

use super::parts::IncidentHost;
use crate::log::{self, Entry};
use crate::values;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use wormsift::signature;
use wormsift_export::text;

/// Signatures that belong together.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct Incident(Arc<Entry>);

impl Incident {
    /// What an entry says of an incident, if it does.
    pub(crate) fn of(entry: &Arc<Entry>) -> Option<Self> {
        log::incident(entry).map(|_| Self(Arc::clone(entry)))
    }

    fn get(&self) -> &signature::Incident {
        log::incident(&self.0).expect("it was one when this was made")
    }
}

#[pymethods]
impl Incident {
    /// Its name: 32 hexadecimal digits.
    #[getter]
    fn id(&self) -> &str {
        &self.get().id
    }

    /// What it is likely to be, such as `outbreak` or `forwarding service`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.get().kind.name()
    }

    /// How sure it is: `low`, `medium` or `high`.
    #[getter]
    fn confidence(&self) -> &'static str {
        self.get().confidence.name()
    }

    /// Ids of its signatures, the strongest first.
    #[getter]
    fn signatures(&self) -> Vec<String> {
        self.get().signatures.clone()
    }

    /// Protocols and ports, such as `tcp/80`.
    #[getter]
    fn services(&self) -> Vec<String> {
        let services = self.get().services.iter();
        services.map(|(protocol, port)| text::service_name(*protocol, *port)).collect()
    }

    /// The hosts that are listed.
    #[getter]
    fn hosts(&self) -> Vec<IncidentHost> {
        self.get().hosts.iter().map(|it| IncidentHost(*it)).collect()
    }

    /// How many more there are.
    #[getter]
    fn hosts_unlisted(&self) -> u32 {
        self.get().hosts_unlisted
    }

    /// Hosts that passed something on.
    #[getter]
    fn relays(&self) -> u32 {
        self.get().relays
    }

    /// Length of the longest chain of relays.
    #[getter]
    fn generations(&self) -> u32 {
        self.get().generations
    }

    /// Number of sources.
    #[getter]
    fn sources(&self) -> u32 {
        self.get().sources.number
    }

    /// Number of destinations.
    #[getter]
    fn destinations(&self) -> u32 {
        self.get().destinations.number
    }

    /// Sum of the relays' fan-outs.
    #[getter]
    fn spread(&self) -> u32 {
        self.get().spread.number
    }

    /// Seconds in which the hosts double, where that could be fitted.
    #[getter]
    fn doubling_seconds(&self) -> Option<f64> {
        self.get().growth.map(|it| it.doubling_seconds)
    }

    /// Id of the older incident that it became a part of.
    #[getter]
    fn part_of(&self) -> Option<&str> {
        self.get().part_of.as_deref()
    }

    /// Whether an entry of the file of mutes holds for it.
    #[getter]
    fn muted(&self) -> bool {
        self.0.is_muted()
    }

    /// Time of the first sighting, in nanoseconds since 1970.
    #[getter]
    fn first_seen_ns(&self) -> u64 {
        self.get().first_seen.as_nanos()
    }

    /// Time of the last sighting, in nanoseconds since 1970.
    #[getter]
    fn last_seen_ns(&self) -> u64 {
        self.get().last_seen.as_nanos()
    }

    /// What kind and grade rest on, a sentence each.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.get().reasons.clone()
    }

    /// The JSON line of `wormsift detect --json`.
    fn to_json(&self) -> String {
        self.0.line()
    }

    /// All that the JSON line says.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        values::dict_of_line(py, &self.0.line())
    }

    fn __repr__(&self) -> String {
        let it = self.get();
        format!(
            "<wormsift.Incident {}: {}, {} confidence, {}>",
            it.id,
            it.kind.name(),
            it.confidence.name(),
            text::counted(it.signatures.len() as u64, "signature")
        )
    }
}
