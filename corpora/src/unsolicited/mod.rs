//! Unsolicited traffic: what comes to addresses that nobody uses, and to planted hosts.
//!
//! A dark network never answers; decoys always do, and should never start anything. Both
//! see scans, answers to forged sources, and whatever spreads. The truth lists who floods,
//! who scans, and what a decoy did. These scenarios are in no suite: a sensor has to be told
//! which addresses are dark or decoys.

mod address_churn;
mod farm;
mod telescope;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    telescope::ENTRY,
    farm::INFECTED,
    farm::QUIET,
    address_churn::DAILY,
    address_churn::ABOUT_DAILY,
    address_churn::ABOUT_WEEKLY,
    address_churn::NEVER,
];
