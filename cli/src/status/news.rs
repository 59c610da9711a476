//! What a run has found lately, for its page.

use crate::output::muted::MutedFindings;
use std::collections::VecDeque;
use wormsift::packet::AddressPlan;
use wormsift::signature::{Incident, Signature};
use wormsift_export::mute::Muted;

/// Signatures that the page shows.
const NEWEST: usize = 20;
/// Incidents that are kept for the page, of which it shows those of the highest rank.
const INCIDENTS: usize = 64;
/// Warnings that the page shows.
const WARNINGS: usize = 10;

/// The newest incidents and signatures, the newest first, each with its latest state; and
/// warnings.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// Without their hosts and the ids of their signatures.
    pub(crate) incidents: VecDeque<Incident>,
    pub(crate) signatures: VecDeque<Signature>,
    /// What is muted, which is in neither.
    pub(crate) muted: MutedFindings,
    pub(crate) warnings: VecDeque<String>,
}

impl News {
    /// Takes the last word on an incident; one that has become part of another is dropped.
    pub(crate) fn incident(&mut self, incident: Incident, muted: Option<&Muted>) {
        self.incidents.retain(|other| other.id != incident.id);
        self.muted.incident(&incident, muted);
        if incident.part_of.is_none() && muted.is_none() {
            let bounded = Incident {
                signatures: Vec::new(),
                hosts: Vec::new(),
                reasons: Vec::new(),
                addresses: AddressPlan::default(),
                ..incident
            };
            self.incidents.push_front(bounded);
            self.incidents.truncate(INCIDENTS);
        }
    }

    /// Those of the highest rank, at most so many.
    pub(crate) fn best_incidents(&self, most: usize) -> Vec<&Incident> {
        let mut best: Vec<&Incident> = self.incidents.iter().collect();
        best.sort_by(|a, b| a.by_rank(b));
        best.truncate(most);
        best
    }

    pub(crate) fn signature(&mut self, signature: &Signature, muted: Option<&Muted>) {
        self.signatures.retain(|other| other.id != signature.id);
        self.muted.signature(signature, muted);
        if muted.is_some() {
            return;
        }
        self.signatures.push_front(signature.clone());
        self.signatures.truncate(NEWEST);
    }

    pub(crate) fn warning(&mut self, text: &str) {
        self.warnings.push_front(text.to_owned());
        self.warnings.truncate(WARNINGS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::signature::{Confidence, IncidentHost, Kind};

    fn incident(id: usize, kind: Kind) -> Incident {
        Incident {
            id: format!("{id:032x}"),
            kind,
            confidence: Confidence::Medium,
            hosts: vec![IncidentHost::default(); 256],
            signatures: vec![String::new(); 500],
            ..Incident::default()
        }
    }

    #[test]
    fn the_newest_incidents_are_kept_and_the_highest_rank_leads() {
        let mut news = News::default();
        for id in 0..1_000 {
            news.incident(incident(id, Kind::MassDelivery), None);
        }
        news.incident(incident(990, Kind::Outbreak), None);
        assert_eq!(news.incidents.len(), INCIDENTS);
        let is_bounded = |it: &Incident| it.hosts.is_empty() && it.signatures.is_empty();
        assert!(news.incidents.iter().all(is_bounded));
        let best = news.best_incidents(3);
        let best: Vec<_> = best.iter().map(|it| (it.kind, it.id.clone())).collect();
        let expected =
            [(Kind::Outbreak, 990), (Kind::MassDelivery, 936), (Kind::MassDelivery, 937)];
        assert_eq!(best, expected.map(|(kind, id)| (kind, format!("{id:032x}"))));
        // Its last word says that it is part of another.
        let part_of = Some("0".repeat(32));
        news.incident(Incident { part_of, ..incident(990, Kind::Outbreak) }, None);
        assert_eq!(news.incidents.len(), INCIDENTS - 1);
        assert!(news.incidents.iter().all(|it| it.kind == Kind::MassDelivery));
        // What is muted is apart.
        let known =
            Muted { entry: String::new(), reason: "known".to_owned(), until: None };
        news.incident(incident(991, Kind::MassDelivery), Some(&known));
        assert_eq!(news.muted.rows().len(), 1);
        assert!(news.incidents.iter().all(|it| it.id != format!("{:032x}", 991)));
    }
}
