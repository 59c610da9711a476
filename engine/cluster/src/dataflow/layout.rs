//! Which worker does what.
//!
//! Workers are numbered over all processes, those of the first process first. The first one has
//! the merger. Guarantees: all processes come to the same; findings do not depend on it.

/// What a tap, the merger, and all content shards of a tap cost beside each other, by the
/// stage times of `wormsift bench`.
const OF_TAP: u32 = 5;
const OF_MERGER: u32 = 2;
const OF_SHARDS: u32 = 3;

/// So many processes with so many workers each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many processes.
    pub processes: u16,
    /// Workers of each.
    pub workers: u16,
}

impl Layout {
    /// All workers.
    pub(super) fn all(self) -> u16 {
        self.processes.max(1).saturating_mul(self.workers.max(1))
    }

    /// The process that reads a tap's captures.
    pub fn process_of(self, tap: u16) -> u16 {
        tap % self.processes.max(1)
    }

    /// The worker that has a tap: taps of a process are dealt to its workers from the last one
    /// on, so that the merger's has the fewest.
    pub(super) fn worker_of(self, tap: u16) -> u16 {
        let workers = self.workers.max(1);
        let turn = tap / self.processes.max(1) % workers;
        self.process_of(tap) * workers + workers - 1 - turn
    }

    /// How the content shards are divided: so that all workers have about as much to do.
    pub(super) fn shares(self, taps: u16) -> Vec<u32> {
        let mut loads = vec![0; usize::from(self.all())];
        loads[0] += OF_MERGER;
        (0..taps).for_each(|tap| loads[usize::from(self.worker_of(tap))] += OF_TAP);
        let left = |level: u32| loads.iter().map(move |load| level.saturating_sub(*load));
        let wanted = OF_SHARDS * u32::from(taps);
        let level = (0..).find(|level| left(*level).sum::<u32>() >= wanted).unwrap_or(0);
        left(level).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tap_of_two_workers_is_beside_the_merger_and_the_shards() {
        let two = Layout { processes: 1, workers: 2 };
        assert_eq!((two.worker_of(0), two.shares(1)), (1, vec![3, 0]));
        let one = Layout { processes: 1, workers: 1 };
        assert_eq!((one.worker_of(0), one.shares(1)), (0, vec![3]));
    }

    #[test]
    fn taps_are_dealt_to_processes_and_their_workers() {
        let layout = Layout { processes: 2, workers: 2 };
        let of: Vec<u16> = (0..5).map(|tap| layout.worker_of(tap)).collect();
        assert_eq!(of, [1, 3, 0, 2, 1]);
        assert!((0..5).all(|tap| layout.process_of(tap) == layout.worker_of(tap) / 2));
        // Loads 7, 10, 5, 5 without the shards, which weigh 15.
        assert_eq!(layout.shares(5), [4, 1, 6, 6]);
    }

    #[test]
    fn every_layout_has_a_worker_for_each_tap_and_shares_for_each_worker() {
        for processes in 0..5 {
            for workers in 0..5 {
                let layout = Layout { processes, workers };
                for taps in [0, 1, 2, 7, 64] {
                    let shares = layout.shares(taps);
                    assert_eq!(shares.len(), usize::from(layout.all()));
                    assert!((0..taps).all(|tap| layout.worker_of(tap) < layout.all()));
                }
            }
        }
    }
}
