//! Options of a scenario, and its entry in the list of its group.
//!
//! An entry is a profile and a function that starts the scenario; the registry joins the
//! lists.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::address_map::AddressMap;
use crate::address_space::{Prefix, as_ipv6};
use crate::body::Body;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::Profile;
use crate::rng::Rng;
use crate::time::LAST_START_NS;

/// When captures start by default: 2024-03-01T00:00:00Z.
pub const DEFAULT_START_NS: u64 = 1_709_251_200_000_000_000;

/// What a caller may change. `None` leaves the scenario's own default.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Time of the start, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// How long to go on.
    pub duration: Option<Duration>,
    /// After how many packets to stop.
    pub packets: Option<u64>,
    /// Stop ten seconds after so many hosts are infected.
    pub until_infected: Option<u32>,
    /// Inside hosts with background traffic; 0 for none.
    pub background_hosts: Option<u32>,
    /// Mean conversations a second that each of them starts.
    pub background_rate: Option<f64>,
    /// Whether the scenario's own traffic is made; without it only the background is left.
    pub worm: bool,
    /// Hosts that can be infected, both sides of the tap together.
    pub vulnerable_hosts: Option<u32>,
    /// Mean scans a second of an infected host.
    pub scan_rate: Option<f64>,
    /// The network behind the tap.
    pub inside: Option<Prefix>,
    /// What spreads, in place of the scenario's own body.
    pub body: Option<Body>,
    /// How the body is carried.
    pub carriage: Carriage,
    /// Whether the truth lists the packets that carry a content. It takes up to
    /// 16 bytes of memory for each.
    pub list_carriers: bool,
    /// Whether the tap sees all that the scenario's hosts send each other, and not only what
    /// goes from one side to the other. Background traffic has no hosts on one side that
    /// talk to each other.
    pub sees_all: bool,
    /// Addresses of a given capture in place of the scenario's own. Background traffic
    /// keeps its addresses.
    pub addresses: Option<Arc<AddressMap>>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            start_ns: DEFAULT_START_NS,
            duration: None,
            packets: None,
            until_infected: None,
            background_hosts: None,
            background_rate: None,
            worm: true,
            vulnerable_hosts: None,
            scan_rate: None,
            inside: None,
            body: None,
            carriage: Carriage::default(),
            list_carriers: true,
            sees_all: false,
            addresses: None,
        }
    }
}

impl GenerateOptions {
    /// Whether a time or a number of packets ends the capture.
    pub(crate) fn has_end(&self) -> bool {
        self.duration.is_some() || self.packets.is_some()
    }

    /// Refuses a start after which nothing happens.
    pub(crate) fn check_start(&self) -> Result<(), CorpusError> {
        if self.start_ns > LAST_START_NS {
            return Err(CorpusError::setting("start_ns", "a time before 2116"));
        }
        Ok(())
    }

    /// The address in frames and in the truth for one of the scenario's own.
    pub(crate) fn address(&self, own: Ipv4Addr) -> IpAddr {
        match &self.addresses {
            Some(map) => map.address(own, self.carriage.ipv6),
            None if self.carriage.ipv6 => as_ipv6(own),
            None => own.into(),
        }
    }
}

/// A scenario to be started: which, under which seed, with which options.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) options: &'a GenerateOptions,
}

impl Request<'_> {
    /// A stream of random numbers for one part of the scenario.
    pub(crate) fn rng(&self, part: &str) -> Rng {
        Rng::new(self.seed, &format!("{} {part}", self.name))
    }
}

/// A scenario in the list of its group.
pub(crate) struct Entry {
    pub(crate) profile: Profile,
    pub(crate) open: fn(Request<'_>) -> Result<FrameStream, CorpusError>,
}

impl Entry {
    pub(crate) fn start(&self, request: Request<'_>) -> Result<FrameStream, CorpusError> {
        (self.open)(request)
    }
}
