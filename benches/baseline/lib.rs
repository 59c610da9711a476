//! The baselines of all benches, and how speeds are compared with them.
//!
//! - [`Rabin`] and [`EarlyBird`]: the paper's way, byte by byte, as fast as plain
//!   scalar code does it. Goals are multiples of these, taken in the same run.
//! - [`packets`]: decoded packets in memory, real or made, that can be gone over
//!   again and again without becoming the same content.
//! - [`measure`]: medians of interleaved repetitions, since the machine's speed
//!   changes while one looks.
//! - [`against`]: criterion's throughput with the multiple of a baseline beside it.

pub mod against;
pub mod count_min;
pub mod early_bird;
pub mod measure;
pub mod packets;
pub mod rabin;

pub use count_min::CountMin;
pub use early_bird::EarlyBird;
pub use packets::Packets;
pub use rabin::Rabin;
