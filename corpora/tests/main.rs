//! What the generators promise, in one program of tests:
//! `cargo test -p wormsift-corpora --test all worms` runs those of one file.

mod adversary;
mod background;
mod benign;
mod committed_traces;
mod common;
mod determinism;
mod epidemic_presets;
mod epidemic_rule;
mod infrastructure;
mod unsolicited;
mod worm_behaviour;
mod worms;
