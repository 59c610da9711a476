//! The content that came nearest to an alarm, so that a run without findings can say how
//! far it was from one.
//!
//! One entry a shard, compared at each sighting past prevalence, which few are. The answer
//! depends on the packets alone: ties go to the lower key. It is not part of a saved state:
//! after a restart it begins anew.

/// A content, and how many hosts it had at its nearest to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearestContent {
    /// Number of the IP protocol.
    pub protocol: u8,
    /// The port under the port rule; `None` where there is none.
    pub port: Option<u16>,
    /// Estimated sources.
    pub sources: u32,
    /// Estimated destinations.
    pub destinations: u32,
}

/// The nearest so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nearest {
    key: u64,
    /// The smaller share of a threshold that was reached, in thousandths, then the sum of
    /// both. 0 stands for no content.
    rank: (u32, u32),
    sources: u32,
    destinations: u32,
    protocol: u8,
    port: Option<u16>,
}

impl Nearest {
    /// Takes a content's estimates against the thresholds; `service` says which protocol
    /// and port it had, where that is asked for.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        key: u64,
        (sources, destinations): (u32, u32),
        thresholds: (u32, u32),
        service: impl FnOnce() -> (u8, Option<u16>),
    ) {
        let share = |hosts: u32, threshold: u32| {
            (u64::from(hosts) * 1_000 / u64::from(threshold.max(1))).min(1_000) as u32
        };
        let shares = (share(sources, thresholds.0), share(destinations, thresholds.1));
        let rank = (shares.0.min(shares.1), shares.0 + shares.1);
        if rank < self.rank || rank == self.rank && key >= self.key {
            return;
        }
        let (protocol, port) = service();
        *self = Self { key, rank, sources, destinations, protocol, port };
    }

    /// Takes another shard's.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.rank > self.rank || other.rank == self.rank && other.key < self.key {
            *self = Self { ..*other };
        }
    }

    /// What it is, if there was one.
    pub(crate) fn content(&self) -> Option<NearestContent> {
        (self.rank != (0, 0)).then_some(NearestContent {
            protocol: self.protocol,
            port: self.port,
            sources: self.sources,
            destinations: self.destinations,
        })
    }
}

crate::state::persist!(Nearest { key, rank, sources, destinations, protocol, port });

#[cfg(test)]
mod tests {
    use super::*;

    fn of(offers: &[(u64, (u32, u32))]) -> Nearest {
        let mut nearest = Nearest::default();
        for &(key, estimates) in offers {
            nearest.offer(key, estimates, (30, 10), || (17, Some(key as u16)));
        }
        nearest
    }

    #[test]
    fn the_smaller_share_of_a_threshold_decides_then_both() {
        // 29 of 30 sources but one destination are further away than half of each.
        let offers = [(1, (29, 1)), (2, (15, 5)), (3, (15, 6)), (4, (14, 10))];
        let found = of(&offers).content().unwrap();
        assert_eq!((found.port, found.sources, found.destinations), (Some(3), 15, 6));
        let mut reversed = offers;
        reversed.reverse();
        assert_eq!(of(&reversed).content().unwrap(), found);
    }

    #[test]
    fn shards_put_together_say_what_one_would() {
        let offers = [(9, (4, 2)), (7, (4, 2)), (8, (2, 2)), (5, (1, 9))];
        let mut sum = Nearest::default();
        offers.chunks(1).for_each(|one| sum.merge(&of(one)));
        assert_eq!(sum.content(), of(&offers).content());
        assert_eq!(sum.content().unwrap().port, Some(7));
        assert_eq!(of(&[]).content(), None);
    }
}
