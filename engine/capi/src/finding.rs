//! Findings.

use crate::buffer::{self, wormsift_buffer};
use crate::status::wormsift_status::{
    WORMSIFT_ERR_INVALID_ARG, WORMSIFT_ERR_NO_RULE, WORMSIFT_OK,
};
use crate::status::{Failure, guard, guard_value, take_back, wormsift_status};
use engine::Finding;
use engine::signature::Kind;
use std::ffi::{CString, c_char};
use std::sync::Arc;
use wormsift_export::mute::Muted;
use wormsift_export::{
    Rule, RuleOptions, Sid, eve, json_lines, snort3, suricata, yara, zeek,
};

/// One thing said of one signature. Read only: any number of threads may look at it.
pub struct wormsift_finding {
    finding: Finding,
    id: CString,
    part_of: Option<CString>,
    incident: Option<CString>,
    muted: Option<Muted>,
    reason: Option<CString>,
    /// The kinds that have rules.
    rule_kinds: Arc<[Kind]>,
}

impl wormsift_finding {
    pub(crate) fn of(
        finding: Finding,
        muted: Option<Muted>,
        rule_kinds: Arc<[Kind]>,
    ) -> Self {
        let text = |id: &str| CString::new(id).unwrap_or_default();
        let signature = finding.signature();
        let id = text(&signature.id);
        let part_of = signature.part_of.as_deref().map(text);
        let incident = signature.incident.as_deref().map(text);
        let reason = muted.as_ref().map(|muted| text(&muted.reason));
        Self { finding, id, part_of, incident, muted, reason, rule_kinds }
    }

    /// Why it has no rule whatever its content, if so.
    fn no_rule(&self) -> Option<String> {
        let kind = self.finding.signature().kind;
        match &self.muted {
            Some(muted) => Some(format!("muted {}", muted.words())),
            None if !self.rule_kinds.contains(&kind) => {
                Some(format!("of kind {}, which rule_kinds does not name", kind.name()))
            }
            None => None,
        }
    }
}

/// What is said of a signature.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_kind {
    /// A content that was not known.
    WORMSIFT_SIGNATURE = 0,
    /// A known one changed, or alarmed again.
    WORMSIFT_UPDATE = 1,
    /// The last word on one, with its final counts.
    WORMSIFT_SUMMARY = 2,
}

/// How far to trust a signature; the JSON form says why.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_confidence {
    /// There is something against it.
    WORMSIFT_LOW = 0,
    /// Nothing against it.
    WORMSIFT_MEDIUM = 1,
    /// Much for it.
    WORMSIFT_HIGH = 2,
}

/// What a signature is likely to be, together with the others of its incident.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_incident_kind {
    /// None of the others.
    WORMSIFT_UNCLEAR = 0,
    /// It infects: recipients pass it on to hosts that are new to them.
    WORMSIFT_OUTBREAK = 1,
    /// Sent to many, and passed on by none.
    WORMSIFT_SCAN_CAMPAIGN = 2,
    /// Received by many from few, and passed on by none.
    WORMSIFT_MASS_DELIVERY = 3,
    /// Hosts of one protocol pass it on among each other.
    WORMSIFT_PEER_PROTOCOL = 4,
    /// Servers pass on what they receive.
    WORMSIFT_FORWARDING_SERVICE = 5,
}

/// A form that others take.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_format {
    /// The engine's own line: everything, under a schema version.
    WORMSIFT_JSON = 0,
    /// A Suricata rule.
    WORMSIFT_SURICATA = 1,
    /// A Snort 3 rule.
    WORMSIFT_SNORT3 = 2,
    /// A Zeek signature.
    WORMSIFT_ZEEK = 3,
    /// A YARA rule.
    WORMSIFT_YARA = 4,
    /// An EVE alert.
    WORMSIFT_EVE = 5,
}

