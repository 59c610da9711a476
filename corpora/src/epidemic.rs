//! Who infects whom, and when?
//!
//! The susceptible-infected model: every infected host scans addresses at
//! random at a constant mean rate (a Poisson process); a scan that finds a
//! vulnerable host infects it, and after a latency it scans too. With `n`
//! vulnerable hosts in a space of `s` addresses and `r` scans a second the
//! infected grow at first by `r n / s` a second (Staniford, Paxson and Weaver,
//! *How to 0wn the Internet in Your Spare Time*, USENIX Security 2002).
//!
//! Only scans that cross the tap are made one by one. Of the others, only
//! those that find a vulnerable host matter, and only those are drawn; the
//! superposition of Poisson processes makes this exact. So the cost follows
//! what the tap sees and the number of infections, not the size of the space.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::address_space::AddressSpace;
use crate::error::CorpusError;
use crate::rng::Rng;
use crate::traffic::LAST_START_NS;

/// What an epidemic starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpidemicSettings {
    /// Who is scanned and where the tap is.
    pub space: AddressSpace,
    /// Vulnerable hosts behind the tap; at most half of the addresses there.
    pub vulnerable_inside: u32,
    /// Vulnerable hosts elsewhere; at most half of the addresses there, at
    /// least one.
    pub vulnerable_outside: u32,
    /// Hosts infected at the start, all outside; at least one.
    pub first_infected: u32,
    /// Mean scans a second of one infected host.
    pub scan_rate: f64,
    /// From a host's infection to its first scan.
    pub latency: Duration,
}

