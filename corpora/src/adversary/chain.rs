//! Scenario `one-infection-a-host`: a worm that is a chain.
//!
//! The list of victims travels with the worm: each infected host takes the next one from it,
//! infects it and falls silent. Half of the chain crosses the tap.

use super::base::{Delivery, PORT, State, found, refuse_carriage};
use super::strategies::in_parts;
use crate::body::Body;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::ground_truth::Protocol;
use crate::link::client_port;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::SECOND;
use crate::traffic::PlantedContent;
use crate::worms::population::Population;
use crate::worms::setup::{Prepared, Worm, WormSetup};

/// The capture ends after so many infections.
const INFECTED: u32 = 120;
/// Hosts on the list.
const LISTED: u32 = 400;
/// From an infection to the next one, in seconds.
const GAP: (u64, u64) = (1, 3);

const ONE_TARGET: Verdict = Verdict::Silent(
    "each host that received it sends it to one other: so does whoever forwards a message, or \
     fetches and stores a file",
);

/// Expected: some thirty hosts on either side are seen to send and to receive it, and that
/// many connections with the same bytes to one port are enough.
pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        expectations: &[Expectation::by_default(Verdict::Fires, ONE_TARGET)],
        ..found(
            "one-infection-a-host",
            "over TCP; each infected host infects one other, of a list, and falls silent",
            "counting for each host how many it sends the content to; looking for scans",
        )
    },
    open: |request| {
        let setup = WormSetup { until: Some(INFECTED), ..WormSetup::new(request)? };
        setup.start(Chain::prepare)
    },
};

struct Chain {
    hosts: Population,
    /// Hosts in the order in which they are infected.
    list: Vec<usize>,
    body: Body,
    copy: Vec<u8>,
    state: State,
}

impl Chain {
    fn prepare(setup: &WormSetup) -> Result<Prepared<Self>, CorpusError> {
        refuse_carriage(setup)?;
        let reason = "it scans nothing";
        setup.refuse(setup.options.scan_rate.is_some(), "scan_rate", reason)?;
        let vulnerable = setup.options.vulnerable_hosts.unwrap_or(LISTED) as usize;
        let mut rng = setup.rng("chain");
        let inside = vulnerable / 2;
        let hosts = Population::draw(setup, [inside, vulnerable - inside], &mut rng)?;
        let mut list: Vec<usize> = (0..hosts.len()).collect();
        rng.shuffle(&mut list);
        let body = setup.body(Body::wrapped(24, 700, 32, &mut setup.rng("body")))?;
        Ok(Prepared {
            rng,
            vulnerable_hosts: vulnerable as u64,
            vulnerable_inside: hosts.inside().to_vec(),
            contents: vec![PlantedContent::new("body", &body, Protocol::Tcp, Some(PORT))],
            parameters: setup.parameters(vec![
                ("least_gap_seconds", GAP.0.into()),
                ("most_gap_seconds", GAP.1.into()),
            ]),
            worm: Self { hosts, list, body, copy: Vec::new(), state: State::default() },
        })
    }
}

impl Process for Chain {
    /// The host at this place of the list infects the next one.
    type Event = usize;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<usize>) {
        self.hosts.infect(self.list[0], start_ns, None);
        schedule.at(start_ns + SECOND, 0);
    }

    fn handle(&mut self, time_ns: u64, place: usize, schedule: &mut Schedule<usize>) {
        let Some(&to) = self.list.get(place + 1) else { return };
        let from = self.list[place];
        let Schedule { link, rng, .. } = schedule;
        let mut infected_ns = time_ns;
        if self.hosts.tap_sees(from, to) {
            self.body.write(rng, &mut self.copy);
            let attempt = self.hosts.attempt(time_ns, from, to);
            let attempt = attempt.at(client_port(rng), PORT);
            let (state, body) = (&mut self.state, &self.copy[..]);
            let delivery = Delivery { state, attempt: &attempt, body, link, rng };
            infected_ns = in_parts(delivery, usize::MAX);
        }
        self.hosts.infect(to, infected_ns, Some(from));
        let gap_ns = rng.between(GAP.0 * SECOND, GAP.1 * SECOND);
        schedule.at(infected_ns + gap_ns, place + 1);
    }
}

impl Worm for Chain {
    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }
}
