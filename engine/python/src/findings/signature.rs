//! `Signature`: attributes, JSON, rules and evidence.

use super::again;
use super::parts::{Relay, Sample};
use crate::arguments::{Whole, datetime, path_text};
use crate::captures::Origin;
use crate::error;
use crate::log::{self, Entry};
use crate::rules;
use crate::values;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use wormsift::Finding;
use wormsift::packet::Host;
use wormsift::signature;
use wormsift_export::json_lines;
use wormsift_export::text;
use wormsift_run::News;
use wormsift_run::explain::{self, Trail};
use wormsift_run::palette::Palette;

/// Content that spreads, with the evidence for it.
///
/// Two are equal when all that they say is; `id` names the content.
#[pyclass(frozen, from_py_object, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct Signature {
    entry: Arc<Entry>,
    /// The captures that it was found in, where it was found in some.
    origin: Option<Arc<Origin>>,
}

impl Signature {
    /// What an entry says of a signature, if it does.
    pub(crate) fn of(entry: &Arc<Entry>, origin: Option<&Arc<Origin>>) -> Option<Self> {
        log::signature(entry)?;
        Some(Self { entry: Arc::clone(entry), origin: origin.cloned() })
    }

    /// A finding without captures.
    pub(crate) fn new(finding: Finding) -> Self {
        let entry = Entry::of(News::Finding(Box::new(finding)));
        Self { entry: Arc::new(entry), origin: None }
    }

    fn finding(&self) -> &Finding {
        log::finding(&self.entry).expect("it was one when this was made")
    }

    pub(crate) fn get(&self) -> &signature::Signature {
        self.finding().signature()
    }

    /// The captures that it was found in, to be read again.
    fn origin(&self) -> PyResult<&Origin> {
        let Some(origin) = &self.origin else {
            return Err(error::input(
                "it was not found in captures, which could be read again",
            ));
        };
        origin.check_twice()?;
        Ok(origin)
    }
}

fn hosts(hosts: &[Host]) -> Vec<String> {
    hosts.iter().map(ToString::to_string).collect()
}

#[pymethods]
impl Signature {
    /// Reads the JSON line of a finding.
    #[staticmethod]
    #[pyo3(signature = (line, /))]
    fn from_json(line: &str) -> PyResult<Self> {
        match json_lines::read(line) {
            Ok(Some(finding)) => Ok(Self::new(finding)),
            Ok(None) => {
                Err(error::input("expected the line of a finding, found another type"))
            }
            Err(reason) => Err(error::input(reason)),
        }
    }

    /// Name of the content: 32 hexadecimal digits.
    #[getter]
    fn id(&self) -> &str {
        &self.get().id
    }

