//! A worm that spreads more slowly than a prevalence window lasts.
//!
//! The scenario `slow`: the infected hosts share a list of victims and take
//! turns, so that copies cross the tap more than a minute apart. No 120 s hold
//! three of them.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::population::Population;
use super::random_scan::long_body;
use super::scanning::{Attack, Carried, Strike};
use super::story::{Plot, Story};
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::traffic::{FrameQueue, PlantedContent};

const NAME: &str = "slow";
const PORT: u16 = 48_883;
/// Between two copies at the tap, in nanoseconds.
const GAP_NS: (u64, u64) = (61_000_000_000, 119_000_000_000);

const FORGOTTEN: Verdict = Verdict::Silent(
    "copies are more than 60 s apart, so that two prevalence windows of 60 s never hold \
     three",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: NAME,
        summary: "infected hosts take turns: one copy crosses the tap in 61 to 119 s, for \
                  some hours",
        defeats: "a prevalence window of a minute",
        kind: Kind::Worm,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[
            Expectation::by_default(FORGOTTEN, FORGOTTEN),
            Expectation::under(
                "prevalence_window = \"2h\"",
                Verdict::Fires,
                Verdict::Fires,
            ),
        ],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story = Story {
        until: 150,
        background_rate: 0.005,
        without_worm: Duration::from_secs(7_200),
        ..Story::new(NAME, seed, options)?
    };
    story.refuse(options.scan_rate.is_some(), "scan_rate", "its hosts take turns")?;
    story.stream(|story| {
        let vulnerable = story.options.vulnerable_hosts.unwrap_or(300) as usize;
        let inside = vulnerable / 3;
        let mut rng = story.rng("turns");
        let mut hosts = Population::draw(story, [inside, vulnerable - inside], &mut rng)?;
        let first = hosts.pick(false, &mut rng);
        hosts.infect(first, story.begins_ns(), None);
        Ok(Turns {
            attack: Carried::new(story, long_body(story), PORT)?,
            next_turn: story.begins_ns() + 1_000_000_000,
            story: story.clone(),
            hosts,
            rng,
        })
    })
}

struct Turns {
    story: Story,
    attack: Carried,
    hosts: Population,
    rng: Rng,
    next_turn: u64,
}

impl Turns {
    /// One of the infected hosts, and one of the list on the same side or on the
    /// other.
    fn pair(&mut self, across: bool) -> (usize, usize) {
        let infected = self.hosts.infected();
        let from = infected[self.rng.index(infected.len())];
        let side = self.hosts.is_inside(from) != across;
        (from, self.hosts.pick(side, &mut self.rng))
    }
}

impl Plot for Turns {
    fn next_time(&mut self) -> Option<u64> {
        Some(self.next_turn)
    }

    fn go_on(&mut self, queue: &mut FrameQueue) {
        let time_ns = self.next_turn;
        let (from, to) = self.pair(true);
        let strike = Strike {
            time_ns,
            from: self.story.end(self.hosts.address(from), 0),
            to: self.story.end(self.hosts.address(to), 0),
            infects: self.hosts.next_infection(to),
            answered: true,
        };
        if let Some(whole) = self.attack.lay(&strike, queue, &mut self.rng) {
            self.hosts.infect(to, whole, Some(from));
        }
        // Meanwhile, one attack that the tap does not see.
        let (from, to) = self.pair(false);
        let unseen = time_ns + self.rng.between(1_000_000_000, GAP_NS.0);
        self.hosts.infect(to, unseen, Some(from));
        self.next_turn = time_ns.saturating_add(self.rng.between(GAP_NS.0, GAP_NS.1));
    }

    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }

    fn vulnerable_hosts(&self) -> u64 {
        self.hosts.len() as u64
    }

    fn vulnerable_inside(&self) -> Vec<Ipv4Addr> {
        self.hosts.inside().to_vec()
    }

    fn contents(&self) -> Vec<PlantedContent> {
        self.attack.contents()
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("least_gap_seconds", (GAP_NS.0 / 1_000_000_000).into()),
            ("most_gap_seconds", (GAP_NS.1 / 1_000_000_000).into()),
        ]
    }
}
