//! What a scenario is: a profile, a function that opens it, and options.
//!
//! A new scenario is a file with a function like [`crate::outbreak::open`] and an entry
//! in the list of its group, which the [registry](crate::registry) joins.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::address_book::AddressBook;
use crate::address_space::{Prefix, as_ipv6};
use crate::body::Body;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::Profile;

/// When captures start unless told otherwise: 2024-03-01T00:00:00Z.
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
    /// Inside hosts with ordinary traffic; 0 for no background.
    pub background_hosts: Option<u32>,
    /// Mean conversations a second that each of them starts.
    pub background_rate: Option<f64>,
    /// Whether the story is told at all; without it only the background is left.
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
    /// The addresses that stand for the story's own, in a capture that it is laid
    /// into. Ordinary traffic made beside the story does not know it.
    pub addresses: Option<Arc<AddressBook>>,
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
            addresses: None,
        }
    }
}

impl GenerateOptions {
    /// The address that stands on the wire, and in the truth, for one of the
    /// scenario's own.
    pub fn address(&self, own: Ipv4Addr) -> IpAddr {
        match &self.addresses {
            Some(book) => book.address(own, self.carriage.ipv6),
            None if self.carriage.ipv6 => as_ipv6(own),
            None => own.into(),
        }
    }
}

/// A scenario in the list of its group.
pub(crate) struct Entry {
    pub(crate) profile: Profile,
    pub(crate) open: fn(u64, &GenerateOptions) -> Result<FrameStream, CorpusError>,
}
