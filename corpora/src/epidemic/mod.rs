//! Epidemics: who infects whom, and when.
//!
//! The susceptible-infected model: every infected host scans addresses at
//! random at a constant mean rate (a Poisson process); a scan that finds a
//! vulnerable host infects it, and after a latency it scans too. With `n`
//! vulnerable hosts in a space of `s` addresses and `r` scans a second the
//! infected grow at first by `r n / s` a second (Staniford, Paxson and Weaver,
//! *How to 0wn the Internet in Your Spare Time*, USENIX Security 2002).
//!
//! Only scans that the tap sees are made one by one: those that cross it, or all of them
//! where it sees all. Of the others, only
//! those that find a vulnerable host matter, and only those are drawn; the
//! superposition of Poisson processes makes this exact. So the cost follows
//! what the tap sees and the number of infections, not the size of the space.
//! Where scans prefer the scanner's neighbours, a scan that matters is drawn
//! from the sum of all scanners' rates (`scanners.rs`); that is exact too.
//!
//! Memory: 5 bytes a vulnerable host and 28 an infection.

use std::net::Ipv4Addr;

use crate::error::CorpusError;
use crate::event_queue::EventQueue;
use crate::rng::Rng;
use crate::time::{LAST_START_NS, nanos};

mod network_index;
mod scanners;
mod settings;

pub use settings::{EpidemicSettings, LocalPreference};

use scanners::{Effect, Scanners, Side};

/// A scan that the tap sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it starts, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// The infected host that scans.
    pub source: Ipv4Addr,
    /// Which infection made it scan.
    pub source_infection: u32,
    /// The scanned address.
    pub destination: Ipv4Addr,
    /// The vulnerable host there, if it is one and not yet infected. It stays
    /// so until `infect` is called.
    pub victim: Option<Victim>,
}

/// A vulnerable host that can be infected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Victim(u32);

/// An infection that has happened or is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Infection {
    /// The host.
    pub host: Ipv4Addr,
    /// When it is infected, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// The host that did it; `None` at the start.
    pub by: Option<Ipv4Addr>,
    /// Whether the tap saw the scan.
    pub seen: bool,
}

/// A running epidemic.
#[derive(Debug)]
pub struct Epidemic {
    settings: EpidemicSettings,
    start_ns: u64,
    rng: Rng,
    /// Vulnerable hosts: those inside first, each part in order of address.
    hosts: Vec<Ipv4Addr>,
    inside: usize,
    taken: Vec<bool>,
    infections: Vec<Infection>,
    scanners: Scanners,
    /// Listed hosts not yet scanned, the next one last.
    hit_list: Vec<u32>,
    /// Infections of hosts that do not yet scan, by the time from which they do.
    latent: EventQueue<u32>,
    /// Nanoseconds since the start, with their fractions: at high rates
    /// several scans fall into one.
    clock: f64,
    next: Option<Contact>,
}

impl Epidemic {
    /// Draws the vulnerable hosts; the first ones are infected at `start_ns`.
    ///
    /// # Errors
    /// Settings outside the ranges that [`EpidemicSettings`] names.
    pub fn new(
        settings: EpidemicSettings,
        start_ns: u64,
        mut rng: Rng,
    ) -> Result<Self, CorpusError> {
        settings.validate()?;
        let space = settings.space;
        let draw = |count: u32, size: u64, rng: &mut Rng| distinct(count, size, rng);
        let mut hosts: Vec<Ipv4Addr> =
            draw(settings.vulnerable_inside, space.inside.size(), &mut rng)
                .map(|index| space.inside.address(index))
                .collect();
        let inside = hosts.len();
        hosts.extend(
            draw(settings.vulnerable_outside, space.outside_size(), &mut rng)
                .map(|index| space.outside_address(index)),
        );
        let scanners = Scanners::new(&settings, [&hosts[..inside], &hosts[inside..]]);
        let mut epidemic = Self {
            settings,
            start_ns,
            taken: vec![false; hosts.len()],
            hosts,
            inside,
            infections: Vec::new(),
            scanners,
            hit_list: Vec::new(),
            latent: EventQueue::default(),
            clock: 0.0,
            next: None,
            rng,
        };
        while epidemic.infections.len() < settings.first_infected as usize {
            let host = inside + epidemic.rng.index(epidemic.hosts.len() - inside);
            if !epidemic.taken[host] {
                epidemic.enter(Victim(host as u32), start_ns, None, false);
            }
        }
        epidemic.draw_the_list(settings.hit_list as usize);
        Ok(epidemic)
    }