/// The numbers of a finding.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct wormsift_summary {
    /// `sizeof(wormsift_summary)`, set by the host.
    pub struct_size: usize,
    /// A `wormsift_kind`.
    pub kind: u32,
    /// A `wormsift_confidence`.
    pub confidence: u32,
    /// IP protocol number.
    pub protocol: u32,
    /// Port under the port rule; -1 under rule "none".
    pub port: i32,
    /// Number of sources; beyond 64 an estimate, as the JSON line says.
    pub sources: u32,
    /// Number of destinations, likewise.
    pub destinations: u32,
    /// Hosts that passed the content on.
    pub relays: u32,
    /// Hosts that they passed it on to.
    pub spread: u32,
    /// Packets with one of its windows, at most.
    pub packets: u64,
    /// Earliest recorded sighting: nanoseconds since 1970.
    pub first_seen_ns: u64,
    /// Latest recorded sighting.
    pub last_seen_ns: u64,
    /// When it was first reported, in packet time.
    pub detected_at_ns: u64,
    /// A `wormsift_incident_kind`.
    pub incident_kind: u32,
    /// 1 if it is muted, else 0.
    pub muted: u32,
    /// The end of that; 0 without one.
    pub muted_until_ns: u64,
}

/// The id of the signature: 32 hex digits, the same for the same content on every sensor.
/// Valid as long as the finding; NULL for NULL.
///
/// # Safety
///
/// `finding` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_id(
    finding: *const wormsift_finding,
) -> *const c_char {
    guard_value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        unsafe { finding.as_ref() }.map_or(std::ptr::null(), |it| it.id.as_ptr())
    })
}

/// The id of the older signature that this one was found to be a part of, in its last
/// word: the other carries on both, and this one should have no rule any more. Valid as
/// long as the finding; NULL for a content of its own, and for NULL.
///
/// # Safety
///
/// `finding` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_part_of(
    finding: *const wormsift_finding,
) -> *const c_char {
    guard_value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let part_of = unsafe { finding.as_ref() }.and_then(|it| it.part_of.as_ref());
        part_of.map_or(std::ptr::null(), |id| id.as_ptr())
    })
}

/// The id of the incident that the signature belongs to: 32 hex digits. Valid as long as the
/// finding; NULL for none, and for NULL.
///
/// # Safety
///
/// `finding` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_incident(
    finding: *const wormsift_finding,
) -> *const c_char {
    guard_value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let incident = unsafe { finding.as_ref() }.and_then(|it| it.incident.as_ref());
        incident.map_or(std::ptr::null(), |id| id.as_ptr())
    })
}

/// Why the signature is muted: the reason that the entry in the file of mutes gives. Valid as
/// long as the finding; NULL for one that is not muted, and for NULL.
///
/// # Safety
///
/// `finding` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_muted(
    finding: *const wormsift_finding,
) -> *const c_char {
    guard_value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let reason = unsafe { finding.as_ref() }.and_then(|it| it.reason.as_ref());
        reason.map_or(std::ptr::null(), |reason| reason.as_ptr())
    })
}

/// The bytes that repeat, and how many they are. Valid as long as the finding; NULL for
/// NULL.
///
/// # Safety
///
/// `finding` is null or a handle of this library; `length` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_content(
    finding: *const wormsift_finding,
    length: *mut usize,
) -> *const u8 {
    guard_value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let (finding, length) = unsafe { (finding.as_ref(), length.as_mut()) };
        let content = finding.map(|it| &it.finding.signature().content[..]);
        if let Some(length) = length {
            *length = content.map_or(0, <[u8]>::len);
        }
        content.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// Fills in a finding's numbers. Set `struct_size` before.
///
/// # Safety
///
/// `finding` is null or a handle of this library; `out` is null or points to as many bytes
/// as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_summary(
    finding: *const wormsift_finding,
    out: *mut wormsift_summary,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { finding.as_ref() };
        let handle = handle.ok_or_else(|| Failure::null("finding"))?;
        let finding = &handle.finding;
        let it = finding.signature();
        let kind = match finding {
            Finding::Signature(_) => wormsift_kind::WORMSIFT_SIGNATURE,
            Finding::Update(_) => wormsift_kind::WORMSIFT_UPDATE,
            Finding::Summary(_) => wormsift_kind::WORMSIFT_SUMMARY,
        };
        let confidence = match it.confidence {
            engine::signature::Confidence::Low => wormsift_confidence::WORMSIFT_LOW,
            engine::signature::Confidence::Medium => wormsift_confidence::WORMSIFT_MEDIUM,
            engine::signature::Confidence::High => wormsift_confidence::WORMSIFT_HIGH,
        };
        let summary = wormsift_summary {
            struct_size: 0,
            kind: kind as u32,
            confidence: confidence as u32,
            protocol: it.protocol.into(),
            port: it.port.map_or(-1, i32::from),
            sources: it.sources,
            destinations: it.destinations,
            relays: it.relays.len() as u32,
            spread: it.spread,
            packets: it.packets,
            first_seen_ns: it.first_seen.as_nanos(),
            last_seen_ns: it.last_seen.as_nanos(),
            detected_at_ns: it.detected_at.as_nanos(),
            incident_kind: incident_kind(it.kind) as u32,
            muted: u32::from(handle.muted.is_some()),
            muted_until_ns: (handle.muted.as_ref())
                .and_then(|muted| muted.until)
                .map_or(0, engine::Timestamp::as_nanos),
        };
        // SAFETY: the caller's promise.
        unsafe { crate::structs::write(out, &summary, "out")? };
        Ok(WORMSIFT_OK)
    })
}

