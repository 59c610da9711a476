//! Counting in bounded memory.
//!
//! Every table here is sized once, in bytes, and is addressed by a well mixed 64-bit
//! hash; what the hash stands for is the caller's business. Three habits are shared:
//!
//! - **One cache line an access.** Tables are rows of 64-byte lines, zeroed by the
//!   system on first use, so that start-up costs nothing and a table that was hardly
//!   written is cleared for next to nothing.
//! - **A known direction of error.** [`CountMin`] and [`DistinctCount`] only ever err
//!   upwards, [`Bloom`] only ever says yes too often; [`FirstSeen`] only forgets. Only
//!   [`hyper_log_log`] errs both ways, so nothing that must not be missed rests on it.
//! - **Two epochs.** [`Epochs`] keeps the tables of the current and the previous epoch of
//!   any of them, so that nothing has to be deleted item by item; [`CountMin`], where every
//!   sighting goes, keeps both itself, side by side.
//!
//! A `place` is the memory that a later update will need, to be prefetched: an update
//! that finds its lines in the cache costs a tenth of one that waits for memory.

mod blocked_bloom;
mod bloom;
mod count_min;
mod distinct_count;
mod epochs;
mod first_seen;
mod first_sightings;
mod first_values;
mod hash;
pub mod hyper_log_log;
mod line_pairs;
mod lines;
mod variable_epochs;

pub use blocked_bloom::BlockedBloom;
pub use bloom::Bloom;
pub use count_min::CountMin;
pub use distinct_count::{DistinctCount, linear_count};
pub use epochs::{Clear, EpochClock, Epochs, Turn};
pub use first_seen::FirstSeen;
pub(crate) use first_seen::tag;
pub use first_sightings::{FirstSightings, Recalled};
pub(crate) use first_values::FirstValues;
pub use hash::{hash_pair, hash_word, reduce};
pub use variable_epochs::VariableEpochClock;
