//! Scenario `radius-proxies`: two proxies pass requests for access on to home servers.
//!
//! Access points ask a proxy whether a user may enter; the proxy adds its own state to the
//! request and sends it to the server of the user's realm. The messages have the form of
//! RADIUS (RFC 2865). At first each is personal; then new software of the access points
//! adds a description of itself, which is the same in all of them.

use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::text::{token, word};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 1_812;
/// Kinds of messages.
const REQUEST: u8 = 1;
const ACCEPT: u8 = 2;
/// Kinds of attributes.
const USER: u8 = 1;
const PASSWORD: u8 = 2;
const STATION: u8 = 31;
const ACCESS_POINT: u8 = 32;
const PROXY_STATE: u8 = 33;
const VENDOR: u8 = 26;
const CLASS: u8 = 25;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "radius-proxies",
        kind: IncidentKind::ForwardingService,
        grade: IncidentGrade::NeverHigh,
        reason: "two hosts send on requests, each to one server that they knew before",
    },
    open: |cast| cast.start(Proxies::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "two proxies pass requests of 40 access points on to the servers of five realms",
        "propagation alone: a proxy sends on what it received, to several hosts in time",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Proxies {
    /// With their names.
    points: Vec<(Endpoint, String)>,
    proxies: Vec<Endpoint>,
    /// The realms with their servers.
    realms: Vec<(Endpoint, String)>,
    /// What new software says of itself.
    description: Vec<u8>,
    repeats_ns: u64,
    rate: f64,
}

impl Proxies {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let proxies = cast.pool.inside_servers(2)?;
        let mut homes = cast.pool.inside_servers(2)?;
        homes.extend(cast.pool.outside(3)?);
        let points = cast.pool.inside_servers(cast.size(40, 16))?;
        let rng = &mut cast.pool.rng;
        let mut named = |ends: Vec<Endpoint>| -> Vec<(Endpoint, String)> {
            ends.into_iter().map(|end| (end, word(rng))).collect()
        };
        let (points, realms) = (named(points), named(homes));
        let description = rng.bytes(220);
        let parameters = vec![
            ("proxies", proxies.len().into()),
            ("servers", realms.len().into()),
            ("access_points", points.len().into()),
        ];
        let facts = cast.facts(&proxies, PORT, parameters);
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(2.5));
        Ok((Self { points, proxies, realms, description, repeats_ns, rate }, facts))
    }

    fn request(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (point, name) = rng.one_of(&self.points);
        let (home, realm) = rng.one_of(&self.realms);
        let (home, realm) = (home.at(PORT), realm.as_str());
        let proxy = *rng.one_of(&self.proxies);
        let user = format!("{}@{realm}.example", token(8, rng));
        let mut attributes = attribute(USER, user.as_bytes());
        attributes.extend(attribute(PASSWORD, &rng.bytes(16)));
        attributes.extend(attribute(STATION, token(12, rng).as_bytes()));
        attributes.extend(attribute(ACCESS_POINT, name.as_bytes()));
        let length = rng.between(60, 220) as usize;
        let own = if time_ns < self.repeats_ns {
            rng.bytes(length)
        } else {
            self.description.clone()
        };
        attributes.extend(attribute(VENDOR, &own));
        let state = attribute(PROXY_STATE, &rng.bytes(8));
        let class = attribute(CLASS, &rng.bytes(24));
        let asked = [point.client(rng), proxy.at(PORT)];
        let passed = [proxy.client(rng), home];
        let passed_on = [&attributes[..], &state].concat();
        let mut time_ns = time_ns;
        for (kind, [from, to], attributes) in [
            (REQUEST, asked, &attributes[..]),
            (REQUEST, passed, &passed_on),
            (ACCEPT, [passed[1], passed[0]], &[&class[..], &state].concat()),
            (ACCEPT, [asked[1], asked[0]], &class),
        ] {
            let message = message(kind, attributes, rng);
            link.udp(time_ns, (&from, &to), &message);
            let most = if to.inside { 4 } else { 40 };
            time_ns += rng.between(MILLISECOND, most * MILLISECOND);
        }
    }
}

/// Kind, length, value.
fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, value.len() as u8 + 2], value].concat()
}

/// Kind, identifier, length, 16 random bytes, attributes.
fn message(kind: u8, attributes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let length = (20 + attributes.len()) as u16;
    let mut bytes = vec![kind, rng.next_u64() as u8];
    bytes.extend_from_slice(&length.to_be_bytes());
    rng.append(16, &mut bytes);
    bytes.extend_from_slice(attributes);
    bytes
}

impl Process for Proxies {
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.at(start_ns + SECOND, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        self.request(time_ns, &mut schedule.link, &mut schedule.rng);
        schedule.after(time_ns, self.rate, ());
    }
}
