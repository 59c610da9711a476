//! Signatures and incidents as objects: attributes, JSON, rules and evidence.

use crate::arguments::{Whole, datetime, path_text};
use crate::captures::{self, Origin};
use crate::error;
use crate::log::{self, Entry};
use crate::rules;
use crate::values;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use wormsift::Finding;
use wormsift::packet::{Host, Timestamp};
use wormsift::signature;
use wormsift_export::json_lines;
use wormsift_export::text;
use wormsift_run::explain::{self, Follower, NotFollowed, Trail};
use wormsift_run::palette::Palette;
use wormsift_run::{News, Selection, evidence};

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

    /// Its way from host to host through the captures.
    fn followed(&self, py: Python<'_>) -> PyResult<Trail> {
        let origin = self.origin()?;
        let follower = Follower::new(self.get(), &origin.config);
        let mut follower = follower.map_err(|reason| match reason {
            NotFollowed::Weak(weak) => {
                error::config(format!("{}: not looked for: {weak}", self.get().id))
            }
            NotFollowed::Matcher(reason) => error::config(reason),
        })?;
        let (inputs, _) = captures::open(&origin.sources)?;
        let selection = Selection::new(origin.choice.clone(), &origin.config);
        captures::read_all(py, inputs, selection, |batch| {
            batch.into_iter().for_each(|batch| follower.batch(batch));
        })?;
        Ok(follower.finish())
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
            true => self.followed(py)?,
            false => Trail::of(self.get()),
        };
        Ok(explain::text(self.get(), self.entry.muted(), &trail, Palette(false)))
    }

    /// Copies the packets that show it to a new capture, and says how many they are. The captures are
    /// read a second time.
    fn evidence(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<usize> {
        let origin = self.origin()?;
        let signatures = std::slice::from_ref(self.get());
        write_evidence(py, Path::new(&path_text(path)?), origin, signatures)
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

/// Copies the packets that show signatures.
pub(crate) fn write_evidence(
    py: Python<'_>,
    path: &Path,
    origin: &Origin,
    signatures: &[signature::Signature],
) -> PyResult<usize> {
    origin.check_twice()?;
    let (inputs, _) = captures::open(&origin.sources)?;
    let interrupt = Mutex::new(None);
    let copied = error::detached(py, || {
        // A signal is looked for between batches.
        let stops = || match Python::attach(|py| py.check_signals()) {
            Ok(()) => false,
            Err(error) => {
                *interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                true
            }
        };
        evidence::write(path, inputs, signatures, stops)
    })?;
    if let Some(error) = interrupt.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    copied.map_err(|reason| error::file(path.display(), reason))
}

/// A host that received a content before it sent it.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct Relay(signature::Relay);

/// Nanoseconds since 1970.
fn nanos(time: Timestamp) -> u64 {
    time.as_nanos()
}

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
pub(crate) struct Sample(signature::SignatureSample);

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
        nanos(self.get().first_seen)
    }

    /// Time of the last sighting, in nanoseconds since 1970.
    #[getter]
    fn last_seen_ns(&self) -> u64 {
        nanos(self.get().last_seen)
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

/// A host of an incident.
#[pyclass(frozen, module = "wormsift")]
#[derive(Clone)]
pub(crate) struct IncidentHost(signature::IncidentHost);

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
