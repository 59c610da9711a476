//! Pool of the hosts of a hard negative.
//!
//! Hosts inside have addresses of the site; those outside are of the shared address space
//! (RFC 6598), which neither the background nor an epidemic uses.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::address_space::{AddressSpace, Prefix};
use crate::error::CorpusError;
use crate::link::Endpoint;
use crate::rng::Rng;
use crate::scenario::GenerateOptions;

const OUTSIDE: Prefix = Prefix { network: Ipv4Addr::new(100, 64, 0, 0), bits: 10 };

/// The monitored site.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) options: GenerateOptions,
    pub(crate) inside: Prefix,
}

impl Site {
    /// Any address of the site, in use or not.
    pub(crate) fn anywhere_inside(&self, rng: &mut Rng) -> Endpoint {
        self.inside_endpoint(self.inside.address(rng.below(self.inside.size())))
    }

    /// The host of the site at this one of its addresses.
    pub(crate) fn inside_endpoint(&self, own: Ipv4Addr) -> Endpoint {
        let address = self.options.address(own);
        Endpoint { address, port: 0, inside: true, hop_limit: 64 }
    }

    /// Hosts outside are some routers away.
    fn outside_endpoint(&self, own: Ipv4Addr, rng: &mut Rng) -> Endpoint {
        let address = self.options.address(own);
        Endpoint { address, port: 0, inside: false, hop_limit: rng.between(44, 60) as u8 }
    }
}

/// Draws hosts, none of them twice.
#[derive(Debug)]
pub(crate) struct HostPool {
    pub(crate) rng: Rng,
    pub(crate) site: Site,
    taken: BTreeSet<Ipv4Addr>,
    /// The inside hosts drawn so far, servers aside, by their own addresses.
    workstations: Vec<Ipv4Addr>,
}

impl HostPool {
    pub(crate) fn new(options: &GenerateOptions, rng: Rng) -> Result<Self, CorpusError> {
        let inside = options.inside.unwrap_or(AddressSpace::default().inside);
        if inside.contains(OUTSIDE.network) || OUTSIDE.contains(inside.network) {
            let expected = format!("a network apart from {OUTSIDE}, found {inside}");
            return Err(CorpusError::setting("inside", expected));
        }
        let site = Site { options: options.clone(), inside };
        Ok(Self { rng, site, taken: BTreeSet::new(), workstations: Vec::new() })
    }

    pub(crate) fn into_workstations(self) -> Vec<Ipv4Addr> {
        self.workstations
    }

    /// So many hosts of the site. Some of them have background traffic too.
    pub(crate) fn inside(&mut self, count: usize) -> Result<Vec<Endpoint>, CorpusError> {
        let hosts = self.draw(self.site.inside, count)?;
        self.workstations.extend(&hosts);
        Ok(hosts.into_iter().map(|own| self.site.inside_endpoint(own)).collect())
    }

    /// So many servers of the site, which nobody uses as a workstation.
    pub(crate) fn inside_servers(
        &mut self,
        count: usize,
    ) -> Result<Vec<Endpoint>, CorpusError> {
        let hosts = self.draw(self.site.inside, count)?;
        Ok(hosts.into_iter().map(|own| self.site.inside_endpoint(own)).collect())
    }

    /// One server of the site, at an address that every seed gives it.
    pub(crate) fn inside_server(&mut self, index: u64) -> Result<Endpoint, CorpusError> {
        let network = self.site.inside;
        let own = network.address(index);
        if network.size() <= index || !self.taken.insert(own) {
            return Err(too_small(network));
        }
        Ok(self.site.inside_endpoint(own))
    }

    /// So many hosts outside.
    pub(crate) fn outside(&mut self, count: usize) -> Result<Vec<Endpoint>, CorpusError> {
        self.outside_in(OUTSIDE, count)
    }

    /// So many hosts of one random network outside.
    pub(crate) fn neighbours(
        &mut self,
        bits: u8,
        count: usize,
    ) -> Result<Vec<Endpoint>, CorpusError> {
        let network = Prefix::new(OUTSIDE.address(self.rng.below(OUTSIDE.size())), bits);
        self.outside_in(network, count)
    }

    fn outside_in(
        &mut self,
        network: Prefix,
        count: usize,
    ) -> Result<Vec<Endpoint>, CorpusError> {
        let hosts = self.draw(network, count)?;
        let rng = &mut self.rng;
        Ok(hosts.into_iter().map(|own| self.site.outside_endpoint(own, rng)).collect())
    }

    fn draw(
        &mut self,
        network: Prefix,
        count: usize,
    ) -> Result<Vec<Ipv4Addr>, CorpusError> {
        // Half of the addresses stay free, so that drawing comes to an end, and the
        // first sixteen, for servers at fixed addresses.
        let most = network.size().saturating_sub(16) / 2;
        let taken = self.taken.iter().filter(|host| network.contains(**host)).count();
        if (count + taken) as u64 > most {
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
        format!("a network large enough for the hosts of this scenario, found {network}");
    CorpusError::setting("inside", expected)
}
