//! Scenario `slow`: a worm slower than a prevalence window of fixed length.
//!
//! The infected hosts share a list of victims and take turns, so that
//! copies cross the tap more than a minute apart. No 120 s hold three of them: only
//! windows that last longer while memory allows do.

use std::time::Duration;

use super::population::Population;
use super::preferred_targets::long_body;
use super::scanning::{Attack, CarriedBody};
use super::setup::{Prepared, Worm, WormSetup};
use crate::epidemic::Infection;
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::SECOND;

const PORT: u16 = 48_883;
/// Between two copies that cross the tap, in seconds.
const GAP: (u64, u64) = (61, 119);

const FORGOTTEN: Verdict = Verdict::Silent(
    "copies are more than 60 s apart, so that two prevalence windows of 60 s never hold \
     three",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "slow",
        "infected hosts take turns: one copy crosses the tap in 61 to 119 s, for some hours",
        "prevalence windows of a minute each",
        &[
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::under("prevalence_window_most = \"1m\"", FORGOTTEN, FORGOTTEN),
        ],
    ),
    open: |request| {
        let setup = WormSetup {
            until: Some(150),
            background_rate: 0.005,
            without_worm: Duration::from_secs(7_200),
            ..WormSetup::new(request)?
        };
        setup.refuse(
            setup.options.scan_rate.is_some(),
            "scan_rate",
            "its hosts take turns",
        )?;
        setup.start(|setup| {
            let vulnerable = setup.options.vulnerable_hosts.unwrap_or(300) as usize;
            let inside = vulnerable / 3;
            let mut rng = setup.rng("turns");
            let hosts = Population::draw(setup, [inside, vulnerable - inside], &mut rng)?;
            let attack = CarriedBody::new(setup, long_body(setup), PORT)?;
            Ok(Prepared {
                rng,
                vulnerable_hosts: vulnerable as u64,
                vulnerable_inside: hosts.inside().to_vec(),
                contents: attack.contents(),
                parameters: setup.parameters(vec![
                    ("least_gap_seconds", GAP.0.into()),
                    ("most_gap_seconds", GAP.1.into()),
                ]),
                worm: Turns { attack, hosts },
            })
        })
    },
};

struct Turns {
    attack: CarriedBody,
    hosts: Population,
}

impl Turns {
    /// One of the infected hosts, and one of the list on the same side or on the other.
    fn pair(&self, across: bool, rng: &mut Rng) -> (usize, usize) {
        let infected = self.hosts.infected();
        let from = infected[rng.index(infected.len())];
        let side = self.hosts.is_inside(from) != across;
        (from, self.hosts.pick(side, rng))
    }
}

impl Process for Turns {
    /// The next turn.
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        let first = self.hosts.pick(false, &mut schedule.rng);
        self.hosts.infect(first, start_ns, None);
        schedule.at(start_ns + SECOND, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        let rng = &mut schedule.rng;
        let (from, to) = self.pair(true, rng);
        let attempt = self.hosts.attempt(time_ns, from, to);
        if let Some(complete) = self.attack.send(&attempt, &mut schedule.link, rng) {
            self.hosts.infect(to, complete, Some(from));
        }
        // Meanwhile, one attack that does not cross the tap.
        let (from, to) = self.pair(false, rng);
        let then = time_ns + rng.between(SECOND, GAP.0 * SECOND);
        if from != to && self.hosts.tap_sees(from, to) {
            let attempt = self.hosts.attempt(then, from, to);
            if let Some(complete) = self.attack.send(&attempt, &mut schedule.link, rng) {
                self.hosts.infect(to, complete, Some(from));
            }
        } else {
            self.hosts.infect(to, then, Some(from));
        }
        let gap = rng.between(GAP.0 * SECOND, GAP.1 * SECOND);
        schedule.at(time_ns.saturating_add(gap), ());
    }
}

impl Worm for Turns {
    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }
}
