//! Population of a worm scenario: its hosts, and which of them are infected.
//!
//! For worms that know their victims and do not scan; those that do have an
//! [`Epidemic`](crate::epidemic::Epidemic).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::setup::WormSetup;
use crate::delivery::Attempt;
use crate::epidemic::Infection;
use crate::error::CorpusError;
use crate::link::Endpoint;
use crate::rng::Rng;

#[derive(Debug)]
pub(crate) struct Population {
    setup: WormSetup,
    /// Those inside first.
    hosts: Vec<Ipv4Addr>,
    inside: usize,
    infected: Vec<bool>,
    infections: Vec<Infection>,
    /// Which host each infection is.
    places: Vec<usize>,
}

impl Population {
    /// So many different hosts on each side of the tap.
    pub(crate) fn draw(
        setup: &WormSetup,
        [inside, outside]: [usize; 2],
        rng: &mut Rng,
    ) -> Result<Self, CorpusError> {
        let space = setup.space;
        for (count, size) in
            [(inside, space.inside.size()), (outside, space.outside_size())]
        {
            if count == 0 || count as u64 > size / 2 {
                let expected =
                    format!("1 to {} hosts on this side, found {count}", size / 2);
                return Err(CorpusError::setting("vulnerable_hosts", expected));
            }
        }
        let mut hosts: Vec<Ipv4Addr> = Vec::with_capacity(inside + outside);
        let mut known = BTreeSet::new();
        while hosts.len() < inside + outside {
            let address = if hosts.len() < inside {
                space.inside.address(rng.below(space.inside.size()))
            } else {
                space.outside_address(rng.below(space.outside_size()))
            };
            if known.insert(address) {
                hosts.push(address);
            }
        }
        Ok(Self {
            setup: setup.clone(),
            infected: vec![false; hosts.len()],
            hosts,
            inside,
            infections: Vec::new(),
            places: Vec::new(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// A host as the tap sees it, at no port.
    pub(crate) fn endpoint(&self, host: usize) -> Endpoint {
        self.setup.endpoint(self.hosts[host])
    }

    /// An attack of one host on another, which takes it.
    pub(crate) fn attempt(&self, time_ns: u64, from: usize, to: usize) -> Attempt {
        Attempt {
            time_ns,
            from: self.endpoint(from),
            to: self.endpoint(to),
            infects: self.next_infection(to),
            answered: true,
        }
    }

    pub(crate) fn address(&self, host: usize) -> Ipv4Addr {
        self.hosts[host]
    }

    pub(crate) fn inside(&self) -> &[Ipv4Addr] {
        &self.hosts[..self.inside]
    }

    pub(crate) fn is_inside(&self, host: usize) -> bool {
        host < self.inside
    }

    /// Whether the tap sees what two hosts send each other: it is between them, or sees all.
    pub(crate) fn tap_sees(&self, a: usize, b: usize) -> bool {
        self.setup.options.sees_all || self.is_inside(a) != self.is_inside(b)
    }

    /// One of the hosts on the same side, or on the other.
    pub(crate) fn pick(&self, inside: bool, rng: &mut Rng) -> usize {
        if inside {
            rng.index(self.inside)
        } else {
            self.inside + rng.index(self.hosts.len() - self.inside)
        }
    }

    pub(crate) fn is_infected(&self, host: usize) -> bool {
        self.infected[host]
    }

    pub(crate) fn infections(&self) -> &[Infection] {
        &self.infections
    }

    /// The hosts of [`Population::infections`].
    pub(crate) fn infected(&self) -> &[usize] {
        &self.places
    }

    /// The number of the infection that would come next, if the host can still
    /// be infected.
    pub(crate) fn next_infection(&self, host: usize) -> Option<u32> {
        (!self.infected[host]).then_some(self.infections.len() as u32)
    }

    /// Infects a host, directly from another; false when it already was.
    pub(crate) fn infect(
        &mut self,
        host: usize,
        time_ns: u64,
        by: Option<usize>,
    ) -> bool {
        let seen = by.is_some_and(|by| self.tap_sees(by, host));
        self.infect_from(host, time_ns, by, seen)
    }

    /// The same where other hosts are between the two, and the tap sees what infects the
    /// host on its last hop or does not.
    pub(crate) fn infect_from(
        &mut self,
        host: usize,
        time_ns: u64,
        by: Option<usize>,
        seen: bool,
    ) -> bool {
        if std::mem::replace(&mut self.infected[host], true) {
            return false;
        }
        self.infections.push(Infection {
            host: self.hosts[host],
            time_ns,
            by: by.map(|by| self.hosts[by]),
            seen,
        });
        self.places.push(host);
        true
    }
}
