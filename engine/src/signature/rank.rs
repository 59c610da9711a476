//! The order in which a person should read signatures.

use super::Signature;
use std::cmp::{Ordering, Reverse};

impl Signature {
    /// The order in which a person should read signatures, the first to read least:
    ///
    /// 1. what was passed on (`spread` above 0), whatever its confidence: that is what
    ///    sets a worm apart from a popular server;
    /// 2. the higher confidence;
    /// 3. the larger `spread`;
    /// 4. the more dispersed, by the smaller of sources and destinations: a crowd at one
    ///    server has one of them large;
    /// 5. the more packets;
    /// 6. the lower id, so that the order never depends on the run.
    pub fn by_rank(&self, other: &Self) -> Ordering {
        let key = |s: &Self| {
            let minimum = s.sources.min(s.destinations);
            Reverse((s.spread > 0, s.confidence, s.spread, minimum, s.packets))
        };
        key(self).cmp(&key(other)).then_with(|| self.id.cmp(&other.id))
    }

    /// The order in which signatures are given up where there is room for some only, the
    /// first to go least: the lower grade, then the smaller `spread`, the less dispersed,
    /// the fewer packets, the higher id. Age has no say, so that many new ones of little
    /// weight never push out one of weight.
    pub fn by_weight(&self, other: &Self) -> Ordering {
        let key =
            |s: &Self| (s.confidence, s.spread, s.sources.min(s.destinations), s.packets);
        key(self).cmp(&key(other)).then_with(|| other.id.cmp(&self.id))
    }
}
