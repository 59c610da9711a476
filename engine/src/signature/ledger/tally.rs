//! Evidence over all windows of one content.
//!
//! Hosts are those of all windows together: who sent one sent the content, and some miss
//! some windows where segments were lost or cut. Packets and spread are of the window that
//! says most, since a window cannot have been in more packets than the content.

use super::super::wave::{Wave, Waves};
use super::super::{Candidate, Count, FirstSighting, Load, Population, Precision, Relay};
use crate::detect::candidates::{REGISTERS, Side, hash, persist_registers};
use crate::detect::count::MOST_HOSTS;
use crate::detect::handshakes::SourceBits;
use crate::detect::population::{AddressCounter, Hour};
use crate::detect::ports::{PortCounts, Roles};
use crate::detect::taps::TapCounts;
use crate::packet::{Handshake, Host, Timestamp};
use crate::sketch::hyper_log_log;
use crate::state::{Exchange, Persist, persist};

/// What is known of a content. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sources: Hosts,
    pub(super) destinations: Hosts,
    pub(super) packets: u64,
    /// Of the window with the most packets.
    pub(super) roles: Roles,
    pub(super) ports: PortCounts,
    pub(super) translated: u32,
    /// By tap, of the window that was seen most at each.
    pub(super) taps: TapCounts,
    pub(super) spread: u32,
    pub(super) first: Option<FirstSighting>,
    pub(super) last_seen: Timestamp,
    /// With the key that they are from.
    pub(super) relays: (u64, Vec<Relay>),
    /// The addresses that sent it, as far as its windows had memory for them.
    population: Option<Box<AddressCounter>>,
    /// The hours and days of these.
    waves: Waves,
    /// The highest at any of its alarms.
    pub(super) load: Load,
}

impl Tally {
    /// Counts what one window's candidate knows; `seed` is that of the registers.
    pub(super) fn add(
        &mut self,
        candidate: &Candidate,
        spread: u32,
        relays: &[Relay],
        seed: u64,
    ) {
        let bits = candidate.source_bits;
        self.sources.add(&Hosts::of(&candidate.sources, bits), seed);
        let none = SourceBits::default();
        self.destinations.add(&Hosts::of(&candidate.destinations, none), seed);
        let translated = candidate.copies.translated();
        self.meet(candidate.packets, candidate.roles, candidate.ports, translated);
        self.see(Some(candidate.first), candidate.last_seen);
        self.pass_on(candidate.key, spread, relays);
        self.count_addresses(candidate.population.as_deref());
        if let Some(taps) = &candidate.taps {
            self.taps.raise(taps);
        }
    }

    /// Takes over what is known of another signature of the same content.
    pub(super) fn merge(&mut self, other: &Self, seed: u64) {
        self.sources.add(&other.sources, seed);
        self.destinations.add(&other.destinations, seed);
        self.meet(other.packets, other.roles, other.ports, other.translated);
        self.see(other.first, other.last_seen);
        self.load = self.load.max(other.load);
        self.pass_on(other.relays.0, other.spread, &other.relays.1);
        self.count_addresses(other.population.as_deref());
        self.taps.raise(&other.taps);
        self.waves.merge(&other.waves);
    }

    /// Takes an hour of it that is over, or of the end; a wave, if it is one of the signature
    /// with this id.
    pub(super) fn take_hour(&mut self, hour: Hour, id: &str) -> Option<Wave> {
        let rule = self.waves.take(hour)?;
        Some(self.waves.told(rule, id))
    }

    /// The hour of the latest sighting, as far as windows had memory for addresses.
    pub(super) fn hour(&self) -> Option<Hour> {
        self.population.as_ref().map(|it| it.hour())
    }

