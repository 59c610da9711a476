//! The hosts of a hard negative.
//!
//! Hosts inside have addresses of the site; those outside are of the shared
//! address space (RFC 6598), which neither the background nor an epidemic uses.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::address_space::{AddressSpace, Prefix};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::rng::Rng;
use crate::scenario::GenerateOptions;

const OUTSIDE: Prefix = Prefix { network: Ipv4Addr::new(100, 64, 0, 0), bits: 10 };

/// Where hosts can be, and how their addresses stand on the wire.
#[derive(Clone, Debug)]
pub(super) struct Places {
    options: GenerateOptions,
    inside: Prefix,
}

impl Places {
    /// Any address of the site, in use or not.
    pub(super) fn anywhere_inside(&self, rng: &mut Rng) -> End {
        self.inside_end(self.inside.address(rng.below(self.inside.size())))
    }

    fn inside_end(&self, own: Ipv4Addr) -> End {
        let address = self.options.address(own);
        End { address, port: 0, inside: true, hop_limit: 64 }
    }

    /// Hosts outside are some routers away.
    fn outside_end(&self, own: Ipv4Addr, rng: &mut Rng) -> End {
        let address = self.options.address(own);
        End { address, port: 0, inside: false, hop_limit: rng.between(44, 60) as u8 }
    }
}

/// Draws hosts, none of them twice.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) rng: Rng,
    pub(super) places: Places,
    taken: BTreeSet<Ipv4Addr>,
    /// Those of the site at which somebody may sit.
    desks: Vec<Ipv4Addr>,
}

impl Cast {
    pub(super) fn new(options: &GenerateOptions, rng: Rng) -> Result<Self, CorpusError> {
        let inside = options.inside.unwrap_or(AddressSpace::default().inside);
        if inside.contains(OUTSIDE.network) || OUTSIDE.contains(inside.network) {
            let expected = format!("a network apart from {OUTSIDE}, found {inside}");
            return Err(CorpusError::setting("inside", expected));
        }
        let places = Places { options: options.clone(), inside };
        Ok(Self { rng, places, taken: BTreeSet::new(), desks: Vec::new() })
    }

    pub(super) fn inside_network(&self) -> Prefix {
        self.places.inside
    }

    /// The inside hosts drawn so far, servers aside, by their own addresses.
    pub(super) fn desks(&self) -> Vec<Ipv4Addr> {
        self.desks.clone()
    }

    /// Scans a second, where the caller asked for a rate.
    pub(super) fn scan_rate(&self, default: f64) -> Result<f64, CorpusError> {
        let rate = self.places.options.scan_rate.unwrap_or(default);
        if rate.is_finite() && rate > 0.0 {
            return Ok(rate);
        }
        let expected = format!("a number above 0, found {rate}");
        Err(CorpusError::setting("scan_rate", expected))
    }

    /// So many hosts of the site. Some of them have ordinary traffic too.
    pub(super) fn inside(&mut self, count: usize) -> Result<Vec<End>, CorpusError> {
        let first = self.desks.len();
        let network = self.places.inside;
        let hosts = self.draw(network, count)?;
        self.desks.extend(hosts);
        Ok(self.desks[first..].iter().map(|own| self.places.inside_end(*own)).collect())
    }

    /// So many servers of the site, at which nobody sits.
    pub(super) fn inside_servers(
        &mut self,
        count: usize,
    ) -> Result<Vec<End>, CorpusError> {
        let network = self.places.inside;
        let hosts = self.draw(network, count)?;
        Ok(hosts.into_iter().map(|own| self.places.inside_end(own)).collect())
    }

    /// One server of the site, at a place of its own that every seed gives it.
    pub(super) fn inside_server(&mut self, index: u64) -> Result<End, CorpusError> {
        let network = self.places.inside;
        let own = network.address(index);
        if network.size() <= index || !self.taken.insert(own) {
            return Err(too_small(network));
        }
        Ok(self.places.inside_end(own))
    }

    /// So many hosts outside.
    pub(super) fn outside(&mut self, count: usize) -> Result<Vec<End>, CorpusError> {
        self.outside_in(OUTSIDE, count)
    }

    /// So many hosts of one random network outside.
    pub(super) fn neighbours(
        &mut self,
        bits: u8,
        count: usize,
    ) -> Result<Vec<End>, CorpusError> {
        let network = Prefix::new(OUTSIDE.address(self.rng.below(OUTSIDE.size())), bits);
        self.outside_in(network, count)
    }

    fn outside_in(
        &mut self,
        network: Prefix,
        count: usize,
    ) -> Result<Vec<End>, CorpusError> {
        let hosts = self.draw(network, count)?;
        Ok(hosts
            .into_iter()
            .map(|own| self.places.outside_end(own, &mut self.rng))
            .collect())
    }

    fn draw(
        &mut self,
        network: Prefix,
        count: usize,
    ) -> Result<Vec<Ipv4Addr>, CorpusError> {
        // Half of the addresses stay free, so that drawing comes to an end, and the
        // first sixteen, for servers with a place of their own.
        let room = network.size().saturating_sub(16) / 2;
        let taken = self.taken.iter().filter(|host| network.contains(**host)).count();
        if (count + taken) as u64 > room {
            return Err(too_small(network));
        }
        let mut hosts = Vec::with_capacity(count);
        while hosts.len() < count {
            let own = network.address(self.rng.between(16, network.size() - 2));
            if self.taken.insert(own) {
                hosts.push(own);
            }
        }
        Ok(hosts)
    }
}

fn too_small(network: Prefix) -> CorpusError {
    let expected =
        format!("a network with room for the hosts of this scenario, found {network}");
    CorpusError::setting("inside", expected)
}

/// The host at a fresh client port.
pub(super) fn client(end: &End, rng: &mut Rng) -> End {
    End { port: rng.between(32_768, 60_999) as u16, ..*end }
}

/// The host at this port.
pub(super) fn at_port(end: &End, port: u16) -> End {
    End { port, ..*end }
}

/// One of a list that is never empty.
pub(super) fn any<T: Clone>(list: &[T], rng: &mut Rng) -> T {
    list[rng.index(list.len())].clone()
}
