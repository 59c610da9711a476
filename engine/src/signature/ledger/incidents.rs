//! The ledger's part in incidents: when they are looked at, and what is told of them.

use super::super::Signature;
use super::super::incidents::{Changed, Found, Incident, Outline, incident};
use super::{Finding, Ledger, News};
use crate::packet::Timestamp;
use std::collections::HashSet;

impl Ledger {
    /// Looks at incidents anew, then puts the news of a tick in words: of signatures that the
    /// alarms were of, of others whose grade has changed with their incident, and of incidents.
    pub(super) fn tell(&mut self, news: Vec<News>) -> Vec<Finding> {
        if self.touched.is_empty() && news.is_empty() {
            return Vec::new();
        }
        let changed = self.look_at_incidents();
        let mut findings = Vec::with_capacity(news.len());
        for news in news {
            findings.push(match news {
                News::PartOf(_, last) => Finding::Summary(*last),
                News::First(n) => {
                    self.counters.signatures += 1;
                    Finding::Signature(self.told(n))
                }
                News::More(n) => {
                    self.counters.updates += 1;
                    Finding::Update(self.told(n))
                }
            });
        }
        let found = changed.incidents.iter().filter_map(|id| self.incidents.get(*id));
        let members: Vec<u64> = found.flat_map(|it| it.members.iter().copied()).collect();
        for n in members {
            let known = &self.known[&n];
            if known.told != Some(known.grade(n, &self.around()).0) {
                self.counters.updates += 1;
                findings.push(Finding::Update(self.told(n)));
            }
        }
        self.tell_incidents(&changed);
        findings
    }

    /// The signature of this number, whose grade is told now.
    fn told(&mut self, n: u64) -> Signature {
        let signature = self.known[&n].signature(n, &self.around());
        if let Some(known) = self.known.get_mut(&n) {
            known.told = Some(signature.confidence);
        }
        signature
    }

    /// Which signatures belong together now.
    pub(super) fn look_at_incidents(&mut self) -> Changed {
        let mut touched = std::mem::take(&mut self.touched);
        // Of what was not told no incident says anything.
        touched.retain(|n| !self.untold.contains(n));
        let told = self.known.iter().filter(|(n, _)| !self.untold.contains(n));
        let members: Vec<_> = told.map(|(n, known)| known.member(*n)).collect();
        let first_id = |n: u64| self.known[&n].id.clone();
        self.incidents.look(&members, &touched, first_id)
    }

    fn tell_incidents(&mut self, changed: &Changed) {
        let mut news: Vec<(u128, Incident)> = Vec::new();
        for &id in &changed.incidents {
            let Some(found) = self.incidents.get(id) else { continue };
            // Most have no news, and making one takes all its signatures.
            let outline = self.outline(found);
            if !self.incidents.is_news(id, &outline) {
                continue;
            }
            let Some(found) = self.incidents.get(id) else { continue };
            let mut incident = self.incident(id, found);
            debug_assert_eq!(Outline::of(&incident), outline);
            incident.detected_at =
                self.incidents.told_at(id).unwrap_or(incident.detected_at);
            news.push((id, incident));
        }
        self.tell_parts(&changed.parts);
        self.incidents.drop_ended();
        news.sort_by(|(_, a), (_, b)| {
            (a.detected_at, &a.id).cmp(&(b.detected_at, &b.id))
        });
        self.incident_news.extend(news.into_iter().map(|(_, incident)| incident));
    }

    /// The last words on incidents that have become part of others.
    pub(super) fn tell_parts(&mut self, parts: &[(u128, u128)]) {
        for &(part, whole) in parts {
            let Some(found) = self.incidents.get(whole) else { continue };
            let last = Incident {
                id: format!("{part:032x}"),
                part_of: Some(format!("{whole:032x}")),
                ..self.incident(whole, found)
            };
            self.incidents.forget(part);
            self.incident_news.push(last);
        }
    }

    /// Of an incident whose signatures have been told their grades.
    fn outline(&self, found: &Found) -> Outline {
        let mut outline = Outline::new(found.kind);
        let mut relays = HashSet::new();
        let mut first: Option<Timestamp> = None;
        for n in &found.members {
            let Some(known) = self.known.get(n) else { continue };
            outline.add(&known.id);
            outline.confidence = outline.confidence.max(known.told.unwrap_or_default());
            relays.extend(known.tally.relays.1.iter().map(|relay| relay.host));
            let at = known.detected_at();
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        outline.relays = relays.len() as u32;
        outline.detected_at = first.unwrap_or_default();
        outline
    }

    pub(super) fn incident(&self, id: u128, found: &Found) -> Incident {
        let around = self.around();
        let mut signatures: Vec<Signature> = (found.members.iter())
            .filter_map(|n| Some(self.known.get(n)?.signature(*n, &around)))
            .collect();
        signatures.sort_by(Signature::by_rank);
        incident(id, found, &signatures)
    }

    /// What is new of incidents since the last call: each as of its tick, and at the end of a
    /// run each once, in the order of [`Incident::by_rank`].
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incident_news)
    }
}
