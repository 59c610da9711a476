//! Which addresses the settings call dark, and of which it is learned.
//!
//! A decoy is not dark: it is there to be talked to. What is named as dark need not be learned.

use crate::config::Config;
use crate::packet::NetworkSet;
use crate::time::Span;

/// The addresses that are named as dark.
pub(super) fn named(config: &Config) -> NetworkSet {
    NetworkSet::new(&config.dark).without(&NetworkSet::new(&config.decoys))
}

/// The addresses of which it is learned whether they are.
pub(super) fn learned(config: &Config) -> NetworkSet {
    match config.dark_learn {
        Span(0) => NetworkSet::default(),
        _ => NetworkSet::new(config.home_net.networks())
            .without(&NetworkSet::new(&config.dark))
            .without(&NetworkSet::new(&config.decoys)),
    }
}
