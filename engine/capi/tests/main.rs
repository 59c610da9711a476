//! The C interface as its hosts use it, in one program of tests:
//! `cargo test -p wormsift-capi --test all hosts` runs those of one file.

mod common;
mod header;
mod hosts;
mod suricata;
mod suricata_rules;