    /// What it started from.
    pub(crate) fn settings(&self) -> &EpidemicSettings {
        &self.settings
    }

    /// When the tap sees the next scan; `None` when it never will.
    pub(crate) fn next_time(&mut self) -> Option<u64> {
        if self.next.is_none() {
            self.next = self.run_to_the_tap();
        }
        self.next.map(|contact| contact.time_ns)
    }

    /// The next scan that the tap sees.
    pub fn next_contact(&mut self) -> Option<Contact> {
        self.next_time()?;
        self.next.take()
    }

    /// The contact's victim will be infected at `time_ns`, when the whole body
    /// has reached it. The answer numbers the infection.
    pub(crate) fn infect(
        &mut self,
        contact: &Contact,
        victim: Victim,
        time_ns: u64,
    ) -> u32 {
        self.enter(victim, time_ns, Some(contact.source), true)
    }

    /// The number that the next infection will have.
    pub(crate) fn next_infection(&self) -> u32 {
        self.infections.len() as u32
    }

    /// All infections so far, also those under way.
    pub fn infections(&self) -> &[Infection] {
        &self.infections
    }

    /// Vulnerable hosts behind the tap, in order of address.
    pub(crate) fn vulnerable_inside(&self) -> &[Ipv4Addr] {
        &self.hosts[..self.inside]
    }

    fn enter(
        &mut self,
        victim: Victim,
        time_ns: u64,
        by: Option<Ipv4Addr>,
        seen: bool,
    ) -> u32 {
        let number = self.infections.len() as u32;
        let host = self.hosts[victim.0 as usize];
        self.taken[victim.0 as usize] = true;
        self.infections.push(Infection { host, time_ns, by, seen });
        self.latent.push(time_ns.saturating_add(nanos(self.settings.latency)), number);
        number
    }

    /// Draws the hit list from the hosts that are not infected.
    fn draw_the_list(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let free = |&host: &u32| !self.taken[host as usize];
        let mut list: Vec<u32> = (0..self.hosts.len() as u32).filter(free).collect();
        for place in 0..count.min(list.len()) {
            let other = place + self.rng.index(list.len() - place);
            list.swap(place, other);
        }
        list.truncate(count);
        list.shrink_to_fit();
        self.hit_list = list;
    }

    /// Runs until the tap sees a scan.
    fn run_to_the_tap(&mut self) -> Option<Contact> {
        loop {
            let total = if self.hit_list.is_empty() {
                self.scanners.total_rate()
            } else {
                // While there is a list, every scan matters.
                self.scanners.count() as f64 * self.settings.scan_rate / 1e9
            };
            let then = if total > 0.0 {
                self.clock + self.rng.exponential(1.0 / total)
            } else {
                f64::INFINITY
            };
            if let Some(time_ns) = self.latent.next_time() {
                let starts = time_ns.saturating_sub(self.start_ns) as f64;
                if starts <= then {
                    // Without memory, the wait may be drawn anew.
                    self.clock = self.clock.max(starts);
                    if let Some((_, number)) = self.latent.pop() {
                        self.begin_to_scan(number);
                    }
                    continue;
                }
            } else if total <= 0.0 {
                return None;
            }
            self.clock = then;
            if self.now() > LAST_START_NS {
                return None;
            }
            let seen = match self.hit_list.pop() {
                Some(host) => self.scan_of_listed(host),
                None => self.random_scan(),
            };
            if seen.is_some() {
                return seen;
            }
        }
    }

