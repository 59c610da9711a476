//! Scenario `outbreak`: a random-scanning worm on a two-way tap.
//!
//! One host outside is infected and scans addresses at random, inside and outside; what it
//! infects does the same ([`crate::epidemic`]). The body is 376 inert bytes: 320 that every
//! copy shares, in 56 that are random in every packet. It goes to one port, in whatever
//! [`Carriage`] is asked for.

use super::scanning::{CarriedBody, Scanning};
use super::setup::WormSetup;
use crate::address_space::AddressSpace;
use crate::body::Body;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_stream::{FrameStream, Trace};
use crate::profile::{FIRES, Profile};
use crate::scenario::{Entry, GenerateOptions, Request};

pub(crate) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "outbreak",
        "a random-scanning worm spreads to and from a site, by one 376-byte UDP packet",
        "counting repetition without dispersion; hashes of whole packets",
        FIRES,
    ),
    open,
};

/// The attacked port, which no common service uses.
pub(crate) const PORT: u16 = 48_879;

/// 600 vulnerable hosts, a sixth of them inside, each scanning four addresses a second of
/// 10.20.0.0/16 with a /20 behind the tap: the number of infected doubles in some 20 s.
fn open(request: Request<'_>) -> Result<FrameStream, CorpusError> {
    request.options.check_start()?;
    let default = AddressSpace::default();
    let inside = request.options.inside.unwrap_or(default.inside);
    let space = AddressSpace { inside, ..default };
    let setup = WormSetup::of(request, space);
    let scanning = Scanning {
        vulnerable: 600,
        inside_share: 1.0 / 6.0,
        rate: 4.0,
        stream: "carriage",
        parameters: &[
            "scan_rate",
            "latency_seconds",
            "vulnerable_inside",
            "vulnerable_outside",
        ],
        ..Scanning::default()
    };
    scanning.start(setup, |setup| {
        let own = Body::wrapped(24, 320, 32, &mut setup.rng("body"));
        CarriedBody::new(setup, own, PORT)
    })
}

/// The scenario `outbreak` under a seed, to be set up and run.
#[derive(Clone, Debug)]
pub struct Outbreak {
    seed: u64,
    options: GenerateOptions,
}

impl Outbreak {
    /// With default options. Twenty inside hosts have background traffic; it ends ten
    /// seconds after the 120th infection.
    pub fn new(seed: u64) -> Self {
        Self { seed, options: GenerateOptions::default() }
    }

    /// Replaces all options.
    #[must_use]
    pub fn options(self, options: GenerateOptions) -> Self {
        Self { options, ..self }
    }

    /// How the body is carried.
    #[must_use]
    pub fn carriage(mut self, carriage: Carriage) -> Self {
        self.options.carriage = carriage;
        self
    }

    /// Ends ten seconds after this many hosts are infected.
    #[must_use]
    pub fn infected(mut self, hosts: u32) -> Self {
        self.options.until_infected = Some(hosts);
        self
    }

    /// Ends after so many packets.
    #[must_use]
    pub fn packets(mut self, packets: u64) -> Self {
        self.options.packets = Some(packets);
        self
    }

    /// How many inside hosts have background traffic; 0 for none at all.
    #[must_use]
    pub fn background_hosts(mut self, hosts: u32) -> Self {
        self.options.background_hosts = Some(hosts);
        self
    }

    /// How many hosts can be infected.
    #[must_use]
    pub fn vulnerable_hosts(mut self, hosts: u32) -> Self {
        self.options.vulnerable_hosts = Some(hosts);
        self
    }

    /// Mean scans a second of an infected host.
    #[must_use]
    pub fn scan_rate(mut self, scans: f64) -> Self {
        self.options.scan_rate = Some(scans);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn stream(&self) -> Result<FrameStream, CorpusError> {
        let Self { seed, options } = self;
        open(Request { name: ENTRY.profile.name, seed: *seed, options })
    }

    /// The whole capture in memory.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn trace(&self) -> Result<Trace, CorpusError> {
        Ok(self.stream()?.into_trace())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn quiet(seed: u64) -> Outbreak {
        Outbreak::new(seed).background_hosts(0)
    }

    #[test]
    fn it_ends_when_enough_hosts_are_infected() {
        let trace = Outbreak::new(3).infected(40).trace().unwrap();
        let truth = &trace.truth;
        assert!(truth.infections.len() >= 40);
        let fortieth = truth.infections[39].time_ns;
        assert!(truth.last_packet_ns > fortieth);
        assert!(truth.last_packet_ns <= fortieth + 10_000_000_000);
        assert_eq!(trace.frames.len() as u64, truth.packets);
    }

    #[test]
    fn every_udp_packet_is_named_as_a_carrier_and_is_one() {
        let trace = quiet(4).infected(30).trace().unwrap();
        let content = &trace.truth.contents[0];
        let invariant = &content.invariant_pieces()[0];
        assert_eq!(invariant.len(), 320);
        assert_eq!(content.carriers.count, trace.truth.packets);
        for (index, (_, frame)) in trace.frames.iter().enumerate() {
            assert!(content.carriers.contains(index as u64 + 1));
            assert_eq!(frame.len(), 14 + 20 + 8 + 376);
            assert_eq!(frame[42 + 24..42 + 344], invariant[..]);
        }
    }

    #[test]
    fn an_infecting_packet_goes_from_the_one_to_the_other() {
        let trace = quiet(5).infected(60).trace().unwrap();
        let seen = trace.truth.infections.iter().filter(|one| one.packet.is_some());
        assert!(seen.clone().count() > 10);
        for infection in seen {
            let number = infection.packet.unwrap();
            let (time_ns, frame) = &trace.frames[number as usize - 1];
            assert_eq!(*time_ns, infection.time_ns);
            let address = |at: usize| {
                IpAddr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap())
            };
            assert_eq!(Some(address(26)), infection.by);
            assert_eq!(address(30), infection.host);
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(quiet(1).infected(601).stream().is_err());
        assert!(quiet(1).scan_rate(-1.0).stream().is_err());
        let body = Some(Body::new(Vec::new()));
        let empty = GenerateOptions { body, ..GenerateOptions::default() };
        assert!(quiet(1).options(empty).stream().is_err());
    }
}
