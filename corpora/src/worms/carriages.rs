//! The same worm, carried in other ways.
//!
//! One body, spread as in `outbreak`, in one [`Carriage`] each that passes by a
//! sifter of single, plain packets.

use super::scanning::{Carried, Scanning};
use super::story::Story;
use crate::body::Body;
use crate::carriage::Carriage;
use crate::error::CorpusError;
use crate::frame_builder::TunnelKind;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::scenario::{Entry, GenerateOptions};

const PORT: u16 = 48_882;

const BASE: Profile = Profile {
    name: "",
    summary: "",
    defeats: "",
    kind: Kind::Worm,
    two_way: true,
    same_port: true,
    standard: true,
    expectations: &[Expectation::by_default(Verdict::Fires, Verdict::Fires)],
};

pub(super) const SMALL_SEGMENTS: Entry = Entry {
    profile: Profile {
        name: "small-segments",
        summary: "over TCP in segments of 40 bytes",
        defeats: "windows within one packet: each segment holds one at most",
        ..BASE
    },
    open: |seed, options| {
        open(SMALL_SEGMENTS.profile.name, seed, options, Carriage::tcp(40))
    },
};

pub(super) const REORDERED: Entry = Entry {
    profile: Profile {
        name: "reordered",
        summary: "over TCP in segments of 536 bytes, some swapped, doubled or sent again",
        defeats: "stream state that trusts the order of segments",
        ..BASE
    },
    open: |seed, options| {
        let carriage = Carriage::tcp(536).reordered().duplicated().retransmitted();
        open(REORDERED.profile.name, seed, options, carriage)
    },
};

pub(super) const FRAGMENTED: Entry = Entry {
    profile: Profile {
        name: "fragmented",
        summary: "in IP fragments of 128 bytes",
        defeats: "looking at IP fragments one by one",
        ..BASE
    },
    open: |seed, options| {
        open(FRAGMENTED.profile.name, seed, options, Carriage::udp().fragmented(128))
    },
};

pub(super) const IPV6: Entry = Entry {
    profile: Profile {
        name: "ipv6",
        summary: "between IPv6 hosts, each in a /64 of its own",
        defeats: "addresses of 32 bits",
        ..BASE
    },
    open: |seed, options| {
        open(IPV6.profile.name, seed, options, Carriage::udp().over_ipv6())
    },
};

pub(super) const TUNNELLED: Entry = Entry {
    profile: Profile {
        name: "tunnelled",
        summary: "inside VXLAN under a VLAN tag, all between two tunnel ends",
        defeats: "looking at the outermost header: there is one source and one destination",
        ..BASE
    },
    open: |seed, options| {
        let carriage = Carriage::udp().vlan(7).inside_tunnel(TunnelKind::Vxlan(42));
        open(TUNNELLED.profile.name, seed, options, carriage)
    },
};

fn open(
    name: &'static str,
    seed: u64,
    options: &GenerateOptions,
    carriage: Carriage,
) -> Result<FrameStream, CorpusError> {
    if options.carriage != Carriage::default() && options.carriage != carriage {
        let expected =
            format!("{carriage}, which is its story, found {}", options.carriage);
        return Err(CorpusError::setting("carriage", expected));
    }
    let over_tcp = carriage.tcp_segment.is_some();
    let options = GenerateOptions { carriage, ..options.clone() };
    let story = Story { until: 100, ..Story::new(name, seed, &options)? };
    let scanning = Scanning { listening: 0.08, ..Scanning::default() };
    scanning.stream(story, |story| {
        // Over TCP several segments; a datagram stays below the usual MTU.
        let invariant = if over_tcp { 1_500 } else { 700 };
        let own = Body::wrapped(24, invariant, 32, &mut story.rng("body"));
        Carried::new(story, own, PORT)
    })
}