    /// Which word this is: `signature` (the first), `update` or `summary` (the last).
    #[getter]
    fn word(&self) -> &'static str {
        match self.finding() {
            Finding::Signature(_) => "signature",
            Finding::Update(_) => "update",
            Finding::Summary(_) => "summary",
        }
    }

    /// The alarm that fired first: `dispersion`, `propagation` or `dark`.
    #[getter]
    fn alarm(&self) -> &'static str {
        self.get().alarm.name()
    }

    /// How sure it is: `low`, `medium` or `high`.
    #[getter]
    fn confidence(&self) -> &'static str {
        self.get().confidence.name()
    }

    /// What it is likely to be, such as `outbreak`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.get().kind.name()
    }

    /// Id of the incident that it belongs to.
    #[getter]
    fn incident(&self) -> Option<&str> {
        self.get().incident.as_deref()
    }

    /// In the last word on a part of another signature: the id of that one.
    #[getter]
    fn part_of(&self) -> Option<&str> {
        self.get().part_of.as_deref()
    }

    /// Whether an entry of the file of mutes holds for it.
    #[getter]
    fn muted(&self) -> bool {
        self.entry.is_muted()
    }

    /// IP protocol number.
    #[getter]
    fn protocol(&self) -> u8 {
        self.get().protocol
    }

    /// Port under the port rule.
    #[getter]
    fn port(&self) -> Option<u16> {
        self.get().port
    }

    /// Which port that is.
    #[getter]
    fn port_rule(&self) -> &str {
        &self.get().port_rule
    }

    /// Protocol and port, such as `tcp/80`.
    #[getter]
    fn service(&self) -> String {
        text::service(self.get())
    }

    /// The bytes that repeat.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.get().content)
    }

    /// The strings that must all occur for a match.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.get().tokens.iter().map(|it| PyBytes::new(py, it)).collect()
    }

    /// Whether the tokens followed each other in this order in every sample.
    #[getter]
    fn tokens_ordered(&self) -> bool {
        self.get().tokens_ordered
    }

    /// Packets in which it was counted.
    #[getter]
    fn packets(&self) -> u64 {
        self.get().packets
    }

    /// Number of source hosts.
    #[getter]
    fn sources(&self) -> u32 {
        self.get().sources
    }

    /// What that number is: `exact`, `about` or `at_least`.
    #[getter]
    fn sources_precision(&self) -> &'static str {
        self.get().sources_precision.name()
    }

    /// Number of destination hosts.
    #[getter]
    fn destinations(&self) -> u32 {
        self.get().destinations
    }

    /// What that number is: `exact`, `about` or `at_least`.
    #[getter]
    fn destinations_precision(&self) -> &'static str {
        self.get().destinations_precision.name()
    }

    /// Up to 64 source hosts.
    #[getter]
    fn source_list(&self) -> Vec<String> {
        hosts(&self.get().source_list)
    }

    /// Up to 64 destination hosts.
    #[getter]
    fn destination_list(&self) -> Vec<String> {
        hosts(&self.get().destination_list)
    }

    /// Hosts that all relays passed it on to.
    #[getter]
    fn spread(&self) -> u32 {
        self.get().spread
    }

    /// Hosts that received it before they sent it.
    #[getter]
    fn relays(&self) -> Vec<Relay> {
        self.get().relays.iter().map(|it| Relay(*it)).collect()
    }

    /// Packets in which it was seen.
    #[getter]
    fn samples(&self) -> Vec<Sample> {
        self.get().samples.iter().map(|it| Sample(*it)).collect()
    }

    /// Time of the first packet that is known, cut to microseconds.
    #[getter]
    fn first_seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.get().first_seen)
    }

    /// The same in nanoseconds since 1970.
    #[getter]
    fn first_seen_ns(&self) -> u64 {
        self.get().first_seen.as_nanos()
    }

    /// Time of the last sighting, cut to microseconds.
    #[getter]
    fn last_seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.get().last_seen)
    }

    /// The same in nanoseconds since 1970.
    #[getter]
    fn last_seen_ns(&self) -> u64 {
        self.get().last_seen.as_nanos()
    }

    /// When it was first told, cut to microseconds.
    #[getter]
    fn detected_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.get().detected_at)
    }

    /// The same in nanoseconds since 1970.
    #[getter]
    fn detected_at_ns(&self) -> u64 {
        self.get().detected_at.as_nanos()
    }

    /// What its grade rests on, a sentence each.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.get().evidence.reasons.clone()
    }

    /// The JSON line of `wormsift detect --json`.
    fn to_json(&self) -> String {
        self.entry.line()
    }

    /// All that the JSON line says.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        values::dict_of_line(py, &self.entry.line())
    }

    /// It as text of `suricata`, `snort3`, `zeek`, `yara`, `eve`, `stix` or `misp`; the number of the
    /// rule is `sid`. Raises ConfigError where it is too weak for a rule.
    #[pyo3(
        signature = (format="suricata", *, sid=Whole(rules::FIRST), most_bytes=None),
        text_signature = "($self, format='suricata', *, sid=1500000, most_bytes=None)"
    )]
    fn rule(
        &self,
        format: &str,
        sid: Whole<u32>,
        most_bytes: Option<Whole<u16>>,
    ) -> PyResult<String> {
        rules::one(self.get(), format, sid.0, most_bytes.map(|it| it.0))
    }

    /// All that is known of it as text, as `wormsift explain` prints it. With `follow` the captures are
    /// read a second time, to see which host had it from which.
    #[pyo3(signature = (*, follow=false))]
    fn explain(&self, py: Python<'_>, follow: bool) -> PyResult<String> {
        let trail = match follow {
            true => again::follow(py, self.get(), self.origin()?)?,
            false => Trail::of(self.get()),
        };
        Ok(explain::text(self.get(), self.entry.muted(), &trail, Palette(false)))
    }

    /// Copies the packets that show it to a new capture, and says how many they are. The captures are
    /// read a second time.
    fn evidence(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<usize> {
        let origin = self.origin()?;
        let signatures = std::slice::from_ref(self.get());
        again::write_evidence(py, Path::new(&path_text(path)?), origin, signatures)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.finding() == other.finding()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.get().id.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let it = self.get();
        format!(
            "<wormsift.Signature {}: {} of {} by {}, {} confidence, {} to {}, spread {}>",
            it.id,
            text::service(it),
            text::counted(it.content.len() as u64, "byte"),
            it.alarm.name(),
            it.confidence.name(),
            text::counted(it.sources.into(), "source"),
            text::counted(it.destinations.into(), "destination"),
            it.spread
        )
    }
}