    fn count_addresses(&mut self, other: Option<&AddressCounter>) {
        match (&mut self.population, other) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) => self.population = Some(theirs.clone().into()),
            (_, None) => {}
        }
    }

    /// How many sources there are: of both ways to count them, the one that says more.
    pub(super) fn source_count(&self) -> Count {
        let listed = self.sources.count();
        match self.population.as_ref().map(|it| it.addresses()) {
            Some(counted) if listed.precision == Precision::AtLeast => {
                better(listed, counted)
            }
            _ => listed,
        }
    }

    /// The figures of the addresses that sent it.
    pub(super) fn population(&self) -> Option<Population> {
        let counter = self.population.as_ref()?;
        Some(Population::of(counter, better(self.sources.count(), counter.addresses())))
    }

    /// Packets, roles, ports and copies are of the window that was in most packets, the latest of
    /// those.
    fn meet(&mut self, packets: u64, roles: Roles, ports: PortCounts, translated: u32) {
        if packets >= self.packets {
            (self.packets, self.roles, self.ports) = (packets, roles, ports);
            self.translated = translated;
        }
    }

    /// Bytes that it takes besides itself.
    pub(super) fn memory_bytes(&self) -> usize {
        self.sources.memory_bytes()
            + self.destinations.memory_bytes()
            + self.relays.1.len() * size_of::<Relay>()
            + self.taps.memory_bytes()
            + self.population.as_ref().map_or(0, |it| it.memory_bytes())
            + self.waves.memory_bytes()
    }

    /// The earliest sighting counts. That the content did not come before it is certain as
    /// soon as it is of one window, since a packet with the content shows them all.
    fn see(&mut self, first: Option<FirstSighting>, last: Timestamp) {
        let both = [self.first, first].into_iter().flatten();
        let certain = both.clone().any(|it| it.certain);
        let earliest = both.min_by_key(|it| (it.time, it.packet));
        self.first = earliest.map(|it| FirstSighting { certain, ..it });
        self.last_seen = self.last_seen.max(last);
    }

    /// Spread and relays are of one window: the largest spread, then the lowest key.
    fn pass_on(&mut self, key: u64, spread: u32, relays: &[Relay]) {
        let first = self.spread == 0 && self.relays.1.is_empty();
        let more = spread > self.spread;
        if first || more || (spread == self.spread && key <= self.relays.0) {
            self.spread = spread;
            self.relays = (key, relays.to_vec());
        }
    }
}

/// Of two counts of the same hosts the more certain, of two that are not the greater.
fn better(listed: Count, counted: Count) -> Count {
    match (listed.precision, counted.precision) {
        (Precision::Exact, _) | (Precision::About, Precision::AtLeast) => listed,
        (Precision::AtLeast, Precision::AtLeast) if listed.number > counted.number => {
            listed
        }
        _ => counted,
    }
}

/// Hosts of one side: exact up to 64, then HyperLogLog beside the first 64.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    list: Vec<Host>,
    bits: SourceBits,
    registers: Option<Box<[u8]>>,
    /// Whether some hosts are neither in the list nor in the registers.
    misses_some: bool,
}

impl Hosts {
    fn of(side: &Side, bits: SourceBits) -> Self {
        Self {
            list: side.list().to_vec(),
            bits,
            registers: side.registers().map(Box::from),
            misses_some: side.registers().is_none() && !side.is_complete(),
        }
    }

    /// The named hosts, up to 64.
    pub(super) fn list(&self) -> &[Host] {
        &self.list
    }

    /// Which of them get answers.
    pub(super) fn bits(&self) -> SourceBits {
        self.bits
    }

    /// How many there are.
    pub(super) fn count(&self) -> Count {
        let named = self.list.len() as u32;
        match &self.registers {
            Some(registers) => Count::about(hyper_log_log::count(registers).max(named)),
            None if self.misses_some => Count::at_least(named),
            None => Count::exact(named),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.list.len() * size_of::<Host>()
            + self.registers.as_ref().map_or(0, |registers| registers.len())
    }

    fn add(&mut self, other: &Self, seed: u64) {
        self.misses_some |= other.misses_some;
        if let Some(theirs) = &other.registers {
            hyper_log_log::merge(self.registers(seed), theirs);
        }
        for (at, &host) in other.list.iter().enumerate() {
            let place = self.list.iter().position(|known| *known == host);
            let place = match place {
                Some(place) => place,
                None if self.list.len() < MOST_HOSTS => {
                    self.list.push(host);
                    self.list.len() - 1
                }
                None => {
                    hyper_log_log::note(self.registers(seed), hash(host, seed));
                    continue;
                }
            };
            let handshake = other.bits.at(at);
            if handshake != Handshake::Unknown {
                self.bits.note(place, handshake);
            }
            if let Some(registers) = &mut self.registers {
                hyper_log_log::note(registers, hash(host, seed));
            }
        }
    }

    /// The registers, with all named hosts in them.
    fn registers(&mut self, seed: u64) -> &mut [u8] {
        let list = &self.list;
        self.registers.get_or_insert_with(|| {
            let mut registers = vec![0; REGISTERS].into_boxed_slice();
            for host in list {
                hyper_log_log::note(&mut registers, hash(*host, seed));
            }
            registers
        })
    }
}

impl Persist for Hosts {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { list, bits, registers, misses_some } = self;
        list.persist(file)?;
        bits.persist(file)?;
        persist_registers(registers, file)?;
        misses_some.persist(file)
    }
}

