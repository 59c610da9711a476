//! Muted findings, set apart from the others, each in one line.

use crate::output::incident_table::words;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wormsift::packet::Timestamp;
use wormsift::signature::{Confidence, Incident, Kind, Signature};
use wormsift_export::mute::{Muted, MutedCounts};
use wormsift_export::text::{counted, grouped, service, service_name};

/// Findings that are kept at the same time; those that were seen longest ago go first.
const MOST: usize = 1_600;
/// Lines that are shown.
pub(crate) const ROWS: usize = 100;
/// Services of an incident that a line names.
const SERVICES: usize = 3;

/// What a line says of a finding.
#[derive(Clone, Debug)]
pub(crate) struct MutedFinding {
    /// Incidents stand before signatures.
    is_signature: bool,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) confidence: Confidence,
    pub(crate) services: String,
    /// Of a signature: its incident.
    incident: Option<String>,
    last_seen: Timestamp,
    pub(crate) muted: Muted,
}

impl MutedFinding {
    /// `incident` or `signature`.
    pub(crate) fn noun(&self) -> &'static str {
        if self.is_signature { "signature" } else { "incident" }
    }

    fn of_signature(it: &Signature, muted: &Muted) -> Self {
        Self {
            is_signature: true,
            id: it.id.clone(),
            kind: it.kind,
            confidence: it.confidence,
            services: service(it),
            incident: it.incident.clone(),
            last_seen: it.last_seen,
            muted: muted.clone(),
        }
    }

    fn of_incident(it: &Incident, muted: &Muted) -> Self {
        let named = it.services.iter().take(SERVICES);
        let named: Vec<String> =
            named.map(|(protocol, port)| service_name(*protocol, *port)).collect();
        let more = if it.services.len() > SERVICES { ", ..." } else { "" };
        Self {
            is_signature: false,
            id: it.id.clone(),
            kind: it.kind,
            confidence: it.confidence,
            services: named.join(", ") + more,
            incident: None,
            last_seen: it.last_seen,
            muted: muted.clone(),
        }
    }
}

/// The muted findings of a run, as of the last word on each.
#[derive(Clone, Debug, Default)]
pub(crate) struct MutedFindings {
    by_id: BTreeMap<String, MutedFinding>,
}

impl MutedFindings {
    /// Takes the last word on a signature: what mutes it, if anything does.
    pub(crate) fn signature(&mut self, it: &Signature, muted: Option<&Muted>) {
        // A part of another is no content of its own.
        let muted = muted.filter(|_| it.part_of.is_none());
        self.enter(&it.id, muted.map(|muted| MutedFinding::of_signature(it, muted)));
    }

    /// The same of an incident.
    pub(crate) fn incident(&mut self, it: &Incident, muted: Option<&Muted>) {
        let muted = muted.filter(|_| it.part_of.is_none());
        self.enter(&it.id, muted.map(|muted| MutedFinding::of_incident(it, muted)));
    }

    fn enter(&mut self, id: &str, finding: Option<MutedFinding>) {
        match finding {
            Some(finding) => self.by_id.insert(id.to_owned(), finding),
            None => self.by_id.remove(id),
        };
        if self.by_id.len() > MOST {
            let oldest = self.by_id.values().min_by_key(|it| (it.last_seen, &it.id));
            let oldest = oldest.map(|it| it.id.clone());
            oldest.and_then(|id| self.by_id.remove(&id));
        }
    }

    /// Incidents, then the signatures of others, each by kind.
    pub(crate) fn rows(&self) -> Vec<&MutedFinding> {
        let is_alone = |it: &&MutedFinding| {
            !it.incident.as_ref().is_some_and(|id| self.by_id.contains_key(id))
        };
        let mut rows: Vec<_> = self.by_id.values().filter(is_alone).collect();
        let place = |kind| Kind::ALL.iter().position(|known| *known == kind);
        rows.sort_by_key(|it| (it.is_signature, place(it.kind), &it.id));
        rows
    }

    /// The lines that stand under a table; empty if there are none.
    pub(crate) fn text(&self) -> String {
        let rows = self.rows();
        if rows.is_empty() {
            return String::new();
        }
        let mut text = "\nmuted:\n".to_owned();
        for it in rows.iter().take(ROWS) {
            let _ = writeln!(
                text,
                "   {:9}  {}  {}, {} confidence, {}, {}",
                it.noun(),
                it.id,
                words(it.kind),
                it.confidence.name(),
                it.services,
                it.muted.words()
            );
        }
        let others = rows.len().saturating_sub(ROWS);
        if others > 0 {
            let _ = writeln!(text, "   and {} more", grouped(others as u64));
        }
        text
    }
}

/// `2 signatures and 1 incident muted`, where there are any.
pub(crate) fn counted_muted(counts: MutedCounts) -> Option<String> {
    let MutedCounts { signatures, incidents } = counts;
    (signatures + incidents > 0).then(|| {
        format!(
            "{} and {} muted",
            counted(signatures, "signature"),
            counted(incidents, "incident")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::testing::signature;

    fn muted(reason: &str) -> Muted {
        Muted { entry: String::new(), reason: reason.to_owned(), until: None }
    }

    fn incident(id: u32, kind: Kind) -> Incident {
        Incident {
            id: format!("{id:032x}"),
            kind,
            services: vec![(6, Some(25)), (17, None), (6, Some(80)), (6, Some(81))],
            ..Incident::default()
        }
    }

    #[test]
    fn incidents_lead_and_their_signatures_are_not_told_twice() {
        let mut all = MutedFindings::default();
        assert_eq!(all.text(), "");
        let of = |id: u32, incident: Option<u32>| Signature {
            incident: incident.map(|id| format!("{id:032x}")),
            ..signature(id, 3, 10, b"content")
        };
        all.signature(&of(1, Some(7)), Some(&muted("one")));
        all.signature(&of(2, Some(8)), Some(&muted("two")));
        all.signature(&of(3, Some(8)), None);
        all.incident(&incident(7, Kind::ForwardingService), Some(&muted("seven")));
        all.incident(&incident(9, Kind::Outbreak), Some(&muted("nine")));
        let text = all.text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "   incident   00000000000000000000000000000009  outbreak, low confidence, tcp/25, \
                 udp, tcp/80, ..., without end: nine",
                "   incident   00000000000000000000000000000007  forwarding service, low \
                 confidence, tcp/25, udp, tcp/80, ..., without end: seven",
                "   signature  00000000000000000000000000000002  outbreak, high confidence, \
                 udp/4444, without end: two",
            ]
        );
        // Its last words.
        all.incident(&incident(7, Kind::Outbreak), None);
        let part_of = Some("x".to_owned());
        let part = Incident { part_of, ..incident(9, Kind::Outbreak) };
        all.incident(&part, Some(&muted("nine")));
        let ids: Vec<&str> = all.rows().iter().map(|it| &it.id[30..]).collect();
        assert_eq!(ids, ["01", "02"]);
    }

    #[test]
    fn a_hundred_are_shown_and_what_is_kept_is_bounded() {
        let mut all = MutedFindings::default();
        for id in 0..2_000 {
            let last_seen = Timestamp::from_nanos(u64::from(id % 1_000));
            let it = Incident { last_seen, ..incident(id, Kind::Unclear) };
            all.incident(&it, Some(&muted("many")));
        }
        assert_eq!(all.by_id.len(), MOST);
        assert!(all.by_id.values().all(|it| it.last_seen.as_nanos() >= 200));
        let text = all.text();
        assert_eq!(text.lines().count(), 2 + ROWS + 1);
        assert!(text.ends_with("   and 1,500 more\n"));
    }
}
