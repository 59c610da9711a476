//! The program as its users run it, in one program of tests:
//! `cargo test -p wormsift-cli --test all usage` runs those of one file.

mod bench;
mod common;
mod corpus;
mod detect;
mod durations;
mod evaluate;
mod explain;
mod export;
#[cfg(feature = "fleet")]
mod fleet;
mod generate;
mod generate_into;
mod generate_merge;
mod learn;
mod live;
mod matching;
mod memory;
mod mute;
mod overlap;
mod results;
mod resume;
mod schema;
mod taps;
mod usage;
#[cfg(all(feature = "fleet", unix))]
mod workers;
