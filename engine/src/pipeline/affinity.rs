//! Affinity of shards to threads.

use rayon::prelude::*;
use std::sync::Mutex;

/// Calls `work` with each shard and its number, on the threads of the current pool. A
/// thread begins with the shards that it had the last time, which are in its own caches,
/// and then takes what others have not come to.
pub(super) fn for_each_with_affinity<S: Send>(
    shards: &mut [S],
    work: impl Fn(usize, &mut S) + Sync,
) {
    let threads = rayon::current_num_threads();
    let count = shards.len();
    let slots: Vec<_> =
        shards.iter_mut().enumerate().map(|shard| Mutex::new(Some(shard))).collect();
    let take = |at: usize| slots[at].try_lock().ok().and_then(|mut slot| slot.take());
    (0..threads).into_par_iter().with_max_len(1).for_each(|_| {
        let thread = rayon::current_thread_index().unwrap_or(0);
        let own = thread * count / threads..(thread + 1) * count / threads;
        let others = (own.end..count).chain(0..own.start).rev();
        for (number, shard) in own.chain(others).filter_map(take) {
            work(number, shard);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shard_has_one_turn_on_any_number_of_threads() {
        for threads in [1, 2, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            for count in [0, 1, 5, 64] {
                let mut turns = vec![Vec::new(); count];
                pool.install(|| {
                    for_each_with_affinity(&mut turns, |number, turns| {
                        turns.push(number)
                    });
                });
                assert!((0..count).map(|number| vec![number]).eq(turns), "{threads}");
            }
        }
    }
}