persist!(Tally {
    sources,
    destinations,
    packets,
    roles,
    ports,
    translated,
    taps,
    spread,
    first,
    last_seen,
    relays,
    population,
    waves,
    load
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn hosts(numbers: &BTreeSet<u16>) -> Hosts {
        let mut hosts = Hosts::default();
        for n in numbers {
            let one = Hosts { list: vec![Host(u128::from(*n))], ..Hosts::default() };
            hosts.add(&one, 5);
        }
        hosts
    }

    proptest! {
        /// Whatever windows saw, the count is that of their union: exact to 64.
        #[test]
        fn windows_are_counted_together_like_sets(
            windows in prop::collection::vec(
                prop::collection::btree_set(0_u16..400, 0..120), 1..5),
        ) {
            let (mut all, mut truth) = (Hosts::default(), BTreeSet::<u16>::new());
            for window in &windows {
                all.add(&hosts(window), 5);
                truth.extend(window);
            }
            let (count, many) = (all.count(), truth.len() as u32);
            if many <= MOST_HOSTS as u32 {
                prop_assert_eq!(count, Count::exact(many));
            } else {
                let error = 5.0 * 0.023 * f64::from(many);
                prop_assert!((f64::from(count.number) - f64::from(many)).abs() <= error);
                prop_assert_eq!(count.precision, Count::about(0).precision);
                prop_assert_eq!(all.list().len(), MOST_HOSTS);
            }
            let mut reversed = Hosts::default();
            windows.iter().rev().for_each(|window| reversed.add(&hosts(window), 5));
            prop_assert_eq!(reversed.count(), count);
        }
    }

    #[test]
    fn answers_follow_their_hosts_from_list_to_list() {
        let mut bits = SourceBits::default();
        bits.note(0, Handshake::Answered);
        let one = Hosts { list: vec![Host(1)], ..Hosts::default() };
        let two = Hosts { list: vec![Host(2), Host(1)], bits, ..Hosts::default() };
        let mut all = Hosts::default();
        all.add(&one, 0);
        all.add(&two, 0);
        assert_eq!(all.list(), [Host(1), Host(2)]);
        let found = [all.bits().at(0), all.bits().at(1)];
        assert_eq!(found, [Handshake::Unknown, Handshake::Answered]);
    }

    #[test]
    fn the_first_sighting_is_the_earliest_and_certain_if_one_window_is() {
        let first = |seconds, certain| FirstSighting {
            packet: seconds,
            time: Timestamp::from_nanos(seconds * 1_000_000_000),
            certain,
            ..FirstSighting::default()
        };
        let mut tally = Tally::default();
        let mut see = |seconds, certain| {
            tally.see(Some(first(seconds, certain)), Timestamp::default());
            tally.first.unwrap()
        };
        assert_eq!(see(7, false), first(7, false));
        assert_eq!(see(3, false), first(3, false));
        assert_eq!(see(5, true), first(3, true));
        assert_eq!(see(2, false), first(2, true));
    }

    #[test]
    fn what_misses_hosts_says_at_least() {
        let mut all = hosts(&(0..9).collect());
        all.add(&Hosts { misses_some: true, ..Hosts::default() }, 5);
        assert_eq!(all.count(), Count::at_least(9));
    }
}
