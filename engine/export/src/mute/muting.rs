//! The rule applied to findings as they come.

use super::Muted;
use super::rule::{Mutes, Verdict};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use wormsift::signature::{Incident, Signature};

/// Muted signatures that are remembered: twice as many as the engine knows at a time.
const MOST: usize = 8_192;

/// How many findings were muted: each once, and again if it was not muted in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MutedCounts {
    /// Signatures.
    pub signatures: u64,
    /// Incidents.
    pub incidents: u64,
}

/// Mutes findings as they come: signatures before the incidents that they belong to, as the
/// engine tells them.
///
/// Remembers the latest 8,192 muted signatures and incidents. An incident with signatures that
/// are forgotten is muted by its own id alone.
#[derive(Debug, Default)]
pub struct Muting {
    mutes: Arc<Mutes>,
    signatures: Latest,
    incidents: Latest,
    counts: MutedCounts,
    /// Incidents of which it was said that they are outbreaks by now.
    said: HashSet<String>,
    news: Vec<String>,
}

impl Muting {
    /// By these entries.
    pub fn new(mutes: Mutes) -> Self {
        Self { mutes: Arc::new(mutes), ..Self::default() }
    }

    /// The entries.
    pub fn mutes(&self) -> &Arc<Mutes> {
        &self.mutes
    }

    /// Takes other entries from now on. What is counted stays.
    pub fn replace(&mut self, mutes: Mutes) {
        self.mutes = Arc::new(mutes);
        self.signatures = Latest::default();
        self.said.clear();
    }

    /// Whether a signature is muted, as it is now.
    pub fn signature(&mut self, signature: &Signature) -> Option<Muted> {
        let verdict = self.mutes.signature(signature);
        let muted = self.heard(verdict);
        self.counts.signatures +=
            u64::from(self.signatures.enter(&signature.id, muted.clone()));
        muted
    }

    /// Whether an incident is muted, as it is now.
    pub fn incident(&mut self, incident: &Incident) -> Option<Muted> {
        let verdict = self.mutes.incident(incident);
        let muted = self.heard(verdict).or_else(|| self.by_its_signatures(incident));
        self.counts.incidents +=
            u64::from(self.incidents.enter(&incident.id, muted.clone()));
        muted
    }

    /// The entry of its strongest signature, if all of them are muted.
    fn by_its_signatures(&self, incident: &Incident) -> Option<Muted> {
        let mut all = incident.signatures.iter().map(|id| self.signatures.get(id));
        let strongest = all.next()??.clone();
        all.all(|muted| muted.is_some()).then_some(strongest)
    }

    fn heard(&mut self, verdict: Verdict) -> Option<Muted> {
        if let Verdict::Changed { incident, was, entry } = &verdict
            && self.said.len() < MOST
            && self.said.insert(incident.clone())
        {
            let was = match was {
                Some(kind) => {
                    format!("it was muted as {}", kind.name().replace('_', " "))
                }
                None => "its entry does not say that it was one".to_owned(),
            };
            self.news.push(format!(
                "incident {incident} is an outbreak and not muted: {was}, {}",
                entry.words()
            ));
        }
        verdict.muted()
    }

    /// What is to be said since the last call, a line each: mutes that no longer hold.
    pub fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// How many findings were muted so far.
    pub fn counts(&self) -> MutedCounts {
        self.counts
    }
}

/// The latest muted findings by id.
#[derive(Debug, Default)]
struct Latest {
    known: HashMap<String, (u64, Muted)>,
    order: BTreeMap<u64, String>,
    next: u64,
}

impl Latest {
    fn get(&self, id: &str) -> Option<&Muted> {
        self.known.get(id).map(|(_, muted)| muted)
    }

    /// Enters what is said of one; whether it was not muted before and is now.
    fn enter(&mut self, id: &str, muted: Option<Muted>) -> bool {
        let before = self.known.remove(id);
        if let Some((place, _)) = &before {
            self.order.remove(place);
        }
        let Some(muted) = muted else { return false };
        self.next += 1;
        self.order.insert(self.next, id.to_owned());
        self.known.insert(id.to_owned(), (self.next, muted));
        if self.known.len() > MOST
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
        before.is_none()
    }
}
