//! Hard negatives: traffic that looks like a worm and is none.
//!
//! Content repeats on every network, and much of it goes from many hosts to
//! many. Each scenario here is one such case alone, over a little ordinary
//! traffic. Nothing is planted and nobody is infected, so that whatever a
//! detector reports is false. Beside each stands what either alarm should do by
//! its nature: stay silent and why, or, where the content truly goes from many
//! to many or is truly passed on, what decides.

mod backscatter;
mod bulk_mail;
mod cast;
mod cdn_certificates;
mod flash_crowd;
mod forged_sources;
mod loud_scanner;
mod mailing_list;
mod ping_monitoring;
mod protocol_headers;
mod reflection;
mod sip_proxy;
mod smtp;
mod software_update;
mod story;
mod swarm;
mod text;
mod tls;
mod wire;
mod zero_padding;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    flash_crowd::ENTRY,
    cdn_certificates::ENTRY,
    swarm::FIXED_PORT,
    swarm::RANDOM_PORTS,
    mailing_list::ENTRY,
    bulk_mail::ENTRY,
    software_update::ENTRY,
    sip_proxy::ENTRY,
    protocol_headers::ENTRY,
    reflection::ENTRY,
    backscatter::ENTRY,
    loud_scanner::ENTRY,
    ping_monitoring::ENTRY,
    zero_padding::ENTRY,
    forged_sources::OVER_TCP,
    forged_sources::OVER_UDP,
];
