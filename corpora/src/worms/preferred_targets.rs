//! Scenarios of scanning worms that prefer some addresses.
//!
//! `local-preference` scans mostly near the scanner, so that most infections do not cross
//! the tap; `hit-list` has a list of its first fifty victims.

use std::time::Duration;

use super::scanning::{CarriedBody, Scanning};
use super::setup::WormSetup;
use crate::body::Body;
use crate::epidemic::LocalPreference;
use crate::profile::{Expectation, FIRES, Profile, Verdict};
use crate::scenario::Entry;

const PORT: u16 = 48_880;

/// 1,056 bytes, 1,000 of them in every copy: so many windows that none is sampled only
/// once in seven million seeds.
pub(super) fn long_body(setup: &WormSetup) -> Body {
    Body::wrapped(24, 1_000, 32, &mut setup.rng("body"))
}

pub(super) const LOCAL_PREFERENCE: Entry = Entry {
    profile: Profile::worm(
        "local-preference",
        "four scans of five go to the scanner's own /24, so that most infections do not \
         cross the tap",
        "waiting at the border for what spreads behind it",
        FIRES,
    ),
    open: |request| {
        let setup = WormSetup { until: Some(300), ..WormSetup::new(request)? };
        // Some nine vulnerable hosts in a /24.
        let scanning = Scanning {
            rate: 2.0,
            local: LocalPreference { same_24: 0.8, ..LocalPreference::default() },
            ..Scanning::default()
        };
        scanning.start(setup, |setup| CarriedBody::new(setup, long_body(setup), PORT))
    },
};

const LATE: Verdict = Verdict::Late(
    "fifty hosts are infected within the second or two that a victim needs to begin, and \
     alarms are gathered once a second",
);

pub(super) const HIT_LIST: Entry = Entry {
    profile: Profile::worm(
        "hit-list",
        "the first fifty victims come from a list: they are infected within seconds, then \
         addresses are drawn at random",
        "alarms that need the slow first part of an epidemic",
        &[Expectation::by_default(Verdict::Fires, LATE)],
    ),
    open: |request| {
        let setup =
            WormSetup { settle: Duration::from_secs(15), ..WormSetup::new(request)? };
        let scanning = Scanning { hit_list: 50, ..Scanning::default() };
        scanning.start(setup, |setup| CarriedBody::new(setup, long_body(setup), PORT))
    },
};
