//! Content shards that are with workers: the tasks of a merger, and their results.
//!
//! ```text
//! Merger: packet time, conversations -> ShardTask, one a worker
//! ShardWorker: prevalence, dispersion, propagation, candidates -> ShardResult
//! Merger: alarms of all shards, in order -> signatures
//! ```
//!
//! Guarantees: a merger with workers finds what it finds without, however many there are and
//! whichever shard is whose. Tasks of one worker are done in their order; results of different
//! workers may come in any. Costs: within a process a batch is shared; a message of it takes
//! some 140 bytes a packet and 16 a sighting. Workers are believed: messages have a version
//! and lengths that are checked, and no more.

mod result;
mod task;
mod worker;

pub use result::ShardResult;
pub(in crate::pipeline) use result::{OfShard, State, saved};
pub use task::ShardTask;
pub(in crate::pipeline) use task::{ShardBatch, Task};
pub use worker::ShardWorker;

use crate::pipeline::sizing::CONTENT_SHARDS;

/// The version of all messages. All processes must have the same.
const VERSION: u16 = 1;

/// The worker of each content shard, where `shares` says in which proportion they are
/// divided; the first one's where all are zero.
pub(in crate::pipeline) fn owners(shares: &[u32]) -> Vec<u16> {
    let sum: u64 = shares.iter().map(|share| u64::from(*share)).sum();
    let mut owners = Vec::with_capacity(CONTENT_SHARDS);
    let mut until = 0;
    for (worker, share) in (0..).zip(shares) {
        until += u64::from(*share);
        let end = (until * CONTENT_SHARDS as u64).checked_div(sum).unwrap_or(0);
        owners.resize((end as usize).max(owners.len()), worker);
    }
    owners.resize(CONTENT_SHARDS, 0);
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_divided_as_the_shares_say() {
        let count = |shares: &[u32]| {
            let owners = owners(shares);
            let of =
                |worker| owners.iter().filter(|it| usize::from(**it) == worker).count();
            (0..shares.len().max(1)).map(of).collect::<Vec<_>>()
        };
        assert_eq!(count(&[]), [64]);
        assert_eq!(count(&[0, 0]), [64, 0]);
        assert_eq!(count(&[1]), [64]);
        assert_eq!(count(&[1, 1]), [32, 32]);
        assert_eq!(count(&[3, 0, 5]), [24, 0, 40]);
        assert_eq!(count(&[1; 3]), [21, 21, 22]);
        assert_eq!(count(&[1; 200]).iter().sum::<usize>(), 64);
        assert_eq!(count(&[u32::MAX; 2]), [32, 32]);
    }
}
