//! Scenario `busy-site`: all kinds of infrastructure at once, and one worm.
//!
//! Each kind has fewer hosts than alone. After three minutes a worm begins to spread among
//! twenty other hosts of the site: it alone is to be found.

use super::setup::{Part, start_together};
use super::{
    broadcasts, dns_forwarders, gossip, load_balancers, nat_both_sides, node_discovery,
    radius_proxies, replication, service_mesh, site_worm, syslog_relays, update_peers,
};
use crate::profile::{Expectation, IncidentExpectation, Profile, Verdict};
use crate::scenario::Entry;

const PARTS: [&Part; 12] = [
    &load_balancers::PART,
    &syslog_relays::PART,
    &dns_forwarders::PART,
    &radius_proxies::PART,
    &service_mesh::PART,
    &gossip::PART,
    &node_discovery::PART,
    &replication::PART,
    &update_peers::PART,
    &nat_both_sides::PART,
    &broadcasts::PART,
    &site_worm::PART,
];

/// What is to be made of each part.
const INCIDENTS: [IncidentExpectation; PARTS.len()] = {
    let mut incidents = [site_worm::PART.incident; PARTS.len()];
    let mut part = 0;
    while part < PARTS.len() {
        incidents[part] = PARTS[part].incident;
        part += 1;
    }
    incidents
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::worm(
        "busy-site",
        "eleven kinds of forwarders and peers at one site, and a worm that infects 20 hosts",
        "telling what spreads by itself from what is passed on",
        &[Expectation::by_default(
            Verdict::Silent("20 hosts send the worm, fewer than the thirty asked for"),
            Verdict::Fires,
        )],
    )
    .in_trust(&INCIDENTS),
    open: |request| start_together(request, &PARTS),
};
