//! The strings to look for, by protocol and port.
//!
//! A packet is searched only for strings of the rules of its protocol and ports. Most
//! services have no rule, and one service has few strings.

use super::patterns::Patterns;
use crate::Service;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wormsift::error::Error;
use wormsift::packet::Packet;

/// Strings by what a packet must be for them to count.
pub(super) struct Services {
    all: Vec<Strings>,
    /// By protocol and kind of port, where in `all`.
    by_port: HashMap<(u8, Port), usize>,
    longest: usize,
}

/// What a packet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Port {
    Any,
    Destination(u16),
    Source(u16),
}

/// The strings of one service.
pub(super) struct Strings {
    patterns: Patterns,
    /// Their numbers among all strings.
    numbers: Vec<u32>,
}

impl Services {
    /// Distinct strings, the rules (and tokens) that have each, and the protocol and
    /// service of each rule.
    pub(super) fn new(
        patterns: &[&[u8]],
        owners: &[Vec<(u32, u8)>],
        rules: &[(u8, Service)],
    ) -> Result<Self, Error> {
        let mut wanted: BTreeMap<(u8, Port), BTreeSet<u32>> = BTreeMap::new();
        for (owners, number) in owners.iter().zip(0_u32..) {
            for (rule, _) in owners {
                let (protocol, service) = rules[*rule as usize];
                for port in ports(service).into_iter().flatten() {
                    wanted.entry((protocol, port)).or_default().insert(number);
                }
            }
        }
        let mut services = Self {
            all: Vec::with_capacity(wanted.len()),
            by_port: HashMap::with_capacity(wanted.len()),
            longest: patterns.iter().map(|it| it.len()).max().unwrap_or(1),
        };
        for (key, numbers) in wanted {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let own: Vec<&[u8]> =
                numbers.iter().map(|number| patterns[*number as usize]).collect();
            services.by_port.insert(key, services.all.len());
            services.all.push(Strings { patterns: Patterns::new(&own)?, numbers });
        }
        Ok(services)
    }

    /// The longest string's bytes; 1 without any.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The strings that may count in a packet; those of one service may also be those of
    /// another.
    pub(super) fn of(&self, packet: &Packet<'_>) -> impl Iterator<Item = &Strings> {
        let keys = [
            Port::Any,
            Port::Destination(packet.destination_port),
            Port::Source(packet.source_port),
        ];
        let protocol = packet.protocol;
        keys.into_iter()
            .filter_map(move |port| self.by_port.get(&(protocol, port)))
            .map(|at| &self.all[*at])
    }
}

impl Strings {
    /// Gives the number of every string and where it begins and ends in `text`, each
    /// occurrence once.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(u32, usize, usize)) {
        self.patterns.each(text, |own, start, end| {
            found(self.numbers[own as usize], start, end);
        });
    }
}

/// What packets of a service show: one thing, or one of two.
fn ports(service: Service) -> [Option<Port>; 2] {
    match service {
        Service::Anywhere => [Some(Port::Any), None],
        Service::To(port, _) => [Some(Port::Destination(port)), None],
        Service::From(port) => [Some(Port::Source(port)), None],
        Service::Either(port) => {
            [Some(Port::Destination(port)), Some(Port::Source(port))]
        }
        Service::Icmp(kind, code) => {
            [Some(Port::Destination(u16::from_be_bytes([kind, code]))), None]
        }
    }
}
