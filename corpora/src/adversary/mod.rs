//! Worms whose author knows the sensor.
//!
//! The author has its source but not its key, and evades it on purpose. Each scenario is one
//! way, in the [setting](base) that all share; its profile says what is expected, and why,
//! before it is measured.

mod allergy;
mod base;
mod chain;
mod flags;
mod flood;
mod forgery;
mod fragments;
mod hidden;
mod red_herring;
mod segments;
mod strategies;
mod tunnel;

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
    flags::FAKE_RESETS,
    flags::FAKE_SYNS,
    flags::URGENT_BYTES,
    flags::BODY_IN_SYN,
    hidden::OVER_TCP,
    strategies::PULLED,
    strategies::PORT_PER_HOP,
    strategies::IN_PARTS,
    strategies::BETWEEN_LITERALS,
    chain::ENTRY,
    red_herring::ENTRY,
    tunnel::ENTRY,
    flood::FORGED,
    flood::IN_TUNNEL,
    forgery::OVER_TCP,
    forgery::OVER_UDP,
    forgery::IN_TUNNEL,
    allergy::ENTRY,
];