    fn begin_to_scan(&mut self, infection: u32) {
        let address = self.infections[infection as usize].host;
        let (inside, outside) = self.hosts.split_at(self.inside);
        self.scanners.enter(
            infection,
            (self.side_of(address), address),
            [inside, outside],
        );
    }

    /// The answer is the scan, if the tap sees it.
    fn scan_of_listed(&mut self, host: u32) -> Option<Contact> {
        let scanner = self.scanners.draw_any(&mut self.rng);
        let source = self.infections[scanner as usize].host;
        let destination = self.hosts[host as usize];
        let crosses = self.side_of(source) != self.side_of(destination);
        if crosses || self.settings.sees_all {
            let victim = Some(Victim(host));
            return Some(self.contact(scanner, destination, victim));
        }
        self.enter(Victim(host), self.now(), Some(source), false);
        None
    }

    /// The answer is the scan, if the tap sees it.
    fn random_scan(&mut self) -> Option<Contact> {
        let (effect, level) = self.scanners.draw_effect(&mut self.rng);
        match effect {
            Effect::Seen(from) => {
                let (scanner, destination) = self.scanners.draw_seen(
                    (from, level),
                    &self.infections,
                    &mut self.rng,
                );
                if destination == self.infections[scanner as usize].host {
                    // A host reaches itself by no wire.
                    return None;
                }
                let victim = self.host_at(destination).map(Victim);
                let victim = victim.filter(|victim| !self.taken[victim.0 as usize]);
                let chance = self.settings.infection_chance;
                let victim = victim.filter(|_| chance >= 1.0 || self.rng.chance(chance));
                Some(self.contact(scanner, destination, victim))
            }
            Effect::Finds(side) => {
                let (first, hosts) = match side {
                    Side::Inside => (0, &self.hosts[..self.inside]),
                    Side::Outside => (self.inside, &self.hosts[self.inside..]),
                };
                let (scanner, found) = self.scanners.draw_finding(
                    (side, level),
                    hosts,
                    &self.infections,
                    &mut self.rng,
                );
                let host = first + found;
                if !self.taken[host] {
                    let by = self.infections[scanner as usize].host;
                    self.enter(Victim(host as u32), self.now(), Some(by), false);
                }
                None
            }
        }
    }

    fn contact(
        &self,
        source_infection: u32,
        destination: Ipv4Addr,
        victim: Option<Victim>,
    ) -> Contact {
        Contact {
            time_ns: self.now(),
            source: self.infections[source_infection as usize].host,
            source_infection,
            destination,
            victim,
        }
    }

    fn now(&self) -> u64 {
        self.start_ns.saturating_add(self.clock as u64)
    }

    fn side_of(&self, address: Ipv4Addr) -> Side {
        if self.settings.space.inside.contains(address) {
            Side::Inside
        } else {
            Side::Outside
        }
    }

    fn host_at(&self, address: Ipv4Addr) -> Option<u32> {
        let (first, part) = match self.side_of(address) {
            Side::Inside => (0, &self.hosts[..self.inside]),
            Side::Outside => (self.inside, &self.hosts[self.inside..]),
        };
        part.binary_search(&address).ok().map(|index| (first + index) as u32)
    }
}

/// `count` different numbers below `size`, in order; `count` is at most half
/// of `size`, so that few draws are in vain.
fn distinct(count: u32, size: u64, rng: &mut Rng) -> impl Iterator<Item = u64> + use<> {
    let mut drawn: Vec<u32> = Vec::with_capacity(count as usize);
    while drawn.len() < count as usize {
        let missing = count as usize - drawn.len();
        drawn.extend((0..missing).map(|_| rng.below(size) as u32));
        drawn.sort_unstable();
        drawn.dedup();
    }
    drawn.into_iter().map(u64::from)
}

#[cfg(test)]
mod tests;
