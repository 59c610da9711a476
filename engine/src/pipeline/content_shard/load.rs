//! How full a content shard is, and what it had no room for: what is warned of.

use super::ContentShard;
use crate::packet::Host;
use crate::pipeline::nearest::Nearest;
use crate::state::persist;

/// See the [module](self).
#[derive(Clone, Default)]
pub(crate) struct ShardLoad {
    /// Shares of the tables that are filled.
    pub(crate) prevalence: f64,
    pub(crate) dispersion: f64,
    /// Thresholds that were passed by contents without a candidate.
    pub(crate) alarms_without_room: u64,
    /// Packets that showed new contents while not all were followed.
    pub(crate) kept_out: u64,
    /// The seconds of the first and of the last of them.
    pub(crate) between: (u64, u64),
    /// Their sources, with at least so many packets of each.
    pub(crate) sources: Vec<(Host, u64)>,
    /// Sightings after which a content is followed now.
    pub(crate) sightings: u32,
    /// Candidates: all, and by class.
    pub(crate) live: u64,
    pub(crate) classes: [u64; 3],
    /// What came nearest to an alarm.
    pub(crate) nearest: Nearest,
}

impl ContentShard {
    pub(crate) fn load(&self) -> ShardLoad {
        let (kept_out, between) = self.admission.packets();
        let sources = match kept_out {
            0 => Vec::new(),
            _ => self.admission.sources().collect(),
        };
        ShardLoad {
            prevalence: self.prevalence.fill(),
            dispersion: self.dispersion.fill(),
            alarms_without_room: self.counters.alarms_without_room,
            kept_out,
            between,
            sources,
            sightings: self.admission.sightings(),
            live: self.candidates.len() as u64,
            classes: self.candidates.classes(),
            nearest: self.nearest,
        }
    }
}

persist!(ShardLoad {
    prevalence,
    dispersion,
    alarms_without_room,
    kept_out,
    between,
    sources,
    sightings,
    live,
    classes,
    nearest
});
