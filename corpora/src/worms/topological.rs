//! A worm that attacks only the contacts of its host.
//!
//! The scenario `topological`: a graph of contacts, along which hosts exchange
//! small datagrams all the time. An infected host attacks its contacts, each
//! once, at the very port of those conversations. It never scans.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::agenda::Agenda;
use super::population::Population;
use super::random_scan::long_body;
use super::scanning::{Attack, Carried, Strike, ephemeral};
use super::story::{Plot, Story};
use crate::emitter::Emitter;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::frame_builder::{FrameBuilder, Transport};
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::traffic::{FrameQueue, Mark, PlantedContent};

const NAME: &str = "topological";
const PORT: u16 = 48_884;
/// Contacts that each host looks for; it has about as many who looked for it.
const CONTACTS: usize = 12;
/// Mean time between two conversations across the tap.
const CHAT_GAP_NS: f64 = 0.2e9;
const LATENCY_NS: u64 = 1_000_000_000;
/// One host in so many can be infected. Addresses are random, so these are the first,
/// and every so many-th from there.
const ONE_IN: usize = 5;

fn is_vulnerable(host: usize) -> bool {
    host.is_multiple_of(ONE_IN)
}

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: NAME,
        summary: "each infected host attacks only its contacts, with whom it talks at the \
                  same port anyway",
        defeats: "looking for scans, failed connections or new contacts",
        kind: Kind::Worm,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(Verdict::Fires, Verdict::Fires)],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    let story = Story {
        until: 150,
        settle: Duration::from_secs(10),
        ..Story::new(NAME, seed, options)?
    };
    story.stream(Contacts::new)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Chat,
    Attack { from: usize, to: usize },
}

struct Contacts {
    story: Story,
    hosts: Population,
    /// By host.
    contacts: Vec<Vec<usize>>,
    /// Those that the tap lies between.
    across: Vec<(usize, usize)>,
    agenda: Agenda<Event>,
    attack: Carried,
    attack_gap_ns: f64,
    chatter: Emitter,
    rng: Rng,
    chat_rng: Rng,
    text: Vec<u8>,
}

impl Contacts {
    fn new(story: &Story) -> Result<Self, CorpusError> {
        let vulnerable = story.options.vulnerable_hosts.unwrap_or(300) as usize;
        let count = vulnerable.saturating_mul(ONE_IN);
        if vulnerable < 2 * CONTACTS {
            let expected = format!("{} or more, found {vulnerable}", 2 * CONTACTS);
            return Err(CorpusError::setting("vulnerable_hosts", expected));
        }
        let rate = story.options.scan_rate.unwrap_or(0.1);
        if !rate.is_finite() || rate <= 0.0 {
            let expected = format!("a number above 0, found {rate}");
            return Err(CorpusError::setting("scan_rate", expected));
        }
        let mut rng = story.rng("contacts");
        let hosts = Population::draw(story, [count / 2, count - count / 2], &mut rng)?;
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
        let across = pairs.filter(|&(a, b)| hosts.crosses(a, b)).collect();
        let mut plot = Self {
            attack: Carried::new(story, long_body(story), PORT)?,
            attack_gap_ns: 1e9 / rate,
            chatter: Emitter::new(FrameBuilder::default(), None),
            chat_rng: story.rng("chatter"),
            agenda: Agenda::new(),
            story: story.clone(),
            text: Vec::new(),
            hosts,
            contacts,
            across,
            rng,
        };
        plot.agenda.enter(story.options.start_ns, Event::Chat);
        let first = plot.hosts.pick(false, &mut plot.rng) / ONE_IN * ONE_IN;
        plot.infect(first, story.begins_ns(), None);
        Ok(plot)
    }

    fn infect(&mut self, host: usize, time_ns: u64, by: Option<usize>) {
        if !is_vulnerable(host) || !self.hosts.infect(host, time_ns, by) {
            return;
        }
        let mut others = self.contacts[host].clone();
        self.rng.shuffle(&mut others);
        let mut next = time_ns.saturating_add(LATENCY_NS);
        for to in others.into_iter().filter(|&other| Some(other) != by) {
            next = next.saturating_add(self.rng.exponential(self.attack_gap_ns) as u64);
            self.agenda.enter(next, Event::Attack { from: host, to });
        }
    }

    fn strike(&mut self, time_ns: u64, from: usize, to: usize, queue: &mut FrameQueue) {
        if !self.hosts.crosses(from, to) {
            self.infect(to, time_ns, Some(from));
            return;
        }
        let strike = Strike {
            time_ns,
            from: self.story.end(self.hosts.address(from), 0),
            to: self.story.end(self.hosts.address(to), 0),
            infects: self.hosts.next_infection(to).filter(|_| is_vulnerable(to)),
            answered: true,
        };
        if let Some(whole) = self.attack.lay(&strike, queue, &mut self.rng) {
            self.infect(to, whole, Some(from));
        }
    }

    /// One datagram each way.
    fn chat(&mut self, time_ns: u64, queue: &mut FrameQueue) {
        let rng = &mut self.chat_rng;
        if let Some(&(a, b)) = rng.pick(&self.across) {
            let asks = self.story.end(self.hosts.address(a), ephemeral(rng));
            let answers = self.story.end(self.hosts.address(b), PORT);
            let mut time_ns = time_ns;
            for (from, to) in [(asks, answers), (answers, asks)] {
                let transport =
                    Transport::Udp { source_port: from.port, destination_port: to.port };
                self.text.clear();
                let length = rng.between(20, 600) as usize;
                rng.append(length, &mut self.text);
                self.chatter.emit(
                    queue,
                    time_ns,
                    Mark::Ordinary,
                    (&from, &to),
                    transport,
                    &self.text,
                );
                time_ns += rng.between(2_000_000, 40_000_000);
            }
        }
        let gap = rng.exponential(CHAT_GAP_NS) as u64;
        self.agenda.enter(time_ns.saturating_add(gap), Event::Chat);
    }
}

impl Plot for Contacts {
    fn next_time(&mut self) -> Option<u64> {
        self.agenda.next_time()
    }

    fn go_on(&mut self, queue: &mut FrameQueue) {
        match self.agenda.next() {
            Some((time_ns, Event::Chat)) => self.chat(time_ns, queue),
            Some((time_ns, Event::Attack { from, to })) => {
                self.strike(time_ns, from, to, queue);
            }
            None => {}
        }
    }

    fn infections(&self) -> &[Infection] {
        self.hosts.infections()
    }

    fn vulnerable_hosts(&self) -> u64 {
        self.hosts.len().div_ceil(ONE_IN) as u64
    }

    fn vulnerable_inside(&self) -> Vec<Ipv4Addr> {
        self.hosts.inside().iter().step_by(ONE_IN).copied().collect()
    }

    fn contents(&self) -> Vec<PlantedContent> {
        self.attack.contents()
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        let contacts: usize = self.contacts.iter().map(Vec::len).sum();
        vec![
            ("contacts", (contacts / 2).into()),
            ("contacts_across_the_tap", (self.across.len() / 2).into()),
            ("attacks_a_second", (1e9 / self.attack_gap_ns).into()),
        ]
    }
}
