//! What holds of the library as a whole, in one program: `cargo test -p wormsift --test all time`
//! runs the tests of one file.

mod addresses;
mod architecture;
mod baseline;
mod captures;
mod captures_read;
mod carriage;
mod circles;
mod common;
mod content_bytes;
mod counts;
mod coverage;
mod dark;
mod decoders_page;
mod decoys;
mod determinism;
mod exactness;
mod forged_high;
mod forged_sources;
mod fragments;
mod fuzz;
mod hard_negatives;
mod hosts;
mod keys;
mod overload;
mod public_api;
mod relay_flood;
mod roles;
mod sampling;
mod scenarios;
mod seams;
mod settings_page;
mod state;
mod time;
mod tshark;
mod winnow_seams;
