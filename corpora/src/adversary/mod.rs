//! Worms whose author knows the sensor.
//!
//! The author has its source but not its key, and evades it on purpose. Each scenario is one
//! way, in the [setting](base) that all share; its profile says what is expected, and why,
//! before it is measured.

mod base;
mod forgery;
mod fragments;
mod hidden;
mod segments;
mod strategies;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    fragments::FAKE_FIRST,
    fragments::FAKE_LAST,
    fragments::HELD_BACK,
    fragments::MANY_HOLES,
    fragments::TINY_FIRST,
    fragments::FAKE_END,
    segments::EVEN_FIRST,
    segments::FAR_AHEAD_FAKES,
    segments::ONE_BYTE,
    segments::INCONSISTENT,
    segments::BAD_CHECKSUM,
    hidden::OVER_TCP,
    strategies::PULLED,
    strategies::PORT_PER_HOP,
    strategies::IN_PARTS,
    strategies::BETWEEN_LITERALS,
    forgery::OVER_TCP,
    forgery::OVER_UDP,
    forgery::IN_TUNNEL,
];
