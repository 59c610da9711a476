//! What a sensor said in a run: findings and incidents, each with its tick.

use std::collections::BTreeMap;
use wormsift::pipeline::Sensor;
use wormsift::signature::{Finding, Incident, Signature};

/// What a sensor said.
#[derive(Default)]
pub(crate) struct Said {
    /// Each signature or update, and the tick at which it was said.
    pub(crate) news: Vec<(u64, Signature)>,
    /// The last word on each that is a content of its own, at the end.
    pub(crate) closing: Vec<Signature>,
    /// Each word on an incident, and the tick at which it was said.
    pub(crate) incidents: Vec<(u64, Incident)>,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) seconds: f64,
}

impl Said {
    /// By id, when each signature was first said, and the last word on it.
    pub(crate) fn last(&self) -> BTreeMap<&str, (u64, &Signature)> {
        let mut last: BTreeMap<&str, (u64, &Signature)> = BTreeMap::new();
        for (time, it) in &self.news {
            last.entry(&it.id).and_modify(|known| known.1 = it).or_insert((*time, it));
        }
        last
    }

    /// The last word on a signature.
    pub(crate) fn word(&self, id: &str) -> Option<&Signature> {
        let news = || self.news.iter().rev().map(|(_, it)| it);
        self.closing.iter().chain(news()).find(|it| it.id == id)
    }

    /// Takes what a sensor says at a tick.
    pub(crate) fn take(&mut self, sensor: &mut Sensor, now: u64) {
        for finding in sensor.findings() {
            match finding {
                // A long silence may lie between its tick and the next packet.
                Finding::Signature(it) => {
                    self.news.push((it.detected_at.as_nanos(), it));
                }
                Finding::Update(it) => {
                    self.news.push((now.max(it.detected_at.as_nanos()), it));
                }
                Finding::Summary(it) if it.part_of.is_none() => self.closing.push(it),
                Finding::Summary(_) => {}
            }
        }
        // Nothing is expected of these.
        drop((sensor.dark_events(), sensor.decoy_reports(), sensor.waves()));
        let incidents = sensor.incidents().into_iter();
        self.incidents
            .extend(incidents.map(|it| (now.max(it.detected_at.as_nanos()), it)));
    }
}
