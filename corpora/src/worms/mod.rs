//! Worm scenarios.
//!
//! Each differs from [`outbreak`] in one thing: how the worm finds its victims, what it
//! sends, or in which carriage. Its profile says what content sifting should report.

mod bodies;
mod carriages;
mod mail;
mod mail_message;
mod multi_stage;
pub(crate) mod outbreak;
pub(crate) mod population;
mod preferred_targets;
pub(crate) mod scanning;
pub(crate) mod setup;
mod slow;
mod tcp_exploit;
mod topological;
mod web;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    outbreak::ENTRY,
    tcp_exploit::ENTRY,
    preferred_targets::LOCAL_PREFERENCE,
    preferred_targets::HIT_LIST,
    topological::ENTRY,
    mail::ENTRY,
    web::ENTRY,
    slow::ENTRY,
    multi_stage::ENTRY,
    bodies::RANDOM_PORT,
    bodies::PADDED_CORE,
    bodies::LONG_TOKENS,
    bodies::SHORT_TOKENS,
    bodies::SHORT_DATAGRAM,
    bodies::ENCRYPTED,
    carriages::SMALL_SEGMENTS,
    carriages::REORDERED,
    carriages::FRAGMENTED,
    carriages::IPV6,
    carriages::TUNNELLED,
];
