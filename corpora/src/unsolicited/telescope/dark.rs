//! The dark network: its addresses, and which share of the Internet they are.

use crate::benign::host_pool::Site;
use crate::link::Endpoint;
use crate::rng::Rng;
use crate::traffic::{DarkEvent, Parameters, PlantedDark};

/// Addresses of IPv4.
const ALL: f64 = (1u64 << 32) as f64;

#[derive(Clone, Debug)]
pub(super) struct Dark {
    site: Site,
}

impl Dark {
    pub(super) fn new(site: Site) -> Self {
        Self { site }
    }

    /// How many addresses it has.
    pub(super) fn addresses(&self) -> u64 {
        self.site.inside.size()
    }

    /// How many leading bits of an address are fixed.
    pub(super) fn bits(&self) -> u8 {
        self.site.inside.bits
    }

    /// What it sees of so many packets a second to random addresses.
    pub(super) fn seen(&self, rate: f64) -> f64 {
        rate * self.addresses() as f64 / ALL
    }

    /// The rate in all of IPv4 of which it sees so many packets a second.
    pub(super) fn unseen(&self, seen: f64) -> f64 {
        seen * ALL / self.addresses() as f64
    }

    /// Its address at this place, at no port.
    pub(super) fn address(&self, place: u64) -> Endpoint {
        self.site.inside_endpoint(self.site.inside.address(place))
    }

    /// Any of its addresses, at a random port, as forged sources are.
    pub(super) fn forged(&self, rng: &mut Rng) -> Endpoint {
        let address = self.site.anywhere_inside(rng);
        address.at(rng.between(1_024, 65_535) as u16)
    }

    /// What the truth knows of it, with these events.
    pub(super) fn planted(&self, events: Vec<DarkEvent>) -> PlantedDark {
        let is_own = self.site.options.addresses.is_none();
        PlantedDark {
            network: is_own.then(|| self.site.inside.to_string()),
            addresses: self.addresses(),
            events,
        }
    }

    /// Settings for the ground truth.
    pub(super) fn parameters(&self) -> Parameters {
        vec![("inside", self.site.inside.to_string().into())]
    }
}
