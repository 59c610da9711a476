//! Scenarios of one worm in five carriages.
//!
//! One body, spread as in `outbreak`, in one [`Carriage`] each that evades a detector of
//! single, plain packets.

use super::scanning::{CarriedBody, Scanning};
use super::setup::WormSetup;
use crate::body::Body;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_builder::TunnelKind;
use crate::frame_stream::FrameStream;
use crate::profile::{FIRES, Profile};
use crate::scenario::{Entry, GenerateOptions, Request};

const PORT: u16 = 48_882;

pub(super) const SMALL_SEGMENTS: Entry = Entry {
    profile: Profile::worm(
        "small-segments",
        "over TCP in segments of 40 bytes",
        "windows within one packet: each segment holds one at most",
        FIRES,
    ),
    open: |request| open(request, Carriage::tcp(40)),
};

pub(super) const REORDERED: Entry = Entry {
    profile: Profile::worm(
        "reordered",
        "over TCP in segments of 536 bytes, some swapped, doubled or sent again",
        "stream state that trusts the order of segments",
        FIRES,
    ),
    open: |request| {
        let carriage = Carriage::tcp(536).reordered().duplicated().retransmitted();
        open(request, carriage)
    },
};

pub(super) const FRAGMENTED: Entry = Entry {
    profile: Profile::worm(
        "fragmented",
        "in IP fragments of 128 bytes",
        "looking at IP fragments one by one",
        FIRES,
    ),
    open: |request| open(request, Carriage::udp().fragmented(128)),
};

pub(super) const IPV6: Entry = Entry {
    profile: Profile::worm(
        "ipv6",
        "between IPv6 hosts, each in a /64 of its own",
        "addresses of 32 bits",
        FIRES,
    ),
    open: |request| open(request, Carriage::udp().over_ipv6()),
};

pub(super) const TUNNELLED: Entry = Entry {
    profile: Profile::worm(
        "tunnelled",
        "inside VXLAN under a VLAN tag, all between two tunnel ends",
        "looking at the outermost header: there is one source and one destination",
        FIRES,
    ),
    open: |request| {
        let carriage = Carriage::udp().vlan(7).inside_tunnel(TunnelKind::Vxlan(42));
        open(request, carriage)
    },
};

fn open(request: Request<'_>, carriage: Carriage) -> Result<FrameStream, CorpusError> {
    let options = request.options;
    if options.carriage != Carriage::default() && options.carriage != carriage {
        let expected = format!(
            "{carriage}, which this scenario is about, found {}",
            options.carriage
        );
        return Err(CorpusError::setting("carriage", expected));
    }
    let over_tcp = carriage.tcp_segment.is_some();
    let options = GenerateOptions { carriage, ..options.clone() };
    let request = Request { options: &options, ..request };
    let setup = WormSetup { until: Some(100), ..WormSetup::new(request)? };
    let scanning = Scanning { listening: 0.08, ..Scanning::default() };
    scanning.start(setup, |setup| {
        // Over TCP several segments; a datagram stays below the usual MTU.
        let invariant = if over_tcp { 1_500 } else { 700 };
        let own = Body::wrapped(24, invariant, 32, &mut setup.rng("body"));
        CarriedBody::new(setup, own, PORT)
    })
}
