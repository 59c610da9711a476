//! Scanning worms that prefer some addresses.
//!
//! `local-preference` looks mostly near the scanner, so that most infections do
//! not cross the tap; `hit-list` brings a list of its first fifty victims.

use std::time::Duration;

use super::scanning::{Carried, Scanning};
use super::story::Story;
use crate::body::Body;
use crate::epidemic::LocalPreference;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};

const PORT: u16 = 48_880;

const BASE: Profile = Profile {
    name: "",
    summary: "",
    defeats: "",
    kind: Kind::Worm,
    two_way: true,
    same_port: true,
    standard: true,
    expectations: &[Expectation::by_default(Verdict::Fires, Verdict::Fires)],
};

pub(super) const LOCAL_PREFERENCE: Entry = Entry {
    profile: Profile {
        name: "local-preference",
        summary: "four scans of five go to the scanner's own /24, so that most \
                  infections do not cross the tap",
        defeats: "waiting at the border for what spreads behind it",
        ..BASE
    },
    open: open_local,
};

pub(super) const HIT_LIST: Entry = Entry {
    profile: Profile {
        name: "hit-list",
        summary: "the first fifty victims come from a list: they are infected within \
                  seconds, then addresses are drawn at random",
        defeats: "alarms that need the slow first part of an epidemic",
        expectations: &[Expectation::by_default(
            Verdict::Fires,
            Verdict::Late(
                "fifty hosts are infected within the second or two that a victim needs \
                 to begin, and alarms are gathered once a second",
            ),
        )],
        ..BASE
    },
    open: open_listed,
};

/// 1,056 bytes, 1,000 of them in every copy: windows enough that none is ever
/// sampled once in seven million seeds.
pub(super) fn long_body(story: &Story) -> Body {
    Body::wrapped(24, 1_000, 32, &mut story.rng("body"))
}

fn open_local(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story =
        Story { until: 300, ..Story::new(LOCAL_PREFERENCE.profile.name, seed, options)? };
    // Some nine vulnerable hosts in a /24.
    let scanning = Scanning {
        rate: 2.0,
        local: LocalPreference { same_24: 0.8, ..LocalPreference::default() },
        ..Scanning::default()
    };
    scanning.stream(story, |story| Carried::new(story, long_body(story), PORT))
}

fn open_listed(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story = Story {
        settle: Duration::from_secs(15),
        ..Story::new(HIT_LIST.profile.name, seed, options)?
    };
    let scanning = Scanning { hit_list: 50, ..Scanning::default() };
    scanning.stream(story, |story| Carried::new(story, long_body(story), PORT))
}
