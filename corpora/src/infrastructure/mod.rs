//! Infrastructure: hosts that forward or repeat content, and therefore look like a worm.
//!
//! Balancers, relays, proxies and peers send on what they receive, as infected hosts do.
//! Each scenario is one of them alone over a little background traffic, seen at a mirror
//! port, where also what stays inside the site is seen. For two minutes its parties talk
//! of other things; then something repeats. `busy-site` has all of them, and a worm.
//!
//! Nothing is planted but that worm. The ground truth says what a detector should make of
//! each, and which hosts pass something on.

mod broadcasts;
mod busy_site;
mod connections;
mod dns_forwarders;
mod gossip;
mod load_balancers;
mod nat_both_sides;
mod node_discovery;
mod radius_proxies;
mod replication;
mod service_mesh;
mod setup;
mod site_worm;
mod syslog_relays;
mod update_peers;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    load_balancers::ENTRY,
    syslog_relays::ENTRY,
    dns_forwarders::ENTRY,
    radius_proxies::ENTRY,
    service_mesh::ENTRY,
    gossip::ENTRY,
    node_discovery::ENTRY,
    replication::ENTRY,
    update_peers::ENTRY,
    nat_both_sides::ENTRY,
    broadcasts::ENTRY,
    busy_site::ENTRY,
];