/// A scan that crosses the tap.
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
    /// so until [`Epidemic::infect`] is called.
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
    /// Whether the scan crossed the tap.
    pub crosses_tap: bool,
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
    /// Infections whose hosts scan, inside and outside.
    scanning: [Vec<u32>; 2],
    /// (first scan, infection) of hosts that do not yet scan.
    latent: BinaryHeap<Reverse<(u64, u32)>>,
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
        validate(&settings)?;
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
        let mut epidemic = Self {
            settings,
            start_ns,
            taken: vec![false; hosts.len()],
            hosts,
            inside,
            infections: Vec::new(),
            scanning: [Vec::new(), Vec::new()],
            latent: BinaryHeap::new(),
            clock: 0.0,
            next: None,
            rng,
        };
        while epidemic.infections.len() < settings.first_infected as usize {
            let host = epidemic.random_host(Side::Outside);
            if !epidemic.taken[host as usize] {
                epidemic.enter(Victim(host), start_ns, None, false);
            }
        }
        Ok(epidemic)
    }

    /// When the next scan crosses the tap; `None` when none ever will.
    pub fn next_time(&mut self) -> Option<u64> {
        if self.next.is_none() {
            self.next = self.run_to_the_tap();
        }
        self.next.map(|contact| contact.time_ns)
    }

    /// The next scan that crosses the tap.
    pub fn next_contact(&mut self) -> Option<Contact> {
        self.next_time()?;
        self.next.take()
    }

    /// The contact's victim will be infected at `time_ns`, when the whole body
    /// has reached it. The answer numbers the infection.
    pub fn infect(&mut self, contact: &Contact, victim: Victim, time_ns: u64) -> u32 {
        self.enter(victim, time_ns, Some(contact.source), true)
    }

    /// The number that the next infection will have.
    pub fn next_infection(&self) -> u32 {
        self.infections.len() as u32
    }

    /// All infections so far, also those under way.
    pub fn infections(&self) -> &[Infection] {
        &self.infections
    }

    /// Vulnerable hosts behind the tap, in order of address.
    pub fn vulnerable_inside(&self) -> &[Ipv4Addr] {
        &self.hosts[..self.inside]
    }

    fn enter(
        &mut self,
        victim: Victim,
        time_ns: u64,
        by: Option<Ipv4Addr>,
        crosses_tap: bool,
    ) -> u32 {
        let number = self.infections.len() as u32;
        let host = self.hosts[victim.0 as usize];
        self.taken[victim.0 as usize] = true;
        self.infections.push(Infection { host, time_ns, by, crosses_tap });
        let latency = u64::try_from(self.settings.latency.as_nanos()).unwrap_or(u64::MAX);
        self.latent.push(Reverse((time_ns.saturating_add(latency), number)));
        number
    }

    /// Runs until a scan crosses the tap.
    fn run_to_the_tap(&mut self) -> Option<Contact> {
        let space = self.settings.space;
        let per_address = self.settings.scan_rate / space.scanned.size() as f64 / 1e9;
        loop {
            // Rates per nanosecond: of the scans of each side that reach any
            // address opposite, and of those that find a vulnerable host on
            // their own side.
            let [inside, outside] =
                [0, 1].map(|side| self.scanning[side].len() as f64 * per_address);
            let rates = [
                outside * space.inside.size() as f64,
                inside * space.outside_size() as f64,
                outside * (self.hosts.len() - self.inside) as f64,
                inside * self.inside as f64,
            ];
            let total: f64 = rates.iter().sum();
            let then = if total > 0.0 {
                self.clock + self.rng.exponential(1.0 / total)
            } else {
                f64::INFINITY
            };
            if let Some(&Reverse((time_ns, number))) = self.latent.peek() {
                let starts = time_ns.saturating_sub(self.start_ns) as f64;
                if starts <= then {
                    // Without memory, the wait may be drawn anew.
                    self.clock = self.clock.max(starts);
                    self.latent.pop();
                    let side = self.side_of(self.infections[number as usize].host);
                    self.scanning[side as usize].push(number);
                    continue;
                }
            } else if total <= 0.0 {
                return None;
            }
            self.clock = then;
            if self.now() > LAST_START_NS {
                return None;
            }
            match pick(rates, self.rng.unit() * total) {
                0 => return Some(self.contact(Side::Outside)),
                1 => return Some(self.contact(Side::Inside)),
                2 => self.unseen_infection(Side::Outside),
                _ => self.unseen_infection(Side::Inside),
            }
        }
    }

    fn contact(&mut self, from: Side) -> Contact {
        let space = self.settings.space;
        let source_infection = self.random_scanner(from);
        let destination = match from {
            Side::Outside => space.inside.address(self.rng.below(space.inside.size())),
            Side::Inside => space.outside_address(self.rng.below(space.outside_size())),
        };
        let victim = self
            .host_at(destination)
            .filter(|&host| !self.taken[host as usize])
            .map(Victim);
        Contact {
            time_ns: self.now(),
            source: self.infections[source_infection as usize].host,
            source_infection,
            destination,
            victim,
        }
    }

    fn unseen_infection(&mut self, side: Side) {
        let scanner = self.random_scanner(side);
        let host = self.random_host(side);
        if !self.taken[host as usize] {
            let by = self.infections[scanner as usize].host;
            self.enter(Victim(host), self.now(), Some(by), false);
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

    fn random_scanner(&mut self, side: Side) -> u32 {
        let scanners = &self.scanning[side as usize];
        scanners[self.rng.index(scanners.len())]
    }

    fn random_host(&mut self, side: Side) -> u32 {
        let (first, count) = match side {
            Side::Inside => (0, self.inside),
            Side::Outside => (self.inside, self.hosts.len() - self.inside),
        };
        (first + self.rng.index(count)) as u32
    }

    fn host_at(&self, address: Ipv4Addr) -> Option<u32> {
        let (first, part) = match self.side_of(address) {
            Side::Inside => (0, &self.hosts[..self.inside]),
            Side::Outside => (self.inside, &self.hosts[self.inside..]),
        };
        part.binary_search(&address).ok().map(|index| (first + index) as u32)
    }
}

#[derive(Clone, Copy)]
enum Side {
    Inside = 0,
    Outside = 1,
}

fn validate(settings: &EpidemicSettings) -> Result<(), CorpusError> {
    let space = settings.space;
    space.validate()?;
    let half = |size: u64| u32::try_from(size / 2).unwrap_or(u32::MAX);
    let fits = |name, count: u32, least: u32, most: u32| {
        if (least..=most).contains(&count) {
            return Ok(());
        }
        Err(CorpusError::setting(name, format!("{least} to {most}, found {count}")))
    };
    fits("vulnerable_inside", settings.vulnerable_inside, 0, half(space.inside.size()))?;
    let outside = half(space.outside_size());
    fits("vulnerable_outside", settings.vulnerable_outside, 1, outside)?;
    let first = settings.vulnerable_outside;
    fits("first_infected", settings.first_infected, 1, first)?;
    if settings.scan_rate.is_finite() && settings.scan_rate > 0.0 {
        return Ok(());
    }
    let expected = format!("a number above 0, found {}", settings.scan_rate);
    Err(CorpusError::setting("scan_rate", expected))
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

/// Which of the rates the point falls into when they are laid end to end.
fn pick(rates: [f64; 4], mut point: f64) -> usize {
    let mut last = 0;
    for (index, rate) in rates.into_iter().enumerate() {
        if rate > 0.0 {
            last = index;
            if point < rate {
                break;
            }
        }
        point -= rate;
    }
    // Rounding may leave the point behind the last: it counts as there.
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_space::Prefix;

    fn settings() -> EpidemicSettings {
        EpidemicSettings {
            space: AddressSpace::default(),
            vulnerable_inside: 100,
            vulnerable_outside: 500,
            first_infected: 1,
            scan_rate: 4.0,
            latency: Duration::from_secs(1),
        }
    }

    /// Runs on until `seconds` and infects every victim at once.
    fn run(
        settings: EpidemicSettings,
        seed: u64,
        seconds: f64,
    ) -> (Epidemic, Vec<Contact>) {
        let mut epidemic =
            Epidemic::new(settings, 0, Rng::new(seed, "epidemic")).unwrap();
        let mut contacts = Vec::new();
        while epidemic.next_time().is_some_and(|time| (time as f64) < seconds * 1e9) {
            let contact = epidemic.next_contact().unwrap();
            if let Some(victim) = contact.victim {
                epidemic.infect(&contact, victim, contact.time_ns);
            }
            contacts.push(contact);
        }
        (epidemic, contacts)
    }

    /// The slow twin: every scan of every host is made, seen or not.
    fn naive_infected(settings: EpidemicSettings, seed: u64, seconds: f64) -> usize {
        let mut rng = Rng::new(seed, "naive");
        let space = settings.space;
        let mut vulnerable: Vec<Ipv4Addr> =
            distinct(settings.vulnerable_inside, space.inside.size(), &mut rng)
                .map(|index| space.inside.address(index))
                .collect();
        vulnerable.extend(
            distinct(settings.vulnerable_outside, space.outside_size(), &mut rng)
                .map(|index| space.outside_address(index)),
        );
        let latency = settings.latency.as_secs_f64();
        let wait = 1.0 / settings.scan_rate;
        let first = vulnerable.pop().unwrap();
        let mut infected = vec![first];
        let mut scans = vec![latency + rng.exponential(wait)];
        loop {
            let (host, &time) =
                scans.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            if time >= seconds {
                return infected.len();
            }
            scans[host] = time + rng.exponential(wait);
            let target = space.scanned.address(rng.below(space.scanned.size()));
            if vulnerable.contains(&target) && !infected.contains(&target) {
                infected.push(target);
                scans.push(time + latency + rng.exponential(wait));
            }
        }
    }

    #[test]
    fn contacts_cross_the_tap_in_order_of_time() {
        let (epidemic, contacts) = run(settings(), 1, 200.0);
        assert!(contacts.len() > 1_000);
        let inside = AddressSpace::default().inside;
        for pair in contacts.windows(2) {
            assert!(pair[0].time_ns <= pair[1].time_ns);
        }
        for contact in &contacts {
            assert_ne!(
                inside.contains(contact.source),
                inside.contains(contact.destination)
            );
            let infection = epidemic.infections()[contact.source_infection as usize];
            assert_eq!(infection.host, contact.source);
            assert!(contact.time_ns >= infection.time_ns + 1_000_000_000);
        }
    }

    #[test]
    fn every_infection_has_one_cause_and_happens_once() {
        let (epidemic, _) = run(settings(), 2, 600.0);
        let infections = epidemic.infections();
        assert!(infections.len() > 590, "{}", infections.len());
        for (index, infection) in infections.iter().enumerate() {
            let earlier = &infections[..index];
            assert!(earlier.iter().all(|other| other.host != infection.host));
            match infection.by {
                None => assert_eq!(index, 0),
                Some(by) => assert!(earlier.iter().any(|other| other.host == by)),
            }
        }
    }

    #[test]
    fn the_mean_number_infected_agrees_with_scanning_one_by_one() {
        let runs = 150_u32;
        let mean_and_error = |counts: Vec<f64>| {
            let mean = counts.iter().sum::<f64>() / f64::from(runs);
            let spread: f64 = counts.iter().map(|count| (count - mean).powi(2)).sum();
            (mean, (spread / f64::from(runs).powi(2)).sqrt())
        };
        let fast = (0..runs).map(|seed| {
            let (epidemic, _) = run(settings(), u64::from(seed), 100.0);
            let infections = epidemic.infections().iter();
            infections.filter(|infection| infection.time_ns < 100_000_000_000).count()
                as f64
        });
        let naive = (0..runs)
            .map(|seed| naive_infected(settings(), u64::from(seed), 100.0) as f64);
        let (fast, naive) =
            (mean_and_error(fast.collect()), mean_and_error(naive.collect()));
        let apart = (fast.0 - naive.0).abs();
        let error = (fast.1.powi(2) + naive.1.powi(2)).sqrt();
        assert!(apart < 3.5 * error, "{fast:?} against {naive:?}");
        assert!(naive.0 > 5.0);
    }

    #[test]
    fn growth_follows_the_logistic_curve() {
        // Many first hosts, so that chance matters little.
        let settings = EpidemicSettings {
            vulnerable_inside: 200,
            vulnerable_outside: 9_800,
            first_infected: 100,
            latency: Duration::ZERO,
            ..settings()
        };
        let (epidemic, _) = run(settings, 3, 12.0);
        let rate: f64 = 4.0 * 10_000.0 / 65_536.0;
        for seconds in [2.0, 4.0, 6.0, 8.0, 10.0] {
            let infected = epidemic
                .infections()
                .iter()
                .filter(|infection| (infection.time_ns as f64) < seconds * 1e9)
                .count() as f64;
            let expected = 10_000.0 / (1.0 + 99.0 * (-rate * seconds).exp());
            assert!((infected / expected - 1.0).abs() < 0.25, "{seconds}: {infected}");
        }
    }

    #[test]
    fn the_whole_internet_costs_only_what_the_tap_sees() {
        let settings = EpidemicSettings {
            space: AddressSpace {
                scanned: Prefix::new(Ipv4Addr::UNSPECIFIED, 0),
                inside: Prefix::new(Ipv4Addr::new(44, 0, 0, 0), 16),
            },
            vulnerable_inside: 1,
            vulnerable_outside: 75_000,
            first_infected: 1,
            scan_rate: 4_000.0,
            latency: Duration::ZERO,
        };
        let (epidemic, contacts) = run(settings, 4, 120.0);
        assert!(!contacts.is_empty());
        assert!(epidemic.infections().len() > 100);
    }

    #[test]
    fn impossible_settings_are_refused() {
        for wrong in [
            EpidemicSettings { scan_rate: 0.0, ..settings() },
            EpidemicSettings { scan_rate: f64::NAN, ..settings() },
            EpidemicSettings { first_infected: 0, ..settings() },
            EpidemicSettings { first_infected: 501, ..settings() },
            EpidemicSettings { vulnerable_inside: 2_049, ..settings() },
            EpidemicSettings { vulnerable_outside: 0, ..settings() },
        ] {
            assert!(Epidemic::new(wrong, 0, Rng::new(1, "wrong")).is_err(), "{wrong:?}");
        }
    }
}