/// The kind as C has it.
fn incident_kind(kind: Kind) -> wormsift_incident_kind {
    match kind {
        Kind::Unclear => wormsift_incident_kind::WORMSIFT_UNCLEAR,
        Kind::Outbreak => wormsift_incident_kind::WORMSIFT_OUTBREAK,
        Kind::ScanCampaign => wormsift_incident_kind::WORMSIFT_SCAN_CAMPAIGN,
        Kind::MassDelivery => wormsift_incident_kind::WORMSIFT_MASS_DELIVERY,
        Kind::PeerProtocol => wormsift_incident_kind::WORMSIFT_PEER_PROTOCOL,
        Kind::ForwardingService => wormsift_incident_kind::WORMSIFT_FORWARDING_SERVICE,
    }
}

/// Writes a finding in a form that others take, a `wormsift_format`. Rules need a number
/// of the host's choice (`sid`, from 1 on) and its revision; the other forms take no
/// notice of both. `WORMSIFT_ERR_NO_RULE` if the content is too weak to be deployed, if the
/// setting "rule_kinds" does not name the kind of its incident, or if it is muted; a rule
/// that it had before should then go.
///
/// # Safety
///
/// `finding` is null or a handle of this library; `out` is null or points to a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_render(
    finding: *const wormsift_finding,
    format: u32,
    sid: u32,
    rev: u32,
    out: *mut wormsift_buffer,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let finding = unsafe { finding.as_ref() };
        let finding = finding.ok_or_else(|| Failure::null("finding"))?;
        // SAFETY: the caller's promise.
        unsafe { buffer::write(out, || render(finding, format, Sid { sid, rev })) }
    })
}

fn render(handle: &wormsift_finding, format: u32, sid: Sid) -> Result<String, Failure> {
    const JSON: u32 = wormsift_format::WORMSIFT_JSON as u32;
    const SURICATA: u32 = wormsift_format::WORMSIFT_SURICATA as u32;
    const SNORT3: u32 = wormsift_format::WORMSIFT_SNORT3 as u32;
    const ZEEK: u32 = wormsift_format::WORMSIFT_ZEEK as u32;
    const YARA: u32 = wormsift_format::WORMSIFT_YARA as u32;
    const EVE: u32 = wormsift_format::WORMSIFT_EVE as u32;
    let finding = &handle.finding;
    if format == JSON {
        return Ok(json_lines::write_marked(finding, handle.muted.as_ref()));
    }
    let invalid = |reason: String| Failure::new(WORMSIFT_ERR_INVALID_ARG, reason);
    if format > EVE {
        return Err(invalid(format!("format: expected 0 to {EVE}, found {format}")));
    }
    if [SURICATA, SNORT3, EVE].contains(&format) && sid.sid == 0 {
        return Err(invalid("sid: expected a number from 1 on, found 0".to_owned()));
    }
    if let Some(reason) = handle.no_rule() {
        return Err(Failure::new(WORMSIFT_ERR_NO_RULE, reason));
    }
    let options = RuleOptions::default();
    let rule = Rule::new(finding.signature(), sid, &options)
        .map_err(|weak| Failure::new(WORMSIFT_ERR_NO_RULE, weak.to_string()))?;
    Ok(match format {
        SURICATA => suricata::rule(&rule, &options),
        SNORT3 => snort3::rule(&rule, &options),
        ZEEK => zeek::rule(&rule),
        YARA => yara::rule(&rule),
        _ => eve::alert(&rule, None),
    })
}

/// Frees a finding. NULL is allowed.
///
/// # Safety
///
/// `finding` is null or a handle that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_finding_free(finding: *mut wormsift_finding) {
    // SAFETY: the caller's promise.
    unsafe { take_back(finding) }
}
