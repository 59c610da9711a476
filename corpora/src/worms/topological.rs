//! Scenario `topological`: a worm that attacks only the contacts of its host.
//!
//! A graph of contacts, along which hosts exchange small
//! datagrams all the time. An infected host attacks its contacts, each once, at the very
//! port of those conversations. It never scans.

use super::population::Population;
use super::preferred_targets::long_body;
use super::scanning::{Attack, CarriedBody};
use super::setup::{Prepared, Worm, WormSetup};
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::link::{Emitter, udp};
use crate::profile::{FIRES, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::SECOND;
use crate::traffic::Mark;

const PORT: u16 = 48_884;
/// Contacts that each host looks for; it has about as many that looked for it.
const CONTACTS: usize = 12;
/// Mean time between two conversations that the tap sees.
const CONVERSATION_GAP_NS: f64 = 0.2e9;
const LATENCY_NS: u64 = SECOND;
/// One host in so many can be infected. Addresses are random, so these are the first, and
/// every so many-th from there.
const ONE_IN: usize = 5;

fn is_vulnerable(host: usize) -> bool {
    host.is_multiple_of(ONE_IN)
}

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "topological",
        "each infected host attacks only its contacts, with whom it talks at the same port \
         anyway",
        "looking for scans, failed connections or new contacts",
        FIRES,
    ),
    open: |request| {
        let setup = WormSetup { until: Some(150), ..WormSetup::new(request)? };
        setup.start(Contacts::prepare)
    },
};

enum Event {
    /// Two contacts exchange datagrams.
    Conversation,
    Attack {
        from: usize,
        to: usize,
    },
}

struct Contacts {
    /// When the capture starts.
    start_ns: u64,
    hosts: Population,
    /// By host.
    contacts: Vec<Vec<usize>>,
    /// Pairs that the tap sees talk.
    seen: Vec<(usize, usize)>,
    attack: CarriedBody,
    attack_gap_ns: f64,
    /// Of the conversations, which the worm's carriage does not wrap.
    emitter: Emitter,
    conversation_rng: Rng,
}

impl Contacts {
    fn prepare(setup: &WormSetup) -> Result<Prepared<Self>, CorpusError> {
        let vulnerable = setup.options.vulnerable_hosts.unwrap_or(300) as usize;
        let count = vulnerable.saturating_mul(ONE_IN);
        if vulnerable < 2 * CONTACTS {
            let expected = format!("{} or more, found {vulnerable}", 2 * CONTACTS);
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let rate = setup.options.scan_rate.unwrap_or(0.1);
        let attack_gap_ns = 1e9 / CorpusError::positive("scan_rate", rate)?;
        let mut rng = setup.rng("contacts");
        let hosts = Population::draw(setup, [count / 2, count - count / 2], &mut rng)?;
        let mut contacts = vec![Vec::new(); count];
        for host in 0..count {
            // The next host always, so that the graph is in one piece.
            let others = (1..CONTACTS).map(|_| rng.index(count));
            let others: Vec<usize> = others.chain([(host + 1) % count]).collect();
            for other in others {
                if other != host && !contacts[host].contains(&other) {
                    contacts[host].push(other);
                    contacts[other].push(host);
                }
            }
        }
        let pairs = contacts
            .iter()
            .enumerate()
            .flat_map(|(host, others)| others.iter().map(move |&other| (host, other)));
        let seen: Vec<(usize, usize)> =
            pairs.filter(|&(a, b)| hosts.tap_sees(a, b)).collect();
        let is_across =
            |(a, b): &&(usize, usize)| hosts.is_inside(*a) != hosts.is_inside(*b);
        let across = seen.iter().filter(is_across).count();
        let both_ways: usize = contacts.iter().map(Vec::len).sum();
        let attack = CarriedBody::new(setup, long_body(setup), PORT)?;
        Ok(Prepared {
            rng,
            vulnerable_hosts: vulnerable as u64,
            vulnerable_inside: hosts.inside().iter().step_by(ONE_IN).copied().collect(),
            contents: attack.contents(),
            parameters: setup.parameters(vec![
                ("contacts", (both_ways / 2).into()),
                ("contacts_across_the_tap", (across / 2).into()),
                ("attacks_a_second", (1e9 / attack_gap_ns).into()),
            ]),
            worm: Self {
                start_ns: setup.options.start_ns,
                hosts,
                contacts,
                seen,
                attack,
                attack_gap_ns,
                emitter: Emitter::default(),
                conversation_rng: setup.rng("chatter"),
            },
        })
    }

    fn infect(
        &mut self,
        host: usize,
        time_ns: u64,
        by: Option<usize>,
        schedule: &mut Schedule<Event>,
    ) {
        if !is_vulnerable(host) || !self.hosts.infect(host, time_ns, by) {
            return;
        }
        let mut others = self.contacts[host].clone();
        schedule.rng.shuffle(&mut others);
        let mut next = time_ns.saturating_add(LATENCY_NS);
        for to in others.into_iter().filter(|&other| Some(other) != by) {
            let gap = schedule.rng.exponential(self.attack_gap_ns) as u64;
            next = next.saturating_add(gap);
            schedule.at(next, Event::Attack { from: host, to });
        }
    }

    fn attack(
        &mut self,
        time_ns: u64,
        from: usize,
        to: usize,
        schedule: &mut Schedule<Event>,
    ) {
        if !self.hosts.tap_sees(from, to) {
            return self.infect(to, time_ns, Some(from), schedule);
        }
        let mut attempt = self.hosts.attempt(time_ns, from, to);
        attempt.infects = attempt.infects.filter(|_| is_vulnerable(to));
        let Schedule { link, rng, .. } = schedule;
        if let Some(complete) = self.attack.send(&attempt, link, rng) {
            self.infect(to, complete, Some(from), schedule);
        }
    }

    /// One datagram each way.
    fn converse(&mut self, time_ns: u64, schedule: &mut Schedule<Event>) {
        let rng = &mut self.conversation_rng;
        if let Some(&(a, b)) = rng.pick(&self.seen) {
            let client = self.hosts.endpoint(a).client(rng);
            let server = self.hosts.endpoint(b).at(PORT);
            let mut time_ns = time_ns;
            for ends in [(&client, &server), (&server, &client)] {
                let length = rng.between(20, 600) as usize;
                let payload = rng.bytes(length);
                let frames = &mut schedule.link.frames;
                let mark = Mark::Ordinary;
                self.emitter.emit(frames, time_ns, mark, ends, udp(ends), &payload);
                time_ns += rng.between(2_000_000, 40_000_000);
            }
        }
        let gap = rng.exponential(CONVERSATION_GAP_NS) as u64;
        schedule.at(time_ns.saturating_add(gap), Event::Conversation);
    }
}

impl Process for Contacts {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(self.start_ns, Event::Conversation);
        let first = self.hosts.pick(false, &mut schedule.rng) / ONE_IN * ONE_IN;
        self.infect(first, start_ns, None, schedule);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Conversation => self.converse(time_ns, schedule),
            Event::Attack { from, to } => self.attack(time_ns, from, to, schedule),
        }
    }
}

impl Worm for Contacts {
    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }
}
