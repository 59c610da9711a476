//! Worms that spread in other ways than `outbreak`.
//!
//! Each scenario differs from `outbreak` in one thing: how the worm finds its
//! victims, what it sends, or in what wrapping. Beside each stands what content
//! sifting should make of it by its nature.

mod agenda;
mod bodies;
mod carriages;
mod letter;
mod mail;
mod multi_stage;
mod population;
mod random_scan;
mod scanning;
mod slow;
mod story;
mod tcp_exploit;
mod topological;
mod web;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    tcp_exploit::ENTRY,
    random_scan::LOCAL_PREFERENCE,
    random_scan::HIT_LIST,
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
